"""What the library draws."""

import numpy as np
import pytest

from tests.drawing import *
from utils import plots

PICTURES = {
    "digits": lambda: plots.digits(DIGITS, columns=12, row_labels=["first", "second"]),
    "curves": lambda: plots.line_chart({"ELBO": [-200, -180], "KL": [3, 4]}, y="nats", reference_lines={"goal": -150}),
    "histogram": lambda: plots.histogram(DIGITS, 20, "grey value", "share in percent"),
    "TrainingPicture": training_picture,
    "draw_digits": lambda: on_axis(plots.draw_digits, DIGITS, 6),
    "draw_curves": lambda: on_axis(plots.draw_line_chart, {"loss": [3, 2, 1]}, "title", "step", "nats"),
    "draw_latents": lambda: on_axis(plots.draw_latents, MEANS, LABELS),
    "ladder": lambda: plots.ladder({"784 fair coins": -543.4, "VAE": -137.0}, published={"VAE (2018)": -135.7}),
    "captioned": lambda: plots.captioned(DIGITS[:12], ["is 4\nread as 9"] * 12),
    "class_counts": lambda: plots.class_counts({"MNIST": np.arange(1, 11), "GAN": np.arange(10, 0, -1)}),
    "logarithmic_curves": lambda: plots.logarithmic_line_chart({"same": [1, 1e9], "smaller": [1, 0.1]}, "step", "nats"),
    "neighbours": lambda: plots.neighbours({"model": (DIGITS[:10], DIGITS[10:20], DIGITS[0, :10])}),
}


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


def test_mixture_has_room_for_the_data_above_its_strip_of_responsibilities():
    axis = PICTURES["mixture_steps"]().axes[0]
    tallest = np.histogram(MEANS[:, 0], np.linspace(-4, 4, 41), density=True)[0].max()
    low, high = axis.get_ylim()
    assert high > tallest and -0.2 * high < low < 0
