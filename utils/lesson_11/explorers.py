"""Digits of which a square is hidden, and what a model draws into it (lesson 11)."""

import numpy as np
from matplotlib.patches import Rectangle

from utils.plots import INK, ORANGE, Explorer, MovingPicture, canvas, slider

CHAINS, SHOWN = 12, 5
SURE = 0.9  # a pixel is settled if this share of the average says 0 or 1


def mask_explorer(sample, images):
    """Return an explorer of a hidden square: the image, what is visible, and what the model draws for the rest.

    At each move of a slider twelve chains run anew. Each starts with the hidden pixels of another image, none with
    those of the image itself. Five are shown, and the average of all.

    Args:
        sample: function of (images, visible, starts, seed) as `hidden_pixel_sampler` returns it.
        images: array (n, 784) of zeros and ones, two or more; one of each digit makes good starts.
    """
    images = np.asarray(images, np.float32)
    if images.ndim != 2 or images.shape[1] != 784 or len(images) < 2:
        raise ValueError(f"mask_explorer wants two images or more of shape (n, 784), but got {images.shape}.")
    picture, axes = canvas(height=4.85, rows=2, columns=4)
    titles = ["what is visible", *(f"drawn by chain {chain + 1}" for chain in range(SHOWN)), "two\nlines", "the image"]
    digits, squares = [], []
    for axis, title in zip([*axes[0], *axes[1, 1:], axes[1, 0]], titles, strict=True):
        digits.append(axis.imshow(np.zeros((28, 28)), cmap="gray", vmin=0, vmax=1, interpolation="nearest"))
        squares.append(axis.add_patch(Rectangle((-0.5, -0.5), 9, 9, facecolor="none" if squares else ORANGE,
                                                edgecolor=ORANGE, linewidth=1.6)))  # the first hides what is under it
        axis.set_axis_off()
        axis.set_title(title, fontsize=10.5, color=INK)
    words = axes[1, 3].title
    moving = MovingPicture(picture, [*digits, *squares, words])

    def draw(number, row, column, size):
        hidden = np.zeros((28, 28), bool)
        hidden[row:row + size, column:column + size] = True
        visible, image = np.float32(~hidden).ravel(), images[number]
        starts = images[np.resize(np.delete(np.arange(len(images)), number), CHAINS)]
        drawn = np.asarray(sample(np.tile(image, (CHAINS, 1)), np.tile(visible, (CHAINS, 1)), starts, number))
        average = drawn.mean(axis=0)
        for digit, square, pixels in zip(digits, squares, [visible * image, *drawn[:SHOWN], average, image],
                                         strict=True):
            digit.set_data(pixels.reshape(28, 28))
            square.set_bounds(column - 0.5, row - 0.5, min(size, 28 - column), min(size, 28 - row))
        settled = np.sum(np.abs(average[hidden.ravel()] - 0.5) > SURE - 0.5)
        words.set_text(f"average of all {CHAINS}; they\nagree on {settled} of {np.sum(hidden)} pixels")
        return moving.png()

    return Explorer(draw, number=slider("which image", 0, len(images) - 1, min(3, len(images) - 1)),
                    row=slider("first row hidden", 0, 24, 4), column=slider("first column hidden", 0, 24, 8),
                    size=slider("size in pixels", 2, 28, 14))
