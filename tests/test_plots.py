"""Figures: refusals, layout, size, labels and colours."""

import io
import itertools

import numpy as np
import pytest
from matplotlib.colors import to_rgb
from PIL import Image
from scipy import stats

from utils import plots
from utils.assets import AssetError
from utils.optimisers import VALLEYS, race

RNG = np.random.default_rng(4)
DIGITS = RNG.random((24, 784))
LABELS = np.arange(200) % 10
MEANS = RNG.normal(size=(200, 2))
X = np.linspace(-4, 4, 161)
DENSITY = np.exp(-X**2 / 2) / np.sqrt(2 * np.pi)
BLOBS = np.tile(np.exp(-np.sum(np.mgrid[-2:2:41j, -2:2:41j]**2, axis=0)), (3, 1, 1))
FIELD = np.pad(np.ones((5, 9)), ((9, 14), (3, 16)))
HISTORY = {"loss": [3, 2, 1, 0.5], "val_loss": [3, 2, 2.2, 2.5]}
PRODUCTS = MEANS[:6, :1] * MEANS[:5, 1]
LOSSES = {"discriminator_loss": [1, 2], "generator_loss": [2, 1]}

RUN = {name: np.linspace(0.1, 0.9, 9) for name in (
    "step", "discriminator_loss", "generator_loss", "gradient", "centre", "spread", "as_trained", "mixed")}


def real_density(x):
    return np.exp(-x**2 / 2) / np.sqrt(2 * np.pi)


def on_axis(draw, *arguments):
    picture, axis = plots.canvas(height=4)
    draw(axis, *arguments)
    return picture


def training_picture():
    live = plots.TrainingPicture(["ELBO", "KL"], columns=6, rows=4, epochs=5, y="nats", caption="samples")
    live.update({"ELBO": [-200, -180, -170], "KL": [3, 4, 5]}, DIGITS, title="epoch 3 of 5")
    return live.picture


def valley_and_race():
    height, slope, start = VALLEYS["bent"]
    return height, race(slope, start, 12, 0.1, 0.8)


def two_axes(draw, *arguments):
    picture, axes = plots.canvas(height=3, columns=2)
    axes[0].set_xlabel("x")
    axes[0].set_ylabel("y")
    draw(*axes, *arguments)
    return picture


def integral():
    picture, axes = plots.canvas(height=3, columns=3)
    plots.draw_integral(axes, X, X, X**2, np.outer(DENSITY, DENSITY), DENSITY)
    return picture


def fill_ins():
    picture, axes = plots.canvas(height=2.5, columns=3)
    drawn = plots.draw_fill_ins(axes, ["visible", "drawn", "average"], [True, False, False])
    plots.move_fill_ins(*drawn[:2], DIGITS[:3], 20, 4, 14)
    return picture


def gauges():
    picture, axes = plots.canvas(height=1.4, columns=2)
    plots.draw_gauges(axes, ["distance", "share"], [2.0, 0.9], [(1, 100), None])
    return picture


def labelled(draw, *arguments):
    picture = on_axis(draw, *arguments)
    plots.label(picture.axes[0], "", "x", "y")
    return picture


RATES = np.array([0, 9, 22, 90]), np.array([206, 137, 110, 89])
CORNERS, CORNERS_XOR = np.array([[0.0, 0], [0, 1], [1, 0], [1, 1]]), np.array([0, 1, 1, 0])


def fold(points):
    return np.maximum(points @ np.array([[1, -1], [-1, 1]]), 0)


PICTURES = {
    "digits": lambda: plots.digits(DIGITS, columns=12, row_labels=["first", "second"]),
    "curves": lambda: plots.curves({"ELBO": [-200, -180], "KL": [3, 4]}, y="nats", reference_lines={"goal": -150}),
    "histogram": lambda: plots.histogram(DIGITS, 20, "grey value", "share in percent"),
    "TrainingPicture": training_picture,
    "draw_digits": lambda: on_axis(plots.draw_digits, DIGITS, 6),
    "draw_curves": lambda: on_axis(plots.draw_curves, {"loss": [3, 2, 1]}, "title", "step", "nats"),
    "draw_latents": lambda: on_axis(plots.draw_latents, MEANS, LABELS),
    "gradient_noise": lambda: plots.gradient_noise(
        {name: 3 * MEANS[:, 0] for name in "abc"}, 2.0, [1, 4, 16], {name: [6, 12, 24] for name in "abc"}),
    "gaps": lambda: plots.gaps({"ELBO": -140 - DIGITS[:, 0], "exact": -136 - DIGITS[:, 0]}, DIGITS[:, 1], DIGITS[:, 2],
                               {"other, exact": -130 - DIGITS[:, 0]}),
    "posteriors": lambda: plots.posteriors(DIGITS[:3], BLOBS, ["best", "median", "worst"], (MEANS[:3], MEANS[3:6]),
                                           (MEANS[6:9], MEANS[9:12])),
    "ladder": lambda: plots.ladder({"784 fair coins": -543.4, "VAE": -137.0}, published={"VAE (2018)": -135.7}),
    "planes": lambda: plots.planes({"VAE": (MEANS, DIGITS[:16]), "no KL": (9 * MEANS, DIGITS[:16])}, LABELS),
    "generator_gradients": lambda: plots.generator_gradients(X, -1 / (1 + np.exp(-X)), -1 / (1 + np.exp(X))),
    "discriminator": lambda: plots.discriminator(X, DENSITY, DENSITY[::-1], 0.5 + 0 * X, 0.6 + 0 * X),
    "draw_game": lambda: on_axis(plots.draw_game, X, DENSITY, MEANS[:, 0], 0.5 + 0 * X),
    "game_frames": lambda: plots.game_frames({"0 steps": (MEANS[:, 0], 0.5 + 0 * X), "9 steps": (MEANS[:, 1], DENSITY)},
                                             real_density),
    "broken_games": lambda: plots.broken_games({"collapse": (LOSSES, DIGITS[:20])}),
    "agreement": lambda: plots.agreement({"first": MEANS, "second": 2 * MEANS},
                                         {"first": MEANS + 1e-7, "second": 2 * MEANS + 1e-6}),
    "races": lambda: plots.races({"bent": valley_and_race(), "again": valley_and_race()}),
    "draw_valley": lambda: on_axis(plots.draw_valley, VALLEYS["bent"].height, (-4, 4, -2, 2), "title"),
    "draw_race": lambda: two_axes(plots.draw_race, 30),
    "schedules": lambda: plots.schedules(X, {"constant": 0.3 + 0 * X, "cosine": DENSITY},
                                         {"constant": [3, 2], "cosine": [3, 1]}, "loss in nats"),
    "overfitting": lambda: plots.overfitting({"plain": HISTORY, "dropout": HISTORY}, "loss in nats"),
    "convolution": lambda: plots.convolution(PRODUCTS, PRODUCTS[:3, :3], PRODUCTS[:4, :3], (1, 2)),
    "feature_maps": lambda: plots.feature_maps(DIGITS[0].reshape(28, 28), {"edges": MEANS[:9] @ MEANS[:9].T}),
    "receptive_fields": lambda: plots.receptive_fields(DIGITS[0].reshape(28, 28), {"3 × 3": FIELD, "22 × 22": FIELD.T}),
    "captioned": lambda: plots.captioned(DIGITS[:12], ["is 4\nread as 9"] * 12),
    "trust": lambda: plots.trust({"test images": (0.99, 0.98), "noise": (None, 0.6)}),
    "class_counts": lambda: plots.class_counts({"MNIST": np.arange(1, 11), "GAN": np.arange(10, 0, -1)}),
}
PICTURES |= {
    "sorted_pairs": lambda: plots.sorted_pairs(MEANS[:12, 0], MEANS[:12, 1] + 1),
    "distances": lambda: plots.distances(X + 4, {"Jensen–Shannon": np.minimum(X + 4, 0.69), "Wasserstein": X + 4}),
    "critics": lambda: plots.critics(X, DENSITY, DENSITY[::-1], {"critic": X, "discriminator": np.tanh(X)}),
    "singular_values": lambda: plots.singular_values({"first": [3, 2, 0.1], "last": [4.0]},
                                                     {"first": [1, 0.6, 0.03], "last": [1.0]}),
    "charts": lambda: plots.charts({name: RUN for name in "ABCD"}),
    "draw_corners": lambda: two_axes(plots.draw_corners, DIGITS[:9]),
}
PICTURES |= {
    "neuron_and_model": plots.neuron_and_model,
    "activations": lambda: plots.activations(X, {"step": (1.0 * (X > 0), 0 * X), "tanh": (np.tanh(X), DENSITY)}),
    "draw_points": lambda: on_axis(plots.draw_points, MEANS, LABELS % 2),
    "neurons_in_the_plane": lambda: plots.neurons_in_the_plane(
        MEANS, LABELS % 2, {name: (np.array([1.0, 2.0]), 0.5) for name in ("before", "after")},
        lambda points, weights, bias: 1 / (1 + np.exp(-points @ weights - bias))),
    "perceptron_runs": lambda: plots.perceptron_runs({
        name: (MEANS, LABELS % 2, [(MEANS[0], 1.0), (MEANS[1], -1.0)], [1, 1]) for name in ("apart", "overlapping")}),
    "cross_entropy": lambda: plots.cross_entropy(DENSITY, -np.log(DENSITY), X,
                                                 [np.logaddexp(0, X), np.logaddexp(0, -X)]),
    "slope_chain": lambda: plots.slope_chain(["$w_1$", "$a$", "loss"], [0.5, -0.3, 0.85], [2.0, -0.57]),
    "window": lambda: plots.window(DIGITS[:3], ["a 3", "an 8", "another"], (16, 20), (9, 15)),
    "one_input": lambda: plots.one_input(np.tile(MEANS[:, 0], 9), np.tile(LABELS % 2, 9), X, DENSITY,
                                         ("ink", "a 3", "an 8")),
    "descents": lambda: plots.descents(X[::8], X[::10], 0.1 + X[::10, None]**2 + X[::8]**2,
                                       {name: MEANS[:9] for name in "abc"}, {name: [3, 1, 2] for name in "abc"}),
    "weight_images": lambda: plots.weight_images({"1 step": DIGITS[0] - 0.5, "9 steps": DIGITS[1] - 0.5}),
    "logarithmic_curves": lambda: plots.logarithmic_curves({"same": [1, 1e9], "smaller": [1, 0.1]}, "step", "nats"),
    "gates": lambda: plots.gates(np.array([[0, 0], [0, 1], [1, 0], [1, 1]]), {"AND": (2, 2, -3), "XOR": None},
                                 {"AND": [0, 0, 0, 1], "XOR": [0, 1, 1, 0]}),
}
PICTURES |= {
    "folding": lambda: plots.folding(CORNERS, CORNERS_XOR, fold, lambda hidden: hidden.sum(axis=1) - 0.5),
    "regions": lambda: plots.regions({name: lambda points: fold(points).sum(axis=1) - 0.5 for name in "abc"}, CORNERS,
                                     CORNERS_XOR),
    "bump": lambda: plots.bump(X, {"relu(x + 1)": np.maximum(X + 1, 0), "−relu(x)": -np.maximum(X, 0)}, [-1, 0]),
    "curve_fits": lambda: plots.curve_fits(X, DENSITY, {n: (DENSITY**2, X[::n], DENSITY[::n]**2) for n in (8, 16, 32)},
                                           {4: 0.5, 8: 0.2, 16: 0.04}),
    "matrix_product": plots.matrix_product,
    "computational_graph": lambda: plots.computational_graph(*(
        dict.fromkeys(("x", "w1", "w2", "a1", "a2", "h1", "h2", "y", "loss"), number) for number in (-1.25, 3.0))),
    "network_shapes": lambda: plots.network_shapes(100, (784, 512, 128, 10)),
    "logit_gradient": lambda: plots.logit_gradient(np.full(10, 0.1), 3, 0.1 - np.eye(10)[3]),
    "signals": lambda: plots.signals(*({"He": 0.9**np.arange(20), "0.01": 0.1**np.arange(20)} for _ in range(2))),
    "step_errors": lambda: plots.step_errors(10.0**np.arange(-9, 0), {"central": 10.0**np.arange(-9, 0)**2 / 100,
                                                                      "forward": np.arange(9)}),
    "weight_maps": lambda: plots.weight_maps({"He": DIGITS[:9].T - 0.5, "all zero": 0 * DIGITS[:9].T}, neurons=8),
}
PICTURES |= {
    "mixture_steps": lambda: plots.mixture_steps(
        MEANS[:, 0], X, {name: (np.stack([DENSITY, DENSITY[::-1]]) / 2, np.abs(MEANS) / np.abs(MEANS).sum(
            axis=1, keepdims=True)) for name in "abc"}, [-3, -2, -1.9]),
    "string_of_gaussians": lambda: plots.string_of_gaussians(
        {"few": BLOBS[0], "all": BLOBS[1]}, [MEANS[:5], None], MEANS, (-4, 4, -3, 3)),
    "integration_errors": lambda: plots.integration_errors({
        title: (2**np.arange(2, 9), {"grid": 0.5**np.arange(7), "draws": 2.0**-np.arange(7)}, X + 5,
                {"grid": 1 / (X + 5), "draws": 2 / (X + 5)}, {"draws": "slope −1/2"}) for title in "ab"}),
    "curse": lambda: plots.curse([1, 5, 20], {name: -10 * DIGITS[:3, :30] for name in "ab"},
                                 {name: [10, 1e5, 1e20] for name in ("grid", "a", "b")}, 10_000),
    "draw_bound": lambda: on_axis(plots.draw_bound, [-3.0, -5.0], [0.5, 2.5], -6.0, ["a", "b"]),
    "bounds": lambda: plots.bounds(X, DENSITY, {"a": DENSITY**2, "b": DENSITY**3}, {"a": -3.0, "b": -5.0},
                                   {"a": 0.5, "b": 2.5}),
    "stratified_points": lambda: plots.stratified_points(MEANS[:99], DIGITS[:99, :2], MEANS[:99], 12),
    "posterior_maps": lambda: plots.posterior_maps(DIGITS[:3], [(BLOBS[0], (0, 1, 2, 3))] * 3, ["a", "b", "c"]),
    "training_on_the_ladder": lambda: plots.training_on_the_ladder(
        [-210, -150, -130], {"pixel": -205.8, "2-D VAE": -135.7, "sphere": -132.5}, "nats"),
    "growth": lambda: plots.growth([1, 2, 3, 4], 32.0**np.arange(4, 8), 32.0**np.arange(4)),
    "draw_integral": lambda: integral(),
}
PICTURES |= {
    "signed_images": lambda: plots.signed_images(DIGITS - 0.5, columns=8, row_labels=["1 to 8", "9 to 16", "17 to 24"]),
    "over_code_size": lambda: plots.over_code_size({"PCA": (np.arange(1, 65), 60 / np.arange(2, 66)),
                                                    "deep": ([2, 8, 32], [20, 9, 4])}, "error", {"the mean": 52}),
    "principal_angles": lambda: plots.principal_angles({"random": [80, 85, 90], "network": [0.2, 0.1, 0]}),
    "draw_codes": lambda: on_axis(plots.draw_codes, 9 * MEANS + 5, LABELS, (-20, 30, -15, 25)),
    "code_plane": lambda: plots.code_plane(9 * MEANS + 5, LABELS, DIGITS[:16], (-20, 30, -15, 25)),
    "code_sources": lambda: plots.code_sources(
        9 * MEANS, *(dict.fromkeys(("normal", "even"), numbers) for numbers in (MEANS[:6], DIGITS[:6])), (-9, 9) * 2),
    "unit_activity": lambda: plots.unit_activity({"as it stands": np.zeros(8), "alive": np.linspace(0.1, 1, 8)}),
}
PICTURES |= {
    "importance_check": lambda: plots.importance_check(np.exp(4 + MEANS[:, 0]), MEANS[:, 1], 0.1 + MEANS[:, 0]**2,
                                                       MEANS[:, 1] > -1),
    "latent_sizes": lambda: plots.latent_sizes([2, 5], {"ELBO": [-170, -140], "L₅₀": [-165, -139]},
                                               {"2 latents": [3, 4], "5 latents": [1, 2, 3, 4, 0]}),
    "draw_prices": lambda: labelled(plots.draw_prices, {"plain": [0, 0], "warm-up": [2, 1]}),
    "dimension_prices": lambda: plots.dimension_prices({"plain": [0, 0, 0], "warm-up": [0, 2, 1]}),
    "draw_rate_distortion": lambda: on_axis(plots.draw_rate_distortion, *RATES),
    "rate_distortion": lambda: plots.rate_distortion(
        {f"β = {beta}": (beta, *place) for beta, *place in zip((784, 3, 1, 0.1), *RATES)}, {"squared error": (9, 137)}),
    "weighted_bounds": lambda: plots.weighted_bounds([1, 5, 50], [-93, -91, -90], [0.01, 0.02, 0.1], 3 + MEANS[:, 0]),
    "extrapolation": lambda: plots.extrapolation([6, 14], [-93, -91], (X + 5, -90 - 1 / (X + 5)), {"published": -86.8}),
}
PICTURES |= {
    "two_gaussians": lambda: plots.two_gaussians({
        "moved": (np.zeros(2), np.eye(2), np.array([2.0, 1.0]), np.eye(2)),
        "turned": (np.zeros(2), np.diag([2.0, 0.3]), np.zeros(2), np.array([[1.0, 0.8], [0.8, 1.0]]))}),
    "frechet_bias": lambda: plots.frechet_bias([100, 300, 1_000], {
        "real": np.array([[5.0], [1.7], [0.5]]) * (1 + 0.1 * DIGITS[0, :4]), "GAN": [[20.0], [17.0], [16.0]]}, 0.5),
    "manifolds": lambda: plots.manifolds(MEANS[:20], 0.6 * MEANS[20:35] + 0.5, 0.3 + DIGITS[0, :20],
                                         0.5 * DIGITS[1, :15]),
    "bench": lambda: plots.bench({name: {"VAE": DIGITS[0, :3] + 9, "GAN": DIGITS[1, :3] + 2} for name in "abcdefg"},
                                 {"a": 1.5}, {"a": "lower", "b": "higher"}, logarithmic=("a",)),
    "neighbours": lambda: plots.neighbours({"model": (DIGITS[:10], DIGITS[10:20], DIGITS[0, :10])}),
    "distance_shares": lambda: plots.distance_shares({"VAE": MEANS[:, 0]**2, "test images": DIGITS[0]}),
    "looks_and_likelihood": lambda: plots.looks_and_likelihood({"VAE": (DIGITS, -95.0, 20.5),
                                                                "copies": (DIGITS, -500, 1)}),
    "draw_gauges": lambda: gauges(),
}
PICTURES |= {
    "roc": lambda: plots.roc({"moved": (np.linspace(0, 1, 9), np.linspace(0, 1, 9)**0.3),
                              "inverted": ([0, 0, 1], [0, 1, 1])}),
    "areas_by_digit": lambda: plots.areas_by_digit({"VAE": DIGITS[0, :10], "nearest neighbour": DIGITS[1, :10]}),
    "score_histograms": lambda: plots.score_histograms({"digits": 90 + 20 * MEANS[:, 0], "scraps": 50 + MEANS[:, 1]},
                                                       {"blank": 30.0}, "−ELBO in nats"),
    "answers": lambda: plots.answers(DIGITS[:2], DIGITS[2:4] > 0.5, DIGITS[:16].reshape(2, 8, 784),
                                     np.eye(10)[[3, 8]]),
    "code_lengths": lambda: plots.code_lengths({"plain": 784, "PNG": 1200.4, "VAE": 140}, ours=("VAE",)),
    "data_hunger": lambda: plots.data_hunger([100, 1000, 10000], [-90, -120, -131], [-165, -137, -132]),
    "axis_correlations": lambda: plots.axis_correlations({"as trained": MEANS[:12, 0] / 4, "turned": MEANS[:12, 1] / 4},
                                                         0.9),
    "bias": lambda: plots.bias([0.1, 0.5, 0.9], [0.1, 0.5, 0.97], {"digit 7": [90, 85, 80], "others": [110, 113, 125]}),
    "growing": lambda: plots.growing([28, 64, 256], {"weights": [1e4, 1e4, 1e4], "work": [1e5, 1e6, 1e7]},
                                     "side in pixels", "number"),
    "accuracies": lambda: plots.accuracies({"real": [0.9, 0.91], "generated": [0.85, 0.86, 0.84]}),
    "draw_fill_ins": lambda: fill_ins(),
}
HELPERS = {"png", "canvas", "label", "as_squares", "mosaic", "asset", "Picture", "MovingPicture", "move_game",
           "move_race", "move_gauges", "move_fill_ins", "move_epoch_costs", "boundary"}
PATIENT = LOSSES | {"symptom": [0.5, 0.02]}
PICTURES |= {
    "patients": lambda: plots.patients({"patient": (PATIENT, MEANS), "cured": (PATIENT, MEANS[:50])}, MEANS[:100],
                                       "length of the gradient", logarithmic=True, released=1),
    "phase_portraits": lambda: plots.phase_portraits(
        {name: (PATIENT, MEANS[:9], lambda x, y: (y, -x)) for name in ("patient", "cured")}, ("x", "y"), reach=3),
    "averaged_path": lambda: plots.averaged_path(MEANS[:50], MEANS[:50] / 9),
    "cures": lambda: plots.cures({"collapse": ("clusters", 0, 8, "linear"), "circling": ("distance", 3, 1e-6, "log")}),
    "recipes": lambda: plots.recipes({"no cure": (90.0, 0.5, 0.2), "R1": (30.0, 0.7, 0.6)}, (0.5, 0.86, 0.87)),
    "step_times": lambda: plots.step_times({"R1": 12.5, "tutorial's layers": 600.0}),
}
PATHS = {"batch 32": ([1, 2, 3], [-200, -170, -160]), "batch 512": (X + 4, -190 + X)}
PICTURES |= {
    "roofline": lambda: plots.roofline([1, 16, 256], [0.5, 8, 100], [5e9, 5e10, 7e10]),
    "floors": lambda: plots.floors({"VAE": (2.5, 5.5), "GAN": (9.0, 12.0)}),
    "speed_ups": lambda: plots.speed_ups({"batch 128": [1, 1.1, 1.3], "batch 512": [0.5, 0.6, 0.55]}, "batch 128"),
    "draw_paths": lambda: on_axis(plots.draw_paths, PATHS, "images", "nats"),
    "paths": lambda: plots.paths(PATHS, "images", "nats"),
    "two_clocks": lambda: plots.two_clocks(PATHS, PATHS, "nats"),
    "streams": lambda: plots.streams(PATHS, {"streamed": ([0, 10, 60], [0, 3, 3.5])}, 188, "nats"),
    "flow": lambda: plots.flow(X, DENSITY, X + X**3 / 3, DENSITY / (1 + X**2), MEANS[:, 0] + MEANS[:, 0]**3 / 3),
    "draw_epoch_costs": lambda: on_axis(plots.draw_epoch_costs, [8, 64, 512], 60_000),
}
each_picture = pytest.mark.parametrize("name", PICTURES)


def test_every_public_function_that_draws_is_tested_here():
    public = {name for name, value in vars(plots).items()
              if getattr(value, "__module__", "").startswith("utils.plots") and not name.startswith("_")}
    assert public - HELPERS == set(PICTURES)


@each_picture
def test_picture_fits_the_notebook_and_repeats_to_the_byte(name):
    picture = PICTURES[name]()
    assert isinstance(picture, plots.Picture)
    drawn = picture._repr_png_()
    width, height = Image.open(io.BytesIO(drawn)).size
    assert width <= 924 and height <= 924
    assert len(drawn) < 150_000
    assert np.asarray(Image.open(io.BytesIO(drawn)).convert("RGB")).std() > 5
    assert PICTURES[name]()._repr_png_() == drawn


@each_picture
def test_nothing_is_cut_off_at_the_rim_of_a_picture(name):
    drawn = np.asarray(Image.open(io.BytesIO(PICTURES[name]()._repr_png_())).convert("L"))
    rim = np.concatenate([drawn[0], drawn[-1], drawn[:, 0], drawn[:, -1]])
    assert rim.min() > 250


@each_picture
def test_axes_that_are_shown_are_labelled(name):
    for axis in PICTURES[name]().axes:
        if axis.axison and axis.spines["bottom"].get_visible():
            assert axis.get_xlabel(), "horizontal"
        if axis.get_subplotspec() is None:  # a colour bar
            assert axis.get_xlabel() or axis.get_ylabel(), "colour bar"
            continue
        # Panels that share an axis are labelled at the left; an axis whose ticks are words needs no label.
        words = any(not text.get_text().lstrip("−-").replace(".", "").isdigit() for text in axis.get_yticklabels())
        first = axis.get_subplotspec().colspan.start == 0
        if axis.axison and axis.spines["left"].get_visible() and first and not words:
            assert axis.get_ylabel() or name == "draw_game", "vertical"  # its callers label it


# Images -----------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("shape", [(3, 784), (3, 28, 28), (3, 28, 28, 1)])
def test_digits_of_every_layout_become_squares(shape):
    squares = plots.as_squares(DIGITS[:3].reshape(shape))
    assert squares.dtype == np.float32
    np.testing.assert_array_equal(squares, DIGITS[:3].reshape(3, 28, 28).astype("float32"))


@pytest.mark.parametrize("images", [DIGITS[0], DIGITS[0].reshape(28, 28), DIGITS[:, :783], DIGITS.reshape(6, 4, 28, 28),
                                    np.ones((2, 28, 28, 3)), 0.5])
def test_other_shapes_are_refused_by_name(images):
    with pytest.raises(ValueError, match=r"wants shape \(n, 784\).* but got \(.*images\[:1\], not images\[0\]"):
        plots.as_squares(images)


@pytest.mark.parametrize(("images", "got"), [
    (DIGITS * 255, "values from 0.*to 25"), (DIGITS * 2 - 1, "values from -0.9"), (DIGITS + np.nan, "from nan to nan"),
    (np.where(DIGITS > 0.5, np.nan, DIGITS), "nan"), (DIGITS[:0], "none")])
def test_values_outside_the_unit_range_are_refused_by_name(images, got):
    with pytest.raises(ValueError, match=rf"values in \[0, 1\], but got .*{got}.*Use to_unit_range"):
        plots.as_squares(images)


def test_mosaic_goes_left_to_right_and_top_to_bottom_with_lines_between():
    images = np.arange(1, 6)[:, None] / 10 * np.ones((1, 784))
    images[:, 0] = 0.9  # the first pixel of each image
    sheet = plots.mosaic(images, columns=3)
    assert sheet.shape == (2 * 29 + 1, 3 * 29 + 1)
    for index, (row, column) in enumerate([(0, 0), (0, 1), (0, 2), (1, 0), (1, 1)]):
        square = sheet[29 * row + 1:29 * row + 29, 29 * column + 1:29 * column + 29]
        np.testing.assert_array_equal(square, images[index].reshape(28, 28).astype("float32"))
    assert np.isnan(sheet[::29]).all() and np.isnan(sheet[:, ::29]).all()
    assert np.isnan(sheet[29:, 2 * 29:]).all()  # no sixth image
    assert np.isfinite(sheet).sum() == 5 * 784


def test_digits_are_drawn_black_for_0_and_white_for_1_whatever_their_range():
    """A picture of greys between 0.4 and 0.6 is not stretched to full contrast."""
    picture = Image.open(io.BytesIO(plots.png(plots.digits(0.4 + 0.2 * DIGITS[:1], columns=1))))
    drawn = np.asarray(picture.convert("RGB"))
    inside = drawn[300:600, 300:600]
    assert 95 <= inside.min() and inside.max() <= 160


def test_asset_is_checked_before_it_is_shown():
    with pytest.raises(AssetError, match=r"utils/assets/nothing\.png is missing"):
        plots.asset("nothing.png")


# Colours ----------------------------------------------------------------------------------------------------

def as_seen_with_deuteranopia(colour):
    """Return linear RGB as somebody without green cones sees it. Source: Machado, Oliveira and Fernandes (2009)."""
    rgb = np.asarray(to_rgb(colour))
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055)**2.4)
    matrix = [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]
    return np.clip(matrix @ linear, 0, 1)


def test_neighbouring_colours_stay_apart_without_green_cones():
    seen = [as_seen_with_deuteranopia(colour)**(1 / 2.2) for colour in plots.SERIES]
    distances = [np.linalg.norm(first - second) for first, second in itertools.pairwise(seen)]
    red_and_green = as_seen_with_deuteranopia("red"), as_seen_with_deuteranopia("#739300")
    assert np.linalg.norm(np.subtract(*red_and_green)) < 0.15  # the simulation does confuse what people confuse
    assert min(distances) > 0.18


def test_moving_picture_shows_what_a_complete_drawing_shows():
    picture, axis = plots.canvas(height=2.5)
    line, = axis.plot([0, 1], [0, 1])
    axis.set_title("first")
    moving = plots.MovingPicture(picture, [line, axis.title])
    line.set_ydata([1, 0])
    axis.title.set_text("second")
    moved = np.asarray(Image.open(io.BytesIO(moving.png())), int)
    complete = np.asarray(Image.open(io.BytesIO(plots.png(picture))).convert("RGB"), int)
    assert np.mean(np.abs(moved - complete).max(axis=-1) > 60) < 1e-3  # but for edges where the line meets an axis


# Lesson 3 ---------------------------------------------------------------------------------------------------

def test_receptive_field_is_outlined_where_the_unit_sees_something():
    outline = plots.receptive_fields(DIGITS[0].reshape(28, 28), {"5 × 9": FIELD}).axes[0].patches[0]
    assert (outline.get_x(), outline.get_y()) == (3.5, 9.5)  # a mosaic has one line of white before the first pixel
    assert (outline.get_width(), outline.get_height()) == (9, 5)


def test_convolution_shows_no_negative_zero():
    tiny = np.array([[-0.01, -0.2]])
    texts = [text.get_text() for text in plots.convolution(tiny, tiny, tiny, (0, 0)).axes[0].texts]
    assert texts == ["0.0", "−0.2"]


def test_race_that_diverges_leaves_the_picture_and_not_the_others():
    _, axes = plots.canvas(height=3, columns=2)
    lines = plots.draw_race(*axes, 3)
    away = np.array([[1, 1], [1e5, 1], [1e9, 1], [np.inf, np.nan]])
    plots.move_race(lines, VALLEYS["straight"].height, {"SGD": away, "momentum": away[:1], "Adam": away[:2]})
    assert np.isfinite(lines[0][0].get_xdata()).tolist() == [True, True, False, False]
    assert lines[1][2].get_ydata()[0] == pytest.approx(0.5 * (0.1 + 10))


@pytest.mark.parametrize(("draw", "match"), [
    (lambda: plots.captioned(DIGITS[:3], ["only one"]), "one caption for each image, but got 1 captions for 3 images"),
    (lambda: plots.captioned(255 * DIGITS[:1], ["grey values"]), r"values in \[0, 1\], but got .*Use to_unit_range"),
    (lambda: plots.agreement({"a": MEANS}, {"a": MEANS.T}), "same names and shapes.*fan_in, fan_out"),
])
def test_pictures_of_lesson_3_refuse_what_does_not_fit(draw, match):
    with pytest.raises(ValueError, match=match):
        draw()


# One neuron -------------------------------------------------------------------------------------------------

@pytest.mark.parametrize(("weights", "bias"), [((2.0, -1.0), 3.0), ((0.0, 0.5), -1.0), ((1e-3, 0.0), 0.002)])
def test_boundary_runs_where_the_weighted_sum_is_0_and_beyond_the_plane(weights, bias):
    start, end = plots.boundary(weights, bias, extent=4.0)
    for share in (0, 0.3, 1):
        assert np.dot(weights, (1 - share) * start + share * end) + bias == pytest.approx(0, abs=1e-12)
    assert np.linalg.norm(end - start) > 2 * np.hypot(8, 8)


def test_weights_of_0_are_drawn_white_whatever_the_others_are():
    """A palette from the smallest to the largest weight would move its middle away from 0."""
    picture = plots.weight_images({"mostly positive": np.where(np.arange(784) % 2, 0.0, np.arange(784) / 10)})
    image, = picture.axes[0].images
    assert image.norm.vmin == -image.norm.vmax and image.norm.vmax == pytest.approx(78.2)
    assert np.all(image.cmap(image.norm(0.0))[:3] > np.array(0.95))


# Integrals --------------------------------------------------------------------------------------------------

def test_bars_of_the_bound_end_at_the_sum():
    _, axis = plots.canvas(height=2)
    bounds, gaps = plots.draw_bound(axis, [-3.0, -5.0], [0.5, 2.5], -6.0, ["a", "b"])
    assert [bar.get_x() + bar.get_width() for bar in bounds] == [-3.0, -5.0]
    assert [bar.get_x() + bar.get_width() for bar in gaps] == [-2.5, -2.5]
    assert axis.lines[0].get_xdata()[0] == -2.5


def test_mixture_has_room_for_the_data_above_its_strip_of_responsibilities():
    axis = PICTURES["mixture_steps"]().axes[0]
    tallest = np.histogram(MEANS[:, 0], np.linspace(-4, 4, 41), density=True)[0].max()
    low, high = axis.get_ylim()
    assert high > tallest and -0.2 * high < low < 0


@pytest.mark.parametrize(("row", "column"), [(0, 0), (0, 1), (1, 0), (1, 1)])
def test_image_covers_no_mass_of_its_posterior(row, column):
    """Three of four corners hold a mode: the image goes to the fourth, and the window keeps its coordinates."""
    density = np.zeros((41, 41))
    for place in {(0, 0), (0, 1), (1, 0), (1, 1)} - {(row, column)}:
        density[4 + 32 * place[0], 4 + 32 * place[1]] = 1
    axis = plots.posterior_maps(DIGITS[:1], [(density, (1, 2, 5, 6))], ["a"], columns=1).axes[0]
    assert (*axis.get_xlim(), *axis.get_ylim()) == (1, 2, 5, 6)
    inset, = axis.child_axes
    left, bottom, width, height = inset.get_axes_locator()._bounds
    assert (bottom + height / 2 > 0.5, left + width / 2 > 0.5) == (row == 1, column == 1)


def test_rungs_close_together_are_named_above_and_below():
    rungs = {"VAE": -135.7, "sphere": -132.5, "pixel": -205.8}
    texts = plots.training_on_the_ladder([-210, -150, -130], rungs, "nats").axes[0].texts
    places = {text.get_text(): (text.get_ha(), text.get_va()) for text in texts}
    assert places == {"VAE −135.7": ("right", "top"), "sphere −132.5": ("left", "bottom"),
                      "pixel −205.8": ("right", "bottom")}


# Autoencoders -----------------------------------------------------------------------------------------------

def test_every_signed_image_has_white_for_0_and_a_scale_of_its_own():
    ramp = np.linspace(-1, 2, 784)
    image, = plots.signed_images(np.stack([ramp, 100 * ramp, 0 * ramp]), columns=3).axes[0].images
    sheet = np.asarray(image.get_array())
    first, second, third = (sheet[1:29, left:left + 28] for left in (1, 30, 59))
    np.testing.assert_allclose(first, second, atol=1e-6)
    np.testing.assert_allclose(third, 0.5)
    assert first.max() == 1 and first.min() == pytest.approx(0.25) and (image.norm.vmin, image.norm.vmax) == (0, 1)


def test_signed_images_refuse_weights_that_lie_the_other_way():
    with pytest.raises(ValueError, match=r"shape \(n, 784\), but got \(784, 16\).*transpose"):
        plots.signed_images(np.ones((784, 16)))


def test_dead_units_are_counted_and_marked():
    axes = plots.unit_activity({"some": np.array([0, 0.5, 0, 1.0])}).axes
    assert axes[0].get_title() == "some\n2 of 4 units dead"
    assert [bar.get_height() for bar in axes[0].patches] == [100, 50]
    assert axes[0].lines[0].get_xdata().tolist() == [3, 4]


# Lesson 10 --------------------------------------------------------------------------------------------------

def test_arrows_from_one_gaussian_end_on_the_other_at_the_price_of_the_frechet_distance():
    mean_a, mean_b = np.array([1.0, -0.5]), np.array([-1.0, 2.0])
    a, b = np.array([[2.0, 0.6], [0.6, 0.5]]), np.array([[0.7, -0.9], [-0.9, 3.0]])
    arrows = next(each for each in plots.two_gaussians({"": (mean_a, a, mean_b, b)}).axes[0].collections
                  if hasattr(each, "U"))
    starts, moves = np.stack([arrows.X, arrows.Y], axis=-1), np.stack([arrows.U, arrows.V], axis=-1)
    for points, mean, covariance in ((starts, mean_a, a), (starts + moves, mean_b, b)):
        radii = np.sqrt(np.einsum("ni,ij,nj->n", points - mean, np.linalg.inv(covariance), points - mean))
        np.testing.assert_allclose(radii, np.repeat([0, 1, 2], [1, 8, 8]), atol=1e-6)
    # Eight even directions at radius √2 have the covariance of the Gaussian itself; squares scale with the radius'.
    moved = mean_b - mean_a
    price = moved @ moved + 2 * np.mean(np.sum((moves[1:9] - moved)**2, axis=1))
    overlap = np.sqrt(np.linalg.eigvals(a @ b)).sum()
    assert price == pytest.approx(moved @ moved + np.trace(a) + np.trace(b) - 2 * overlap)


def test_manifolds_say_the_shares_that_they_show():
    real, fake = np.array([[0.0, 0], [1, 0], [5, 0]]), np.array([[0.5, 0], [0.4, 0.1], [3, 3], [9, 9]])
    axes = plots.manifolds(real, fake, np.array([1.0, 0.55, 2]), np.array([0.2, 0.5, 0.1, 1])).axes
    assert [axis.get_title() for axis in axes] == [
        "precision 2 of 4 = 0.50", "recall 1 of 3 = 0.33", "coverage 2 of 3 = 0.67"]


def test_sorted_pairs_says_the_distance_as_length_and_as_area():
    """Of samples on which sorting matters; the area is that between distribution functions, by SciPy."""
    first, second = np.random.default_rng(5).normal([[0], [1]], [[1], [3]], (2, 40))
    left, right = plots.sorted_pairs(first, second).axes
    distance = stats.wasserstein_distance(first, second)
    assert left.get_title().endswith(f"{distance:.2f}") and right.get_title().endswith(f"{distance:.2f}")
    assert distance < 0.8 * np.mean(np.abs(first - second))


def test_sorted_pairs_refuses_samples_of_different_sizes():
    with pytest.raises(ValueError, match="two samples of the same size, but got 3 and 4 numbers"):
        plots.sorted_pairs(np.ones(3), np.ones(4))
