"""Lesson 1: what its pictures draw and what its explorers do."""

import numpy as np
import pytest

from tests.drawing import *
from utils.lesson_01 import pictures

PICTURES = {
    "neuron_and_model": pictures.neuron_and_model,
    "activations": lambda: pictures.activations(X, {"step": (1.0 * (X > 0), 0 * X), "tanh": (np.tanh(X), DENSITY)}),
    "draw_points": lambda: on_axis(pictures.draw_points, MEANS, LABELS % 2),
    "neurons_in_the_plane": lambda: pictures.neurons_in_the_plane(
        MEANS, LABELS % 2, {name: (np.array([1.0, 2.0]), 0.5) for name in ("before", "after")},
        lambda points, weights, bias: 1 / (1 + np.exp(-points @ weights - bias))),
    "perceptron_runs": lambda: pictures.perceptron_runs({
        name: (MEANS, LABELS % 2, [(MEANS[0], 1.0), (MEANS[1], -1.0)], [1, 1]) for name in ("apart", "overlapping")}),
    "cross_entropy": lambda: pictures.cross_entropy(DENSITY, -np.log(DENSITY), X,
                                                 [np.logaddexp(0, X), np.logaddexp(0, -X)]),
    "slope_chain": lambda: pictures.slope_chain(["$w_1$", "$a$", "loss"], [0.5, -0.3, 0.85], [2.0, -0.57]),
    "window": lambda: pictures.window(DIGITS[:3], ["a 3", "an 8", "another"], (16, 20), (9, 15)),
    "one_input": lambda: pictures.one_input(np.tile(MEANS[:, 0], 9), np.tile(LABELS % 2, 9), X, DENSITY,
                                         ("ink", "a 3", "an 8")),
    "descents": lambda: pictures.descents(X[::8], X[::10], 0.1 + X[::10, None]**2 + X[::8]**2,
                                       {name: MEANS[:9] for name in "abc"}, {name: [3, 1, 2] for name in "abc"}),
    "weight_images": lambda: pictures.weight_images({"1 step": DIGITS[0] - 0.5, "9 steps": DIGITS[1] - 0.5}),
    "gates": lambda: pictures.gates(np.array([[0, 0], [0, 1], [1, 0], [1, 1]]), {"AND": (2, 2, -3), "XOR": None},
                                 {"AND": [0, 0, 0, 1], "XOR": [0, 1, 1, 0]}),
}


@pytest.mark.parametrize(("weights", "bias"), [((2.0, -1.0), 3.0), ((0.0, 0.5), -1.0), ((1e-3, 0.0), 0.002)])
def test_boundary_runs_where_the_weighted_sum_is_0_and_beyond_the_plane(weights, bias):
    start, end = pictures.boundary(weights, bias, extent=4.0)
    for share in (0, 0.3, 1):
        assert np.dot(weights, (1 - share) * start + share * end) + bias == pytest.approx(0, abs=1e-12)
    assert np.linalg.norm(end - start) > 2 * np.hypot(8, 8)


def test_weights_of_0_are_drawn_white_whatever_the_others_are():
    """A palette from the smallest to the largest weight would move its middle away from 0."""
    picture = pictures.weight_images({"mostly positive": np.where(np.arange(784) % 2, 0.0, np.arange(784) / 10)})
    image, = picture.axes[0].images
    assert image.norm.vmin == -image.norm.vmax and image.norm.vmax == pytest.approx(78.2)
    assert np.all(image.cmap(image.norm(0.0))[:3] > np.array(0.95))


def clouds(seed):
    labels = np.arange(60) % 2
    return np.random.default_rng(seed).normal(size=(60, 2)) + 2 * labels[:, None] - 0.6, labels


def neuron():
    return neuron_explorer(clouds, logistic_gradient)


@neuron_only
@pytest.mark.parametrize(("description", "steps"), [("1 step downhill", 1), ("20 steps downhill", 20)])
def test_neuron_goes_down_the_gradient_that_it_was_given(explorer, description, steps):
    explorer.controls["seed"].value = 5
    button(explorer, "start at zero").click()
    weights, bias, (points, labels) = np.zeros(2), 0.0, clouds(5)
    for _ in range(steps):
        of_weights, of_bias = logistic_gradient(points, labels, weights, bias)
        weights, bias = weights - of_weights, bias - of_bias
    button(explorer, description).click()
    values = [explorer.controls[name].value for name in ("first", "second", "bias")]
    np.testing.assert_allclose(values, [*weights, bias], rtol=1e-12)


@neuron_only
def test_neuron_says_its_hits_and_its_loss(explorer):
    """Of a neuron that ignores the second input, on points where the loss can be computed by hand."""
    for name, value in {"first": 2.0, "second": 0.0, "bias": -1.0, "seed": 3}.items():
        explorer.controls[name].value = value
    points, labels = clouds(3)
    probability = 1 / (1 + np.exp(1 - 2 * points[:, 0]))
    loss = -np.log(np.where(labels == 1, probability, 1 - probability)).mean()
    said = words_when_redrawn(explorer)
    assert said[0] == f"{np.sum((probability > 0.5) == labels)} of 60 right"
    assert said[1].startswith(f"loss {loss:.3f} nats; lowest with this bias 0.")


@neuron_only
def test_neuron_without_weights_has_no_boundary_and_ln_2_to_lose(explorer):
    button(explorer, "start at zero").click()
    assert words_when_redrawn(explorer)[-1].startswith("loss 0.693 nats")
