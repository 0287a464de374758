"""A walk through the latent plane (lesson 6)."""

import numpy as np

from utils import plots
from utils.plots.latents import plane_explorer, two_panels


def latent_explorer(decode, means, labels):
    """Return an explorer of a 2-D latent plane: a point, the digit decoded there, the encoded images around it.

    Args:
        decode: function of latents (1, 2) that returns pixel probabilities (1, 784) in [0, 1].
        means: array (n, 2), the encoder's means of the images.
        labels: array (n,) of their digits 0..9.
    """
    means, labels = np.asarray(means), np.asarray(labels)
    picture, (plane, digit) = two_panels()
    plots.draw_latents(plane, means, labels)
    start = np.clip(np.round(means[0] / 0.05) * 0.05, -3, 3).tolist()  # begins at the first image's own place

    def near(point):
        return np.hypot(*(means - point).T) < 0.2

    return plane_explorer(picture, plane, digit, decode, labels, near, start,
                           {"first": ("latent z₁", -3.0, 3.0, 0.05), "second": ("latent z₂", -3.0, 3.0, 0.05)})
