"""Lesson 11: what its pictures draw and what its explorers do."""

import numpy as np
import pytest

from tests.drawing import *
from utils import plots
from utils.lesson_11 import pictures

PICTURES = {
    "roc": lambda: pictures.roc({"moved": (np.linspace(0, 1, 9), np.linspace(0, 1, 9)**0.3),
                              "inverted": ([0, 0, 1], [0, 1, 1])}),
    "areas_by_digit": lambda: pictures.areas_by_digit({"VAE": DIGITS[0, :10], "nearest neighbour": DIGITS[1, :10]}),
    "score_histograms": lambda: pictures.score_histograms({"digits": 90 + 20 * MEANS[:, 0], "scraps": 50 + MEANS[:, 1]},
                                                       {"blank": 30.0}, "−ELBO in nats"),
    "answers": lambda: pictures.answers(DIGITS[:2], DIGITS[2:4] > 0.5, DIGITS[:16].reshape(2, 8, 784),
                                     np.eye(10)[[3, 8]]),
    "code_lengths": lambda: pictures.code_lengths({"plain": 784, "PNG": 1200.4, "VAE": 140}, ours=("VAE",)),
    "data_hunger": lambda: pictures.data_hunger([100, 1000, 10000], [-90, -120, -131], [-165, -137, -132]),
    "axis_correlations": lambda: pictures.axis_correlations({"as trained": MEANS[:12, 0] / 4, "turned": MEANS[:12, 1] / 4},
                                                         0.9),
    "bias": lambda: pictures.bias([0.1, 0.5, 0.9], [0.1, 0.5, 0.97], {"digit 7": [90, 85, 80], "others": [110, 113, 125]}),
    "growing": lambda: pictures.growing([28, 64, 256], {"weights": [1e4, 1e4, 1e4], "work": [1e5, 1e6, 1e7]},
                                     "side in pixels", "number"),
    "accuracies": lambda: pictures.accuracies({"real": [0.9, 0.91], "generated": [0.85, 0.86, 0.84]}),
    "draw_fill_ins": lambda: fill_ins(),
}


def fill_ins():
    picture, axes = plots.canvas(height=2.5, columns=3)
    drawn = pictures.draw_fill_ins(axes, ["visible", "drawn", "average"], [True, False, False])
    pictures.move_fill_ins(*drawn[:2], DIGITS[:3], 20, 4, 14)
    return picture


def draw_starts(images, visible, starts, seed):
    """A sampler without a model: what each chain starts with, shaded by the seed."""
    return visible * images + (1 - visible) * starts * (1 - seed / 100)


WITH_HOLES = np.repeat(RNG.random((9, 28, 7)) < 0.3, 4, axis=-1).reshape(9, 784)


def mask():
    return mask_explorer(draw_starts, WITH_HOLES)


@mask_only
@pytest.mark.parametrize(("number", "row", "column", "size"), [(0, 2, 5, 9), (8, 20, 22, 14)])
def test_mask_says_on_how_many_hidden_pixels_the_chains_agree(explorer, number, row, column, size):
    """Of chains that stay at their starts, twelve of the other eight images in turn, none of the image itself."""
    for name, value in {"number": number, "row": row, "column": column, "size": size}.items():
        explorer.controls[name].value = value
    others = [WITH_HOLES[place] for place in range(9) if place != number]
    average = np.mean([others[chain % 8].reshape(28, 28) for chain in range(12)], axis=0) * (1 - number / 100)
    hidden = average[row:row + size, column:column + size]
    agreed = np.sum((hidden < 0.1) | (hidden > 0.9))
    assert 0 < agreed < hidden.size
    assert words_when_redrawn(explorer) == [f"average of all 12; they\nagree on {agreed} of {hidden.size} pixels"]


@mask_only
def test_mask_shows_the_sampler_the_square_and_shows_what_it_drew(explorer):
    explorer.controls["number"].value, explorer.controls["column"].value = 5, 18
    shown = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(AxesImage, "set_data", lambda image, digit: shown.append(np.array(digit)))
        explorer.redraw()
    visible, *drawn, average, image = shown
    true, square = WITH_HOLES[5].reshape(28, 28), np.s_[4:18, 18:32]
    np.testing.assert_array_equal(image, true)
    assert np.all(visible[square] == 0)
    for digit, other in zip([visible, *drawn], [true, *WITH_HOLES[[0, 1, 2, 3, 4]].reshape(-1, 28, 28)], strict=True):
        if digit is not visible:
            np.testing.assert_allclose(digit[square], 0.95 * other[square], rtol=1e-6)
        digit[square] = true[square]
        np.testing.assert_array_equal(digit, true)
    assert np.ptp(average[square]) > 0.3


def test_mask_explorer_wants_other_images_to_start_from():
    with pytest.raises(ValueError, match="two images or more"):
        mask_explorer(draw_starts, WITH_HOLES[:1])
