"""Lesson 2: what its pictures draw and what its explorer does."""

import numpy as np
import pytest

from tests.drawing import DIGITS, ExplorerContract, heights, line, lines, presentable, texts, words_when_redrawn
from utils import scratch
from utils.lesson_02 import explorers, pictures, study

X = np.linspace(-4, 4, 161)
CORNERS, XOR = np.array([[0, 0], [0, 1], [1, 0], [1, 1]]), np.array([0, 1, 1, 0])


def fold(points):
    """Two hidden neurons that put (0, 0) on (1, 1), (0, 1) at (0, 0.5) and (1, 0) at itself."""
    return np.maximum(points @ np.array([[1, -0.5], [-1, 0.5]]), 0)


def judge(hidden):
    return hidden @ np.array([1, 2]) - 0.5


def curve(axis, number=0):
    """Return the places (n, 2) of one line of an axis, by the order of drawing."""
    return axis.lines[number].get_xydata()


def shaded(axis, network):
    """Return whether the part shaded for label 1 is where a network's answer is positive, and the other where not."""
    negative, positive = (network(path.vertices) for path in axis.collections[0].get_paths())
    return negative.max() < 0.02 and positive.min() > -0.02 and positive.max() > 0.5


def test_folding_moves_the_corners_to_where_the_hidden_neurons_put_them():
    inputs, hidden = presentable(pictures.folding(CORNERS, XOR, fold, judge))
    assert curve(inputs, 0).tolist() == [[0, 0], [1, 1]] and curve(inputs, 1).tolist() == [[0, 1], [1, 0]]
    assert curve(hidden, 0).tolist() == [[0, 0], [0, 0]] and curve(hidden, 1).tolist() == [[0, 0.5], [1, 0]]
    named = {text.get_text(): text.xy for text in hidden.texts if "(" in text.get_text()}
    assert named == {"(0, 0) and (1, 1)": (0, 0), "(0, 1)": (0, 0.5), "(1, 0)": (1, 0)}
    assert shaded(inputs, lambda points: judge(fold(points))) and shaded(hidden, judge)


def test_regions_are_those_of_each_network():
    networks = {"right": lambda points: judge(fold(points)), "stuck": lambda points: points @ np.array([-1, 2])}
    axes = presentable(pictures.regions(networks, CORNERS, XOR))
    assert [axis.get_title() for axis in axes] == ["right", "stuck"]
    assert all(shaded(axis, network) for axis, network in zip(axes, networks.values(), strict=True))
    assert texts(axes[1]) == ["0", "0", "1", "1"] and curve(axes[1], 1).tolist() == [[0, 1], [1, 0]]


def test_bump_is_the_sum_of_its_parts_which_wake_up_at_their_knots():
    parts = {"relu(x + 1)": np.maximum(X + 1, 0), "−2 relu(x)": -2 * np.maximum(X, 0)}
    left, right = presentable(pictures.bump(X, parts, [-1, 0]))
    assert lines(left) == {name: part.tolist() for name, part in parts.items()}
    assert curve(left, 1).tolist() == [[-1, 0]] and curve(left, 3).tolist() == [[0, 0]]
    np.testing.assert_allclose(curve(right), np.transpose([X, parts["relu(x + 1)"] + parts["−2 relu(x)"]]))
    np.testing.assert_allclose(curve(right, 1), [[-1, 0], [0, 1]], atol=1e-12)


def test_fits_are_drawn_over_the_curve_and_errors_against_the_number_of_neurons():
    fits = {count: (np.cos(count * X), X[::count], X[::count] / count) for count in (8, 16)}
    few, many, errors = presentable(pictures.curve_fits(X, np.sin(X), fits, {4: 0.5, 8: 0.2, 16: 0.04}))
    for axis, (count, (drawn, *knots)) in zip((few, many), fits.items(), strict=True):
        assert axis.get_title() == f"{count} hidden neurons"
        assert lines(axis) == {"curve": np.sin(X).tolist(), "network": drawn.tolist()}
        np.testing.assert_array_equal(curve(axis, 2), np.transpose(knots))
    assert curve(errors).tolist() == [[4, 0.5], [8, 0.2], [16, 0.04]]
    assert errors.get_xscale() == errors.get_yscale() == "log"


def test_row_and_column_of_a_product_meet_in_one_number():
    axis, = presentable(pictures.matrix_product())
    assert texts(axis)[:8] == ["inputs", "(batch, fan_in)", "weights", "(fan_in, fan_out)", "bias", "(fan_out,)",
                               "outputs", "(batch, fan_out)"]
    blocks = [patch.get_bbox() for patch in axis.patches]
    (inputs, weights, bias, outputs), (row, column, number, result) = blocks[:4], blocks[4:]
    assert row.y0 == result.y0 and row.width == inputs.width and column.height == weights.height
    for block, part in ((weights, column), (bias, number), (outputs, result)):
        assert part.x0 - block.x0 == pytest.approx(0.55)


def test_graph_has_the_value_of_each_node_at_its_left_and_the_gradient_at_its_right():
    nodes = ("w1", "x", "w2", "a1", "a2", "h1", "h2", "y", "loss")
    values, gradients = dict(zip(nodes, range(1, 10))), dict(zip(nodes, [-0.0, *np.arange(-8.25, -0.25)]))
    axis, = presentable(pictures.computational_graph(values, gradients))
    formulas, lefts, rights = np.reshape(axis.texts[:27], (9, 3)).T
    assert [text.get_text().split(" =")[0] for text in formulas] == ["w₁", "x", "w₂", "a₁", "a₂", "h₁", "h₂", "y", "L"]
    assert [text.get_text() for text in lefts] == [f"{value}" for value in range(1, 10)]
    assert [text.get_text() for text in rights] == ["0", *(f"−{size - 0.75}" for size in range(9, 1, -1))]
    for formula, left, right in zip(formulas, lefts, rights, strict=True):
        assert left.get_position()[0] < formula.get_position()[0] < right.get_position()[0]


def test_shapes_stand_at_arrows_that_run_forward_above_and_back_below():
    axis, = presentable(pictures.network_shapes(100, (784, 512, 10)))
    said = texts(axis)
    assert [said.count(f"(100, {width})") for width in (784, 512, 10)] == [1, 2, 2]
    assert "W (784, 512)\nb (512,)" in said and "dW (512, 10)\ndb (10,)" in said and "labels\n(100,)" in said
    arrows = [patch._posA_posB for patch in axis.patches if hasattr(patch, "_posA_posB") and patch._posA_posB]
    across = sorted((start[1], end[0] > start[0]) for start, end in arrows if start[1] == end[1])
    assert [forward for _, forward in across] == [False] * 2 + [True] * 4


def test_bars_are_probabilities_and_their_gradient_which_is_green_where_negative():
    probabilities = np.arange(10) / 45
    gradient = probabilities - np.eye(10)[3]
    left, right = presentable(pictures.logit_gradient(probabilities, 3, gradient))
    assert heights(left) == [*probabilities, 1] and left.patches[10].get_center()[0] == 3
    assert heights(right) == gradient.tolist()
    red_of_bars = [bar.get_facecolor()[0] for bar in right.patches]
    assert np.argmin(red_of_bars) == 3 and red_of_bars.count(max(red_of_bars)) == 9


def test_signals_are_drawn_forward_and_backward_by_layer():
    sizes = [{"He": (0.9 * way)**np.arange(20), "0.01": (0.1 * way)**np.arange(20)} for way in (1, 0.5)]
    axes = presentable(pictures.signals(*sizes))
    for axis, wanted in zip(axes, sizes, strict=True):
        assert lines(axis) == {name: values.tolist() for name, values in wanted.items()}
        assert line(axis, "He")[:, 0].tolist() == list(range(1, 21)) and axis.get_yscale() == "log"


def test_errors_of_steps_leave_out_a_zero():
    steps = 10.0**np.arange(-9, 0)
    axis, = presentable(pictures.step_errors(steps, {"central": steps**2, "forward": np.arange(9)}))
    np.testing.assert_array_equal(line(axis, "central"), np.transpose([steps, steps**2]))
    np.testing.assert_array_equal(line(axis, "forward")[:, 1], [np.nan, *range(1, 9)])
    assert axis.get_xscale() == axis.get_yscale() == "log"


def test_maps_are_the_first_neurons_weights_each_layer_on_a_scale_around_0():
    layers = {"He": DIGITS[:9].T - 0.2, "all zero": np.zeros((784, 9))}
    axes = presentable(pictures.weight_maps(layers, neurons=8))
    for axis, (name, weights) in zip(axes, layers.items(), strict=True):
        assert [text.get_text() for text in axis.get_yticklabels()] == [name]
        image, = axis.images
        row = np.reshape(image.get_array().filled(np.nan), (30, 8, 30))[1:-1, :, 1:-1]
        np.testing.assert_array_equal(row.transpose(1, 0, 2).reshape(8, 784), weights.T[:8])
        assert image.norm(0.0) == 0.5 and image.cmap(1.0)[0] > image.cmap(1.0)[2]


def test_sizes_are_kept_by_he_and_fall_by_the_scale_in_each_layer_on_both_ways():
    forward, backward = study.sizes_through_layers(scratch.he_initialisation, {"He": 1.0, "half": 0.5}, depth=6)
    assert forward["He"][-1] / forward["He"][0] == pytest.approx(1, abs=0.5)
    np.testing.assert_allclose(np.divide(forward["half"], forward["He"]), 0.5**np.arange(1, 7))
    np.testing.assert_allclose(np.divide(backward["half"], backward["He"]), 0.5**np.arange(5, -1, -1))


def test_examination_finds_the_one_array_whose_gradient_is_wrong(capsys):
    random = np.random.default_rng(0)
    parameters = scratch.initialise((3, 4, 2), random, np.float64)
    images, labels = random.random((5, 3)), random.integers(0, 2, 5)

    def loss_of(parameters):
        return scratch.loss_and_gradients(parameters, images, labels)[0]

    gradients = scratch.loss_and_gradients(parameters, images, labels)[1]
    assert study.examine(scratch.gradient_check, loss_of, parameters, gradients) < 1e-7
    wrong = [gradients[0], (2 * gradients[1][0], gradients[1][1])]
    capsys.readouterr()
    assert study.examine(scratch.gradient_check, loss_of, parameters, wrong) == pytest.approx(0.5, abs=1e-6)
    assert "layer 2, weights  relative error 5e-01" in capsys.readouterr().out


def test_report_of_starts_counts_right_answers_and_sleeping_neurons(capsys):
    random = np.random.default_rng(1)
    awake, asleep = (scratch.initialise((4, 3, 5, 2), random) for _ in range(2))
    asleep[1] = asleep[1][0], np.full(5, -100, np.float32)  # all of layer 2 gives 0, so the answer is always 0
    started = {"awake": (awake, [2.0]), "asleep": (asleep, [3.0])}
    scores = study.report_starts(started, scratch.forward, random.random((8, 4)), np.array([0, 0, 1, 1, 1, 1, 1, 1]))
    assert scores["asleep"] == 25
    said = capsys.readouterr().out
    assert "first loss   3.00 nats, test accuracy 25.00%" in said and "100% of layer 2 asleep" in said


class TestCurveExplorer(ExplorerContract):
    make = staticmethod(explorers.curve_explorer)

    @pytest.mark.parametrize(("hidden", "waves", "layer"), [(1, 3, 1), (12, 3, 1), (40, 8, 7), (64, 2, 20)])
    def test_curve_is_fitted_as_well_as_these_hidden_neurons_can(self, explorer, hidden, waves, layer):
        """The network drawn is that of NumPy's least squares on the same hidden neurons, and so is the error."""
        said = words_when_redrawn(explorer, hidden=hidden, waves=waves, layer=layer)
        x, random = np.linspace(0, 1, 401), np.random.default_rng(layer)
        kinks, slopes = random.random(64), random.choice([-1.0, 1.0], 64)
        neurons = np.maximum(slopes[:hidden] * (x[:, None] - kinks[:hidden]), 0)
        columns, wanted = np.concatenate([np.ones((401, 1)), neurons], axis=1), np.sin(2 * np.pi * waves * x**2)
        best = columns @ np.linalg.lstsq(columns, wanted, rcond=None)[0]
        assert said == [f"{hidden} hidden neuron{'s' * (hidden > 1)}: error {np.sqrt(np.mean((best - wanted)**2)):.3f}"]
