"""The NumPy neuron and network against finite differences, TensorFlow, SciPy and scikit-learn; what they refuse."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from scipy.special import expit, log_softmax, softmax
from scipy.stats import kstest
from sklearn.datasets import load_digits
from sklearn.linear_model import Perceptron
from sklearn.metrics import log_loss

from utils.scratch import (
    dense_backward,
    dense_forward,
    forward,
    gradient_check,
    he_initialisation,
    initialise,
    logistic_gradient,
    logistic_loss,
    loss_and_gradients,
    neuron,
    perceptron_update,
    relu_backward,
    relu_forward,
    require_labels,
    sgd_step,
    sigmoid,
    sigmoid_derivative,
    softmax_cross_entropy,
    step,
    train_network,
)

RNG = np.random.default_rng(11)
INPUTS, WEIGHTS, BIAS = RNG.normal(size=(9, 4)), RNG.normal(size=4), 0.7  # of a neuron
LABELS = np.array([1, 0, 0, 1, 1, 1, 0, 1, 0])
KERNEL, BIASES, UPSTREAM = RNG.normal(size=(4, 3)), RNG.normal(size=3), RNG.normal(size=(9, 3))  # of a layer
LOGITS, CLASSES = RNG.normal(0, 3, (6, 4)), np.array([2, 0, 3, 3, 1, 2])
IMAGES, DIGITS = RNG.uniform(-1, 1, (12, 6)), RNG.integers(0, 4, 12)  # for a network


def network(dtype=np.float64):
    """Return a network of three layers with biases that are not zero."""
    random = np.random.default_rng(22)
    return [(weights, random.normal(0, 0.2, bias.shape).astype(dtype))
            for weights, bias in initialise((6, 8, 5, 4), random, dtype)]


def in_tensorflow(function, *arrays):
    """Return the value of a function of tensors, and its gradients by TensorFlow."""
    variables = [tf.Variable(array) for array in arrays]
    with tf.GradientTape() as tape:
        value = function(*variables)
    return value.numpy(), [gradient.numpy() for gradient in tape.gradient(value, variables)]


# One neuron -------------------------------------------------------------------------------------------------

def test_neuron_adds_weighted_inputs_and_the_bias_of_each_example():
    expected = [sum(w * x for w, x in zip(WEIGHTS, example, strict=True)) + BIAS for example in INPUTS]
    np.testing.assert_allclose(neuron(INPUTS, WEIGHTS, BIAS), expected, rtol=1e-13)


def test_step_fires_above_zero_only():
    np.testing.assert_array_equal(step(np.array([-2.0, -1e-12, 0.0, 1e-12, 3.0])), [0, 0, 0, 1, 1])


def test_sigmoid_matches_scipy_without_overflow_in_the_precision_of_its_input():
    sums = np.array([-800, -40, -3, -0.2, 0.4, 2.5, 40, 800])
    with np.errstate(over="raise", invalid="raise"):
        np.testing.assert_allclose(sigmoid(sums), expit(sums), rtol=1e-13)
    assert sigmoid(sums.astype(np.float32)).dtype == np.float32


def test_sigmoid_derivative_matches_differences_and_far_out_the_tail():
    """There 1 - sigmoid would be rounded to zero, although the slope is exp(-|sum|)."""
    sums, h = np.linspace(-6, 6, 25), 1e-5
    np.testing.assert_allclose(sigmoid_derivative(sums), (expit(sums + h) - expit(sums - h)) / (2 * h), rtol=1e-7)
    with np.errstate(over="raise", invalid="raise"):
        far = sigmoid_derivative(np.array([-40.0, 40.0, -800.0, 800.0]))
    np.testing.assert_allclose(far, np.exp([-40.0, -40.0, -800.0, -800.0]), rtol=1e-12)


@pytest.mark.parametrize(("bias", "label", "sign"), [(-2.0, 1, 1), (2.0, 0, -1), (2.0, 1, 0), (-2.0, 0, 0)])
def test_only_a_wrong_answer_moves_the_perceptron_and_towards_its_label(bias, label, sign):
    weights, point = np.array([0.5, -1.0]), np.array([1.0, 0.5])  # their product is 0: the bias decides
    moved, moved_bias = perceptron_update(weights, bias, point, label, rate=0.3)
    np.testing.assert_allclose(moved, weights + sign * 0.3 * point, rtol=1e-14)
    assert moved_bias == pytest.approx(bias + sign * 0.3)
    np.testing.assert_array_equal(weights, [0.5, -1.0])


def test_passes_of_the_perceptron_equal_those_of_scikit_learn():
    """On clouds that overlap, so that it is still moving in the fifth pass."""
    points, labels = RNG.normal(size=(60, 3)) + 0.3, np.arange(1, 61) % 2
    points[labels == 1] += 0.8
    weights, bias = np.zeros(3), 0.0
    for point, label in list(zip(points, labels, strict=True)) * 5:
        weights, bias = perceptron_update(weights, bias, point, label)
    theirs = Perceptron(max_iter=5, tol=None, shuffle=False).fit(points, labels)
    np.testing.assert_allclose(weights, theirs.coef_[0], rtol=1e-12)
    assert bias == pytest.approx(theirs.intercept_[0])


def test_logistic_loss_of_a_neuron_that_is_sure_and_wrong_is_its_weighted_sum():
    sure = np.array([[1000.0], [-1000.0]])
    assert logistic_loss(sure, np.array([0, 1]), np.ones(1), 0.0) == 1000
    assert logistic_loss(sure, np.array([1, 0]), np.ones(1), 0.0) == 0


def test_logistic_loss_and_gradient_match_tensorflow():
    value, theirs = in_tensorflow(lambda weights, bias: tf.reduce_mean(tf.nn.sigmoid_cross_entropy_with_logits(
        LABELS.astype(float), tf.linalg.matvec(INPUTS, weights) + bias)), WEIGHTS, np.array(BIAS))
    assert logistic_loss(INPUTS, LABELS, WEIGHTS, BIAS) == pytest.approx(value, rel=1e-12)
    for ours, other in zip(logistic_gradient(INPUTS, LABELS, WEIGHTS, BIAS), theirs, strict=True):
        np.testing.assert_allclose(ours, other, rtol=1e-12, strict=True)


# Layers -----------------------------------------------------------------------------------------------------

def test_dense_layer_and_its_gradients_match_those_of_a_keras_layer():
    layer = keras.layers.Dense(3, dtype="float64")
    layer.build((None, 4))
    layer.set_weights([KERNEL, BIASES])
    np.testing.assert_allclose(dense_forward(INPUTS, KERNEL, BIASES), layer(INPUTS).numpy(), rtol=1e-13)
    _, theirs = in_tensorflow(lambda x, w, b: tf.reduce_sum(UPSTREAM * (x @ w + b)), INPUTS, KERNEL, BIASES)
    for ours, other in zip(dense_backward(UPSTREAM, INPUTS, KERNEL), theirs, strict=True):
        np.testing.assert_allclose(ours, other, rtol=1e-12)


def test_relu_and_its_gradient_match_tensorflow():
    sums = BIASES - INPUTS[:, :3]
    value, (expected,) = in_tensorflow(lambda sums: tf.reduce_sum(UPSTREAM * tf.nn.relu(sums)), sums)
    outputs = relu_forward(sums)
    assert 3 < np.sum(outputs == 0) < 24  # both kinds occur
    assert np.sum(UPSTREAM * outputs) == pytest.approx(value, rel=1e-13)
    np.testing.assert_array_equal(relu_backward(UPSTREAM, outputs), expected)


def test_softmax_cross_entropy_matches_scikit_learn_and_its_gradient_tensorflow():
    loss, gradient = softmax_cross_entropy(LOGITS, CLASSES)
    _, (expected,) = in_tensorflow(lambda logits: tf.reduce_mean(
        tf.nn.sparse_softmax_cross_entropy_with_logits(CLASSES, logits)), LOGITS)
    assert loss == pytest.approx(log_loss(CLASSES, softmax(LOGITS, axis=1)), rel=1e-12)
    np.testing.assert_allclose(gradient, expected, atol=1e-13)
    bytes_too = softmax_cross_entropy(LOGITS, CLASSES.astype(np.uint8))  # as MNIST ships them; must not wrap round
    assert bytes_too[0] == loss
    np.testing.assert_array_equal(bytes_too[1], gradient)


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


def test_he_weights_are_normal_and_keep_a_signal_s_size_through_thirty_layers():
    random = np.random.default_rng(0)
    weights = he_initialisation(50, 400, random)
    assert weights.shape == (50, 400) and kstest(weights.ravel(), "norm", args=(0, np.sqrt(2 / 50))).pvalue > 0.05
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
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_right_gradients_of_any_shape_pass_and_nothing_is_moved(shape, dtype):
    point = np.asarray(np.random.default_rng(3).normal(size=shape), dtype)
    gradient = 4 * point.astype(float)**3 + 2 * point.astype(float).sum()
    before = point.copy(), gradient.copy()
    assert gradient_check(quartic, point, gradient) < 1e-8
    np.testing.assert_array_equal(point, before[0])
    np.testing.assert_array_equal(gradient, before[1])


def test_error_is_that_of_the_worst_number_relative_to_the_largest_slope():
    point = np.array([1.0, -2.0, 0.5])
    gradient = 4 * point**3 + 2 * point.sum()  # 3, -33, -0.5
    assert gradient_check(quartic, point, gradient + [0, 0, 3.3]) == pytest.approx(0.1, rel=1e-6)
    assert gradient_check(quartic, point, 2 * gradient) == pytest.approx(0.5, rel=1e-6)
    assert gradient_check(quartic, point, -gradient) == pytest.approx(2, rel=1e-6)
    assert gradient_check(lambda point: 3.0, np.ones(2), np.zeros(2)) == 0  # flat
    assert np.isnan(gradient_check(quartic, np.ones(2), np.array([np.nan, 8.0])))


def test_differences_are_central():
    """For a cube they are off by h², and forward ones by 3 h |x| more."""
    assert gradient_check(lambda x: np.sum(x**3), np.array([2.0]), np.array([12.0]), step=0.1) == pytest.approx(
        0.01 / 12.01)


# The network ------------------------------------------------------------------------------------------------

def test_forward_keeps_what_each_layer_reads():
    activations = forward(network(), IMAGES)
    assert [array.shape for array in activations] == [(12, 6), (12, 8), (12, 5), (12, 4)]
    assert activations[0] is IMAGES
    assert (activations[1] >= 0).all() and (activations[2] >= 0).all() and (activations[3] < 0).any()


def test_backpropagation_matches_tensorflow_on_a_keras_network_with_the_same_weights():
    layers = [keras.layers.Dense(units, activation, dtype="float64")
              for units, activation in ((8, "relu"), (5, "relu"), (4, None))]
    model = keras.Sequential([keras.Input((6,), dtype="float64"), *layers])
    parameters = network()
    model.set_weights([array for pair in parameters for array in pair])
    with tf.GradientTape() as tape:
        logits = model(IMAGES)
        expected = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(DIGITS, logits))
    loss, gradients = loss_and_gradients(parameters, IMAGES, DIGITS)
    np.testing.assert_allclose(forward(parameters, IMAGES)[-1], logits.numpy(), rtol=1e-12)
    assert loss == pytest.approx(expected.numpy(), rel=1e-12)
    ours = [array for pair in gradients for array in pair]
    for mine, theirs in zip(ours, tape.gradient(expected, model.trainable_variables), strict=True):
        np.testing.assert_allclose(mine, theirs.numpy(), atol=1e-13)


def test_everything_stays_in_float32_when_weights_and_images_are():
    parameters = network(np.float32)
    loss, gradients = loss_and_gradients(parameters, IMAGES.astype(np.float32), DIGITS)
    sgd_step(parameters, gradients, [tuple(map(np.zeros_like, pair)) for pair in parameters], 0.1)
    arrays = [array for pair in [*parameters, *gradients, (loss,)] for array in pair]
    assert {array.dtype.name for array in arrays} == {"float32"}


def test_five_steps_with_momentum_match_keras():
    parameters, variable = [(KERNEL.copy(), BIASES.copy())], keras.Variable(KERNEL, dtype="float64")
    velocities = [(np.zeros_like(KERNEL), np.zeros_like(BIASES))]
    optimizer = keras.optimizers.SGD(0.1, momentum=0.8)
    optimizer.build([variable])
    for number in range(5):
        gradient = np.sin(number + KERNEL)
        sgd_step(parameters, [(gradient, BIASES)], velocities, 0.1, momentum=0.8)
        optimizer.apply([tf.constant(gradient)], [variable])
    np.testing.assert_allclose(parameters[0][0], variable.numpy(), rtol=1e-6)
    assert np.abs(parameters[0][0] - KERNEL).max() > 0.3


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


def test_training_learns_to_read_the_digits_of_scikit_learn_the_same_way_twice():
    images, labels = load_digits(return_X_y=True)
    images = (images / 16).astype(np.float32)

    def trained():
        random = np.random.default_rng(0)
        parameters = initialise((64, 64, 10), random)
        return parameters, train_network(parameters, images[:1300], labels[:1300], 20, 0.1, random, batch_size=50)

    parameters, losses = trained()
    assert np.mean(losses[-20:]) < 0.02 < 1 < losses[0]
    assert np.mean(forward(parameters, images[1300:])[-1].argmax(axis=1) == labels[1300:]) > 0.92
    assert trained()[1] == losses


# What is refused --------------------------------------------------------------------------------------------

def test_bools_are_labels_too():
    require_labels(LABELS == 1, INPUTS @ WEIGHTS)
    ours = logistic_gradient(INPUTS, LABELS == 1, WEIGHTS, BIAS)[0]
    np.testing.assert_array_equal(ours, logistic_gradient(INPUTS, LABELS, WEIGHTS, BIAS)[0])


NEURON, DENSE, BACK = (INPUTS, WEIGHTS, BIAS), (INPUTS, KERNEL, BIASES), (UPSTREAM, INPUTS, KERNEL)
SPOILT = np.where(WEIGHTS == WEIGHTS[-1], np.nan, WEIGHTS), np.where(KERNEL == KERNEL[1, 2], np.inf, KERNEL)


def instead(right, place, *wrong):
    """Return the arguments with each wrong one in turn at this place."""
    return [(*right[:place], each, *right[place + 1:]) for each in wrong]


WRONG = {  # (function, what it says): arguments
    (neuron, r"neuron wants inputs of shape \(batch, features\), but"): instead(NEURON, 0, INPUTS[0], INPUTS[:0]),
    # Sums (9, 1), which less labels (9,) are a square; too few weights; a whole layer's
    (neuron, r"neuron wants weights of shape .* but got \("): instead(
        NEURON, 1, WEIGHTS[:, None], WEIGHTS[:3], INPUTS.T),
    (neuron, r"neuron wants bias of shape .* but got \("): instead(NEURON, 2, np.ones(9), np.ones(1)),
    (neuron, r"neuron wants finite inputs.*smaller learning rate"): [
        *instead(NEURON, 1, SPOILT[0]), *instead(NEURON, 0, INPUTS * np.inf), *instead(NEURON, 2, np.nan)],
    **{(dense_forward, rf"dense_forward wants {name} of shape .*, but got .*\. Reshape"): instead(DENSE, place, *wrong)
       for place, (name, wrong) in enumerate({
           "inputs": [INPUTS[0], INPUTS[:0]], "weights": [KERNEL.T, KERNEL[:, 0]],
           "bias": [BIASES[:, None], BIASES[None], BIASES[:1], np.float64(0.3)]}.items())},  # these would broadcast
    (dense_forward, r"dense_forward wants finite .*weights holds NaN.*smaller learning rate"): instead(
        DENSE, 1, SPOILT[1]),
    (dense_backward, "dense_backward wants inputs of shape"): instead(BACK, 0, UPSTREAM[:1]),
    (dense_backward, "dense_backward wants output_gradient of shape"): instead(BACK, 0, UPSTREAM.sum(axis=0)),
    (dense_backward, "dense_backward wants weights of shape"): [
        *instead(BACK, 1, INPUTS[:, :1]), *instead(BACK, 2, KERNEL.T)],
    (relu_backward, r"relu_backward wants arrays of one shape, but got \(9, 3\)"): instead(
        (UPSTREAM, None), 1, INPUTS[:, :1], INPUTS[0, :3], UPSTREAM.T),
    (perceptron_update, r"inputs of shape \(batch, features\)"): [(WEIGHTS, BIAS, INPUTS, 1)],
    (perceptron_update, r"from (-1|1\.5) to|want shape \(1,\)"): instead(
        (WEIGHTS, BIAS, INPUTS[0], None), 3, -1, 1.5, LABELS),
    (softmax_cross_entropy, "integer labels from 0 to 3, but got int64 from (1 to 4|-1 to 2).*Number"): instead(
        (LOGITS, None), 1, CLASSES + 1, CLASSES - 1),
    (softmax_cross_entropy, "integer labels .* but got (float64|bool)"): instead(
        (LOGITS, None), 1, CLASSES.astype(float), CLASSES > 1),
    (softmax_cross_entropy, r"labels of shape \(batch,\) with batch 6, classes 4, but got .* Reshape"): instead(
        (LOGITS, None), 1, np.eye(4)[CLASSES], CLASSES[:, None], CLASSES[:5]),  # one-hot, and what would broadcast
    (softmax_cross_entropy, "at least one example|logits of shape|wants finite logits"): [
        (LOGITS[:0], CLASSES[:0]), (LOGITS[0], CLASSES[:1]), (np.where(LOGITS > 2, np.inf, LOGITS), CLASSES)],
    (gradient_check, r"gradient of the point's shape \(2, 3\)"): instead(
        (quartic, np.ones((2, 3)), None), 2, np.ones((3, 2)), np.ones(6), np.ones((2, 1)), 1.0),
    (forward, r"forward wants images in \[-1, 1\], but got .* to .*Divide 0\.\.255 by 255"): instead(
        (network(), None), 1, 255 * np.abs(IMAGES), (255 * np.abs(IMAGES)).astype(np.uint8), IMAGES + 1,
        np.where(IMAGES > 0.9, np.nan, IMAGES)),
    (loss_and_gradients, r"dense_forward wants (inputs|weights) of shape"): instead(
        (network(), None, DIGITS), 1, IMAGES[:0], IMAGES[0], IMAGES[:, :5], IMAGES.reshape(12, 2, 3)),
    (train_network, "a label for each image, but got 1[12] for 1[12] images|0 for 0"): [
        (network(), *pair, 1, 0.1, RNG)
        for pair in ((IMAGES, DIGITS[:11]), (IMAGES[:11], DIGITS), (IMAGES[:0], DIGITS[:0]))],
}
for function in (logistic_loss, logistic_gradient):
    right = INPUTS, None, WEIGHTS, BIAS
    WRONG[function, r"want shape \(9,\).* but got \(.*ravel"] = instead(
        right, 1, LABELS[:, None], LABELS[:8], np.float64(1), LABELS[None])
    WRONG[function, r"0 or 1, but go from (-1 to 1|3 to 8|0\.5 to 1\.5|nan to nan).*\(digits == 8\)"] = instead(
        right, 1, 2 * LABELS - 1, 3 + 5 * LABELS, LABELS + 0.5, np.where(LABELS, np.nan, 0))


@pytest.mark.parametrize(("function", "words", "arguments"),
                         [(*key, arguments) for key, many in WRONG.items() for arguments in many])
def test_what_does_not_fit_is_refused_by_name_with_what_to_do(function, words, arguments):
    with pytest.raises(ValueError, match=words):
        function(*arguments)
