"""MNIST as arrays: value ranges, binarisation, noise, refusals."""

import hashlib

import numpy as np
import pytest

from utils.data import (
    add_noise,
    binarise,
    binarised_test_set,
    flatten,
    from_symmetric_range,
    load_mnist,
    split_validation,
    to_symmetric_range,
    to_unit_range,
)


@pytest.fixture(scope="module")
def mnist():
    return load_mnist()


@pytest.fixture(scope="module")
def grey(mnist):
    return to_unit_range(mnist.test_images[:50])


def test_mnist_has_the_published_sizes_and_class_counts(mnist):
    """As counted in the files that LeCun, Cortes and Burges published."""
    assert [(array.shape, array.dtype.name) for array in mnist] == [
        ((60_000, 28, 28), "uint8"), ((60_000,), "uint8"), ((10_000, 28, 28), "uint8"), ((10_000,), "uint8")]
    train, test = np.bincount(mnist.train_labels), np.bincount(mnist.test_labels)
    assert train.tolist() == [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
    assert test.tolist() == [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]
    assert (mnist.train_images.min(), mnist.train_images.max()) == (0, 255)


def test_validation_images_and_their_labels_are_the_last_five_thousand_and_no_training_images(mnist):
    for array in (mnist.train_images, mnist.train_labels):
        training, validation = split_validation(array)
        assert (len(training), len(validation)) == (55_000, 5_000)
        np.testing.assert_array_equal(np.concatenate([training, validation]), array)


@pytest.mark.parametrize("length", [10_000, 55_000])
def test_only_all_training_images_are_split(mnist, length):
    with pytest.raises(ValueError, match=f"wants all 60,000 training images or labels, but got {length:,}"):
        split_validation(mnist.train_images[:length])


def test_unit_range_maps_each_grey_value_to_its_share_of_255():
    unit = to_unit_range(np.arange(256, dtype=np.uint8))
    assert unit.dtype == np.float32 and (unit[0], unit[-1]) == (0, 1)
    np.testing.assert_allclose(unit, [value / 255 for value in range(256)], rtol=1e-7)


def test_symmetric_range_ends_at_minus_one_and_one_and_is_undone():
    greys = np.array([0, 51, 255], np.uint8)
    symmetric = to_symmetric_range(greys)
    assert symmetric.dtype == np.float32
    np.testing.assert_allclose(symmetric, [-1, -0.6, 1], atol=1e-7)
    np.testing.assert_allclose(from_symmetric_range(symmetric), to_unit_range(greys), atol=1e-7)


def test_flatten_keeps_rows_of_pixels_together(mnist):
    images = mnist.test_images[:3]
    rows = flatten(images)
    assert rows.shape == (3, 784) and rows[1, 28 * 10 + 17] == images[1, 10, 17]
    np.testing.assert_array_equal(flatten(images[..., None]), rows)


@pytest.mark.parametrize("draw", [binarise, lambda grey, seed=None: add_noise(grey, 0.5, seed)], ids=["coins", "noise"])
def test_draws_repeat_with_a_seed_only_and_leave_their_argument(draw, grey):
    before, drawn = grey.copy(), draw(grey, seed=3)
    assert drawn.dtype == np.float32 and drawn.shape == grey.shape and (drawn.min(), drawn.max()) == (0, 1)
    np.testing.assert_array_equal(drawn, draw(grey, seed=3))
    assert np.any(drawn != draw(grey, seed=4)) and np.any(draw(grey) != draw(grey))
    np.testing.assert_array_equal(grey, before)


def test_binarised_pixels_are_on_as_often_as_their_grey_value_says_each_for_itself(grey):
    assert set(np.unique(binarise(grey))) == {0.0, 1.0}
    grey, draws = np.linspace(0, 1, 101), 20_000
    mean = binarise(np.tile(grey, (draws, 1)), seed=0).mean(axis=0, dtype=np.float64)
    assert np.all(np.abs(mean - grey) <= 4 * np.sqrt(grey * (1 - grey) / draws))  # black and white exactly
    correlations = np.corrcoef(binarise(np.full((draws, 5), 0.3), seed=1), rowvar=False)[np.triu_indices(5, 1)]
    assert np.max(np.abs(correlations)) < 4 / np.sqrt(draws)


def test_the_binarised_test_set_never_changes():
    """Every likelihood in the course is measured on this draw: another one would move all its figures."""
    images = binarised_test_set()
    assert images.shape == (10_000, 784) and images.dtype == np.float32
    bits = np.packbits(images.astype(bool)).tobytes()
    assert hashlib.sha256(bits).hexdigest() == "ee3e3805386bfb29350ad685e8daf3a161f32f041db6c1fc50499780dc3471ef"


def test_noise_has_the_moments_that_were_asked_for(grey):
    noise = add_noise(np.full((200, 784), 0.5), 0.1, seed=1) - 0.5
    assert noise.mean() == pytest.approx(0, abs=1e-3) and noise.std() == pytest.approx(0.1, rel=5e-3)
    assert np.mean(noise**4) / noise.var() ** 2 == pytest.approx(3, abs=0.05)  # normal, not uniform
    assert abs(np.corrcoef(noise[:100].ravel(), noise[100:].ravel())[0, 1]) < 0.02
    np.testing.assert_array_equal(add_noise(grey, 0), grey)


@pytest.mark.parametrize("convert", [to_unit_range, to_symmetric_range])
def test_converting_twice_is_refused(convert, grey):
    with pytest.raises(ValueError, match=r"wants uint8 images in 0\.\.255, but got dtype float32.*do not convert"):
        convert(grey)


@pytest.mark.parametrize("shape", [(28, 28), (3, 784), (3, 28, 28, 3), (3, 14, 14)])
def test_flatten_refuses_other_shapes(shape):
    with pytest.raises(ValueError, match=r"flatten wants images of shape \(n, 28, 28\)"):
        flatten(np.ones(shape))


@pytest.mark.parametrize(("call", "values", "words"), [
    (from_symmetric_range, [0.2, 1.5], r"from_symmetric_range wants values in \[-1, 1\], .*0\.2 to 1\.5 .*tanh"),
    (from_symmetric_range, [0.2, -1.001], r"values in \[-1, 1\]"), (from_symmetric_range, [0.2, np.nan], "nan to nan"),
    (binarise, [0.0, 255.0], r"binarise wants values in \[0, 1\], but got .*from 0 to 255 \(dtype float64\)\. Pass"),
    (binarise, [-0.1, 0.5], r"from -0\.1 to 0\.5"), (binarise, [0.5, np.nan], "nan to nan"),
    (binarise, np.empty((0, 784)), r"binarise got an empty array of shape \(0, 784\)"),
    (lambda images: add_noise(images, 0.1), [0, 255], r"add_noise wants values in \[0, 1\], .*from 0 to 255"),
    (lambda images: add_noise(images, -0.1), [0, 1], "standard deviation of 0 or more, but got -0.1"),
    (lambda images: add_noise(images, np.nan), [0, 1], "but got nan")])
def test_other_ranges_are_refused(call, values, words):
    with pytest.raises(ValueError, match=words):
        call(np.array(values))
