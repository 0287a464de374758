"""MNIST as arrays whose value range is always named, and its binarisation.

Images are uint8 in 0..255 as shipped, float32 in [0, 1] ("unit range") for likelihoods, float32 in [-1, 1]
("symmetric range") for networks that end in tanh, and float32 of zeros and ones when binarised.
"""

from typing import NamedTuple

import numpy as np

from utils.assets import asset

TEST_SEED = 0  # of the one binarised test set on which every likelihood of the course is measured
VALIDATION = 5_000  # of the 60,000 training images are set aside: settings and models are chosen on them
REMEDY = "Pass for example to_unit_range(load_mnist().train_images)."


class Mnist(NamedTuple):
    """60,000 training and 10,000 test images, uint8 (n, 28, 28) in 0..255, with their labels, uint8 (n,) in 0..9."""

    train_images: np.ndarray
    train_labels: np.ndarray
    test_images: np.ndarray
    test_labels: np.ndarray


def load_mnist():
    """Return MNIST, an `Mnist`, from the file that ships with the course; no network is needed.

    Source: LeCun, Cortes and Burges (1998).
    """
    with np.load(asset("mnist.npz"), allow_pickle=False) as arrays:
        return Mnist(*(arrays[name] for name in ("x_train", "y_train", "x_test", "y_test")))


def split_validation(examples):
    """Return (training, validation): the first 55,000 and the last 5,000 of MNIST's 60,000 training images or labels.

    What is chosen – a setting, a size, a model – is chosen on the validation images, so that the test images, which
    chose nothing, have the last word.
    """
    if len(examples) != 60_000:
        raise ValueError(f"split_validation wants all 60,000 training images or labels, but got {len(examples):,}. "
                         "Pass load_mnist().train_images or load_mnist().train_labels.")
    return examples[:-VALIDATION], examples[-VALIDATION:]


def to_unit_range(images):
    """Return grey values 0..255 (uint8) as float32 in [0, 1], in the same shape."""
    images = np.asarray(images)
    if images.dtype != np.uint8:
        raise ValueError(f"to_unit_range wants uint8 images in 0..255, but got dtype {images.dtype}. "
                         "Pass the arrays of load_mnist() as they come; do not convert them twice.")
    images = images.astype(np.float32)
    images /= 255  # in place: a second copy of the training images would be 188 MB
    return images


def to_symmetric_range(images):
    """Return grey values 0..255 (uint8) as float32 in [-1, 1], the range of tanh, in the same shape."""
    images = to_unit_range(images)
    images *= 2
    images -= 1
    return images


def from_symmetric_range(images):
    """Return images in [-1, 1] as float32 in [0, 1], in the same shape."""
    images = np.asarray(images, np.float32)
    remedy = "Pass for example the output of a generator that ends in tanh."
    require_range("from_symmetric_range", images, -1, 1, remedy)
    images = images + 1
    images /= 2
    return images


def flatten(images):
    """Return images of shape (n, 28, 28) or (n, 28, 28, 1) as rows (n, 784)."""
    images = np.asarray(images)
    if images.shape[1:] not in {(28, 28), (28, 28, 1)}:
        raise ValueError(f"flatten wants images of shape (n, 28, 28) or (n, 28, 28, 1), but got {images.shape}.")
    return images.reshape(len(images), 784)


def binarise(images, seed=None):
    """Return one draw of zeros and ones, each pixel on with the probability that its grey value names.

    Args:
        images: float array in [0, 1], any shape. What is drawn has the same, and is float32.
        seed: an integer for the same draw every time; None for a fresh draw at every call.

    Source: Salakhutdinov and Murray (2008).
    """
    images = np.asarray(images)
    require_range("binarise", images, 0, 1, REMEDY)
    return (np.random.default_rng(seed).random(images.shape) < images).astype(np.float32)


def add_noise(images, deviation, seed=None):
    """Return images with normal noise of this deviation, clipped to [0, 1] again.

    Args:
        images: float array in [0, 1], any shape. Every pixel gets noise of its own; the result is float32.
        deviation: of the noise before clipping, in grey values from 0 to 1.
        seed: an integer for the same noise every time; None for fresh noise at every call.
    """
    images = np.asarray(images, np.float32)
    require_range("add_noise", images, 0, 1, REMEDY)
    if not 0 <= deviation < np.inf:  # NaN fails too
        raise ValueError(f"add_noise wants a standard deviation of 0 or more, but got {deviation}.")
    noise = np.random.default_rng(seed).standard_normal(images.shape, dtype=np.float32)
    return np.clip(images + np.float32(deviation) * noise, 0, 1)


def binarised_test_set():
    """Return the 10,000 test images as rows of zeros and ones, float32 (10000, 784): always the same draw.

    Every likelihood in the course is measured on these, so that all of them can be compared.
    """
    return binarise(to_unit_range(flatten(load_mnist().test_images)), seed=TEST_SEED)


def require_range(caller, images, low, high, remedy):
    """Refuse values outside [low, high], in a sentence that ends with what to do."""
    if images.size == 0:
        raise ValueError(f"{caller} got an empty array of shape {images.shape}. Pass at least one image.")
    smallest, largest = images.min(), images.max()
    if not (smallest >= low and largest <= high):  # written so that NaN fails too
        raise ValueError(f"{caller} wants values in [{low}, {high}], but got values from {smallest:.4g} to "
                         f"{largest:.4g} (dtype {images.dtype}). {remedy}")
