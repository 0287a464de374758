"""Models trained with different weights of the KL (lesson 7)."""

import ipywidgets
import numpy as np

from utils import plots
from utils.lesson_07 import pictures
from utils.plots.explorer import Explorer


def beta_explorer(models, default):
    """Return an explorer of models along the curve of rate and distortion: what each reconstructs and draws.

    Args:
        models: dictionary of name, such as "1/784" → (rate, distortion, reconstructions, samples): two numbers in nats
            per image, and images (count, 784) in [0, 1] of the same count for all, a multiple of six.
        default: name of the model shown first.
    """
    rates, distortions = np.array([values[:2] for values in models.values()]).T
    picture, (plane, back, drawn) = plots.canvas(height=3.3, columns=3, width_ratios=(1.25, 1, 1))
    pictures.draw_rate_distortion(plane, rates, distortions)
    point = plane.plot([0], [0], marker="o", markersize=11, color=plots.RED)[0]
    shown = [plots.draw_digits(axis, images, 6, title) for axis, images, title in zip(
        (back, drawn), models[default][2:], ("images and reconstructions", "drawn from the prior"))]
    plane.set_title("a title", fontsize=10, color=plots.INK)
    moving = plots.MovingPicture(picture, [point, *shown, plane.title])

    def draw(beta):
        rate, distortion, *images = models[beta]
        point.set_data([rate], [distortion])
        for mosaic, part in zip(shown, images, strict=True):
            mosaic.set_data(np.ma.masked_invalid(plots.mosaic(part, 6)))
        plane.title.set_text(f"β = {beta}: ELBO −{rate + distortion:.1f} nats")
        return moving.png()

    control = ipywidgets.SelectionSlider(options=list(models), value=default, description="weight β of the KL")
    return Explorer(draw, beta=control)
