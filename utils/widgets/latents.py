"""Walks through a latent plane (lesson 6)."""

import numpy as np

from utils import plots
from utils.widgets.explorer import Explorer, slider


def latent_explorer(decode, means, labels):
    """Return an explorer of a 2-D latent plane: a point, the digit decoded there, the encoded images around it.

    Args:
        decode: function of latents (1, 2) that returns pixel probabilities (1, 784) in [0, 1].
        means: array (n, 2), the encoder's means of the images.
        labels: array (n,) of their digits 0..9.
    """
    means, labels = np.asarray(means), np.asarray(labels)
    picture, (plane, digit) = plots.canvas(height=4.3, columns=2, width_ratios=(1.35, 1))
    plots.draw_latents(plane, means, labels)
    cross = plane.plot([0], [0], marker="+", markersize=22, markeredgewidth=2.5, color=plots.BLACK)[0]
    shown = plots.draw_digits(digit, np.zeros((1, 28, 28)), 1)
    digit.set_title("a title", fontsize=10, color=plots.INK)
    moving = plots.MovingPicture(picture, [cross, shown, digit.title])

    def draw(first, second):
        cross.set_data([first], [second])
        probabilities = np.asarray(decode(np.array([[first, second]], np.float32)))
        shown.set_data(np.ma.masked_invalid(plots.mosaic(probabilities, 1)))
        near = labels[np.hypot(means[:, 0] - first, means[:, 1] - second) < 0.2]
        most = f", mostly {np.bincount(near).argmax()}" if len(near) else ""
        digit.title.set_text(f"({first:.2f}, {second:.2f}): {len(near)} images near{most}")
        return moving.png()

    first, second = np.clip(np.round(means[0] / 0.05) * 0.05, -3, 3).tolist()  # begins at the first image's own place
    return Explorer(draw, first=slider("latent z₁", -3.0, 3.0, first, 0.05),
                    second=slider("latent z₂", -3.0, 3.0, second, 0.05))
