"""A digit with a hidden square, and what a model draws into it."""

import numpy as np
from matplotlib.patches import Rectangle

from utils.plots.canvas import INK, ORANGE


def draw_fill_ins(axes, titles, filled):
    """Draw a place for a digit on each axis, with a square on it; return Matplotlib's images, squares and titles.

    Args:
        axes: one axis a digit.
        titles: of the axes.
        filled: whether each square hides what is under it; the others are outlines.
    """
    images, squares = [], []
    for axis, title, hides in zip(axes, titles, filled, strict=True):
        images.append(axis.imshow(np.zeros((28, 28)), cmap="gray", vmin=0, vmax=1, interpolation="nearest"))
        squares.append(axis.add_patch(Rectangle((-0.5, -0.5), 9, 9, facecolor=ORANGE if hides else "none",
                                                edgecolor=ORANGE, linewidth=1.6)))
        axis.set_axis_off()
        axis.set_title(title, fontsize=10.5, color=INK)
    return images, squares, [axis.title for axis in axes]


def move_fill_ins(images, squares, digits, row, column, size):
    """Show other digits, (n, 784) in [0, 1], and another square on what `draw_fill_ins` returned."""
    for image, digit in zip(images, digits, strict=True):
        image.set_data(np.reshape(digit, (28, 28)))
    for square in squares:
        square.set_bounds(column - 0.5, row - 0.5, min(size, 28 - column), min(size, 28 - row))
