"""The models: their terms against the losses, their steps on tiny data, and what they draw."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import ops
from scipy import special, stats

from utils import losses
from utils.lesson_05.study import build_autoencoder
from utils.likelihood import log_marginal_by_quadrature
from utils.models import (
    GAN,
    R1GAN,
    VAE,
    ConditionalGAN,
    DecoderByIntegral,
    PenalisedGAN,
    build_classifier,
    build_decoder,
    build_encoder,
    build_generator,
    build_tile_discriminator,
    condition_on_label,
    convincing_half,
    decode_grid,
    gan_train_step,
    reparameterise,
    sample_prior,
    stratified_latents,
)

RNG = np.random.default_rng(8)
GREY = RNG.random((16, 784)).astype("float32")
BINARY = np.round(GREY)


def tiny_vae(rate=0.01):
    keras.utils.set_random_seed(2)
    model = VAE(build_encoder(2, (8,)), build_decoder(2, (8,)), seed=4)
    model.compile(keras.optimizers.Adam(rate), run_eagerly=True)
    return model


def tiny_gan(latent_dim=3):
    keras.utils.set_random_seed(2)
    generator = keras.Sequential([keras.Input((latent_dim,)), keras.layers.Dense(8, "tanh"), keras.layers.Dense(784)])
    discriminator = keras.Sequential([keras.Input((784,)), keras.layers.Dense(8, "tanh"), keras.layers.Dense(1)])
    model = GAN(generator, discriminator, latent_dim, seed=4)
    model.compile(keras.optimizers.Adam(0.01), keras.optimizers.SGD(0.1), run_eagerly=True)
    return model


def values(network):
    return [variable.numpy() for variable in network.trainable_variables]


def moved(before, after):
    """Return whether each array changed."""
    return [not np.array_equal(*pair) for pair in zip(before, after, strict=True)]


# Builders ---------------------------------------------------------------------------------------------------

def test_autoencoder_squeezes_images_into_codes_of_any_sign_and_brings_them_back_as_pixels():
    keras.utils.set_random_seed(3)
    encoder, decoder, autoencoder = build_autoencoder(3, (8, 5))
    codes, pixels = np.asarray(encoder(8 * GREY)), np.asarray(decoder(50 * RNG.normal(size=(40, 3))))
    assert codes.shape == (16, 3) and codes.min() < -0.3 and codes.max() > 0.3  # SiLUs end at -0.28
    assert pixels.shape == (40, 784) and 0 <= pixels.min() < 0.2 and 0.8 < pixels.max() <= 1
    assert [layer.units for network in (encoder, decoder) for layer in network.layers[1:]] == [8, 5, 3, 5, 8, 784]
    np.testing.assert_allclose(autoencoder(GREY), decoder(encoder(GREY)), rtol=1e-6)


def test_training_the_autoencoder_trains_the_encoder_and_the_decoder():
    encoder, decoder, autoencoder = build_autoencoder(2, (4,))
    before = values(encoder), values(decoder)
    autoencoder.compile("sgd", "mse", run_eagerly=True)
    autoencoder.fit(GREY, GREY, verbose=0)
    assert all(moved(before[0], values(encoder))) and all(moved(before[1], values(decoder)))


def test_classifier_has_ten_logits_and_64_features():
    classifier = build_classifier()
    assert classifier(GREY.reshape(-1, 28, 28, 1)).shape == (16, 10)
    assert classifier.get_layer("features").output.shape == (None, 64)


@pytest.mark.parametrize("latent_dim", [2, 5])
def test_encoder_and_decoder_have_the_course_s_shapes(latent_dim):
    mean, log_variance = build_encoder(latent_dim)(BINARY)
    assert mean.shape == log_variance.shape == (16, latent_dim)
    assert build_decoder(latent_dim)(mean).shape == (16, 784)


def test_decoder_gives_logits_of_either_sign():
    logits = np.asarray(build_decoder()(RNG.normal(size=(16, 2))))
    assert logits.min() < 0 < logits.max()


# Draws ------------------------------------------------------------------------------------------------------

def test_decode_grid_goes_to_the_right_and_upwards_in_equal_shares_of_the_prior():
    def latents_themselves(latents):
        return ops.concatenate([latents, ops.zeros((len(latents), 782))], axis=-1)

    probabilities = np.asarray(decode_grid(latents_themselves, side=4))
    assert probabilities.shape == (16, 784)
    shares = stats.norm.cdf(np.log(probabilities / (1 - probabilities))[:, :2]).reshape(4, 4, 2)
    middle = [0.125, 0.375, 0.625, 0.875]
    np.testing.assert_allclose(shares[..., 0], [middle] * 4, atol=1e-5)
    np.testing.assert_allclose(shares[..., 1], np.transpose([middle[::-1]] * 4), atol=1e-5)


def test_sample_prior_draws_latents_from_the_prior_and_pixels_from_their_bernoulli():
    """Pixel 0 is on where z₁ > 0.5, the others with probability 0.3 each, whatever the latent."""
    drawn_from = []

    def decoder(latents):
        drawn_from.append(np.asarray(latents))
        others = ops.full((len(latents), 783), np.log(0.3 / 0.7))
        return ops.concatenate([1e4 * (latents[:, :1] - 0.5), others], axis=-1)

    images = sample_prior(decoder, 4000, latent_dim=2, seed=1)
    assert images.dtype == np.float32 and set(np.unique(images)) == {0, 1}
    assert abs(images[:, 0].mean() - stats.norm.sf(0.5)) < 0.02  # three standard errors
    assert abs(images[:, 1:].mean() - 0.3) < 0.001
    correlation = np.corrcoef(images[:, 1:4].T)[np.triu_indices(3, 1)]
    assert np.abs(correlation).max() < 0.05
    np.testing.assert_allclose(drawn_from[0].mean(axis=0), 0, atol=0.05)
    np.testing.assert_allclose(np.cov(drawn_from[0].T), np.eye(2), atol=0.07)


def test_sample_prior_repeats_with_a_seed_only():
    decoder = build_decoder(2, (8,))
    first, same, other, fresh = (sample_prior(decoder, 3, 2, seed) for seed in (1, 1, 2, None))
    np.testing.assert_array_equal(first, same)
    assert not np.array_equal(first, other) and not np.array_equal(first, fresh)


def test_reparameterised_latents_have_the_mean_and_variance_asked_for():
    mean, log_variance = np.array([1.5, -2.0]), np.array([-1.0, 0.7])
    noise = RNG.normal(size=(100_000, 2))
    drawn = np.asarray(reparameterise(np.tile(mean, (100_000, 1)), np.tile(log_variance, (100_000, 1)), noise))
    np.testing.assert_allclose(drawn.mean(axis=0), mean, atol=4 * np.exp(0.35) / 100_000**0.5)
    np.testing.assert_allclose(drawn.var(axis=0), np.exp(log_variance), rtol=0.02)


# The decoder trained by the integral ------------------------------------------------------------------------

def tiny_integral(side=5, rate=0.01):
    keras.utils.set_random_seed(2)
    model = DecoderByIntegral(build_decoder(2, (8,)), side, seed=4)
    model.compile(keras.optimizers.Adam(rate), run_eagerly=True)
    return model


def test_stratified_latents_lie_one_in_each_cell_of_equal_probability():
    shares = stats.norm.cdf(np.asarray(stratified_latents(7, RNG.random((49, 2)).astype("float32"))))
    cells = np.floor(7 * shares).astype(int)
    np.testing.assert_array_equal(cells, [(first, second) for second in range(7) for first in range(7)])


def test_stratified_latents_in_the_middles_are_the_normal_quantiles():
    latents = np.asarray(stratified_latents(4, np.full((16, 2), 0.5, "float32")))
    quantiles = stats.norm.ppf([0.125, 0.375, 0.625, 0.875])
    np.testing.assert_allclose(latents[:4, 0], quantiles, atol=1e-5)
    np.testing.assert_allclose(latents[::4, 1], quantiles, atol=1e-5)


def test_stratified_latents_at_the_edge_of_the_square_are_finite():
    latents = np.asarray(stratified_latents(2, np.array([[0, 0], [1, 0], [0, 1], [1, 1]], "float32")))
    assert np.isfinite(latents).all() and np.abs(latents).max() > 4.5


def test_decoder_by_integral_averages_the_likelihood_over_its_points():
    model = tiny_integral()
    model.random.state.assign([9, 9])
    log_marginal = np.asarray(model(BINARY))
    model.random.state.assign([9, 9])
    latents = stratified_latents(5, keras.random.uniform((25, 2), seed=model.random))
    probabilities = special.expit(np.asarray(model.decoder(latents), "float64"))
    of_pairs = stats.bernoulli.logpmf(BINARY[:, None], probabilities).sum(axis=-1)
    np.testing.assert_allclose(log_marginal, np.log(np.mean(np.exp(of_pairs + 540), axis=1)) - 540, rtol=1e-5)


def test_decoder_by_integral_comes_close_to_quadrature_with_many_points():
    model = tiny_integral(side=40)
    for variable in model.decoder.trainable_variables:
        variable.assign(3 * variable)  # so that the latent matters, by nats
    exact = log_marginal_by_quadrature(model.decoder, BINARY)
    estimates = np.mean([np.asarray(model(BINARY)) for _ in range(10)], axis=0)
    np.testing.assert_allclose(estimates, exact, atol=0.02)
    at_the_origin = losses.bernoulli_log_likelihood(BINARY, ops.tile(model.decoder(np.zeros((1, 2))), (len(BINARY), 1)))
    assert np.abs(exact - at_the_origin).mean() > 1


def test_training_steps_raise_the_exact_log_marginal():
    model = tiny_integral()
    before = log_marginal_by_quadrature(model.decoder, BINARY).mean()
    model.fit(BINARY, epochs=20, batch_size=16, verbose=0)
    assert log_marginal_by_quadrature(model.decoder, BINARY).mean() > before + 20


def test_decoder_by_integral_binarises_its_grey_images_afresh():
    model, seen = tiny_integral(rate=0.0), []
    model.call = lambda images: seen.append(np.asarray(images)) or ops.sum(model.decoder(ops.zeros((1, 2))))
    model.fit(GREY, epochs=200, batch_size=16, shuffle=False, verbose=0)
    assert set(np.unique(seen)) == {0, 1}
    assert np.abs(np.mean(seen, axis=0) - GREY).max() < 0.17  # more than four standard errors of a coin's average


# The variational autoencoder --------------------------------------------------------------------------------

def test_vae_s_terms_are_the_losses_of_the_same_draw():
    model = tiny_vae()
    model.random.state.assign([9, 9])
    terms = {name: np.asarray(value) for name, value in model(BINARY).items()}
    model.random.state.assign([9, 9])
    noise = keras.random.normal((16, 2), seed=model.random)
    mean, log_variance = (np.asarray(part) for part in model.encoder(BINARY))
    logits = np.asarray(model.decoder(mean + np.sqrt(np.exp(log_variance)) * np.asarray(noise)))
    np.testing.assert_allclose(terms["elbo"], losses.elbo(BINARY, logits, mean, log_variance), rtol=1e-5)
    np.testing.assert_allclose(terms["kl"], losses.kl_to_standard_normal(mean, log_variance), rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(terms["log_likelihood"], losses.bernoulli_log_likelihood(BINARY, logits), rtol=1e-5)


def test_training_steps_on_one_batch_raise_the_elbo():
    model = tiny_vae()
    before = model.evaluate(BINARY, verbose=0, return_dict=True)["elbo"]
    for _ in range(20):
        model.train_step(BINARY)  # zeros and ones are binarised into themselves
    assert model.evaluate(BINARY, verbose=0, return_dict=True)["elbo"] > before + 8


def test_training_step_binarises_afresh_at_every_draw(monkeypatch):
    model, seen = tiny_vae(), []
    call = VAE.call
    monkeypatch.setattr(VAE, "call", lambda self, images: (seen.append(np.asarray(images)), call(self, images))[1])
    for _ in range(40):
        model.train_step(GREY)
    seen = np.stack(seen)
    assert set(np.unique(seen)) == {0, 1}
    assert np.abs(seen.mean(axis=0) - GREY).mean() < 0.06  # 0.8 sqrt(p (1 - p) / 40), averaged over p, is 0.05
    assert not np.array_equal(seen[0], seen[1])


def test_evaluation_leaves_weights_alone_and_images_as_they_are(monkeypatch):
    model, seen = tiny_vae(), []
    model(BINARY[:1])
    before, call = values(model), VAE.call
    monkeypatch.setattr(VAE, "call", lambda self, images: (seen.append(np.asarray(images)), call(self, images))[1])
    model.evaluate(BINARY, batch_size=16, verbose=0)
    assert not any(moved(before, values(model)))
    np.testing.assert_array_equal(seen[0], BINARY)


def test_averages_are_over_all_batches_of_one_evaluation():
    """A decoder of fair coins gives every image 784 ln 2; the KL of a fixed encoder is known."""
    model = tiny_vae()
    for network in (model.encoder, model.decoder):
        network.set_weights([np.zeros_like(weight) for weight in network.get_weights()])
    model.encoder.get_layer("mean").bias.assign([1.0, 2.0])
    for _ in range(2):
        scores = model.evaluate(BINARY, batch_size=5, verbose=0, return_dict=True)
        expected = {"elbo": -784 * np.log(2) - 2.5, "log_likelihood": -784 * np.log(2), "kl": 2.5}
        assert {name: float(score) for name, score in scores.items()} == pytest.approx(expected, rel=1e-5)


def test_gradient_of_the_elbo_matches_finite_differences():
    """In float64 and with fixed noise, for every weight of a tiny model of four pixels."""
    random = np.random.default_rng(3)
    images, noise = np.round(random.random((5, 4))), random.normal(size=(5, 2))
    shapes = [(4, 4), (4,), (2, 4), (4,)]  # encoder to (mean, log variance), decoder to logits
    weights = [random.normal(0, 0.5, shape) for shape in shapes]

    def loss(weights):
        kernel, bias, decoder_kernel, decoder_bias = weights
        mean, log_variance = ops.split(ops.tanh(ops.matmul(images, kernel) + bias), 2, axis=-1)
        latents = reparameterise(mean, log_variance, noise)
        return -ops.mean(losses.elbo(images, ops.matmul(latents, decoder_kernel) + decoder_bias, mean, log_variance))

    variables = [tf.Variable(weight) for weight in weights]
    with tf.GradientTape() as tape:
        value = loss(variables)
    gradients = tape.gradient(value, variables)
    assert value.dtype == "float64"
    for position, gradient in enumerate(gradients):
        for index in np.ndindex(weights[position].shape):
            sides = []
            for step in (1e-5, -1e-5):
                changed = [weight.copy() for weight in weights]
                changed[position][index] += step
                sides.append(float(loss([tf.constant(weight) for weight in changed])))
            assert float(gradient[index]) == pytest.approx((sides[0] - sides[1]) / 2e-5, rel=1e-6, abs=1e-8)


# The adversarial pair ---------------------------------------------------------------------------------------

class Still(keras.optimizers.SGD):
    """An optimiser that moves nothing, to look at one half of a step."""

    def apply(self, gradients, variables):
        pass


@pytest.mark.parametrize("player", ["generator", "discriminator"])
def test_each_half_of_a_gan_step_moves_its_own_weights_only(player):
    model = tiny_gan()
    before = {"generator": values(model.generator), "discriminator": values(model.discriminator)}
    optimizers = {name: keras.optimizers.SGD(0.1) if name == player else Still() for name in before}
    gan_train_step(model.generator, model.discriminator, optimizers["generator"], optimizers["discriminator"],
                   GREY, RNG.normal(size=(16, 3)).astype("float32"))
    for name, network in (("generator", model.generator), ("discriminator", model.discriminator)):
        assert all(moved(before[name], values(network))) if name == player else not any(
            moved(before[name], values(network)))


def test_gan_step_returns_the_losses_before_each_half():
    model, latents = tiny_gan(), RNG.normal(size=(16, 3)).astype("float32")
    fakes, real_logits = model.generator(latents), model.discriminator(GREY)
    expected = float(losses.discriminator_loss(real_logits, model.discriminator(fakes)))
    discriminator_loss, generator_loss = gan_train_step(
        model.generator, model.discriminator, Still(), model.discriminator_optimizer, GREY, latents)
    assert float(discriminator_loss) == pytest.approx(expected, rel=1e-5)
    # The generator plays against the discriminator that has just learnt.
    assert float(generator_loss) == pytest.approx(float(losses.generator_loss(model.discriminator(fakes))), rel=1e-5)


def test_each_half_of_a_gan_step_lowers_its_own_loss():
    model, latents = tiny_gan(), RNG.normal(size=(16, 3)).astype("float32")

    def losses_now():
        fake_logits = model.discriminator(model.generator(latents))
        return (float(losses.discriminator_loss(model.discriminator(GREY), fake_logits)),
                float(losses.generator_loss(fake_logits)))

    before = losses_now()
    gan_train_step(model.generator, model.discriminator, Still(), keras.optimizers.SGD(0.01), GREY, latents)
    between = losses_now()
    gan_train_step(model.generator, model.discriminator, keras.optimizers.SGD(0.01), Still(), GREY, latents)
    assert between[0] < before[0] and losses_now()[1] < between[1]


def test_gan_fits_and_averages_each_epoch_by_itself():
    model = tiny_gan()
    before = values(model)
    history = model.fit(GREY, batch_size=8, epochs=2, verbose=0).history
    assert set(history) == {"discriminator_loss", "generator_loss"}
    assert all(moved(before, values(model)))
    assert float(model.averages[0].count) == 2  # batches of the last epoch alone
    assert model(RNG.normal(size=(5, 3)).astype("float32")).shape == (5, 784)


def test_gan_s_latents_are_standard_normal_and_fresh():
    model = tiny_gan()
    first, second = np.asarray(model.latents(5000)), np.asarray(model.latents(5000))
    assert not np.allclose(first, second)
    np.testing.assert_allclose(first.mean(axis=0), 0, atol=0.05)
    np.testing.assert_allclose(np.cov(first.T), np.eye(3), atol=0.07)


def test_classifier_learns_from_a_training_step():
    classifier = build_classifier()
    classifier.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True), run_eagerly=True)
    before = values(classifier)
    classifier.train_on_batch(GREY.reshape(-1, 28, 28, 1), np.arange(16) % 10)
    assert all(moved(before, values(classifier)))


def tile_of(images, row, column):
    """The 16 pixels of one tile, cut out of (n, 784) with plain slices."""
    return images.reshape(-1, 28, 28)[:, 4 * row:4 * row + 4, 4 * column:4 * column + 4].reshape(-1, 16)


def test_discriminator_sees_the_image_as_tiles():
    discriminator = build_tile_discriminator()
    convolution = next(layer for layer in discriminator.layers if isinstance(layer, keras.layers.Conv2D))
    images = np.random.default_rng(0).uniform(-1, 1, (3, 784)).astype("float32")
    tiles = np.asarray(keras.Model(discriminator.input, convolution.input)(images))
    assert tiles.shape == (3, 7, 7, 16)
    for row, column in ((0, 0), (2, 5), (6, 1)):
        np.testing.assert_array_equal(tiles[:, row, column], tile_of(images, row, column))


def test_generator_puts_each_tile_in_its_place():
    generator = build_generator()
    convolution = next(layer for layer in generator.layers if isinstance(layer, keras.layers.Conv2D))
    tiles = np.random.default_rng(1).normal(size=(3, 7, 7, 16)).astype("float32")
    images = np.asarray(keras.Model(convolution.output, generator.output)(tiles))
    assert images.shape == (3, 784)
    for row, column in ((0, 0), (2, 5), (6, 1)):
        np.testing.assert_allclose(tile_of(images, row, column), np.tanh(tiles[:, row, column]), rtol=1e-5)


# A cure is an argument --------------------------------------------------------------------------------------

def tiny_pair(latent_dim=3, logits=1):
    keras.utils.set_random_seed(2)
    generator = keras.Sequential([keras.Input((latent_dim,)), keras.layers.Dense(8, "tanh"), keras.layers.Dense(784)])
    discriminator = keras.Sequential([keras.Input((784,)), keras.layers.Dense(8, "tanh"), keras.layers.Dense(logits)])
    return generator, discriminator


def tiny_penalised_gan(kind=PenalisedGAN, **options):
    model = kind(*tiny_pair(), 3, seed=4, **options)
    model.compile(keras.optimizers.SGD(0.01), keras.optimizers.SGD(0.01), run_eagerly=True)
    return model


def test_penalised_gan_with_r1_makes_the_step_of_the_smooth_gan():
    smooth = tiny_penalised_gan(R1GAN)
    penalised = tiny_penalised_gan(penalty=lambda discriminator, images, fakes, random: losses.r1_penalty(
        discriminator, images[:4]))  # γ / 2 = 1, a quarter of 16
    for model in (smooth, penalised):
        model.train_step(tf.constant(GREY))
    for ours, theirs in zip(values(penalised), values(smooth), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-7)


def test_penalty_steers_the_discriminator_alone_and_is_not_in_the_losses_shown():
    plain = tiny_penalised_gan()
    heavy = tiny_penalised_gan(penalty=lambda discriminator, images, fakes, random: 50 * losses.r1_penalty(
        discriminator, images))
    shown = [model.train_step(tf.constant(GREY)) for model in (plain, heavy)]
    for name in shown[0]:
        assert float(shown[0][name]) == pytest.approx(float(shown[1][name]), rel=1e-6)
    assert not any(moved(values(plain.generator), values(heavy.generator)))
    assert any(moved(values(plain.discriminator), values(heavy.discriminator)))


def test_penalty_is_given_the_fakes_of_this_step_and_the_model_s_random_numbers():
    seen = {}

    def penalty(discriminator, images, fakes, random):
        seen.update(discriminator=discriminator, images=images, fakes=fakes, random=random)
        return 0.0

    model = tiny_penalised_gan(penalty=penalty)
    copy = tiny_penalised_gan()  # of the same seeds
    model.train_step(tf.constant(GREY))
    np.testing.assert_allclose(seen["fakes"], copy.generator(copy.latents(16)), rtol=1e-5)
    np.testing.assert_array_equal(seen["images"], GREY)
    assert seen["random"] is model.random and seen["discriminator"] is model.discriminator


def test_penalised_gan_plays_with_the_losses_it_is_given():
    model = tiny_penalised_gan(losses=(losses.critic_loss, losses.wasserstein_generator_loss))
    copy = tiny_penalised_gan()
    fakes = copy.generator(copy.latents(16))
    shown = model.train_step(tf.constant(GREY))
    real_value, fake_value = (float(ops.mean(copy.discriminator(images))) for images in (GREY, fakes))
    assert float(shown["discriminator_loss"]) == pytest.approx(fake_value - real_value, rel=1e-4)
    assert float(shown["generator_loss"]) == pytest.approx(-fake_value, rel=1e-4)


LABELS = np.arange(16) % 10


def tiny_conditional_gan(**options):
    generator, discriminator = tiny_pair(13, logits=10)
    model = ConditionalGAN(generator, discriminator, 3, seed=4, **options)
    model.compile(keras.optimizers.SGD(0.1), keras.optimizers.SGD(0.1), run_eagerly=True)
    return model


def test_conditional_gan_shows_the_losses_of_the_labels_logits():
    model, copy = tiny_conditional_gan(), tiny_conditional_gan()
    fakes = copy.generator(condition_on_label(copy.latents(16), tf.constant(LABELS)))
    real, fake = (np.asarray(copy.discriminator(images))[np.arange(16), LABELS] for images in (GREY, fakes))
    shown = model.train_step((tf.constant(GREY), tf.constant(LABELS)))
    assert float(shown["discriminator_loss"]) == pytest.approx(
        np.mean(np.log1p(np.exp(-real))) + np.mean(np.log1p(np.exp(fake))), rel=1e-5)
    assert float(shown["generator_loss"]) == pytest.approx(np.mean(np.log1p(np.exp(-fake))), rel=1e-5)


def test_conditional_gan_penalises_the_slope_of_the_logit_asked_for():
    model, copy = tiny_conditional_gan(), tiny_conditional_gan()
    seen = []
    model.penalty = lambda discriminator, images, fakes, random: seen.append(
        losses.r1_penalty(discriminator, images[:5])) or 0.0
    model.train_step((tf.constant(GREY), tf.constant(LABELS)))
    first, second = (layer.get_weights() for layer in copy.discriminator.layers)
    hidden = np.tanh(GREY[:5] @ first[0] + first[1])
    slopes = (second[0].T[LABELS[:5]] * (1 - hidden**2)) @ first[0].T  # chain rule by hand
    assert float(seen[0]) == pytest.approx(np.mean(np.sum(slopes**2, axis=1)), rel=1e-4)


def test_conditional_gan_leaves_logits_of_absent_labels_alone():
    model = tiny_conditional_gan()
    before = model.discriminator.layers[-1].get_weights()[0].copy()
    model.fit(GREY, np.full(16, 7), batch_size=16, verbose=0)
    after = model.discriminator.layers[-1].get_weights()[0]
    assert moved(before.T, after.T) == [digit == 7 for digit in range(10)]


@pytest.mark.parametrize(("normalise", "kind", "count"), [
    ("spectral", keras.layers.SpectralNormalization, 3), ("batch", keras.layers.BatchNormalization, 1)])
def test_dcgan_discriminator_is_normalised_as_asked(normalise, kind, count):
    discriminator = build_tile_discriminator(logits=10, normalise=normalise)
    assert sum(isinstance(layer, kind) for layer in discriminator.layers) == count
    assert discriminator.output_shape == (None, 10)


def test_dcgan_discriminator_is_lesson_8_s():
    eight, nine = build_tile_discriminator(), build_tile_discriminator()
    nine.set_weights(eight.get_weights())
    np.testing.assert_allclose(nine(GREY), eight(GREY), rtol=1e-5, atol=1e-6)


def test_spectral_discriminator_has_slopes_of_one_after_a_few_calls():
    discriminator = build_tile_discriminator(normalise="spectral")
    for _ in range(50):
        discriminator(GREY, training=True)
    dense = [layer for layer in discriminator.layers if isinstance(layer, keras.layers.SpectralNormalization)
             and isinstance(layer.layer, keras.layers.Dense)]
    for layer in dense:
        assert np.linalg.svd(np.asarray(layer.layer.kernel), compute_uv=False)[0] == pytest.approx(1, abs=0.05)


def test_dcgan_discriminator_refuses_an_unknown_normalisation():
    with pytest.raises(ValueError, match="'layer'"):
        build_tile_discriminator(normalise="layer")


def test_convincing_half_keeps_the_fakes_with_the_larger_logits_in_order():
    generator, discriminator = tiny_pair()
    latents = RNG.normal(size=(40, 3)).astype("float32")
    images = np.asarray(generator(latents))
    logits = np.asarray(discriminator(images))[:, 0]
    kept = convincing_half(generator, discriminator, latents)
    np.testing.assert_allclose(kept, images[logits > np.median(logits)], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("count", [0, 3])
def test_convincing_half_refuses_what_has_no_half(count):
    with pytest.raises(ValueError, match=f"got {count}"):
        convincing_half(*tiny_pair(), np.zeros((count, 3), "float32"))
