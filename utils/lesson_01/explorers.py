"""One neuron of two inputs: its weights and bias against its boundary and its loss (lesson 1)."""

import ipywidgets
import numpy as np
from matplotlib.colors import BoundaryNorm

from utils import plots
from utils.lesson_01 import pictures
from utils.plots.explorer import Explorer, slider

REACH, SIDE = 6.0, 49  # of the weights and the bias; of the landscape's grid
LEVELS = np.geomspace(0.05, 12.8, 17)  # of the loss, in nats: two bands double it


def neuron_explorer(draw_points, gradient):
    """Return an explorer of a logistic neuron: set its weights and bias by hand, or let the gradient do it.

    `draw_points(seed)` returns points (n, 2) and labels (n,), always as many; `gradient` is that of exercise 1.4.
    """
    weights = np.linspace(-REACH, REACH, SIDE)
    grid = np.stack(np.meshgrid(weights, weights), axis=-1).reshape(-1, 2)
    stepping, shown = False, None
    picture, (left, right) = plots.canvas(height=4.1, columns=2, width_ratios=(1, 1.12))
    points, labels = draw_points(1)
    pictures.draw_points(left, points, labels, "a title")
    zeros, ones = left.collections
    lines = [left.plot([0, 1], [0, 1], color=plots.BLACK, linewidth=width, linestyle=style, label=f"answer {answer}")[0]
             for answer, width, style in ((0.1, 1, ":"), (0.5, 1.8, "-"), (0.9, 1, "--"))]
    picture.legend(loc="outside lower left", ncols=5, frameon=False, fontsize=9)
    landscape = right.imshow(np.ones((SIDE, SIDE)), extent=(-REACH, REACH, -REACH, REACH), origin="lower",
                             cmap="Greys", norm=BoundaryNorm(LEVELS, 256, extend="both"), interpolation="bilinear",
                             interpolation_stage="data")
    lowest, = right.plot(0, 0, marker="*", markersize=13, color="white", markeredgecolor=plots.BLACK, linestyle="")
    cross, = right.plot(0, 0, marker="+", markersize=20, markeredgewidth=3, color=plots.ORANGE)
    bar = picture.colorbar(landscape, ax=right, shrink=0.85, ticks=LEVELS[::4], format="%.2g")
    bar.set_label("loss in nats", fontsize=9.5, color=plots.INK)
    plots.label(right, "a title", "first weight", "second weight")
    moving = plots.MovingPicture(picture, [zeros, ones, *lines, left.title, landscape, lowest, cross, right.title])

    def draw(first, second, bias, seed):
        nonlocal shown
        if stepping:  # three controls move at once: draw when the last one has
            return shown
        points, labels = draw_points(seed)
        sums, weights = points @ [first, second] + bias, np.array([first, second])
        for scatter, value in ((zeros, 0), (ones, 1)):
            scatter.set_offsets(points[labels == value])
        for line, log_odds in zip(lines, (-np.log(9), 0, np.log(9)), strict=True):  # ln(p / (1 - p)) of each answer
            line.set_data(*(pictures.boundary(weights, bias - log_odds).T if weights.any() else ([], [])))
        everywhere = _loss(grid @ points.T + bias, labels)
        landscape.set_data(everywhere.reshape(SIDE, SIDE))
        lowest.set_data(*grid[everywhere.argmin()][:, None])
        cross.set_data([first], [second])
        left.title.set_text(f"{np.sum((sums > 0) == labels)} of {len(labels)} right")
        right.title.set_text(f"loss {_loss(sums, labels):.3f} nats; lowest with this bias {everywhere.min():.3f}")
        shown = moving.png()
        return shown

    sliders = {"first": slider("first weight", -REACH, REACH, 1.5, 0.1),
               "second": slider("second weight", -REACH, REACH, -0.5, 0.1),
               "bias": slider("bias", -REACH, REACH, 0.5, 0.1)}
    seed = slider("draw of the points", 1, 30, 1)

    def step_down(steps):
        """Move the sliders to where so many steps lead at a rate of 1; without any, back to zero."""
        nonlocal stepping
        (points, labels), values = draw_points(seed.value), np.array([control.value for control in sliders.values()])
        for _ in range(steps):
            of_weights, of_bias = gradient(points, labels, values[:2], values[2])
            values = values - [*of_weights, of_bias]
        stepping = True
        for control, value in zip(sliders.values(), values * bool(steps), strict=True):
            # A slider that reports every change rounds what is set here to its step, and sends that back: too late, if
            # another button has been pressed in the meantime.
            control.continuous_update = False
            control.value = float(np.clip(value, -REACH, REACH))
            control.continuous_update = True
        stepping = False

    buttons = {ipywidgets.Button(description=words): lambda steps=steps: step_down(steps)
               for words, steps in {"1 step downhill": 1, "20 steps downhill": 20, "start at zero": 0}.items()}
    return Explorer(draw, buttons, **sliders, seed=seed)


def _loss(sums, labels):
    """Return the average cross-entropy over the last axis, in nats."""
    return np.mean(np.logaddexp(0, sums) - labels * sums, axis=-1)
