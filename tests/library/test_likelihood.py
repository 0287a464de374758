"""Evidence by quadrature and by sampling, against closed forms and brute force."""

import itertools
import math

import keras
import numpy as np
import pytest
from keras import ops
from scipy import integrate, stats
from scipy.special import log_expit, logsumexp

from utils import likelihood
from utils.data import binarised_test_set, flatten, load_mnist, to_unit_range
from utils.likelihood import (
    importance_estimate,
    importance_log_weights,
    latent_grid,
    log_likelihood_on_grid,
    log_marginal_by_importance_sampling,
    log_marginal_by_quadrature,
)
from utils.models import VAE, build_decoder, build_encoder

RNG = np.random.default_rng(11)
WEIGHTS, BIAS = RNG.normal(0, 1.5, (2, 4)).astype("float32"), RNG.normal(0, 1, 4).astype("float32")
TINY_IMAGES = np.array(list(itertools.product((0, 1), repeat=4)), "float32")


def tiny_decoder(latents):
    """Four pixels, each a neuron that looks at the latent plane: small enough for brute force."""
    return 3 * ops.tanh(ops.matmul(latents, WEIGHTS) + BIAS)


def tiny_log_likelihood(image, latent):
    """The same in NumPy, one image and one latent, in float64."""
    logits = 3 * np.tanh(latent @ WEIGHTS.astype(float) + BIAS)
    return np.sum(np.where(image == 1, log_expit(logits), log_expit(-logits)))


def tiny_evidence(image):
    """The integral of p(z) p(x | z) by SciPy's adaptive quadrature, over a plane wider than the default grid."""
    def joint(second, first):
        latent = np.array([first, second])
        return math.exp(tiny_log_likelihood(image, latent) - latent @ latent / 2) / (2 * math.pi)
    return integrate.dblquad(joint, -8, 8, -8, 8, epsabs=1e-9)[0]


def tiny_encoder(images):
    """A proposal that is near no posterior but covers all of them."""
    return 0.2 * ops.ones_like(images[:, :2]), 0.1 * ops.ones_like(images[:, :2])


def by_sampling(images, **options):
    return log_marginal_by_importance_sampling(tiny_encoder, tiny_decoder, images, **options)


@pytest.fixture(scope="module")
def trained():
    """A small VAE after a few seconds, whose posteriors are narrow, as those of the lessons; images; their log p(x)."""
    keras.utils.set_random_seed(0)
    model = VAE(build_encoder(widths=(128,)), build_decoder(widths=(128,)))
    model.compile(optimizer=keras.optimizers.Adam(3e-3))
    model.fit(to_unit_range(flatten(load_mnist().train_images[:20_000])), batch_size=100, epochs=4, verbose=0)
    images = binarised_test_set()[:100]
    return model, images, log_marginal_by_quadrature(model.decoder, images)


def test_grid_weights_are_the_prior_and_its_rows_the_second_axis():
    grid, log_weights = latent_grid(101, 5.0)
    expected = stats.multivariate_normal(np.zeros(2)).logpdf(grid) + 2 * math.log(0.1)
    np.testing.assert_allclose(log_weights, expected, rtol=1e-6)
    assert np.exp(log_weights.astype(float)).sum() == pytest.approx(1, abs=2e-6)
    plane = latent_grid(5, 2.0)[0].reshape(5, 5, 2)
    np.testing.assert_array_equal(plane[3, :, 0], [-2, -1, 0, 1, 2])
    np.testing.assert_array_equal(plane[:, 3, 1], [-2, -1, 0, 1, 2])


@pytest.mark.parametrize(("latents", "pixels", "noise", "points"), [(1, 3, 0.5, 401), (2, 6, 1.5, 201)])
def test_evidence_and_posterior_match_those_of_a_linear_gaussian_model(latents, pixels, noise, points):
    """Closed forms: evidence N(offset, W'W + noise² I); posterior precision I + WW'/noise², and mean by regression."""
    random = np.random.default_rng(latents)
    weights, offset = random.normal(0, 1, (latents, pixels)), random.normal(0, 1, pixels)
    observations = random.normal(0, 1, (5, latents)) @ weights + offset + noise * random.normal(size=(5, pixels))
    axis = np.linspace(-5, 5, points)
    grid = np.stack(np.meshgrid(*[axis] * latents), axis=-1).reshape(-1, latents)
    cell = (axis[1] - axis[0]) ** latents
    log_likelihoods = stats.norm.logpdf(observations[:, None], grid @ weights + offset, noise).sum(-1)
    log_weights = stats.norm.logpdf(grid).sum(axis=-1) + math.log(cell)

    evidence = stats.multivariate_normal(offset, weights.T @ weights + noise**2 * np.eye(pixels))
    value = likelihood.log_marginal_on_grid(log_likelihoods, log_weights)
    posteriors = likelihood.posterior_on_cells(log_likelihoods, log_weights)
    np.testing.assert_allclose(value, evidence.logpdf(observations), atol=2e-5)
    covariance = np.linalg.inv(np.eye(latents) + weights @ weights.T / noise**2)
    for observation, found in zip(observations, posteriors, strict=True):
        mean = covariance @ weights @ (observation - offset) / noise**2
        expected = stats.multivariate_normal(mean, covariance).pdf(grid)
        np.testing.assert_allclose(found / cell, expected, atol=1e-5 * expected.max())


def test_quadrature_matches_adaptive_integration_and_all_images_sum_to_one():
    chosen = [0, 9, 13]
    expected = [math.log(tiny_evidence(image)) for image in TINY_IMAGES[chosen]]
    log_marginal = log_marginal_by_quadrature(tiny_decoder, TINY_IMAGES, points_per_side=281, extent=7.0)
    np.testing.assert_allclose(log_marginal[chosen], expected, atol=2e-6)
    assert np.exp(log_marginal).sum() == pytest.approx(1, abs=2e-6) and log_marginal.std() > 0.5


def test_quadrature_of_a_trained_decoder_is_good_to_a_thousandth_of_a_nat(trained, monkeypatch):
    """Against float64, a finer grid, and other blocks."""
    vae, images, exact = trained
    grid, log_weights = latent_grid()
    logits = ops.convert_to_numpy(vae.decoder(grid)).astype(float)
    log_likelihoods = images[:20].astype(float) @ logits.T - np.logaddexp(0, logits).sum(axis=1)
    np.testing.assert_allclose(exact[:20], logsumexp(log_likelihoods + log_weights, axis=1), atol=1e-3)
    finer = log_marginal_by_quadrature(vae.decoder, images[:30], points_per_side=401)
    np.testing.assert_allclose(exact[:30], finer, atol=0.01)
    monkeypatch.setattr(likelihood, "GRID_BLOCK", 7_001)
    monkeypatch.setattr(likelihood, "IMAGE_BLOCK", 33)
    np.testing.assert_allclose(log_marginal_by_quadrature(vae.decoder, images), exact, atol=2e-4)


def test_likelihood_and_posterior_follow_the_grid():
    grid, _ = latent_grid(31, 3.0)
    log_likelihoods = log_likelihood_on_grid(tiny_decoder, TINY_IMAGES, points_per_side=31, extent=3.0)
    assert log_likelihoods.shape == (16, 31**2)
    assert log_likelihoods[9, 200] == pytest.approx(tiny_log_likelihood(TINY_IMAGES[9], grid[200]), rel=1e-5)
    posterior = likelihood.posterior_on_grid(tiny_decoder, TINY_IMAGES[[5, 6]], points_per_side=101)
    np.testing.assert_allclose(posterior.sum(axis=(1, 2)) * 0.1**2, 1, rtol=1e-5)
    latent = np.array([0.7, -0.4])  # column 57, row 46
    joint = math.exp(tiny_log_likelihood(TINY_IMAGES[6], latent)) * stats.norm.pdf(latent).prod()
    assert posterior[1, 46, 57] == pytest.approx(joint / tiny_evidence(TINY_IMAGES[6]), rel=1e-5)


@pytest.mark.parametrize("latents", [1, 2])
def test_importance_estimate_matches_a_linear_gaussian_model(latents):
    """Evidence within its standard error, and that error within a few percent of the closed form's.

    With q the posterior, its deviation times c, the relative variance of a weight is (c^2 / sqrt(2 c^2 - 1))^d - 1.
    """
    random, samples, widening = np.random.default_rng(10 + latents), 4_000, 1.4
    slopes, offset, noise = np.array([2.0, -0.7])[:latents], 0.5, 0.6
    observations = random.normal(0, 2, (50, latents))
    variance = slopes**2 + noise**2
    mean, deviation = slopes * (observations - offset) / variance, noise / np.sqrt(variance)
    z = mean + widening * deviation * random.normal(size=(samples, 50, latents))
    log_weights = (stats.norm.logpdf(z) + stats.norm.logpdf(observations, slopes * z + offset, noise)
                   - stats.norm.logpdf(z, mean, widening * deviation)).sum(axis=-1)
    estimate = importance_estimate(log_weights)
    error = estimate.log_marginal - stats.norm.logpdf(observations, offset, np.sqrt(variance)).sum(axis=-1)
    relative_variance = (widening**2 / math.sqrt(2 * widening**2 - 1)) ** latents - 1
    np.testing.assert_allclose(estimate.standard_error, math.sqrt(relative_variance / samples), rtol=0.06)
    np.testing.assert_allclose(estimate.effective_sample_size, samples / (1 + relative_variance), rtol=0.03)
    assert np.all(np.abs(error) < 4 * estimate.standard_error)
    assert 0.7 < np.std(error / estimate.standard_error) < 1.3


def test_importance_estimate_survives_tiny_and_impossible_weights():
    log_weights = np.array([[-2000.0, -np.inf], [-2001.0, 0.0], [-np.inf, -1.0]])
    estimate = importance_estimate(log_weights)
    weights = np.exp(np.array([[0, -np.inf], [-1, 0], [-np.inf, -1]]))
    np.testing.assert_allclose(estimate.log_marginal, np.log(weights.mean(axis=0)) + [-2000, 0], rtol=1e-12)
    np.testing.assert_allclose(estimate.effective_sample_size, weights.sum(axis=0)**2 / (weights**2).sum(axis=0))
    np.testing.assert_allclose(estimate.standard_error,
                               weights.std(axis=0, ddof=1) / math.sqrt(3) / weights.mean(axis=0))


def test_importance_sampling_agrees_with_quadrature_within_its_error(trained):
    estimate = by_sampling(TINY_IMAGES, samples=20_000, seed=3)
    error = estimate.log_marginal - log_marginal_by_quadrature(tiny_decoder, TINY_IMAGES)
    assert np.all(np.abs(error) < 4 * estimate.standard_error) and np.all(estimate.standard_error < 0.02)
    vae, images, exact = trained
    few, many = (log_marginal_by_importance_sampling(vae.encoder, vae.decoder, images, samples).log_marginal.mean()
                 for samples in (5, 500))
    assert few < many < exact.mean()  # the logarithm comes out too low on average


def test_importance_sampling_is_unbiased_for_the_probability_and_knows_its_spread():
    repeated = np.tile(TINY_IMAGES[9:10], (2_000, 1))
    probabilities = np.exp(by_sampling(repeated, samples=5).log_marginal)
    error = probabilities.mean() - math.exp(log_marginal_by_quadrature(tiny_decoder, repeated[:1])[0])
    assert abs(error) < 4 * probabilities.std() / math.sqrt(2_000)
    estimate = by_sampling(repeated, samples=400)
    assert estimate.standard_error.mean() == pytest.approx(estimate.log_marginal.std(), rel=0.07)


def test_importance_weights_are_those_of_their_own_image_and_repeat_with_a_seed():
    """Of a decoder that ignores its latents, the prior is the posterior: an image's weights are all its likelihood."""
    logits = RNG.normal(0, 2, 6).astype("float32")
    images = (RNG.random((3, 6)) < 0.5).astype("float32")
    log_weights = importance_log_weights(
        lambda x: (ops.zeros((len(x), 5)), ops.zeros((len(x), 5))),
        lambda z: ops.zeros((ops.shape(z)[0], 6)) + logits, images, samples=50)
    expected = np.where(images == 1, log_expit(logits), log_expit(-logits)).sum(axis=1)
    np.testing.assert_allclose(log_weights, np.tile(expected, (50, 1)), rtol=1e-5)
    first, again, other = (by_sampling(TINY_IMAGES, samples=30, seed=seed).log_marginal for seed in (5, 5, 6))
    np.testing.assert_array_equal(first, again)
    assert np.all(first != other)


@pytest.mark.parametrize("call", [
    lambda images: log_marginal_by_quadrature(tiny_decoder, images),
    lambda images: log_likelihood_on_grid(tiny_decoder, images), by_sampling], ids=["quadrature", "grid", "sampling"])
@pytest.mark.parametrize(("images", "words"), [
    (np.full((2, 4), 0.3), r"of zeros and ones, but got other values between 0\.3 and 0\.3\. Pass"),
    (np.full((2, 4), np.nan), "of zeros and ones"), (np.ones((0, 4)), r"of shape \(n, pixels\), but got \(0, 4\)"),
    (np.ones((2, 2, 2)), r"of shape \(n, pixels\), but got \(2, 2, 2\)")])
def test_wrong_images_are_refused(call, images, words):
    with pytest.raises(ValueError, match=f"wants images {words}"):
        call(images)


@pytest.mark.parametrize(("call", "words"), [
    (lambda: log_marginal_by_quadrature(build_decoder(latent_dim=20, widths=(8,)), np.ones((1, 784))),
     "wants a decoder of 2 latents, but got one of 20.*importance"),
    (lambda: log_marginal_by_quadrature(tiny_decoder, np.ones((1, 9))),
     r"wants logits of shape \(4000, 9\) from the decoder .* but got \(4000, 4\)"),
    (lambda: by_sampling(TINY_IMAGES, samples=1), "wants at least 2 samples, but got 1"),
    (lambda: importance_log_weights(tiny_encoder, tiny_decoder, TINY_IMAGES, samples=0), "at least 1 sample"),
    *((lambda shape=shape: importance_estimate(np.zeros(shape)),
       r"wants log_weights of shape \(samples, n\) with at least 2 samples, but got") for shape in
      ((7,), (1, 4), (2, 3, 4)))])
def test_what_does_not_fit_is_refused(call, words):
    with pytest.raises(ValueError, match=words):
        call()
