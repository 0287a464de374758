"""Lesson 2: what its pictures draw and what its explorers do."""

import numpy as np
import pytest

from tests.drawing import *
from utils.lesson_02 import pictures

PICTURES = {
    "folding": lambda: pictures.folding(CORNERS, CORNERS_XOR, fold, lambda hidden: hidden.sum(axis=1) - 0.5),
    "regions": lambda: pictures.regions({name: lambda points: fold(points).sum(axis=1) - 0.5 for name in "abc"}, CORNERS,
                                     CORNERS_XOR),
    "bump": lambda: pictures.bump(X, {"relu(x + 1)": np.maximum(X + 1, 0), "−relu(x)": -np.maximum(X, 0)}, [-1, 0]),
    "curve_fits": lambda: pictures.curve_fits(X, DENSITY, {n: (DENSITY**2, X[::n], DENSITY[::n]**2) for n in (8, 16, 32)},
                                           {4: 0.5, 8: 0.2, 16: 0.04}),
    "matrix_product": pictures.matrix_product,
    "computational_graph": lambda: pictures.computational_graph(*(
        dict.fromkeys(("x", "w1", "w2", "a1", "a2", "h1", "h2", "y", "loss"), number) for number in (-1.25, 3.0))),
    "network_shapes": lambda: pictures.network_shapes(100, (784, 512, 128, 10)),
    "logit_gradient": lambda: pictures.logit_gradient(np.full(10, 0.1), 3, 0.1 - np.eye(10)[3]),
    "signals": lambda: pictures.signals(*({"He": 0.9**np.arange(20), "0.01": 0.1**np.arange(20)} for _ in range(2))),
    "step_errors": lambda: pictures.step_errors(10.0**np.arange(-9, 0), {"central": 10.0**np.arange(-9, 0)**2 / 100,
                                                                      "forward": np.arange(9)}),
    "weight_maps": lambda: pictures.weight_maps({"He": DIGITS[:9].T - 0.5, "all zero": 0 * DIGITS[:9].T}, neurons=8),
}


def fold(points):
    return np.maximum(points @ np.array([[1, -1], [-1, 1]]), 0)


@curve_only
@pytest.mark.parametrize(("hidden", "waves", "layer"), [(1, 3, 1), (12, 3, 1), (40, 8, 7), (64, 2, 20)])
def test_curve_is_fitted_as_well_as_these_hidden_neurons_can(explorer, hidden, waves, layer):
    """The network drawn is that of NumPy's least squares on the same hidden neurons, and so is the error in words."""
    for name, value in {"hidden": hidden, "waves": waves, "layer": layer}.items():
        explorer.controls[name].value = value
    said = words_when_redrawn(explorer)
    x, random = np.linspace(0, 1, 401), np.random.default_rng(layer)
    kinks, slopes = random.random(64), random.choice([-1.0, 1.0], 64)
    neurons = np.maximum(slopes[:hidden] * (x[:, None] - kinks[:hidden]), 0)
    columns, curve = np.concatenate([np.ones((401, 1)), neurons], axis=1), np.sin(2 * np.pi * waves * x**2)
    best = columns @ np.linalg.lstsq(columns, curve, rcond=None)[0]
    assert said == [f"{hidden} hidden neuron{'s' * (hidden > 1)}: error {np.sqrt(np.mean((best - curve)**2)):.3f}"]
