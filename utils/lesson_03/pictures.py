"""Training and convolution (lesson 3): optimisers on a valley, overfitting, kernels, and what a classifier believes."""

import numpy as np
from matplotlib.patches import Rectangle

from utils.plots.canvas import BLACK, BLUE, GRID, INK, ORANGE, RED, SERIES, WIDTH, canvas, label
from utils.plots.charts import draw_line_chart
from utils.plots.images import draw_digits

LOWEST_HEIGHT = 1e-4  # a race's heights are drawn on a logarithmic axis that ends here
HIGHEST_HEIGHT = 1e2
_RACERS = (("-", "o"), ("-", "s"), ("--", "^"))  # line and marker of each optimiser: not told apart by colour alone


def agreement(ours, theirs):
    """Return two panels: numbers computed in two ways against each other, and how far apart they are.

    Args:
        ours, theirs: dictionaries of name → array, with the same names and shapes.

    Raises:
        ValueError: if names or shapes differ.
    """
    if {name: np.shape(array) for name, array in ours.items()} != {
            name: np.shape(array) for name, array in theirs.items()}:
        raise ValueError("agreement wants two dictionaries with the same names and shapes. Give both gradients in the "
                         "layout (fan_in, fan_out).")
    picture, (left, right) = canvas(height=3.4, columns=2)
    edges = np.linspace(-12, -4, 33)
    for (name, array), colour, marker in zip(ours.items(), SERIES, "os^v", strict=False):
        first, second = np.ravel(array).astype(float), np.ravel(theirs[name]).astype(float)
        few = np.random.default_rng(0).permutation(len(first))[:2_000]
        # Layers with large gradients lie below those with small ones, which they would cover.
        left.plot(first[few], second[few], marker, color=colour, markersize=3, label=name, zorder=3 - np.ptp(first))
        apart = np.abs(second - first)
        right.hist(np.log10(np.maximum(apart[apart > 0], 1e-12)), edges, histtype="step", linewidth=1.8, color=colour,
                   label=name, weights=np.full(np.sum(apart > 0), 100 / apart.size))
    left.axline((0, 0), slope=1, color="#777777", linewidth=1, zorder=0)
    left.legend(frameon=False, fontsize=9)
    right.axvline(-5, color="#777777", linestyle="--", linewidth=1)
    right.annotate("1e-5", (-5, 1), xycoords=("data", "axes fraction"), xytext=(-3, -10), textcoords="offset points",
                   ha="right", fontsize=8.5, color="#555555")
    for axis in (left, right):
        axis.grid(color=GRID, linewidth=0.6)
    label(left, "", "gradient by backpropagation in NumPy", "gradient by the tape")
    label(right, "", "log₁₀ of the difference (equal numbers not shown)", "share of the weights in percent")
    return picture


def draw_surface(axis, height, reach, title=""):
    """Draw the contours of a function of two parameters.

    Args:
        height: function of points (…, 2) → (…), lowest at 0.
        reach: (left, right, bottom, top) of the picture.
    """
    left, right, bottom, top = reach
    grid = np.stack(np.meshgrid(np.linspace(left, right, 121), np.linspace(bottom, top, 121)), axis=-1)
    levels = [0.02, 0.1, 0.3, 0.8, 2, 5, 12, 30, 70]
    axis.contour(grid[..., 0], grid[..., 1], height(grid), levels, colors="#AAAAAA", linewidths=0.8)
    axis.set(xlim=(left, right), ylim=(bottom, top))
    label(axis, title, "parameter θ₁", "parameter θ₂")


def draw_race(valley_axis, height_axis, steps):
    """Draw the lines of a race, empty at first, and return them: (ways, heights), each one line an optimiser."""
    ways, heights = [], []
    for name, colour, (line, marker) in zip(("SGD", "momentum", "Adam"), (BLUE, RED, BLACK), _RACERS):
        style = {"color": colour, "linestyle": line, "linewidth": 1.4, "label": name}
        ways += valley_axis.plot([], [], marker=marker, markersize=2.8, **style)
        heights += height_axis.plot([], [], **style)
    height_axis.set(yscale="log", xlim=(0, steps), ylim=(LOWEST_HEIGHT, HIGHEST_HEIGHT))
    height_axis.grid(color=GRID, linewidth=0.6)
    label(height_axis, "", "step", "height above the lowest point")
    return ways, heights


def move_race(lines, height, paths):
    """Show other paths in the lines that `draw_race` returned.

    Args:
        lines: (ways, heights).
        height: function of points (…, 2) → (…).
        paths: dictionary of optimiser → points (steps + 1, 2), in the order of the lines.
    """
    for way, line, points in zip(*lines, paths.values(), strict=True):
        with np.errstate(over="ignore", invalid="ignore"):  # a race that diverges leaves the picture
            points = np.where(np.abs(points) < 1e6, points, np.nan)
            way.set_data(*points.T)
            line.set_data(np.arange(len(points)), np.maximum(height(points), LOWEST_HEIGHT / 10))


def races(valleys):
    """Return the paths of SGD, momentum and Adam on contours, above their heights step by step.

    Args:
        valleys: dictionary of title → (height function, paths as `utils.optimisers.race` returns them).
    """
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


def schedules(steps, rates, curves, y):
    """Return two panels: learning rates over the steps of a training, and what came of them epoch by epoch.

    Args:
        steps: numbers of some steps, rising.
        rates: dictionary of name → learning rate at each of these.
        curves: the same names → a value for each epoch.
        y: what the values are, with their unit.
    """
    picture, (left, right) = canvas(height=3.2, columns=2)
    for (name, values), colour, line in zip(rates.items(), SERIES, ("-", "--", "-.", ":", "-"), strict=False):
        left.plot(steps, values, color=colour, linestyle=line, linewidth=1.8, label=name)
    left.grid(color=GRID, linewidth=0.6)
    label(left, "", "step", "learning rate")
    draw_line_chart(right, curves, "", "epoch", y)
    return picture


def overfitting(histories, y):
    """Return one panel a model: its loss on the images it trains on, and on those it has never seen.

    Args:
        histories: dictionary of name → Keras' history with "loss" and "val_loss".
        y: what the values are, with their unit.
    """
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
    """Return one step of a convolution in numbers: a patch, the kernel, and the sum of their products.

    Args:
        image, kernel, result: arrays of rank 2; `result` as "valid" gives it.
        place: (row, column) of the sum in the result, whose patch is outlined.
    """
    arrays = [np.asarray(array) for array in (image, kernel, result)]
    picture, axes = canvas(height=3.1, columns=3)
    corners, sizes = (place, (0, 0), place), (arrays[1].shape, arrays[1].shape, (1, 1))
    span = max(max(array.shape) for array in arrays) / 2 + 0.1  # the same for all three, so that all cells are alike
    for axis, array, title, corner, size in zip(axes, arrays, ("image", "kernel", "result"), corners, sizes):
        extreme = np.abs(array).max() or 1
        axis.imshow(array, cmap="PuOr_r", vmin=-2.2 * extreme, vmax=2.2 * extreme)  # pale: numbers stand on it
        for (row, column), value in np.ndenumerate(array):
            text = f"{np.round(value, 1) + 0.0:.1f}".replace("-", "−")  # + 0.0 turns −0 into 0
            axis.text(column, row, text, ha="center", va="center", fontsize=9, color=INK)
        axis.add_patch(Rectangle((corner[1] - 0.5, corner[0] - 0.5), size[1], size[0], fill=False, edgecolor=RED,
                                 linewidth=2.5))
        middle = (np.array(array.shape) - 1) / 2
        axis.set(xlim=(middle[1] - span, middle[1] + span), ylim=(middle[0] + span, middle[0] - span))
        axis.set_axis_off()
        axis.set_title(f"{title}, {array.shape[0]} × {array.shape[1]}", fontsize=10.5, color=INK)
    return picture


def feature_maps(image, maps, columns=5):
    """Return an image and the maps that kernels make of it: orange above zero, violet below, white at zero.

    Args:
        image: (28, 28) in [0, 1].
        maps: dictionary of title → array of rank 2; each has a scale of its own.
    """
    rows = -(-(len(maps) + 1) // columns)
    picture, axes = canvas(height=rows * (WIDTH / columns + 0.3), rows=rows, columns=columns, squeeze=False)
    panels = axes.ravel()
    draw_digits(panels[0], image[None], 1, "image")
    for axis, (title, values) in zip(panels[1:], maps.items(), strict=False):
        extreme = np.abs(values).max() or 1
        axis.imshow(values, cmap="PuOr_r", vmin=-extreme, vmax=extreme)
        axis.set_title(title, fontsize=10.5, color=INK)
    for axis in panels[1:]:
        axis.set_axis_off()
    return picture


def receptive_fields(image, fields):
    """Return an image with the squares that single units of deeper and deeper layers can see.

    Args:
        image: (28, 28) in [0, 1].
        fields: dictionary of title → (28, 28) array, not 0 where the unit's value depends on the pixel.
    """
    picture, axes = canvas(height=WIDTH / len(fields) + 0.3, columns=len(fields), squeeze=False)
    for axis, (title, field) in zip(axes[0], fields.items(), strict=True):
        draw_digits(axis, image[None], 1, title)
        rows, columns = (np.flatnonzero(np.any(field, axis=other)) for other in (1, 0))
        axis.add_patch(Rectangle((columns[0] + 0.5, rows[0] + 0.5), np.ptp(columns) + 1, np.ptp(rows) + 1, fill=False,
                                 edgecolor=ORANGE, linewidth=2.5))
    return picture


def trust(rows):
    """Return, for each kind of images, how often a classifier is right and how sure it is of itself.

    Args:
        rows: dictionary of kind → (share right, average highest probability), both in [0, 1]; None for a share where
            nothing is right or wrong.
    """
    picture, axis = canvas(height=1.0 + 0.45 * len(rows))
    for place, (right, sure) in enumerate(rows.values()):
        axis.barh(place - 0.19, 100 * sure, 0.34, color=ORANGE, label="how sure it is" if place == 0 else None)
        axis.barh(place + 0.19, 100 * (right or 0), 0.34, color=BLUE, label="how often right" if place == 0 else None)
        if right is None:
            axis.text(1, place + 0.19, "no digit, so nothing to be right about", va="center", fontsize=8.5, color=INK)
    axis.set_yticks(range(len(rows)), rows)
    axis.invert_yaxis()
    axis.set_xlim(0, 100)
    axis.grid(axis="x", color=GRID, linewidth=0.6)
    axis.set_axisbelow(True)
    picture.legend(frameon=False, fontsize=9, loc="outside upper center", ncols=2)
    label(axis, "", "percent")
    return picture
