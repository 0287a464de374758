"""Log-likelihoods, bounds and GAN losses against SciPy, Monte Carlo, finite differences and Keras."""

import itertools
import math

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import ops
from scipy import integrate, stats
from scipy.special import expit

from utils.lesson_09.study import exponential_moving_average, wasserstein_distance_1d
from utils.losses import (
    bernoulli_log_likelihood,
    critic_loss,
    discriminator_loss,
    elbo,
    gaussian_log_density,
    generator_loss,
    gradient_penalty,
    kl_to_standard_normal,
    r1_penalty,
    saturating_generator_loss,
    wasserstein_generator_loss,
)

RNG = np.random.default_rng(7)
MEAN, LOG_VARIANCE = RNG.normal(0, 1.5, (6, 3)), RNG.normal(-1, 1, (6, 3))
IMAGES, LOGITS = (RNG.random((6, 20)) < 0.4).astype("float64"), RNG.normal(0, 3, (6, 20))
REAL, FAKE = RNG.normal(1, 2, (8, 1)), RNG.normal(-1, 2, (5, 1))


def float64(array):
    return tf.constant(array, tf.float64)


def test_bernoulli_matches_scipy():
    expected = stats.bernoulli.logpmf(IMAGES, expit(LOGITS)).sum(axis=1)
    value = bernoulli_log_likelihood(float64(IMAGES), float64(LOGITS))
    np.testing.assert_allclose(value, expected, rtol=1e-12)


def test_bernoulli_of_fair_coins_is_minus_784_ln_2():
    images = (RNG.random((2, 784)) < 0.5).astype("float32")
    value = bernoulli_log_likelihood(images, np.zeros((2, 784), "float32"))
    np.testing.assert_allclose(value, -784 * math.log(2), rtol=1e-6)


def test_bernoulli_is_finite_and_right_for_logits_of_a_thousand():
    images = np.array([[1, 0, 1, 0]], "float32")
    sure_and_right = np.array([[1000, -1000, 1000, -1000]], "float32")
    assert float(bernoulli_log_likelihood(images, sure_and_right)[0]) == 0
    assert float(bernoulli_log_likelihood(images, -sure_and_right)[0]) == -4000


def test_bernoulli_gradient_is_pixel_minus_probability():
    logits = tf.Variable(LOGITS)
    with tf.GradientTape() as tape:
        total = tf.reduce_sum(bernoulli_log_likelihood(float64(IMAGES), logits))
    np.testing.assert_allclose(tape.gradient(total, logits), IMAGES - expit(LOGITS), rtol=1e-10)


def test_gaussian_density_matches_scipy():
    latents = RNG.normal(0, 2, MEAN.shape)
    expected = stats.norm.logpdf(latents, MEAN, np.exp(LOG_VARIANCE / 2)).sum(axis=1)
    value = gaussian_log_density(float64(latents), float64(MEAN), float64(LOG_VARIANCE))
    np.testing.assert_allclose(value, expected, rtol=1e-12)


def test_kl_matches_monte_carlo():
    samples, deviation = 200_000, np.exp(LOG_VARIANCE / 2)
    latents = MEAN + deviation * np.random.default_rng(1).normal(size=(samples, *MEAN.shape))
    log_ratio = (stats.norm.logpdf(latents, MEAN, deviation) - stats.norm.logpdf(latents)).sum(axis=-1)
    error = kl_to_standard_normal(float64(MEAN), float64(LOG_VARIANCE)).numpy() - log_ratio.mean(axis=0)
    assert np.all(np.abs(error) < 4 * log_ratio.std(axis=0) / math.sqrt(samples))


@pytest.mark.parametrize(("mean", "log_variance"), [(0.7, -2.0), (-1.3, 0.8), (3.0, -5.0)])
def test_kl_matches_numerical_integration(mean, log_variance):
    posterior = stats.norm(mean, math.exp(log_variance / 2))
    integral, _ = integrate.quad(
        lambda z: posterior.pdf(z) * (posterior.logpdf(z) - stats.norm.logpdf(z)),
        *posterior.interval(1 - 1e-15), epsabs=1e-11, limit=200)
    value = kl_to_standard_normal(float64([[mean]]), float64([[log_variance]]))
    assert float(value[0]) == pytest.approx(integral, rel=1e-8)


def test_kl_of_the_prior_itself_is_zero():
    prior = np.zeros((2, 3), "float32")  # zeros are the point here: a standard normal's mean and log variance
    np.testing.assert_array_equal(kl_to_standard_normal(prior, prior), 0)


def test_elbo_is_log_likelihood_minus_kl():
    value = elbo(float64(IMAGES), float64(LOGITS), float64(MEAN), float64(LOG_VARIANCE))
    log_likelihood = stats.bernoulli.logpmf(IMAGES, expit(LOGITS)).sum(axis=1)
    variance = np.exp(LOG_VARIANCE)
    kl = np.sum((MEAN**2 + variance - 1 - LOG_VARIANCE) / 2, axis=1)
    np.testing.assert_allclose(value, log_likelihood - kl, rtol=1e-12)


def test_gan_losses_match_keras_cross_entropy():
    entropy = keras.losses.BinaryCrossentropy(from_logits=True)
    real, fake = REAL.astype("float32"), FAKE.astype("float32")
    expected = entropy(np.ones_like(real), real) + entropy(np.zeros_like(fake), fake)
    np.testing.assert_allclose(discriminator_loss(real, fake), expected, rtol=1e-6)
    np.testing.assert_allclose(generator_loss(fake), entropy(np.ones_like(fake), fake), rtol=1e-6)
    expected = -entropy(np.zeros_like(fake), fake)
    np.testing.assert_allclose(saturating_generator_loss(fake), expected, rtol=1e-6)


def test_an_undecided_discriminator_gives_the_known_values():
    undecided = np.zeros((4, 1), "float32")  # a logit of zero is a probability of one half
    assert float(discriminator_loss(undecided, undecided)) == pytest.approx(2 * math.log(2), rel=1e-6)
    assert float(generator_loss(undecided)) == pytest.approx(math.log(2), rel=1e-6)
    assert float(saturating_generator_loss(undecided)) == pytest.approx(-math.log(2), rel=1e-6)


def test_gan_losses_are_finite_for_logits_of_a_thousand():
    sure = np.array([[1000.0], [-1000.0]], "float32")
    assert float(discriminator_loss(sure, sure)) == 1000
    assert float(generator_loss(sure)) == 500
    assert float(saturating_generator_loss(sure)) == -500


@pytest.mark.parametrize("loss", [
    lambda logits: discriminator_loss(logits, float64(FAKE)),
    lambda logits: discriminator_loss(float64(FAKE), logits),
    generator_loss,
    saturating_generator_loss,
], ids=["discriminator, real", "discriminator, fake", "generator", "saturating generator"])
def test_gan_gradients_match_finite_differences(loss):
    logits, step = tf.Variable(REAL), 1e-5
    with tf.GradientTape() as tape:
        value = loss(logits)
    shifts = step * np.eye(len(REAL))[:, :, None]
    differences = [loss(float64(REAL + shift)) - loss(float64(REAL - shift)) for shift in shifts]
    np.testing.assert_allclose(tape.gradient(value, logits)[:, 0], np.divide(differences, 2 * step), atol=1e-10)


def test_saturating_gradient_is_the_other_times_the_odds_that_the_fake_is_real():
    # d/dl log(1 - D) = -D and d/dl -log D = -(1 - D): the ratio D / (1 - D) vanishes with D, the second stays.
    logits = tf.Variable(float64([[-12.0], [-4.0], [-1.0], [0.5]]))
    with tf.GradientTape(persistent=True) as tape:
        saturating, other = saturating_generator_loss(logits), generator_loss(logits)
    ratio = tape.gradient(saturating, logits) / tape.gradient(other, logits)
    np.testing.assert_allclose(ratio, np.exp(logits.numpy()), rtol=1e-10)
    assert float(tape.gradient(other, logits)[0, 0]) == pytest.approx(-1 / 4, rel=1e-5)  # averaged over 4


@pytest.mark.parametrize("call", [
    lambda wrong: bernoulli_log_likelihood(wrong, np.ones((4, 9))),
    lambda wrong: gaussian_log_density(wrong, np.ones((4, 9)), np.ones((4, 9))),
    lambda wrong: kl_to_standard_normal(wrong, np.ones((4, 9))),
], ids=["bernoulli_log_likelihood", "gaussian_log_density", "kl_to_standard_normal"])
def test_shapes_that_would_broadcast_are_refused(call):
    with pytest.raises(ValueError, match=r"wants \w+ of shape \(batch, size\), but got \(9,\)\. Flatten images"):
        call(np.ones(9))
    with pytest.raises(ValueError, match=r"wants \w+ of shape \(batch, size\), but got \(4, 3, 3\)"):
        call(np.ones((4, 3, 3)))
    with pytest.raises(ValueError, match=r"wants \w+ and \w+ of the same shape, but got \(1, 9\) and \(4, 9\)"):
        call(np.ones((1, 9)))


def test_refusals_name_the_function_and_the_argument():
    with pytest.raises(ValueError, match="bernoulli_log_likelihood wants logits of shape"):
        bernoulli_log_likelihood(np.ones((4, 9)), np.ones(9))
    with pytest.raises(ValueError, match="kl_to_standard_normal wants mean and log_variance of the same shape"):
        kl_to_standard_normal(np.ones((4, 2)), np.ones((4, 3)))


def test_elbo_refuses_different_batches():
    with pytest.raises(ValueError, match=r"elbo wants"):
        elbo(np.ones((4, 9)), np.ones((4, 9)), np.ones((1, 2)), np.ones((1, 2)))


@pytest.mark.parametrize("shape", [(4,), (4, 2), (4, 1, 1)])
@pytest.mark.parametrize(("call", "what"), [
    (lambda wrong: discriminator_loss(wrong, np.ones((4, 1))), "discriminator_loss wants real_logits"),
    (lambda wrong: discriminator_loss(np.ones((4, 1)), wrong), "discriminator_loss wants fake_logits"),
    (generator_loss, "generator_loss wants fake_logits"),
    (saturating_generator_loss, "saturating_generator_loss wants fake_logits"),
], ids=["discriminator, real", "discriminator, fake", "generator", "saturating generator"])
def test_gan_losses_refuse_anything_but_one_logit_an_image(call, what, shape):
    with pytest.raises(ValueError, match=rf"{what} of shape \(batch, 1\), one logit an image, but got \(4,"):
        call(np.ones(shape))


@pytest.mark.parametrize("shape", [(4,), (4, 2), (4, 1, 1)])
@pytest.mark.parametrize(("call", "what"), [
    (lambda wrong: critic_loss(wrong, np.ones((4, 1))), "critic_loss wants real_values"),
    (lambda wrong: critic_loss(np.ones((4, 1)), wrong), "critic_loss wants fake_values"),
    (wasserstein_generator_loss, "wasserstein_generator_loss wants fake_values"),
], ids=["critic, real", "critic, fake", "generator"])
def test_critic_losses_refuse_anything_but_one_value_an_image(call, what, shape):
    with pytest.raises(ValueError, match=rf"{what} of shape \(batch, 1\), one value an image, .* End the critic with"):
        call(np.ones(shape))


def test_r1_penalty_of_a_linear_discriminator_is_its_squared_weights():
    weights = np.array([[0.5], [-2.0], [1.5]], np.float32)
    images = np.random.default_rng(0).normal(size=(4, 3)).astype(np.float32)
    penalty = r1_penalty(lambda images, training: ops.matmul(images, weights), images)
    np.testing.assert_allclose(penalty, np.sum(weights**2), rtol=1e-6)


def test_r1_penalty_matches_finite_differences_of_a_curved_discriminator():
    weights = np.array([0.5, -2.0, 1.5])

    def logit(images):
        return np.tanh(images @ weights) + 0.3 * np.sum(images**2, axis=-1)

    def discriminator(images, training):
        return ops.expand_dims(ops.tanh(ops.matmul(images, weights)) + 0.3 * ops.sum(ops.square(images), axis=-1), -1)

    images = np.random.default_rng(1).normal(size=(5, 3))
    slopes = [(logit(images + step) - logit(images - step)) / 2e-5 for step in 1e-5 * np.eye(3)]
    expected = np.mean(np.sum(np.square(slopes), axis=0))
    np.testing.assert_allclose(r1_penalty(discriminator, images), expected, rtol=1e-6)


def test_r1_penalty_refuses_images_that_are_not_rows():
    with pytest.raises(ValueError, match=r"shape \(batch, pixels\), but got \(2, 28, 28\)"):
        r1_penalty(None, np.ones((2, 28, 28)))


@pytest.mark.parametrize("shift", [0.0, 0.7, -3.0])
def test_wasserstein_distance_is_that_of_scipy(shift):
    random = np.random.default_rng(2)
    first, second = random.normal(size=50), shift + random.exponential(size=50)
    distance = wasserstein_distance_1d(first, second)
    assert distance == pytest.approx(stats.wasserstein_distance(first, second), rel=1e-12)
    assert distance == pytest.approx(wasserstein_distance_1d(second[::-1], first), rel=1e-12)


def test_wasserstein_distance_is_the_cheapest_of_all_plans():
    """Against all 720 ways to pair six numbers with six others."""
    first, second = np.random.default_rng(3).normal(0, [[2], [1]], (2, 6))
    costs = [np.mean(np.abs(first - second[list(order)])) for order in itertools.permutations(range(6))]
    assert wasserstein_distance_1d(first, second) == pytest.approx(min(costs), rel=1e-12)
    assert min(costs) < 0.8 * np.mean(costs)  # the plan matters


@pytest.mark.parametrize("second", [np.ones(4), np.ones((5, 1)), np.float64(1)], ids=["size", "rank", "number"])
def test_wasserstein_distance_refuses_samples_that_cannot_be_paired(second):
    with pytest.raises(ValueError, match=r"two samples of shape \(n,\) with the same n, but got \(5,\) and \("):
        wasserstein_distance_1d(np.arange(5.0), second)
    with pytest.raises(ValueError, match=r"but got \(0,\) and \(0,\)"):
        wasserstein_distance_1d([], [])


def test_critic_loss_of_the_best_critic_is_minus_the_wasserstein_distance():
    """All real numbers lie above all fakes: there the critic f(x) = x is the best with a slope of 1."""
    real, fake = 5 + RNG.random(30), RNG.random(30)
    loss = critic_loss(real[:, None], fake[:, None])
    np.testing.assert_allclose(loss, -stats.wasserstein_distance(real, fake), rtol=1e-12)


def test_critic_losses_average_each_batch_for_itself():
    np.testing.assert_allclose(critic_loss(REAL, FAKE), FAKE.mean() - REAL.mean(), rtol=1e-12)  # 8 and 5 images
    np.testing.assert_allclose(wasserstein_generator_loss(FAKE), -FAKE.mean(), rtol=1e-12)


def linear_critic(weights):
    def critic(images, training):
        return ops.reshape(ops.matmul(ops.reshape(images, (len(images), -1)), weights), (-1, 1))
    return critic


@pytest.mark.parametrize("shape", [(4, 6), (4, 3, 2, 1)])
@pytest.mark.parametrize("length", [0.2, 1.0, 3.0])
def test_gradient_penalty_of_a_linear_critic_is_its_slope_s_distance_from_one_squared(shape, length):
    weights = np.random.default_rng(4).normal(size=(6, 1))
    weights = (length * weights / np.linalg.norm(weights)).astype(np.float32)
    real, fake = np.random.default_rng(5).normal(size=(2, *shape)).astype(np.float32)
    penalty = gradient_penalty(linear_critic(weights), real, fake, keras.random.SeedGenerator(0))
    np.testing.assert_allclose(penalty, (length - 1)**2, rtol=1e-5, atol=1e-6)


def test_gradient_penalty_is_measured_at_uniform_points_between_fake_and_real_one_an_image():
    """Real images are all 1 and fakes all 0, so that each pixel of what the critic sees is the mix itself."""
    seen = []

    def critic(images, training):
        seen.append(images.numpy())
        return ops.sum(images, axis=(1, 2, 3), keepdims=False)[:, None]

    random = keras.random.SeedGenerator(1)
    for _ in range(2):
        gradient_penalty(critic, ops.ones((2000, 2, 2, 1)), ops.zeros((2000, 2, 2, 1)), random)
    first, second = (each.reshape(2000, 4) for each in seen)
    assert np.ptp(first, axis=1).max() == 0
    assert stats.kstest(first[:, 0], "uniform").pvalue > 0.01
    assert abs(np.corrcoef(first[:, 0], second[:, 0])[0, 1]) < 0.1  # drawn anew


def test_gradient_penalty_of_a_curved_critic_matches_finite_differences():
    """Fakes equal the real images: then every point between them is the image, and the slope is known there."""
    images = np.random.default_rng(6).normal(size=(5, 3))

    def value(x, tanh=np.tanh):
        return tanh(x[:, 0] * 2 - x[:, 1]) + 0.3 * x[:, 2]**2

    slopes = [(value(images + step) - value(images - step)) / 2e-5 for step in 1e-5 * np.eye(3)]
    expected = np.mean((np.linalg.norm(slopes, axis=0) - 1)**2)
    rows = images.astype(np.float32)
    penalty = gradient_penalty(lambda x, training: value(x, ops.tanh)[:, None], rows, rows,
                               keras.random.SeedGenerator(2))
    np.testing.assert_allclose(penalty, expected, rtol=1e-5)


def test_gradient_penalty_moves_the_critic_towards_a_slope_of_one():
    """Its gradient by the weights of a linear critic is 2 (|w| - 1) w / |w|, in a graph as `fit` makes it."""
    weights = tf.Variable([[0.6], [0.0], [-2.5]])
    real, fake = np.random.default_rng(7).normal(size=(2, 4, 3)).astype(np.float32)
    random = keras.random.SeedGenerator(3)

    @tf.function(input_signature=[tf.TensorSpec((None, 3))] * 2)
    def slope_of_penalty(real, fake):
        with tf.GradientTape() as tape:
            penalty = gradient_penalty(lambda x, training: ops.matmul(x, weights), real, fake, random)
        return tape.gradient(penalty, weights)

    length = np.linalg.norm(weights)
    np.testing.assert_allclose(slope_of_penalty(real, fake), 2 * (length - 1) * weights.numpy() / length, rtol=1e-5)


def test_gradient_penalty_of_a_flat_critic_has_a_finite_gradient():
    weights, random = tf.Variable(tf.zeros((3, 1))), keras.random.SeedGenerator(4)
    with tf.GradientTape() as tape:
        penalty = gradient_penalty(lambda x, training: ops.matmul(x, weights), ops.ones((4, 3)), ops.zeros((4, 3)),
                                   random)
    assert float(penalty) == pytest.approx(1, abs=1e-5)
    assert np.all(np.isfinite(tape.gradient(penalty, weights)))


@pytest.mark.parametrize("shape", [(3, 6), (4, 5), (4, 6, 1), (1, 6)])
def test_gradient_penalty_refuses_batches_that_do_not_pair(shape):
    with pytest.raises(ValueError, match=r"as many real as fake images of one size, .* but got \(4, 6\) and \("):
        gradient_penalty(None, np.ones((4, 6)), np.ones(shape), None)
    with pytest.raises(ValueError, match=r"but got \(4,\) and \(4,\)"):
        gradient_penalty(None, np.ones(4), np.ones(4), None)


def test_averages_are_those_of_keras_own_optimiser():
    """Ten steps of SGD with `use_ema`, of which the first average is the weights themselves."""
    variables = [keras.Variable(RNG.normal(size=(3, 2))), keras.Variable(RNG.normal(size=4))]
    optimiser = keras.optimizers.SGD(0.1, use_ema=True, ema_momentum=0.8)
    optimiser.build(variables)
    average = None
    for _ in range(10):
        optimiser.apply([ops.convert_to_tensor(RNG.normal(size=variable.shape)) for variable in variables])
        average = exponential_moving_average(average, [variable.numpy() for variable in variables], 0.8)
    optimiser.finalize_variable_values(variables)  # writes Keras' averages into the variables
    for ours, variable in zip(average, variables, strict=True):
        np.testing.assert_allclose(ours, variable.numpy(), rtol=1e-5)


def test_average_counts_the_weights_of_s_steps_ago_with_the_decay_to_the_power_of_s():
    path = RNG.normal(size=(6, 3))
    average = None
    for weights in path:
        average = exponential_moving_average(average, [weights], 0.7)
    shares = 0.3 * 0.7**np.arange(5, -1, -1.0)
    shares[0] = 0.7**5  # all that is left belongs to the first
    assert shares.sum() == pytest.approx(1)
    np.testing.assert_allclose(average[0], shares @ path, rtol=1e-12)


@pytest.mark.parametrize("average", [None, [np.ones(3)]])
def test_average_is_new_and_leaves_what_it_was_given(average):
    weights = [np.array([1.0, 2, 4])]
    found = exponential_moving_average(average, weights, 0.5)
    kept = found[0].copy()
    weights[0] += 100
    np.testing.assert_array_equal(found[0], kept)
    assert average is None or np.all(average[0] == 1)


@pytest.mark.parametrize("decay", [-0.1, 1.0, 99])
def test_average_refuses_a_decay_outside_its_range(decay):
    with pytest.raises(ValueError, match=f"decay of at least 0 and below 1, but got {decay}"):
        exponential_moving_average(None, [np.ones(3)], decay)


@pytest.mark.parametrize("weights", [[np.ones(3)], [np.ones(3), np.ones((1, 2))]], ids=["number", "shape"])
def test_average_refuses_weights_of_another_network(weights):
    with pytest.raises(ValueError, match=r"of the same shapes, but got \[\(3,\), \(2, 2\)\] and \[\(3,\)"):
        exponential_moving_average([np.ones(3), np.ones((2, 2))], weights, 0.9)
