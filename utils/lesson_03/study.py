"""What only lesson 3 computes: Adam, races of optimisers over loss surfaces, a convolution, and a training step."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import tensorflow as tf


def adam_update(parameter, gradient, mean, square, step, learning_rate=0.001, beta_1=0.9, beta_2=0.999, epsilon=1e-8):
    """Return the parameter after one step of Adam, and the new averages of the gradient and of its square.

    Args:
        parameter, gradient, mean, square: floats, or arrays of one shape. Both averages go in and come back without
            their correction; before the first step they are zero.
        step: number of this step, 1 for the first.
        learning_rate: about how far one step goes, in the parameter's own unit.
        beta_1, beta_2: how much of each average is kept, in [0, 1).
        epsilon: keeps the quotient finite where all gradients were zero.

    Source: Kingma and Ba (2015), algorithm 1.
    """
    _require_one_shape(parameter=parameter, gradient=gradient, mean=mean, square=square)
    if step < 1:
        raise ValueError(f"adam_update wants the number of the step, 1 for the first, but got {step}. "
                         "Begin counting at 1: the correction of step 0 would divide by zero.")
    mean = beta_1 * mean + (1 - beta_1) * gradient
    square = beta_2 * square + (1 - beta_2) * gradient**2
    corrected_mean = mean / (1 - beta_1**step)
    corrected_square = square / (1 - beta_2**step)
    return parameter - learning_rate * corrected_mean / (np.sqrt(corrected_square) + epsilon), mean, square


def _require_one_shape(**arrays):
    """Refuse shapes that would broadcast silently into a step of another shape."""
    if len({np.shape(array) for array in arrays.values()}) != 1:
        listed = ", ".join(f"{name} {np.shape(array)}" for name, array in arrays.items())
        raise ValueError(f"adam_update wants all arrays of the parameter's shape, but got {listed}. A gradient has the "
                         "shape of its parameter, and so have both averages; before the first step, use np.zeros.")


def race(slope, start, steps, learning_rate, momentum=0.9):
    """Return the points that SGD, momentum and Adam visit on their way down: name → array (steps + 1, …, 2).

    `slope` is a function of points (…, 2) that returns the gradients there; `start` is one such point or many, and
    `momentum` is Adam's beta_1 too.
    """
    ways = {name: [np.array(start, float)] for name in ("SGD", "momentum", "Adam")}
    velocity = mean = square = np.zeros(np.shape(start))
    for step in range(1, steps + 1):
        plain, heavy, adam = (way[-1] for way in ways.values())
        velocity = momentum * velocity - learning_rate * slope(heavy)
        adam, mean, square = adam_update(adam, slope(adam), mean, square, step, learning_rate, momentum)
        for way, point in zip(ways.values(), (plain - learning_rate * slope(plain), heavy + velocity, adam)):
            way.append(point)
    return {name: np.array(way) for name, way in ways.items()}


class LossSurface(NamedTuple):
    """A function of two parameters whose lowest height is 0, and where a race begins on it."""

    height: Callable  # of points (…, 2) → (…)
    slope: Callable  # its gradient: of points (…, 2) → (…, 2)
    start: tuple


def quadratic_surface(curvatures, degrees=0.0, start=(-4.0, 1.5)):
    """Return a valley of height ½ (λ₁ u₁² + λ₂ u₂²), where u₁ and u₂ are the coordinates along its axes.

    Its curvatures are λ₁ along it and λ₂ across it. It is turned anticlockwise, and `start` with it.
    """
    curvatures = np.asarray(curvatures, float)
    if curvatures.shape != (2,) or not np.all(curvatures > 0):
        raise ValueError(f"quadratic_surface wants two positive curvatures, but got {curvatures.tolist()}. "
                         "With a curvature of 0 or below there is no lowest point.")
    cosine, sine = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    axes = np.array([[cosine, -sine], [sine, cosine]])  # its columns are the valley's own axes
    return LossSurface(height=lambda points: 0.5 * np.sum(curvatures * (points @ axes)**2, axis=-1),
                       slope=lambda points: (curvatures * (points @ axes)) @ axes.T,
                       start=tuple((axes @ start).tolist()))


def _surface(height, slope, start):
    """Return a surface from functions of two coordinates, along and across; `slope` returns both derivatives."""
    return LossSurface(lambda points: height(*np.moveaxis(np.asarray(points, float), -1, 0)),
                       lambda points: np.stack(slope(*np.moveaxis(np.asarray(points, float), -1, 0)), axis=-1), start)


LOSS_SURFACES = {
    "straight": quadratic_surface((0.1, 10.0)),
    "turned by 45°": quadratic_surface((0.1, 10.0), degrees=45),
    "bent": _surface(lambda a, b: 0.05 * (a - 4)**2 + 5 * (b - a**2 / 16)**2,
                     lambda a, b: (0.1 * (a - 4) - 1.25 * a * (b - a**2 / 16), 10 * (b - a**2 / 16)),
                     start=(-4.0, 2.5)),
    "saddle between two": _surface(lambda a, b: (a**2 - 9)**2 / 72 + 5 * b**2,
                                   lambda a, b: (a * (a**2 - 9) / 18, 10 * b), start=(-0.05, 1.5)),
}


def convolve2d(image, kernel):
    """Return the sum of products of a kernel with every patch of an image that it fits on ("valid").

    Shapes: (height, width) and (rows, columns) → (height - rows + 1, width - columns + 1), float64.

    Source: LeCun et al. (1989). Signal processing calls this a cross-correlation: the kernel is not flipped.
    """
    image, kernel = _require_kernel_that_fits(image, kernel)
    height, width = kernel.shape
    result = np.empty((image.shape[0] - height + 1, image.shape[1] - width + 1))
    for row, column in np.ndindex(result.shape):
        result[row, column] = np.sum(image[row:row + height, column:column + width] * kernel)
    return result


def _require_kernel_that_fits(image, kernel):
    image, kernel = np.asarray(image), np.asarray(kernel)
    if image.ndim != 2 or kernel.ndim != 2:
        raise ValueError(f"convolve2d wants an image and a kernel of rank 2, but got shapes {image.shape} and "
                         f"{kernel.shape}. Pass one image without axes for batch and channel, such as images[0].")
    if kernel.size == 0 or np.any(np.greater(kernel.shape, image.shape)):
        raise ValueError(f"convolve2d wants a kernel that fits on the image, but got {kernel.shape} for an image of "
                         f"{image.shape}. The image comes first.")
    return image, kernel


def train_step(model, optimizer, loss_function, images, labels):
    """Move the model's weights by one step against the gradient of the loss on a batch; return the loss before it.

    Args:
        model: a Keras model, images → logits (batch, 10).
        loss_function: function of (labels, logits) that returns a scalar, such as a Keras loss object.
        images, labels: a batch with values in [0, 1], and (batch,) whole numbers 0 to 9.
    """
    _require_batch(images, labels)
    with tf.GradientTape() as tape:
        loss = loss_function(labels, model(images, training=True))
    gradients = tape.gradient(loss, model.trainable_variables)
    optimizer.apply(gradients, model.trainable_variables)
    return loss


def _require_batch(images, labels):
    """Refuse what would train on silently and to no good; inside a graph only shapes are known."""
    if len(labels.shape) != 1 or labels.shape[0] != images.shape[0] or labels.shape[0] == 0:
        raise ValueError(f"train_step wants labels of shape (batch,), one for each image, but got {tuple(labels.shape)}"
                         f" for images of {tuple(images.shape)}. Flatten labels by labels.ravel().")
    if tf.is_tensor(images) and not tf.executing_eagerly():
        return
    for name, values, highest, remedy in (("images", images, 1, "Pass them through to_unit_range first."),
                                          ("labels", labels, 9, "Number the digits from 0.")):
        values = np.asarray(values)
        if not (values.min() >= 0 and values.max() <= highest):  # written so that NaN fails too
            raise ValueError(f"train_step wants {name} from 0 to {highest}, but got values from {values.min():.4g} to "
                             f"{values.max():.4g}. {remedy}")


def count_parameters():
    """Return how many parameters each of the six layers holds, from top to bottom."""
    return (5 * 5 * 1 + 1) * 8, 4 * 8, 0, (3 * 3 * 8 + 1) * 16, 0, (12 * 12 * 16 + 1) * 10
