"""The models: their terms against the losses, their steps on tiny data, and what they draw."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import ops
from scipy import special, stats

from utils import losses
from utils.likelihood import log_marginal_by_quadrature
from utils.models import (
    GAN,
    VAE,
    DecoderByIntegral,
    build_classifier,
    build_decoder,
    build_encoder,
    build_generator,
    build_tile_discriminator,
    decode_grid,
    gan_train_step,
    reparameterise,
    sample_prior,
    stratified_latents,
)

RNG = np.random.default_rng(8)
GREY = RNG.random((16, 784)).astype("float32")
BINARY = np.round(GREY)


def tiny_vae():
    keras.utils.set_random_seed(2)
    model = VAE(build_encoder(2, (8,)), build_decoder(2, (8,)), seed=4)
    model.compile(keras.optimizers.Adam(0.01), run_eagerly=True)
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


def moved(before, network):
    """Return whether each of the network's weights differs from what it was."""
    return [not np.array_equal(*pair) for pair in zip(before, values(network), strict=True)]


def watch(model):
    """Return a list to which the images are added that the model is called with from now on."""
    seen, call = [], model.call

    def note(images):
        seen.append(np.asarray(images))
        return call(images)

    model.call = note
    return seen


def test_classifier_has_ten_logits_and_64_features_and_learns_from_a_step():
    classifier = build_classifier()
    assert classifier.output_shape == (None, 10) and classifier.get_layer("features").output.shape == (None, 64)
    classifier.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True), run_eagerly=True)
    before = values(classifier)
    classifier.train_on_batch(GREY.reshape(-1, 28, 28, 1), np.arange(16) % 10)
    assert all(moved(before, classifier))


def test_encoder_and_decoder_have_the_course_s_shapes_and_logits_of_either_sign():
    mean, log_variance = build_encoder(5)(BINARY)
    assert mean.shape == log_variance.shape == (16, 5)
    logits = np.asarray(build_decoder(5)(mean))
    assert logits.shape == (16, 784) and logits.min() < 0 < logits.max()


def tile_of(images, row, column):
    """The 16 pixels of one tile, cut out of (n, 784) with plain slices."""
    return images.reshape(-1, 28, 28)[:, 4 * row:4 * row + 4, 4 * column:4 * column + 4].reshape(-1, 16)


def convolution_of(network):
    return next(layer for layer in network.layers if isinstance(layer, keras.layers.Conv2D))


@pytest.mark.parametrize(("row", "column"), [(0, 0), (2, 5), (6, 1)])
def test_discriminator_sees_the_image_as_tiles_and_the_generator_puts_each_in_its_place(row, column):
    discriminator, generator = build_tile_discriminator(), build_generator()
    tiles = keras.Model(discriminator.input, convolution_of(discriminator).input)(GREY)
    np.testing.assert_array_equal(tiles[:, row, column], tile_of(GREY, row, column))
    tiles = RNG.normal(size=(3, 7, 7, 16)).astype("float32")
    images = np.asarray(keras.Model(convolution_of(generator).output, generator.output)(tiles))
    assert images.shape == (3, 784)
    np.testing.assert_allclose(tile_of(images, row, column), np.tanh(tiles[:, row, column]), rtol=1e-5)


@pytest.mark.parametrize(("normalise", "kind", "count"), [
    ("spectral", keras.layers.SpectralNormalization, 3), ("batch", keras.layers.BatchNormalization, 1)])
def test_discriminator_is_normalised_as_asked(normalise, kind, count):
    discriminator = build_tile_discriminator(logits=10, normalise=normalise)
    assert sum(isinstance(layer, kind) for layer in discriminator.layers) == count
    assert discriminator.output_shape == (None, 10)
    with pytest.raises(ValueError, match="normalise=None, \"batch\" or \"spectral\", but got 'layer'"):
        build_tile_discriminator(normalise="layer")


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
    same, other, fresh = (sample_prior(decoder, 4000, 2, seed) for seed in (1, 2, None))
    np.testing.assert_array_equal(images, same)
    assert not np.array_equal(images, other) and not np.array_equal(images, fresh)


def tiny_integral():
    keras.utils.set_random_seed(2)
    model = DecoderByIntegral(build_decoder(2, (8,)), side=5, seed=4)
    model.compile(keras.optimizers.Adam(0.01), run_eagerly=True)
    return model


def test_stratified_latents_lie_one_in_each_cell_of_equal_probability():
    shares = stats.norm.cdf(np.asarray(stratified_latents(7, RNG.random((49, 2)).astype("float32"))))
    cells = np.floor(7 * shares).astype(int)
    np.testing.assert_array_equal(cells, [(first, second) for second in range(7) for first in range(7)])
    middles = np.asarray(stratified_latents(4, np.full((16, 2), 0.5, "float32")))
    quantiles = stats.norm.ppf([0.125, 0.375, 0.625, 0.875])
    np.testing.assert_allclose(middles, np.stack(np.meshgrid(quantiles, quantiles), -1).reshape(16, 2), atol=1e-5)
    edge = np.asarray(stratified_latents(2, np.array([[0, 0], [1, 0], [0, 1], [1, 1]], "float32")))
    assert np.isfinite(edge).all() and np.abs(edge).max() > 4.5


def test_decoder_by_integral_averages_the_likelihood_over_its_points():
    model = tiny_integral()
    model.random.state.assign([9, 9])
    log_marginal = np.asarray(model(BINARY))
    model.random.state.assign([9, 9])
    latents = stratified_latents(5, keras.random.uniform((25, 2), seed=model.random))
    probabilities = special.expit(np.asarray(model.decoder(latents), "float64"))
    of_pairs = stats.bernoulli.logpmf(BINARY[:, None], probabilities).sum(axis=-1)
    np.testing.assert_allclose(log_marginal, np.log(np.mean(np.exp(of_pairs + 540), axis=1)) - 540, rtol=1e-5)


def test_decoder_by_integral_binarises_afresh_and_raises_the_exact_log_marginal():
    model = tiny_integral()
    before, seen = log_marginal_by_quadrature(model.decoder, BINARY).mean(), watch(model)
    model.fit(GREY, epochs=40, batch_size=16, shuffle=False, verbose=0)
    assert set(np.unique(seen)) == {0, 1}
    assert np.abs(np.mean(seen, axis=0) - GREY).mean() < 0.06  # as for the VAE below
    assert log_marginal_by_quadrature(model.decoder, BINARY).mean() > before + 20


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


def test_training_steps_binarise_afresh_and_raise_the_elbo():
    model = tiny_vae()
    before, seen = model.evaluate(GREY, verbose=0, return_dict=True)["elbo"], watch(model)
    for _ in range(40):
        model.train_step(GREY)
    assert set(np.unique(seen)) == {0, 1}
    assert np.abs(np.mean(seen, axis=0) - GREY).mean() < 0.06  # 0.8 sqrt(p (1 - p) / 40), averaged over p, is 0.05
    assert model.evaluate(GREY, verbose=0, return_dict=True)["elbo"] > before + 5


def test_evaluation_leaves_weights_alone_and_images_as_they_are():
    model = tiny_vae()
    before, seen = values(model), watch(model)
    model.evaluate(BINARY, batch_size=16, verbose=0)
    assert not any(moved(before, model))
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

    def loss(kernel, bias, decoder_kernel, decoder_bias):
        mean, log_variance = ops.split(ops.tanh(ops.matmul(images, kernel) + bias), 2, axis=-1)
        latents = reparameterise(mean, log_variance, noise)
        return -ops.mean(losses.elbo(images, ops.matmul(latents, decoder_kernel) + decoder_bias, mean, log_variance))

    weights = [tf.constant(random.normal(0, 0.5, shape)) for shape in shapes]
    for ours, differences in zip(*tf.test.compute_gradient(loss, weights, delta=1e-5), strict=True):
        np.testing.assert_allclose(ours, differences, rtol=1e-6, atol=1e-8)


class Still(keras.optimizers.SGD):
    """An optimiser that moves nothing, to look at one half of a step."""

    def apply(self, gradients, variables):
        pass


@pytest.mark.parametrize("player", ["generator", "discriminator"])
def test_each_half_of_a_gan_step_moves_its_own_weights_only_and_lowers_its_own_loss(player):
    model, latents = tiny_gan(), RNG.normal(size=(16, 3)).astype("float32")
    networks = {"generator": model.generator, "discriminator": model.discriminator}

    def losses_now():
        fake_logits = model.discriminator(model.generator(latents))
        return {"discriminator": float(losses.discriminator_loss(model.discriminator(GREY), fake_logits)),
                "generator": float(losses.generator_loss(fake_logits))}

    weights, before = {name: values(network) for name, network in networks.items()}, losses_now()
    optimizers = [keras.optimizers.SGD(0.01) if name == player else Still() for name in networks]
    gan_train_step(*networks.values(), *optimizers, GREY, latents)
    assert {name: set(moved(weights[name], network)) for name, network in networks.items()} == {
        name: {name == player} for name in networks}
    assert losses_now()[player] < before[player]


def test_gan_step_returns_the_losses_before_each_half():
    model, latents = tiny_gan(), RNG.normal(size=(16, 3)).astype("float32")
    fakes = model.generator(latents)
    expected = float(losses.discriminator_loss(model.discriminator(GREY), model.discriminator(fakes)))
    came = gan_train_step(model.generator, model.discriminator, Still(), model.discriminator_optimizer, GREY, latents)
    # The generator plays against the discriminator that has just learnt.
    after = float(losses.generator_loss(model.discriminator(fakes)))
    np.testing.assert_allclose([float(loss) for loss in came], [expected, after], rtol=1e-5)


def test_gan_fits_and_averages_each_epoch_by_itself():
    model = tiny_gan()
    before = values(model)
    history = model.fit(GREY, batch_size=8, epochs=2, verbose=0).history
    assert set(history) == {"discriminator_loss", "generator_loss"} and all(moved(before, model))
    assert float(model.averages[0].count) == 2  # batches of the last epoch alone
    assert model(RNG.normal(size=(5, 3)).astype("float32")).shape == (5, 784)


def test_gan_s_latents_are_standard_normal_and_fresh():
    model = tiny_gan()
    first, second = np.asarray(model.latents(5000)), np.asarray(model.latents(5000))
    assert not np.allclose(first, second)
    np.testing.assert_allclose(first.mean(axis=0), 0, atol=0.05)
    np.testing.assert_allclose(np.cov(first.T), np.eye(3), atol=0.07)
