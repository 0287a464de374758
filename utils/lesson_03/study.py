"""What only lesson 3 computes: Adam, races of optimisers over loss surfaces, a convolution, a training step."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import tensorflow as tf


def adam_update(parameter, gradient, mean, square, step, learning_rate=0.001, beta_1=0.9, beta_2=0.999, epsilon=1e-8):
    """Return the parameter after one step of Adam, and both new averages.

    Parameter, gradient and both averages are floats, or arrays of one shape. The averages go in and come back without
    their correction; before the first step, which is 1, they are zero. Source: Kingma and Ba (2015), algorithm 1.
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


def race(slope, start, steps, learning_rate, momentum=0.9, adam=adam_update):
    """Return the points that SGD, momentum and Adam visit on their way down: name → array (steps + 1, …, 2).

    `slope` gives the gradients at points (…, 2); `start` is one point or many; `momentum` is Adam's beta_1 too.
    """
    paths = {name: [np.array(start, float)] for name in ("SGD", "momentum", "Adam")}
    velocity = mean = square = np.zeros(np.shape(start))
    for step in range(1, steps + 1):
        plain, heavy, adaptive = (path[-1] for path in paths.values())
        velocity = momentum * velocity - learning_rate * slope(heavy)
        adaptive, mean, square = adam(adaptive, slope(adaptive), mean, square, step, learning_rate, momentum)
        for path, point in zip(paths.values(), (plain - learning_rate * slope(plain), heavy + velocity, adaptive)):
            path.append(point)
    return {name: np.array(path) for name, path in paths.items()}


class LossSurface(NamedTuple):
    """A function of two parameters whose lowest height is 0, and where a race begins on it."""

    height: Callable  # of points (…, 2) → (…)
    slope: Callable  # its gradient: of points (…, 2) → (…, 2)
    start: tuple


def quadratic_surface(curvatures, degrees=0.0, start=(-4.0, 1.5)):
    """Return a valley ½ (λ₁ u₁² + λ₂ u₂²), of curvature λ₁ along and λ₂ across, turned anticlockwise with `start`."""
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


def final_heights(valleys, paths):
    """Print how high each optimiser ends in two valleys, straight and turned, and return a dictionary for each."""
    straight, turned = ({name: valley.height(points[-1]) for name, points in paths[title].items()}
                        for title, valley in valleys.items())
    for name, height in straight.items():
        print(f"{name:9} height after 40 steps: {height:.4f} in the straight valley, {turned[name]:.4f} in the turned")
    return straight, turned


def print_lowest_losses(fitted):
    """Print the lowest validation loss of each of name → Keras' history, its epoch, and what the end was like."""
    for name, history in fitted.items():
        best = int(np.argmin(history["val_loss"]))
        print(f"{name:14} lowest validation loss {history['val_loss'][best]:.3f} nats after epoch {best + 1:2}, at the "
              f"end {history['val_loss'][-1]:.3f}, accuracy {100 * history['val_accuracy'][-1]:.1f} %")


def least_gains(fit, fitted, seeds):
    """Return the least that each remedy gains over "nothing added" at its best epoch, in nats, with any seed.

    `fitted` is name → Keras' history with the first seed; `fit` trains by name and seed, and returns a history.
    """
    lowest = {name: [min(history["val_loss"]), *(min(fit(name, seed)["val_loss"]) for seed in seeds)]
              for name, history in fitted.items()}
    plain = lowest.pop("nothing added")
    return {name: np.subtract(plain, losses).min() for name, losses in lowest.items()}


def convolve2d(image, kernel):
    """Return a kernel's sum of products with every patch that it fits on ("valid").

    Source: LeCun et al. (1989). Signal processing calls this a cross-correlation, because the kernel is not flipped.
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
    """Move the model's weights by one step on a batch; return the loss before it.

    Images are in [0, 1], labels (batch,) are whole numbers 0 to 9; `loss_function` takes labels and logits.
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


def misread(yours, judged, labels, count):
    """Print how many images one of two networks misreads, and return the first places and captions, both's first."""
    wrong = np.flatnonzero((yours != labels) | (judged != labels))
    both = (yours[wrong] != labels[wrong]) & (judged[wrong] != labels[wrong])
    places = wrong[np.argsort(~both, kind="stable")][:count]
    print(f"{len(wrong)} test images are misread by at least one of the two, {both.sum()} by both; those come first")
    return places, [f"is {label}\nyours {your}\njudge {judge}"
                    for label, your, judge in zip(labels[places], yours[places], judged[places])]
