"""MNIST as arrays: value ranges, binarisation, refusals."""

import hashlib

import numpy as np
import pytest

from utils import assets
from utils.assets import AssetError
from utils.data import (
    add_noise,
    binarise,
    binarised_test_set,
    flatten,
    from_symmetric_range,
    load_mnist,
    to_symmetric_range,
    to_unit_range,
)


@pytest.fixture(scope="module")
def mnist():
    return load_mnist()


@pytest.fixture(scope="module")
def grey(mnist):
    return to_unit_range(mnist.test_images[:50])


def test_mnist_has_the_published_sizes_as_bytes(mnist):
    assert [(array.shape, array.dtype.name) for array in mnist] == [
        ((60_000, 28, 28), "uint8"), ((60_000,), "uint8"), ((10_000, 28, 28), "uint8"), ((10_000,), "uint8")]


def test_mnist_has_the_published_class_counts(mnist):
    # As counted in the files that LeCun, Cortes and Burges published.
    train, test = np.bincount(mnist.train_labels), np.bincount(mnist.test_labels)
    assert train.tolist() == [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
    assert test.tolist() == [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]


def test_mnist_reaches_both_ends_of_the_grey_scale(mnist):
    assert (mnist.train_images.min(), mnist.train_images.max()) == (0, 255)
    assert (mnist.test_images.min(), mnist.test_images.max()) == (0, 255)


def test_truncated_mnist_is_named_in_a_sentence(tmp_path, monkeypatch):
    (tmp_path / "mnist.npz").write_bytes((assets.FOLDER / "mnist.npz").read_bytes()[:100_000])
    monkeypatch.setattr(assets, "FOLDER", tmp_path)
    with pytest.raises(AssetError, match=r"utils/assets/mnist\.npz is damaged: its 100,000 bytes"):
        load_mnist()


def test_missing_mnist_is_named_in_a_sentence(tmp_path, monkeypatch):
    monkeypatch.setattr(assets, "FOLDER", tmp_path)
    with pytest.raises(AssetError, match=r"utils/assets/mnist\.npz is missing"):
        load_mnist()


def test_unit_range_maps_each_grey_value_to_its_share_of_255():
    greys = np.arange(256, dtype=np.uint8)
    unit = to_unit_range(greys)
    assert unit.dtype == np.float32
    np.testing.assert_allclose(unit, [value / 255 for value in range(256)], rtol=1e-7)
    assert (unit[0], unit[-1]) == (0, 1)


def test_symmetric_range_ends_at_minus_one_and_one():
    symmetric = to_symmetric_range(np.array([0, 51, 255], np.uint8))
    assert symmetric.dtype == np.float32
    np.testing.assert_allclose(symmetric, [-1, -0.6, 1], atol=1e-7)


def test_symmetric_range_is_undone(mnist):
    images = mnist.test_images[:50]
    restored = from_symmetric_range(to_symmetric_range(images))
    np.testing.assert_allclose(restored, to_unit_range(images), atol=1e-7)


@pytest.mark.parametrize("convert", [to_unit_range, to_symmetric_range])
def test_converting_twice_is_refused(convert, grey):
    with pytest.raises(ValueError, match=r"wants uint8 images in 0\.\.255, but got dtype float32.*do not convert"):
        convert(grey)


@pytest.mark.parametrize("value", [1.5, -1.001, np.nan])
def test_values_beyond_tanh_are_refused(value):
    with pytest.raises(ValueError, match=r"from_symmetric_range wants values in \[-1, 1\]"):
        from_symmetric_range(np.array([0.2, value]))


def test_flatten_keeps_rows_of_pixels_together(mnist):
    images = mnist.test_images[:3]
    rows = flatten(images)
    assert rows.shape == (3, 784)
    assert rows[1, 28 * 10 + 17] == images[1, 10, 17]
    np.testing.assert_array_equal(flatten(images[..., None]), rows)


@pytest.mark.parametrize("shape", [(28, 28), (3, 784), (3, 28, 28, 3), (3, 14, 14)])
def test_flatten_refuses_other_shapes(shape):
    with pytest.raises(ValueError, match=r"flatten wants images of shape \(n, 28, 28\)"):
        flatten(np.ones(shape))


def test_binarised_pixels_are_float_zeros_and_ones(grey):
    drawn = binarise(grey, seed=3)
    assert drawn.dtype == np.float32 and drawn.shape == grey.shape
    assert set(np.unique(drawn)) == {0.0, 1.0}


def test_binarise_repeats_itself_with_a_seed(grey):
    np.testing.assert_array_equal(binarise(grey, seed=3), binarise(grey, seed=3))
    assert np.any(binarise(grey, seed=3) != binarise(grey, seed=4))


def test_binarise_draws_afresh_without_a_seed(grey):
    assert np.any(binarise(grey) != binarise(grey))


def test_mean_of_draws_converges_to_the_grey_values():
    grey = np.linspace(0, 1, 101)
    draws = 20_000
    mean = binarise(np.tile(grey, (draws, 1)), seed=0).mean(axis=0, dtype=np.float64)
    standard_error = np.sqrt(grey * (1 - grey) / draws)
    assert np.all(np.abs(mean - grey) <= 4 * standard_error)  # black and white exactly


def test_pixels_are_drawn_independently():
    draws = binarise(np.full((20_000, 5), 0.3), seed=1)
    correlations = np.corrcoef(draws, rowvar=False)[np.triu_indices(5, 1)]
    assert np.max(np.abs(correlations)) < 4 / np.sqrt(len(draws))


@pytest.mark.parametrize("values", [(0.0, 255.0), (-0.1, 0.5), (0.5, np.nan)])
def test_binarise_refuses_other_ranges(values):
    with pytest.raises(ValueError, match=r"binarise wants values in \[0, 1\], but got values from"):
        binarise(np.array(values))


def test_binarise_refuses_an_empty_array():
    with pytest.raises(ValueError, match=r"binarise got an empty array of shape \(0, 784\)"):
        binarise(np.empty((0, 784)))


def test_the_binarised_test_set_never_changes():
    # Every likelihood in the course is measured on this draw: another one would move all its figures.
    images = binarised_test_set()
    assert images.shape == (10_000, 784) and images.dtype == np.float32
    bits = np.packbits(images.astype(bool)).tobytes()
    assert hashlib.sha256(bits).hexdigest() == "ee3e3805386bfb29350ad685e8daf3a161f32f041db6c1fc50499780dc3471ef"


def test_noise_has_the_moments_that_were_asked_for():
    noise = add_noise(np.full((200, 784), 0.5), 0.1, seed=1) - 0.5
    assert noise.dtype == np.float32
    assert noise.mean() == pytest.approx(0, abs=1e-3) and noise.std() == pytest.approx(0.1, rel=5e-3)
    assert np.mean(noise**4) / noise.var() ** 2 == pytest.approx(3, abs=0.05)  # normal, not uniform
    assert abs(np.corrcoef(noise[:100].ravel(), noise[100:].ravel())[0, 1]) < 0.02


def test_noise_is_clipped_drawn_by_its_seed_and_leaves_its_argument(grey):
    before = grey.copy()
    noisy = add_noise(grey, 0.5, seed=3)
    assert noisy.min() == 0 and noisy.max() == 1 and noisy.shape == grey.shape
    np.testing.assert_array_equal(noisy, add_noise(grey, 0.5, seed=3))
    assert not np.array_equal(noisy, add_noise(grey, 0.5, seed=4))
    assert not np.array_equal(add_noise(grey, 0.5), add_noise(grey, 0.5))
    np.testing.assert_array_equal(grey, before)
    np.testing.assert_array_equal(add_noise(grey, 0), grey)


@pytest.mark.parametrize(("images", "deviation", "match"), [
    (np.array([0, 255], np.uint8), 0.1, r"add_noise wants values in \[0, 1\], but got values from 0 to 255"),
    (np.zeros((2, 3)), -0.1, "standard deviation of 0 or more, but got -0.1"),
    (np.zeros((2, 3)), np.nan, "but got nan"), (np.zeros((0, 784)), 0.1, "empty array")])
def test_noise_refuses_other_ranges(images, deviation, match):
    with pytest.raises(ValueError, match=match):
        add_noise(images, deviation)
