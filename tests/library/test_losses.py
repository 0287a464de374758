"""Log-likelihoods, bounds, GAN losses and penalties against SciPy, Monte Carlo, finite differences and Keras."""

import math

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import ops
from scipy import integrate, stats
from scipy.special import expit, logsumexp

from utils.losses import (
    bernoulli_log_likelihood,
    critic_loss,
    discriminator_loss,
    elbo,
    gaussian_log_density,
    generator_loss,
    gradient_penalty,
    importance_weighted_bound,
    kl_to_standard_normal,
    log_likelihood_of_pairs,
    r1_penalty,
    saturating_generator_loss,
    wasserstein_generator_loss,
)

RNG = np.random.default_rng(7)
MEAN, LOG_VARIANCE, LATENTS = RNG.normal(0, 1.5, (6, 3)), RNG.normal(-1, 1, (6, 3)), RNG.normal(0, 2, (6, 3))
IMAGES, LOGITS = (RNG.random((6, 20)) < 0.4).astype("float64"), RNG.normal(0, 3, (6, 20))
REAL, FAKE = RNG.normal(1, 2, (8, 1)), RNG.normal(-1, 2, (5, 1))


def float64(array):
    return tf.constant(array, tf.float64)


def numbers(seed, *shape):
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def test_bernoulli_and_its_gradient_match_scipy():
    logits = tf.Variable(LOGITS)
    with tf.GradientTape() as tape:
        value = bernoulli_log_likelihood(float64(IMAGES), logits)
    np.testing.assert_allclose(value, stats.bernoulli.logpmf(IMAGES, expit(LOGITS)).sum(axis=1), rtol=1e-12)
    np.testing.assert_allclose(tape.gradient(value, logits), IMAGES - expit(LOGITS), rtol=1e-10)


def test_bernoulli_is_finite_and_right_for_logits_of_a_thousand():
    images = np.array([[1, 0, 1, 0]], "float32")
    sure_and_right = np.array([[1000, -1000, 1000, -1000]], "float32")
    assert float(bernoulli_log_likelihood(images, sure_and_right)[0]) == 0
    assert float(bernoulli_log_likelihood(images, -sure_and_right)[0]) == -4000


def test_pairs_are_every_image_under_every_row_of_logits():
    expected = stats.bernoulli.logpmf(IMAGES[:, None], expit(LOGITS[:4])).sum(axis=-1)
    np.testing.assert_allclose(log_likelihood_of_pairs(float64(IMAGES), float64(LOGITS[:4])), expected, rtol=1e-12)


def test_gaussian_density_matches_scipy():
    expected = stats.norm.logpdf(LATENTS, MEAN, np.exp(LOG_VARIANCE / 2)).sum(axis=1)
    value = gaussian_log_density(float64(LATENTS), float64(MEAN), float64(LOG_VARIANCE))
    np.testing.assert_allclose(value, expected, rtol=1e-12)


@pytest.mark.parametrize(("mean", "log_variance"), [(0.7, -2.0), (-1.3, 0.8), (3.0, -5.0)])
def test_kl_matches_numerical_integration_and_adds_up_over_dimensions(mean, log_variance):
    posterior = stats.norm(mean, math.exp(log_variance / 2))
    integral, _ = integrate.quad(
        lambda z: posterior.pdf(z) * (posterior.logpdf(z) - stats.norm.logpdf(z)),
        *posterior.interval(1 - 1e-15), epsabs=1e-11, limit=200)
    value = kl_to_standard_normal(float64([[mean], [0.0]]), float64([[log_variance], [0.0]]))
    np.testing.assert_allclose(value, [integral, 0], rtol=1e-8)  # of the prior itself it is 0
    value = kl_to_standard_normal(float64([[mean, 0.0, mean]]), float64([[log_variance, 0.0, log_variance]]))
    np.testing.assert_allclose(value, [2 * integral], rtol=1e-8)


def test_elbo_is_log_likelihood_minus_kl():
    value = elbo(float64(IMAGES), float64(LOGITS), float64(MEAN), float64(LOG_VARIANCE))
    log_likelihood = stats.bernoulli.logpmf(IMAGES, expit(LOGITS)).sum(axis=1)
    kl = np.sum((MEAN**2 + np.exp(LOG_VARIANCE) - 1 - LOG_VARIANCE) / 2, axis=1)
    np.testing.assert_allclose(value, log_likelihood - kl, rtol=1e-12)


def test_importance_weighted_bound_is_the_logarithm_of_each_image_s_average_weight():
    log_weights = RNG.normal(-1000, 3, (7, 4))  # whose exponentials are all zero
    expected = logsumexp(log_weights, axis=0) - math.log(7)
    np.testing.assert_allclose(importance_weighted_bound(float64(log_weights)), expected, rtol=1e-12)


def test_gan_losses_match_keras_cross_entropy():
    entropy = keras.losses.BinaryCrossentropy(from_logits=True)
    real, fake = REAL.astype("float32"), FAKE.astype("float32")
    expected = entropy(np.ones_like(real), real) + entropy(np.zeros_like(fake), fake)
    np.testing.assert_allclose(discriminator_loss(real, fake), expected, rtol=1e-6)
    np.testing.assert_allclose(generator_loss(fake), entropy(np.ones_like(fake), fake), rtol=1e-6)
    np.testing.assert_allclose(saturating_generator_loss(fake), -entropy(np.zeros_like(fake), fake), rtol=1e-6)


def test_gan_losses_are_finite_for_logits_of_a_thousand():
    sure = np.array([[1000.0], [-1000.0]], "float32")
    assert float(discriminator_loss(sure, sure)) == 1000
    assert float(generator_loss(sure)) == 500
    assert float(saturating_generator_loss(sure)) == -500


def test_critic_loss_of_the_best_critic_is_minus_the_wasserstein_distance():
    """All real numbers lie above all fakes: there the critic f(x) = x is the best with a slope of 1."""
    real, fake = 5 + RNG.random(30), RNG.random(20)  # each averaged for itself
    loss = critic_loss(real[:, None], fake[:, None])
    np.testing.assert_allclose(loss, -stats.wasserstein_distance(real, fake), rtol=1e-12)
    np.testing.assert_allclose(wasserstein_generator_loss(FAKE), -FAKE.mean(), rtol=1e-12)


def curved(images, tanh=np.tanh):
    """A discriminator of three pixels whose slope differs from image to image; `ops.tanh` makes it one of tensors."""
    return tanh(images[:, 0] * 2 - images[:, 1]) + 0.3 * images[:, 2]**2


def slope_of_curved(images):
    slopes = [(curved(images + step) - curved(images - step)) / 2e-5 for step in 1e-5 * np.eye(3)]
    return np.linalg.norm(slopes, axis=0)


def test_penalties_of_a_curved_discriminator_match_finite_differences():
    """Fakes equal the real images: then every point between them is the image, and the slope is known there."""
    rows = numbers(6, 5, 3)
    slopes = slope_of_curved(rows.astype(float))

    def discriminator(images, training):
        return curved(images, ops.tanh)[:, None]

    np.testing.assert_allclose(r1_penalty(discriminator, rows), np.mean(slopes**2), rtol=1e-5)
    penalty = gradient_penalty(discriminator, rows, rows, keras.random.SeedGenerator(2))
    np.testing.assert_allclose(penalty, np.mean((slopes - 1)**2), rtol=1e-5)


def test_gradient_penalty_is_measured_at_uniform_points_between_fake_and_real_one_an_image():
    """Real images are all 1 and fakes all 0, so that each pixel of what the critic sees is the mix itself."""
    seen = []

    def critic(images, training):
        seen.append(images.numpy().reshape(2000, 4))
        return ops.sum(images, axis=(1, 2, 3))[:, None]

    random = keras.random.SeedGenerator(1)
    for _ in range(2):
        penalty = gradient_penalty(critic, ops.ones((2000, 2, 2, 1)), ops.zeros((2000, 2, 2, 1)), random)
        np.testing.assert_allclose(penalty, 1, rtol=1e-5)  # the slope of a sum of four pixels is 2 everywhere
    first, second = seen
    assert np.ptp(first, axis=1).max() == 0
    assert stats.kstest(first[:, 0], "uniform").pvalue > 0.01
    assert abs(np.corrcoef(first[:, 0], second[:, 0])[0, 1]) < 0.1  # drawn anew


@pytest.mark.parametrize("start", [[[0.6], [0.0], [-2.5]], [[0.0], [0.0], [0.0]]], ids=["steep", "flat"])
def test_gradient_penalty_moves_the_critic_towards_a_slope_of_one(start):
    """Its gradient by a linear critic's weights is 2 (|w| - 1) w / |w|, finite at 0 too; in a graph, as in `fit`."""
    weights, random = tf.Variable(start), keras.random.SeedGenerator(3)

    @tf.function(input_signature=[tf.TensorSpec((None, 3))] * 2)
    def slope_of_penalty(real, fake):
        with tf.GradientTape() as tape:
            penalty = gradient_penalty(lambda x, training: ops.matmul(x, weights), real, fake, random)
        return tape.gradient(penalty, weights)

    length = np.linalg.norm(start)
    expected = 2 * (length - 1) * np.array(start) / max(length, 1e-6)
    np.testing.assert_allclose(slope_of_penalty(numbers(7, 4, 3), numbers(8, 4, 3)), expected, rtol=1e-5)


def refusal(function, *shapes):
    """Return what a function says to arrays of these shapes."""
    with pytest.raises(ValueError) as caught:
        function(*map(np.ones, shapes))
    return str(caught.value)


@pytest.mark.parametrize(("function", "names"), [
    (bernoulli_log_likelihood, ["images", "logits"]), (gaussian_log_density, ["latents", "mean", "log_variance"]),
    (kl_to_standard_normal, ["mean", "log_variance"])])
def test_shapes_that_would_broadcast_are_refused_by_name(function, names):
    right, name = [(4, 9)] * (len(names) - 1), function.__name__
    for wrong in ((9,), (4, 3, 3)):
        assert refusal(function, *right, wrong) == (
            f"{name} wants {names[-1]} of shape (batch, size), but got {wrong}. Flatten images to (batch, 784); give a "
            "single example a batch axis of 1.")
    assert refusal(function, *right, (1, 9)) == (
        f"{name} wants {names[0]} and {names[-1]} of the same shape, but got (4, 9) and (1, 9).")


@pytest.mark.parametrize("wrong", [(4,), (4, 2), (4, 1, 1)])
@pytest.mark.parametrize(("loss", "names"), [
    (discriminator_loss, ["real_logits", "fake_logits"]), (generator_loss, ["fake_logits"]),
    (saturating_generator_loss, ["fake_logits"]), (critic_loss, ["real_values", "fake_values"]),
    (wasserstein_generator_loss, ["fake_values"])])
def test_losses_refuse_anything_but_one_logit_or_value_an_image(loss, names, wrong):
    kind, network = ("logit", "discriminator") if "logits" in names[0] else ("value", "critic")
    for name in names:
        shapes = [wrong if each == name else (4, 1) for each in names]
        assert refusal(loss, *shapes) == (f"{loss.__name__} wants {name} of shape (batch, 1), one {kind} an image, but "
                                          f"got {wrong}. End the {network} with Dense(1) and no sigmoid.")


def test_batches_that_do_not_pair_are_refused():
    assert "wants as many means as images, but got 1 means for 4" in refusal(elbo, (4, 9), (4, 9), (1, 2), (1, 2))
    assert "of shape (samples, n), but got (7,). Give those of a single" in refusal(importance_weighted_bound, (7,))
    assert "(batch, pixels), but got (2, 28, 28)" in refusal(lambda images: r1_penalty(None, images), (2, 28, 28))
    for real, fake in (((4, 6), (3, 6)), ((4, 6), (4, 5)), ((4, 6), (4, 6, 1)), ((4, 6), (1, 6)), ((4,), (4,))):
        said = refusal(lambda *images: gradient_penalty(None, *images, None), real, fake)
        assert "as many real as fake images" in said and f"but got {real} and {fake}. Cut the larger batch" in said
