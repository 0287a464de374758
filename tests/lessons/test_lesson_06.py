"""Lesson 6: the best Gaussian posterior against closed forms and brute force, its pictures and its explorer."""

import numpy as np
import pytest
from keras import ops
from scipy.optimize import minimize
from scipy.special import expit, log_expit

from tests.drawing import (
    BLOBS,
    DIGITS,
    LABELS,
    MEANS,
    ExplorerContract,
    decode_halves,
    digits_of,
    dots,
    line,
    lines,
    presentable,
    sheet,
    texts,
    words_when_redrawn,
)
from utils.lesson_06 import explorers, pictures
from utils.lesson_06.study import best_gaussian_posterior, deviation_of_posterior, elbo_of_gaussian
from utils.likelihood import log_marginal_by_quadrature


def bumps(*parts):
    """Return a decoder of one pixel, white with the probability: sum of weight * exp(-|z - centre|^2 / (2 width^2)).

    Under the prior N(0, I), the posterior of a white pixel is then a known mixture of Gaussians.
    """
    def decoder(latents):
        latents = np.asarray(latents, np.float64)
        log_p = np.logaddexp.reduce([np.log(weight) - np.sum(((latents - centre) / width)**2, axis=1) / 2
                                     for weight, centre, width in parts])
        return ops.convert_to_tensor((log_p - np.log1p(-np.exp(log_p)))[:, None], "float32")
    return decoder


def gaussian_of(weight, centre, width):
    """Return the mean and log variance of the posterior that a single bump has, and its log p(x)."""
    log_variance = np.log(width**2 / (1 + width**2))
    log_marginal = np.log(weight) + np.sum(log_variance - centre**2 / (1 + width**2)) / 2
    return centre / (1 + width**2), log_variance, log_marginal


def test_best_gaussian_of_a_gaussian_posterior_is_that_posterior():
    bump = 0.7, np.array([0.8, -1.5]), np.array([0.2, 0.9])
    found = best_gaussian_posterior(bumps(bump), np.ones((1, 1)), [[0, 0]], [[0, 0]])
    for came, expected in zip(found, gaussian_of(*bump), strict=True):
        np.testing.assert_allclose(came[0], expected, atol=1e-3)


TALL, WIDE = (0.9, np.array([2.0, 0.5]), np.full(2, 0.15)), (0.2, np.array([-1.5, 0.0]), np.full(2, 0.6))
LOW = 0.3, np.array([-2.0, 0.5]), np.full(2, 0.15)


@pytest.mark.parametrize(("encoder", "other", "best"), [(LOW, TALL, TALL), (WIDE, TALL, WIDE)], ids=["mode", "encoder"])
def test_best_gaussian_is_found_from_the_encoder_or_from_the_mode_of_the_posterior(encoder, other, best):
    """Two modes so far apart that no search comes from one to the other; the encoder's mean lies near one of them."""
    mean, log_variance, _ = gaussian_of(*encoder)
    found = best_gaussian_posterior(bumps(encoder, other), np.ones((1, 1)), mean[None] + 0.1, log_variance[None] - 0.3)
    for came, expected in zip(found, gaussian_of(*best), strict=True):
        np.testing.assert_allclose(came[0], expected, atol=0.01)


RANDOM = np.random.default_rng(6)
FIRST, SECOND = RANDOM.normal(size=(3, 16)).astype("float32"), RANDOM.normal(0, 0.7, (16, 300)).astype("float32")


def network(latents):
    """A decoder of 300 pixels, whose posteriors are narrow, as those of the lesson are."""
    return ops.tanh(latents @ FIRST[:2] + FIRST[2]) @ SECOND


LATENTS = RANDOM.normal(size=(40, 2)).astype("float32")
IMAGES = (RANDOM.random((40, 300)) < expit(np.asarray(network(LATENTS)))).astype("float32")
GAUSSIANS = LATENTS + RANDOM.normal(0, 0.1, (40, 2)), RANDOM.normal(-3, 0.5, (40, 2))  # of an encoder


@pytest.fixture(scope="module")
def best():
    return best_gaussian_posterior(network, IMAGES, *GAUSSIANS)


def test_best_gaussian_lies_between_the_encoder_and_the_truth(best):
    assert np.all(elbo_of_gaussian(network, IMAGES, *GAUSSIANS) < best.elbo)
    assert np.all(best.elbo < log_marginal_by_quadrature(network, IMAGES, points_per_side=401) + 0.001)
    np.testing.assert_allclose(best.elbo, elbo_of_gaussian(network, IMAGES, best.mean, best.log_variance), atol=1e-3)


@pytest.mark.parametrize("row", [0, 1, 2])
def test_best_gaussian_matches_a_search_without_gradients(best, row):
    def loss(parameters):
        return -elbo_of_gaussian(network, IMAGES[[row]], [parameters[:2]], [parameters[2:]])[0]
    found = minimize(loss, [*GAUSSIANS[0][row], *GAUSSIANS[1][row]], method="Nelder-Mead",
                     options={"xatol": 1e-3, "fatol": 1e-3})
    assert best.elbo[row] == pytest.approx(-found.fun, abs=0.01)


@pytest.mark.parametrize("log_variance", [[-2.0, -3.0], [-4.0, -5.0], [-18.0, -18.0]])
def test_elbo_of_gaussian_matches_brute_force(log_variance):
    mean, deviation, points = LATENTS[0], np.exp(np.array(log_variance) / 2), np.linspace(-6, 6, 121)
    grid = np.stack(np.meshgrid(points, points), axis=-1).reshape(-1, 2)
    logits = np.asarray(network((mean + deviation * grid).astype("float32")), float)
    log_likelihoods = np.where(IMAGES[0] == 1, log_expit(logits), log_expit(-logits)).sum(axis=1)
    expected = np.average(log_likelihoods, weights=np.exp(-np.sum(grid**2, axis=1) / 2))
    expected -= np.sum(mean**2 + deviation**2 - 1 - log_variance) / 2
    assert elbo_of_gaussian(network, IMAGES[:1], [mean], [log_variance])[0] == pytest.approx(expected, abs=2e-3)


def test_deviation_of_a_posterior_of_two_islands_follows_from_theirs():
    parts = [(0.3, np.array([0.8, -1.5]), np.array([0.2, 0.4])), (0.5, np.array([-2.0, 1.0]), np.array([0.5, 0.3]))]
    means, log_variances, log_marginals = map(np.array, zip(*(gaussian_of(*part) for part in parts)))
    shares = np.exp(log_marginals) / np.exp(log_marginals).sum()
    variances = shares @ (np.exp(log_variances) + (means - shares @ means) ** 2)
    found = deviation_of_posterior(bumps(*parts), np.ones((2, 1)), points_per_side=401)
    assert found == pytest.approx(np.sqrt([variances.mean()] * 2), rel=1e-3)


@pytest.mark.parametrize("call", [elbo_of_gaussian, best_gaussian_posterior])
@pytest.mark.parametrize(("images", "mean", "match"), [
    (np.ones((3, 1)), np.ones((1, 2)), r"wants mean and log_variance of shape \(3, 2\).*\(1, 2\) and \(3, 2\)"),
    (np.ones((3, 1)), np.full((3, 2), np.nan), "wants finite mean and log_variance, but got NaN or infinity"),
    (np.full((3, 1), 0.3), np.ones((3, 2)), r"wants images of zeros and ones, but got other values between 0\.3"),
])
def test_what_is_no_gaussian_of_an_image_is_refused(call, images, mean, match):
    with pytest.raises(ValueError, match=f"{call.__name__} {match}"):
        call(bumps(LOW), images, mean, np.ones((3, 2)))


def test_estimates_of_a_gradient_are_histograms_of_density_beside_their_scatter():
    estimates = {"score": [-5.0, -5.0, 7.0, 2.0], "path": [2.0] * 4, "exact KL": [1.0, 2.0]}
    deviations = {"score": [6, 12, 24], "path": [3, 5, 4], "exact KL": [1, 1.5, 1.2]}
    left, right = presentable(pictures.gradient_noise(estimates, 2.0, [1, 4, 16], deviations))
    for bars in left.containers:
        drawn = {bar.get_x(): 0.25 * bar.get_height() for bar in bars if bar.get_height()}
        values = estimates.pop(bars[0].get_label())
        assert drawn == pytest.approx({value: values.count(value) / len(values) for value in sorted(values)})
    bars = [bar.get_xdata() for bar in left.lines if bar.get_marker() == "|"]  # a standard deviation to each side
    assert [np.ptp(bar) / 2 for bar in bars] == pytest.approx([np.std([-5, -5, 7, 2]), 0, 0.5])
    assert [bar[1] for bar in bars] == pytest.approx([-0.25, 2, 1.5])
    assert not estimates and line(left, "exact gradient")[:, 0].tolist() == [2, 2]
    assert lines(right) == deviations and line(right, "path")[:, 0].tolist() == [1, 4, 16]
    assert (right.get_xscale(), right.get_yscale()) == ("log", "log")


def test_gaps_are_drawn_as_averages_and_image_by_image():
    figures = {"ELBO of the best": [-150, -140], "exact, by hand": [-136, -138]}
    left, right = presentable(pictures.gaps(figures, approximation=[0.7, 0.2, 3], amortisation=[8, 1, 4],
                                            other={"other": [-120, -130]}))
    assert [dots(left, row).tolist() for row in range(3)] == [[[-145, 0]], [[-137, 1]], [[-125, 2]]]
    assert texts(left) == ["-145.0", "-137.0", "-125.0"] and left.get_ylim()[0] > left.get_ylim()[1]
    assert [tick.get_text() for tick in left.get_yticklabels()] == ["ELBO\nof the best", "exact,\nby hand", "other"]
    assert left.lines[0].get_xdata().tolist() == [-145, -137]  # what is missing
    assert lines(right) == {"amortisation": [1, 4, 8], "approximation": [0.2, 0.7, 3]} and right.get_yscale() == "log"


def test_posteriors_stand_below_their_images_with_both_gaussians():
    densities = BLOBS * np.arange(1, 4)[:, None, None] + np.linspace(0, 0.3, 41)
    gaussians = {"encoder": (MEANS[:3], MEANS[3:6]), "best": (MEANS[6:9], MEANS[9:12])}
    axes = np.reshape(presentable(pictures.posteriors(DIGITS[:3], densities, "abc", **gaussians)), (2, 3))
    for column, (digit, plane) in enumerate(axes.T):
        np.testing.assert_allclose(digits_of(digit)[0], DIGITS[column], rtol=1e-6)
        assert digit.get_title() == "abc"[column]
        np.testing.assert_allclose(sheet(plane), densities[column] / densities[column].max())
        assert tuple(plane.images[0].get_extent()) == (-5, 5, -5, 5) and plane.images[0].origin == "lower"
        for ellipse, (name, (means, log_variances)) in zip(plane.patches, gaussians.items(), strict=True):
            centre, size = means[column], 4 * np.exp(log_variances[column] / 2)
            assert ellipse.get_label() == f"{name} Gaussian" and ellipse.center == pytest.approx(centre)
            assert (ellipse.width, ellipse.height) == pytest.approx(size)
            assert all(plane.viewLim.contains(*corner) for corner in (centre - size / 2, centre + size / 2))


def test_planes_of_models_stand_above_their_digits():
    models = {"VAE": (MEANS, DIGITS[:9]), "no KL": (9 * MEANS, DIGITS[9:18])}
    axes = np.reshape(presentable(pictures.planes(models, LABELS)), (2, 2))
    for (plane, prior), (name, (means, digits)) in zip(axes.T, models.items(), strict=True):
        assert plane.get_title() == name
        np.testing.assert_array_equal(dots(plane, 7), means[LABELS == 7])
        assert plane.get_xlim()[1] == plane.get_ylim()[1] == max(4, 1.1 * np.abs(means).max())
        np.testing.assert_allclose(digits_of(prior), digits, rtol=1e-6)
        assert [(circle.center, circle.width, circle.height) for circle in plane.patches] == [((0, 0), 4, 4)]


class TestLatentExplorer(ExplorerContract):
    @staticmethod
    def make():
        means = np.concatenate([[[1.22, -0.51]], RANDOM.normal(-1.5, 0.3, (4000, 2)), [[2.0, 2.0], [2.1, 2.0]]])
        return explorers.latent_explorer(decode_halves, means, np.repeat([3, 6, 8], [1, 4000, 2]))

    def test_it_begins_at_the_first_image_and_says_who_is_near(self, explorer):
        assert [control.value for control in explorer.controls.values()] == pytest.approx([1.2, -0.5])
        assert words_when_redrawn(explorer)[-1] == "(1.20, -0.50): 1 image near, mostly 3"
        assert words_when_redrawn(explorer, first=2.25, second=2.0)[-1] == "(2.25, 2.00): 1 image near, mostly 8"
