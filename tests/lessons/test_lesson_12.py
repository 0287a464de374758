"""Lesson 12: counting, timing and training in pieces, against TensorFlow's own; what its pictures and explorer show."""

import socket
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.cells import lesson
from tests.drawing import DENSITY, ExplorerContract, X, line, lines, presentable, texts, widths, words_when_redrawn
from utils import plots
from utils.lesson_12 import explorers, pictures, study
from utils.models import VAE, build_decoder, build_encoder

step_operations = lesson("12").step_operations


def test_operations_of_dense_layers_are_those_of_the_products_in_tensorflow_s_graph():
    """Of a plain stack of products and its gradients; every layer that reads data spares that of its input."""
    kernels, forward = [(7, 5), (5, 4), (4, 3)], 2 * (35 + 20 + 12)
    weights = [tf.ones(shape) for shape in kernels]

    def step(values):
        with tf.GradientTape() as tape:
            tape.watch(weights)
            for weight in weights:
                values = values @ weight
        return tape.gradient(values, weights)

    assert study.count_operations(step, (6, 7)) == 6 * step_operations(kernels)
    assert [step_operations(kernels, inputs) for inputs in (0, 1, 2)] == [
        3 * forward, 3 * forward - 70, 3 * forward - 110]


def test_operations_of_convolutions_and_their_gradients_are_counted_as_by_hand():
    """Each output pixel and channel meets every weight it sees once: forward, for the weights, and for the input."""
    model = keras.Sequential([keras.Input((8, 8, 3)), keras.layers.Conv2D(5, 3, padding="same", use_bias=False),
                              keras.layers.Conv2D(4, 3, strides=2, padding="same", use_bias=False)])

    def step(images):
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(model(images))
        return tape.gradient(loss, model.trainable_variables)

    by_hand = 3 * 2 * (8 * 8 * 5 * 27 + 4 * 4 * 4 * 45)
    assert study.count_operations(step, (2, 8, 8, 3)) == pytest.approx(2 * by_hand, rel=0.02)


def test_counting_a_vae_agrees_with_counting_by_hand_says_nothing_and_moves_no_weight(capfd):
    model = VAE(build_encoder(), build_decoder())
    model.compile(keras.optimizers.SGD(1.0))
    before = model.get_weights()
    by_hand = step_operations([weight.shape for weight in model.trainable_variables if len(weight.shape) == 2])
    assert 1 < study.count_operations(model.train_step, (64, 784)) / (64 * by_hand) < 1.04
    assert capfd.readouterr().out == ""
    assert all(map(np.array_equal, model.get_weights(), before))


def test_product_speed_is_that_of_the_same_product_in_a_loop_of_one_s_own():
    """Far from exactly: a call costs more than the product, and another program may be running."""
    left, right = tf.random.normal((128, 256)), tf.random.normal((256, 256))
    product = tf.function(lambda: tf.reduce_sum(left @ right))
    shortest = min(study.interleaved({"product": lambda: product().numpy()}, 300)["product"])
    assert 0.5 < study.product_speed(128, 256) / (2 * 128 * 256**2 / shortest) < 50


def test_interleaved_calls_in_turn_and_times_each():
    called = []
    runs = {"long": lambda: (called.append("long"), time.sleep(0.02)), "short": lambda: called.append("short")}
    seconds = study.interleaved(runs, repeats=3)
    assert called == ["long", "short"] * 3
    assert min(seconds["long"]) >= 0.02 > min(seconds["short"]) and {*map(len, seconds.values())} == {3}


class Counting:
    """Stands for a compiled model: notes how many images and which batch size each `fit` was given."""

    def __init__(self):
        self.given = []

    def fit(self, images, labels=None, batch_size=None, verbose=None):
        self.given.append((len(images), batch_size))
        return SimpleNamespace(history={"loss": [float(images[0])]})


def test_trainings_are_timed_in_turn_after_their_graphs_are_built():
    first, second, images = Counting(), Counting(), np.zeros(2_000)
    timed = study.time_in_turn({"first": (first, 32), "second": (second, 64)}, images, repeats=3)
    assert {name: len(seconds) for name, seconds in timed.items()} == {"first": 3, "second": 3}
    assert first.given == [(1_280, 32)] + 3 * [(2_000, 32)] and second.given == [(1_280, 64)] + 3 * [(2_000, 64)]
    assert len(study.epoch_seconds((first, images, 8), (second, images[:10], 5))) == 2
    assert first.given[4:] == 4 * [(2_000, 8)] and second.given[4:] == 4 * [(10, 5)]


def test_fitting_in_parts_takes_three_parts_in_turn():
    network = Counting()
    thousands, losses = study.fit_in_parts(network, np.arange(3_000), np.zeros(3_000), 50, parts=4, size=1_000)
    assert thousands.tolist() == [1, 2, 3, 4] and losses == [0, 1_000, 2_000, 0] and network.given == 4 * [(1_000, 50)]


def test_a_race_begins_with_the_untrained_weights_and_leaves_them_as_they_are():
    model, untrained, images = lesson("12").build_vae(), lesson("12").build_vae(), np.ones((40, 784), "float32")
    before = untrained.get_weights()
    one, again = (study.race(model, untrained, images, 10, parts=2, size=20) for _ in range(2))
    assert one.thousands.tolist() == [0.02, 0.04] and np.all(np.diff(one.seconds) > 0)
    np.testing.assert_allclose(one.bounds, again.bounds, atol=30)  # other noise, the same start
    assert all(map(np.array_equal, untrained.get_weights(), before))
    assert study.largest_difference(model.trainable_variables, untrained.trainable_variables) > 0


def test_a_mixed_vae_computes_in_two_bytes_keeps_four_and_leaves_the_policy_alone():
    model = study.build_mixed_vae("mixed_bfloat16")
    assert keras.config.dtype_policy().name == "float32"
    assert {weight.dtype for weight in model.trainable_variables} == {"float32"}
    dense = [layer for layer in model.decoder.layers if isinstance(layer, keras.layers.Dense)]
    assert {layer.compute_dtype for layer in dense} == {"bfloat16"} and model.decoder.output.dtype == "float32"


def test_batches_from_memory_and_from_files_are_grey_values(tmp_path):
    images = np.random.default_rng(0).integers(0, 256, (300, 28, 28), dtype="uint8")
    images.tofile(tmp_path / "0.raw")
    for batches in (study.endless_batches(images), lesson("12").stream([tmp_path / "0.raw"], at_once=1)):
        first, second = batches.take(2)
        assert first.shape == second.shape == (200, 784) and first.dtype == tf.float32
        assert {tuple(row) for row in np.round(255 * first.numpy())} <= {tuple(row) for row in images.reshape(300, 784)}
    gained = study.streaming_memory(study.endless_batches(images), count=4, every=2)
    assert gained[0] == 0 and len(gained) == 3
    assert study.megabytes(tmp_path) == study.megabytes(tmp_path / "0.raw") == 300 * 784 / 1e6


def test_a_power_cut_notes_the_last_whole_epoch_and_gives_it_back():
    model, images, cut = lesson("12").build_vae(), np.ones((40, 784), "float32"), study.PowerCut(epoch=1, batch=2)
    model.fit(images, epochs=1, batch_size=10, shuffle=False, verbose=0)
    whole, state = [weight.numpy() for weight in model.trainable_variables], model.random.state.numpy()
    model = lesson("12").build_vae()
    with pytest.raises(ConnectionError, match="in the middle of epoch 2"):
        model.fit(images, epochs=3, batch_size=10, shuffle=False, verbose=0, callbacks=[cut])
    assert study.largest_difference(cut.weights, whole) == 0
    assert study.largest_difference(model.trainable_variables, whole) > 0
    study.redraw_weights(model)
    cut.restore(model)
    assert study.largest_difference(model.trainable_variables, whole) == 0
    np.testing.assert_array_equal(model.random.state.numpy(), state)
    assert study.in_one_row(whole).shape == (sum(weight.size for weight in whole),)


def test_rates_are_those_of_the_list_and_the_last_one_stays():
    rates = study.Rates([0.1, 0.3])
    np.testing.assert_allclose([rates(step) for step in (0, 1, 2, 9)], [0.1, 0.3, 0.3, 0.3], rtol=1e-6)
    np.testing.assert_allclose(study.Rates(**rates.get_config()).rates, rates.rates)


def test_one_layer_that_sees_earlier_pixels_alone_has_probabilities_that_sum_to_one():
    """Of the first three pixels, whatever the others are; no weight reaches back from a later one."""
    model = lesson("12").PixelByPixel(np.full(784, -40, "float32"))
    model.weight.assign(tf.random.stateless_normal((784, 784), seed=(0, 1)))
    model.bias.assign(tf.concat([[0.3, -0.5, 1.0], np.full(781, -1e4, "float32")], axis=0))
    images = np.zeros((8, 784), "float32")
    images[:, :3] = np.reshape(np.meshgrid(*3 * [[0, 1]]), (3, 8)).T
    assert np.exp(model(images).numpy()).sum() == pytest.approx(1, abs=1e-5)
    model.compile(keras.optimizers.Adam(0.01))
    history = model.fit(images, epochs=5, batch_size=8, verbose=0).history["log_likelihood"]
    assert history[-1] > history[0]


def test_a_server_is_asked_in_a_process_of_its_own_and_its_failure_is_told(tmp_path):
    program = "import sys, numpy as np\nnp.save(sys.argv[3], 2 * np.load(sys.argv[2]))\nprint(sys.argv[1])"
    answer, printed = study.ask_server(program, tmp_path, "artist", np.ones(3))
    assert answer.tolist() == [2, 2, 2] and printed == "artist\n"
    with pytest.raises(RuntimeError, match=r"(?s)The server stopped.*ZeroDivisionError"):
        study.ask_server("1 / 0", tmp_path, "artist", np.ones(3))


def test_clothes_that_cannot_be_fetched_are_none_and_the_time_limit_is_as_before(monkeypatch):
    def refuse():
        raise OSError("no network")

    before = socket.getdefaulttimeout()
    monkeypatch.setattr(keras.datasets.fashion_mnist, "load_data", refuse)
    assert study.fetch_fashion_mnist() is None and socket.getdefaulttimeout() == before
    pair = (np.zeros((2, 28, 28), "uint8"), np.zeros(2, "uint8"))
    monkeypatch.setattr(keras.datasets.fashion_mnist, "load_data", lambda: (pair, pair))
    assert study.fetch_fashion_mnist().test_images.shape == (2, 28, 28)


@pytest.mark.parametrize("size", [1, 7, 22, 23, 50])
def test_gradient_in_pieces_none_of_them_too_large_is_that_of_the_whole_batch(size):
    random, seen = np.random.default_rng(3), []
    weights = [tf.Variable(random.normal(size=(4, 3))), tf.Variable(random.normal(size=3))]

    def gradient_of(rows):
        seen.append(rows)
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(tf.tanh(rows[:, :4] @ weights[0] + weights[1]) * rows[:, 4:])
        return tape.gradient(loss, weights)

    rows = random.normal(size=(23, 7))
    for one, other in zip(study.gradient_accumulation(gradient_of, rows, size), gradient_of(rows), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-9)
    *pieces, _ = seen  # the last is the whole batch
    assert [piece.tolist() for piece in pieces] == [rows[at:at + size].tolist() for at in range(0, 23, size)]


def test_split_cpu_makes_devices_that_compute_and_may_be_called_again():
    code = """
from utils.runtime import start
from utils.lesson_12.study import split_cpu
import tensorflow as tf
split_cpu(2)
lesson = start("12")
split_cpu(2)
names = [device.name for device in tf.config.list_logical_devices("CPU")]
with tf.device(names[1]):
    print(len(names), (tf.constant(2.0) * 3).device)
try:
    split_cpu(3)
except RuntimeError as error:
    print(error)
"""
    result = subprocess.run([sys.executable, "-c", code], cwd=Path(__file__).parents[2], capture_output=True, text=True)
    assert not result.stderr and result.stdout.splitlines()[1:] == [
        "2 /job:localhost/replica:0/task:0/device:CPU:1",
        "split_cpu(3) comes too late: TensorFlow is at work, and sees 2. Restart the kernel, and run this cell before "
        "all others."]


def test_rate_rises_in_a_straight_line_from_the_base_to_the_scaled_rate_and_stays():
    rates = [study.scaled_learning_rate(step, 0.1, 64, 128, 4, 10) for step in range(15)]
    np.testing.assert_allclose(rates, np.minimum(np.linspace(0.1, 0.1 + 14 * 0.07, 15), 0.8), rtol=1e-12)
    assert study.scaled_learning_rate(0, 0.1, 64, 64, 8, warmup_steps=0) == pytest.approx(0.8)
    assert [study.scaled_learning_rate(step, 0.1, 64, 32, 2, 5) for step in (0, 3, 9)] == [pytest.approx(0.1)] * 3


@pytest.mark.parametrize(("function", "arguments", "says"), [
    *((study.gradient_accumulation, (np.sum, np.ones(count), size), f"but got {count} examples in pieces of {size}")
      for count, size in ((0, 4), (4, 0), (4, -1))),
    *((study.scaled_learning_rate, (3, *setting, 5), "wants positive rates, batch sizes and devices, but got")
      for setting in ((0, 64, 32, 2), (0.1, -64, 32, 2), (0.1, 64, 0, 2), (0.1, 64, 32, 0))),
    *((study.split_cpu, (devices,), "a number of devices, 1 or more, but got") for devices in (0, -1, 1.5, "2", None)),
    (explorers.batch_explorer, (1e-3, -2e-5, 1e-5), "costs of 0 seconds or more, but got .* -2e-05")])
def test_what_makes_no_sense_is_refused(function, arguments, says):
    with pytest.raises(ValueError, match=says):
        function(*arguments)


def test_roofline_shows_speeds_in_billions_between_two_roofs():
    axis, = presentable(pictures.roofline([1, 16, 256], [0.5, 8, 100], [5e9, 7e10, 6e10]))
    assert axis.get_xscale() == axis.get_yscale() == "log"
    assert line(axis, "measured").tolist() == [[0.5, 5], [8, 70], [100, 60]]
    assert [(text.get_text(), *text.xy) for text in axis.texts] == [
        ("1 row", 0.5, 5), ("16 rows", 8, 70), ("256 rows", 100, 60)]
    np.testing.assert_allclose(np.divide(*line(axis, "as fast as memory delivers").T), 0.5 / 5)
    assert set(lines(axis)["as fast as the device computes"]) == {70}


def test_floors_are_the_seconds_of_the_arithmetic_above_those_measured():
    axis, = presentable(pictures.floors({"VAE": (2.5, 5.5), "GAN": (9.0, 12.0)}))
    assert widths(axis) == [2.5, 5.5, 9, 12] and texts(axis) == ["  2.2 ×", "  1.3 ×"] and axis.yaxis_inverted()
    assert [bars.get_label() for bars in axis.containers[:2]] == ["arithmetic alone", "measured"]
    assert [text.get_text() for text in axis.get_yticklabels()] == ["VAE", "GAN"]


def test_speed_ups_compare_the_best_turns_with_the_spread_of_their_thirds_and_are_pale_where_that_reaches_1():
    turns = {"batch 128": [2, 3, 4, 9, 9, 9], "batch 512": [1, 9, 1, 8, 2, 9], "XLA": [4, 4, 3.5, 8, 8, 8],
             "batch 64": [4, 6, 8, 9, 9, 10]}
    axis, = presentable(pictures.speed_ups(turns, "batch 128"))
    np.testing.assert_allclose(widths(axis), [1, 2, 2 / 3.5, 0.5])
    for spread, wanted in zip(axis.lines, ([1, 1], [1.5, 4], [0.5, 4 / 3.5], [0.5, 0.5]), strict=False):
        np.testing.assert_allclose(spread.get_xdata(), wanted)
    assert texts(axis) == ["  1.00", "  2.00", "  0.57", "  0.50"] and axis.get_xlabel().endswith("as with batch 128")
    grey, fast, pale, slow = (bar.get_facecolor() for bar in axis.patches)
    assert fast == slow and len({grey, fast, pale}) == 3
    with pytest.raises(ValueError, match="three turns or more of each way, but got 2"):
        pictures.speed_ups({"batch 128": [1, 2, 3], "other": [1, 2]}, "batch 128")


def test_losses_are_curves_over_numbers_of_their_own_beside_their_seconds_or_megabytes():
    curves = {"first": ([1, 2, 4], [50.0, 7.0, 6.0]), "second": ([2, 3], [9.0, 10.0])}
    seconds = {"first": ([3, 4, 9], [50.0, 7.0, 6.0]), "second": ([5, 8], [9.0, 10.0])}
    races = {name: (curves[name][0], seconds[name][0], curves[name][1]) for name in curves}
    values = {name: values for name, (_, values) in curves.items()}
    by_thousands = {"first": ([1, 2, 3], values["first"]), "second": ([1, 2], values["second"])}
    by_epochs = {"first": ([1, 2, 3], values["first"]), "second": ([2, 3], values["second"])}
    path, = presentable(pictures.paths(curves, "step", "nats", logarithmic=True, limits=(1, 40)))
    epochs, = presentable(pictures.epochs(values, "nats"))
    clocks = presentable(pictures.two_clocks(races, "nats"))
    streams = presentable(pictures.streams(values, [0.0, 2.5, 2.0], 188, "nats"))
    for axis, wanted in zip((path, epochs, *clocks, *streams), (
            curves, by_epochs, curves, seconds, by_thousands, {"streamed": ([0, 3, 6], [0.0, 2.5, 2.0])}), strict=True):
        assert {name: (line(axis, name)[:, 0].tolist(), values) for name, values in lines(axis).items()} == wanted
    assert path.get_yscale() == "log" and path.get_ylim() == (1, 40)
    assert [axis.get_xlabel() for axis in clocks] == ["thousands of images seen", "seconds"]
    assert set(streams[1].lines[-1].get_ydata()) == {188} and texts(streams[1]) == ["all images at once"]


def test_flow_pushes_the_base_density_through_the_map():
    base, values = DENSITY * (4 + X), X + X**3 / 3
    axes = presentable(pictures.flow(X, base, values, base / (1 + X**2), [0.1, 0.1, 0.1, -9]))
    for axis, *curve in zip(axes, (X, X, values), (base, values, base / (1 + X**2)), strict=True):
        np.testing.assert_array_equal(axis.lines[0].get_data(), curve)
    np.testing.assert_allclose(axes[1].lines[1].get_data(), [[-2, -2, -4], [values[0], -14 / 3, -14 / 3]])
    area = np.multiply([bar.get_height() for bar in axes[2].patches], widths(axes[2]))
    assert area[30] == pytest.approx(0.75) and area.sum() == pytest.approx(1) and area[30:].sum() == area[30]


def test_epoch_costs_are_three_parts_their_sum_and_a_point_on_it():
    picture, axis = plots.canvas(height=4)
    moving = pictures.draw_epoch_costs(axis, [8, 64, 512], 60_000)
    parts = np.array([[9.0, 2.0, 0.5], [3.0, 3.0, 3.0], [1.0, 0.75, 0.5]])
    pictures.move_epoch_costs(*moving, parts, batch=64)
    presentable(picture)
    assert lines(axis) == {"steps themselves": [9, 2, 0.5], "work per image that is no arithmetic": [3, 3, 3],
                           "arithmetic": [1, 0.75, 0.5], "together": [13, 5.75, 4]}
    assert np.ravel(moving[1].get_data()).tolist() == [64, 5.75]


class TestBatchExplorer(ExplorerContract):
    make = staticmethod(lambda: explorers.batch_explorer(per_step=1e-3, per_image=2e-5, arithmetic=4e-5))

    @pytest.mark.parametrize(("batch", "work", "says"), [
        (128, 1, "469 steps: 4.07 s, of which 12% for the steps, 59% arithmetic"),
        (8, 1, "7,500 steps: 11.1 s, of which 68% for the steps, 22% arithmetic"),
        (8192, 256, "8 steps: 616 s, of which 0% for the steps, 100% arithmetic")])
    def test_says_what_an_epoch_costs_and_why(self, explorer, batch, work, says):
        """60,000 images: 1.2 s besides the arithmetic, 2.4 s of arithmetic, and a millisecond a step."""
        assert words_when_redrawn(explorer, batch=batch, work=work) == [says]
