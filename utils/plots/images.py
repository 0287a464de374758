"""Digits as mosaics, and how often each occurs."""

import numpy as np
from IPython.display import Image as StoredImage
from matplotlib import colormaps

from utils.assets import asset as asset_path
from utils.data import require_range
from utils.plots.canvas import GRID, INK, SERIES, WIDTH, canvas, finish


def as_squares(images):
    """Return images of shape (n, 784), (n, 28, 28) or (n, 28, 28, 1) as (n, 28, 28) float32 in [0, 1].

    Grey values 0..255 are understood as uint8, the type in which MNIST ships; floats must lie in [0, 1].
    """
    images = np.asarray(images)
    images = images.astype(np.float32) / (255 if images.dtype == np.uint8 else 1)
    if images.shape[1:] not in {(784,), (28, 28), (28, 28, 1)}:
        raise ValueError(f"A picture of digits wants shape (n, 784), (n, 28, 28) or (n, 28, 28, 1), but got "
                         f"{images.shape}. A single image needs a first axis of 1: images[:1], not images[0].")
    require_range("A picture of digits", images, 0, 1, "Use to_unit_range, from_symmetric_range or a sigmoid first.")
    return images.reshape(-1, 28, 28)


def mosaic(images, columns):
    """Return images as one array, left to right and top to bottom, with a line of white between them."""
    squares = as_squares(images)
    rows = -(-len(squares) // columns)
    sheet = np.full((rows * 29 + 1, columns * 29 + 1), np.nan, np.float32)
    for index, square in enumerate(squares):
        top, left = 29 * (index // columns) + 1, 29 * (index % columns) + 1
        sheet[top:top + 28, left:left + 28] = square
    return sheet


def draw_digits(axis, images, columns, title=""):
    """Draw images as a mosaic on one axis, 0 black and 1 white, and return Matplotlib's image."""
    sheet = np.ma.masked_invalid(mosaic(images, columns))
    grey = colormaps["gray"].with_extremes(bad="white")
    image = axis.imshow(sheet, cmap=grey, vmin=0, vmax=1, interpolation="nearest")
    axis.set_axis_off()
    axis.set_title(title, fontsize=10.5, color=INK)
    return image


def digits(images, columns=10, title="", row_labels=()):
    """Return a picture of digits in rows of `columns`; `row_labels` name the rows at the left."""
    rows = -(-len(images) // columns)
    room = 0.1 * max(map(len, row_labels), default=0)  # inches, for the labels
    picture, axis = canvas(height=min(8.4, (WIDTH - room) * rows / columns + 0.35 * bool(title)))
    draw_digits(axis, images, columns, title)
    if row_labels:
        _show_labels_only(axis)
        axis.set_xticks([])
        axis.set_yticks(29 * np.arange(rows) + 15, row_labels, fontsize=9.5)
    return picture


def class_counts(counts):
    """Return bars of how often each digit occurs, as shares in percent of counts {name: (10,)}."""
    picture, axis = canvas(height=2.8)
    width = 0.8 / len(counts)
    for index, ((name, count), colour) in enumerate(zip(counts.items(), SERIES, strict=False)):
        share = 100 * np.asarray(count) / np.sum(count)
        axis.bar(np.arange(10) + (index - (len(counts) - 1) / 2) * width, share, width, color=colour, label=name)
    axis.set_xticks(range(10))
    axis.grid(axis="y", color=GRID, linewidth=0.6)
    axis.set_axisbelow(True)
    finish(axis, "", "digit, as the judge reads it", "share in percent", grid=False, legend={})
    return picture


def asset(name):
    """Return a picture that ships with the course, such as "vae_plane.png"."""
    return StoredImage(asset_path(name))


def captioned(images, captions, columns=10):
    """Return images with a caption each, of one line or more, in rows of `columns`."""
    squares = as_squares(images)
    if len(squares) != len(captions):
        raise ValueError(f"captioned wants one caption for each image, but got {len(captions)} captions for "
                         f"{len(squares)} images.")
    rows, lines = -(-len(squares) // columns), max(caption.count("\n") + 1 for caption in captions)
    picture, axes = canvas(height=rows * (WIDTH / columns + 0.17 * lines), rows=rows, columns=columns, squeeze=False)
    for axis in axes.ravel():
        axis.set_axis_off()
    for axis, square, caption in zip(axes.ravel(), squares, captions, strict=False):
        draw_digits(axis, square[None], 1)
        axis.set_title(caption, fontsize=8.5, color=INK, pad=3)
    return picture


def neighbours(groups):
    """Return samples above the training images nearest to them, with their distance beneath, one block a group.

    `groups` is {name: (samples (n, 784), nearest (n, 784), distances (n,) in pixels)}, n at most 10, the same for all.
    """
    count = len(next(iter(groups.values()))[0])
    picture, axes = canvas(height=len(groups) * (2 * 7.6 / count + 0.42) + 0.1, rows=len(groups), squeeze=False)
    for axis, (name, (samples, nearest, distances)) in zip(axes[:, 0], groups.items(), strict=True):
        draw_digits(axis, np.concatenate([np.reshape(samples, (count, 784)), np.reshape(nearest, (count, 784))]), count,
                    name)
        _show_labels_only(axis)
        axis.set_yticks([14.5, 43.5], ["image", "nearest"], fontsize=9)
        axis.set_xticks(29 * np.arange(count) + 14.5, [f"{distance:.1f}" for distance in distances], fontsize=9)
    return picture


def _show_labels_only(axis):
    axis.set_axis_on()
    axis.spines[:].set_visible(False)
    axis.tick_params(length=0)
