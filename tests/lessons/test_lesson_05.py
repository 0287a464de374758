"""Lesson 5: principal components against scikit-learn, the autoencoder, its pictures and its explorer."""

import keras
import numpy as np
import pytest
from matplotlib.colors import to_hex
from sklearn.decomposition import PCA

from tests.drawing import (
    DIGITS,
    LABELS,
    MEANS,
    ExplorerContract,
    decode_halves,
    digits_of,
    dots,
    heights,
    line,
    on_axis,
    presentable,
    texts,
    words_when_redrawn,
)
from utils.lesson_05 import explorers, pictures, study
from utils.lesson_05.study import build_autoencoder, pca_reconstruct

RNG = np.random.default_rng(5)
IMAGES = RNG.normal(size=(60, 9)) @ RNG.normal(size=(9, 9)) + RNG.normal(size=9)
MEAN = IMAGES.mean(axis=0)
COMPONENTS = np.linalg.svd(IMAGES - MEAN)[2]
CODES, BOX = 9 * MEANS + (5, -3), (-20, 30, -22, 18)


@pytest.mark.parametrize("k", [0, 1, 4, 9])
def test_reconstruction_is_that_of_scikit_learn(k):
    pca, new = PCA(svd_solver="full").fit(IMAGES), RNG.normal(size=(5, 9))
    theirs = pca.inverse_transform(np.where(np.arange(9) < k, pca.transform(new), 0))
    np.testing.assert_allclose(pca_reconstruct(new, MEAN, COMPONENTS, k), theirs, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize(("arguments", "match"), [
    ((IMAGES.reshape(60, 3, 3), MEAN, COMPONENTS, 2), r"wants images \(batch, pixels\).*\(60, 3, 3\).*Flatten"),
    ((IMAGES[0], MEAN, COMPONENTS, 2), r"but got \(9,\)"),
    ((IMAGES, MEAN[:1], COMPONENTS, 2), r"\(1,\)"),
    ((IMAGES, MEAN, COMPONENTS[:, :8], 2), r"\(9, 8\)"),
    ((IMAGES, MEAN, COMPONENTS[:4], 5), "k from 0 to the number of components, 4, but got 5"),
    ((IMAGES, MEAN, COMPONENTS, -1), "but got -1"),
])
def test_reconstruction_refuses_what_does_not_fit(arguments, match):
    with pytest.raises(ValueError, match=match):
        pca_reconstruct(*arguments)


def test_autoencoder_squeezes_images_into_codes_of_any_sign_and_brings_them_back_as_pixels():
    keras.utils.set_random_seed(3)
    encoder, decoder, autoencoder = build_autoencoder(3, (8, 5))
    codes, pixels = np.asarray(encoder(8 * DIGITS)), np.asarray(decoder(50 * RNG.normal(size=(40, 3))))
    assert codes.shape == (24, 3) and codes.min() < -0.3 and codes.max() > 0.3  # SiLUs end at -0.28
    assert pixels.shape == (40, 784) and 0 <= pixels.min() < 0.2 and 0.8 < pixels.max() <= 1
    assert [layer.units for network in (encoder, decoder) for layer in network.layers[1:]] == [8, 5, 3, 5, 8, 784]
    np.testing.assert_allclose(autoencoder(DIGITS), decoder(encoder(DIGITS)), rtol=1e-6)


def test_training_the_autoencoder_trains_the_encoder_and_the_decoder():
    *halves, autoencoder = build_autoencoder(2, (4,))
    before = [half.get_weights() for half in halves]
    autoencoder.compile("sgd", "mse", run_eagerly=True)
    autoencoder.fit(DIGITS, DIGITS, verbose=0)
    for half, weights in zip(halves, before, strict=True):
        assert not any(map(np.array_equal, half.get_weights(), weights))


def test_every_signed_image_has_white_for_0_and_a_scale_of_its_own():
    ramp = np.linspace(-1, 2, 784)
    axis, = presentable(pictures.signed_images([ramp, -100 * ramp, 0 * ramp], columns=2, row_labels=["a", "b"]))
    expected = np.stack([0.5 + ramp / 4, 0.5 - ramp / 4, np.full(784, 0.5)])
    np.testing.assert_allclose(digits_of(axis), expected, atol=1e-6)
    assert [*map(to_hex, axis.images[0].to_rgba([[0, 1]])[0])] == ["#2d004b", "#7f3b08"]  # violet, orange
    assert [tick.get_text() for tick in axis.get_yticklabels()] == ["a", "b"]


def test_signed_images_refuse_weights_that_lie_the_other_way():
    with pytest.raises(ValueError, match=r"shape \(n, 784\), but got \(784, 16\).*transpose"):
        pictures.signed_images(np.ones((784, 16)))


def test_curves_over_code_size_stand_over_their_sizes():
    pca = np.arange(1, 65), 60 / np.arange(2, 66)
    axis, = presentable(pictures.over_code_size({"PCA": pca, "deep": ([2, 8, 32], [20, 9, 14])}, "error", {"mean": 52}))
    np.testing.assert_array_equal(line(axis, "PCA").T, pca)
    assert line(axis, "deep").tolist() == [[2, 20], [8, 9], [32, 14]]
    assert list(axis.lines[2].get_ydata()) == [52, 52] and texts(axis) == ["mean"]
    assert axis.get_xscale() == "log" and axis.get_ylim()[0] == 0 and axis.get_xticks().tolist() == [*2**np.arange(7)]


def test_principal_angles_are_drawn_from_the_smallest_to_the_largest():
    axis, = presentable(pictures.principal_angles({"random": [80, 90, 85], "network": [0.2, 0, 0.1]}))
    assert line(axis, "random").tolist() == [[1, 80], [2, 85], [3, 90]]
    assert line(axis, "network").tolist() == [[1, 0.001], [2, 0.1], [3, 0.2]] and axis.get_yscale() == "log"


def test_codes_are_drawn_in_their_box_in_the_colours_of_their_digits():
    axis = on_axis(pictures.draw_codes, CODES, LABELS, BOX)
    np.testing.assert_array_equal(dots(axis, 3), CODES[LABELS == 3])
    assert (*axis.get_xlim(), *axis.get_ylim()) == BOX and (axis.get_xlabel(), axis.get_ylabel()) == (
        "code c₁", "code c₂")


def test_code_plane_shows_codes_beside_what_the_decoder_makes_of_the_same_box():
    plane, decoded = presentable(pictures.code_plane(CODES, LABELS, DIGITS[:16], BOX))
    np.testing.assert_array_equal(dots(plane, 7), CODES[LABELS == 7])
    np.testing.assert_allclose(digits_of(decoded), DIGITS[:16], atol=0.04)  # sixteen shades
    assert tuple(decoded.images[0].get_extent()) == BOX


def test_sources_of_codes_stand_beside_what_they_decode_to():
    draws, decoded = {"normal": MEANS[:6], "even": MEANS[6:12]}, {"normal": DIGITS[:6], "even": DIGITS[6:12]}
    axes = {axis.get_title(): axis for axis in presentable(pictures.code_sources(CODES, draws, decoded, BOX))}
    plane = axes.pop("grey: codes of validation images")
    np.testing.assert_array_equal(dots(plane), CODES)
    for name, axis in axes.items():
        np.testing.assert_array_equal(line(plane, name), draws[name])
        np.testing.assert_allclose(digits_of(axis), decoded[name], rtol=1e-6)
    assert list(axes) == list(draws) and (*plane.get_xlim(), *plane.get_ylim()) == BOX


def test_activity_of_units_is_sorted_in_percent_and_dead_ones_are_marked():
    some, all_alive = presentable(pictures.unit_activity({"some": [0, 0.5, 0, 1, 0.002], "all": [0.3, 0.6]}))
    assert some.get_title() == "some\n2 of 5 units dead" and all_alive.get_title() == "all\n0 of 2 units dead"
    assert heights(some) == [100, 50, 1] and heights(all_alive) == [60, 30]  # a stub of 1 for the 0.2
    assert some.lines[0].get_xdata().tolist() == [4, 5]


def test_a_box_holds_nearly_all_codes_and_its_grid_begins_at_the_top_left():
    codes = np.stack([np.arange(1001.0), 2 * np.arange(1001.0)], axis=-1)
    box = study.box_around(codes)
    assert box.tolist() == [5, 995, 10, 1990]
    grid = study.grid_over((0, 2, -1, 1), side=3)
    assert grid.tolist() == [[x, y] for y in (1, 0, -1) for x in (0, 1, 2)]


def test_listings_are_tried_on_the_images_and_on_noise(capsys):
    keras.utils.set_random_seed(0)
    encoder, decoder, _ = build_autoencoder(3, (4,))
    images = np.repeat(DIGITS, 10, axis=0).astype("float32")
    shown, activity = study.try_listings({"mine": (encoder, decoder)}, images, [0, 10, 20])
    np.testing.assert_allclose(shown[0], decoder(encoder(images[[0, 10, 20]])), rtol=1e-4)
    assert shown[1].shape == (3, 784) and activity["mine"].tolist() == [1, 1, 1]
    error = np.mean(np.sum((images - np.asarray(decoder(encoder(images)))) ** 2, axis=1))
    assert capsys.readouterr().out == f"{'mine':19} squared error {error:5.1f}\n"


def test_an_average_is_given_with_its_standard_error():
    assert study.with_error(np.array([1.0, 3.0, 1.0, 3.0]), digits=2) == " 2.00 ± 0.50"


class TestCodeExplorer(ExplorerContract):
    @staticmethod
    def make():
        codes = np.repeat([[3.0, 2.0], [3.0, -2.0], [3.1, -2.0]], [1, 7, 2], axis=0)
        return explorers.code_explorer(decode_halves, codes, np.repeat([5, 4, 9], [1, 7, 2]), (-1, 9, -4, 6))

    @pytest.mark.parametrize(("first", "second", "says"), [
        (3.0, -2.0, "9 images near, mostly 4"), (3.25, -2.0, "2 images near, mostly 9"),
        (3.0, 2.0, "1 image near, mostly 5"), (8.0, 5.0, "0 images near")])
    def test_it_begins_in_the_middle_of_the_codes_and_says_who_is_near(self, explorer, first, second, says):
        assert [control.value for control in explorer.controls.values()] == pytest.approx([3.0, -2.0])
        assert words_when_redrawn(explorer, first=first, second=second)[-1].endswith(says)
