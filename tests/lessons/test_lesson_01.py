"""Lesson 1: what its pictures draw and what its explorer does."""

import numpy as np
import pytest

from tests.drawing import DIGITS, ExplorerContract, button, digits_of, dots, heights, line, lines, presentable, texts
from tests.drawing import on_axis as drawn
from tests.drawing import words_when_redrawn as words_of
from utils.lesson_01 import explorers, pictures, study
from utils.scratch import logistic_gradient, sigmoid

X = np.linspace(-4, 4, 161)
POINTS, LABELS = np.random.default_rng(4).normal(size=(200, 2)), np.arange(200) % 2


def curve(axis, number=0):
    """Return the places (n, 2) of one line of an axis, by the order of drawing."""
    return axis.lines[number].get_xydata()


def test_parts_of_the_cell_stand_above_those_of_the_model():
    axis, = presentable(pictures.neuron_and_model())
    places = {text.get_text(): text.get_position() for text in axis.texts}
    for cell, model in {"dendrites with synapses": "inputs and weights", "cell body": "sum and bias",
                        "where spikes begin": "activation", "axon": "output"}.items():
        assert places[cell][0] == places[model][0] and places[cell][1] > 5 > 1 > places[model][1]


def test_activations_stand_above_their_derivatives_and_a_jump_is_a_gap():
    functions = {"step": (1.0 * (X > 0), 0 * X), "sine": (np.sin(X), np.cos(X) / 2)}
    step, sine, _, slope = presentable(pictures.activations(X, functions))
    assert [step.get_title(), sine.get_title(), slope.get_title()] == ["step", "sine", ""]
    np.testing.assert_array_equal(curve(sine), np.transpose([X, np.sin(X)]))
    np.testing.assert_array_equal(curve(slope), np.transpose([X, np.cos(X) / 2]))
    gap, = np.flatnonzero(np.isnan(curve(step)[:, 1]))
    assert curve(step)[gap - 1].tolist() == [0, 0] and curve(step)[gap + 1].tolist() == pytest.approx([0.05, 1])


def test_clouds_stand_as_far_apart_as_they_should():
    points, labels = study.two_clouds(4000, distance=3.0, seed=5)
    one, other = points[labels == 1], points[labels == 0]
    assert one.shape == other.shape == (2000, 2) and set(labels) == {0, 1}
    assert np.linalg.norm(one.mean(axis=0) - other.mean(axis=0)) == pytest.approx(3, abs=0.1)
    np.testing.assert_allclose([one.std(axis=0), other.std(axis=0)], 0.9, atol=0.05)
    np.testing.assert_array_equal(points, study.two_clouds(4000, distance=3.0, seed=5)[0])


def test_threes_and_eights_are_chosen_and_their_ink_is_that_of_the_window():
    images = np.zeros((5, 28, 28), np.uint8)
    images[1, 16:20, 9:15] = 255
    images[4, 16:18, 9:15] = 255  # half of it
    rows, labels = study.threes_and_eights(images, np.array([0, 8, 3, 5, 3], np.uint8))
    assert rows.shape == (3, 784) and rows.dtype == labels.dtype == np.float32 and labels.tolist() == [1, 0, 0]
    ink = study.window_ink(rows, (16, 20), (9, 15))
    assert ink.tolist() == [[1], [-1], [0]] and ink.dtype == np.float64


def test_answers_are_compared_with_shares_in_groups(capsys):
    answers, labels = np.array([0.1, 0.3, 0.9, 1.0]), np.array([0, 1, 1, 1])
    assert study.compare_with_shares(answers, labels, "8s", groups=2) == pytest.approx(0.3)
    assert capsys.readouterr().out.splitlines() == ["test images with answers around 0.20: 50% are 8s",
                                                    "test images with answers around 0.95: 100% are 8s"]


def test_telling_examples_are_the_surest_the_least_sure_and_the_worst_errors():
    sums, labels = np.array([-3.0, 2.0, 0.1, -0.2, 5.0, 1.0]), np.array([0, 0, 1, 1, 1, 0])
    assert study.telling_examples(sums, labels, count=2).tolist() == [0, 3, 4, 1, 2, 3, 1, 5]


def test_points_of_each_label_have_a_colour_and_a_shape():
    axis = drawn(pictures.draw_points, POINTS, LABELS, "points", (-3, 5))
    for label, main in ((0, 2), (1, 0)):  # blue and red, of red, green and blue
        np.testing.assert_array_equal(dots(axis, label), POINTS[LABELS == label])
        assert axis.collections[label].get_facecolor()[0, :3].argmax() == main
    assert axis.get_title() == "points" and axis.get_xlim() == axis.get_ylim() == (-3, 5)


@pytest.mark.parametrize(("weights", "bias"), [((2.0, -1.0), 3.0), ((0.0, 0.5), -1.0), ((1e-3, 0.0), 0.002)])
def test_boundary_runs_where_the_weighted_sum_is_0_and_beyond_the_plane(weights, bias):
    ends = pictures.boundary(weights, bias)
    np.testing.assert_allclose(ends @ weights + bias, 0, atol=1e-12)
    assert np.linalg.norm(ends[1] - ends[0]) > 2 * np.hypot(8, 8)


def test_neurons_are_drawn_as_boundary_weights_and_a_shade_of_their_answers():
    neurons = {"first": (np.array([1.0, 2.0]), 0.5), "second": (np.array([-1.0, 0.5]), -1.0)}
    *axes, _ = presentable(pictures.neurons_in_the_plane(POINTS, LABELS, neurons, lambda points, weights, bias:
                                                         sigmoid(points @ weights + bias)))
    assert [axis.get_title() for axis in axes] == list(neurons)
    for axis, (weights, bias) in zip(axes, neurons.values(), strict=True):
        np.testing.assert_allclose(curve(axis) @ weights + bias, 0, atol=1e-9)
        (start, end), shades = axis.patches[0]._posA_posB, axis.collections[0].get_paths()
        assert np.dot(start, weights) + bias == pytest.approx(0) and np.subtract(end, start) == pytest.approx(weights)
        assert np.all(sigmoid(shades[-1].vertices @ weights + bias) > 0.899)  # the reddest of ten


def test_perceptrons_last_boundary_is_thick_and_mistakes_are_those_of_each_pass():
    neurons = [(np.array([1.0, step - 5.5]), 1.0 + step) for step in range(12)]
    first, second, mistakes = presentable(pictures.perceptron_runs({
        "apart": (POINTS, LABELS, neurons, [9, 4, 0]), "overlapping": (POINTS, LABELS, neurons[:2], [5, 7])}))
    assert (first.get_title(), second.get_title()) == ("apart: 12 updates", "overlapping: 2 updates")
    assert len(first.lines) == 9 and [each.get_linewidth() for each in second.lines] == [2, 0.8]
    for number, (weights, bias) in enumerate(neurons[:-10:-1]):
        np.testing.assert_allclose(curve(first, number) @ weights + bias, 0, atol=1e-9)
    assert line(mistakes, "apart").tolist() == [[1, 9], [2, 4], [3, 0]] and lines(mistakes)["overlapping"] == [5, 7]


def test_surprise_falls_with_the_probability_and_each_label_has_its_loss():
    probabilities = np.linspace(0.1, 1, 9)
    surprise, loss = presentable(pictures.cross_entropy(probabilities, 2 / probabilities, X, [X + 5, 2 - X]))
    np.testing.assert_array_equal(curve(surprise), np.transpose([probabilities, 2 / probabilities]))
    assert curve(surprise, 1).tolist() == [[0.5, np.log(2)]]
    assert lines(loss) == {"label 0": (X + 5).tolist(), "label 1": (2 - X).tolist()}


def test_chain_writes_values_slopes_and_their_product():
    axis, = presentable(pictures.slope_chain(["$w_1$", "$a$", "loss"], [0.5, -0.3, 0.85], [2.0, -0.57]))
    assert texts(axis) == ["$w_1$\n0.500", "$a$\n−0.300", "loss\n0.850", "slope\n2.000", "slope\n−0.570",
                           "slope of the whole chain = 2.000 × (−0.570) = −1.140"]
    assert [text.get_position()[0] for text in axis.texts] == [0, 1, 2, 0.5, 1.5, 1]


def test_window_frames_its_pixels_in_every_image():
    axes = presentable(pictures.window(DIGITS[:3], ["a 3", "an 8", "another"], rows=(16, 20), columns=(9, 15)))
    assert [axis.get_title() for axis in axes] == ["a 3", "an 8", "another"]
    for axis, digit in zip(axes, DIGITS, strict=False):
        np.testing.assert_allclose(digits_of(axis), [digit], atol=1e-6)
        assert axis.patches[0].get_bbox().bounds == (9.5, 16.5, 6, 4)  # pixel 0 is the second of the mosaic, 0.5 to 1.5


def test_one_input_has_a_histogram_a_class_and_the_share_observed_where_there_are_50():
    inputs, ones = np.repeat([0.25, 2.1, -3.0], [100, 60, 40]), np.repeat([0, 1, 0, 1, 1], [70, 30, 15, 45, 40])
    above, below = presentable(pictures.one_input(inputs, ones, X, np.cos(X), ("ink", "a 3", "an 8")))
    bars, bins = np.reshape(heights(above), (2, 30)), [3, 15, 22]  # 30 from -4 to 4
    np.testing.assert_allclose(bars[:, bins], 100 * np.array([[0, 70 / 85, 15 / 85], [40 / 115, 30 / 115, 45 / 115]]))
    assert [text.get_text() for text in above.get_legend().get_texts()] == ["a 3", "an 8"]
    np.testing.assert_array_equal(line(below, "the neuron's probability"), np.transpose([X, np.cos(X)]))
    np.testing.assert_allclose(dots(below), [[-4 + 15.5 * 8 / 30, 0.3], [-4 + 22.5 * 8 / 30, 0.75]])
    assert (below.get_xlabel(), below.get_ylabel()) == ("ink", "probability of an 8")


def test_descents_walk_over_the_landscape_whose_lowest_point_has_a_star():
    losses = {"a": [3, 1, 2], "b": [5, 4, 3], "c": [1, 2, 9]}
    runs = {name: ([(point[:1], point[1]) for point in POINTS[start:start + 9]], losses[name])
            for start, name in enumerate(losses)}
    plane, loss = presentable(pictures.descents(
        lambda weight, bias: 0.1 + (bias - 1)**2 + (weight + 2)**2, runs, weights=(-6, 6), biases=(-3, 3)))
    for start, name in enumerate(losses):
        np.testing.assert_array_equal(line(plane, name), POINTS[start:start + 9])
    assert curve(plane, 3)[0].tolist() == pytest.approx([-2, 1])
    assert lines(loss) == losses and loss.get_yscale() == "log"


def test_weights_are_images_of_which_0_is_white_whatever_the_others_are():
    weights = {"mostly positive": np.where(np.arange(784) % 2, -5.0, np.arange(784) / 10), "other": DIGITS[0]}
    axes = presentable(pictures.weight_images(weights))[:2]
    assert [axis.get_title() for axis in axes] == list(weights)
    np.testing.assert_array_equal([axis.images[0].get_array().ravel() for axis in axes], list(weights.values()))
    image, = axes[0].images
    blue, white, red = image.cmap(image.norm([-78.2, 0.0, 78.2]))
    assert blue[0] < 0.1 and np.all(white[:3] > 0.95) and red[2] < 0.2


def test_gates_are_shaded_where_the_neuron_fires_and_xor_has_no_neuron():
    corners = np.array([[0, 0], [0, 1], [1, 0], [1, 1]])
    conjunction, xor = presentable(pictures.gates(corners, {"AND": (2, 1, -2.5), "XOR": None},
                                                  {"AND": [0, 0, 0, 1], "XOR": [0, 1, 1, 0]}))
    np.testing.assert_allclose(curve(conjunction) @ [2, 1], 2.5)
    places = np.linspace(-0.5, 1.5, 101)
    np.testing.assert_array_equal(conjunction.images[0].get_array(), 2 * places + places[:, None] > 2.5)
    assert dots(conjunction, 1).tolist() == [[1, 1]] and dots(xor, 1).tolist() == [[0, 1], [1, 0]]
    assert conjunction.images[0].origin == "lower" and not xor.lines and not xor.images


def clouds(seed):
    labels = np.arange(60) % 2
    return np.random.default_rng(seed).normal(size=(60, 2)) + 2 * labels[:, None] - 0.6, labels


class TestNeuronExplorer(ExplorerContract):
    make = staticmethod(lambda: explorers.neuron_explorer(clouds, logistic_gradient))

    @pytest.mark.parametrize(("description", "steps"), [("1 step downhill", 1), ("20 steps downhill", 20)])
    def test_buttons_lead_to_zero_and_down_the_gradient_that_was_given(self, explorer, description, steps):
        explorer.controls["seed"].value = 5
        button(explorer, "start at zero").click()
        assert words_of(explorer)[1].startswith("loss 0.693 nats")
        weights, bias, (points, labels) = np.zeros(2), 0.0, clouds(5)
        for _ in range(steps):
            of_weights, of_bias = logistic_gradient(points, labels, weights, bias)
            weights, bias = weights - of_weights, bias - of_bias
        button(explorer, description).click()
        values = [explorer.controls[name].value for name in ("first", "second", "bias")]
        np.testing.assert_allclose(values, [*weights, bias], rtol=1e-12)

    def test_hits_and_loss_are_said(self, explorer):
        said = words_of(explorer, first=2.0, second=0.0, bias=-1.0, seed=3)
        points, labels = clouds(3)
        probability = 1 / (1 + np.exp(1 - 2 * points[:, 0]))
        loss = -np.log(np.where(labels == 1, probability, 1 - probability)).mean()
        assert said[0] == f"{np.sum((probability > 0.5) == labels)} of 60 right"
        assert said[1].startswith(f"loss {loss:.3f} nats; lowest with this bias 0.")
