"""Figures: refusals, layout, size, labels and colours."""

import io
import itertools

import numpy as np
import pytest
from matplotlib.colors import to_rgb
from PIL import Image

from utils import plots
from utils.assets import AssetError

RNG = np.random.default_rng(4)
DIGITS = RNG.random((24, 784))
LABELS = np.arange(200) % 10
MEANS = RNG.normal(size=(200, 2))
X = np.linspace(-4, 4, 161)
DENSITY = np.exp(-X**2 / 2) / np.sqrt(2 * np.pi)
BLOBS = np.tile(np.exp(-np.sum(np.mgrid[-2:2:41j, -2:2:41j]**2, axis=0)), (3, 1, 1))
LOSSES = {"discriminator_loss": [1, 2], "generator_loss": [2, 1]}


def real_density(x):
    return np.exp(-x**2 / 2) / np.sqrt(2 * np.pi)


def on_axis(draw, *arguments):
    picture, axis = plots.canvas(height=3)
    draw(axis, *arguments)
    return picture


def training_picture():
    live = plots.TrainingPicture(["ELBO", "KL"], columns=6, rows=4, epochs=5, y="nats", caption="samples")
    live.update({"ELBO": [-200, -180, -170], "KL": [3, 4, 5]}, DIGITS, title="epoch 3 of 5")
    return live.picture


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
    "gaps": lambda: plots.gaps({"ELBO": -140 - DIGITS[:, 0], "exact": -136 - DIGITS[:, 0]}, DIGITS[:, 1], DIGITS[:, 2]),
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
    "class_counts": lambda: plots.class_counts({"MNIST": np.arange(1, 11), "GAN": np.arange(10, 0, -1)}),
}
HELPERS = {"png", "canvas", "label", "as_squares", "mosaic", "asset", "Picture", "MovingPicture", "move_game"}
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
    assert np.asarray(Image.open(io.BytesIO(drawn))).std() > 5
    assert PICTURES[name]()._repr_png_() == drawn


@each_picture
def test_axes_that_are_shown_are_labelled(name):
    for axis in PICTURES[name]().axes:
        if axis.axison and axis.spines["bottom"].get_visible():
            assert axis.get_xlabel(), "horizontal"
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
    drawn = np.asarray(Image.open(io.BytesIO(plots.png(plots.digits(0.4 + 0.2 * DIGITS[:1], columns=1)))))
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
    complete = np.asarray(Image.open(io.BytesIO(plots.png(picture))), int)
    assert np.mean(np.abs(moved - complete).max(axis=-1) > 60) < 1e-3  # but for edges where the line meets an axis
