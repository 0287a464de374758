"""What an epoch costs, against the batch size (lesson 12)."""

import numpy as np
from ipywidgets import SelectionSlider

from utils import plots
from utils.lesson_12 import pictures
from utils.plots.explorer import Explorer

BATCHES = [2**power for power in range(3, 14)]
WORK = [2**power for power in range(9)]


def batch_explorer(per_step, per_image, arithmetic, images=60_000):
    """Return an explorer of the seconds of an epoch: steps, images and arithmetic, for other batches and networks.

    Args:
        per_step: seconds that a step takes whatever its batch is.
        per_image: seconds that an image takes besides the arithmetic.
        arithmetic: seconds of the arithmetic of an image, which a larger network multiplies.
        images: of an epoch.
    """
    if min(per_step, per_image, arithmetic) < 0:
        raise ValueError("batch_explorer wants costs of 0 seconds or more, but got "
                         f"{per_step:.3g}, {per_image:.3g} and {arithmetic:.3g}.")
    batches = np.array(BATCHES)

    def parts(work):
        return np.maximum([per_step * images / batches, np.full(len(batches), images * per_image),
                           np.full(len(batches), images * arithmetic * work)], 1e-9)

    picture, axis = plots.canvas(height=3.6)
    lines, point = pictures.draw_epoch_costs(axis, BATCHES, images)
    highest = np.sum(parts(WORK[-1]), axis=0).max()
    axis.set_ylim(0.01, 30 * highest)  # what costs less than a hundredth of a second stays below
    axis.set_title("a title", fontsize=10, color=plots.INK)
    moving = plots.MovingPicture(picture, [*lines, point, axis.title])

    def draw(batch, work):
        costs = parts(work)
        pictures.move_epoch_costs(lines, point, costs, batch)
        now = costs[:, BATCHES.index(batch)]
        axis.title.set_text(f"{-(-images // batch):,} steps: {now.sum():.3g} s, of which "
                            f"{now[0] / now.sum():.0%} for the steps, {now[2] / now.sum():.0%} arithmetic")
        return moving.png()

    return Explorer(draw, batch=SelectionSlider(options=BATCHES, value=128, description="batch size"),
                    work=SelectionSlider(options=WORK, value=1, description="arithmetic per image, ×"))
