"""Applications of a VAE against closed forms, quadrature, scikit-learn and other decoders of the same formats."""

import io
import lzma
import zlib

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers
from PIL import Image
from scipy.special import expit
from sklearn import metrics

from utils.data import binarised_test_set
from utils.lesson_11.study import (
    anomaly_score,
    bits_per_image,
    denoise,
    flip_pixels,
    hidden_pixel_sampler,
    inpaint,
    png_bits,
    roc_auc,
    roc_curve,
    score_images,
    search_latents,
    shared_bits,
    zlib_bits,
)

RNG = np.random.default_rng(11)
IMAGES = binarised_test_set()[:40]
PIXELS = 7
WEIGHTS, BIAS = 1.5 * RNG.normal(size=(1, PIXELS)).astype("float32"), RNG.normal(size=PIXELS).astype("float32")


def dense(weights, bias):
    layer = layers.Dense(weights.shape[1])
    layer.build((None, weights.shape[0]))
    layer.set_weights([weights, bias])
    return layer


def line_decoder():
    """One latent, seven pixels: posteriors can be summed up on a fine grid."""
    return keras.Sequential([keras.Input((1,)), dense(WEIGHTS, BIAS)])


def line_encoder(seed=3, deviation=0.7):
    """A poor guess at the posterior, always too sure or too wide, so that its mistakes must be made good."""
    random, images = np.random.default_rng(seed), keras.Input((PIXELS,))
    mean = dense((0.3 * random.normal(size=(PIXELS, 1))).astype("float32"), np.zeros(1, "float32"))(images)
    width = dense(np.zeros((PIXELS, 1), "float32"), np.full(1, 2 * np.log(deviation), "float32"))(images)
    return keras.Model(images, [mean, width])


def grid_of_latents():
    grid = np.linspace(-7, 7, 4_001)
    return grid, expit(grid[:, None] * WEIGHTS.astype(float) + BIAS)


def log_of_pixels(images, probabilities):
    """Return log p(x | z) pixel by pixel, (images, points, pixels), written with logarithms of probabilities."""
    return np.where(images[:, None] > 0.5, np.log(probabilities), np.log1p(-probabilities))


LINE_IMAGES = np.array([[1, 0, 1, 1, 0, 0, 1], [0, 0, 0, 1, 1, 1, 0], [1, 1, 1, 0, 0, 1, 1]], "float32")


# Anomaly scores ---------------------------------------------------------------------------------------------

def test_anomaly_score_is_minus_the_elbo_by_quadrature():
    """Many draws against Gauss-Hermite quadrature of E_q[log p(x, z) - log q(z | x)] in one dimension."""
    encoder, decoder = line_encoder(), line_decoder()
    mean, log_variance = (np.asarray(each, float) for each in encoder(LINE_IMAGES))
    nodes, weights = np.polynomial.hermite_e.hermegauss(40)
    weights = weights / weights.sum()
    latents = mean + np.exp(log_variance / 2) * nodes
    probabilities = expit(latents[..., None] * WEIGHTS[0].astype(float) + BIAS)
    likelihood = np.where(LINE_IMAGES[:, None] > 0.5, np.log(probabilities), np.log1p(-probabilities)).sum(axis=-1)
    log_ratio = -0.5 * latents**2 + 0.5 * nodes**2 + 0.5 * log_variance
    noise = np.random.default_rng(0).standard_normal((20_000, 3, 1)).astype("float32")
    # All draws of an image as so many images: one call of the decoder instead of 20,000.
    scores = anomaly_score(encoder, decoder, np.tile(LINE_IMAGES, (20_000, 1)), noise.reshape(1, -1, 1))
    scores = np.asarray(scores).reshape(20_000, 3).mean(axis=0)
    np.testing.assert_allclose(scores, -((likelihood + log_ratio) @ weights), atol=0.02)


def test_anomaly_score_averages_over_the_draws():
    encoder, decoder, noise = line_encoder(), line_decoder(), RNG.normal(size=(5, 3, 1)).astype("float32")
    one_by_one = [anomaly_score(encoder, decoder, LINE_IMAGES, noise[draw:draw + 1]) for draw in range(5)]
    scores = anomaly_score(encoder, decoder, LINE_IMAGES, noise)
    np.testing.assert_allclose(scores, np.mean(one_by_one, axis=0), rtol=1e-5)
    assert np.ptp(one_by_one, axis=0).min() > 0.05  # the draws differ, so that an average says something


@pytest.mark.parametrize("shape", [(3, 1), (2, 1, 1), (2, 3, 2)])
def test_anomaly_score_refuses_noise_that_would_broadcast(shape):
    with pytest.raises(ValueError, match=r"noise of shape \(draws, 3, 1\)"):
        anomaly_score(line_encoder(), line_decoder(), LINE_IMAGES, np.ones(shape, "float32"))


def test_scores_in_blocks_are_those_of_each_image_and_repeat_with_the_seed():
    encoder, decoder = line_encoder(), line_decoder()
    images = np.tile(LINE_IMAGES, (7, 1))
    scores = score_images(anomaly_score, encoder, decoder, images, draws=50, block=4)
    assert scores.shape == (21,) and scores.dtype == np.float32
    np.testing.assert_array_equal(scores, score_images(anomaly_score, encoder, decoder, images, draws=50, block=4))
    assert not np.array_equal(scores[:3], scores[12:15])  # noise of its own for each image
    whole = score_images(anomaly_score, encoder, decoder, images, draws=50)
    np.testing.assert_allclose(scores.reshape(7, 3).mean(axis=0), whole.reshape(7, 3).mean(axis=0), atol=0.2)


@pytest.mark.parametrize(("images", "draws", "says"), [
    (LINE_IMAGES[0], 1, r"shape \(n, pixels\)"), (LINE_IMAGES[:0], 1, "pixels"), (LINE_IMAGES, 0, "at least 1 draw")])
def test_score_images_refuses_what_it_cannot_score(images, draws, says):
    with pytest.raises(ValueError, match=says):
        score_images(anomaly_score, line_encoder(), line_decoder(), images, draws=draws)


# ROC --------------------------------------------------------------------------------------------------------

def scores_and_labels(kind):
    random = np.random.default_rng(5)
    labels = (random.random(300) < 0.2).astype(int)
    scores = random.normal(100, 20, 300) + 15 * labels
    return {"continuous": scores, "many ties": np.round(scores / 10), "all tied": 0 * scores,
            "two values": (scores > 110).astype(float), "turned": -scores}[kind], labels


KINDS = pytest.mark.parametrize("kind", ["continuous", "many ties", "all tied", "two values", "turned"])


@KINDS
def test_area_is_that_of_scikit_learn(kind):
    scores, labels = scores_and_labels(kind)
    assert roc_auc(scores, labels) == pytest.approx(metrics.roc_auc_score(labels, scores), abs=1e-12)


@KINDS
def test_curve_is_that_of_scikit_learn(kind):
    scores, labels = scores_and_labels(kind)
    false_alarms, alarms, _ = metrics.roc_curve(labels, scores, drop_intermediate=False)
    np.testing.assert_allclose(roc_curve(scores, labels), [false_alarms, alarms], atol=1e-12)


@KINDS
def test_area_under_the_curve_is_the_area_by_ranks(kind):
    scores, labels = scores_and_labels(kind)
    false_alarms, alarms = roc_curve(scores, labels)
    assert np.trapezoid(alarms, false_alarms) == pytest.approx(roc_auc(scores, labels), abs=1e-12)


@pytest.mark.parametrize("function", [roc_auc, roc_curve])
@pytest.mark.parametrize(("scores", "labels", "says"), [
    ([1.0, 2.0], [0, 0], "some of each"), ([1.0, 2.0], [3, 8], "0 \\(normal\\)"), ([1.0], [0, 1], "shape"),
    ([1.0, np.nan], [0, 1], "finite"), ([[1.0, 2.0]], [[0, 1]], "shape")])
def test_roc_refuses_what_has_no_curve(function, scores, labels, says):
    with pytest.raises(ValueError, match=says):
        function(scores, labels)


# Searching the latent space ---------------------------------------------------------------------------------

def test_search_finds_the_summit_of_each_row():
    """Two quadratic hills of different steepness a row: the summits are known."""
    summits, steepness = RNG.normal(size=(6, 2)).astype("float32"), np.array([1.0, 80.0], "float32")
    found = search_latents(lambda z: -tf.reduce_sum(steepness * (z - summits)**2, axis=-1), np.zeros((6, 2)))
    np.testing.assert_allclose(found, summits, atol=5e-4)


def test_search_of_a_row_does_not_depend_on_the_others():
    def objective(latents):
        return tf.reduce_sum(tf.sin(3 * latents) - latents**2 / 4, axis=-1)

    starts = RNG.normal(size=(5, 3)).astype("float32")
    alone = search_latents(objective, starts[2:3])
    np.testing.assert_allclose(search_latents(objective, starts)[2:3], alone, atol=1e-5)


def test_search_stays_at_the_summit_near_its_start():
    found = search_latents(lambda z: -tf.square(z[:, 0]**2 - 1), np.array([[-0.5], [0.5]]))
    np.testing.assert_allclose(found, [[-1], [1]], atol=5e-5)


@pytest.mark.parametrize("reduce", [tf.reduce_sum, lambda heights: heights[:, None]], ids=["one number", "a column"])
def test_search_refuses_an_objective_without_a_number_a_row(reduce):
    with pytest.raises(ValueError, match=r"a number a row, \(4,\), but got"):
        search_latents(lambda z: reduce(-tf.reduce_sum(z**2, axis=-1)), np.ones((4, 2)))


def test_search_refuses_a_start_without_rows():
    with pytest.raises(ValueError, match="first axis of 1"):
        search_latents(lambda z: -tf.reduce_sum(z**2, axis=-1), np.ones(3))


def summit_on_the_grid(log_pixels, visible):
    """Return the pixel probabilities at the best point of a fine grid of latents."""
    grid, probabilities = grid_of_latents()
    heights = np.sum(visible[:, None] * log_pixels, axis=-1) - grid**2 / 2
    return probabilities[np.argmax(heights, axis=-1)]


def test_inpainting_ends_at_the_best_latent_of_a_grid():
    visible = np.array([[1, 1, 1, 1, 0, 0, 0], [0, 0, 1, 0, 1, 1, 1], [0, 1, 0, 1, 0, 1, 1]], "float32")
    wanted = summit_on_the_grid(log_of_pixels(LINE_IMAGES, grid_of_latents()[1]), visible)
    filled = np.asarray(inpaint(line_decoder(), LINE_IMAGES, visible, np.zeros((3, 1), "float32")))
    np.testing.assert_array_equal(filled[visible == 1], LINE_IMAGES[visible == 1])
    np.testing.assert_allclose(filled[visible == 0], wanted[visible == 0], atol=6e-4)


def test_inpainting_does_not_look_at_hidden_pixels():
    visible = np.array([[1, 1, 1, 1, 0, 0, 0]] * 3, "float32")
    other = np.where(visible == 1, LINE_IMAGES, 1 - LINE_IMAGES)
    starts = np.zeros((3, 1), "float32")
    np.testing.assert_array_equal(inpaint(line_decoder(), LINE_IMAGES, visible, starts),
                                  inpaint(line_decoder(), other, visible, starts))


@pytest.mark.parametrize("flip", [0.05, 0.3])
def test_denoising_ends_at_the_best_latent_of_a_grid(flip):
    _, probabilities = grid_of_latents()
    log_pixels = log_of_pixels(LINE_IMAGES, (1 - flip) * probabilities + flip * (1 - probabilities))
    wanted = summit_on_the_grid(log_pixels, np.ones_like(LINE_IMAGES))
    clean = denoise(line_decoder(), LINE_IMAGES, flip, np.zeros((3, 1), "float32"))
    np.testing.assert_allclose(clean, wanted, atol=1e-3)


@pytest.mark.parametrize("flip", [0.0, 0.5, -0.1, 1.0])
def test_denoising_refuses_a_flip_from_which_nothing_can_be_learnt(flip):
    with pytest.raises(ValueError, match=r"below 0\.5 and above 0"):
        denoise(line_decoder(), LINE_IMAGES, flip, np.zeros((3, 1), "float32"))


# Drawing hidden pixels --------------------------------------------------------------------------------------

@pytest.mark.parametrize(("deviation", "tolerance"), [(0.4, 0.015), (1.2, 0.01)],
                         ids=["proposals too narrow", "proposals too wide"])
def test_drawn_hidden_pixels_have_the_posteriors_moments(deviation, tolerance):
    """4,000 chains with a wrong encoder against quadrature: p(hidden | visible), and how p(pixel | z) spreads."""
    image, visible = LINE_IMAGES[:1], np.array([[1, 1, 0, 0, 0, 0, 1]], "float32")
    grid, probabilities = grid_of_latents()
    log_joint = np.sum(visible * log_of_pixels(image, probabilities)[0], axis=-1) - grid**2 / 2
    posterior = np.exp(log_joint - log_joint.max())
    sample = hidden_pixel_sampler(line_encoder(deviation=deviation), line_decoder(), steps=160)
    drawn = np.asarray(sample(*(np.repeat(each, 4_000, axis=0) for each in (image, visible, 1 - image)), 0))
    np.testing.assert_array_equal(drawn[:, visible[0] == 1], np.repeat(image[:, visible[0] == 1], 4_000, axis=0))
    for power in (1, 2):
        wanted = posterior @ probabilities**power / posterior.sum()
        average = np.mean(drawn**power, axis=0)
        np.testing.assert_allclose(average[visible[0] == 0], wanted[visible[0] == 0], atol=tolerance)


def test_drawn_hidden_pixels_repeat_with_the_seed_and_do_not_look_at_the_truth():
    sample = hidden_pixel_sampler(line_encoder(), line_decoder(), steps=6)
    visible, starts = np.array([[1, 0, 0, 1, 0, 0, 0]] * 3, "float32"), np.ones_like(LINE_IMAGES)
    drawn = np.asarray(sample(LINE_IMAGES, visible, starts, 1))
    other = np.where(visible == 1, LINE_IMAGES, 1 - LINE_IMAGES)
    np.testing.assert_array_equal(drawn, sample(other, visible, starts, 1))
    assert not np.array_equal(drawn, sample(LINE_IMAGES, visible, starts, 2))


# Flips and masks --------------------------------------------------------------------------------------------

def test_flips_are_as_frequent_as_named_and_repeat_with_the_seed():
    noisy = flip_pixels(IMAGES, 0.2, seed=3)
    assert noisy.dtype == np.float32 and set(np.unique(noisy)) == {0, 1}
    for kind in (0, 1):
        assert np.mean(noisy[IMAGES == kind] != kind) == pytest.approx(0.2, abs=0.01)
    np.testing.assert_array_equal(noisy, flip_pixels(IMAGES, 0.2, seed=3))
    np.testing.assert_array_equal(flip_pixels(IMAGES, 0), IMAGES)
    with pytest.raises(ValueError, match="swap black and white"):
        flip_pixels(IMAGES, 0.7)


# Bits -------------------------------------------------------------------------------------------------------

def test_bits_of_fair_coins_are_one_a_pixel():
    assert bits_per_image(784 * np.log(0.5)) == pytest.approx(784)
    np.testing.assert_allclose(bits_per_image(np.log([[0.5, 0.25], [1 / 1024, 1.0]])), [[1, 2], [10, 0]])


def test_png_and_zlib_lose_nothing_and_count_what_they_write():
    """What the libraries write here again, opened by their readers, is the image; its size is what was counted."""
    for image, png, packed in zip(IMAGES, png_bits(IMAGES), zlib_bits(IMAGES), strict=True):
        file = io.BytesIO()
        Image.fromarray(image.reshape(28, 28) == 1).save(file, format="png", optimize=True)
        assert 8 * len(file.getvalue()) == png
        np.testing.assert_array_equal(np.asarray(Image.open(file)).ravel(), image == 1)
        assert Image.open(file).mode == "1"
        assert 8 * len(zlib.compress(np.packbits(image.astype(bool)).tobytes(), 9)) == packed


def test_shared_bits_are_fewer_than_those_of_single_files():
    together = shared_bits(IMAGES, lzma.compress)
    assert 100 < together < zlib_bits(IMAGES).mean() < png_bits(IMAGES).mean()
    assert shared_bits(IMAGES, lambda file: file) == 784  # packed but not compressed


@pytest.mark.parametrize("function", [png_bits, zlib_bits, lambda images: shared_bits(images, zlib.compress)])
def test_bits_are_refused_for_grey_or_unflattened_images(function):
    with pytest.raises(ValueError, match="zeros and ones"):
        function(0.5 * IMAGES)
    with pytest.raises(ValueError, match=r"\(n, 784\)"):
        function(IMAGES.reshape(-1, 28, 28))
