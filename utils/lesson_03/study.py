"""What only lesson 3 computes: Adam, races of optimisers over loss surfaces, a convolution, and a training step."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import tensorflow as tf


def adam_update(parameter, gradient, mean, square, step, learning_rate=0.001, beta_1=0.9, beta_2=0.999, epsilon=1e-8):
    """Return the parameter after one step of Adam, and the new averages of the gradient and of its square.

    Args:
        parameter, gradient, mean, square: floats, or arrays of one shape. `mean` and `square` are the averages as the
            step before returned them; before the first step they are zero.
        step: number of this step, 1 for the first.
        learning_rate: about how far one step goes, in the parameter's own unit.
        beta_1, beta_2: how much of each average is kept, in [0, 1).
        epsilon: keeps the quotient finite where all gradients were zero.

    Returns:
        (parameter, mean, square), each of the same shape; both averages without their correction.

    Raises:
        ValueError: if the shapes differ, or if steps are counted from 0.

    Source: Kingma and Ba (2015), algorithm 1.
    """
    _require_one_shape("adam_update", parameter=parameter, gradient=gradient, mean=mean, square=square)
    if step < 1:
        raise ValueError(f"adam_update wants the number of the step, 1 for the first, but got {step}. "
                         "Begin counting at 1: the correction of step 0 would divide by zero.")
    mean = beta_1 * mean + (1 - beta_1) * gradient
    square = beta_2 * square + (1 - beta_2) * gradient**2
    corrected_mean = mean / (1 - beta_1**step)
    corrected_square = square / (1 - beta_2**step)
    return parameter - learning_rate * corrected_mean / (np.sqrt(corrected_square) + epsilon), mean, square


def race(slope, start, steps, learning_rate, momentum=0.9):
    """Return the points that SGD, momentum and Adam visit on their way down.

    Args:
        slope: function of a point (2,) that returns the gradient there, (2,).
        start: where all three begin, (2,).
        steps: how many steps each of them makes.
        learning_rate: the same for all three.
        momentum: of the second, and Adam's beta_1.

    Returns:
        Dictionary of name → array (steps + 1, 2), the start first.

    Raises:
        ValueError: if the slope has another shape than the point.
    """
    ways = {name: [np.array(start, float)] for name in ("SGD", "momentum", "Adam")}
    velocity = mean = square = np.zeros(2)
    for step in range(1, steps + 1):
        plain, heavy, adam = (way[-1] for way in ways.values())
        velocity = momentum * velocity - learning_rate * slope(heavy)
        adam, mean, square = adam_update(adam, slope(adam), mean, square, step, learning_rate, momentum)
        for way, point in zip(ways.values(), (plain - learning_rate * slope(plain), heavy + velocity, adam)):
            way.append(point)
    return {name: np.array(way) for name, way in ways.items()}


class LossSurface(NamedTuple):
    """A function of two parameters whose lowest height is 0.

    Args:
        height: function of points (…, 2) → (…).
        slope: its gradient, function of points (…, 2) → (…, 2).
        start: where a race begins.
    """

    height: Callable
    slope: Callable
    start: tuple


def quadratic_surface(curvatures, degrees=0.0, start=(-4.0, 1.5)):
    """Return a valley with a constant curvature along each of two axes.

    Args:
        curvatures: (along the valley, across it), positive.
        degrees: angle by which the valley, with its start, is turned anticlockwise.
        start: where a race begins, before turning.

    Returns:
        LossSurface: its height is ½ (λ₁ u₁² + λ₂ u₂²), where u₁ and u₂ are the coordinates along its axes.

    Raises:
        ValueError: if there are not two positive curvatures.
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


def _height_of_the_bend(points):
    along, across = np.moveaxis(np.asarray(points, float), -1, 0)
    return 0.05 * (along - 4)**2 + 5 * (across - along**2 / 16)**2


def _slope_of_the_bend(points):
    along, across = np.moveaxis(np.asarray(points, float), -1, 0)
    from_floor = across - along**2 / 16
    return np.stack([0.1 * (along - 4) - 1.25 * along * from_floor, 10 * from_floor], axis=-1)


def _height_of_the_saddle(points):
    along, across = np.moveaxis(np.asarray(points, float), -1, 0)
    return (along**2 - 9)**2 / 72 + 5 * across**2


def _slope_of_the_saddle(points):
    along, across = np.moveaxis(np.asarray(points, float), -1, 0)
    return np.stack([along * (along**2 - 9) / 18, 10 * across], axis=-1)


LOSS_SURFACES = {
    "straight": quadratic_surface((0.1, 10.0)),
    "turned by 45°": quadratic_surface((0.1, 10.0), degrees=45),
    "bent": LossSurface(_height_of_the_bend, _slope_of_the_bend, (-4.0, 2.5)),
    "saddle between two": LossSurface(_height_of_the_saddle, _slope_of_the_saddle, (-0.05, 1.5)),
}


def _require_one_shape(caller, **arrays):
    """Refuse shapes that would broadcast silently into a step of another shape."""
    shapes = {name: np.shape(array) for name, array in arrays.items()}
    if len(set(shapes.values())) != 1:
        listed = ", ".join(f"{name} {shape}" for name, shape in shapes.items())
        raise ValueError(f"{caller} wants all arrays of the parameter's shape, but got {listed}. A gradient has the "
                         "shape of its parameter, and so have both averages; before the first step, use np.zeros.")


def convolve2d(image, kernel):
    """Return the sum of products of a kernel with every patch of an image that it fits on ("valid").

    Args:
        image: array of shape (height, width).
        kernel: array of shape (rows, columns), nowhere larger than the image.

    Returns:
        float64 array of shape (height - rows + 1, width - columns + 1).

    Raises:
        ValueError: if one of both is not of rank 2, or the kernel does not fit on the image.

    Source: LeCun et al. (1989). Signal processing calls this a cross-correlation: the kernel is not flipped.
    """
    image, kernel = _require_kernel_that_fits(image, kernel)
    height, width = kernel.shape
    result = np.empty((image.shape[0] - height + 1, image.shape[1] - width + 1))
    for row, column in np.ndindex(result.shape):
        result[row, column] = np.sum(image[row:row + height, column:column + width] * kernel)
    return result


def train_step(model, optimizer, loss_function, images, labels):
    """Move the model's weights by one step against the gradient of the loss on a batch; return the loss before it.

    Args:
        model: a Keras model, images → logits (batch, 10).
        optimizer: a Keras optimiser.
        loss_function: function of (labels, logits) that returns a scalar, such as a Keras loss object.
        images: batch of images with values in [0, 1].
        labels: (batch,) whole numbers 0 to 9.

    Returns:
        Scalar tensor.

    Raises:
        ValueError: if images or labels have another range or shape.
    """
    _require_batch(images, labels)
    with tf.GradientTape() as tape:
        loss = loss_function(labels, model(images, training=True))
    gradients = tape.gradient(loss, model.trainable_variables)
    optimizer.apply(gradients, model.trainable_variables)
    return loss


def count_parameters():
    """Return how many parameters each of the six layers holds, from top to bottom."""
    return (5 * 5 * 1 + 1) * 8, 4 * 8, 0, (3 * 3 * 8 + 1) * 16, 0, (12 * 12 * 16 + 1) * 10


def _require_kernel_that_fits(image, kernel):
    image, kernel = np.asarray(image), np.asarray(kernel)
    if image.ndim != 2 or kernel.ndim != 2:
        raise ValueError(f"convolve2d wants an image and a kernel of rank 2, but got shapes {image.shape} and "
                         f"{kernel.shape}. Pass one image without axes for batch and channel, such as images[0].")
    if kernel.size == 0 or np.any(np.greater(kernel.shape, image.shape)):
        raise ValueError(f"convolve2d wants a kernel that fits on the image, but got {kernel.shape} for an image of "
                         f"{image.shape}. The image comes first.")
    return image, kernel


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
