"""What lesson 3's exercises take for right, against SciPy and Keras, and what they refuse."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers
from scipy.signal import correlate2d

from utils.lesson_03.study import convolve2d, count_parameters, train_step

RNG = np.random.default_rng(7)
IMAGES = RNG.random((12, 6, 6, 1)).astype("float32")
LABELS = RNG.integers(0, 10, 12)
CROSS_ENTROPY = keras.losses.SparseCategoricalCrossentropy(from_logits=True)


def small_network():
    keras.utils.set_random_seed(3)
    return keras.Sequential([keras.Input((6, 6, 1)), layers.Conv2D(4, 3, use_bias=False), layers.BatchNormalization(),
                             layers.ReLU(), layers.Flatten(), layers.Dense(10)])


@pytest.mark.parametrize("shapes", [((6, 6), (3, 3)), ((9, 4), (2, 4)), ((5, 7), (1, 1)), ((3, 3), (3, 3))])
def test_convolution_is_the_valid_cross_correlation_of_scipy(shapes):
    image, kernel = (RNG.normal(size=shape) for shape in shapes)
    np.testing.assert_allclose(convolve2d(image, kernel), correlate2d(image, kernel, mode="valid"), rtol=1e-12)


def test_convolution_is_what_a_layer_of_keras_computes():
    image, kernel = RNG.normal(size=(8, 9)), RNG.normal(size=(3, 2))
    by_layer = keras.ops.conv(image[None, ..., None], kernel[..., None, None], padding="valid")
    np.testing.assert_allclose(convolve2d(image, kernel), np.asarray(by_layer)[0, ..., 0], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("image", "kernel", "match"), [
    (IMAGES[0], np.ones((3, 3)), r"rank 2, but got shapes \(6, 6, 1\) and \(3, 3\)"),
    (IMAGES[0, ..., 0], np.ones(3), r"rank 2, but got shapes \(6, 6\) and \(3,\)"),
    (np.ones((3, 3)), IMAGES[0, ..., 0], r"fits on the image, but got \(6, 6\) for an image of \(3, 3\).*comes first"),
    (np.ones((3, 3)), np.ones((2, 4)), "fits on the image"), (np.ones((3, 3)), np.ones((0, 2)), "fits on the image"),
])
def test_convolution_refuses_what_does_not_fit(image, kernel, match):
    with pytest.raises(ValueError, match=match):
        convolve2d(image, kernel)


def test_training_step_is_that_of_fit():
    ours, theirs = small_network(), small_network()
    loss = train_step(ours, keras.optimizers.Adam(0.01), CROSS_ENTROPY, IMAGES, LABELS)
    theirs.compile(keras.optimizers.Adam(0.01), CROSS_ENTROPY)
    history = theirs.fit(IMAGES, LABELS, batch_size=12, epochs=1, shuffle=False, verbose=0).history
    assert float(loss) == pytest.approx(history["loss"][0], rel=1e-5)
    for mine, keras_own in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_allclose(mine, keras_own, rtol=1e-4, atol=1e-5)


def test_training_step_works_in_a_graph():
    network, optimizer = small_network(), keras.optimizers.SGD(0.1)
    optimizer.build(network.trainable_variables)
    step = tf.function(lambda images, labels: train_step(network, optimizer, CROSS_ENTROPY, images, labels))
    losses = [float(step(tf.constant(IMAGES), tf.constant(LABELS))) for _ in range(20)]
    assert losses[-1] < 0.8 * losses[0]


@pytest.mark.parametrize(("images", "labels", "match"), [
    (255 * IMAGES, LABELS, "wants images from 0 to 1, but got values from .*to_unit_range"),
    (np.where(IMAGES > 0.5, np.nan, IMAGES), LABELS, "wants images from 0 to 1, but got values from nan to nan"),
    (IMAGES, LABELS + 10, "wants labels from 0 to 9.*Number the digits from 0"),
    (IMAGES, LABELS - 3, "wants labels from 0 to 9, but got values from -"),
    (IMAGES, LABELS[:, None], r"labels of shape \(batch,\).* got \(12, 1\) for images of \(12, 6, 6, 1\).*ravel"),
    (IMAGES, LABELS[:1], r"one for each image, but got \(1,\)"),
    (IMAGES[:0], LABELS[:0], r"but got \(0,\)"),
])
def test_training_step_refuses_data_that_would_spoil_the_weights(images, labels, match):
    network = small_network()
    before = network.get_weights()
    with pytest.raises(ValueError, match=match):
        train_step(network, keras.optimizers.SGD(0.1), CROSS_ENTROPY, images, labels)
    assert all(np.array_equal(old, new) for old, new in zip(before, network.get_weights(), strict=True))


def test_counts_are_those_of_the_network_in_the_lesson():
    network = keras.Sequential([
        keras.Input((28, 28, 1)), layers.Conv2D(8, 5), layers.BatchNormalization(), layers.MaxPooling2D(2),
        layers.Conv2D(16, 3, padding="same"), layers.Flatten(), layers.Dense(10)])
    assert count_parameters() == tuple(layer.count_params() for layer in network.layers)
