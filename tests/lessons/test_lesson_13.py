"""Lesson 13: hidden pixels and their bound, flows and the steps along them, what its cells define, its pictures."""

import io
import itertools
import json
import time

import keras
import numpy as np
import pytest
from keras import ops
from matplotlib.colors import to_rgb
from PIL import Image
from scipy.integrate import solve_ivp
from scipy.stats import chisquare

from tests.cells import lesson
from tests.drawing import DIGITS, ExplorerContract, X, heights, line, lines, presentable, texts
from tools.train_four_models import EPOCHS, HOW
from utils import plots
from utils.assets import asset
from utils.lesson_13 import explorers, pictures, study
from utils.plots.canvas import BLUE, RED

RNG = np.random.default_rng(7)
ROOM = lesson("13")
SHARES, CENTRES, WIDTH = ROOM.SHARES, ROOM.CENTRES, ROOM.WIDTH
IMAGE = np.array([1, 0, 1, 1, 1, 0, 0, 1, 0], "float32")


def tensor(values):
    return ops.convert_to_tensor(values, "float32")


def test_hidden_pixels_are_those_with_the_smallest_scores():
    scores, hidden = RNG.random((6, 11)), np.array([0, 1, 5, 7, 10, 11])
    visible = np.asarray(study.hide_pixels(tensor(scores), hidden))
    for row, count, kept in zip(scores, hidden, visible, strict=True):
        np.testing.assert_array_equal(kept, ~np.isin(np.arange(11), np.argsort(row)[:count]))
    assert visible.dtype == "float32"


def test_each_set_of_hidden_pixels_is_as_likely_as_any_other():
    visible = np.asarray(study.hide_pixels(tensor(RNG.random((6000, 5))), np.full(6000, 2)))
    counts = np.bincount((visible @ 2**np.arange(5)).astype(int), minlength=32)
    assert np.count_nonzero(counts) == 10 and chisquare(counts[counts > 0]).pvalue > 0.01


def test_bound_is_the_average_over_all_orders_of_the_exact_chain_rule():
    """Nine pixels: 362,880 orders, pixel by pixel, against the average over all 511 sets of hidden pixels."""
    guess = study.tiny_network(3)
    visible = np.array(list(itertools.product([0, 1], repeat=9)), "float32")
    images = np.tile(IMAGE, (512, 1))
    logits = guess(images, visible)
    on = 1 / (1 + np.exp(-np.float64(logits)))
    of_pixel = np.log(np.where(images == 1, on, 1 - on))  # given each set
    orders, total = np.array(list(itertools.permutations(range(9)))), 0
    for place in range(9):
        seen = np.zeros((len(orders), 9), int)
        np.put_along_axis(seen, orders[:, :place], 1, axis=1)
        total += of_pixel[seen @ 2**np.arange(8, -1, -1), orders[:, place]]
    estimates = np.asarray(study.masked_bound(tensor(images[:-1]), tensor(logits[:-1]), tensor(visible[:-1])))
    hidden = 9 - visible[:-1].sum(axis=1)
    by_number = [estimates[hidden == count].mean() for count in range(1, 10)]
    assert np.mean(by_number) == pytest.approx(total.mean(), rel=1e-5)


def test_order_of_784_pixels_has_the_probability_of_the_chain_rule():
    class Neighbours:
        def guess(self, images, visible):  # a pixel follows from the two beside it, where they are seen
            return 2 * ops.roll(visible * (2 * images - 1), 1, axis=-1) - ops.roll(visible * images, -1, axis=-1)

    image, order, model = np.float32(RNG.random(784) < 0.3), RNG.permutation(784), Neighbours()
    visible, total = np.zeros(784, "float32"), 0.0
    for pixel in order:
        logit = float(model.guess(tensor(image)[None], tensor(visible)[None])[0, pixel])
        total -= np.log1p(np.exp(-logit if image[pixel] else logit))
        visible[pixel] = 1
    assert ROOM.log_p_in_order(model, image, order) == pytest.approx(total, rel=1e-5)


class Watched:
    """Guesses that all hidden pixels are on with probability 0.25, and remembers what was visible."""

    def __init__(self):
        self.visible = []

    def guess(self, images, visible):
        self.visible.append(np.asarray(visible))
        return ops.full((len(images), 784), -np.log(3.0))


@pytest.fixture
def eager(monkeypatch):
    monkeypatch.setattr(study, "compiled", lambda function: function)


def test_uncovering_keeps_what_is_visible_and_draws_each_other_pixel_once(eager):
    images = np.float32(RNG.random((40, 784)) < 0.5)
    visible = np.float32(RNG.random((40, 784)) < np.linspace(0, 1, 40)[:, None])
    model = Watched()
    drawn = ROOM.uncover(model, images, visible, 7, seed=2)
    assert np.array_equal(drawn * visible, images * visible) and set(np.unique(drawn)) == {0, 1}
    assert drawn[visible == 0].mean() == pytest.approx(0.25, abs=0.015)
    for before, after in itertools.pairwise(model.visible):
        assert np.all(after >= before)
    hidden = [784 - each.sum(axis=1) for each in model.visible]
    np.testing.assert_allclose(hidden, np.outer(1 - np.arange(7) / 7, hidden[0]), atol=0.51)


def test_uncovering_pixel_by_pixel_asks_784_times(eager):
    model = Watched()
    ROOM.uncover(model, np.zeros((2, 784), "float32"), np.zeros((2, 784), "float32"), 784)
    assert [each[0].sum() for each in model.visible] == list(range(784))


def test_uncovered_digits_depend_on_the_seed_alone(eager):
    blank = np.zeros((3, 784), "float32")
    first, same, other = (ROOM.uncover(Watched(), blank, blank, 3, seed) for seed in (1, 1, 2))
    assert np.array_equal(first, same) and not np.array_equal(first, other)


def test_every_pixel_costs_a_coin_when_nothing_is_known():
    seen, nats = study.cost_of_next_pixel(lambda images, visible: ops.zeros((5, 784)), np.zeros((5, 784), "float32"), 4)
    assert seen.tolist() == [0, 261, 522, 783]
    np.testing.assert_allclose(nats, np.log(2), rtol=1e-5)


def test_untrained_hider_takes_every_pixel_for_a_coin_and_learns():
    keras.utils.set_random_seed(0)
    model = ROOM.HiddenPixels(ROOM.build_network(channels=2))
    images = np.float32(RNG.random((100, 784)) < 0.1)
    np.testing.assert_allclose(np.mean(model(images)), -784 * np.log(2), rtol=2e-3)
    model.compile(keras.optimizers.Adam(3e-3))
    bounds = model.fit(images, epochs=5, batch_size=20, verbose=0).history["bound"]
    assert bounds[-1] > bounds[0] + 50


def test_numbers_of_hidden_pixels_are_uniform_when_they_are_weighted():
    """Shares of the numbers in eight parts of 1 to 784, and the mean of a weight."""
    random = keras.random.SeedGenerator(3)
    found = [ROOM.hide((1000, 784), random) for _ in range(20)]
    hidden = np.concatenate([784 - np.sum(np.asarray(visible), axis=1) for visible, _ in found])
    weights = np.concatenate([np.asarray(each) for _, each in found])
    assert 1 <= hidden.min() < 3 and hidden.max() == 784 and weights.mean() == pytest.approx(1, abs=0.002)
    shares = np.histogram(hidden, np.linspace(0.5, 784.5, 9), weights=weights)[0] / len(hidden)
    np.testing.assert_allclose(shares, 1 / 8, atol=0.004)


def test_each_row_of_a_batch_has_the_same_mean_weight():
    """Else the estimate for an image would depend on its place in the batch."""
    random = keras.random.SeedGenerator(5)
    weights = np.stack([np.asarray(ROOM.hide((20, 784), random)[1]) for _ in range(2000)])
    np.testing.assert_allclose(weights.mean(axis=0), 1, atol=4 * weights.std() / 2000**0.5)


def test_each_pixel_is_hidden_as_often_as_any_other():
    random = keras.random.SeedGenerator(4)
    seen = np.mean([np.asarray(ROOM.hide((2000, 784), random)[0]).mean(axis=0) for _ in range(10)], axis=0)
    assert np.ptp(seen) < 8 * (0.24 / 20_000)**0.5


def test_hider_does_not_look_at_hidden_pixels():
    model = ROOM.HiddenPixels(ROOM.build_network(channels=2))
    for weight in model.network.trainable_variables:
        weight.assign(RNG.normal(0, 0.1, weight.shape))
    visible = np.float32(RNG.random((4, 784)) < 0.5)
    images = np.float32(RNG.random((4, 784)) < 0.5)
    changed = np.where(visible == 1, images, 1 - images)
    guess, same, other = (np.asarray(model.guess(tensor(each), tensor(visible)))
                          for each in (images, changed, 1 - images))
    np.testing.assert_array_equal(guess, same)
    assert not np.allclose(guess, other)


def test_flow_matching_loss_is_zero_for_the_straight_paths_own_velocity_and_else_the_squared_error():
    images, noise, times = RNG.normal(size=(5, 3)), RNG.normal(size=(5, 3)), RNG.random(5)
    asked = []

    def off_by(off):
        return lambda points, at: asked.append((np.asarray(points), np.asarray(at))) or tensor(images - noise + off)
    for off, expected in ((0.0, 0.0), (np.array([1.0, 0, -2]), 5 / 3)):
        loss = study.flow_matching_loss(off_by(off), tensor(images), tensor(noise), tensor(times))
        assert float(loss) == pytest.approx(expected, abs=1e-6)
    points = np.array([[t * x + (1 - t) * e for x, e in zip(*row)] for *row, t in zip(images, noise, times)])
    np.testing.assert_allclose(asked[0][0], points, rtol=1e-5)
    np.testing.assert_allclose(asked[0][1], times, rtol=1e-6)


def test_heun_step_is_that_of_the_series_to_second_order_and_exact_where_velocity_is_linear_in_time():
    points = RNG.normal(size=(4, 2))
    np.testing.assert_allclose(study.heun_step(lambda x, t: -3 * x, points, 0.2, 0.3), points * (1 - 0.3 + 0.09 / 2))
    np.testing.assert_allclose(study.heun_step(lambda x, t: 0 * x + 4 * t, points, 0.5, 1.0), points + 2 * (1 - 0.25))


@pytest.mark.parametrize("time", [0.0, 0.3, 0.9])
def test_velocity_of_bells_is_the_way_to_the_best_guess_by_quadrature(time):
    places = np.linspace(-2.5, 2.5, 41)
    expected = (ROOM.best_guess(places, time) - places) / (1 - time)
    np.testing.assert_allclose(study.bell_velocity(places, time, SHARES, CENTRES, WIDTH), expected, atol=1e-8)


@pytest.mark.parametrize(("step", "off", "power"), [
    ("euler_step", 0.02, 1), ("heun_step", 2e-4, 1), ("heun_step", 5e-4, 2)])
def test_carried_points_arrive_where_scipy_says(step, off, power):
    def velocity(points, time):
        return study.bell_velocity(points, time, SHARES, CENTRES, WIDTH)
    begin = np.linspace(-1.5, 1.5, 7)
    exact = solve_ivp(lambda time, points: velocity(points, time), (0, 1), begin, rtol=1e-9, atol=1e-9).y[:, -1]
    path = ROOM.carry(velocity, begin[:, None], 200, getattr(ROOM, step), power)
    assert len(path) == 201 and np.abs(np.ravel(path[-1]) - exact).max() < off


def test_last_steps_are_shorter_with_a_larger_power():
    times = []
    ROOM.carry(lambda points, time: times.append(time) or 0 * points, np.zeros((1, 1)), 4, ROOM.euler_step, 2.0)
    np.testing.assert_allclose(times, [0, 7 / 16, 12 / 16, 15 / 16])


def test_guidance_goes_beyond_the_velocity_with_the_label(eager):
    class Flow:
        def velocity(self, points, times, labels):
            return np.where(labels == 10, 1.0, 3.0)[:, None] * points

    points = RNG.normal(size=(2, 784)).astype("float32")
    for strength, factor in ((0, 1), (1, 3), (2.5, 6)):
        velocity = ROOM.guided(Flow(), np.array([3, 4]), strength)
        np.testing.assert_allclose(velocity(points, 0.5), factor * points, rtol=1e-5)


def test_untrained_digits_are_grey_and_training_learns():
    keras.utils.set_random_seed(0)
    flow = ROOM.DigitFlow(ROOM.build_network(channels=1, conditions=ROOM.WAVES + 11))
    np.testing.assert_allclose(ROOM.draw(flow, np.arange(10, dtype="int32"), steps=2), 0.5, atol=1e-6)
    flow.compile(keras.optimizers.Adam(3e-3))
    images, labels = np.float32(RNG.random((100, 784)) < 0.1), np.arange(100, dtype="int32") % 10
    losses = flow.fit(images, labels, epochs=15, batch_size=20, verbose=0).history["loss"]
    assert losses[-1] < 0.75 * losses[0]


def test_waves_are_sines_and_cosines_of_the_time():
    found = np.asarray(study.waves(tensor([0.0, 0.5]), 8))
    np.testing.assert_allclose(found[0], [0] * 4 + [1] * 4, atol=1e-7)
    np.testing.assert_allclose(found[1, [0, 3, 4]], [np.sin(0.5), np.sin(50), np.cos(0.5)], atol=1e-4)


def test_rate_rises_and_falls():
    schedule = study.clipped_adam(0.01, 1000, largest_gradient=2).get_config()["learning_rate"]["config"]
    schedule = keras.optimizers.schedules.CosineDecay.from_config(schedule)
    assert float(schedule(50)) == pytest.approx(0.01) and float(schedule(0)) == 0 and float(schedule(1000)) < 1e-6


@pytest.mark.parametrize(("call", "message"), [
    (lambda: study.hide_pixels(tensor([0.1, 0.2]), np.array([1])), "scores of shape"),
    (lambda: study.hide_pixels(tensor([[0.1, 0.2]]), np.array([3])), "0 to 2"),
    (lambda: study.masked_bound(tensor([[1, 0]]), tensor([[1]]), tensor([[1, 0]])), "of one shape"),
    (lambda: study.masked_bound(tensor([[1, 0]]), tensor([[1, 0]]), tensor([[1, 1]])), "hidden pixel"),
    (lambda: study.flow_matching_loss(None, tensor([[1]]), tensor([[1, 2]]), tensor([0.5])), "of one shape"),
    (lambda: study.flow_matching_loss(None, tensor([[1]]), tensor([[1]]), tensor([1.5])), "times from 0 to 1"),
    (lambda: study.heun_step(None, tensor([1]), 0, 1), "points of shape"),
    (lambda: study.bell_velocity(np.zeros(3), 1.2, SHARES, CENTRES, WIDTH), "time from 0 to 1"),
])
def test_bad_input_is_refused_with_what_came_and_what_was_wanted(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_draws_of_bells_have_their_shares_centres_and_width():
    draws = study.draws_of_bells(20_000, SHARES, CENTRES, WIDTH)
    assert draws.shape == (20_000, 1) and draws.dtype == "float32"
    left = draws[draws < -0.25]
    assert left.size / 20_000 == pytest.approx(0.3, abs=0.01)
    assert (left.mean(), left.std()) == pytest.approx((-1.5, WIDTH), abs=0.01)


@pytest.mark.parametrize("knows_time", [True, False])
def test_network_of_one_number_looks_at_the_time_only_if_it_may(knows_time):
    network = study.network_of_one_number(knows_time)
    early, late = (np.asarray(network([np.ones((2, 1)), np.full((2, 1), time)])) for time in (0.1, 0.9))
    assert early.shape == (2, 1) and np.allclose(early, late) != knows_time


def test_results_come_with_the_seconds_of_their_own_call():
    results, seconds = study.results_and_seconds((0.0, 0.05), lambda wait: time.sleep(wait) or 2 * wait)
    assert results == [0, 0.1] and seconds[0] < 0.05 <= seconds[1] < 0.5


def test_leads_are_those_of_the_worst_seed_against_the_best():
    table = {name: {"Fréchet distance": distance, "coverage": coverage, "recall": recall, "precision": precision}
             for name, distance, coverage, recall, precision in (
                 ("VAE", [40, 44], [0.5, 0.6], [0.7, 0.72], [0.75, 0.7]),
                 ("GAN", [3, 4], [0.8, 0.75], [0.9, 0.8], [0.7]),
                 ("hidden pixels", [50, 66], [0.4, 0.3], [0.6], [0.5]),
                 ("normal noise", [20, 25], [0.85, 0.9], [0.74, 0.5], [0.85, 0.8]))}
    table["VAE"]["filled in and read right"], table["hidden pixels"]["filled in and read right"] = [0.9, 0.8], [0.6]
    values = [value for _, value, _ in study.leads(table)]
    assert values == pytest.approx([20 / 4, 40 / 25, 50 / 25, 0.8 - 0.74, 0.85 - 0.8, 0.8 - 0.75, 0.25])
    scores, better = study.measures_of(table)
    assert scores["coverage"]["GAN"] == [0.8, 0.75] and scores["log p(x) is at least, nats"]["GAN"] is None
    assert list(scores) == list(better) and better["Fréchet distance"] == "lower"


def test_explorer_is_told_probabilities_and_images_from_zero_to_one(eager):
    class Hider:
        def guess(self, images, visible):
            return ops.full((1, 784), np.log(3.0)) + 0 * images * visible

    class Flow:
        def clean(self, points, times, labels):
            return points * times[:, None] + 0 * (labels[:, None] == 10)

    fill, denoise = study.guesses_of(Hider(), Flow(), 10)
    np.testing.assert_allclose(fill(np.zeros((1, 784), "float32"), np.ones((1, 784), "float32")), 0.75, rtol=1e-6)
    np.testing.assert_allclose(denoise(np.ones((1, 784), "float32"), 0.5), 0.75)


def test_closing_table_is_that_of_the_command_and_holds_every_model_and_seed():
    stored = json.loads(asset("four_models.json").read_text(encoding="utf-8"))
    assert stored["how"] == HOW
    table = study.four_models()
    assert list(table) == list(EPOCHS)
    assert all(len(values) == 3 for measures in table.values() for values in measures.values())
    seconds = [np.mean(of_model["seconds to train"]) for of_model in table.values()]
    assert max(seconds) < 1.2 * min(seconds)


def test_arrivals_stand_over_the_density_of_the_data():
    places = np.linspace(-3, 3, 61)
    points = {"one": RNG.normal(size=500), "two": RNG.normal(1, 0.2, 500)}
    for axis, (name, values) in zip(presentable(pictures.arrivals(points, places, places**0)), points.items(),
                                    strict=True):
        expected = np.histogram(values, np.linspace(-3, 3, 61), density=True)[0]
        np.testing.assert_allclose(heights(axis), expected, atol=1e-9)
        assert axis.get_title() == name and axis.lines[0].get_ydata().tolist() == [1] * 61


def tick_texts(labels):
    return [label.get_text() for label in labels]


def legend_texts(axis):
    return tick_texts(axis.figure.legends[0].get_texts())


def test_orders_are_a_histogram_in_percent_with_the_bound_and_log_p():
    logs = np.repeat([-9.0, -6.0, -3.0], [1, 2, 5])
    axis, = presentable(pictures.orders(logs, bound=-4.5, log_p=-3.4))
    assert heights(axis)[::59] == [12.5, 62.5] and sum(heights(axis)) == 100
    assert line(axis, "mean over orders: the bound")[:, 0].tolist() == [-4.5, -4.5]
    assert line(axis, "log p(x)")[:, 0].tolist() == [-3.4, -3.4]
    assert "in nats" in axis.get_xlabel() and axis.get_ylabel() == "share of orders in percent"


@pytest.mark.parametrize("seen", [np.arange(784), np.array([0, 1, 5, 300, 783])])
def test_area_below_the_cost_of_the_next_pixel_is_the_bound(seen):
    """A straight fall from 0.4 to 0.1 has the same area however few of its points are known."""
    nats = 0.4 - 0.3 * seen / 783
    axis, = presentable(pictures.next_pixel(seen, nats))
    np.testing.assert_array_equal(axis.lines[0].get_xydata(), np.stack([seen, nats], axis=1))
    filled = axis.collections[0].get_paths()[0].get_extents()
    assert (filled.x0, filled.x1, filled.y0, filled.y1) == pytest.approx((0, 783, 0, 0.4))
    assert legend_texts(axis) == ["area beneath: 196.0 nats, so that the bound is −196.0"]  # 784 times 0.25
    assert axis.get_ylabel() == "nats for the next pixel" and axis.get_ylim()[0] == 0


def test_single_orders_stand_in_a_column_for_each_image_beside_the_estimate_with_its_error():
    exact, rows = RNG.normal(-90, 5, (4, 6)), np.array([-80.0, -85, -90, -99])
    bound, error = np.array([-88.0, -91, -92, -93]), np.array([1.0, 2, 3, 4])
    axis, = presentable(pictures.exact_in_orders(exact, rows, bound, error))
    places = np.arange(1, 5)
    each, by_row = line(axis, "in a random order"), line(axis, "row by row")
    np.testing.assert_allclose(each, np.stack([np.repeat(places - 0.16, 6), exact.ravel()], axis=1))
    np.testing.assert_allclose(by_row, np.stack([places - 0.16, rows], axis=1))
    bars, = axis.containers
    marks, _, (sticks,) = bars.lines
    np.testing.assert_allclose(marks.get_xydata(), np.stack([places + 0.16, bound], axis=1))
    np.testing.assert_allclose([ends[:, 1] for ends in sticks.get_segments()],
                               np.transpose([bound - error, bound + error]))
    assert legend_texts(axis) == ["in a random order", "row by row", "estimate of the bound"]
    assert (axis.get_xlabel(), axis.get_ylabel()) == ("test image", "nats")


def test_quality_stands_over_the_numbers_of_calls_which_are_the_ticks():
    curves = {"Euler": ([5, 10, 100], [80, 20, 9]), "hidden": ([1, 98, 784], [400, 30, 20])}
    axis, = presentable(pictures.quality(curves, 0.9, "calls of the network"))
    assert (axis.get_xscale(), axis.get_yscale()) == ("log", "log")
    for name, points in curves.items():
        assert line(axis, name).T.tolist() == [*map(list, points)]
    assert line(axis, "real images")[:, 1].tolist() == [0.9, 0.9] and legend_texts(axis)[-1] == "real images"
    assert axis.get_xticks().tolist() == [1, 5, 10, 98, 100, 784]
    assert tick_texts(axis.get_xticklabels()) == ["1", "5", "10", "98", "", "784"]  # 100 has no room
    assert axis.get_ylabel() == "Fréchet distance (logarithmic)" and axis.get_xlabel().startswith("calls of the")


@pytest.mark.parametrize("floor", [0.9, 4.9])
def test_quality_has_two_ticks_or_more_that_say_how_much(floor):
    axis, = presentable(pictures.quality({"Euler": ([5, 10, 50], [8, 7, 5.6])}, floor, "calls", y="distance"))
    low, high = axis.get_ylim()
    assert sum(low <= tick <= high for tick in axis.get_yticks()) >= 2 and axis.get_ylabel().startswith("distance")


TIMES, DENSITIES = np.linspace(0, 1, 21), np.exp(-np.linspace(-2, 2, 161)[:, None]**2 * np.linspace(1, 8, 21))


def test_paths_lead_over_their_density_from_that_of_noise_to_that_of_data():
    paths = np.cumsum(RNG.normal(size=(5, 21)), axis=1) / 9
    first, over_time, last = presentable(pictures.noise_to_data(TIMES, X, paths, DENSITIES))
    np.testing.assert_array_equal(over_time.collections[0].get_array().reshape(161, 21), DENSITIES)
    np.testing.assert_allclose([each.get_xydata() for each in over_time.lines],
                               [np.stack([TIMES, path], axis=1) for path in paths])
    assert {each.get_marker() for each in over_time.lines} == {"None"} and len(over_time.collections) == 1
    for axis, column, title in ((first, 0, "t = 0"), (last, -1, "t = 1")):
        np.testing.assert_array_equal(axis.lines[0].get_xydata(), np.stack([DENSITIES[:, column], X], axis=1))
        assert axis.get_title() == title and axis.get_ylim() == over_time.get_ylim() == (-4, 4)
    assert first.xaxis_inverted() and not last.xaxis_inverted()
    assert over_time.get_xlabel() == "time t: 0 is noise, 1 is data" and first.get_ylabel() == "position"


def test_paths_of_few_steps_are_marked():
    _, axis, _ = presentable(pictures.noise_to_data(TIMES, X, [[0, 1, 3, 2, 1]], DENSITIES))
    assert axis.lines[0].get_xydata().tolist() == [[0, 0], [0.25, 1], [0.5, 3], [0.75, 2], [1, 1]]
    assert axis.lines[0].get_marker() == "o"


def test_denoisers_stand_side_by_side_over_the_line_of_no_change():
    panels = {"t = 0.2": {"best": np.tanh(X), "network": np.tanh(X) + 0.1},
              "t = 0.8": {"best": np.sign(X), "network": np.tanh(3 * X)}}
    axes = presentable(pictures.denoisers(X, panels))
    for axis, (title, curves) in zip(axes, panels.items(), strict=True):
        assert lines(axis) == {"no change": X.tolist()} | {name: values.tolist() for name, values in curves.items()}
        assert axis.get_title() == title and axis.get_xlim() == (-4, 4)
        assert -1.3 < axis.get_ylim()[0] < -1 and 1.1 < axis.get_ylim()[1] < 1.4
        assert [(each.get_color(), each.get_linestyle()) for each in axis.lines[1:]] == [(BLUE, "-"), (RED, "--")]
    assert legend_texts(axes[0]) == ["no change", "best", "network"]


def test_guides_have_the_slope_that_is_named_and_go_through_the_last_point():
    steps, errors = [2, 4, 8, 16], {"Euler": [0.5, 0.2, 0.1, 0.05], "odd": [1, 1, 2, 1], "Heun": [0.3, 0.1, 0.02, 1e-3]}
    axis, = presentable(pictures.orders_of_error(steps, errors, {"Euler": -1, "Heun": -2}))
    named = ["Euler (dotted: slope −1)", "odd", "Heun (dotted: slope −2)"]
    assert list(lines(axis).values()) == list(errors.values()) and [*lines(axis)] == legend_texts(axis) == named
    guides = [each for each in axis.lines if each.get_linestyle() == ":"]
    for guide, name, slope in zip(guides, ("Euler", "Heun"), (-1, -2), strict=True):
        logs = np.log(np.transpose(guide.get_data()))
        np.testing.assert_allclose(np.diff(logs[:, 1]) / np.diff(logs[:, 0]), slope)
        assert guide.get_ydata()[-1] == errors[name][-1]
    assert tick_texts(axis.get_xticklabels()) == ["2", "4", "8", "16"]
    assert (axis.get_xscale(), axis.get_yscale()) == ("log", "log") and "end point" in axis.get_ylabel()


def test_guidance_is_a_panel_for_each_measure():
    strengths, scores = [0, 1, 3], {"Fréchet distance": [12, 8, 30], "right digit": [0.9, 0.98, 1]}
    axes = presentable(pictures.guidance(strengths, scores))
    for axis, (measure, values) in zip(axes, scores.items(), strict=True):
        assert axis.lines[0].get_xydata().tolist() == [list(pair) for pair in zip(strengths, values, strict=True)]
        assert (axis.get_ylabel(), axis.get_xlabel()) == (measure, "strength of guidance w")
    *_, last = presentable(pictures.guidance(strengths, {str(name): [1, 2, 3] for name in range(4)}))
    assert not last.figure.legends and last.get_xlabel() == "strength of\nguidance w"


MODELS = ["VAE", "GAN", "hidden pixels", "normal noise"]


def rows(*values):
    return dict(zip(MODELS, values, strict=True))


def test_four_models_show_every_seed_their_average_and_what_a_model_has_not():
    scores = {"nats": rows([-94, -95], None, [-83, -82], None), "distance": rows([68, 70], [32, 30], [22], [9, 8]),
              "recall": rows([0.6, 0.7], [0.5, 0.4], [0.8, 0.9], [0.7, 0.8]), "weights": rows(9e5, 1.2e6, 6e5, 6e5),
              "seconds": rows([0.02], [0.1], [30], [4])}
    axes = presentable(pictures.four_models(scores, {"nats": "higher", "distance": "lower"},
                                            logarithmic=("distance", "weights", "seconds")))
    drawn = axes[:len(scores)]
    assert [axis.get_title() for axis in drawn] == list(scores) and not any(axis.axison for axis in axes[len(scores):])
    assert [axis.get_xscale() for axis in drawn] == ["linear", "log", "linear", "log", "log"]
    assert [axis.get_xlabel() for axis in drawn] == ["better →", "← better", " ", " ", " "]
    for place, (axis, values) in enumerate(zip(drawn, scores.values(), strict=True)):
        assert tick_texts(axis.get_yticklabels()) == (MODELS if place in (0, 4) else [""] * 4) and axis.yaxis_inverted()
        found = iter(axis.lines)
        for row, of_model in enumerate(values.values()):
            if of_model is not None:
                spread, seeds, average = (next(found) for _ in range(3))
                assert list(spread.get_xdata()) == [np.min(of_model), np.max(of_model)]
                assert seeds.get_xydata().tolist() == [[value, row] for value in np.ravel(of_model)]
                np.testing.assert_allclose(average.get_xdata(), np.mean(of_model))
                assert np.mean(average.get_ydata()) == row
        assert texts(axis) == ["–"] * list(values.values()).count(None)
        low, high = axis.get_xlim()
        assert sum(low <= tick <= high for tick in axis.get_xticks()) >= 2
    assert [text.get_position() for text in axes[0].texts] == [(0.5, 1), (0.5, 3)]
    assert len(axes[1].lines) == 12
    assert "0.9 M" in tick_texts(axes[3].get_xticklabels()) and "0.1" in tick_texts(axes[4].get_xticklabels())
    assert legend_texts(axes[0]) == ["average over seeds"]


@pytest.fixture
def asked(monkeypatch):
    """What the networks of an explorer get, and the arrays of its four images, at each redraw."""
    calls, png = {"fill": [], "denoise": [], "shown": []}, plots.MovingPicture.png
    monkeypatch.setattr(plots.MovingPicture, "png", lambda moving: calls["shown"].append(
        [np.asarray(image.get_array()) for image in moving.artists]) or png(moving))

    def fill(images, visible):
        calls["fill"].append((images, visible))
        return images / 2

    def denoise(points, time):
        calls["denoise"].append((points, time))
        return np.clip(points, 0, 1)

    return calls, explorers.destroyed(DIGITS[:5], fill, denoise)


@pytest.mark.parametrize(("share", "hidden"), [(0, 0), (30, 235), (70, 549), (100, 784)])
def test_destroyed_share_is_hidden_from_one_network_and_mixed_with_noise_for_the_other(asked, share, hidden):
    calls, explorer = asked
    explorer.draw(2, share)
    (images, visible), (points, time), shown = (calls[name][-1] for name in ("fill", "denoise", "shown"))
    assert images.shape == visible.shape == points.shape == (1, 784) and time == pytest.approx(1 - share / 100)
    assert {each.dtype for each in (images, visible, points)} == {np.dtype("float32")}
    assert set(np.unique(visible)) <= {0, 1} and np.sum(visible == 0) == hidden
    np.testing.assert_array_equal(images, visible * (DIGITS[2] > 0.5))
    sees = shown[0].reshape(784, 3)
    np.testing.assert_allclose(sees[visible[0] == 0], np.tile(to_rgb(BLUE), (hidden, 1)))
    np.testing.assert_array_equal(sees[visible[0] == 1], np.repeat(images[0, visible[0] == 1, None], 3, axis=1))
    np.testing.assert_allclose(shown[1:], [(each / 1).reshape(28, 28) for each in (
        images / 2, np.clip((points + 1) / 2, 0, 1), np.clip(points, 0, 1))], rtol=1e-6)
    noise = points[0] - time * (2 * DIGITS[2] - 1)
    assert abs(noise.mean()) < 0.1 and noise.std() == pytest.approx(share / 100, rel=0.1, abs=1e-6)


def test_more_destroyed_hides_the_same_pixels_and_others_and_keeps_the_noise_for_all_images(asked):
    calls, explorer = asked
    for number, share in ((0, 20), (0, 65), (3, 65)):
        explorer.draw(number, share)
    less, more, other = (visible[0] for _, visible in calls["fill"][-3:])
    assert np.all(more <= less) and np.array_equal(more, other)
    noises = [(points[0] - time * (2 * DIGITS[number] - 1)) / (1 - time)
              for (points, time), number in zip(calls["denoise"][-3:], (0, 0, 3), strict=True)]
    np.testing.assert_allclose(noises, np.tile(noises[0], (3, 1)), atol=1e-5)


class TestDestroyed(ExplorerContract):
    @staticmethod
    def make():
        return explorers.destroyed(np.stack([np.arange(784) % 28 / 27, np.arange(784) // 28 / 27]),
                                   lambda images, visible: (images + visible) / 2,
                                   lambda points, time: np.clip((points + time) / 2, 0, 1))

    def test_it_begins_with_the_first_image_and_seventy_percent_destroyed(self, explorer):
        number, share = (explorer.controls[name] for name in ("number", "share"))
        assert (number.value, number.min, number.max) == (0, 0, 1)
        assert (share.value, share.min, share.max, share.step) == (70, 0, 100, 5)

    def test_rows_and_columns_are_named_and_hidden_pixels_are_of_no_ink(self, explorer, monkeypatch):
        seen = []
        monkeypatch.setattr(plots.MovingPicture, "png", lambda moving: seen.extend(moving.artists) or b"")
        explorer.draw(0, 50)
        axes = [image.axes for image in seen]
        assert [axis.get_title() for axis in axes] == ["what the network sees", "what it guesses", "", ""]
        assert [axis.get_ylabel() for axis in axes] == ["hidden pixels", "", "normal noise", ""]
        drawn = np.asarray(Image.open(io.BytesIO(explorer.default)).convert("RGB"), int)
        assert np.mean(np.ptp(drawn, axis=-1) > 100) > 0.05  # coloured: neither black nor white nor grey


@pytest.mark.parametrize("shape", [(784,), (3, 28, 28), (0, 784)])
def test_images_to_destroy_are_refused_in_other_shapes(shape):
    with pytest.raises(ValueError, match=r"destroyed wants images of shape \(n, 784\), but got \("):
        explorers.destroyed(np.zeros(shape), None, None)
