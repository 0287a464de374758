"""One neuron against SciPy, scikit-learn, TensorFlow's gradients and finite differences; what it refuses."""

import numpy as np
import pytest
import tensorflow as tf
from scipy.special import expit
from scipy.stats import bernoulli
from sklearn.linear_model import Perceptron

from utils.scratch import (
    logistic_gradient,
    logistic_loss,
    neuron,
    perceptron_update,
    require_labels,
    sigmoid,
    sigmoid_derivative,
    step,
)

RNG = np.random.default_rng(11)
INPUTS, WEIGHTS, BIAS = RNG.normal(size=(9, 4)), RNG.normal(size=4), 0.7
LABELS = np.array([1, 0, 0, 1, 1, 1, 0, 1, 0])
SUMS = np.array([-800, -40, -3, -0.2, 0.4, 2.5, 40, 800])


# Sums and activations ---------------------------------------------------------------------------------------

def test_neuron_adds_weighted_inputs_and_the_bias_of_each_example():
    expected = [sum(w * x for w, x in zip(WEIGHTS, example, strict=True)) + BIAS for example in INPUTS]
    np.testing.assert_allclose(neuron(INPUTS, WEIGHTS, BIAS), expected, rtol=1e-13)


def test_step_fires_above_zero_only():
    np.testing.assert_array_equal(step(np.array([-2.0, -1e-12, 0.0, 1e-12, 3.0])), [0, 0, 0, 1, 1])


def test_sigmoid_matches_scipy_without_overflow():
    with np.errstate(over="raise", invalid="raise"):
        np.testing.assert_allclose(sigmoid(SUMS), expit(SUMS), rtol=1e-13)


def test_sigmoid_keeps_the_precision_of_its_input():
    assert sigmoid(SUMS.astype(np.float32)).dtype == np.float32


def test_sigmoid_derivative_matches_finite_differences():
    sums, h = np.linspace(-6, 6, 25), 1e-5
    np.testing.assert_allclose(sigmoid_derivative(sums), (expit(sums + h) - expit(sums - h)) / (2 * h), rtol=1e-7)


def test_sigmoid_derivative_is_exact_far_out_and_never_overflows():
    """There 1 - sigmoid would be rounded to zero, although the slope is exp(-|sum|)."""
    with np.errstate(over="raise", invalid="raise"):
        far = sigmoid_derivative(np.array([-40.0, 40.0, -800.0, 800.0]))
    np.testing.assert_allclose(far, np.exp([-40.0, -40.0, -800.0, -800.0]), rtol=1e-12)


# The perceptron rule ----------------------------------------------------------------------------------------

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


# Loss and gradient ------------------------------------------------------------------------------------------

def test_loss_is_minus_the_average_log_probability_of_the_labels():
    expected = -bernoulli.logpmf(LABELS, expit(INPUTS @ WEIGHTS + BIAS)).mean()
    assert logistic_loss(INPUTS, LABELS, WEIGHTS, BIAS) == pytest.approx(expected, rel=1e-12)


def test_loss_of_an_undecided_neuron_is_ln_2():
    assert logistic_loss(INPUTS, LABELS, np.zeros(4), 0.0) == pytest.approx(np.log(2), rel=1e-14)


def test_loss_of_a_neuron_that_is_sure_and_wrong_is_its_weighted_sum():
    sure = np.array([[1000.0], [-1000.0]])
    assert logistic_loss(sure, np.array([0, 1]), np.ones(1), 0.0) == 1000
    assert logistic_loss(sure, np.array([1, 0]), np.ones(1), 0.0) == 0


def test_gradient_matches_finite_differences():
    def loss(parameters):
        return logistic_loss(INPUTS, LABELS, parameters[:-1], parameters[-1])

    parameters, h = np.append(WEIGHTS, BIAS), 1e-5
    differences = [(loss(parameters + h * axis) - loss(parameters - h * axis)) / (2 * h) for axis in np.eye(5)]
    weights_gradient, bias_gradient = logistic_gradient(INPUTS, LABELS, WEIGHTS, BIAS)
    np.testing.assert_allclose(np.append(weights_gradient, bias_gradient), differences, rtol=1e-7, atol=1e-10)


def test_gradient_matches_tensorflow():
    weights, bias = tf.Variable(WEIGHTS), tf.Variable(BIAS, dtype=tf.float64)
    with tf.GradientTape() as tape:
        logits = tf.linalg.matvec(tf.constant(INPUTS), weights) + bias
        loss = tf.reduce_mean(tf.nn.sigmoid_cross_entropy_with_logits(LABELS.astype(np.float64), logits))
    theirs = tape.gradient(loss, [weights, bias])
    for ours, other in zip(logistic_gradient(INPUTS, LABELS, WEIGHTS, BIAS), theirs, strict=True):
        np.testing.assert_allclose(ours, other, rtol=1e-12)
    assert logistic_loss(INPUTS, LABELS, WEIGHTS, BIAS) == pytest.approx(float(loss), rel=1e-12)


def test_gradient_has_the_shapes_of_weights_and_bias():
    weights_gradient, bias_gradient = logistic_gradient(INPUTS, LABELS, WEIGHTS, BIAS)
    assert weights_gradient.shape == (4,) and np.shape(bias_gradient) == ()


# What is refused --------------------------------------------------------------------------------------------

@pytest.mark.parametrize(("inputs", "weights", "bias", "name"), [
    (INPUTS[0], WEIGHTS, BIAS, "inputs"),             # one example without its first axis
    (INPUTS, WEIGHTS[:, None], BIAS, "weights"),      # sums (9, 1), which less labels (9,) are a square
    (INPUTS, WEIGHTS[:3], BIAS, "weights"),
    (INPUTS, INPUTS.T, BIAS, "weights"),              # a whole layer's
    (INPUTS, WEIGHTS, np.ones(9), "bias"),            # one for each example
    (INPUTS, WEIGHTS, np.ones(1), "bias"),
    (INPUTS[:0], WEIGHTS, BIAS, "inputs"),            # an empty batch
])
def test_shapes_that_would_broadcast_are_refused_by_name(inputs, weights, bias, name):
    with pytest.raises(ValueError, match=rf"neuron wants {name} of shape .* but got \("):
        neuron(inputs, weights, bias)


@pytest.mark.parametrize("function", [logistic_loss, logistic_gradient])
@pytest.mark.parametrize("labels", [LABELS[:, None], LABELS[:8], np.float64(1), LABELS[None]])
def test_labels_that_would_broadcast_are_refused_with_both_shapes(function, labels):
    with pytest.raises(ValueError, match=r"labels want shape \(9,\).* but got \(.*ravel"):
        function(INPUTS, labels, WEIGHTS, BIAS)


@pytest.mark.parametrize(("labels", "range_of_labels"), [
    (2 * LABELS - 1, "from -1 to 1"), (3 + 5 * LABELS, "from 3 to 8"), (LABELS + 0.5, r"from 0\.5 to 1\.5"),
    (np.where(LABELS, np.nan, 0), "from nan to nan")])
def test_labels_other_than_0_and_1_are_refused_with_their_range(labels, range_of_labels):
    for function in (logistic_loss, logistic_gradient):
        with pytest.raises(ValueError, match=rf"0 or 1, but go {range_of_labels}.*labels = \(digits == 8\)"):
            function(INPUTS, labels, WEIGHTS, BIAS)


def test_bools_are_labels_too():
    ours = logistic_gradient(INPUTS, LABELS == 1, WEIGHTS, BIAS)[0]
    np.testing.assert_array_equal(ours, logistic_gradient(INPUTS, LABELS, WEIGHTS, BIAS)[0])


@pytest.mark.parametrize("spoil", ["inputs", "weights", "bias"])
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_values_that_are_not_finite_are_refused_with_what_to_do(spoil, value):
    arrays = {"inputs": INPUTS.copy(), "weights": WEIGHTS.copy(), "bias": np.array(BIAS)}
    arrays[spoil].flat[-1] = value
    with pytest.raises(ValueError, match=r"neuron wants finite inputs.*smaller learning rate"):
        neuron(**arrays)


@pytest.mark.parametrize(("point", "label", "words"), [
    (INPUTS, 1, r"inputs of shape \(batch, features\)"), (INPUTS[0], -1, "from -1 to -1"),
    (INPUTS[0], LABELS, r"want shape \(1,\)"), (INPUTS[0], 1.5, r"from 1\.5")])
def test_perceptron_refuses_a_batch_and_labels_of_other_kinds(point, label, words):
    with pytest.raises(ValueError, match=words):
        perceptron_update(WEIGHTS, BIAS, point, label)


def test_require_labels_lets_right_labels_pass():
    assert require_labels(LABELS, INPUTS @ WEIGHTS) is None
