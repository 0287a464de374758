"""Gradient descent, momentum and Adam in NumPy, and valleys of two parameters to race them down (lesson 3)."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np


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


class Valley(NamedTuple):
    """A function of two parameters whose lowest height is 0.

    Args:
        height: function of points (…, 2) → (…).
        slope: its gradient, function of points (…, 2) → (…, 2).
        start: where a race begins.
    """

    height: Callable
    slope: Callable
    start: tuple


def quadratic_valley(curvatures, degrees=0.0, start=(-4.0, 1.5)):
    """Return a valley with a constant curvature along each of two axes.

    Args:
        curvatures: (along the valley, across it), positive.
        degrees: angle by which the valley, with its start, is turned anticlockwise.
        start: where a race begins, before turning.

    Returns:
        Valley: its height is ½ (λ₁ u₁² + λ₂ u₂²), where u₁ and u₂ are the coordinates along its axes.

    Raises:
        ValueError: if there are not two positive curvatures.
    """
    curvatures = np.asarray(curvatures, float)
    if curvatures.shape != (2,) or not np.all(curvatures > 0):
        raise ValueError(f"quadratic_valley wants two positive curvatures, but got {curvatures.tolist()}. "
                         "With a curvature of 0 or below there is no lowest point.")
    cosine, sine = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    axes = np.array([[cosine, -sine], [sine, cosine]])  # its columns are the valley's own axes
    return Valley(height=lambda points: 0.5 * np.sum(curvatures * (points @ axes)**2, axis=-1),
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


VALLEYS = {
    "straight": quadratic_valley((0.1, 10.0)),
    "turned by 45°": quadratic_valley((0.1, 10.0), degrees=45),
    "bent": Valley(_height_of_the_bend, _slope_of_the_bend, (-4.0, 2.5)),
    "saddle between two": Valley(_height_of_the_saddle, _slope_of_the_saddle, (-0.05, 1.5)),
}


def _require_one_shape(caller, **arrays):
    """Refuse shapes that would broadcast silently into a step of another shape."""
    shapes = {name: np.shape(array) for name, array in arrays.items()}
    if len(set(shapes.values())) != 1:
        listed = ", ".join(f"{name} {shape}" for name, shape in shapes.items())
        raise ValueError(f"{caller} wants all arrays of the parameter's shape, but got {listed}. A gradient has the "
                         "shape of its parameter, and so have both averages; before the first step, use np.zeros.")
