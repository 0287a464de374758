"""Two ways to destroy an image, and what two networks make of the rest (lesson 13)."""

import numpy as np
from matplotlib.colors import to_rgb

from utils.plots.canvas import BLUE, INK, MovingPicture, canvas
from utils.plots.explorer import Explorer, slider


def destroyed(images, fill, denoise):
    """Return an explorer of destroyed images: pixels hidden, or mixed with normal noise, and what a network guesses.

    All images lose their pixels in one random order and are mixed with the same noise.

    Args:
        images: array (n, 784) in [0, 1]; where pixels are hidden they are rounded to zeros and ones.
        fill: function of images (1, 784), 0 where hidden, and visible (1, 784), 0 where hidden and 1 elsewhere, that
            returns probabilities (1, 784).
        denoise: function of points (1, 784), t x + (1 - t) ε with x in [-1, 1], and the time t, a float, that returns
            images (1, 784) in [0, 1].
    """
    images = np.asarray(images, np.float32)
    if images.ndim != 2 or images.shape[1] != 784 or len(images) < 1:
        raise ValueError(f"destroyed wants images of shape (n, 784), but got {images.shape}.")
    random = np.random.default_rng(13)
    ranks, noise = random.permutation(784), random.normal(size=784).astype("float32")
    picture, axes = canvas(height=5, rows=2, columns=2)
    picture.set_layout_engine("compressed")
    shown = [axis.imshow(np.zeros((28, 28)), cmap="gray", vmin=0, vmax=1, interpolation="nearest")
             for axis in axes.ravel()]
    for axis in axes.ravel():
        axis.set(xticks=[], yticks=[])
        axis.spines[:].set_visible(False)
    for axis, name in zip(axes[0], ("what the network sees", "what it guesses"), strict=True):
        axis.set_title(name, fontsize=10.5, color=INK)
    for axis, name in zip(axes[:, 0], ("hidden pixels", "normal noise"), strict=True):
        axis.set_ylabel(name, fontsize=10.5, color=INK)
    moving = MovingPicture(picture, shown)

    def draw(number, share):
        visible = np.float32(ranks >= round(share / 100 * 784))
        ink, time = np.round(images[number]) * visible, 1 - share / 100
        point = np.float32(time * (2 * images[number] - 1) + (1 - time) * noise)
        sees = np.where(visible[:, None] == 1, ink[:, None], to_rgb(BLUE))
        drawn = (sees.reshape(28, 28, 3), fill(ink[None], visible[None]), np.clip((point + 1) / 2, 0, 1),
                 denoise(point[None], time))
        for each, pixels in zip(shown, drawn, strict=True):
            pixels = np.asarray(pixels)
            each.set_data(pixels if pixels.ndim == 3 else pixels.reshape(28, 28))
        return moving.png()

    return Explorer(draw, number=slider("which image", 0, len(images) - 1, 0),
                    share=slider("share destroyed, percent", 0, 100, 70, 5))
