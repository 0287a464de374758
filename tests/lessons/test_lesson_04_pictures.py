"""Lesson 4: what its pictures draw and what its explorers do."""

import numpy as np
import pytest
from scipy import integrate, stats

from tests.drawing import *
from utils import plots
from utils.lesson_04 import pictures

PICTURES = {
    "mixture_steps": lambda: pictures.mixture_steps(
        MEANS[:, 0], X, {name: (np.stack([DENSITY, DENSITY[::-1]]) / 2, np.abs(MEANS) / np.abs(MEANS).sum(
            axis=1, keepdims=True)) for name in "abc"}, [-3, -2, -1.9]),
    "string_of_gaussians": lambda: pictures.string_of_gaussians(
        {"few": BLOBS[0], "all": BLOBS[1]}, [MEANS[:5], None], MEANS, (-4, 4, -3, 3)),
    "integration_errors": lambda: pictures.integration_errors({
        title: (2**np.arange(2, 9), {"grid": 0.5**np.arange(7), "draws": 2.0**-np.arange(7)}, X + 5,
                {"grid": 1 / (X + 5), "draws": 2 / (X + 5)}, {"draws": "slope −1/2"}) for title in "ab"}),
    "curse": lambda: pictures.curse([1, 5, 20], {name: -10 * DIGITS[:3, :30] for name in "ab"},
                                 {name: [10, 1e5, 1e20] for name in ("grid", "a", "b")}, 10_000),
    "draw_bound": lambda: on_axis(pictures.draw_bound, [-3.0, -5.0], [0.5, 2.5], -6.0, ["a", "b"]),
    "bounds": lambda: pictures.bounds(X, DENSITY, {"a": DENSITY**2, "b": DENSITY**3}, {"a": -3.0, "b": -5.0},
                                   {"a": 0.5, "b": 2.5}),
    "stratified_points": lambda: pictures.stratified_points(MEANS[:99], DIGITS[:99, :2], MEANS[:99], 12),
    "posterior_maps": lambda: pictures.posterior_maps(DIGITS[:3], [(BLOBS[0], (0, 1, 2, 3))] * 3, ["a", "b", "c"]),
    "training_on_the_ladder": lambda: pictures.training_on_the_ladder(
        [-210, -150, -130], {"pixel": -205.8, "2-D VAE": -135.7, "sphere": -132.5}, "nats"),
    "growth": lambda: pictures.growth([1, 2, 3, 4], 32.0**np.arange(4, 8), 32.0**np.arange(4)),
    "draw_integral": lambda: integral(),
}


def integral():
    picture, axes = plots.canvas(height=3, columns=3)
    pictures.draw_integral(axes, X, X, X**2, np.outer(DENSITY, DENSITY), DENSITY)
    return picture


def test_bars_of_the_bound_end_at_the_sum():
    _, axis = plots.canvas(height=2)
    bounds, gaps = pictures.draw_bound(axis, [-3.0, -5.0], [0.5, 2.5], -6.0, ["a", "b"])
    assert [bar.get_x() + bar.get_width() for bar in bounds] == [-3.0, -5.0]
    assert [bar.get_x() + bar.get_width() for bar in gaps] == [-2.5, -2.5]
    assert axis.lines[0].get_xdata()[0] == -2.5


@pytest.mark.parametrize(("row", "column"), [(0, 0), (0, 1), (1, 0), (1, 1)])
def test_image_covers_no_mass_of_its_posterior(row, column):
    """Three of four corners hold a mode: the image goes to the fourth, and the window keeps its coordinates."""
    density = np.zeros((41, 41))
    for place in {(0, 0), (0, 1), (1, 0), (1, 1)} - {(row, column)}:
        density[4 + 32 * place[0], 4 + 32 * place[1]] = 1
    axis = pictures.posterior_maps(DIGITS[:1], [(density, (1, 2, 5, 6))], ["a"], columns=1).axes[0]
    assert (*axis.get_xlim(), *axis.get_ylim()) == (1, 2, 5, 6)
    inset, = axis.child_axes
    left, bottom, width, height = inset.get_axes_locator()._bounds
    assert (bottom + height / 2 > 0.5, left + width / 2 > 0.5) == (row == 1, column == 1)


def test_rungs_close_together_are_named_above_and_below():
    rungs = {"VAE": -135.7, "sphere": -132.5, "pixel": -205.8}
    texts = pictures.training_on_the_ladder([-210, -150, -130], rungs, "nats").axes[0].texts
    places = {text.get_text(): (text.get_ha(), text.get_va()) for text in texts}
    assert places == {"VAE −135.7": ("right", "top"), "sphere −132.5": ("left", "bottom"),
                      "pixel −205.8": ("right", "bottom")}


@integral_only
@pytest.mark.parametrize("observed", [-1.0, 1.4, 5.0])
def test_integral_says_the_area_under_the_joint(explorer, observed):
    explorer.controls["observed"].value = observed
    area, _ = integrate.quad(lambda z: stats.norm.pdf(z) * stats.norm.pdf(observed, z**2, 0.4), -8, 8,
                             points=[-2, 0, 2])
    assert words_when_redrawn(explorer) == [f"area of the joint: p(x) = {area:.4f}"]


@bound_only
@pytest.mark.parametrize(("observed", "mean", "deviation"), [(2.0, 1.4, 0.15), (0.5, 0.0, 0.6), (4.0, -2.0, 0.05)])
def test_bound_says_elbo_divergence_and_their_sum(explorer, observed, mean, deviation):
    """Against closed forms: E_q of a quartic, the KL divergence from the prior, and the evidence by SciPy."""
    for name, value in {"observed": observed, "mean": mean, "deviation": deviation}.items():
        explorer.controls[name].value = value
    square, fourth = mean**2 + deviation**2, mean**4 + 6 * mean**2 * deviation**2 + 3 * deviation**4
    explained = -(observed**2 - 2 * observed * square + fourth) / (2 * 0.4**2) - np.log(0.4 * np.sqrt(2 * np.pi))
    elbo = explained - (square - 1 - 2 * np.log(deviation)) / 2
    evidence, _ = integrate.quad(lambda z: stats.norm.pdf(z) * stats.norm.pdf(observed, z**2, 0.4), -8, 8,
                                 points=[-2, 0, 2])
    words, = words_when_redrawn(explorer)
    numbers = [float(word.replace("−", "-")) for word in words.split() if word[-1].isdigit()]
    np.testing.assert_allclose(numbers, [elbo, np.log(evidence) - elbo, np.log(evidence)], atol=0.006)
