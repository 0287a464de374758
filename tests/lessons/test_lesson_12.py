"""Counting, timing, and training in pieces: against TensorFlow's own counts and gradients."""

import time

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import ops

from utils.lesson_12.study import (
    count_operations,
    gradient_accumulation,
    interleaved,
    product_speed,
    scaled_learning_rate,
    step_operations,
)
from utils.losses import elbo
from utils.models import VAE, build_decoder, build_encoder, reparameterise

KERNELS = [(7, 5), (5, 4), (4, 3)]


# Counting ---------------------------------------------------------------------------------------------------

def test_operations_of_dense_layers_are_those_of_the_products_in_tensorflow_s_graph():
    """Of a plain stack of products and its gradients, without anything else to count."""
    weights = [tf.ones(shape) for shape in KERNELS]

    def step(examples):
        with tf.GradientTape() as tape:
            tape.watch(weights)
            values = examples
            for weight in weights:
                values = values @ weight
        return tape.gradient(values, weights)

    assert count_operations(step, (6, 7)) == 6 * step_operations(KERNELS)


def test_every_layer_that_reads_data_spares_the_gradient_of_its_input():
    forward = 2 * (35 + 20 + 12)
    assert [step_operations(KERNELS, inputs) for inputs in (0, 1, 2)] == [
        3 * forward, 3 * forward - 70, 3 * forward - 110]


def test_operations_of_a_vae_by_hand_and_by_tensorflow_agree_to_a_few_percent():
    model = VAE(build_encoder(), build_decoder())
    model.compile(keras.optimizers.Adam(1e-3))
    model.optimizer.build(model.trainable_variables)
    by_hand = step_operations([weight.shape for weight in model.trainable_variables if len(weight.shape) == 2])
    assert 1 < count_operations(model.train_step, (64, 784)) / (64 * by_hand) < 1.04


def test_operations_of_convolutions_and_their_gradients_are_counted_as_by_hand():
    """Each output pixel and channel meets every weight it sees once: forward, for the weights, and for the input."""
    model = keras.Sequential([keras.Input((8, 8, 3)), keras.layers.Conv2D(5, 3, padding="same", use_bias=False),
                              keras.layers.Conv2D(4, 3, strides=2, padding="same", use_bias=False)])

    def step(images):
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(model(images))
        return tape.gradient(loss, model.trainable_variables)

    first, second = 8 * 8 * 5 * 27, 4 * 4 * 4 * 45
    assert count_operations(step, (2, 8, 8, 3)) == pytest.approx(2 * 2 * 3 * (first + second), rel=0.02)


def test_counting_says_nothing_and_moves_no_weight(capfd):
    model = VAE(build_encoder(2, (8,)), build_decoder(2, (8,)))
    model.compile(keras.optimizers.SGD(1.0))
    before = [weight.numpy() for weight in model.weights]
    count_operations(model.train_step, (4, 784))
    assert capfd.readouterr().out == ""
    for weight, value in zip(model.weights, before, strict=True):
        np.testing.assert_array_equal(weight, value)


def test_step_operations_refuses_a_convolution():
    with pytest.raises(ValueError, match=r"dense layers, but got \(3, 3, 16, 32\).*count_operations"):
        step_operations([(784, 16), (3, 3, 16, 32)])


# Timing -----------------------------------------------------------------------------------------------------

def test_product_speed_is_that_of_the_same_product_in_a_loop_of_one_s_own():
    """Within a factor of five: another program may be running."""
    left, right = tf.random.normal((128, 256)), tf.random.normal((256, 256))
    product = tf.function(lambda: tf.reduce_sum(left @ right))
    product()
    shortest = min(interleaved({"product": lambda: product().numpy()}, 300)["product"])
    assert 0.5 < product_speed(128, 256) / (2 * 128 * 256**2 / shortest) < 50  # a call costs more than the product


def test_interleaved_calls_in_turn_and_times_each():
    called = []
    runs = {"long": lambda: (called.append("long"), time.sleep(0.02)), "short": lambda: called.append("short")}
    seconds = interleaved(runs, repeats=3)
    assert called == ["long", "short"] * 3
    assert min(seconds["long"]) >= 0.02 and [len(values) for values in seconds.values()] == [3, 3]
    assert min(seconds["short"]) < 0.02


# A batch in pieces ------------------------------------------------------------------------------------------

def vae_gradient():
    """Return a function of rows (784 pixels, then noise) → gradients of minus the mean ELBO, and some rows."""
    keras.utils.set_random_seed(2)
    encoder, decoder = build_encoder(2, (8,)), build_decoder(2, (8,))
    weights = encoder.trainable_variables + decoder.trainable_variables

    def gradient_of(rows):
        with tf.GradientTape() as tape:
            mean, log_variance = encoder(rows[:, :784])
            latents = reparameterise(mean, log_variance, rows[:, 784:])
            loss = -ops.mean(elbo(rows[:, :784], decoder(latents), mean, log_variance))
        return tape.gradient(loss, weights)

    random = np.random.default_rng(3)
    return gradient_of, np.concatenate([random.random((23, 784)) < 0.2, random.normal(size=(23, 2))],
                                       axis=1).astype("float32")


@pytest.mark.parametrize("size", [1, 7, 22, 23, 50])
def test_gradient_in_pieces_is_that_of_the_whole_batch(size):
    gradient_of, rows = vae_gradient()
    for one, other in zip(gradient_accumulation(gradient_of, rows, size), gradient_of(rows), strict=True):
        np.testing.assert_allclose(one, other, rtol=2e-4, atol=2e-5)


def test_no_piece_is_larger_than_it_may_be_and_every_example_is_seen_once():
    seen = []
    gradient_accumulation(lambda piece: (seen.append(piece), [np.zeros(1)])[1], np.arange(10), 4)
    assert [list(piece) for piece in seen] == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]


@pytest.mark.parametrize(("count", "size"), [(0, 4), (4, 0), (4, -1)])
def test_gradient_accumulation_refuses_nothing_and_pieces_of_nothing(count, size):
    with pytest.raises(ValueError, match=f"but got {count} examples in pieces of {size}"):
        gradient_accumulation(lambda piece: [piece], np.ones(count), size)


# Learning rates ---------------------------------------------------------------------------------------------

def test_rate_rises_in_a_straight_line_from_the_base_to_the_scaled_rate_and_stays():
    rates = [scaled_learning_rate(step, 0.1, 64, 128, 4, 10) for step in range(15)]
    np.testing.assert_allclose(rates, np.minimum(np.linspace(0.1, 0.1 + 14 * 0.07, 15), 0.8), rtol=1e-12)


def test_rate_without_warm_up_or_for_the_base_batch():
    assert scaled_learning_rate(0, 0.1, 64, 64, 8, warmup_steps=0) == pytest.approx(0.8)
    assert [scaled_learning_rate(step, 0.1, 64, 32, 2, 5) for step in (0, 3, 9)] == [pytest.approx(0.1)] * 3


def test_one_scaled_step_is_k_small_steps_where_the_gradient_does_not_change():
    """The rule's own argument: on a linear loss, whose gradient is one and the same everywhere."""
    slopes = np.random.default_rng(4).normal(size=(8, 16, 3))  # 8 batches of 16 examples
    small = -0.1 * sum(batch.mean(axis=0) for batch in slopes)
    large = -scaled_learning_rate(0, 0.1, 16, 16, 8, 0) * slopes.reshape(-1, 3).mean(axis=0)
    np.testing.assert_allclose(large, small, rtol=1e-12)


@pytest.mark.parametrize("wrong", [{"base_rate": 0}, {"base_batch": -64}, {"batch_per_device": 0}, {"devices": 0}])
def test_scaled_learning_rate_refuses_what_is_not_positive(wrong):
    settings = {"base_rate": 0.1, "base_batch": 64, "batch_per_device": 32, "devices": 2, "warmup_steps": 5}
    with pytest.raises(ValueError, match="wants positive rates, batch sizes and devices, but got"):
        scaled_learning_rate(3, **settings | wrong)
