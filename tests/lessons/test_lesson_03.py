"""Lesson 3: Adam and its races, a convolution, a training step, and what the lesson draws of them."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers
from scipy.signal import correlate2d

from tests import drawing
from tests.drawing import DIGITS, digits_of, line, lines, presentable, texts
from utils.lesson_03 import explorers, pictures, study

RNG = np.random.default_rng(7)
IMAGES, LABELS = RNG.random((12, 6, 6, 1)).astype("float32"), RNG.integers(0, 10, 12)
POINTS = np.random.default_rng(5).normal(size=(7, 2)) * 2
CROSS_ENTROPY = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
each_surface = pytest.mark.parametrize("surface", study.LOSS_SURFACES.values(), ids=study.LOSS_SURFACES)


@each_surface
def test_slope_is_that_of_the_height_whose_lowest_is_zero(surface):
    nudges = 1e-6 * np.eye(2)
    slopes = [(surface.height(POINTS + nudge) - surface.height(POINTS - nudge)) / 2e-6 for nudge in nudges]
    np.testing.assert_allclose(surface.slope(POINTS), np.stack(slopes, axis=-1), rtol=1e-7, atol=1e-7)
    grid = np.stack(np.meshgrid(*2 * [np.linspace(-5, 5, 101)]), axis=-1)
    assert surface.height(grid).min() == pytest.approx(0, abs=1e-12)


@each_surface
def test_race_follows_the_optimisers_of_keras(surface):
    paths = study.race(surface.slope, surface.start, 25, learning_rate=0.1, momentum=0.8)
    optimizers = {"SGD": keras.optimizers.SGD(0.1), "momentum": keras.optimizers.SGD(0.1, momentum=0.8),
                  "Adam": keras.optimizers.Adam(0.1, beta_1=0.8, epsilon=1e-8)}
    for name, way in paths.items():
        point = keras.Variable(np.array(surface.start), dtype="float64")
        for visited in way:
            np.testing.assert_allclose(visited, point.numpy(), rtol=1e-4, atol=1e-4)  # Keras corrects Adam in float32
            optimizers[name].apply([keras.ops.convert_to_tensor(surface.slope(point.numpy()))], [point])
    assert [len(way) for way in paths.values()] == 3 * [26]


def test_race_from_many_starts_is_that_of_each_alone():
    valley = study.LOSS_SURFACES["turned by 45°"]
    together = study.race(valley.slope, POINTS, 12, 0.15, 0.8)
    for place, start in enumerate(POINTS):
        for name, way in study.race(valley.slope, start, 12, 0.15, 0.8).items():
            np.testing.assert_allclose(together[name][:, place], way, rtol=1e-9)


def test_valley_has_its_curvatures_along_its_axes_and_turning_it_turns_the_paths_of_all_but_adam():
    valley = study.quadratic_surface((0.5, 8.0), degrees=30, start=(2.0, 0.0))
    along, across = np.array([[np.sqrt(3), 1], [-1, np.sqrt(3)]]) / 2
    np.testing.assert_allclose(valley.height(3 * np.stack([along, across])), [0.5 * 0.5 * 9, 0.5 * 8 * 9])
    np.testing.assert_allclose(valley.start, 2 * along)
    straight, turned = study.LOSS_SURFACES["straight"], study.LOSS_SURFACES["turned by 45°"]
    before, after = (study.race(valley.slope, valley.start, 40, 0.15, 0.8) for valley in (straight, turned))
    for name in ("SGD", "momentum"):
        np.testing.assert_allclose(turned.height(after[name]), straight.height(before[name]), rtol=1e-9)
    assert turned.height(after["Adam"][-1]) > 100 * straight.height(before["Adam"][-1])


def test_first_step_of_adam_is_one_learning_rate_long_whatever_the_gradient_but_zero():
    gradient = np.array([1e-3, -2.0, 5e4, 0])
    moved, mean, square = study.adam_update(np.ones(4), gradient, np.zeros(4), np.zeros(4), step=1, learning_rate=0.01)
    np.testing.assert_allclose(moved, 1 - 0.01 * np.sign(gradient), rtol=1e-6)
    np.testing.assert_allclose(mean, 0.1 * gradient)
    np.testing.assert_allclose(square, 0.001 * gradient**2)


@pytest.mark.parametrize("shapes", [((6, 6), (3, 3)), ((9, 4), (2, 4)), ((5, 7), (1, 1)), ((3, 3), (3, 3))])
def test_convolution_is_the_valid_cross_correlation_of_scipy_and_of_a_layer_of_keras(shapes):
    image, kernel = (RNG.normal(size=shape) for shape in shapes)
    np.testing.assert_allclose(study.convolve2d(image, kernel), correlate2d(image, kernel, mode="valid"), rtol=1e-12)
    by_layer = keras.ops.conv(image[None, ..., None], kernel[..., None, None], padding="valid")
    np.testing.assert_allclose(study.convolve2d(image, kernel), np.asarray(by_layer)[0, ..., 0], rtol=1e-4, atol=1e-5)


def small_network():
    keras.utils.set_random_seed(3)
    return keras.Sequential([keras.Input((6, 6, 1)), layers.Conv2D(4, 3, use_bias=False), layers.BatchNormalization(),
                             layers.ReLU(), layers.Flatten(), layers.Dense(10)])


def test_training_step_is_that_of_fit_and_works_in_a_graph():
    ours, theirs, optimizer = small_network(), small_network(), keras.optimizers.Adam(0.01)
    loss = study.train_step(ours, optimizer, CROSS_ENTROPY, IMAGES, LABELS)
    theirs.compile(keras.optimizers.Adam(0.01), CROSS_ENTROPY)
    history = theirs.fit(IMAGES, LABELS, batch_size=12, epochs=1, shuffle=False, verbose=0).history
    assert float(loss) == pytest.approx(history["loss"][0], rel=1e-5)
    for mine, keras_own in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_allclose(mine, keras_own, rtol=1e-4, atol=1e-5)
    step = tf.function(lambda images, labels: study.train_step(ours, optimizer, CROSS_ENTROPY, images, labels))
    assert [float(step(tf.constant(IMAGES), tf.constant(LABELS))) for _ in range(20)][-1] < 0.8 * float(loss)


@pytest.mark.parametrize(("images", "labels", "match"), [
    (255 * IMAGES, LABELS, "wants images from 0 to 1, but got values from .*to_unit_range"),
    (np.where(IMAGES > 0.5, np.nan, IMAGES), LABELS, "wants images from 0 to 1, but got values from nan to nan"),
    (IMAGES, LABELS + 10, "wants labels from 0 to 9.*Number the digits from 0"),
    (IMAGES, LABELS - 3, "wants labels from 0 to 9, but got values from -"),
    (IMAGES, LABELS[:, None], r"labels of shape \(batch,\).* got \(12, 1\) for images of \(12, 6, 6, 1\).*ravel"),
    (IMAGES, LABELS[:1], r"one for each image, but got \(1,\)"),
    (IMAGES[:0], LABELS[:0], r"but got \(0,\)")])
def test_training_step_refuses_data_that_would_spoil_the_weights(images, labels, match):
    network = small_network()
    before = network.get_weights()
    with pytest.raises(ValueError, match=match):
        study.train_step(network, keras.optimizers.SGD(0.1), CROSS_ENTROPY, images, labels)
    assert all(np.array_equal(old, new) for old, new in zip(before, network.get_weights(), strict=True))


def test_counts_are_those_of_the_network_in_the_lesson():
    network = keras.Sequential([
        keras.Input((28, 28, 1)), layers.Conv2D(8, 5), layers.BatchNormalization(), layers.MaxPooling2D(2),
        layers.Conv2D(16, 3, padding="same"), layers.Flatten(), layers.Dense(10)])
    assert study.count_parameters() == tuple(layer.count_params() for layer in network.layers)


@pytest.mark.parametrize(("function", "arguments", "match"), [
    *((study.adam_update, (*map(np.ones, shapes), 1), r"wants all arrays of the parameter's shape, but got .*np\.zeros")
      for shapes in ((3, (3, 1), 3, 3), (3, 3, 1, 3), (3, 3, 3, ()), ((1, 3), 3, 3, 3))),
    *((study.adam_update, (*np.ones((4, 3)), step), f"1 for the first, but got {step}.*Begin counting at 1")
      for step in (0, -1)),
    *((study.quadratic_surface, (curvatures,), "two positive curvatures")
      for curvatures in ((1.0,), (1.0, 0.0), (1.0, -2.0), (1.0, np.nan), (1.0, 2.0, 3.0))),
    (study.convolve2d, (IMAGES[0], np.ones((3, 3))), r"rank 2, but got shapes \(6, 6, 1\) and \(3, 3\)"),
    (study.convolve2d, (np.ones((6, 6)), np.ones(3)), r"rank 2, but got shapes \(6, 6\) and \(3,\)"),
    (study.convolve2d, (np.ones((3, 3)), np.ones((6, 6))), r"got \(6, 6\) for an image of \(3, 3\).*comes first"),
    *((study.convolve2d, (np.ones((3, 3)), np.ones(shape)), "fits on the image") for shape in ((2, 4), (0, 2))),
    (pictures.agreement, ({"a": POINTS}, {"a": POINTS.T}), "same names and shapes.*fan_in, fan_out"),
    (pictures.agreement, ({"a": POINTS}, {"b": POINTS}), "same names and shapes")])
def test_what_does_not_fit_is_refused(function, arguments, match):
    with pytest.raises(ValueError, match=match):
        function(*arguments)


def test_agreement_draws_ours_across_theirs_up_and_the_share_of_each_difference():
    ours = {"first": np.array([1.0, -2.0, 3.0, 5.0]), "second": np.array([[7.0, 8.0]])}
    theirs = {"first": ours["first"] + [0, 3e-7, -3e-7, 3e-6], "second": np.array([[7.5, 8.25]])}
    left, right = presentable(pictures.agreement(ours, theirs))
    for name, array in ours.items():
        pairs = np.stack([array.ravel(), theirs[name].ravel()], axis=-1)
        assert sorted(line(left, name).tolist()) == sorted(pairs.tolist())
    steps = next(patch.get_xy() for patch in right.patches if patch.get_label() == "first")
    assert {height: steps[steps[:, 1] == height, 0].tolist()[:2] for height in (25, 50)} == {
        25: [-5.75, -5.5], 50: [-6.75, -6.5]}  # in powers of ten; one of four numbers is equal and not shown


def test_races_draw_each_way_on_contours_above_and_its_heights_below_and_one_that_diverges_leaves():
    height, slope, start = study.LOSS_SURFACES["bent"]
    paths = {name: np.array([start, (-3, up), (-2, 2 * up)]) for up, name in enumerate(("SGD", "momentum", "Adam"))}
    other, away = study.race(slope, start, 9, 0.1), np.array([[1, 1], [1e5, 1], [1e9, 1], [np.inf, np.nan]])
    above, right, ways, below, _, heights = presentable(pictures.races({
        "one": (height, paths), "two": (height, other),
        "three": (study.LOSS_SURFACES["straight"].height, {"SGD": away, "momentum": away[:1], "Adam": away[:2]})}))
    for name, points in paths.items():
        np.testing.assert_allclose(line(above, name), points)
        np.testing.assert_allclose(line(below, name), np.stack([range(3), height(points)], axis=-1))
    assert (above.get_title(), right.get_title()) == ("one", "two")
    np.testing.assert_allclose(line(right, "Adam"), other["Adam"])
    assert below.get_yscale() == "log" and above.lines[-1].get_xydata().tolist() == [list(start)]
    contours, = above.collections
    found = {level: height(path.vertices) for level, path in zip(contours.levels, contours.get_paths(), strict=True)}
    assert all(np.allclose(found[level], level, rtol=0.02) and len(found[level]) for level in (0.3, 0.8, 2, 5))
    assert (*above.get_xlim(), *above.get_ylim()) == (-4.6, 1.6, -3.6, 2.4)
    assert np.isfinite(line(ways, "SGD")[:, 0]).tolist() == [True, True, False, False]
    assert line(heights, "Adam")[0, 1] == pytest.approx(0.5 * (0.1 + 10))


def test_schedules_draw_rates_by_step_and_curves_by_epoch():
    rates, curves = {"constant": [2, 2, 2], "falling": [3, 2, 0.5]}, {"constant": [5, 4], "falling": [6, 1]}
    left, right = presentable(pictures.schedules([0, 10, 30], rates, curves, "loss in nats"))
    assert line(left, "falling").tolist() == [[0, 3], [10, 2], [30, 0.5]] and lines(left) == rates
    assert line(right, "falling").tolist() == [[1, 6], [2, 1]] and lines(right) == curves


def test_overfitting_marks_the_lowest_validation_loss_of_each_model():
    histories = {"plain": {"loss": [3, 2, 1], "val_loss": [4, 2, 2.5]},
                 "dropout": {"loss": [5, 4, 3], "val_loss": [6, 5, 4.5]}}
    axes = presentable(pictures.overfitting(histories, "loss in nats"))
    for axis, (name, history), lowest in zip(axes, histories.items(), ([2, 2], [3, 4.5]), strict=True):
        assert axis.get_title() == name
        assert lines(axis) == {"training": history["loss"], "validation": history["val_loss"]}
        assert axis.lines[-1].get_xydata().tolist() == [lowest]
    assert axes[0].get_ylim() == (0, 9)


def test_convolution_shows_all_numbers_and_outlines_a_patch_and_its_sum():
    image, kernel = np.array([[1, -2, 3, 4], [5, 6, 7, -0.04]]), np.array([[0.5], [-1]])
    axes = presentable(pictures.convolution(image, kernel, study.convolve2d(image, kernel), (0, 2)))
    assert [texts(axis) for axis in axes] == [["1.0", "−2.0", "3.0", "4.0", "5.0", "6.0", "7.0", "0.0"],
                                              ["0.5", "−1.0"], ["−4.5", "−7.0", "−5.5", "2.0"]]
    assert [text.get_position() for text in axes[0].texts[2:6]] == [(2, 0), (3, 0), (0, 1), (1, 1)]  # column, row
    assert [box.get_bbox().bounds for axis in axes for box in axis.patches] == [
        (1.5, -0.5, 1, 2), (-0.5, -0.5, 1, 2), (1.5, -0.5, 1, 1)]


def test_feature_maps_stand_beside_their_image_white_at_zero():
    maps = {"edges": RNG.normal(size=(5, 4)), "average": 3 + RNG.random((6, 6))}
    first, *axes = presentable(pictures.feature_maps(DIGITS[0].reshape(28, 28), maps))
    np.testing.assert_allclose(digits_of(first), DIGITS[:1], rtol=1e-6)
    for axis, (name, values) in zip(axes, maps.items(), strict=False):
        assert axis.get_title() == name and np.array_equal(axis.images[0].get_array(), values)
        assert axis.images[0].get_clim() == (-np.abs(values).max(), np.abs(values).max())


def test_receptive_field_is_outlined_where_the_unit_sees_something():
    field = np.pad(np.ones((5, 9)), ((9, 14), (3, 16)))
    axes = presentable(pictures.receptive_fields(DIGITS[0].reshape(28, 28), {"5 × 9": field, "9 × 5": field.T}))
    outlines = [box.get_bbox().bounds for axis in axes for box in axis.patches]
    assert outlines == [(3.5, 9.5, 9, 5), (9.5, 3.5, 5, 9)]  # a mosaic has one line of white before the first pixel


def test_rate_sweeps_draw_median_and_middle_half_of_the_starts_and_mark_the_best_rate():
    rates, ends = np.array([0.01, 0.1, 1.0]), np.array([[4.0, 1, 3, 2, 9], [1, 0.2, 0.3, 0.4, 0.5], [7, 7, 8, 9, 90]])
    sweeps = {"one": dict.fromkeys(("SGD", "momentum"), ends) | {"Adam": ends[::-1]}}
    axis, = presentable(pictures.rate_sweeps(rates, sweeps | {"two": sweeps["one"]}))[:1]
    np.testing.assert_allclose(line(axis, "SGD"), np.stack([rates, [3, 0.4, 8]], axis=-1))
    np.testing.assert_allclose(line(axis, "Adam")[:, 1], [8, 0.4, 3])
    assert [curve.get_markevery() for curve in axis.lines] == 3 * [[1]]
    band = axis.collections[0].get_paths()[0].vertices
    assert all(band[band[:, 0] == rate, 1].min() == low and band[band[:, 0] == rate, 1].max() == high
               for rate, low, high in ((0.01, 2, 4), (0.1, 0.3, 0.5), (1.0, 7, 9)))
    assert (axis.get_title(), axis.get_xscale(), axis.get_yscale()) == ("one", "log", "log")


def test_trust_draws_how_sure_and_how_often_right_in_percent():
    axis, = presentable(pictures.trust({"test images": (0.99, 0.75), "moved": (0.25, 0.5), "noise": (None, 0.6)}))
    assert [bars.get_label() for bars in axis.containers] == ["how sure it is", "how often right"]
    np.testing.assert_allclose(drawing.widths(axis), [75, 50, 60, 99, 25, 0])
    assert [text.get_text() for text in axis.get_yticklabels()] == ["test images", "moved", "noise"]
    assert axis.texts[0].get_position()[1] == 2.19 and axis.yaxis_inverted()


def test_final_heights_are_those_of_the_last_points(capsys):
    valleys = {name: study.LOSS_SURFACES[name] for name in ("straight", "turned by 45°")}
    paths = {name: study.race(valley.slope, valley.start, 40, 0.15, 0.8) for name, valley in valleys.items()}
    before, after = study.final_heights(valleys, paths)
    assert before["SGD"] == pytest.approx(after["SGD"]) and after["Adam"] > 300 * before["Adam"]
    assert before["Adam"] == valleys["straight"].height(paths["straight"]["Adam"][-1])
    assert "SGD       height after 40 steps: 0.2388 in the straight valley" in capsys.readouterr().out


def test_race_runs_on_the_update_that_it_is_given():
    def stays(parameter, gradient, mean, square, *settings):
        return parameter, mean, square

    paths = study.race(lambda point: 2 * point, (1.0, 2.0), 3, 0.1, adam=stays)
    assert np.all(paths["Adam"] == [1.0, 2.0]) and np.all(paths["SGD"][1:] < paths["SGD"][:-1])


def test_gain_of_a_remedy_is_the_least_of_all_seeds_each_at_its_best_epoch(capsys):
    def history(losses):
        return {"val_loss": losses, "val_accuracy": [0.5] * len(losses)}

    trained = {("nothing added", 1): [9, 5, 6], ("dropout", 1): [4.5, 7], ("nothing added", 2): [8, 7],
               ("dropout", 2): [4, 9]}
    fitted = {"nothing added": history([3, 2, 4]), "dropout": history([1, 1.2])}
    gains = study.least_gains(lambda name, seed: history(trained[name, seed]), fitted, seeds=(1, 2))
    assert gains == {"dropout": 0.5}
    study.print_lowest_losses(fitted)
    said = capsys.readouterr().out
    assert "nothing added  lowest validation loss 2.000 nats after epoch  2, at the end 4.000" in said


def test_misread_images_come_first_where_both_are_wrong(capsys):
    labels, yours, judged = np.array([[1, 2, 3, 4], [1, 0, 3, 9], [1, 2, 8, 9]])
    places, captions = study.misread(yours, judged, labels, count=2)
    assert places.tolist() == [3, 1] and captions == ["is 4\nyours 9\njudge 9", "is 2\nyours 0\njudge 2"]
    assert "3 test images are misread by at least one of the two, 1 by both" in capsys.readouterr().out


class TestOptimiserRace(drawing.ExplorerContract):
    make = staticmethod(explorers.optimiser_race)

    @pytest.mark.parametrize(("learning_rate", "momentum", "says"), [
        (-0.8, 0.8, "SGD never, momentum 29, Adam 34"), (-0.3, 0.5, "SGD never, momentum never")])
    def test_race_says_who_arrived_and_when(self, explorer, learning_rate, momentum, says):
        said, = drawing.words_when_redrawn(explorer, learning_rate=learning_rate, momentum=momentum)
        assert says in said
