"""Lesson 7: bounds from weights, latents that are used, models with labels and tiles, its pictures and its explorer."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from scipy.stats import multivariate_normal, norm
from sklearn.mixture import GaussianMixture

from tests.cells import lesson
from tests.drawing import ExplorerContract, digits_of, dots, heights, line, lines, on_axis, presentable, texts
from utils import models, plots
from utils.lesson_07 import explorers, pictures, study
from utils.lesson_07.study import active_units, free_bits, kl_of_each_dimension
from utils.likelihood import importance_log_weights, log_weights_of_image
from utils.losses import importance_weighted_bound, kl_to_standard_normal

RNG = np.random.default_rng(7)
LOG_WEIGHTS = RNG.normal(-5, 2, (12, 4)).astype("float32")
MEAN, LOG_VARIANCE = RNG.normal(size=(2, 5, 3)).astype("float32")
IMAGES = np.array([[1, 0, 1], [0, 0, 1], [1, 1, 0]], "float32")
STRIPES = np.repeat(np.random.default_rng(3).random((4, 36, 7)), 112, axis=-1)  # noise would not pack


def test_bound_is_the_logarithm_of_the_average_weight_and_never_falls_with_more_samples_on_average():
    came = importance_weighted_bound(LOG_WEIGHTS)
    np.testing.assert_allclose(came, np.log(np.exp(LOG_WEIGHTS.astype(float)).mean(axis=0)), rtol=1e-6)
    np.testing.assert_allclose(importance_weighted_bound(LOG_WEIGHTS - 2000), came - 2000, atol=1e-3)  # exp() is 0
    # The theorem: averaged over all subsets of m among K samples, the bound of m is at most that of K.
    averages = [np.mean([importance_weighted_bound(LOG_WEIGHTS[:, :1][RNG.permutation(12)[:count]])
                         for _ in range(300)]) for count in (1, 3, 12)]
    assert averages[0] < averages[1] - 0.2 < averages[2] - 0.4


def linear_decoder(latents):
    return keras.ops.convert_to_tensor(latents) @ np.array([[1.0, -2.0, 0.5], [0.3, 0.8, -1.0]], "float32")


def encoder_of_two(images):
    return 0.4 * images[:, :2] - 0.1, -0.3 - 0.2 * images[:, 1:]


def test_log_weights_of_an_image_are_those_of_their_densities():
    mean, log_variance, noise = np.array([0.3, -1.0]), np.array([-0.5, 0.4]), RNG.normal(size=(6, 2))
    latents = mean + np.exp(log_variance / 2) * noise
    logits = np.asarray(linear_decoder(latents.astype("float32")), float)
    explained = np.sum(-np.log1p(np.exp(np.where(IMAGES[0] == 1, -logits, logits))), axis=1)
    densities = norm.logpdf(latents) - norm.logpdf(latents, mean, np.exp(log_variance / 2))
    came = log_weights_of_image(linear_decoder, *(keras.ops.convert_to_tensor(array, "float32")
                                                  for array in (IMAGES[0], mean, log_variance, noise)))
    np.testing.assert_allclose(came, explained + densities.sum(axis=1), atol=1e-5)


def test_importance_weights_repeat_with_the_seed_and_differ_between_images_and_seeds():
    first, again, other = (importance_log_weights(encoder_of_two, linear_decoder, np.repeat(IMAGES[:1], 3, axis=0),
                                                  samples=50, seed=seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert first.shape == (50, 3) and first.dtype == np.float32
    assert len({column.tobytes() for column in (*first.T, *other.T)}) == 6


def test_active_units_counts_dimensions_that_vary():
    means = np.stack([RNG.normal(0, 0.2, 5000), RNG.normal(3, 0.05, 5000), np.full(5000, 2.0)], axis=1)
    assert [active_units(means, threshold) for threshold in (0.001, 0.01, 0.1)] == [2, 1, 0]
    assert isinstance(active_units(means), int)


def test_prices_of_dimensions_add_up_to_the_kl_and_free_bits_charge_their_average_or_the_minimum():
    parts = kl_of_each_dimension(MEAN, LOG_VARIANCE)
    np.testing.assert_allclose(np.sum(parts, axis=1), kl_to_standard_normal(MEAN, LOG_VARIANCE), rtol=1e-5)
    np.testing.assert_allclose(parts[:, 1], kl_to_standard_normal(MEAN[:, 1:2], LOG_VARIANCE[:, 1:2]), rtol=1e-5)
    prices = keras.Variable(np.array([[0.1, 2.0, 0.9], [0.3, 4.0, 0.3]], "float32"))  # averages 0.2, 3.0, 0.6
    with tf.GradientTape() as tape:
        price = free_bits(prices.value, 0.5)
    assert float(price) == pytest.approx(0.5 + 3.0 + 0.6)
    assert float(free_bits(prices.value, 0.0)) == pytest.approx(0.2 + 3.0 + 0.6)
    np.testing.assert_allclose(tape.gradient(price, prices.value), 2 * [[0, 0.5, 0.5]])  # none is pushed below it


def test_aggregate_posterior_is_the_average_of_all_gaussians():
    latents, deviations = RNG.normal(size=(7, 3)), np.exp(LOG_VARIANCE / 2)
    density = [np.log(np.mean([np.prod(norm.pdf(latent, *gaussian)) for gaussian in zip(MEAN, deviations)]))
               for latent in latents]
    np.testing.assert_allclose(study.aggregate_log_density(latents, MEAN, LOG_VARIANCE), density, atol=1e-4)


def two_clouds():
    random, mixing = np.random.default_rng(0), np.array([[1, 0.5, 0], [0, 1, 0.3], [0, 0, 0.5]])
    return np.concatenate([random.normal(-2, 0.5, (400, 3)), random.normal(1, 1, (600, 3)) @ mixing])


@pytest.mark.filterwarnings("ignore:Best performing initialization did not converge")
def test_mixture_is_the_one_that_scikit_learn_fits_from_the_same_start():
    latents, steps = two_clouds(), 15
    mixture = study.fit_mixture(latents, 2, steps, seed=3)
    start = latents[np.random.default_rng(3).choice(len(latents), 2, replace=False)]
    theirs = GaussianMixture(2, tol=0, max_iter=steps, reg_covar=study.FLOOR, weights_init=[0.5, 0.5], means_init=start,
                             precisions_init=np.tile(np.linalg.inv(np.cov(latents.T)), (2, 1, 1))).fit(latents)
    for ours, name in zip(mixture, ("weights_", "means_", "covariances_")):
        np.testing.assert_allclose(ours, getattr(theirs, name), atol=1e-4)
    np.testing.assert_allclose(study.mixture_log_density(mixture, latents), theirs.score_samples(latents), atol=1e-3)


def test_draws_from_a_mixture_have_its_shares_averages_and_covariances():
    means, covariance = np.array([[9.0, 0.0], [-9.0, 1.0]]), np.array([[2.0, 0.9], [0.9, 0.5]])
    mixture = study.Mixture(np.array([0.2, 0.8]), means, np.stack([covariance, np.eye(2)]))
    drawn = study.draw_from_mixture(mixture, 20_000, seed=1)
    first = drawn[:, 0] > 0
    assert drawn.dtype == np.float32 and np.mean(first) == pytest.approx(0.2, abs=0.01)
    np.testing.assert_allclose([drawn[first].mean(axis=0), drawn[~first].mean(axis=0)], means, atol=0.06)
    np.testing.assert_allclose(np.cov(drawn[first].T), covariance, atol=0.1)
    np.testing.assert_allclose(study.mixture_log_density(mixture, drawn[:5]), np.log(sum(
        weight * multivariate_normal(*gaussian).pdf(drawn[:5]) for weight, *gaussian in zip(*mixture))), atol=1e-6)
    np.testing.assert_array_equal(drawn, study.draw_from_mixture(mixture, 20_000, seed=1))


def test_plane_of_classes_holds_the_directions_in_which_their_centres_differ():
    labels = np.arange(300) % 3
    means = RNG.normal(0, 0.01, (300, 4))
    means[:, 2] += np.array([0, 9, 0])[labels]
    means[:, 0] += np.array([0, 0, 4])[labels]
    np.testing.assert_allclose(np.abs(study.plane_of_classes(means, labels)) @ [0, 1, 0, 1], 0, atol=0.02)
    np.testing.assert_allclose(np.linalg.norm(study.plane_of_classes(means, labels), axis=1), 1)


class Wobbling(keras.Model):
    """Its bound's gradient is (2, 0) plus noise, of deviation 1 in each place of the encoder, 10 of the decoder."""

    def __init__(self):
        super().__init__()
        self.encoder, self.decoder = (keras.Sequential([keras.Input((2,)), keras.layers.Dense(1, use_bias=False)])
                                      for _ in range(2))
        self.random = keras.random.SeedGenerator(0)

    def call(self, images):
        bound = 0.0
        for network, noise in ((self.encoder, 1.0), (self.decoder, 10.0)):
            slope = keras.random.normal((2, 1), seed=self.random) * noise + np.array([[2.0], [0.0]], "float32")
            bound += keras.ops.sum(network.trainable_variables[0] * slope)
        return {"elbo": bound + 0 * images[:, 0]}


def test_signal_of_a_gradient_is_its_average_over_its_scatter():
    signal = study.gradient_signal(Wobbling(), np.zeros((3, 784), "float32"), draws=3000)
    assert signal.encoder == pytest.approx(2 / 2**0.5, rel=0.05) and signal.decoder == pytest.approx(0.1414, rel=0.3)


def test_bound_that_is_trained_is_that_of_its_log_weights_and_with_one_sample_the_elbo_on_average():
    weighted = lesson("07").ImportanceWeightedVAE
    images = (RNG.random((2, 784)) < 0.3).astype("float32")
    pixels = keras.Input((784,))
    encoder, decoder = keras.Model(pixels, [pixels[:, :3], pixels[:, :3] - 1]), models.build_decoder(3, widths=(4,))
    model = weighted(encoder, decoder)
    for samples in (1, 5):
        model.samples = samples
        came = np.mean([model(images)["elbo"] for _ in range(400)], axis=0)
        weights = importance_log_weights(encoder, decoder, images, samples=5 * 400)
        parts = np.split(weights, len(weights) // samples)
        wanted = np.mean([importance_weighted_bound(part) for part in parts], axis=0)
        np.testing.assert_allclose(came, wanted, atol=0.25)


def test_bound_of_each_image_averages_over_groups_of_samples():
    weights = RNG.normal(-5, 2, (6, 3)).astype("float32")
    groups = [importance_weighted_bound(weights[[first, first + 2, first + 4]]) for first in (0, 1)]
    np.testing.assert_allclose(lesson("07").bound_of_each_image(weights, 3), np.mean(groups, axis=0), rtol=1e-5)


def test_beta_weighs_the_kl_alone():
    images, pixels, terms = (RNG.random((6, 784)) < 0.3).astype("float32"), keras.Input((784,)), []
    encoder, decoder = keras.Model(pixels, [pixels[:, :3], pixels[:, :3] - 1]), models.build_decoder(3, widths=(4,))
    for beta in (1.0, 5.0):
        model = models.BetaVAE(encoder, decoder)
        model.beta = beta
        terms.append(model(images))
    np.testing.assert_allclose(terms[1]["kl"], 5 * terms[0]["kl"], rtol=1e-6)
    np.testing.assert_allclose(terms[1]["log_likelihood"], terms[0]["log_likelihood"], rtol=1e-6)


def test_conditional_vae_sees_labels_as_ten_columns_trains_on_the_bound_and_learns_what_the_label_says():
    keras.utils.set_random_seed(0)
    seen = keras.Input((794,))
    hidden = keras.layers.Dense(16, activation="silu")(seen)
    encoder = keras.Model(seen, [keras.layers.Dense(2)(hidden), keras.layers.Dense(2)(hidden)])
    model = models.ConditionalVAE(encoder, models.build_decoder(12, widths=(64,)))
    images, labels = (RNG.random((5, 784)) < 0.3).astype("float32"), np.array([1, 5, 0, 9, 2], "int32")
    np.testing.assert_array_equal(models.condition_on_label(MEAN, labels), np.hstack([MEAN, np.eye(10)[labels]]))
    terms, kl = model((images, labels)), kl_to_standard_normal(*encoder(models.condition_on_label(images, labels)))
    np.testing.assert_allclose(terms["kl"], kl, rtol=1e-5)
    np.testing.assert_allclose(terms["elbo"], terms["log_likelihood"] - kl, rtol=1e-5)
    assert np.all(np.abs(terms["log_likelihood"] + 784 * np.log(2)) < 60)  # untrained: nearly fair coins

    # Zeros are black, ones are white: after a few steps the decoder does as the label says, whatever the latent.
    model.compile(keras.optimizers.Adam(0.02))
    model.beta = 5.0
    labels = (np.arange(400) % 2).astype("int32")
    model.fit(np.tile(labels[:, None], (1, 784)).astype("float32"), labels, epochs=10, batch_size=20, verbose=0)
    latents = RNG.normal(size=(50, 2)).astype("float32")
    black, white = (keras.ops.sigmoid(model.decoder(models.condition_on_label(latents, np.full(50, label))))
                    for label in (0, 1))
    assert np.mean(black) < 0.1 and np.mean(white) > 0.9


def test_convolutional_decoder_draws_tile_by_tile_and_gives_each_pixel_a_bias_of_its_own():
    """One changed feature of one tile moves the pixels of the tiles at most two away, and no others."""
    decoder, latents = models.build_convolutional_decoder(latent_dim=7), RNG.normal(size=(3, 7)).astype("float32")
    features = next(layer for layer in decoder.layers if isinstance(layer, keras.layers.Reshape)).output
    rest, ones, other = keras.Model(features, decoder.output), *np.ones((2, 1, 7, 7, 32), "float32")
    other[0, 2, 4, 5] += 1
    rows, columns = np.nonzero(np.reshape(rest(other) - rest(ones), (28, 28)))
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (0, 19, 8, 27)
    before, bias = np.asarray(decoder(latents)), RNG.normal(size=784)
    decoder.get_layer("logits").bias.assign(bias)
    assert before.shape == (3, 784)
    np.testing.assert_allclose(decoder(latents) - before, np.tile(bias, (3, 1)), atol=1e-5)


def test_convolutional_encoder_sees_a_pixel_in_its_tile_and_the_neighbours():
    image = np.arange(784, dtype="float32").reshape(28, 28)
    tiles = models.swap_rows_and_columns(image.reshape(1, 7, 4, 7, 4))
    np.testing.assert_array_equal(np.asarray(tiles)[0, 2, 5], image[8:12, 20:24])
    np.testing.assert_array_equal(np.reshape(models.swap_rows_and_columns(tiles), (28, 28)), image)
    encoder = lesson("07").build_convolutional_encoder(latent_dim=7)
    assert [part.shape for part in encoder(RNG.random((3, 784)).astype("float32"))] == [(3, 7), (3, 7)]
    places = next(layer for layer in encoder.layers if isinstance(layer, keras.layers.Conv2D)).output
    image = np.zeros((2, 28, 28), "float32")
    image[1, 9, 21] = 1
    seen = np.asarray(keras.Model(encoder.input, places)(image.reshape(2, 784)))
    rows, columns = np.nonzero(np.any(seen[0] != seen[1], axis=-1))
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (1, 3, 4, 6)


@pytest.mark.parametrize(("function", "arguments", "match"), [
    (importance_weighted_bound, (LOG_WEIGHTS[:, 0],), r"wants log_weights of shape \(samples, n\), but got \(12,\)"),
    (importance_weighted_bound, (LOG_WEIGHTS[None],), r"but got \(1, 12, 4\)"),
    (importance_log_weights, (encoder_of_two, linear_decoder, IMAGES / 2, 5), "images of zeros and ones"),
    (importance_log_weights, (encoder_of_two, linear_decoder, IMAGES[0], 5), r"shape \(n, pixels\)"),
    (importance_log_weights, (encoder_of_two, linear_decoder, IMAGES, 0), "at least 1 sample"),
    (kl_of_each_dimension, (MEAN, MEAN[:1]), "kl_of_each_dimension wants mean and log_variance of the same shape"),
    *((active_units, (np.ones(shape),), "active_units wants means") for shape in ((3,), (1, 3), (4, 3, 1))),
    *((free_bits, (np.ones(shape), 0.5), "free_bits wants the KL of each dimension") for shape in ((3,), (2, 3, 1))),
    (study.aggregate_log_density, (MEAN, MEAN, MEAN[:, :1]), "aggregate_log_density wants means and log_variances"),
    (study.fit_mixture, (MEAN[0], 2), "fit_mixture wants latents"), (study.fit_mixture, (MEAN, 6), "and 6 components"),
    (study.gradient_signal, (None, MEAN, 1), "at least 2 draws"),
    *((models.condition_on_label, (MEAN, labels), "One label a latent, not one-hot")
      for labels in (np.eye(10)[:5], np.zeros((5, 1), int)))])
def test_what_does_not_fit_is_refused(function, arguments, match):
    with pytest.raises(ValueError, match=match):
        function(*arguments)


def test_errors_of_importance_sampling_stand_over_their_effective_sample_sizes():
    effective, errors, covered = [900, 4, 60], [-0.02, -3, 0.5], np.array([True, False, True])
    axis, = presentable(pictures.importance_check(effective, errors, [0.01, 1, 0.2], covered))
    drawn = {bars.get_label(): (bars.lines[0].get_xydata().tolist(), bars.lines[2][0].get_segments()[0][:, 1].tolist())
             for bars in axis.containers}
    assert drawn == {"the encoder covers the posterior": ([[900, -0.02], [60, 0.5]], [-0.04, 0]),
                     "it misses a part of it": ([[4, -3]], [-5, -1])}  # two standard errors
    assert (axis.get_xscale(), axis.get_yscale()) == ("log", "symlog")


def test_latent_sizes_are_drawn_beside_what_each_latent_carries_sorted_downwards():
    bounds, prices = {"ELBO": [-170, -140, -141], "L50": [-165, -139, -138]}, {"2 latents": [3, 4], "5": [0, 2, 5, 0.5]}
    left, right = presentable(pictures.latent_sizes([2, 5, 50], bounds, prices))
    assert lines(left) == bounds and line(left, "L50")[:, 0].tolist() == [2, 5, 50] and left.get_xscale() == "log"
    alone, = presentable(pictures.dimension_prices(prices))
    for axis in (right, alone, on_axis(pictures.draw_prices, prices)):
        assert lines(axis) == {"2 latents": [4, 3], "5": [5, 2, 0.5, 0]}
        assert [line(axis, name)[:, 0].tolist() for name in prices] == [[1, 2], [1, 2, 3, 4]]


def test_curve_of_rate_and_distortion_lies_between_lines_of_the_same_bound_with_its_bounds_beside_it():
    points = {"1": (1.0, 20, 90), "784": (784.0, 0, 205), "1/10": (0.1, 60, 75)}
    left, right = presentable(pictures.rate_distortion(points, {"star": (10, 120)}))
    *levels, curve, _ = left.lines
    assert curve.get_xydata().tolist() == [[0, 205], [20, 90], [60, 75]] and line(left, "star").tolist() == [[10, 120]]
    assert [np.unique(level.get_xydata().sum(axis=1).round(9)).tolist() for level in levels] == [[110], [100], [200]]
    assert [level.get_linestyle() for level in levels] == ["--", "-", "-"] and texts(left)[:2] == ["−100", "−200"]
    named = {"β = 1": (20, 90), "β = 784: cross-entropy averaged": (0, 205), "β = 1/10": (60, 75)}
    assert {text.get_text(): text.xy for text in left.texts[2:]} == named
    assert right.lines[0].get_xydata().tolist() == [[0.1, -135], [1, -110], [784, -205]]
    assert right.get_xscale() == "log" and right.lines[1].get_xdata() == [1, 1]


def test_weighted_bounds_are_drawn_over_their_counts_beside_the_gains():
    left, right = presentable(pictures.weighted_bounds([1, 5, 50], [-93, -91.5, -91], [0.5, 0.2, 0.1], [0, 1, 1, 4]))
    bars, = left.containers
    assert bars.lines[0].get_xydata().tolist() == [[1, -93], [5, -91.5], [50, -91]]
    assert [np.ptp(segment[:, 1]) for segment in bars.lines[2][0].get_segments()] == pytest.approx([2, 0.8, 0.4])
    assert texts(left) == ["−93.00", "−91.50", "−91.00"] and left.get_xscale() == "log"
    assert (heights(right)[0], heights(right)[10], heights(right)[-1], sum(heights(right))) == (1, 2, 1, 4)
    assert right.get_xlabel() == "bound of 50 samples − ELBO, in nats"


def test_gaps_between_two_sizes_are_drawn_over_the_samples_with_two_standard_errors():
    gaps, errors = {"seed 0": [-5, -2, -1], "seed 1": [-2, 0, 2]}, {"seed 0": [1, 1, 0.5], "seed 1": [1, 2, 3]}
    axis, = presentable(pictures.ruler_gaps([1, 50, 5000], gaps, errors))
    assert [bars.get_label() for bars in axis.containers] == [*gaps]
    for bars, name in zip(axis.containers, gaps):
        assert bars.lines[0].get_xydata().tolist() == [[1, gaps[name][0]], [50, gaps[name][1]], [5000, gaps[name][2]]]
        assert [np.ptp(segment[:, 1]) for segment in bars.lines[2][0].get_segments()] == [4 * e for e in errors[name]]
    assert axis.get_xscale() == "log" and [each.get_text() for each in axis.get_xticklabels()] == ["1", "50", "5,000"]


def test_latents_of_images_and_prior_lie_on_the_same_scale_beside_what_tells_them_apart():
    labels, images = np.arange(40) % 10, RNG.normal(size=(40, 2))
    gains = {"of images": np.full(8, 3.0), "of the prior": np.array([-5.0, -5, -5, 3])}
    clouds, prior, told = presentable(pictures.latent_clouds(images, labels, images[:5] + 1, gains))
    np.testing.assert_allclose(dots(clouds), images[labels == 0])
    np.testing.assert_allclose(dots(prior), images[:5] + 1)
    assert (clouds.get_xlim(), clouds.get_ylim()) == (prior.get_xlim(), prior.get_ylim())
    counted = {steps.get_label(): steps.get_xy()[:, 1] for steps in told.patches}
    assert [*counted] == [*gains] and (max(counted["of images"]), max(counted["of the prior"])) == (8, 3)


def test_signals_are_drawn_over_the_samples_on_logarithmic_axes():
    axis, = presentable(pictures.signal_to_noise([1, 5, 25], {"encoder": [0.4, 0.3, 0.2], "decoder": [0.7, 1, 1.4]}))
    assert lines(axis) == {"encoder": [0.4, 0.3, 0.2], "decoder": [0.7, 1, 1.4]}
    assert (axis.get_xscale(), axis.get_yscale()) == ("log", "log")
    assert line(axis, "encoder")[:, 0].tolist() == [1, 5, 25]


class TestBetaExplorer(ExplorerContract):
    make = staticmethod(lambda: explorers.beta_explorer({
        "1/784": (320, 86, *STRIPES[:2]), "1": (22, 110, *STRIPES[1:3]), "784": (0, 207, *STRIPES[2:])}, default="1"))

    @pytest.mark.parametrize(("beta", "place", "bound", "first"), [
        ("784", (0, 207), "207.0", 2), ("1/784", (320, 86), "406.0", 0)])
    def test_it_shows_the_place_and_the_images_of_a_model(self, explorer, monkeypatch, beta, place, bound, first):
        seen = []
        monkeypatch.setattr(plots.MovingPicture, "png", lambda picture: seen.extend(picture.artists) or b"")
        explorer.controls["beta"].value = beta
        point, back, drawn, title = seen
        assert point.get_xydata().tolist() == [list(place)] and title.get_text() == f"β = {beta}: ELBO −{bound} nats"
        np.testing.assert_allclose(digits_of(back.axes), STRIPES[first], rtol=1e-6)
        np.testing.assert_allclose(digits_of(drawn.axes), STRIPES[first + 1], rtol=1e-6)
