"""Lesson 11: its study against closed forms, quadrature and other libraries, its pictures and its explorer."""

import functools
import io
import lzma
import zlib

import keras
import numpy as np
import pytest
import tensorflow as tf
from matplotlib.image import AxesImage
from matplotlib.patches import Polygon, Rectangle
from PIL import Image
from scipy.special import expit
from sklearn import metrics

from tests import drawing
from tests.drawing import DIGITS, digits_of, heights, line, lines, presentable, texts, widths
from utils import losses, plots
from utils.data import binarised_test_set
from utils.lesson_11 import explorers, pictures, study

RNG = np.random.default_rng(11)
IMAGES = binarised_test_set()[:40]
PIXELS = 7
WEIGHTS, BIAS = 1.5 * RNG.normal(size=(1, PIXELS)).astype("float32"), RNG.normal(size=PIXELS).astype("float32")
LINE_IMAGES = np.array([[1, 0, 1, 1, 0, 0, 1], [0, 0, 0, 1, 1, 1, 0], [1, 1, 1, 0, 0, 1, 1]], "float32")
GUESS = 0.3 * RNG.normal(size=(PIXELS, 1)).astype("float32")
STARTS = np.zeros((3, 1), "float32")
GRID = np.linspace(-7, 7, 4_001)
PROBABILITIES = expit(GRID[:, None] * WEIGHTS.astype(float) + BIAS)
WITH_HOLES = np.repeat(RNG.random((9, 28, 7)) < 0.3, 4, axis=-1).reshape(9, 784)


def decoder(latents):
    """Of one latent, so that a fine grid sums up posteriors."""
    return latents @ WEIGHTS + BIAS


def encoder(images, log_variance=-0.7):
    """A poor guess at the posterior, always too sure or too wide, so that its mistakes must be made good."""
    mean = images @ GUESS
    return mean, 0 * mean + log_variance


score = functools.partial(study.anomaly_score, encoder, decoder, LINE_IMAGES)


def log_of_pixels(images, probabilities=PROBABILITIES):
    """Return log p(x | z) pixel by pixel, (images, points, pixels), written with logarithms of probabilities."""
    return np.where(images[:, None] > 0.5, np.log(probabilities), np.log1p(-probabilities))


def test_anomaly_score_is_minus_the_elbo():
    """E_q[log p(x, z) - log q(z | x)] summed up on the grid, and the score by Gauss and Hermite's nodes for noise."""
    mean, log_variance = (np.asarray(each, float) for each in encoder(LINE_IMAGES))
    log_q = -0.5 * ((GRID - mean)**2 / np.exp(log_variance) + log_variance + np.log(2 * np.pi))
    log_joint = log_of_pixels(LINE_IMAGES).sum(axis=-1) - 0.5 * (GRID**2 + np.log(2 * np.pi))
    elbo = np.sum(np.exp(log_q) * (log_joint - log_q), axis=-1) * (GRID[1] - GRID[0])
    nodes, weights = np.polynomial.hermite_e.hermegauss(20)
    scores = [score(np.full((1, 3, 1), node, "float32")) for node in nodes]
    np.testing.assert_allclose(weights @ scores / weights.sum(), -elbo, atol=1e-5)


def test_anomaly_score_averages_over_the_draws():
    noise = np.random.default_rng(1).normal(size=(5, 3, 1)).astype("float32")
    scores, *one_by_one = (score(draws) for draws in (noise, *noise[:, None]))
    np.testing.assert_allclose(scores, np.mean(one_by_one, axis=0), rtol=1e-5)
    assert np.ptp(one_by_one, axis=0).min() > 0.05  # the draws differ, so that an average says something


def test_scores_in_blocks_are_those_of_each_image_and_repeat_with_the_seed():
    images = np.tile(LINE_IMAGES, (7, 1))
    whole, scores, again = (study.score_images(study.anomaly_score, encoder, decoder, images, draws=50, block=block)
                            for block in (21, 4, 4))
    assert scores.shape == (21,) and scores.dtype == np.float32
    np.testing.assert_array_equal(scores, again)
    assert not np.array_equal(scores[:3], scores[12:15])  # noise of its own for each image
    np.testing.assert_allclose(scores.reshape(7, 3).mean(axis=0), whole.reshape(7, 3).mean(axis=0), atol=0.2)


@pytest.mark.parametrize("change", [
    lambda scores: scores, lambda scores: np.round(scores / 10), lambda scores: 0 * scores,
    lambda scores: (scores > 110).astype(float), lambda scores: -scores
], ids=["continuous", "many ties", "all tied", "two values", "turned"])
def test_curve_and_area_are_those_of_scikit_learn(change):
    random = np.random.default_rng(5)
    labels = (random.random(300) < 0.2).astype(int)
    scores = change(random.normal(100, 20, 300) + 15 * labels)
    false_alarms, alarms, _ = metrics.roc_curve(labels, scores, drop_intermediate=False)
    np.testing.assert_allclose(study.roc_curve(scores, labels), [false_alarms, alarms], atol=1e-12)
    assert study.roc_auc(scores, labels) == pytest.approx(metrics.roc_auc_score(labels, scores), abs=1e-12)


def test_search_goes_where_keras_adam_goes():
    """In few steps, after which neither has come to rest: there a bias of the averages shows."""
    weights = np.random.default_rng(2).normal(size=(2, PIXELS)).astype("float32")

    def objective(latents):
        return losses.bernoulli_log_likelihood(LINE_IMAGES, latents @ weights + BIAS)

    starts = np.array([[1.0, -0.5], [0.2, 1.5], [-1.0, 0.0]], "float32")
    latents, rate = keras.Variable(starts), keras.optimizers.schedules.CosineDecay(0.05, 12)
    adam = keras.optimizers.Adam(rate, beta_2=0.99, epsilon=1e-8)
    for _ in range(12):
        with tf.GradientTape() as tape:
            loss = -tf.reduce_sum(objective(latents.value))
        adam.apply(tape.gradient(loss, [latents.value]), [latents])
    found = study.search_latents(objective, starts, steps=12, learning_rate=0.05)
    np.testing.assert_allclose(found, latents, atol=1e-6)
    assert np.abs(found - starts).min() > 0.05


def test_search_of_a_row_ends_at_the_summit_near_its_start_on_hills_steep_and_flat_whatever_the_others_do():
    summits, steepness = np.random.default_rng(0).uniform(-1.5, 1.5, (6, 2)), np.array([1.0, 80.0])
    found = study.search_latents(lambda z: -tf.reduce_sum(steepness * (z - summits)**2, axis=-1), np.zeros((6, 2)))
    np.testing.assert_allclose(found, summits, atol=5e-4)
    starts = np.array([[-0.5], [0.5], [1.7]])
    found, alone = (study.search_latents(lambda z: -tf.square(z[:, 0]**2 - 1), each) for each in (starts, starts[2:]))
    np.testing.assert_allclose(found, [[-1], [1], [1]], atol=2e-4)
    np.testing.assert_allclose(alone, found[2:], atol=1e-6)


def summit_on_the_grid(log_pixels, visible):
    heights = np.sum(visible[:, None] * log_pixels, axis=-1) - GRID**2 / 2
    return PROBABILITIES[np.argmax(heights, axis=-1)]


def test_inpainting_ends_at_the_best_latent_of_a_grid_and_does_not_look_at_hidden_pixels():
    visible = np.array([[1, 1, 1, 1, 0, 0, 0], [0, 0, 1, 0, 1, 1, 1], [0, 1, 0, 1, 0, 1, 1]], "float32")
    other = np.where(visible == 1, LINE_IMAGES, 1 - LINE_IMAGES)
    filled, again = (np.asarray(study.inpaint(decoder, images, visible, STARTS)) for images in (LINE_IMAGES, other))
    wanted = np.where(visible == 1, LINE_IMAGES, summit_on_the_grid(log_of_pixels(LINE_IMAGES), visible))
    np.testing.assert_allclose(filled, wanted, atol=6e-4)
    np.testing.assert_array_equal(filled[visible == 1], LINE_IMAGES[visible == 1])
    np.testing.assert_array_equal(again, filled)


@pytest.mark.parametrize("flip", [0.05, 0.3])
def test_denoising_ends_at_the_best_latent_of_a_grid(flip):
    log_pixels = log_of_pixels(LINE_IMAGES, (1 - flip) * PROBABILITIES + flip * (1 - PROBABILITIES))
    wanted = summit_on_the_grid(log_pixels, np.ones_like(LINE_IMAGES))
    np.testing.assert_allclose(study.denoise(decoder, LINE_IMAGES, flip, STARTS), wanted, atol=1e-3)


@pytest.mark.parametrize(("log_variance", "tolerance"), [(-1.8, 0.015), (0.4, 0.01)],
                         ids=["proposals too narrow", "proposals too wide"])
def test_drawn_hidden_pixels_have_the_posteriors_moments(log_variance, tolerance):
    """4,000 chains with a wrong encoder against quadrature: p(hidden | visible), and how p(pixel | z) spreads."""
    image, visible = LINE_IMAGES[:1], np.array([[1, 1, 0, 0, 0, 0, 1]], "float32")
    log_joint = np.sum(visible * log_of_pixels(image)[0], axis=-1) - GRID**2 / 2
    posterior = np.exp(log_joint - log_joint.max())
    sample = study.hidden_pixel_sampler(lambda images: encoder(images, log_variance), decoder, steps=160)
    drawn = np.asarray(sample(*(np.repeat(each, 4_000, axis=0) for each in (image, visible, 1 - image)), 0))
    np.testing.assert_array_equal(drawn[:, visible[0] == 1], np.repeat(image[:, visible[0] == 1], 4_000, axis=0))
    for power in (1, 2):
        wanted = np.where(visible[0] == 1, image[0], posterior @ PROBABILITIES**power / posterior.sum())
        np.testing.assert_allclose(np.mean(drawn**power, axis=0), wanted, atol=tolerance)


def test_drawn_hidden_pixels_repeat_with_the_seed_and_do_not_look_at_the_truth():
    sample = study.hidden_pixel_sampler(encoder, decoder, steps=6)
    visible, starts = np.array([[1, 0, 0, 1, 0, 0, 0]] * 3, "float32"), np.ones_like(LINE_IMAGES)
    drawn = np.asarray(sample(LINE_IMAGES, visible, starts, 1))
    other = np.where(visible == 1, LINE_IMAGES, 1 - LINE_IMAGES)
    np.testing.assert_array_equal(drawn, sample(other, visible, starts, 1))
    assert not np.array_equal(drawn, sample(LINE_IMAGES, visible, starts, 2))


def test_flips_are_as_frequent_as_named_and_repeat_with_the_seed():
    noisy = study.flip_pixels(IMAGES, 0.2, seed=3)
    assert noisy.dtype == np.float32 and set(np.unique(noisy)) == {0, 1}
    assert [np.mean(noisy[IMAGES == kind] != kind) for kind in (0, 1)] == pytest.approx([0.2, 0.2], abs=0.01)
    np.testing.assert_array_equal(noisy, study.flip_pixels(IMAGES, 0.2, seed=3))
    np.testing.assert_array_equal(study.flip_pixels(IMAGES, 0), IMAGES)


def test_bits_of_fair_coins_are_one_a_pixel():
    assert study.bits_per_image(784 * np.log(0.5)) == pytest.approx(784)
    np.testing.assert_allclose(study.bits_per_image(np.log([[0.5, 0.25], [1 / 1024, 1.0]])), [[1, 2], [10, 0]])


def test_png_and_zlib_lose_nothing_and_count_what_they_write_which_is_more_than_when_images_share_a_file():
    """What the libraries write here again, opened by their readers, is the image; its size is what was counted."""
    png_bits, zlib_bits = study.png_bits(IMAGES), study.zlib_bits(IMAGES)
    for image, png, packed in zip(IMAGES, png_bits, zlib_bits, strict=True):
        file = io.BytesIO()
        Image.fromarray(image.reshape(28, 28) == 1).save(file, format="png", optimize=True)
        assert 8 * len(file.getvalue()) == png
        np.testing.assert_array_equal(np.asarray(Image.open(file)).ravel(), image == 1)
        assert Image.open(file).mode == "1"
        assert 8 * len(zlib.compress(np.packbits(image.astype(bool)).tobytes(), 9)) == packed
    assert 100 < study.shared_bits(IMAGES, lzma.compress) < zlib_bits.mean() < png_bits.mean()
    assert study.shared_bits(IMAGES, lambda file: file) == 784  # packed but not compressed


@pytest.mark.parametrize(("function", "arguments", "says"), [
    *((score, (np.ones(shape),), rf"noise of shape \(draws, 3, 1\), but got {says}") for shape, says in (
        ((3, 1), r"\(3, 1\)"), ((2, 1, 1), r"\(2, 1, 1\)"), ((2, 3, 2), r"\(2, 3, 2\)"))),
    *((study.score_images, (study.anomaly_score, encoder, decoder, images, draws), says) for images, draws, says in (
        (LINE_IMAGES[0], 4, r"shape \(n, pixels\)"), (LINE_IMAGES[:0], 4, r"shape \(n, pixels\)"),
        (LINE_IMAGES, 0, "at least 1 draw"))),
    *((study.roc_auc, arguments, f"roc_auc wants {says}") for *arguments, says in (
        ([1.0, 2.0], [0, 0], "labels .* some of each"),
        ([1.0, 2.0], [3, 8], r"labels 0 \(normal\) and 1 \(anomaly\), some of each, but got \[3 8\]"),
        ([1.0], [0, 1], r".* shape \(n,\), but got \(1,\) and \(2,\)"), ([[1.0, 2.0]], [[0, 1]], r".* shape \(n,\)"),
        ([1.0, np.nan], [0, 1], "finite scores"))),
    (study.roc_curve, ([1.0, np.inf], [0, 1]), "roc_curve wants finite scores"),
    *((study.search_latents, (objective, np.ones((4, 2))), r"a number a row, \(4,\), but")
      for objective in (lambda z: -tf.reduce_sum(z**2), lambda z: -z[:, :1]**2)),
    (study.search_latents, (lambda z: -z**2, np.ones(3)), "first axis of 1"),
    (study.denoise, (decoder, LINE_IMAGES, 0.0, STARTS), r"below 0\.5 and above 0, but got 0\.0"),
    (study.denoise, (decoder, LINE_IMAGES, 0.5, STARTS), r"below 0\.5 and above 0, but got 0\.5"),
    (study.flip_pixels, (IMAGES, 0.7), r"below 0\.5, but got 0\.7. Above one half, swap black and white"),
    (study.png_bits, (0.5 * IMAGES,), "png_bits wants images of zeros and ones"),
    (study.zlib_bits, (0.5 * IMAGES,), "zlib_bits wants images of zeros and ones"),
    (study.shared_bits, (IMAGES[0], zlib.compress), r"shared_bits wants images of shape \(n, pixels\)"),
    (study.png_bits, (IMAGES.T,), r"shape \(n, 784\).*but got \(784, 40\)"),
    (explorers.mask_explorer, (None, WITH_HOLES[:1]), "two images or more")])
def test_what_cannot_be_right_is_refused_in_words(function, arguments, says):
    with pytest.raises(ValueError, match=says):
        function(*arguments)


def test_lossless_lengths_are_those_of_the_compressors():
    lengths = study.lossless_lengths(IMAGES)
    assert lengths["one bit a pixel"] == 784
    assert lengths["PNG, a file each"] - lengths["PNG, without its frame"] == 8 * 57
    assert lengths["LZMA, one stream"] == study.shared_bits(IMAGES, lzma.compress)


def test_changed_images_are_moved_shrunk_and_smoothed():
    image = np.zeros((1, 28, 28), "uint8")
    image[0, 4:8, 2] = 255
    right = study.moved_to_the_right(image.reshape(1, 784), 3).reshape(28, 28)
    assert np.array_equal(np.argwhere(right), [(row, 5) for row in range(4, 8)])
    assert np.array_equal(np.argwhere(study.shrunk(image).reshape(28, 28)), [(9, 8), (10, 8)])
    assert not study.blurred(np.eye(784, dtype="float32")[[300]]).any()  # a single pixel is noise


def test_rows_hold_the_portion_asked_for_in_random_order():
    chosen = np.arange(50) % 5 == 0
    rows = study.rows_with_portion(chosen, 0.9, 1_000)
    assert len(rows) == 1_000 and chosen[rows].mean() == 0.9 and not chosen[rows[:900]].all()


def test_a_rewound_model_has_its_first_values_or_these_in_random_order():
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(4)])
    model.compile("adam", "mse")
    rewind, first = study.rewinder(model), model.get_weights()[0]
    model.fit(np.ones((8, 3)), np.ones((8, 4)), verbose=0)
    assert not np.array_equal(model.get_weights()[0], first) and model.optimizer.iterations == 1
    rewind()
    assert np.array_equal(model.get_weights()[0], first) and model.optimizer.iterations == 0
    rewind(np.random.default_rng(0))
    assert not np.array_equal(model.get_weights()[0], first)
    assert np.array_equal(np.sort(model.get_weights()[0], axis=None), np.sort(first, axis=None))


def test_readings_are_printed_and_returned(capsys):
    labels = study.judge_labels(IMAGES)
    labels[:10] = -1
    assert study.print_readings({"images": IMAGES, "again": IMAGES}, labels) == [0.75] * 2
    assert "images                       75.0%" in capsys.readouterr().out


def test_roc_draws_alarms_against_false_alarms_in_percent():
    curves = {"moved": ([0, 0.1, 0.4, 1], [0, 0.7, 0.8, 1]), "turned": ([0, 0.6, 1], [0, 0.3, 1])}
    axis, = presentable(pictures.roc(curves, normal="members", anomalies="strangers"))
    np.testing.assert_allclose(line(axis, "moved"), [(0, 0), (10, 70), (40, 80), (100, 100)])
    np.testing.assert_allclose(line(axis, "turned"), [(0, 0), (60, 30), (100, 100)])
    np.testing.assert_array_equal(axis.lines[0].get_xydata(), [(0, 0), (100, 100)])  # a score that says nothing
    assert "false alarms: members" in axis.get_xlabel() and "strangers found" in axis.get_ylabel()


def test_areas_by_digit_draws_each_area_and_mean_and_deviation_of_each_score():
    areas = {"VAE": DIGITS[0, :10], "neighbour": DIGITS[1, :10] ** 2}
    left, right = presentable(pictures.areas_by_digit(areas))
    for place, (name, values) in enumerate(areas.items()):
        np.testing.assert_allclose(line(left, name), np.transpose([np.arange(10) - 0.08 + 0.16 * place, values]))
        mean, _, (bar,) = right.containers[place].lines
        np.testing.assert_allclose(mean.get_xydata(), [(place, values.mean())])
        np.testing.assert_allclose(np.diff(bar.get_segments()[0][:, 1]), 2 * values.std(ddof=1))
    assert texts(right) == [f"{values.mean():.2f}" for values in areas.values()]
    assert texts(left) == ["a coin"] and left.lines[-1].get_ydata()[0] == 0.5


def test_score_histograms_draw_shares_of_each_group():
    groups = {"digits": [0, 0, 0, 60], "scraps": [30.5, 30.5]}
    axis, = presentable(pictures.score_histograms(groups, "nats"))
    for bars, wanted in zip(axis.containers, ({0: 75, 59: 25}, {30: 100}), strict=True):
        assert {place: bar.get_height() for place, bar in enumerate(bars) if bar.get_height()} == wanted
    outlines = {each.get_label(): {(x, y) for x, y in each.get_xy() if y} for each in axis.patches
                if isinstance(each, Polygon)}
    assert outlines == {"digits": {(0, 75), (1, 75), (59, 25), (60, 25)}, "scraps": {(30, 100), (31, 100)}}


def test_answers_draw_what_is_visible_what_was_drawn_and_shares_in_percent():
    visible, shares = DIGITS[2:4] > 0.5, np.array([np.arange(10) / 45, np.arange(10)[::-1]**2 / 285])
    axes = presentable(pictures.answers(DIGITS[:2], visible, DIGITS[4:20].reshape(2, 8, 784), shares))
    for row, (seen, drawn, bars) in enumerate([axes[:3], axes[3:]]):
        np.testing.assert_allclose(digits_of(seen), [np.where(visible[row], DIGITS[row], 0.5)], rtol=1e-6)
        np.testing.assert_allclose(digits_of(drawn), DIGITS[4 + 8 * row:12 + 8 * row], rtol=1e-6)
        np.testing.assert_allclose(heights(bars), 100 * shares[row])


def test_code_lengths_are_the_bars_from_above_and_ours_have_another_colour():
    bits = {"plain": 784, "PNG": 1200.4, "VAE": 140}
    axis, = presentable(pictures.code_lengths(bits, ours=("VAE",)))
    assert widths(axis) == list(bits.values()) and texts(axis) == ["784", "1200", "140"]
    assert [bar.get_y() + 0.31 for bar in axis.patches] == [0, 1, 2] and axis.yaxis_inverted()
    assert [each.get_text() for each in axis.get_yticklabels()] == list(bits)
    plain, png, vae = (bar.get_facecolor() for bar in axis.patches)
    assert plain == png != vae


def test_data_hunger_draws_both_bounds_against_the_number_of_images():
    axis, = presentable(pictures.data_hunger([100, 1000, 9000], [-90, -120, -131], [-165, -137, -132]))
    assert line(axis, "on the images of the training").tolist() == [[100, -90], [1000, -120], [9000, -131]]
    assert line(axis, "on other images").tolist() == [[100, -165], [1000, -137], [9000, -132]]
    assert axis.get_xscale() == "log" and axis.get_yscale() == "linear"
    assert texts(axis) == ["−90", "−120", "−131", "−165", "−137", "−132"]


def test_axis_correlations_are_drawn_by_falling_size():
    axes = presentable(pictures.axis_correlations({"trained": [0.2, -0.7, 0.1], "turned": [-0.3, 0.5, 0.4]}, 0.9))
    assert {axis.get_title(): heights(axis) for axis in axes} == {"trained": [0.7, 0.2, 0.1], "turned": [0.5, 0.4, 0.3]}
    for axis in axes:
        assert [bar.get_x() + 0.4 for bar in axis.patches] == [1, 2, 3]
        assert axis.lines[0].get_ydata() == [0.9, 0.9] and texts(axis) == ["best direction"]


def test_growing_draws_costs_against_sides_on_logarithmic_axes():
    costs = {"weights": [3e4, 2e4, 1e4], "work": [1e5, 1e6, 7e6]}
    axis, = presentable(pictures.growing([28, 64, 256], costs, "x", "y"))
    assert lines(axis) == costs
    assert line(axis, "work")[:, 0].tolist() == [28, 64, 256] and axis.get_xscale() == axis.get_yscale() == "log"


def test_bias_draws_shares_in_percent_and_what_each_digit_costs():
    costs = {"digit 7": [90, 85, 80], "others": [110, 113, 125]}
    left, right = presentable(pictures.bias([0.1, 0.5, 0.8], [0.1, 0.6, 0.97], costs))
    np.testing.assert_allclose(left.lines[1].get_xydata(), [(10, 10), (50, 60), (80, 97)])
    assert lines(right) == costs
    np.testing.assert_allclose(line(right, "others")[:, 0], [10, 50, 80])


def test_accuracies_are_drawn_in_percent_from_above_with_their_mean():
    axis, = presentable(pictures.accuracies({"real": [0.9, 0.93], "generated": [0.85, 0.86, 0.81]}))
    for row, (values, mean) in enumerate([([90, 93], 91.5), ([85, 86, 81], 84)]):
        np.testing.assert_allclose(axis.lines[2 * row].get_xydata(), [(value, row) for value in values])
        np.testing.assert_allclose(axis.lines[2 * row + 1].get_xdata(), mean)
    assert texts(axis) == ["91.5", "84.0"] and axis.yaxis_inverted()
    assert axis.get_xlabel() == "validation images read right, in percent"
    assert [each.get_text() for each in axis.get_yticklabels()] == ["real", "generated"]


class TestMask(drawing.ExplorerContract):
    make = staticmethod(lambda: explorers.mask_explorer(  # a sampler without a model: starts, shaded by the seed
        lambda images, visible, starts, seed: visible * images + (1 - visible) * starts * (1 - seed / 100), WITH_HOLES))

    @pytest.mark.parametrize(("number", "row", "column", "size"), [(0, 2, 5, 9), (8, 20, 18, 14)])
    def test_square_is_drawn_from_others_all_else_is_the_image(self, explorer, monkeypatch, number, row, column, size):
        """By chains that stay at their starts: twelve of the other eight images in turn, none of the image itself."""
        artists, png = [], plots.MovingPicture.png
        monkeypatch.setattr(plots.MovingPicture, "png", lambda moving: artists.extend(moving.artists) or png(moving))
        drawing.words_when_redrawn(explorer, number=number, row=row, column=column, size=size)
        digits = {each.axes.get_title(): each.get_array() for each in artists if isinstance(each, AxesImage)}
        true, hidden = WITH_HOLES[number].reshape(28, 28), np.zeros((28, 28), bool)
        hidden[row:row + size, column:column + size] = True
        drawn = np.delete(WITH_HOLES, number, axis=0).reshape(8, 28, 28)[np.arange(12) % 8] * (1 - number / 100)
        average = drawn.mean(axis=0)
        agreed = np.sum(np.abs(average[hidden] - 0.5) > 0.4)
        assert 0 < agreed < hidden.sum()
        assert list(digits) == ["what is visible", *(f"drawn by chain {chain}" for chain in range(1, 6)),
                                f"average of all 12; they\nagree on {agreed} of {hidden.sum()} pixels", "the image"]
        wanted = np.where(hidden, [0 * true, *drawn[:5], average, true], true)
        np.testing.assert_allclose(list(digits.values()), wanted, rtol=1e-6)
        squares = {each.get_bbox().bounds for each in artists if isinstance(each, Rectangle)}
        assert squares == {(column - 0.5, row - 0.5, min(size, 28 - column), min(size, 28 - row))}
