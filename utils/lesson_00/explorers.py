"""Grey values as probabilities (lesson 0)."""

import numpy as np

from utils import plots
from utils.plots.explorer import Explorer, slider


def binarisation_explorer(images):
    """Return an explorer of images (n, 28, 28) in [0, 1] as coins: a grey digit, one draw, the average of many."""
    images = plots.as_squares(images)
    picture, axes = plots.canvas(height=2.9, columns=3)
    shown = [plots.draw_digits(axis, images[:1], 1, "grey values = probabilities") for axis in axes]
    moving = plots.MovingPicture(picture, [*shown, axes[1].title, axes[2].title])

    def draw(image, draws):
        random = np.random.default_rng(image)
        drawn = random.random((draws, 28, 28)) < images[image]
        for mosaic, digit in zip(shown, (images[image], drawn[-1], drawn.mean(axis=0)), strict=True):
            mosaic.set_data(np.ma.masked_invalid(plots.mosaic(digit[None], 1)))
        axes[1].title.set_text(f"draw number {draws}")
        axes[2].title.set_text(f"average of {draws} draw{'s' * (draws > 1)}")
        return moving.png()

    return Explorer(draw, image=slider("image", 0, len(images) - 1, 0), draws=slider("number of draws", 1, 200, 8))
