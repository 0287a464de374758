"""Lesson 12: what its pictures draw and what its explorers do."""

import pytest

from tests.drawing import *
from utils.lesson_12 import pictures

PICTURES = {
    "roofline": lambda: pictures.roofline([1, 16, 256], [0.5, 8, 100], [5e9, 5e10, 7e10]),
    "floors": lambda: pictures.floors({"VAE": (2.5, 5.5), "GAN": (9.0, 12.0)}),
    "speed_ups": lambda: pictures.speed_ups({"batch 128": [1, 1.1, 1.3], "batch 512": [0.5, 0.6, 0.55]}, "batch 128"),
    "draw_paths": lambda: on_axis(pictures.draw_paths, PATHS, "images", "nats"),
    "paths": lambda: pictures.paths(PATHS, "images", "nats"),
    "two_clocks": lambda: pictures.two_clocks(PATHS, PATHS, "nats"),
    "streams": lambda: pictures.streams(PATHS, {"streamed": ([0, 10, 60], [0, 3, 3.5])}, 188, "nats"),
    "flow": lambda: pictures.flow(X, DENSITY, X + X**3 / 3, DENSITY / (1 + X**2), MEANS[:, 0] + MEANS[:, 0]**3 / 3),
    "draw_epoch_costs": lambda: on_axis(pictures.draw_epoch_costs, [8, 64, 512], 60_000),
}


def batch():
    return batch_explorer(per_step=1e-3, per_image=2e-5, arithmetic=4e-5)


@pytest.mark.parametrize("explorer", ["batch"], indirect=True)
@pytest.mark.parametrize(("batch", "work", "says"), [
    (128, 1, "469 steps: 4.07 s, of which 12% for the steps, 59% arithmetic"),
    (8, 1, "7,500 steps: 11.1 s, of which 68% for the steps, 22% arithmetic"),
    (8192, 256, "8 steps: 616 s, of which 0% for the steps, 100% arithmetic")])
def test_batch_explorer_says_what_an_epoch_costs_and_why(explorer, batch, work, says):
    """60,000 images: 1.2 s besides the arithmetic, 2.4 s of arithmetic, and a millisecond a step."""
    explorer.controls["batch"].value, explorer.controls["work"].value = batch, work
    assert words_when_redrawn(explorer) == [says]


def test_batch_explorer_refuses_a_negative_cost():
    with pytest.raises(ValueError, match=r"costs of 0 seconds or more, but got .* -2e-05"):
        batch_explorer(1e-3, -2e-5, 1e-5)
