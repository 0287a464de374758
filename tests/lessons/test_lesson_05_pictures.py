"""Lesson 5: what its pictures draw and what its explorers do."""

import numpy as np
import pytest

from tests.drawing import *
from utils.lesson_05 import pictures

PICTURES = {
    "signed_images": lambda: pictures.signed_images(DIGITS - 0.5, columns=8, row_labels=["1 to 8", "9 to 16", "17 to 24"]),
    "over_code_size": lambda: pictures.over_code_size({"PCA": (np.arange(1, 65), 60 / np.arange(2, 66)),
                                                    "deep": ([2, 8, 32], [20, 9, 4])}, "error", {"the mean": 52}),
    "principal_angles": lambda: pictures.principal_angles({"random": [80, 85, 90], "network": [0.2, 0.1, 0]}),
    "draw_codes": lambda: on_axis(pictures.draw_codes, 9 * MEANS + 5, LABELS, (-20, 30, -15, 25)),
    "code_plane": lambda: pictures.code_plane(9 * MEANS + 5, LABELS, DIGITS[:16], (-20, 30, -15, 25)),
    "code_sources": lambda: pictures.code_sources(
        9 * MEANS, *(dict.fromkeys(("normal", "even"), numbers) for numbers in (MEANS[:6], DIGITS[:6])), (-9, 9) * 2),
    "unit_activity": lambda: pictures.unit_activity({"as it stands": np.zeros(8), "alive": np.linspace(0.1, 1, 8)}),
}


def test_every_signed_image_has_white_for_0_and_a_scale_of_its_own():
    ramp = np.linspace(-1, 2, 784)
    image, = pictures.signed_images(np.stack([ramp, 100 * ramp, 0 * ramp]), columns=3).axes[0].images
    sheet = np.asarray(image.get_array())
    first, second, third = (sheet[1:29, left:left + 28] for left in (1, 30, 59))
    np.testing.assert_allclose(first, second, atol=1e-6)
    np.testing.assert_allclose(third, 0.5)
    assert first.max() == 1 and first.min() == pytest.approx(0.25) and (image.norm.vmin, image.norm.vmax) == (0, 1)


def test_signed_images_refuse_weights_that_lie_the_other_way():
    with pytest.raises(ValueError, match=r"shape \(n, 784\), but got \(784, 16\).*transpose"):
        pictures.signed_images(np.ones((784, 16)))


def test_dead_units_are_counted_and_marked():
    axes = pictures.unit_activity({"some": np.array([0, 0.5, 0, 1.0])}).axes
    assert axes[0].get_title() == "some\n2 of 4 units dead"
    assert [bar.get_height() for bar in axes[0].patches] == [100, 50]
    assert axes[0].lines[0].get_xdata().tolist() == [3, 4]


def code():
    codes = np.concatenate([[[3.0, 2.0]], np.tile([[3.0, -2.0]], (7, 1)), np.tile([[3.1, -2.0]], (2, 1))])
    return code_explorer(decode_halves, codes, np.repeat([5, 4, 9], [1, 7, 2]), (-1, 9, -4, 6))


@pytest.mark.parametrize("explorer", ["code"], indirect=True)
@pytest.mark.parametrize(("first", "second", "says"), [
    (3.0, -2.0, "9 images near, mostly 4"), (3.25, -2.0, "2 images near, mostly 9"),
    (3.0, 2.0, "1 image near, mostly 5"), (8.0, 5.0, "0 images near")])
def test_code_explorer_begins_in_the_middle_of_the_codes_and_says_who_is_near(explorer, first, second, says):
    assert [control.value for control in explorer.controls.values()] == pytest.approx([3.0, -2.0])
    explorer.controls["first"].value, explorer.controls["second"].value = first, second
    assert words_when_redrawn(explorer)[-1].endswith(says)
