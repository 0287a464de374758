"""What lesson 7 moves into utils: bounds from weights, active units, free bits, labels, and the models with them."""

import math

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import ops
from scipy.special import logsumexp
from scipy.stats import norm

from utils.data import load_mnist, to_unit_range
from utils.lesson_07 import pictures as pictures_07
from utils.lesson_07.explorers import beta_explorer
from utils.lesson_07.study import active_units, free_bits, kl_of_each_dimension
from utils.likelihood import importance_estimate, importance_log_weights, log_weights_of_image
from utils.losses import importance_weighted_bound, kl_to_standard_normal
from utils.models import (
    BetaVAE,
    ConditionalVAE,
    build_convolutional_decoder,
    build_convolutional_encoder,
    build_decoder,
    condition_on_label,
    swap_rows_and_columns,
)

RNG = np.random.default_rng(7)
LOG_WEIGHTS = RNG.normal(-5, 2, (12, 4)).astype("float32")
MEAN, LOG_VARIANCE = RNG.normal(size=(2, 5, 3)).astype("float32")


# Bounds -----------------------------------------------------------------------------------------------------

def test_bound_is_the_logarithm_of_the_average_weight():
    expected = np.log(np.exp(LOG_WEIGHTS.astype(float)).mean(axis=0))
    np.testing.assert_allclose(importance_weighted_bound(LOG_WEIGHTS), expected, rtol=1e-6)


def test_bound_of_weights_that_no_float_can_hold_is_finite():
    np.testing.assert_allclose(importance_weighted_bound(LOG_WEIGHTS - 2000),
                               importance_weighted_bound(LOG_WEIGHTS) - 2000, atol=1e-3)


def test_bound_never_falls_with_more_samples_on_average():
    """The theorem: averaged over all subsets of m among K samples, the bound of m is at most that of K."""
    averages = [np.mean([importance_weighted_bound(LOG_WEIGHTS[:, :1][RNG.permutation(12)[:count]])
                         for _ in range(300)]) for count in (1, 3, 12)]
    assert averages[0] < averages[1] - 0.2 < averages[2] - 0.4


@pytest.mark.parametrize("weights", [LOG_WEIGHTS[:, 0], LOG_WEIGHTS[None]])
def test_bound_refuses_weights_that_are_no_matrix(weights):
    with pytest.raises(ValueError, match=r"importance_weighted_bound wants log_weights of shape \(samples, n\)"):
        importance_weighted_bound(weights)


def linear_decoder(latents):
    return ops.convert_to_tensor(latents) @ np.array([[1.0, -2.0, 0.5], [0.3, 0.8, -1.0]], "float32")


def encoder_of_two(images):
    return 0.4 * images[:, :2] - 0.1, -0.3 - 0.2 * images[:, 1:]


IMAGES = np.array([[1, 0, 1], [0, 0, 1], [1, 1, 0]], "float32")


def test_log_weights_of_an_image_are_those_of_their_densities():
    mean, log_variance, noise = np.array([0.3, -1.0]), np.array([-0.5, 0.4]), RNG.normal(size=(6, 2))
    latents = mean + np.exp(log_variance / 2) * noise
    logits = np.asarray(linear_decoder(latents.astype("float32")), float)
    joint = (np.sum(np.where(IMAGES[0] == 1, -np.log1p(np.exp(-logits)), -np.log1p(np.exp(logits))), axis=1)
             + norm.logpdf(latents).sum(axis=1))
    expected = joint - norm.logpdf(latents, mean, np.exp(log_variance / 2)).sum(axis=1)
    came = log_weights_of_image(linear_decoder, *(ops.convert_to_tensor(array, "float32")
                                                  for array in (IMAGES[0], mean, log_variance, noise)))
    np.testing.assert_allclose(came, expected, atol=1e-5)


def test_importance_sampling_finds_the_evidence_of_a_small_model():
    log_weights = importance_log_weights(encoder_of_two, linear_decoder, IMAGES, samples=40_000)
    axis = np.linspace(-7, 7, 401)
    grid = np.stack(np.meshgrid(axis, axis), axis=-1).reshape(-1, 2)
    logits = np.asarray(linear_decoder(grid.astype("float32")), float)
    joint = IMAGES @ logits.T - np.sum(np.log1p(np.exp(logits)), axis=1) + norm.logpdf(grid).sum(axis=1)
    exact = logsumexp(joint, axis=1) + 2 * math.log(axis[1] - axis[0])
    estimate = importance_estimate(log_weights)
    assert np.all(estimate.standard_error < 0.01)
    assert np.all(np.abs(importance_weighted_bound(log_weights) - exact) < 4 * estimate.standard_error)


def test_importance_weights_repeat_with_the_seed_and_differ_between_images_and_seeds():
    same = np.repeat(IMAGES[:1], 3, axis=0)
    first, again, other = (importance_log_weights(encoder_of_two, linear_decoder, same, samples=50, seed=seed)
                           for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert first.shape == (50, 3) and first.dtype == np.float32
    assert len({column.tobytes() for column in (*first.T, *other.T)}) == 6


@pytest.mark.parametrize(("images", "samples", "match"), [
    (IMAGES / 2, 5, "images of zeros and ones"), (IMAGES[0], 5, r"shape \(n, pixels\)"),
    (IMAGES, 0, "at least 1 sample")])
def test_importance_weights_refuse_what_does_not_fit(images, samples, match):
    with pytest.raises(ValueError, match=match):
        importance_log_weights(encoder_of_two, linear_decoder, images, samples)


# Latents that are used --------------------------------------------------------------------------------------

def test_kl_of_each_dimension_adds_up_to_the_kl():
    parts = kl_of_each_dimension(MEAN, LOG_VARIANCE)
    np.testing.assert_allclose(np.sum(parts, axis=1), kl_to_standard_normal(MEAN, LOG_VARIANCE), rtol=1e-5)
    np.testing.assert_allclose(parts[:, 1], kl_to_standard_normal(MEAN[:, 1:2], LOG_VARIANCE[:, 1:2]), rtol=1e-5)


def test_active_units_counts_dimensions_that_vary():
    means = np.stack([RNG.normal(0, 0.2, 5000), RNG.normal(3, 0.05, 5000), np.full(5000, 2.0)], axis=1)
    assert [active_units(means, threshold) for threshold in (0.001, 0.01, 0.1)] == [2, 1, 0]
    assert isinstance(active_units(means), int)


@pytest.mark.parametrize("means", [np.ones(3), np.ones((1, 3)), np.ones((4, 3, 1))])
def test_active_units_refuses_what_is_no_batch_of_means(means):
    with pytest.raises(ValueError, match="active_units wants means"):
        active_units(means)


def test_free_bits_charge_each_dimension_its_average_or_the_minimum():
    prices = np.array([[0.1, 2.0, 0.9], [0.3, 4.0, 0.3]], "float32")  # averages 0.2, 3.0, 0.6
    assert float(free_bits(prices, 0.5)) == pytest.approx(0.5 + 3.0 + 0.6)
    assert float(free_bits(prices, 0.0)) == pytest.approx(0.2 + 3.0 + 0.6)


def test_free_bits_push_no_dimension_below_the_minimum():
    prices = keras.Variable(np.array([[0.1, 2.0], [0.3, 4.0]], "float32"))
    with tf.GradientTape() as tape:
        price = free_bits(prices.value, 0.5)
    np.testing.assert_allclose(tape.gradient(price, prices.value), [[0, 0.5], [0, 0.5]])


@pytest.mark.parametrize("prices", [np.ones(3), np.ones((2, 3, 1))])
def test_free_bits_refuse_prices_that_are_summed_already(prices):
    with pytest.raises(ValueError, match="free_bits wants the KL of each dimension"):
        free_bits(prices, 0.5)


# Models -----------------------------------------------------------------------------------------------------

def test_label_stands_beside_the_latents_as_one_of_ten_columns():
    came = np.asarray(condition_on_label(MEAN, np.array([3, 0, 9, 3, 1])))
    np.testing.assert_array_equal(came[:, :3], MEAN)
    np.testing.assert_array_equal(came[:, 3:], np.eye(10)[[3, 0, 9, 3, 1]])


@pytest.mark.parametrize("labels", [np.eye(10)[:5], np.zeros((5, 1), int)])
def test_labels_that_are_one_hot_already_are_refused(labels):
    with pytest.raises(ValueError, match="One label a latent, not one-hot"):
        condition_on_label(MEAN, labels)


def identity_networks(latent_dim=3):
    images = keras.Input((784,))
    encoder = keras.Model(images, [images[:, :latent_dim], images[:, :latent_dim] - 1])
    return encoder, build_decoder(latent_dim, widths=(4,))


def test_beta_weighs_the_kl_alone():
    images = (RNG.random((6, 784)) < 0.3).astype("float32")
    encoder, decoder = identity_networks()
    terms = []
    for beta in (1.0, 5.0):
        model = BetaVAE(encoder, decoder)
        model.beta = beta
        terms.append(model(images))
    np.testing.assert_allclose(terms[1]["kl"], 5 * terms[0]["kl"], rtol=1e-6)
    np.testing.assert_allclose(terms[1]["log_likelihood"], terms[0]["log_likelihood"], rtol=1e-6)


def small_conditional_vae():
    keras.utils.set_random_seed(0)
    images = keras.Input((794,))
    hidden = keras.layers.Dense(16, activation="silu")(images)
    encoder = keras.Model(images, [keras.layers.Dense(2)(hidden), keras.layers.Dense(2)(hidden)])
    model = ConditionalVAE(encoder, build_decoder(12, widths=(64,)))
    model.compile(keras.optimizers.Adam(3e-3))
    return model


def test_conditional_vae_learns_what_the_label_says():
    """Zeros are black, ones are white: after a few steps the decoder does as the label says, whatever the latent."""
    model = small_conditional_vae()
    model.beta = 5.0
    labels = (np.arange(400) % 2).astype("int32")
    images = np.tile(labels[:, None], (1, 784)).astype("float32")
    model.fit(images, labels, epochs=40, batch_size=20, verbose=0)
    latents = RNG.normal(size=(50, 2)).astype("float32")
    drawn = [np.asarray(ops.sigmoid(model.decoder(condition_on_label(latents, np.full(50, label)))))
             for label in (0, 1)]
    assert drawn[0].mean() < 0.1 and drawn[1].mean() > 0.9


def test_conditional_terms_are_those_of_the_bound():
    model = small_conditional_vae()
    images, labels = (RNG.random((5, 784)) < 0.3).astype("float32"), np.array([1, 5, 0, 9, 2], "int32")
    terms = model((images, labels))
    mean, log_variance = model.encoder(condition_on_label(images, labels))
    np.testing.assert_allclose(terms["kl"], kl_to_standard_normal(mean, log_variance), rtol=1e-5)
    np.testing.assert_allclose(terms["elbo"], terms["log_likelihood"] - terms["kl"], rtol=1e-5)
    assert np.all(np.abs(terms["log_likelihood"] + 784 * math.log(2)) < 60)  # untrained: nearly fair coins


def test_convolutional_decoder_gives_each_pixel_a_bias_of_its_own():
    decoder = build_convolutional_decoder(latent_dim=7)
    latents = RNG.normal(size=(3, 7)).astype("float32")
    before, bias = np.asarray(decoder(latents)), RNG.normal(size=784)
    decoder.get_layer("logits").bias.assign(bias)
    assert before.shape == (3, 784)
    np.testing.assert_allclose(decoder(latents) - before, np.tile(bias, (3, 1)), atol=1e-5)


def test_convolutional_decoder_draws_tile_by_tile():
    """One changed feature of one tile moves the pixels of the tiles at most two away, and no others."""
    decoder = build_convolutional_decoder(latent_dim=7)
    features = next(layer for layer in decoder.layers if isinstance(layer, keras.layers.Reshape)).output
    rest = keras.Model(features, decoder.output)
    ones = np.ones((1, 7, 7, 32), "float32")
    other = ones.copy()
    other[0, 2, 4, 5] += 1
    moved = np.asarray(rest(other) - rest(ones)).reshape(28, 28) != 0
    rows, columns = np.nonzero(moved)
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (0, 19, 8, 27)


def test_tiles_are_squares_of_the_image_and_go_back_to_it():
    image = np.arange(784, dtype="float32").reshape(28, 28)
    tiles = swap_rows_and_columns(image.reshape(1, 7, 4, 7, 4))
    np.testing.assert_array_equal(np.asarray(tiles)[0, 2, 5], image[8:12, 20:24])
    np.testing.assert_array_equal(np.reshape(swap_rows_and_columns(tiles), (28, 28)), image)


def test_convolutional_encoder_sees_a_pixel_in_its_tile_and_the_neighbours():
    encoder = build_convolutional_encoder(latent_dim=7)
    assert [part.shape for part in encoder(RNG.random((3, 784)).astype("float32"))] == [(3, 7), (3, 7)]
    places = next(layer for layer in encoder.layers if isinstance(layer, keras.layers.Conv2D)).output
    image = np.zeros((2, 28, 28), "float32")
    image[1, 9, 21] = 1
    seen = np.asarray(keras.Model(encoder.input, places)(image.reshape(2, 784)))
    rows, columns = np.nonzero(np.any(seen[0] != seen[1], axis=-1))
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (1, 3, 4, 6)


# Pictures ---------------------------------------------------------------------------------------------------

def test_curve_of_rate_and_distortion_runs_from_the_lowest_rate_to_the_highest():
    points = {"b": (1.0, 20, 90), "a": (784.0, 0, 205), "c": (0.1, 60, 75)}
    axis = pictures_07.rate_distortion(points, {"star": (10, 120)}).axes[0]
    curve = axis.lines[-2]
    assert curve.get_xdata().tolist() == [0, 20, 60] and curve.get_ydata().tolist() == [205, 90, 75]


def test_extrapolation_is_dashed_beyond_the_last_measurement():
    epochs = np.arange(1, 101)
    lines = pictures_07.extrapolation([1, 10, 20], [-99, -95, -93], (epochs, -90 - 9 / epochs), {}).axes[0].lines
    fitted, beyond = (next(line for line in lines if line.get_label() == name) for name in ("fitted", "extrapolated"))
    assert fitted.get_xdata().max() == 20 and beyond.get_xdata().min() == 21 and beyond.get_linestyle() == "--"


def test_beta_explorer_names_the_bound_of_the_model_shown():
    images = to_unit_range(load_mnist().test_images[:36])
    explorer = beta_explorer({"1": (20.0, 90.0, images, images), "784": (0.0, 205.9, images, 1 - images)}, default="1")
    before = explorer.image.value
    explorer.controls["beta"].value = "784"
    assert explorer.image.value != before
