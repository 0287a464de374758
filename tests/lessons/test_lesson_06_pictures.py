"""Lesson 6: what its pictures draw and what its explorers do."""

import numpy as np

from tests.drawing import *
from utils.lesson_06 import pictures

PICTURES = {
    "gradient_noise": lambda: pictures.gradient_noise(
        {name: 3 * MEANS[:, 0] for name in "abc"}, 2.0, [1, 4, 16], {name: [6, 12, 24] for name in "abc"}),
    "gaps": lambda: pictures.gaps({"ELBO": -140 - DIGITS[:, 0], "exact": -136 - DIGITS[:, 0]}, DIGITS[:, 1], DIGITS[:, 2],
                               {"other, exact": -130 - DIGITS[:, 0]}),
    "posteriors": lambda: pictures.posteriors(DIGITS[:3], BLOBS, ["best", "median", "worst"], (MEANS[:3], MEANS[3:6]),
                                           (MEANS[6:9], MEANS[9:12])),
    "planes": lambda: pictures.planes({"VAE": (MEANS, DIGITS[:16]), "no KL": (9 * MEANS, DIGITS[:16])}, LABELS),
}


def latent():
    return latent_explorer(decode_halves, RNG.normal(size=(4000, 2)), np.arange(4000) % 10)
