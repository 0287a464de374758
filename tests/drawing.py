"""What the tests of pictures and explorers share: data to draw, how to read a picture, and what all of them must do.

A picture's test draws it once, for data whose right picture is known, and asserts what is drawn. `presentable` returns
the picture that it is given, after asserting what holds for all.
"""

import base64
import io
import itertools
import time

import ipywidgets
import numpy as np
import pytest
from matplotlib.text import Text
from PIL import Image
from threadpoolctl import threadpool_limits

from utils import plots

RNG = np.random.default_rng(4)
DIGITS = RNG.random((24, 784))
LABELS = np.arange(200) % 10
MEANS = RNG.normal(size=(200, 2))
X = np.linspace(-4, 4, 161)
DENSITY = np.exp(-X**2 / 2) / np.sqrt(2 * np.pi)
BLOBS = np.tile(np.exp(-np.sum(np.mgrid[-2:2:41j, -2:2:41j]**2, axis=0)), (3, 1, 1))


# Reading a picture ------------------------------------------------------------------------------------------

def line(axis, label):
    """Return the line of this label as an array (points, 2)."""
    found, = (each for each in axis.lines if each.get_label() == label)
    return np.transpose(found.get_data())


def lines(axis):
    """Return {label: y values as a list} of the lines that the legend names."""
    return {each.get_label(): np.asarray(each.get_ydata()).tolist() for each in axis.lines
            if not each.get_label().startswith("_")}


def heights(axis):
    return [bar.get_height() for bar in axis.patches]


def widths(axis):
    return [bar.get_width() for bar in axis.patches]


def texts(axis):
    return [text.get_text() for text in axis.texts]


def dots(axis, number=0):
    return np.asarray(axis.collections[number].get_offsets())


def sheet(axis, number=0):
    """Return the values of one image of an axis, such as a mosaic, with NaN between its digits."""
    return np.ma.filled(np.ma.asarray(axis.images[number].get_array(), float), np.nan)


def digits_of(axis, number=0):
    """Return the digits of a mosaic, (n, 784), row by row, without the empty places at its end."""
    values = sheet(axis, number)
    rows, columns = (size // 29 for size in values.shape)
    squares = values[1:, 1:].reshape(rows, 29, columns, 29)[:, :28, :, :28].transpose(0, 2, 1, 3).reshape(-1, 784)
    return squares[~np.isnan(squares).any(axis=1)]


def on_axis(draw, *arguments, **options):
    """Return the one axis of a new picture after `draw` has drawn on it."""
    _, axis = plots.canvas(height=4)
    draw(axis, *arguments, **options)
    return axis


# What holds for every picture -------------------------------------------------------------------------------

def presentable(picture, labelled=True):
    """Return a picture's axes after asserting that it fits, is whole, and has labels (unless its callers label it)."""
    stored = picture._repr_png_()
    drawn = np.asarray(Image.open(io.BytesIO(stored)).convert("L"))
    assert max(drawn.shape) <= 924 and len(stored) < 150_000 and drawn.std() > 5
    assert np.concatenate([drawn[0], drawn[-1], drawn[:, 0], drawn[:, -1]]).min() > 250, "cut off at the rim"
    for axis in picture.axes if labelled else ():
        if axis.axison and axis.spines["bottom"].get_visible():
            assert axis.get_xlabel(), "no label below"
        if axis.get_subplotspec() is None:  # a colour bar
            assert axis.get_xlabel() or axis.get_ylabel(), "no label at the colour bar"
            continue
        # Panels that share an axis are labelled at the left; an axis whose ticks are words needs no label.
        words = any(not text.get_text().lstrip("−-").replace(".", "").isdigit() for text in axis.get_yticklabels())
        first = axis.get_subplotspec().colspan.start == 0
        if axis.axison and axis.spines["left"].get_visible() and first and not words:
            assert axis.get_ylabel(), "no label at the left"
    return picture.axes


# Explorers --------------------------------------------------------------------------------------------------

def decode_halves(latents):
    """A decoder without a network: a digit whose left half follows z₁ and whose right half follows z₂."""
    first, second = 1 / (1 + np.exp(-np.asarray(latents)[0]))
    return np.concatenate([np.full((1, 28, 14), first), np.full((1, 28, 14), second)], axis=-1).reshape(1, 784)


def button(explorer, description):
    row = next(child for child in explorer.box.children if isinstance(child, ipywidgets.HBox))
    return next(each for each in row.children if each.description == description)


def words_when_redrawn(explorer, **settings):
    """Set the explorer's controls and return the texts that move, as they are when the picture is drawn."""
    for name, value in settings.items():
        explorer.controls[name].value = value
    said, png = [], plots.MovingPicture.png

    def note(picture):
        said[:] = [artist.get_text() for artist in picture.artists if isinstance(artist, Text)]
        return png(picture)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(plots.MovingPicture, "png", note)
        explorer.redraw()
    return said


class ExplorerContract:
    """What holds for every explorer. A lesson's test inherits it and says how it is made: make = staticmethod(game)."""

    sliders_alone_redraw = True  # False where the sliders set what a button then uses

    def test_display_carries_the_widget_and_a_picture(self, explorer):
        bundle = explorer._repr_mimebundle_()
        view = bundle["application/vnd.jupyter.widget-view+json"]
        assert view == {"version_major": 2, "version_minor": 0, "model_id": explorer.box.model_id}
        picture = base64.b64decode(bundle["image/png"])
        assert picture == explorer.default and picture.startswith(b"\x89PNG") and 3_000 < len(picture) < 150_000
        assert bundle["text/plain"].startswith("Interactive picture")
        drawn = np.asarray(Image.open(io.BytesIO(picture)).convert("L"))
        assert np.concatenate([drawn[0], drawn[-1], drawn[:, 0], drawn[:, -1]]).min() > 250, "cut off at the rim"

    def test_every_slider_changes_the_picture_and_back(self, explorer):
        for control in explorer.controls.values() if self.sliders_alone_redraw else ():
            before, value = explorer.image.value, control.value
            control.value = next(end for end in ends(control) if end != value)
            assert explorer.image.value != before
            control.value = value
            assert explorer.image.value == before

    def test_stored_picture_is_that_of_the_controls_first_values(self, explorer):
        control = next(iter(explorer.controls.values()))
        control.value = ends(control)[0]
        assert explorer._repr_mimebundle_()["image/png"] == base64.b64encode(explorer.default).decode()

    def test_extremes_of_all_sliders_draw(self, explorer):
        controls = explorer.controls.values()
        for values in itertools.product(*map(ends, controls)):
            for control, value in zip(controls, values, strict=True):
                control.value = value
            assert bytes(explorer.image.value).startswith(b"\x89PNG")  # ipywidgets keeps a memoryview

    def test_redraw_takes_less_than_a_tenth_of_a_second(self, explorer):
        times = []
        with threadpool_limits(1):  # a thread that waits for others of its matrix products would count as busy
            for _ in range(8):
                began = time.thread_time()  # of this thread alone, and the shortest: the machine may be busy
                explorer.redraw()
                times.append(time.thread_time() - began)
        assert min(times) < 0.1


def ends(control):
    """Return the first and the last value of a slider or of a list to choose from."""
    return (control.options[0], control.options[-1]) if hasattr(control, "options") else (control.min, control.max)
