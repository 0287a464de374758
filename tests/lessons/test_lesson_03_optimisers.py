"""Update rules against Keras' optimisers, slopes against finite differences."""

import keras
import numpy as np
import pytest

from utils.lesson_03.study import LOSS_SURFACES, LossSurface, adam_update, quadratic_surface, race

POINTS = np.random.default_rng(5).normal(size=(7, 2)) * 2

each_valley = pytest.mark.parametrize("valley", LOSS_SURFACES.values(), ids=LOSS_SURFACES)


def path_of_keras(optimizer, valley, steps):
    """Return the points that a Keras optimiser visits, float64 (steps + 1, 2)."""
    point = keras.Variable(np.array(valley.start), dtype="float64")
    optimizer.build([point])
    visited = [point.numpy()]
    for _ in range(steps):
        optimizer.apply([keras.ops.convert_to_tensor(valley.slope(point.numpy()))], [point])
        visited.append(point.numpy())
    return np.array(visited)


@each_valley
def test_slope_is_that_of_the_height(valley):
    nudges = 1e-6 * np.eye(2)
    slopes = [(valley.height(POINTS + nudge) - valley.height(POINTS - nudge)) / 2e-6 for nudge in nudges]
    np.testing.assert_allclose(valley.slope(POINTS), np.stack(slopes, axis=-1), rtol=1e-7, atol=1e-7)


@each_valley
def test_no_point_is_lower_than_zero_and_one_is_that_low(valley):
    grid = np.stack(np.meshgrid(*2 * [np.linspace(-5, 5, 101)]), axis=-1)
    heights = valley.height(grid)
    assert heights.min() == pytest.approx(0, abs=1e-12)


@each_valley
def test_race_follows_the_optimisers_of_keras(valley):
    paths = race(valley.slope, valley.start, steps=25, learning_rate=0.1, momentum=0.8)
    optimizers = {"SGD": keras.optimizers.SGD(0.1), "momentum": keras.optimizers.SGD(0.1, momentum=0.8),
                  "Adam": keras.optimizers.Adam(0.1, beta_1=0.8, epsilon=1e-8)}
    assert list(paths) == list(optimizers)
    for name, optimizer in optimizers.items():
        # Keras computes Adam's corrections in float32
        np.testing.assert_allclose(paths[name], path_of_keras(optimizer, valley, 25), rtol=1e-4, atol=1e-4)


def test_turning_the_valley_turns_the_paths_of_all_but_adam():
    straight, turned = LOSS_SURFACES["straight"], LOSS_SURFACES["turned by 45°"]
    before, after = (race(valley.slope, valley.start, 40, 0.15, 0.8) for valley in (straight, turned))
    for name in ("SGD", "momentum"):
        np.testing.assert_allclose(turned.height(after[name]), straight.height(before[name]), rtol=1e-9)
    assert turned.height(after["Adam"][-1]) > 100 * straight.height(before["Adam"][-1])


def test_first_step_of_adam_is_one_learning_rate_long_whatever_the_gradient():
    gradient = np.array([1e-3, -2.0, 5e4])
    moved, mean, square = adam_update(np.ones(3), gradient, np.zeros(3), np.zeros(3), step=1, learning_rate=0.01)
    np.testing.assert_allclose(moved, 1 - 0.01 * np.sign(gradient), rtol=1e-6)
    np.testing.assert_allclose(mean, 0.1 * gradient)
    np.testing.assert_allclose(square, 0.001 * gradient**2)


def test_adam_stays_where_all_gradients_were_zero():
    assert adam_update(np.ones(2), np.zeros(2), np.zeros(2), np.zeros(2), step=4)[0].tolist() == [1, 1]


@pytest.mark.parametrize("shapes", [{"gradient": (3, 1)}, {"mean": (1,)}, {"square": ()}, {"parameter": (1, 3)}])
def test_adam_refuses_shapes_that_would_broadcast(shapes):
    arrays = {name: np.ones(shapes.get(name, (3,))) for name in ("parameter", "gradient", "mean", "square")}
    with pytest.raises(ValueError, match=r"adam_update wants all arrays of the parameter's shape, but got .*np\.zeros"):
        adam_update(**arrays, step=1)


@pytest.mark.parametrize("step", [0, -1])
def test_adam_refuses_steps_counted_from_zero(step):
    with pytest.raises(ValueError, match=f"1 for the first, but got {step}.*Begin counting at 1"):
        adam_update(np.ones(2), np.ones(2), np.ones(2), np.ones(2), step)


@pytest.mark.parametrize("curvatures", [(1.0,), (1.0, 0.0), (1.0, -2.0), (1.0, np.nan), (1.0, 2.0, 3.0)])
def test_quadratic_valley_refuses_what_has_no_lowest_point(curvatures):
    with pytest.raises(ValueError, match="two positive curvatures"):
        quadratic_surface(curvatures)


def test_quadratic_valley_has_its_curvatures_along_its_axes():
    valley = quadratic_surface((0.5, 8.0), degrees=30, start=(2.0, 0.0))
    along = np.array([np.cos(np.pi / 6), np.sin(np.pi / 6)])
    across = np.array([-along[1], along[0]])
    assert isinstance(valley, LossSurface)
    assert valley.height(3 * along) == pytest.approx(0.5 * 0.5 * 9)
    assert valley.height(3 * across) == pytest.approx(0.5 * 8 * 9)
    np.testing.assert_allclose(valley.start, 2 * along)
