"""Lesson 9: what its pictures draw and what its explorers do."""

import numpy as np
import pytest
from scipy import stats

from tests.drawing import *
from utils.lesson_09 import pictures

PICTURES = {
    "sorted_pairs": lambda: pictures.sorted_pairs(MEANS[:12, 0], MEANS[:12, 1] + 1),
    "distances": lambda: pictures.distances(X + 4, {"Jensen–Shannon": np.minimum(X + 4, 0.69), "Wasserstein": X + 4}),
    "critics": lambda: pictures.critics(X, DENSITY, DENSITY[::-1], {"critic": X, "discriminator": np.tanh(X)}),
    "singular_values": lambda: pictures.singular_values({"first": [3, 2, 0.1], "last": [4.0]},
                                                     {"first": [1, 0.6, 0.03], "last": [1.0]}),
    "charts": lambda: pictures.charts({name: RUN for name in "ABCD"}),
    "draw_corners": lambda: two_axes(pictures.draw_corners, DIGITS[:9]),
    "patients": lambda: pictures.patients({"patient": (PATIENT, MEANS), "cured": (PATIENT, MEANS[:50])}, MEANS[:100],
                                       "length of the gradient", logarithmic=True, released=1),
    "phase_portraits": lambda: pictures.phase_portraits(
        {name: (PATIENT, MEANS[:9], lambda x, y: (y, -x)) for name in ("patient", "cured")}, ("x", "y"), reach=3),
    "averaged_path": lambda: pictures.averaged_path(MEANS[:50], MEANS[:50] / 9),
    "cures": lambda: pictures.cures({"collapse": ("clusters", 0, 8, "linear"), "circling": ("distance", 3, 1e-6, "log")}),
    "recipes": lambda: pictures.recipes({"no cure": (90.0, 0.5, 0.2), "R1": (30.0, 0.7, 0.6)}, (0.5, 0.86, 0.87)),
    "step_times": lambda: pictures.step_times({"R1": 12.5, "tutorial's layers": 600.0}),
}


def test_sorted_pairs_says_the_distance_as_length_and_as_area():
    """Of samples on which sorting matters; the area is that between distribution functions, by SciPy."""
    first, second = np.random.default_rng(5).normal([[0], [1]], [[1], [3]], (2, 40))
    left, right = pictures.sorted_pairs(first, second).axes
    distance = stats.wasserstein_distance(first, second)
    assert left.get_title().endswith(f"{distance:.2f}") and right.get_title().endswith(f"{distance:.2f}")
    assert distance < 0.8 * np.mean(np.abs(first - second))


def test_sorted_pairs_refuses_samples_of_different_sizes():
    with pytest.raises(ValueError, match="two samples of the same size, but got 3 and 4 numbers"):
        pictures.sorted_pairs(np.ones(3), np.ones(4))


CORNERS = np.array([[2.0, 0, 0], [0, 2, 1], [-2, 1, 0], [0, -2, 2]])


def generate_halves(latents):
    """A generator without a network: digits whose halves follow the first two latents."""
    return np.concatenate([decode_halves(latent[None, :2]) for latent in latents])


def corners():
    return corner_explorer(generate_halves, CORNERS)


@pytest.mark.parametrize("explorer", ["corners"], indirect=True)
@pytest.mark.parametrize(("right", "down", "length"), [(0, 0, 2.0), (1, 0, 5**0.5), (0, 1, 5**0.5), (1, 1, 8**0.5),
                                                       (0.5, 0.5, 2**-1 * (0 + 1 + 9)**0.5)])
def test_corners_says_how_long_the_latent_is(explorer, right, down, length):
    """At the corners their own lengths; in the middle that of the sum, (0, 1, 3), divided by √4."""
    explorer.controls["right"].value, explorer.controls["down"].value = right, down
    said = words_when_redrawn(explorer)
    assert said == [f"right {right:.2f}, down {down:.2f}: length of z {length:.1f}"]


def test_latents_between_corners_have_the_prior_s_length_where_plain_means_are_half_as_long():
    corners = np.random.default_rng(8).normal(size=(500, 4, 64))
    for right, down in ((0.5, 0.5), (0.25, 0.75), (0.0, 0.3)):
        squares = [np.sum(between_corners(each, right, down)**2) for each in corners]
        assert np.mean(squares) == pytest.approx(64, rel=0.03)
    assert np.mean(np.sum(corners.mean(axis=1)**2, axis=-1)) == pytest.approx(64 / 4, rel=0.03)


def test_latents_between_equally_long_perpendicular_corners_lie_on_the_circle_through_them():
    """There the path is that of spherical interpolation: it keeps the length and stays in the plane of the two."""
    corners = 3 * np.eye(4)
    path = between_corners(corners, np.linspace(0, 1, 11), np.zeros(11))
    np.testing.assert_allclose(np.linalg.norm(path, axis=1), 3, rtol=1e-6)
    np.testing.assert_array_equal(path[:, 2:], 0)
    np.testing.assert_allclose(path[[0, 5, 10], :2], [[3, 0], [4.5**0.5, 4.5**0.5], [0, 3]], rtol=1e-6)


def test_latents_between_corners_begin_and_end_at_the_corners_and_come_as_float32():
    np.testing.assert_allclose(between_corners(CORNERS, np.array([0, 1, 0, 1]), np.array([0, 0, 1, 1])), CORNERS)
    assert between_corners(CORNERS, 0.2, 0.7).dtype == np.float32 and between_corners(CORNERS, 0.2, 0.7).shape == (3,)


def test_between_corners_refuses_another_number_of_corners():
    with pytest.raises(ValueError, match=r"four latents, of shape \(4, latent_dim\), but got \(3, 3\)"):
        between_corners(CORNERS[:3], 0.5, 0.5)
