"""A network in NumPy alone: the neuron of lesson 1, and the layers and backpropagation of lesson 2."""

from itertools import pairwise

import numpy as np

# --- One neuron (lesson 1) ---
# Inputs are (batch, features), weights (features,), the bias is one number, labels (batch,) are 0 or 1.

def neuron(inputs, weights, bias):
    """Return each example's weighted sum, bias included: shape (batch,)."""
    _require_shapes("neuron", "batch features, features, ", inputs=inputs, weights=weights, bias=bias)
    sums = inputs @ weights + bias
    if not np.isfinite(sums).all():
        raise ValueError("neuron wants finite inputs, weights and bias, but some are NaN or too large. Look for NaN in "
                         "the inputs; if training led here, start anew with a smaller learning rate.")
    return sums


def step(sums):
    """Return 1 where a weighted sum is positive and 0 elsewhere, in the same shape."""
    return np.where(sums > 0, 1.0, 0.0)


def sigmoid(sums):
    """Return 1 / (1 + exp(-sums)) in the same shape, from 0 to 1."""
    return np.exp(-np.logaddexp(0, -sums))  # logaddexp(0, -a) is log(1 + exp(-a)), and never overflows


def sigmoid_derivative(sums):
    """Return the sigmoid's slope at each sum, finite for sums of any size."""
    return sigmoid(sums) * sigmoid(-sums)


def perceptron_update(weights, bias, point, label, rate=1.0):
    """Return (weights, bias) after one point and its label, 0 or 1.

    Only a wrong answer moves them. Source: Rosenblatt (1962).
    """
    sums = neuron(point[None], weights, bias)
    require_labels(np.array([label]), sums)
    error = label - step(sums)[0]
    return weights + rate * error * point, bias + rate * error


def logistic_loss(inputs, labels, weights, bias):
    """Return the average cross-entropy of a logistic neuron in nats: minus the log-probability of the labels."""
    sums = neuron(inputs, weights, bias)
    require_labels(labels, sums)
    return np.mean(np.logaddexp(0, sums) - labels * sums)


def logistic_gradient(inputs, labels, weights, bias):
    """Return the average cross-entropy's gradient for weights and for bias."""
    sums = neuron(inputs, weights, bias)
    require_labels(labels, sums)
    errors = sigmoid(sums) - labels
    return inputs.T @ errors / len(errors), errors.mean()


def require_labels(labels, sums):
    """Refuse labels other than 0 and 1, and any that NumPy would stretch: (batch, 1) less (batch,) is a square."""
    if np.shape(labels) != np.shape(sums):
        raise ValueError(f"labels want shape {np.shape(sums)}, one for each example, but got {np.shape(labels)}. "
                         "Flatten a column by labels.ravel().")
    if not np.isin(labels, (0, 1)).all():
        raise ValueError(f"labels want to be 0 or 1, but go from {np.min(labels)} to {np.max(labels)}. Name the class "
                         "that is to be 1: labels = (digits == 8).astype(float).")


# --- Layers (lesson 2) ---
# A network is a list [(weights, bias), …] of dense layers in Keras' layout: (fan_in, fan_out) and (fan_out,).

def dense_forward(inputs, weights, bias):
    """Return a layer's weighted sums (batch, fan_out), its bias included."""
    _require_shapes("dense_forward", "batch fan_in, fan_in fan_out, fan_out", inputs=inputs, weights=weights, bias=bias)
    return inputs @ weights + bias


def dense_backward(output_gradient, inputs, weights):
    """Return the loss' gradients for a layer's inputs, its weights and its bias.

    `output_gradient` (batch, fan_out) is the loss' gradient for the layer's output.
    """
    _require_shapes("dense_backward", "batch fan_out, batch fan_in, fan_in fan_out",
                    output_gradient=output_gradient, inputs=inputs, weights=weights)
    return output_gradient @ weights.T, inputs.T @ output_gradient, output_gradient.sum(axis=0)


def relu_forward(sums):
    """Return the positive part of each weighted sum, in the same shape."""
    return np.maximum(sums, 0)


def relu_backward(output_gradient, outputs):
    """Return the loss' gradient for a ReLU's input: it passes where the output is positive, and stops elsewhere."""
    if output_gradient.shape != outputs.shape:
        raise ValueError(f"relu_backward wants arrays of one shape, but got {output_gradient.shape}, {outputs.shape}.")
    return output_gradient * (outputs > 0)


def softmax_cross_entropy(logits, labels):
    """Return the mean of -log softmax(logits)[label] in nats, and its gradient."""
    _require_shapes("softmax_cross_entropy", "batch classes, batch", logits=logits, labels=labels)
    if labels.dtype.kind not in "iu" or not (labels.min() >= 0 and labels.max() < logits.shape[1]):
        raise ValueError(f"softmax_cross_entropy wants integer labels from 0 to {logits.shape[1] - 1}, but got "
                         f"{labels.dtype} from {labels.min()} to {labels.max()}. Number the classes from 0.")
    shifted = logits - logits.max(axis=1, keepdims=True)  # the softmax stays the same, and exp cannot overflow
    log_probabilities = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    gradient, rows = np.exp(log_probabilities), np.arange(len(labels))
    gradient[rows, labels] -= 1
    return -log_probabilities[rows, labels].mean(), gradient / len(labels)


def he_initialisation(fan_in, fan_out, random):
    """Return weights (fan_in, fan_out) from N(0, 2 / fan_in).

    Source: He, Zhang, Ren and Sun (2015).
    """
    return random.normal(0, np.sqrt(2 / fan_in), (fan_in, fan_out))


def gradient_check(function, point, gradient, step=1e-6):
    """Return a gradient's largest relative error, judged by central differences."""
    point, gradient = np.array(point, np.float64), np.array(gradient, np.float64)  # float32 has too few digits
    if point.shape != gradient.shape:
        raise ValueError(f"gradient_check wants a gradient of the point's shape {point.shape}, not {gradient.shape}.")
    slopes, nudge = np.zeros(point.shape), np.zeros(point.shape)
    for index in np.ndindex(point.shape):
        nudge[index] = step
        slopes[index] = (function(point + nudge) - function(point - nudge)) / (2 * step)
        nudge[index] = 0
    largest = max(np.abs(slopes).max(), np.abs(gradient).max())
    return np.abs(gradient - slopes).max() / largest if largest else 0.0


def initialise(widths, random, dtype=np.float32):
    """Return the parameters of a network of these widths, such as (784, 256, 10): He weights and zero biases."""
    return [(he_initialisation(fan_in, fan_out, random).astype(dtype), np.zeros(fan_out, dtype))
            for fan_in, fan_out in pairwise(widths)]


def forward(parameters, images):
    """Return what each layer reads, and last the logits: [images (batch, 784), hidden, …, logits (batch, 10)]."""
    if not np.abs(images).max(initial=0) <= 1:  # true for NaN as well
        raise ValueError(f"forward wants images in [-1, 1], but got {np.min(images):.4g} to {np.max(images):.4g}. "
                         "Divide 0..255 by 255, as to_unit_range does.")
    activations = [images]
    for weights, bias in parameters[:-1]:
        activations.append(relu_forward(dense_forward(activations[-1], weights, bias)))
    return [*activations, dense_forward(activations[-1], *parameters[-1])]


def loss_and_gradients(parameters, images, labels):
    """Return the mean loss of a batch in nats, and by backpropagation its gradients [(weights, bias), …]."""
    *inputs, logits = forward(parameters, images)
    loss, gradient = softmax_cross_entropy(logits, labels)
    gradients = []
    for (weights, _), layer_inputs in zip(reversed(parameters), reversed(inputs)):
        input_gradient, *layer_gradients = dense_backward(gradient, layer_inputs, weights)
        gradients.insert(0, tuple(layer_gradients))
        gradient = relu_backward(input_gradient, layer_inputs)
    return loss, gradients


def sgd_step(parameters, gradients, velocities, learning_rate, momentum=0.9):
    """Move parameters and velocities in place by one step of gradient descent with momentum."""
    for layer in zip(parameters, gradients, velocities, strict=True):
        for parameter, gradient, velocity in zip(*layer, strict=True):
            velocity *= momentum
            velocity -= learning_rate * gradient
            parameter += velocity


def train_network(parameters, images, labels, epochs, learning_rate, random, batch_size=100):
    """Move the parameters in place by SGD on mini-batches, at a rate that falls to 0; return the loss of each step."""
    if not len(images) == len(labels) > 0:
        raise ValueError(f"train_network wants a label for each image, but got {len(labels)} for {len(images)} images.")
    velocities = [(np.zeros_like(weights), np.zeros_like(bias)) for weights, bias in parameters]
    steps, losses = epochs * -(-len(images) // batch_size), []
    for _ in range(epochs):
        order = random.permutation(len(images))
        for first in range(0, len(images), batch_size):
            batch, rate = order[first:first + batch_size], learning_rate * (1 - len(losses) / steps)
            loss, gradients = loss_and_gradients(parameters, images[batch], labels[batch])
            sgd_step(parameters, gradients, velocities, rate)
            losses.append(loss)
    return losses


def _require_shapes(caller, axes, **arrays):
    """Refuse arrays that lack the axes named, each of one size, or hold NaN: wrong numbers would spread silently."""
    sizes = {}
    for wanted, (name, array) in zip(axes.split(", "), arrays.items(), strict=True):
        shape, wanted = np.shape(array), wanted.split()
        if len(shape) != len(wanted) or any(size == 0 or size != sizes.setdefault(axis, size)
                                            for axis, size in zip(wanted, shape)):
            known = " with " * bool(sizes) + ", ".join(f"{axis} {size}" for axis, size in sizes.items())
            in_words = ", ".join(wanted) + "," * (len(wanted) == 1)
            raise ValueError(f"{caller} wants {name} of shape ({in_words}){known}, but got {shape}. Reshape or "
                             "transpose it; a batch holds at least one example.")
        if not np.isfinite(array).all():
            raise ValueError(f"{caller} wants finite {', '.join(arrays)}, but {name} holds NaN or infinity. Look where "
                             "it comes from; if training led here, start anew with a smaller learning rate.")
