"""Lesson 7: what its pictures draw and what its explorers do."""

import numpy as np

from tests.drawing import *
from utils.lesson_07 import pictures

PICTURES = {
    "importance_check": lambda: pictures.importance_check(np.exp(4 + MEANS[:, 0]), MEANS[:, 1], 0.1 + MEANS[:, 0]**2,
                                                       MEANS[:, 1] > -1),
    "latent_sizes": lambda: pictures.latent_sizes([2, 5], {"ELBO": [-170, -140], "L₅₀": [-165, -139]},
                                               {"2 latents": [3, 4], "5 latents": [1, 2, 3, 4, 0]}),
    "draw_prices": lambda: labelled(pictures.draw_prices, {"plain": [0, 0], "warm-up": [2, 1]}),
    "dimension_prices": lambda: pictures.dimension_prices({"plain": [0, 0, 0], "warm-up": [0, 2, 1]}),
    "draw_rate_distortion": lambda: on_axis(pictures.draw_rate_distortion, *RATES),
    "rate_distortion": lambda: pictures.rate_distortion(
        {f"β = {beta}": (beta, *place) for beta, *place in zip((784, 3, 1, 0.1), *RATES)}, {"squared error": (9, 137)}),
    "weighted_bounds": lambda: pictures.weighted_bounds([1, 5, 50], [-93, -91, -90], [0.01, 0.02, 0.1], 3 + MEANS[:, 0]),
    "extrapolation": lambda: pictures.extrapolation([6, 14], [-93, -91], (X + 5, -90 - 1 / (X + 5)), {"published": -86.8}),
}


def beta():
    images = np.repeat(RNG.random((3, 36, 7)), 112, axis=-1)  # stripes: noise would not pack
    return beta_explorer({"1/784": (320.0, 86.0, images[0], images[1]), "1": (22.0, 110.0, images[1], images[2]),
                          "784": (0.0, 207.0, images[2], images[0])}, default="1")
