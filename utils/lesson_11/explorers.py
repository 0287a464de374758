"""Digits of which a square is hidden, and what a model draws into it (lesson 11)."""

import numpy as np

from utils import plots
from utils.lesson_11 import pictures
from utils.plots.explorer import Explorer, slider

CHAINS, SHOWN = 12, 5
SURE = 0.9  # a pixel is settled if this share of the average says 0 or 1


def mask_explorer(sample, images):
    """Return an explorer of a hidden square: the image, what is visible, and what the model draws for the rest.

    At each move of a slider twelve chains run anew. Each starts with the hidden pixels of another image, none with
    those of the image itself. Five are shown, and the average of all.

    Args:
        sample: function of (images, visible, starts, seed) as `hidden_pixel_sampler` returns it: chains (12, 784) of
            zeros and ones, which pixels are visible, where the hidden ones start, and an integer.
        images: array (n, 784) of zeros and ones, two or more; one of each digit makes good starts.

    Raises:
        ValueError: if the images are of another shape, or only one.
    """
    images = np.asarray(images, np.float32)
    if images.ndim != 2 or images.shape[1] != 784 or len(images) < 2:
        raise ValueError(f"mask_explorer wants two images or more of shape (n, 784), but got {images.shape}.")
    picture, axes = plots.canvas(height=4.85, rows=2, columns=4)
    titles = ["what is visible", *(f"drawn by chain {chain + 1}" for chain in range(SHOWN)), "two\nlines", "the image"]
    places = [axes[0, 0], *axes[0, 1:], *axes[1, 1:3], axes[1, 3], axes[1, 0]]
    digits, squares, names = pictures.draw_fill_ins(places, titles, [True] + [False] * (SHOWN + 2))
    words = names[-2]
    moving = plots.MovingPicture(picture, [*digits, *squares, words])

    def draw(number, row, column, size):
        visible = np.ones((28, 28), np.float32)
        visible[row:row + size, column:column + size] = 0
        visible, image = visible.ravel(), images[number]
        others = np.delete(np.arange(len(images)), number)
        drawn = np.asarray(sample(np.tile(image, (CHAINS, 1)), np.tile(visible, (CHAINS, 1)),
                                  images[np.resize(others, CHAINS)], number))
        average = drawn.mean(axis=0)
        pictures.move_fill_ins(digits, squares, [visible * image, *drawn[:SHOWN], average, image], row, column, size)
        hidden = visible == 0
        settled = np.sum(np.abs(average[hidden] - 0.5) > SURE - 0.5)
        words.set_text(f"average of all {CHAINS}; they\nagree on {settled} of {np.sum(hidden)} pixels")
        return moving.png()

    return Explorer(draw, number=slider("which image", 0, len(images) - 1, min(3, len(images) - 1)),
                    row=slider("first row hidden", 0, 24, 4), column=slider("first column hidden", 0, 24, 8),
                    size=slider("size in pixels", 2, 28, 14))
