"""A race of optimisers down a valley (lesson 3)."""

import ipywidgets
import numpy as np

from utils import plots
from utils.lesson_03 import pictures
from utils.lesson_03.study import LOSS_SURFACES, race
from utils.plots.explorer import Explorer, slider

FLOOR = 1e-2  # an optimiser has arrived once it is lower than this


def optimiser_race(steps=60):
    """Return an explorer of SGD, momentum and Adam on contours, each so many steps long."""
    scenes = {name: _scene(valley, steps) for name, valley in LOSS_SURFACES.items()}

    def draw(valley, learning_rate, momentum):
        height, slope, start = LOSS_SURFACES[valley]
        moving, lines, title = scenes[valley]
        with np.errstate(over="ignore", invalid="ignore"):  # SGD may diverge here: that is a thing to see
            paths = race(slope, start, steps, 10.0**learning_rate, momentum)
            arrivals = (f"{name} {next(iter(np.flatnonzero(height(points) < FLOOR)), 'never')}"
                        for name, points in paths.items())
            title.set_text("steps to 0.01: " + ", ".join(arrivals))
        pictures.move_race(lines, height, paths)
        return moving.png()

    valleys = ipywidgets.Dropdown(options=list(LOSS_SURFACES), value="straight", description="valley")
    return Explorer(draw, valley=valleys, learning_rate=slider("learning rate, 10^", -2.5, -0.3, -0.8, 0.05),
                    momentum=slider("momentum", 0.0, 0.98, 0.8, 0.02))


def _scene(valley, steps):
    """Return one valley's picture with empty lines, those lines, and the title that names who arrived."""
    picture, (plane, heights) = plots.canvas(height=3.4, columns=2, width_ratios=(1.25, 1))
    pictures.draw_surface(plane, valley.height, (-4.8, 4.8, -3.2, 3.2))
    plane.plot(*valley.start, marker="*", markersize=11, color=plots.ORANGE, zorder=3)
    ways, levels = lines = pictures.draw_race(plane, heights, steps)
    picture.legend(handles=ways, frameon=False, fontsize=9, loc="outside upper right", ncols=3)
    plane.set_title("a title", fontsize=9.5, color=plots.INK)
    return plots.MovingPicture(picture, [*ways, *levels, plane.title]), lines, plane.title
