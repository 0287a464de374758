"""Lesson 10: what its pictures draw and what its explorers do."""

import numpy as np
import pytest

from tests.drawing import *
from utils import plots
from utils.lesson_10 import pictures

PICTURES = {
    "two_gaussians": lambda: pictures.two_gaussians({
        "moved": (np.zeros(2), np.eye(2), np.array([2.0, 1.0]), np.eye(2)),
        "turned": (np.zeros(2), np.diag([2.0, 0.3]), np.zeros(2), np.array([[1.0, 0.8], [0.8, 1.0]]))}),
    "frechet_bias": lambda: pictures.frechet_bias([100, 300, 1_000], {
        "real": np.array([[5.0], [1.7], [0.5]]) * (1 + 0.1 * DIGITS[0, :4]), "GAN": [[20.0], [17.0], [16.0]]}, 0.5),
    "manifolds": lambda: pictures.manifolds(MEANS[:20], 0.6 * MEANS[20:35] + 0.5, 0.3 + DIGITS[0, :20],
                                         0.5 * DIGITS[1, :15]),
    "bench": lambda: pictures.bench({name: {"VAE": DIGITS[0, :3] + 9, "GAN": DIGITS[1, :3] + 2} for name in "abcdefg"},
                                 {"a": 1.5}, {"a": "lower", "b": "higher"}, logarithmic=("a",)),
    "distance_shares": lambda: pictures.distance_shares({"VAE": MEANS[:, 0]**2, "test images": DIGITS[0]}),
    "looks_and_likelihood": lambda: pictures.looks_and_likelihood({"VAE": (DIGITS, -95.0, 20.5),
                                                                "copies": (DIGITS, -500, 1)}),
    "draw_gauges": lambda: gauges(),
}


def gauges():
    picture, axes = plots.canvas(height=1.4, columns=2)
    pictures.draw_gauges(axes, ["distance", "share"], [2.0, 0.9], [(1, 100), None])
    return picture


def test_arrows_from_one_gaussian_end_on_the_other_at_the_price_of_the_frechet_distance():
    mean_a, mean_b = np.array([1.0, -0.5]), np.array([-1.0, 2.0])
    a, b = np.array([[2.0, 0.6], [0.6, 0.5]]), np.array([[0.7, -0.9], [-0.9, 3.0]])
    arrows = next(each for each in pictures.two_gaussians({"": (mean_a, a, mean_b, b)}).axes[0].collections
                  if hasattr(each, "U"))
    starts, moves = np.stack([arrows.X, arrows.Y], axis=-1), np.stack([arrows.U, arrows.V], axis=-1)
    for points, mean, covariance in ((starts, mean_a, a), (starts + moves, mean_b, b)):
        radii = np.sqrt(np.einsum("ni,ij,nj->n", points - mean, np.linalg.inv(covariance), points - mean))
        np.testing.assert_allclose(radii, np.repeat([0, 1, 2], [1, 8, 8]), atol=1e-6)
    # Eight even directions at radius √2 have the covariance of the Gaussian itself; squares scale with the radius'.
    moved = mean_b - mean_a
    price = moved @ moved + 2 * np.mean(np.sum((moves[1:9] - moved)**2, axis=1))
    overlap = np.sqrt(np.linalg.eigvals(a @ b)).sum()
    assert price == pytest.approx(moved @ moved + np.trace(a) + np.trace(b) - 2 * overlap)


def test_manifolds_say_the_shares_that_they_show():
    real, fake = np.array([[0.0, 0], [1, 0], [5, 0]]), np.array([[0.5, 0], [0.4, 0.1], [3, 3], [9, 9]])
    axes = pictures.manifolds(real, fake, np.array([1.0, 0.55, 2]), np.array([0.2, 0.5, 0.1, 1])).axes
    assert [axis.get_title() for axis in axes] == [
        "precision 2 of 4 = 0.50", "recall 1 of 3 = 0.33", "coverage 2 of 3 = 0.67"]


STRIPES = np.kron(RNG.random((1_500, 7, 7)), np.ones((1, 4, 4)))  # smooth, so that they pack


STRIPES[:, :4, :4] = (np.arange(1_500) % 10 / 10)[:, None, None]  # a corner that tells the digit


def some_pixels(images):
    return images[:, 1::9, 1::9].reshape(len(images), -1)


def metric():
    return metric_explorer(STRIPES, np.arange(1_500) % 10, some_pixels, frechet_distance, precision_recall, coverage)


def scores_in_words(explorer, **settings):
    """Set the explorer's controls and return its four numbers, as it says them."""
    for name, value in settings.items():
        explorer.controls[name].value = value
    return [float(words.split()[-1]) for words in words_when_redrawn(explorer)]


@metric_only
@pytest.mark.parametrize(("noise", "dropped"), [(0.0, 0), (0.2, 0), (0.0, 3)])
def test_metrics_are_those_of_500_images_against_500_others(explorer, noise, dropped):
    """Noise is drawn for the whole pool of images 500 to 1,499, and dropped digits make room for the others."""
    pool = add_noise(STRIPES[500:1_500], noise, seed=0)
    kept = pool[np.arange(1_000) % 10 < 10 - dropped][:500]
    real, fake = some_pixels(STRIPES[np.argsort(np.arange(500) % 10, kind="stable")]), some_pixels(kept)
    expected = frechet_distance(real, fake), *precision_recall(real, fake), coverage(real, fake)
    said = scores_in_words(explorer, blur=0.0, noise=noise, dropped=dropped)
    np.testing.assert_allclose(said, expected, atol=0.051)
    np.testing.assert_allclose(said[1:], expected[1:], atol=0.0051)


@metric_only
def test_damage_worsens_what_it_should(explorer):
    untouched, blurred, dropped = (scores_in_words(explorer, blur=blur, noise=0.0, dropped=without)
                                   for blur, without in ((0.0, 0), (2.0, 0), (0.0, 5)))
    assert blurred[0] > 3 * untouched[0] and blurred[2] < 0.5 * untouched[2]
    assert dropped[0] > 2 * untouched[0]


@metric_only
def test_metrics_of_a_new_setting_take_less_than_a_tenth_of_a_second(explorer):
    times = []
    for blur, noise in itertools.product((0.5, 1.5), (0.1, 0.2, 0.3)):  # nothing that was seen, and so remembered
        began = time.thread_time()
        explorer.draw(blur, noise, 2)
        times.append(time.thread_time() - began)
    assert min(times) < 0.1


def test_metric_explorer_wants_enough_images_of_each_digit():
    with pytest.raises(ValueError, match=r"150 images or more of each digit, but got .*149.*first 2,000 test"):
        metric_explorer(STRIPES[1:], np.arange(1, 1_500) % 10, some_pixels, frechet_distance, precision_recall,
                        coverage)
