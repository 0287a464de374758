"""Training and convolution (lesson 3): optimisers on a valley, overfitting, kernels, and what a classifier believes."""

import numpy as np
from matplotlib.patches import Rectangle

from utils.plots.canvas import BLACK, BLUE, GRID, INK, ORANGE, RED, SERIES, WIDTH, canvas, finish
from utils.plots.charts import draw_line_chart
from utils.plots.images import draw_digits

LOWEST_HEIGHT = 1e-4  # a race's heights are drawn on a logarithmic axis that ends here
_RACERS = {"SGD": (BLUE, "-", "o"), "momentum": (RED, "-", "s"), "Adam": (BLACK, "--", "^")}  # not by colour alone


def agreement(ours, theirs):
    """Return two panels: numbers computed in two ways, name → array, against each other, and how far apart they are."""
    shapes, others = ({name: np.shape(array) for name, array in arrays.items()} for arrays in (ours, theirs))
    if shapes != others:
        raise ValueError("agreement wants two dictionaries with the same names and shapes. Give both gradients in the "
                         "layout (fan_in, fan_out).")
    picture, (left, right) = canvas(height=3.4, columns=2)
    for (name, array), colour, marker in zip(ours.items(), SERIES, "os^v", strict=False):
        first, second = np.ravel(array).astype(float), np.ravel(theirs[name]).astype(float)
        few = np.random.default_rng(0).permutation(len(first))[:2_000]
        # Layers with large gradients lie below those with small ones, which they would cover.
        left.plot(first[few], second[few], marker, color=colour, markersize=3, label=name, zorder=3 - np.ptp(first))
        apart = np.abs(second - first)
        right.hist(np.log10(np.maximum(apart[apart > 0], 1e-12)), np.linspace(-12, -4, 33), histtype="step",
                   linewidth=1.8, color=colour, label=name, weights=np.full(np.sum(apart > 0), 100 / apart.size))
    left.axline((0, 0), slope=1, color="#777777", linewidth=1, zorder=0)
    right.axvline(-5, color="#777777", linestyle="--", linewidth=1)
    right.annotate("1e-5", (-5, 1), xycoords=("data", "axes fraction"), xytext=(-3, -10), textcoords="offset points",
                   ha="right", fontsize=8.5, color="#555555")
    finish(left, "", "gradient by backpropagation in NumPy", "gradient by the tape", legend={})
    finish(right, "", "log₁₀ of the difference (equal numbers not shown)", "share of the weights in percent")
    return picture


def draw_surface(axis, height, reach, title=""):
    """Draw the contours of a function of points (…, 2) → (…), lowest at 0; `reach` is (left, right, bottom, top)."""
    across, up = np.meshgrid(np.linspace(*reach[:2], 121), np.linspace(*reach[2:], 121))
    axis.contour(across, up, height(np.stack([across, up], axis=-1)), [0.02, 0.1, 0.3, 0.8, 2, 5, 12, 30, 70],
                 colors="#AAAAAA", linewidths=0.8)
    finish(axis, title, "parameter θ₁", "parameter θ₂", grid=False, xlim=reach[:2], ylim=reach[2:])


def draw_race(valley_axis, height_axis, steps):
    """Draw the lines of a race, empty at first, and return them: (ways, heights), each one line an optimiser."""
    ways, heights = [], []
    for name, (colour, line, marker) in _RACERS.items():
        style = {"color": colour, "linestyle": line, "linewidth": 1.4, "label": name}
        ways += valley_axis.plot([], [], marker=marker, markersize=2.8, **style)
        heights += height_axis.plot([], [], **style)
    finish(height_axis, "", "step", "height above the lowest point", yscale="log", xlim=(0, steps),
           ylim=(LOWEST_HEIGHT, 1e2))
    return ways, heights


def move_race(lines, height, paths):
    """Show paths, optimiser → points (steps + 1, 2), in the lines of `draw_race` and in their order."""
    for way, line, points in zip(*lines, paths.values(), strict=True):
        with np.errstate(over="ignore", invalid="ignore"):  # a race that diverges leaves the picture
            points = np.where(np.abs(points) < 1e6, points, np.nan)
            way.set_data(*points.T)
            line.set_data(np.arange(len(points)), np.maximum(height(points), LOWEST_HEIGHT / 10))


def races(valleys):
    """Return paths on contours above their heights by step; `valleys` is title → (height function, `race`'s paths)."""
    picture, axes = canvas(height=5.6, rows=2, columns=len(valleys), height_ratios=(1.25, 1), squeeze=False)
    for (title, (height, paths)), (above, below) in zip(valleys.items(), axes.T, strict=True):
        lines = draw_race(above, below, len(paths["SGD"]) - 1)
        draw_surface(above, height, (-4.6, 1.6, -3.6, 2.4), title)
        above.plot(*paths["SGD"][0], marker="*", markersize=11, color=ORANGE, zorder=3)
        move_race(lines, height, paths)
    for axis in axes[:, 1:].ravel():
        axis.set_ylabel("")
    axes[0, 0].legend(frameon=False, fontsize=9, loc="lower left", ncols=3)
    return picture


def rate_sweeps(rates, sweeps):
    """Return panels by title of the heights at the end, optimiser → (n, starts), against the learning rates (n,)."""
    picture, axes = canvas(height=3.4, columns=len(sweeps), sharey=True, squeeze=False)
    for axis, (title, heights) in zip(axes[0], sweeps.items(), strict=True):
        for name, (colour, line, marker) in _RACERS.items():
            quarter, median, three_quarters = np.quantile(heights[name], (0.25, 0.5, 0.75), axis=1)
            axis.fill_between(rates, quarter, three_quarters, color=colour, alpha=0.2, linewidth=0)
            axis.plot(rates, median, color=colour, linestyle=line, linewidth=1.6, label=name, marker=marker,
                      markevery=[median.argmin()], markersize=8)
        finish(axis, title, "learning rate (logarithmic)", "height at the end (log.)" if axis is axes[0, 0] else "",
               legend=None if axis is axes[0, 0] else {}, xscale="log", yscale="log", ylim=(LOWEST_HEIGHT / 10, 1e2))
        axis.xaxis.set_major_formatter("{x:g}")
    return picture


def schedules(steps, rates, curves, y):
    """Return two panels: learning rates by name over the steps of a training, and curves of the same names by epoch."""
    picture, (left, right) = canvas(height=3.2, columns=2)
    for (name, values), colour, line in zip(rates.items(), SERIES, ("-", "--", "-.", ":", "-"), strict=False):
        left.plot(steps, values, color=colour, linestyle=line, linewidth=1.8, label=name)
    finish(left, "", "step", "learning rate")
    draw_line_chart(right, curves, "", "epoch", y)
    return picture


def overfitting(histories, y):
    """Return a panel of both losses for each of name → Keras' history; `y` names the losses with their unit."""
    picture, axes = canvas(height=3.0, columns=len(histories), sharey=True, squeeze=False)
    for axis, (name, history) in zip(axes[0], histories.items(), strict=True):
        draw_line_chart(axis, {"training": history["loss"], "validation": history["val_loss"]}, name)
        lowest = int(np.argmin(history["val_loss"]))
        axis.plot(lowest + 1, history["val_loss"][lowest], marker="o", markersize=6, color=RED)
        axis.get_legend().set_visible(axis is axes[0, 0])
    # The first epochs leave the picture, so that the rise after the lowest point can be seen.
    axes[0, 0].set_ylim(0, 2 * max(min(history["val_loss"]) for history in histories.values()))
    axes[0, 0].set_ylabel(y, fontsize=9.5, color=INK)
    return picture


def convolution(image, kernel, result, place):
    """Return one step of a convolution in numbers: a patch, the kernel, and the sum at `place` in the result."""
    image, kernel, result = map(np.asarray, (image, kernel, result))
    picture, axes = canvas(height=3.1, columns=3)
    span = max(image.shape + kernel.shape + result.shape) / 2 + 0.1  # one for all three, so that all cells are alike
    parts = (("image", image, place, kernel.shape), ("kernel", kernel, (0, 0), kernel.shape),
             ("result", result, place, (1, 1)))
    for axis, (title, array, (top, left), (rows, columns)) in zip(axes, parts, strict=True):
        extreme = np.abs(array).max() or 1
        axis.imshow(array, cmap="PuOr_r", vmin=-2.2 * extreme, vmax=2.2 * extreme)  # pale: numbers stand on it
        for (row, column), value in np.ndenumerate(array):
            text = f"{np.round(value, 1) + 0.0:.1f}".replace("-", "−")  # + 0.0 turns −0 into 0
            axis.text(column, row, text, ha="center", va="center", fontsize=9, color=INK)
        axis.add_patch(Rectangle((left - 0.5, top - 0.5), columns, rows, fill=False, edgecolor=RED, linewidth=2.5))
        middle = (np.array(array.shape) - 1) / 2
        axis.set(xlim=(middle[1] - span, middle[1] + span), ylim=(middle[0] + span, middle[0] - span))
        axis.set_axis_off()
        axis.set_title(f"{title}, {array.shape[0]} × {array.shape[1]}", fontsize=10.5, color=INK)
    return picture


def feature_maps(image, maps, columns=5):
    """Return an image and the maps by title that kernels make of it: orange above zero, violet below, white at zero."""
    rows = -(-(len(maps) + 1) // columns)
    picture, axes = canvas(height=rows * (WIDTH / columns + 0.3), rows=rows, columns=columns, squeeze=False)
    first, *others = axes.ravel()
    draw_digits(first, image[None], 1, "image")
    for axis, (title, values) in zip(others, maps.items(), strict=False):
        extreme = np.abs(values).max() or 1
        axis.imshow(values, cmap="PuOr_r", vmin=-extreme, vmax=extreme)
        axis.set_title(title, fontsize=10.5, color=INK)
    for axis in others:
        axis.set_axis_off()
    return picture


def receptive_fields(image, fields):
    """Return an image with the squares that units of deeper and deeper layers see, where fields (28, 28) are not 0."""
    picture, axes = canvas(height=WIDTH / len(fields) + 0.3, columns=len(fields), squeeze=False)
    for axis, (title, field) in zip(axes[0], fields.items(), strict=True):
        draw_digits(axis, image[None], 1, title)
        rows, columns = np.nonzero(field)
        axis.add_patch(Rectangle((columns.min() + 0.5, rows.min() + 0.5), np.ptp(columns) + 1, np.ptp(rows) + 1,
                                 fill=False, edgecolor=ORANGE, linewidth=2.5))
    return picture


def trust(rows):
    """Return bars for kinds of images, each (share right in [0, 1] or None, average highest probability in [0, 1])."""
    picture, axis = canvas(height=1.0 + 0.45 * len(rows))
    places, (right, sure) = np.arange(len(rows)), np.array(list(rows.values()), float).T  # NaN for None
    axis.barh(places - 0.19, 100 * sure, 0.34, color=ORANGE, label="how sure it is")
    axis.barh(places + 0.19, 100 * np.nan_to_num(right), 0.34, color=BLUE, label="how often right")
    for place in places[np.isnan(right)]:
        axis.text(1, place + 0.19, "no digit, so nothing to be right about", va="center", fontsize=8.5, color=INK)
    axis.set_yticks(places, rows)
    axis.invert_yaxis()
    axis.grid(axis="x", color=GRID, linewidth=0.6)
    axis.set_axisbelow(True)
    picture.legend(frameon=False, fontsize=9, loc="outside upper center", ncols=2)
    finish(axis, "", "percent", grid=False, xlim=(0, 100))
    return picture
