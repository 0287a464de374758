"""Lesson 3: what its pictures draw and what its explorers do."""

import numpy as np
import pytest

from tests.drawing import *
from utils import plots
from utils.lesson_03 import pictures

PICTURES = {
    "agreement": lambda: pictures.agreement({"first": MEANS, "second": 2 * MEANS},
                                         {"first": MEANS + 1e-7, "second": 2 * MEANS + 1e-6}),
    "races": lambda: pictures.races({"bent": valley_and_race(), "again": valley_and_race()}),
    "draw_surface": lambda: on_axis(pictures.draw_surface, LOSS_SURFACES["bent"].height, (-4, 4, -2, 2), "title"),
    "draw_race": lambda: two_axes(pictures.draw_race, 30),
    "schedules": lambda: pictures.schedules(X, {"constant": 0.3 + 0 * X, "cosine": DENSITY},
                                         {"constant": [3, 2], "cosine": [3, 1]}, "loss in nats"),
    "overfitting": lambda: pictures.overfitting({"plain": HISTORY, "dropout": HISTORY}, "loss in nats"),
    "convolution": lambda: pictures.convolution(PRODUCTS, PRODUCTS[:3, :3], PRODUCTS[:4, :3], (1, 2)),
    "feature_maps": lambda: pictures.feature_maps(DIGITS[0].reshape(28, 28), {"edges": MEANS[:9] @ MEANS[:9].T}),
    "receptive_fields": lambda: pictures.receptive_fields(DIGITS[0].reshape(28, 28), {"3 × 3": FIELD, "22 × 22": FIELD.T}),
    "trust": lambda: pictures.trust({"test images": (0.99, 0.98), "noise": (None, 0.6)}),
}


def valley_and_race():
    height, slope, start = LOSS_SURFACES["bent"]
    return height, race(slope, start, 12, 0.1, 0.8)


def test_receptive_field_is_outlined_where_the_unit_sees_something():
    outline = pictures.receptive_fields(DIGITS[0].reshape(28, 28), {"5 × 9": FIELD}).axes[0].patches[0]
    assert (outline.get_x(), outline.get_y()) == (3.5, 9.5)  # a mosaic has one line of white before the first pixel
    assert (outline.get_width(), outline.get_height()) == (9, 5)


def test_convolution_shows_no_negative_zero():
    tiny = np.array([[-0.01, -0.2]])
    texts = [text.get_text() for text in pictures.convolution(tiny, tiny, tiny, (0, 0)).axes[0].texts]
    assert texts == ["0.0", "−0.2"]


def test_race_that_diverges_leaves_the_picture_and_not_the_others():
    _, axes = plots.canvas(height=3, columns=2)
    lines = pictures.draw_race(*axes, 3)
    away = np.array([[1, 1], [1e5, 1], [1e9, 1], [np.inf, np.nan]])
    pictures.move_race(lines, LOSS_SURFACES["straight"].height, {"SGD": away, "momentum": away[:1], "Adam": away[:2]})
    assert np.isfinite(lines[0][0].get_xdata()).tolist() == [True, True, False, False]
    assert lines[1][2].get_ydata()[0] == pytest.approx(0.5 * (0.1 + 10))


@pytest.mark.parametrize(("draw", "match"), [
    (lambda: plots.captioned(DIGITS[:3], ["only one"]), "one caption for each image, but got 1 captions for 3 images"),
    (lambda: plots.captioned(255 * DIGITS[:1], ["grey values"]), r"values in \[0, 1\], but got .*Use to_unit_range"),
    (lambda: pictures.agreement({"a": MEANS}, {"a": MEANS.T}), "same names and shapes.*fan_in, fan_out"),
])
def test_pictures_of_lesson_3_refuse_what_does_not_fit(draw, match):
    with pytest.raises(ValueError, match=match):
        draw()


@race_only
@pytest.mark.parametrize(("learning_rate", "momentum", "says"), [
    (-0.8, 0.8, "SGD never, momentum 29, Adam 34"), (-0.3, 0.5, "SGD never, momentum never")])
def test_race_says_who_arrived_and_when(explorer, learning_rate, momentum, says):
    explorer.controls["learning_rate"].value, explorer.controls["momentum"].value = learning_rate, momentum
    said, = words_when_redrawn(explorer)
    assert says in said
