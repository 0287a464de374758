"""Evidence by quadrature and by sampling, and the best Gaussian, against closed forms and brute force."""

import itertools
import math

import keras
import numpy as np
import pytest
from keras import ops
from scipy import integrate, stats
from scipy.optimize import minimize
from scipy.special import log_expit, logsumexp

from utils import likelihood
from utils.data import binarised_test_set, flatten, load_mnist, to_unit_range
from utils.lesson_06.study import best_gaussian_posterior, elbo_of_gaussian
from utils.likelihood import (
    importance_estimate,
    latent_grid,
    log_likelihood_on_grid,
    log_marginal_by_importance_sampling,
    log_marginal_by_quadrature,
    log_marginal_on_grid,
    posterior_on_cells,
    posterior_on_grid,
)
from utils.losses import bernoulli_log_likelihood, log_likelihood_of_pairs
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


@pytest.fixture(scope="module")
def images():
    return binarised_test_set()[:100]


@pytest.fixture(scope="module")
def vae():
    """A small VAE after a few seconds of training: its posteriors are narrow, as those of the lessons are."""
    keras.utils.set_random_seed(0)
    model = VAE(build_encoder(widths=(128,)), build_decoder(widths=(128,)))
    model.compile(optimizer=keras.optimizers.Adam(3e-3))
    model.fit(to_unit_range(flatten(load_mnist().train_images[:20_000])), batch_size=100, epochs=4, verbose=0)
    return model


@pytest.fixture(scope="module")
def exact(vae, images):
    return log_marginal_by_quadrature(vae.decoder, images)


@pytest.fixture(scope="module")
def gaussians(vae, images):
    return [ops.convert_to_numpy(parameter) for parameter in vae.encoder(images)]


@pytest.fixture(scope="module")
def best(vae, images, gaussians):
    return best_gaussian_posterior(vae.decoder, images, *gaussians)


def test_grid_weights_are_the_prior_and_sum_to_one():
    grid, log_weights = latent_grid(101, 5.0)
    expected = stats.multivariate_normal(np.zeros(2)).logpdf(grid) + 2 * math.log(0.1)
    np.testing.assert_allclose(log_weights, expected, rtol=1e-6)
    assert np.exp(log_weights.astype(float)).sum() == pytest.approx(1, abs=2e-6)


def test_grid_rows_are_the_second_axis():
    grid, _ = latent_grid(5, 2.0)
    plane = grid.reshape(5, 5, 2)
    np.testing.assert_array_equal(plane[3, :, 0], [-2, -1, 0, 1, 2])
    np.testing.assert_array_equal(plane[:, 3, 1], [-2, -1, 0, 1, 2])


def test_quadrature_matches_linear_gaussian_evidence_of_one_latent():
    slope, offset, noise = np.array([0.8, -1.4, 2.0]), np.array([0.3, 0.0, -1.0]), 0.5
    observations = RNG.normal(0, 2, (20, 3))
    latents = np.linspace(-6, 6, 401)
    log_likelihoods = stats.norm.logpdf(observations[:, None], latents[:, None] * slope + offset, noise).sum(-1)
    log_weights = stats.norm.logpdf(latents) + math.log(latents[1] - latents[0])
    evidence = stats.multivariate_normal(offset, np.outer(slope, slope) + noise**2 * np.eye(3))
    value = log_marginal_on_grid(log_likelihoods, log_weights)
    np.testing.assert_allclose(value, evidence.logpdf(observations), rtol=1e-6)


def test_quadrature_matches_linear_gaussian_evidence_of_two_latents():
    # Posteriors are about 0.1 wide, two cells of the grid.
    slopes, offset, noise = RNG.normal(0, 2, (2, 6)), RNG.normal(0, 1, 6), 0.4
    observations = RNG.normal(0, 1, (20, 2)) @ slopes + offset + noise * RNG.normal(size=(20, 6))
    grid, log_weights = latent_grid()
    log_likelihoods = stats.norm.logpdf(observations[:, None], grid @ slopes + offset, noise).sum(-1)
    evidence = stats.multivariate_normal(offset, slopes.T @ slopes + noise**2 * np.eye(6))
    value = log_marginal_on_grid(log_likelihoods.astype("float32"), log_weights)
    np.testing.assert_allclose(value, evidence.logpdf(observations), atol=2e-5)


@pytest.mark.parametrize(("latents", "pixels", "noise", "points"), [(1, 3, 0.5, 401), (2, 6, 1.5, 201)])
def test_posterior_matches_that_of_a_linear_gaussian_model(latents, pixels, noise, points):
    """Its closed form: precision I + W W^T / noise^2, and mean covariance W (x - offset) / noise^2."""
    random = np.random.default_rng(latents)
    weights, offset = random.normal(0, 1, (latents, pixels)), random.normal(0, 1, pixels)
    observations = random.normal(0, 1, (5, latents)) @ weights + offset + noise * random.normal(size=(5, pixels))
    axis = np.linspace(-5, 5, points)
    grid = np.stack(np.meshgrid(*[axis] * latents), axis=-1).reshape(-1, latents)
    cell = (axis[1] - axis[0]) ** latents
    log_likelihoods = stats.norm.logpdf(observations[:, None], grid @ weights + offset, noise).sum(-1)
    probabilities = posterior_on_cells(log_likelihoods, stats.norm.logpdf(grid).sum(axis=-1) + math.log(cell))
    covariance = np.linalg.inv(np.eye(latents) + weights @ weights.T / noise**2)
    for observation, found in zip(observations, np.asarray(probabilities), strict=True):
        mean = covariance @ weights @ (observation - offset) / noise**2
        expected = stats.multivariate_normal(mean, covariance).pdf(grid)
        np.testing.assert_allclose(found / cell, expected, atol=1e-5 * expected.max())


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


@pytest.mark.parametrize("shape", [(7,), (1, 4), (2, 3, 4)])
def test_importance_estimate_refuses_what_is_no_matrix_of_samples(shape):
    with pytest.raises(ValueError, match=r"wants log_weights of shape \(samples, n\) with at least 2 samples, but got"):
        importance_estimate(np.zeros(shape))


def test_quadrature_matches_adaptive_integration_of_a_bernoulli_decoder():
    chosen = TINY_IMAGES[[0, 9, 13]]
    expected = [math.log(tiny_evidence(image)) for image in chosen]
    value = log_marginal_by_quadrature(tiny_decoder, chosen, points_per_side=281, extent=7.0)
    np.testing.assert_allclose(value, expected, atol=2e-6)


def test_probabilities_of_all_images_sum_to_one():
    log_marginal = log_marginal_by_quadrature(tiny_decoder, TINY_IMAGES)
    assert np.exp(log_marginal).sum() == pytest.approx(1, abs=2e-6)
    assert log_marginal.std() > 0.5  # and the images are not all alike


def test_doubling_the_grid_changes_nothing(vae, images, exact):
    finer = log_marginal_by_quadrature(vae.decoder, images[:30], points_per_side=401)
    np.testing.assert_allclose(exact[:30], finer, atol=0.01)


def test_single_precision_is_good_to_a_thousandth_of_a_nat(vae, images, exact):
    grid, log_weights = latent_grid()
    logits = ops.convert_to_numpy(vae.decoder(grid)).astype(float)
    log_likelihoods = images[:20].astype(float) @ logits.T - np.logaddexp(0, logits).sum(axis=1)
    expected = logsumexp(log_likelihoods + log_weights, axis=1)
    np.testing.assert_allclose(exact[:20], expected, atol=1e-3)


def test_blocks_make_no_difference(vae, images, exact, monkeypatch):
    monkeypatch.setattr(likelihood, "GRID_BLOCK", 7_001)
    monkeypatch.setattr(likelihood, "IMAGE_BLOCK", 33)
    np.testing.assert_allclose(log_marginal_by_quadrature(vae.decoder, images), exact, atol=2e-4)


def test_likelihood_of_pairs_agrees_with_the_loss(vae, images):
    latents = RNG.normal(0, 1.5, (7, 2)).astype("float32")
    logits = vae.decoder(latents)
    pairs = ops.convert_to_numpy(log_likelihood_of_pairs(images[:5], logits))
    for image, row in zip(images[:5], pairs, strict=True):
        np.testing.assert_allclose(row, bernoulli_log_likelihood(np.tile(image, (7, 1)), logits), rtol=1e-5)


def test_posterior_integrates_to_one_and_is_bayes_rule():
    posterior = posterior_on_grid(tiny_decoder, TINY_IMAGES[[5, 6]], points_per_side=101)
    assert posterior.shape == (2, 101, 101)
    np.testing.assert_allclose(posterior.sum(axis=(1, 2)) * 0.1**2, 1, rtol=1e-5)
    latent = np.array([0.7, -0.4])  # column 57, row 46
    joint = math.exp(tiny_log_likelihood(TINY_IMAGES[6], latent)) * stats.norm.pdf(latent).prod()
    assert posterior[1, 46, 57] == pytest.approx(joint / tiny_evidence(TINY_IMAGES[6]), rel=1e-5)


def test_likelihood_on_grid_follows_the_grid():
    log_likelihoods = log_likelihood_on_grid(tiny_decoder, TINY_IMAGES, points_per_side=31, extent=3.0)
    grid, _ = latent_grid(31, 3.0)
    assert log_likelihoods.shape == (16, 31**2)
    assert log_likelihoods[9, 200] == pytest.approx(tiny_log_likelihood(TINY_IMAGES[9], grid[200]), rel=1e-5)


def test_importance_sampling_agrees_with_quadrature_within_its_error():
    estimate = log_marginal_by_importance_sampling(tiny_encoder, tiny_decoder, TINY_IMAGES, samples=20_000, seed=3)
    error = estimate.log_marginal - log_marginal_by_quadrature(tiny_decoder, TINY_IMAGES)
    assert np.all(np.abs(error) < 4 * estimate.standard_error)
    assert np.all(estimate.standard_error < 0.02)


def test_importance_sampling_is_unbiased_for_the_probability():
    image, repeats = TINY_IMAGES[9:10], 4_000
    few = log_marginal_by_importance_sampling(tiny_encoder, tiny_decoder, np.tile(image, (repeats, 1)), samples=5)
    probabilities = np.exp(few.log_marginal)
    error = probabilities.mean() - math.exp(log_marginal_by_quadrature(tiny_decoder, image)[0])
    assert abs(error) < 4 * probabilities.std() / math.sqrt(repeats)


def test_standard_error_is_the_spread_of_repeated_estimates():
    repeated = np.tile(TINY_IMAGES[9:10], (2_000, 1))
    estimate = log_marginal_by_importance_sampling(tiny_encoder, tiny_decoder, repeated, samples=400)
    assert estimate.standard_error.mean() == pytest.approx(estimate.log_marginal.std(), rel=0.07)


def test_importance_sampling_is_exact_where_the_proposal_is_the_posterior():
    # A decoder that ignores its latents has the prior as posterior: all weights are then the same.
    logits = RNG.normal(0, 2, 6).astype("float32")
    images = (RNG.random((3, 6)) < 0.5).astype("float32")
    estimate = log_marginal_by_importance_sampling(
        lambda x: (ops.zeros((len(x), 5)), ops.zeros((len(x), 5))),
        lambda z: ops.zeros((ops.shape(z)[0], 6)) + logits, images, samples=50)
    expected = bernoulli_log_likelihood(images, np.tile(logits, (3, 1)))
    np.testing.assert_allclose(estimate.log_marginal, expected, rtol=1e-5)
    np.testing.assert_allclose(estimate.effective_sample_size, 50, rtol=1e-4)
    np.testing.assert_allclose(estimate.standard_error, 0, atol=1e-3)


def test_importance_sampling_repeats_itself_with_a_seed():
    first, again, other = (log_marginal_by_importance_sampling(
        tiny_encoder, tiny_decoder, TINY_IMAGES, samples=30, seed=seed).log_marginal for seed in (5, 5, 6))
    np.testing.assert_array_equal(first, again)
    assert np.all(first != other)


@pytest.mark.parametrize("block", [64, 7_000])
def test_importance_sampling_in_blocks_uses_every_sample(block):
    estimate = log_marginal_by_importance_sampling(
        tiny_encoder, tiny_decoder, TINY_IMAGES[:6], samples=3_001, seed=1, block=block)
    error = estimate.log_marginal - log_marginal_by_quadrature(tiny_decoder, TINY_IMAGES[:6])
    assert np.all(np.abs(error) < 4 * estimate.standard_error)
    assert np.all(estimate.standard_error < 0.06)


def test_bound_importance_weighted_and_exact_stand_in_order(vae, images, exact, gaussians):
    elbo = elbo_of_gaussian(vae.decoder, images, *gaussians)
    few, many = (log_marginal_by_importance_sampling(vae.encoder, vae.decoder, images, samples).log_marginal
                 for samples in (5, 500))
    assert elbo.mean() < few.mean() < many.mean() < exact.mean()
    assert np.all(elbo < exact)


def test_elbo_of_gaussian_matches_brute_force():
    image, mean, deviation = TINY_IMAGES[9], np.array([0.4, -0.7]), np.array([0.6, 0.3])
    points = np.linspace(-8, 8, 241)
    weights = stats.norm.pdf(points) / stats.norm.pdf(points).sum()
    expected = sum(a * b * tiny_log_likelihood(image, mean + deviation * (s, t))
                   for a, s in zip(weights, points, strict=True) for b, t in zip(weights, points, strict=True)
                   if a * b > 1e-12)
    expected -= np.sum(mean**2 + deviation**2 - 1 - 2 * np.log(deviation)) / 2
    value = elbo_of_gaussian(tiny_decoder, image[None], mean[None], 2 * np.log(deviation)[None])
    assert value[0] == pytest.approx(expected, abs=1e-3)


def test_elbo_of_gaussian_matches_sampling(vae, images, gaussians):
    mean, log_variance = (parameter[:10] for parameter in gaussians)
    value = elbo_of_gaussian(vae.decoder, images[:10], mean, log_variance)
    for image, m, v, expected in zip(images, mean, log_variance, value, strict=False):
        latents = m + np.exp(v / 2) * np.random.default_rng(0).normal(size=(4_000, 2))
        log_likelihood = log_likelihood_of_pairs(image[None], vae.decoder(latents)).numpy()[0]
        kl = np.sum(m**2 + np.exp(v) - 1 - v) / 2
        assert abs(log_likelihood.mean() - kl - expected) < 4 * log_likelihood.std() / math.sqrt(4_000)


def test_more_nodes_change_the_elbo_little(vae, images, gaussians):
    value, finer = (elbo_of_gaussian(vae.decoder, images, *gaussians, nodes_per_side=nodes) for nodes in (20, 50))
    np.testing.assert_allclose(value, finer, atol=0.05)


def test_narrow_gaussians_are_no_harder_than_wide_ones(vae, images, gaussians):
    # Far narrower than the grid's cells: what is left is the decoder at the mean itself.
    mean = gaussians[0]
    value = elbo_of_gaussian(vae.decoder, images, mean, np.full_like(mean, -18.0))
    kl = np.sum(mean**2 + math.exp(-18) - 1 + 18, axis=1) / 2
    np.testing.assert_allclose(value, bernoulli_log_likelihood(images, vae.decoder(mean)) - kl, atol=2e-3)


def test_best_gaussian_lies_between_the_encoder_and_the_truth(vae, images, gaussians, best):
    start = elbo_of_gaussian(vae.decoder, images, *gaussians)
    truth = log_marginal_by_quadrature(vae.decoder, images, points_per_side=401)
    assert np.all(best.elbo >= start)
    assert np.all(best.elbo <= truth + 0.01)  # the error of Gauss-Hermite quadrature at a ReLU's kinks
    assert best.elbo.mean() > start.mean() + 0.5  # amortisation costs this little network much


def test_best_gaussian_reports_the_elbo_of_its_own_parameters(vae, images, best):
    value = elbo_of_gaussian(vae.decoder, images, best.mean, best.log_variance)
    np.testing.assert_allclose(best.elbo, value, atol=1e-3)


def test_best_gaussian_matches_a_search_without_gradients(vae, images, best):
    for row in range(3):
        def loss(parameters, image=images[row:row + 1]):
            return -elbo_of_gaussian(vae.decoder, image, [parameters[:2]], [parameters[2:]])[0]
        found = minimize(loss, [*best.mean[row], *best.log_variance[row]], method="Nelder-Mead",
                         options={"xatol": 1e-3, "fatol": 1e-3, "maxiter": 300})
        assert best.elbo[row] == pytest.approx(-found.fun, abs=0.01)


def test_best_gaussian_recovers_from_a_start_on_the_wrong_side(vae, images, best):
    far = np.tile(np.float32([4.0, -4.0]), (20, 1))
    found = best_gaussian_posterior(vae.decoder, images[:20], far, np.full((20, 2), -4.0))
    assert np.median(best.elbo[:20] - found.elbo) < 0.01


@pytest.mark.parametrize("call", [
    lambda images: log_marginal_by_quadrature(tiny_decoder, images),
    lambda images: log_likelihood_on_grid(tiny_decoder, images),
    lambda images: log_marginal_by_importance_sampling(tiny_encoder, tiny_decoder, images),
    lambda images: elbo_of_gaussian(tiny_decoder, images, np.ones((2, 2)), np.ones((2, 2))),
    lambda images: best_gaussian_posterior(tiny_decoder, images, np.ones((2, 2)), np.ones((2, 2))),
], ids=["quadrature", "grid", "sampling", "elbo", "best"])
def test_wrong_images_are_refused(call):
    with pytest.raises(ValueError, match=r"wants images of zeros and ones, but got other values between 0\.3"):
        call(np.full((2, 4), 0.3))
    with pytest.raises(ValueError, match="wants images of zeros and ones"):
        call(np.full((2, 4), np.nan))
    with pytest.raises(ValueError, match=r"wants images of shape \(n, pixels\), but got \(2, 2, 2\)"):
        call(np.ones((2, 2, 2)))
    with pytest.raises(ValueError, match=r"wants images of shape \(n, pixels\), but got \(0, 4\)"):
        call(np.ones((0, 4)))


def test_a_decoder_of_many_latents_is_refused():
    with pytest.raises(ValueError, match=r"wants a decoder of 2 latents, but got one of 20.*importance"):
        log_marginal_by_quadrature(build_decoder(latent_dim=20, widths=(8,)), np.ones((1, 784)))


def test_a_decoder_of_other_pixels_is_refused():
    message = r"wants logits of shape \(4000, 9\) from the decoder .* but got \(4000, 4\)"
    with pytest.raises(ValueError, match=message):
        log_marginal_by_quadrature(tiny_decoder, np.ones((1, 9)))


@pytest.mark.parametrize("call", [elbo_of_gaussian, best_gaussian_posterior])
def test_gaussians_of_another_shape_are_refused(call):
    with pytest.raises(ValueError, match=r"wants mean and log_variance of shape \(3, 2\).*\(1, 2\) and \(3, 2\)"):
        call(tiny_decoder, TINY_IMAGES[:3], np.ones((1, 2)), np.ones((3, 2)))
    with pytest.raises(ValueError, match="wants finite mean and log_variance, but got NaN or infinity"):
        call(tiny_decoder, TINY_IMAGES[:3], np.full((3, 2), np.nan), np.ones((3, 2)))


def test_a_single_sample_is_refused():
    with pytest.raises(ValueError, match="wants at least 2 samples, but got 1"):
        log_marginal_by_importance_sampling(tiny_encoder, tiny_decoder, TINY_IMAGES, samples=1)
