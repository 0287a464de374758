"""Layers, backpropagation and training in NumPy against finite differences, TensorFlow, SciPy and scikit-learn."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from scipy.special import log_softmax, softmax
from scipy.stats import kstest
from sklearn.datasets import load_digits
from sklearn.metrics import log_loss

from utils.scratch import (
    dense_backward,
    dense_forward,
    forward,
    gradient_check,
    he_initialisation,
    initialise,
    loss_and_gradients,
    relu_backward,
    relu_forward,
    sgd_step,
    softmax_cross_entropy,
    train_network,
)

RNG = np.random.default_rng(21)
INPUTS, WEIGHTS, BIAS = RNG.normal(size=(5, 4)), RNG.normal(size=(4, 3)), RNG.normal(size=3)
UPSTREAM = RNG.normal(size=(5, 3))
LOGITS, LABELS = RNG.normal(0, 3, (6, 4)), np.array([2, 0, 3, 3, 1, 2])
IMAGES, IMAGE_LABELS = RNG.uniform(-1, 1, (12, 6)), RNG.integers(0, 4, 12)


def network(dtype=np.float64):
    """Return a network of three layers with biases that are not zero."""
    random = np.random.default_rng(22)
    return [(weights, random.normal(0, 0.2, bias.shape).astype(dtype))
            for weights, bias in initialise((6, 8, 5, 4), random, dtype)]


def slopes_of(function, array, step=1e-5):
    """Return central differences of a function of an array."""
    slopes = np.empty(array.size)
    for place in range(array.size):
        above, below = array.copy(), array.copy()
        above.flat[place] += step
        below.flat[place] -= step
        slopes[place] = (function(above) - function(below)) / (2 * step)
    return slopes.reshape(array.shape)


def in_tensorflow(function, *arrays):
    """Return the value of a function of tensors, and its gradients by TensorFlow."""
    variables = [tf.Variable(array) for array in arrays]
    with tf.GradientTape() as tape:
        value = function(*variables)
    return value.numpy(), [gradient.numpy() for gradient in tape.gradient(value, variables)]


# Dense layers -----------------------------------------------------------------------------------------------

def test_dense_layer_adds_up_products_and_bias_of_each_neuron():
    expected = [[sum(INPUTS[n, i] * WEIGHTS[i, k] for i in range(4)) + BIAS[k] for k in range(3)] for n in range(5)]
    np.testing.assert_allclose(dense_forward(INPUTS, WEIGHTS, BIAS), expected, rtol=1e-13)


def test_dense_layer_gives_what_a_keras_layer_gives_with_the_same_arrays():
    layer = keras.layers.Dense(3, dtype="float64")
    layer.build((None, 4))
    layer.set_weights([WEIGHTS, BIAS])
    np.testing.assert_allclose(dense_forward(INPUTS, WEIGHTS, BIAS), layer(INPUTS).numpy(), rtol=1e-13)


def test_dense_gradients_match_finite_differences():
    arrays = {"inputs": INPUTS, "weights": WEIGHTS, "bias": BIAS}
    for (name, array), gradient in zip(arrays.items(), dense_backward(UPSTREAM, INPUTS, WEIGHTS), strict=True):
        def loss_with(nudged, name=name):
            return np.sum(UPSTREAM * dense_forward(**(arrays | {name: nudged})))

        np.testing.assert_allclose(gradient, slopes_of(loss_with, array), atol=1e-8)


def test_dense_gradients_match_tensorflow():
    _, expected = in_tensorflow(lambda x, w, b: tf.reduce_sum(UPSTREAM * (x @ w + b)), INPUTS, WEIGHTS, BIAS)
    for ours, theirs in zip(dense_backward(UPSTREAM, INPUTS, WEIGHTS), expected, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-12)


# ReLU -------------------------------------------------------------------------------------------------------

def test_relu_and_its_gradient_match_tensorflow():
    value, (expected,) = in_tensorflow(lambda sums: tf.reduce_sum(UPSTREAM * tf.nn.relu(sums)), BIAS - INPUTS[:, :3])
    outputs = relu_forward(BIAS - INPUTS[:, :3])
    assert 3 < np.sum(outputs == 0) < 12  # both kinds occur
    assert np.sum(UPSTREAM * outputs) == pytest.approx(value, rel=1e-13)
    np.testing.assert_array_equal(relu_backward(UPSTREAM, outputs), expected)


# Softmax cross-entropy --------------------------------------------------------------------------------------

def test_loss_is_the_log_loss_of_scikit_learn():
    loss, _ = softmax_cross_entropy(LOGITS, LABELS)
    assert loss == pytest.approx(log_loss(LABELS, softmax(LOGITS, axis=1)), rel=1e-12)


def test_gradient_for_the_logits_matches_finite_differences():
    _, gradient = softmax_cross_entropy(LOGITS, LABELS)
    slopes = slopes_of(lambda logits: softmax_cross_entropy(logits, LABELS)[0], LOGITS)
    np.testing.assert_allclose(gradient, slopes, atol=1e-9)


def test_loss_and_gradient_match_tensorflow():
    value, (expected,) = in_tensorflow(lambda logits: tf.reduce_mean(
        tf.nn.sparse_softmax_cross_entropy_with_logits(LABELS, logits)), LOGITS)
    loss, gradient = softmax_cross_entropy(LOGITS, LABELS)
    assert loss == pytest.approx(value, rel=1e-12)
    np.testing.assert_allclose(gradient, expected, atol=1e-13)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_logits_of_a_thousand_give_a_finite_loss_without_warnings(dtype):
    logits = np.array([[1000, -1000, 999], [-1000, -1000, -1000], [0, 1000, -1000]], dtype)
    labels = np.array([1, 0, 1])
    with np.errstate(over="raise", invalid="raise", divide="raise"):
        loss, gradient = softmax_cross_entropy(logits, labels)
    expected = -np.mean(log_softmax(logits.astype(float), axis=1)[range(3), labels])
    assert loss == pytest.approx(expected, rel=1e-6) and expected > 600
    np.testing.assert_allclose(gradient, (softmax(logits, axis=1) - np.eye(3)[labels]) / 3, atol=1e-7)
    assert gradient.dtype == dtype


def test_labels_as_mnist_ships_them_are_understood():
    """uint8, which must not wrap round."""
    ours, theirs = (softmax_cross_entropy(LOGITS, LABELS.astype(kind)) for kind in (np.uint8, np.int64))
    assert ours[0] == theirs[0]
    np.testing.assert_array_equal(ours[1], theirs[1])


# Initialisation ---------------------------------------------------------------------------------------------

def test_weights_are_normal_with_the_variance_of_he():
    weights = he_initialisation(50, 400, np.random.default_rng(0))
    assert weights.shape == (50, 400)
    assert kstest(weights.ravel(), "norm", (0, np.sqrt(2 / 50))).pvalue > 0.05


def test_signal_keeps_its_size_through_thirty_layers():
    random = np.random.default_rng(1)
    sums = [random.normal(size=(200, 512))]
    for _ in range(30):
        sums.append(dense_forward(relu_forward(sums[-1]), he_initialisation(512, 512, random), np.zeros(512)))
    assert 0.5 < sums[-1].std() / sums[1].std() < 2


def test_network_starts_with_the_shapes_of_keras_and_zero_biases():
    parameters = initialise((784, 20, 10), np.random.default_rng(0))
    model = keras.Sequential([keras.Input((784,)), keras.layers.Dense(20, "relu"), keras.layers.Dense(10)])
    assert [array.shape for pair in parameters for array in pair] == [each.shape for each in model.get_weights()]
    assert {array.dtype.name for pair in parameters for array in pair} == {"float32"}
    assert all(not bias.any() and weights.any() for weights, bias in parameters)


# Gradient check ---------------------------------------------------------------------------------------------

def quartic(point):
    return np.sum(point**4) + np.sum(point) ** 2


@pytest.mark.parametrize("shape", [(), (3,), (2, 3), (2, 1, 4)])
def test_right_gradients_of_any_shape_pass(shape):
    point = np.random.default_rng(3).normal(size=shape)
    assert gradient_check(quartic, point, 4 * point**3 + 2 * point.sum()) < 1e-8


def test_error_is_that_of_the_worst_number_relative_to_the_largest_slope():
    point = np.array([1.0, -2.0, 0.5])
    gradient = 4 * point**3 + 2 * point.sum()  # 3, -33, -0.5
    assert gradient_check(quartic, point, gradient + [0, 0, 3.3]) == pytest.approx(0.1, rel=1e-6)
    assert gradient_check(quartic, point, 2 * gradient) == pytest.approx(0.5, rel=1e-6)
    assert gradient_check(quartic, point, -gradient) == pytest.approx(2, rel=1e-6)


def test_differences_are_central():
    """For a cube they are off by h², and forward ones by 3 h |x| more."""
    assert gradient_check(lambda x: np.sum(x**3), np.array([2.0]), np.array([12.0]), step=0.1) == pytest.approx(
        0.01 / 12.01)


def test_points_in_float32_are_checked_in_float64():
    point = np.array([0.3, -1.2], np.float32)
    assert gradient_check(quartic, point, 4 * point.astype(float)**3 + 2 * point.astype(float).sum()) < 1e-8


def test_point_and_gradient_are_left_alone():
    point, gradient = np.array([[0.1, 0.7]]), np.array([[1.0, 2.0]])
    gradient_check(quartic, point, gradient, step=0.3)
    np.testing.assert_array_equal(point, [[0.1, 0.7]])
    np.testing.assert_array_equal(gradient, [[1.0, 2.0]])


def test_flat_functions_and_nan_gradients():
    assert gradient_check(lambda point: 3.0, np.ones(2), np.zeros(2)) == 0
    assert np.isnan(gradient_check(quartic, np.ones(2), np.array([np.nan, 8.0])))


@pytest.mark.parametrize("shape", [(3, 2), (6,), (2, 1), ()])
def test_gradients_of_another_shape_are_refused(shape):
    with pytest.raises(ValueError, match=r"gradient of the point's shape \(2, 3\)"):
        gradient_check(quartic, np.ones((2, 3)), np.ones(shape))


# The network ------------------------------------------------------------------------------------------------

def test_forward_keeps_what_each_layer_reads():
    activations = forward(network(), IMAGES)
    assert [array.shape for array in activations] == [(12, 6), (12, 8), (12, 5), (12, 4)]
    assert activations[0] is IMAGES
    assert (activations[1] >= 0).all() and (activations[2] >= 0).all() and (activations[3] < 0).any()


def test_backpropagation_matches_finite_differences_everywhere():
    parameters = network()
    _, gradients = loss_and_gradients(parameters, IMAGES, IMAGE_LABELS)
    for layer in range(3):
        for part in range(2):
            def loss_with(array, layer=layer, part=part):
                changed = [list(pair) for pair in parameters]
                changed[layer][part] = array
                return loss_and_gradients(changed, IMAGES, IMAGE_LABELS)[0]

            np.testing.assert_allclose(gradients[layer][part], slopes_of(loss_with, parameters[layer][part]), atol=1e-9)


def test_backpropagation_matches_tensorflow_on_a_keras_network_with_the_same_weights():
    layers = [keras.layers.Dense(units, activation, dtype="float64")
              for units, activation in ((8, "relu"), (5, "relu"), (4, None))]
    model = keras.Sequential([keras.Input((6,), dtype="float64"), *layers])
    parameters = network()
    model.set_weights([array for pair in parameters for array in pair])
    with tf.GradientTape() as tape:
        logits = model(IMAGES)
        expected = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(IMAGE_LABELS, logits))
    loss, gradients = loss_and_gradients(parameters, IMAGES, IMAGE_LABELS)
    np.testing.assert_allclose(forward(parameters, IMAGES)[-1], logits.numpy(), rtol=1e-12)
    assert loss == pytest.approx(expected.numpy(), rel=1e-12)
    ours = [array for pair in gradients for array in pair]
    for mine, theirs in zip(ours, tape.gradient(expected, model.trainable_variables), strict=True):
        np.testing.assert_allclose(mine, theirs.numpy(), atol=1e-13)


def test_everything_stays_in_float32_when_weights_and_images_are():
    parameters = network(np.float32)
    loss, gradients = loss_and_gradients(parameters, IMAGES.astype(np.float32), IMAGE_LABELS)
    sgd_step(parameters, gradients, [tuple(map(np.zeros_like, pair)) for pair in parameters], 0.1)
    arrays = [array for pair in [*parameters, *gradients, (loss,)] for array in pair]
    assert {array.dtype.name for array in arrays} == {"float32"}


def test_neurons_that_start_equal_stay_equal():
    parameters = [(np.full((6, 5), 0.1), np.zeros(5)), (np.full((5, 4), 0.1), np.zeros(4))]
    images = np.abs(IMAGES)
    train_network(parameters, images, IMAGE_LABELS, epochs=20, learning_rate=0.05, random=np.random.default_rng(0),
                  batch_size=4)
    assert np.ptp(parameters[0][0], axis=1).max() < 1e-12 < np.abs(parameters[0][0] - 0.1).max()


# Training ---------------------------------------------------------------------------------------------------

def test_five_steps_with_momentum_match_keras():
    parameters, variable = [(WEIGHTS.copy(), BIAS.copy())], keras.Variable(WEIGHTS, dtype="float64")
    velocities = [(np.zeros_like(WEIGHTS), np.zeros_like(BIAS))]
    optimizer = keras.optimizers.SGD(0.1, momentum=0.8)
    optimizer.build([variable])
    for step in range(5):
        gradient = np.sin(step + WEIGHTS)
        sgd_step(parameters, [(gradient, BIAS)], velocities, 0.1, momentum=0.8)
        optimizer.apply([tf.constant(gradient)], [variable])
    np.testing.assert_allclose(parameters[0][0], variable.numpy(), rtol=1e-6)
    assert np.abs(parameters[0][0] - WEIGHTS).max() > 0.3


def test_every_example_is_seen_once_an_epoch_at_a_rate_that_falls_to_zero(monkeypatch):
    batches, rates = [], []

    def see(parameters, images, labels):
        batches.append((images, labels))
        return 1.0, None

    monkeypatch.setattr("utils.scratch.loss_and_gradients", see)
    monkeypatch.setattr("utils.scratch.sgd_step", lambda parameters, gradients, velocities, rate: rates.append(rate))
    images, labels = np.arange(10), 10 * np.arange(10)
    losses = train_network(network(), images, labels, 2, 0.6, np.random.default_rng(0), batch_size=4)
    assert losses == [1.0] * 6 and [len(batch) for batch, _ in batches] == [4, 4, 2] * 2
    for epoch in (batches[:3], batches[3:]):
        seen = np.concatenate([batch for batch, _ in epoch])
        assert sorted(seen) == list(images) and list(seen) != list(images)
    assert all((10 * batch == batch_labels).all() for batch, batch_labels in batches)
    np.testing.assert_allclose(rates, [0.6, 0.5, 0.4, 0.3, 0.2, 0.1])


def test_training_learns_to_read_the_digits_of_scikit_learn():
    images, labels = load_digits(return_X_y=True)
    images = (images / 16).astype(np.float32)
    random = np.random.default_rng(0)
    parameters = initialise((64, 64, 10), random)
    losses = train_network(parameters, images[:1300], labels[:1300], 20, 0.1, random, batch_size=50)
    assert np.mean(losses[-20:]) < 0.02 < 1 < losses[0]
    right = forward(parameters, images[1300:])[-1].argmax(axis=1) == labels[1300:]
    assert right.mean() > 0.92


def test_same_generator_trains_the_same_network():
    def trained():
        random = np.random.default_rng(5)
        parameters = initialise((6, 8, 4), random)
        return train_network(parameters, IMAGES, IMAGE_LABELS, 3, 0.1, random, batch_size=5)

    assert trained() == trained()


# What is refused --------------------------------------------------------------------------------------------

@pytest.mark.parametrize(("changed", "name", "came"), [
    ({"inputs": INPUTS[0]}, "inputs", r"\(4,\)"),             # one example without its first axis
    ({"inputs": INPUTS[:0]}, "inputs", r"\(0, 4\)"),          # an empty batch
    ({"weights": WEIGHTS.T}, "weights", r"\(3, 4\)"),
    ({"weights": WEIGHTS[:, 0]}, "weights", r"\(4,\)"),       # a single neuron's
    ({"bias": BIAS[:, None]}, "bias", r"\(3, 1\)"),
    ({"bias": BIAS[None]}, "bias", r"\(1, 3\)"),              # these would broadcast
    ({"bias": BIAS[:1]}, "bias", r"\(1,\)"),
    ({"bias": np.float64(0.3)}, "bias", r"\(\)"),
])
def test_shapes_of_a_dense_layer_are_refused_by_name(changed, name, came):
    arrays = {"inputs": INPUTS, "weights": WEIGHTS, "bias": BIAS} | changed
    with pytest.raises(ValueError, match=rf"dense_forward wants {name} of shape .*, but got {came}\. Reshape"):
        dense_forward(**arrays)


@pytest.mark.parametrize(("changed", "name"), [
    ({"output_gradient": UPSTREAM[:1]}, "inputs"), ({"output_gradient": UPSTREAM.sum(axis=0)}, "output_gradient"),
    ({"inputs": INPUTS[:, :1]}, "weights"), ({"weights": WEIGHTS.T}, "weights")])
def test_shapes_are_refused_on_the_way_back_too(changed, name):
    arrays = {"output_gradient": UPSTREAM, "inputs": INPUTS, "weights": WEIGHTS} | changed
    with pytest.raises(ValueError, match=f"dense_backward wants {name} of shape"):
        dense_backward(**arrays)


@pytest.mark.parametrize("outputs", [INPUTS[:, :1], INPUTS[0, :3], UPSTREAM.T])
def test_relu_refuses_a_gradient_of_another_shape(outputs):
    with pytest.raises(ValueError, match=r"relu_backward wants arrays of one shape, but got \(5, 3\)"):
        relu_backward(UPSTREAM, outputs)


@pytest.mark.parametrize(("labels", "words"), [
    (LABELS + 1, "from 0 to 3, but got int64 from 1 to 4"), (LABELS - 1, "from -1 to 2"),
    (LABELS.astype(float), "integer labels .* but got float64"), (LABELS > 1, "integer labels .* but got bool"),
    (np.eye(4)[LABELS], r"labels of shape \(batch,\) with batch 6, classes 4, but got \(6, 4\)"),  # one-hot
    (LABELS[:, None], r"labels of shape \(batch,\) .*but got \(6, 1\)"), (LABELS[:5], r"but got \(5,\)")])
def test_labels_are_refused_with_what_to_do(labels, words):
    with pytest.raises(ValueError, match=f"softmax_cross_entropy wants .*{words}.*(Number the classes from 0|Reshape)"):
        softmax_cross_entropy(LOGITS, labels)


@pytest.mark.parametrize(("logits", "labels", "words"), [
    (LOGITS[:0], LABELS[:0], "at least one example"), (LOGITS[0], LABELS[:1], r"logits of shape \(batch, classes\)")])
def test_empty_batches_and_single_examples_are_refused(logits, labels, words):
    with pytest.raises(ValueError, match=words):
        softmax_cross_entropy(logits, labels)


@pytest.mark.parametrize("images", [255 * np.abs(IMAGES), (255 * np.abs(IMAGES)).astype(np.uint8), IMAGES + 1,
                                    np.where(IMAGES > 0.9, np.nan, IMAGES)])
def test_images_out_of_range_are_refused_with_what_to_do(images):
    with pytest.raises(ValueError, match=r"forward wants images in \[-1, 1\], but got .* to .*Divide 0\.\.255 by 255"):
        forward(network(), images)


@pytest.mark.parametrize("images", [IMAGES[:0], IMAGES[0], IMAGES[:, :5], IMAGES.reshape(12, 2, 3)])
def test_images_of_other_shapes_are_refused(images):
    with pytest.raises(ValueError, match=r"dense_forward wants (inputs|weights) of shape"):
        loss_and_gradients(network(), images, IMAGE_LABELS)


@pytest.mark.parametrize("layer", [0, 1, 2])
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_weights_that_are_not_finite_are_refused_with_what_to_do(layer, value):
    parameters = network()
    parameters[layer][0][1, 2] = value
    with pytest.raises(ValueError, match=r"dense_forward wants finite .*weights holds NaN.*smaller learning rate"):
        forward(parameters, IMAGES)


def test_logits_that_are_not_finite_are_refused():
    with pytest.raises(ValueError, match="softmax_cross_entropy wants finite logits"):
        softmax_cross_entropy(np.where(LOGITS > 2, np.inf, LOGITS), LABELS)


@pytest.mark.parametrize(("images", "labels"), [(IMAGES, IMAGE_LABELS[:11]), (IMAGES[:11], IMAGE_LABELS),
                                                (IMAGES[:0], IMAGE_LABELS[:0])])
def test_training_refuses_more_labels_than_images_and_none(images, labels):
    with pytest.raises(ValueError, match=f"a label for each image, but got {len(labels)} for {len(images)} images"):
        train_network(network(), images, labels, 1, 0.1, np.random.default_rng(0))
