"""What the library draws: every public function once, for data whose right picture is known."""

import io
import itertools
from pathlib import Path

import ipywidgets
import numpy as np
import pytest
from matplotlib.colors import to_hex, to_rgb
from PIL import Image

from tests.drawing import (
    DIGITS,
    LABELS,
    MEANS,
    ExplorerContract,
    button,
    decode_halves,
    digits_of,
    dots,
    heights,
    line,
    lines,
    on_axis,
    presentable,
    sheet,
    texts,
    widths,
    words_when_redrawn,
)
from utils import plots
from utils.assets import FOLDER, AssetError
from utils.exercises import wording
from utils.plots.canvas import BLUE, DIGIT_COLOURS, INK, RED, SERIES, arrow


def tick_texts(labels):
    return [label.get_text() for label in labels]


def test_every_public_function_is_drawn_here():
    public = {name for name, value in vars(plots).items() if getattr(value, "__module__", "").startswith("utils.plots")}
    source = Path(__file__).read_text(encoding="utf-8")
    assert {name for name in public if f"plots.{name}" not in source} == set()


@pytest.mark.parametrize("shape", [(3, 784), (3, 28, 28), (3, 28, 28, 1)])
def test_digits_of_every_layout_become_squares(shape):
    squares = plots.as_squares(DIGITS[:3].reshape(shape))
    assert squares.dtype == np.float32
    np.testing.assert_array_equal(squares, DIGITS[:3].reshape(3, 28, 28).astype("float32"))
    np.testing.assert_allclose(plots.as_squares(np.full(shape, 51, np.uint8)), 0.2)  # grey values as MNIST ships


@pytest.mark.parametrize(("images", "words"), [
    *((np.ones(shape), r"wants shape \(n, 784\).* but got \(.*images\[:1\], not images\[0\]") for shape in (
        (784,), (28, 28), (24, 783), (6, 4, 28, 28), (2, 28, 28, 3), ())),
    (DIGITS * 255, "values from 0.*to 25.*Use to_unit_range"), (DIGITS * 2 - 1, "values from -0.9.*Use to_unit_range"),
    (np.where(DIGITS > 0.5, np.nan, DIGITS), "from nan to nan"), (DIGITS[:0], r"an empty array of shape \(0, 784\)")])
def test_other_shapes_and_values_are_refused_by_name(images, words):
    with pytest.raises(ValueError, match=f"A picture of digits .*{words}"):
        plots.as_squares(images)


def test_mosaic_has_lines_between_its_images_and_empty_places_at_its_end():
    sheet = plots.mosaic(DIGITS[:5], columns=3)
    assert np.isnan(sheet[::29]).all() and np.isnan(sheet[:, ::29]).all() and np.isnan(sheet[29:, 58:]).all()
    assert sheet.shape == (2 * 29 + 1, 3 * 29 + 1) and np.isfinite(sheet).sum() == 5 * 784


def test_digits_stand_in_named_rows():
    axis, = presentable(plots.digits(DIGITS, columns=12, title="all", row_labels=["first", "second"]))
    np.testing.assert_allclose(digits_of(axis), DIGITS, rtol=1e-6)
    assert sheet(axis).shape == (2 * 29 + 1, 12 * 29 + 1) and axis.get_title() == "all"
    assert tick_texts(axis.get_yticklabels()) == ["first", "second"] and axis.get_yticks().tolist() == [15, 44]


def test_digits_are_drawn_black_for_0_and_white_for_1_whatever_their_range():
    """A picture of greys between 0.4 and 0.6 is not stretched to full contrast."""
    axis = on_axis(plots.draw_digits, 0.4 + 0.2 * DIGITS[:1], 1)
    drawn = axis.images[0].to_rgba(sheet(axis))
    np.testing.assert_allclose(drawn[1:29, 1:29, 0], 0.4 + 0.2 * DIGITS[0].reshape(28, 28), atol=0.005)
    assert plots.draw_digits(axis, DIGITS[:2], 2, "two") is axis.images[1] and axis.get_title() == "two"


def test_captions_stand_over_their_images():
    captions = [f"is {number}\nread as 9" for number in range(5)]
    axes = presentable(plots.captioned(DIGITS[:5], captions, columns=3))
    assert [axis.get_title() for axis in axes] == [*captions, ""]
    np.testing.assert_allclose(np.concatenate([digits_of(axis) for axis in axes[:5]]), DIGITS[:5], rtol=1e-6)
    with pytest.raises(ValueError, match="one caption for each image, but got 1 captions for 3 images"):
        plots.captioned(DIGITS[:3], ["only one"])


def test_class_counts_are_shares_in_percent_side_by_side():
    counts = {"MNIST": np.arange(1, 11), "GAN": np.array([90, 0, 5, 5, 0, 0, 40, 0, 0, 60])}
    axis, = presentable(plots.class_counts(counts))
    np.testing.assert_allclose(heights(axis), [*(100 * counts["MNIST"] / 55), *(counts["GAN"] / 2)])
    np.testing.assert_allclose([bar.get_x() for bar in axis.patches], [*(np.arange(10) - 0.4), *np.arange(10)],
                               atol=1e-12)
    assert tick_texts(axis.get_legend().get_texts()) == ["MNIST", "GAN"] and "percent" in axis.get_ylabel()
    assert [to_hex(bar.get_facecolor()).upper() for bar in axis.patches[::10]] == [*SERIES[:2]]


def test_neighbours_stand_below_their_images_with_their_distances():
    groups = {"VAE": (DIGITS[:6], DIGITS[6:12], [5.04, 3, 9, 1, 2, 7]),
              "GAN": (DIGITS[12:18], DIGITS[18:24], [0, 1, 4, 2, 8, 3])}
    axes = presentable(plots.neighbours(groups))
    for axis, (name, (samples, nearest, distances)) in zip(axes, groups.items(), strict=True):
        np.testing.assert_allclose(digits_of(axis), [*samples, *nearest], rtol=1e-6)
        assert axis.get_title() == name and tick_texts(axis.get_yticklabels()) == ["image", "nearest"]
        assert tick_texts(axis.get_xticklabels()) == [f"{distance:.1f}" for distance in distances]


def test_asset_is_the_file_and_is_checked_before_it_is_shown():
    assert plots.asset("vae_plane.png").data == (FOLDER / "vae_plane.png").read_bytes()
    with pytest.raises(AssetError, match=r"utils/assets/nothing\.png is missing"):
        plots.asset("nothing.png")


def test_line_chart_has_its_curves_over_1_2_3_and_its_reference_lines():
    curves = {"ELBO": [-200, -170, -180], "KL": [3, 9, 4]}
    axis, = presentable(plots.line_chart(curves, "title", x="step", y="nats", reference_lines={"goal": -150}))
    assert line(axis, "ELBO").tolist() == [[1, -200], [2, -170], [3, -180]] and lines(axis) == curves
    assert axis.lines[2].get_ydata() == [-150, -150] and texts(axis) == ["goal"]
    assert (axis.get_title(), axis.get_xlabel(), axis.get_ylabel()) == ("title", "step", "nats")
    assert tick_texts(axis.get_legend().get_texts()) == ["ELBO", "KL"]


def test_a_single_curve_needs_no_legend_and_few_values_are_marked():
    axis = on_axis(plots.draw_line_chart, {"loss": [3, 1]}, y="nats")
    assert axis.get_legend() is None and axis.lines[0].get_marker() == "o" and axis.get_xlabel() == "epoch"


def test_logarithmic_line_chart_begins_at_0():
    curves = {"same": [1, 1e9, 1e3], "smaller": [1, 0.1, 0.01]}
    axis, = presentable(plots.logarithmic_line_chart(curves, "step", "nats"))
    assert axis.get_yscale() == "log" and lines(axis) == curves
    assert line(axis, "same")[:, 0].tolist() == [0, 1, 2] and (axis.get_xlabel(), axis.get_ylabel()) == ("step", "nats")


def test_histogram_is_of_shares_in_percent():
    values = np.array([[0.1, 0.1, 0.3], [0.9, 0.1, 0.8]])
    axis, = presentable(plots.histogram(values, [0, 0.25, 0.5, 1], "grey value", "share in percent"))
    np.testing.assert_allclose(heights(axis), [50, 100 / 6, 100 / 3])
    assert [bar.get_x() for bar in axis.patches] == [0, 0.25, 0.5]


def test_ladder_is_sorted_and_published_rungs_are_hollow():
    axis, = presentable(plots.ladder({"VAE": -137.0, "784 fair coins": -543.44}, published={"VAE (2018)": -135.7}))
    assert tick_texts(axis.get_yticklabels()) == ["784 fair coins", "VAE", "VAE (2018)"]
    assert widths(axis) == [-543.44, -137.0, -135.7] and texts(axis) == ["-543.4", "-137.0", "-135.7"]
    assert [bar.get_y() + bar.get_height() / 2 for bar in axis.patches] == pytest.approx([0, 1, 2])
    assert [to_hex(bar.get_facecolor()).upper() for bar in axis.patches] == [BLUE, BLUE, "#FFFFFF"]
    assert to_hex(axis.patches[2].get_edgecolor()).upper() == RED and axis.get_xlim()[1] == 0


def test_codes_are_dots_in_their_digit_s_colour_named_at_its_median():
    means = MEANS / 9 + np.stack([LABELS % 5 - 2, LABELS // 5 - 1], axis=-1)  # ten heaps, apart
    axis = on_axis(plots.draw_latents, means, LABELS, extent=3)
    for digit in range(10):
        np.testing.assert_array_equal(dots(axis, digit), means[LABELS == digit])
        assert to_hex(axis.collections[digit].get_facecolor()[0]).upper() == DIGIT_COLOURS[digit]
        np.testing.assert_allclose(axis.texts[digit].get_position(), np.median(means[LABELS == digit], axis=0))
    assert texts(axis) == [str(digit) for digit in range(10)] and (*axis.get_xlim(), *axis.get_ylim()) == (-3, 3, -3, 3)
    assert (axis.get_xlabel(), axis.get_ylabel()) == ("latent z₁", "latent z₂")


def test_names_of_digits_that_lie_on_each_other_are_pushed_apart():
    axis = on_axis(plots.draw_latents, np.tile([[1.0, 1.0], [1.01, 1.0]], (5, 1)), np.tile([3, 8], 5), extent=4)
    first, second = (np.array(text.get_position()) for text in axis.texts)
    assert np.linalg.norm(first - second) > 0.8 * 0.13 * 4 and np.linalg.norm((first + second) / 2 - [1, 1]) < 0.01


CODES, CODE_LABELS = np.array([[0, 1], [0.1, 1], [0, 0.9], [2, 2]]), np.array([7, 7, 1, 3])


def plane():
    picture, (left, right) = plots.two_panels()
    plots.draw_latents(left, CODES, CODE_LABELS)
    return plots.plane_explorer(picture, left, right, decode_halves, CODE_LABELS,
                                lambda point: np.linalg.norm(CODES - point, axis=1) < 0.5, (0.0, 1.0),
                                {"first": ("z₁", -3, 3, 0.1), "second": ("z₂", -3, 3, 0.1)})


class TestPlane(ExplorerContract):
    make = staticmethod(plane)

    def test_says_which_images_lie_near(self, explorer):
        assert words_when_redrawn(explorer) == ["(0.00, 1.00): 3 images near, mostly 7"]
        assert words_when_redrawn(explorer, first=2, second=1.8) == ["(2.00, 1.80): 1 image near, mostly 3"]
        assert words_when_redrawn(explorer, first=-3) == ["(-3.00, 1.80): 0 images near"]

    def test_cross_and_digit_follow_the_sliders(self, explorer, monkeypatch):
        drawn, png = [], plots.MovingPicture.png
        monkeypatch.setattr(plots.MovingPicture, "png", lambda moving: drawn.append(moving.artists) or png(moving))
        explorer.controls["first"].value, explorer.controls["second"].value = 1.0, -2.0
        cross, digit, _ = drawn[-1]
        assert np.ravel(cross.get_data()).tolist() == [1, -2]
        np.testing.assert_allclose(digits_of(digit.axes), decode_halves([[1.0, -2.0]]), rtol=1e-5)


def test_button_acts_before_the_picture_is_redrawn():
    state = {"count": 0}
    explorer = plots.Explorer(lambda size: f"{state['count']}, {size}".encode(), size=plots.slider("size", 1, 9, 4),
                              buttons={ipywidgets.Button(description="more"): lambda: state.update(count=5)})
    assert explorer.default == b"0, 4"
    button(explorer, "more").click()
    assert bytes(explorer.image.value) == b"5, 4" and explorer.default == b"0, 4"


@pytest.mark.parametrize(("step", "kind"), [(None, ipywidgets.IntSlider), (2, ipywidgets.IntSlider),
                                            (0.5, ipywidgets.FloatSlider)])
def test_slider_takes_the_numbers_of_its_step(step, kind):
    made = plots.slider("name", 1, 9, 4, step)
    assert type(made) is kind and (made.min, made.max, made.value, made.step) == (1, 9, 4, step or 1)


def test_training_picture_shows_the_newest_curves_and_images():
    live = plots.TrainingPicture(["ELBO", "KL"], columns=6, rows=4, epochs=5, y="nats", caption="samples")
    live.update({"ELBO": [-250], "KL": [5]}, 1 - DIGITS, title="epoch 1 of 5")
    live.update({"ELBO": [-250, -180, -200], "KL": [5, 3, 4]}, DIGITS, title="epoch 3 of 5")
    curves, images = presentable(live.picture)
    assert line(curves, "ELBO").tolist() == [[1, -250], [2, -180], [3, -200]] and lines(curves)["KL"] == [5, 3, 4]
    assert curves.get_xlim() == (0.5, 5.5) and curves.get_ylim()[0] < -250 < 5 < curves.get_ylim()[1]
    assert (curves.get_title(), curves.get_ylabel(), images.get_title()) == ("epoch 3 of 5", "nats", "samples")
    np.testing.assert_allclose(digits_of(images), DIGITS, rtol=1e-6)


def test_moving_picture_shows_what_a_complete_drawing_shows():
    picture, axis = plots.canvas(height=2.5)
    plots.label(axis, "first", "x", "y")
    line, = axis.plot([0, 1], [0, 1])
    moving = plots.MovingPicture(picture, [line, axis.title])
    line.set_ydata([1, 0])
    axis.title.set_text("second")
    moved = np.asarray(Image.open(io.BytesIO(moving.png())), int)
    complete = np.asarray(Image.open(io.BytesIO(plots.png(picture))).convert("RGB"), int)
    assert np.mean(np.abs(moved - complete).max(axis=-1) > 60) < 1e-3  # but for edges where the line meets an axis
    assert (axis.get_xlabel(), axis.get_ylabel()) == ("x", "y")


def test_picture_shows_itself_and_is_the_same_each_time():
    drawn = [plots.histogram(DIGITS, 20, "x", "y")._repr_png_() for _ in range(2)]
    assert drawn[0] == drawn[1] and drawn[0].startswith(b"\x89PNG")
    assert plots.Picture(figsize=(1, 1))._repr_png_().startswith(b"\x89PNG")


def test_arrow_points_from_its_start_to_its_end():
    axis = on_axis(arrow, (0.1, 0.2), (0.8, 0.4))
    drawn, = axis.patches
    assert drawn._posA_posB == [(0.1, 0.2), (0.8, 0.4)] and drawn.get_arrowstyle().__class__.__name__ == "CurveFilledB"


def as_seen_with_deuteranopia(colour):
    """Return linear RGB as somebody without green cones sees it. Source: Machado, Oliveira and Fernandes (2009)."""
    rgb = np.asarray(to_rgb(colour))
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055)**2.4)
    matrix = [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]
    return np.clip(matrix @ linear, 0, 1)


def contrast(first, second):
    """Return the contrast of two colours, from 1 to 21. Source: Web Content Accessibility Guidelines (2018)."""
    light = []
    for colour in (first, second):
        rgb = np.asarray(to_rgb(colour))
        light.append(np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055)**2.4) @ [0.2126, 0.7152, 0.0722])
    return (max(light) + 0.05) / (min(light) + 0.05)


@pytest.mark.parametrize(("colour", "paper", "least"), [
    (INK, "white", 4.5), *((colour, "white", 3) for colour in SERIES[:3]),
    *((colour, paper, 3) for colour in wording.COLOURS.values() for paper in ("white", "#111111"))])
def test_text_first_curves_and_messages_stand_out_on_light_and_dark_pages(colour, paper, least):
    assert contrast("black", "white") == pytest.approx(21) and contrast(colour, paper) >= least


def test_neighbouring_colours_stay_apart_without_green_cones():
    seen = [as_seen_with_deuteranopia(colour)**(1 / 2.2) for colour in SERIES]
    distances = [np.linalg.norm(first - second) for first, second in itertools.pairwise(seen)]
    red_and_green = as_seen_with_deuteranopia("red"), as_seen_with_deuteranopia("#739300")
    assert np.linalg.norm(np.subtract(*red_and_green)) < 0.15  # the simulation does confuse what people confuse
    assert min(distances) > 0.18
