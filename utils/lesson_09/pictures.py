"""GANs that fail, beside the same GANs cured (lesson 9).

Wasserstein distance, critics with a bounded slope, and the charts of GANs in training (lesson 9).
"""

import numpy as np
from matplotlib.patches import Rectangle
from matplotlib.ticker import MaxNLocator

from utils.plots.canvas import BLACK, BLUE, GRID, INK, ORANGE, RED, SERIES, arrow, canvas, label
from utils.plots.charts import draw_line_chart
from utils.plots.images import draw_digits


def draw_corners(sheet_axis, digit_axis, sheet):
    """Draw the digits between four corners beside a large one of them, and return what moves: (frame, digit).

    Args:
        sheet: (side², 784) in [0, 1], row by row; the frame lies around its first digit.
    """
    side = round(len(sheet) ** 0.5)
    draw_digits(sheet_axis, sheet, side, "between the corners")
    frame = Rectangle((0.5, 0.5), 28, 28, fill=False, edgecolor=ORANGE, linewidth=2.5)
    sheet_axis.add_patch(frame)
    return frame, draw_digits(digit_axis, np.asarray(sheet)[:1], 1, "this one")


SICK, CURED = RED, BLUE


def patients(runs, data, symptom, logarithmic=False, released=None, unit="nats"):
    """Return a row for each GAN on points in the plane: its losses, its symptom over time, and its last samples.

    Args:
        runs: dictionary of name → (history with discriminator_loss, generator_loss and symptom, samples (n, 2)); the
            first is the patient, the others are cures.
        data: real points (m, 2).
        symptom: what was measured, with its unit.
        logarithmic: whether the symptom spans powers of ten.
        released: the epoch after which the generator moves, marked by a line.
        unit: of the losses; empty where they differ.
    """
    picture, axes = canvas(height=2.45 * len(runs) + 0.3, rows=len(runs), columns=3, width_ratios=(1, 1, 0.9),
                           squeeze=False)
    low, high = np.min(data, axis=0), np.max(data, axis=0)
    low, high = low - 0.5 * (high - low), high + 0.5 * (high - low)
    for row, ((name, (history, samples)), (left, middle, right)) in enumerate(zip(runs.items(), axes, strict=True)):
        _draw_course(left, middle, history, row, symptom, logarithmic)
        left.set_ylabel(f"{name}\n\nloss{' in ' * bool(unit)}{unit}", fontsize=9.5, color=INK)
        right.scatter(*np.transpose(data), s=9, color="#BBBBBB", linewidths=0, label="data")
        right.scatter(*np.transpose(samples), s=3, color=ORANGE, linewidths=0, alpha=0.7, label="generated")
        right.set(aspect="equal", xlim=(low[0], high[0]), ylim=(low[1], high[1]))
        label(right, "" if row else "samples at the end", "x₁", "x₂")
        if released is not None:
            for axis in (left, middle):
                axis.axvline(released + 0.5, color="#777777", linewidth=1, linestyle=":")
    if released is not None:
        axes[0, 1].annotate("generator\nmoves", (released + 0.5, 0.97), xycoords=("data", "axes fraction"),
                            xytext=(-3, 0), textcoords="offset points", fontsize=8.5, color="#555555", ha="right",
                            va="top")
    _share_scales(axes[:, :2])
    _legends(picture, axes)
    return picture


def phase_portraits(runs, names, reach):
    """Return a row for each way of playing a game of two numbers: losses, distance, and the path in the plane.

    Args:
        runs: dictionary of name → (history with discriminator_loss, generator_loss and symptom, path (steps, 2),
            direction); a direction is a function of both numbers that returns where a small step leads.
        names: of the two numbers, a pair.
        reach: half the width of the plane that is shown.
    """
    picture, axes = canvas(height=2.45 * len(runs) + 0.3, rows=len(runs), columns=3, width_ratios=(1, 1, 0.9),
                           squeeze=False)
    grid = np.meshgrid(*2 * [np.linspace(-reach, reach, 13)])
    for row, ((name, (history, path, direction)), (left, middle, right)) in enumerate(
            zip(runs.items(), axes, strict=True)):
        _draw_course(left, middle, history, row, "distance from the equilibrium", True, "step")
        left.set_ylabel(f"{name}\n\nloss in nats", fontsize=9.5, color=INK)
        right.quiver(*grid, *direction(*grid), color="#999999", width=0.005)
        right.plot(*np.transpose(path), color=SICK if row == 0 else CURED, linewidth=1.2)
        right.plot(*path[0], "o", color=BLACK, markersize=5)
        right.plot(0, 0, "*", color=ORANGE, markersize=11, markeredgecolor=BLACK, markeredgewidth=0.5)
        right.set(xlim=(-reach, reach), ylim=(-reach, reach), aspect="equal")
        label(right, "" if row else "path, from ● on", *names)
    _share_scales(axes[:, :2])
    _legends(picture, axes)
    return picture


def _draw_course(left, middle, history, row, symptom, logarithmic, x="epoch of 50 steps"):
    """Draw both losses at the left and the symptom in the middle, titles in the first row only."""
    names = {"discriminator": "discriminator_loss", "generator": "generator_loss"}
    draw_line_chart(left, {name: history[key] for name, key in names.items()}, "" if row else "losses", x)
    left.get_legend().remove()  # one for all rows stands below
    left.xaxis.set_major_locator(MaxNLocator(5, integer=True))
    steps = np.arange(1, len(history["symptom"]) + 1)
    middle.plot(steps, history["symptom"], color=INK, linewidth=1.8)
    middle.grid(color=GRID, linewidth=0.6)
    if logarithmic:
        middle.set_yscale("log")
    label(middle, "" if row else symptom, x)


def _legends(picture, axes):
    """Name the lines of the left and, where they have names, the marks of the right column below all rows."""
    for column, place in ((0, "outside lower left"), (2, "outside lower right")):
        handles, names = axes[0, column].get_legend_handles_labels()
        if names:
            picture.legend(handles, names, loc=place, ncols=2, frameon=False, fontsize=9,
                           markerscale=2.5 if column else 1, columnspacing=1)


def _share_scales(axes):
    """Give the panels of a column the same scale, so that rows can be compared."""
    for column in axes.T:
        for name in ("xlim", "ylim"):
            limits = [getattr(axis, f"get_{name}")() for axis in column]
            for axis in column:
                axis.set(**{name: (min(low for low, _ in limits), max(high for _, high in limits))})


def averaged_path(path, averages):
    """Return a game that circles its equilibrium, and the average of its path: in the plane, and as distances.

    Args:
        path, averages: (steps, 2), the two numbers after each step and their average up to there.
    """
    picture, (left, right) = canvas(height=3.2, columns=2, width_ratios=(1, 1.3))
    steps = np.arange(1, len(path) + 1)
    for points, name, colour in ((path, "weights of the step", RED), (averages, "their average", BLUE)):
        left.plot(*np.transpose(points), color=colour, linewidth=1.3)
        right.semilogy(steps, np.linalg.norm(points, axis=1), color=colour, linewidth=1.8, label=name)
    left.plot(0, 0, "*", color=ORANGE, markersize=11, markeredgecolor=BLACK, markeredgewidth=0.5, zorder=3)
    left.set_aspect("equal", adjustable="datalim")
    label(left, "", "generator's number", "discriminator's slope")
    right.grid(color=GRID, linewidth=0.6)
    right.legend(frameon=False, fontsize=9)
    label(right, "", "step", "distance from the equilibrium ★")
    return picture


def cures(rows):
    """Return one line a failure: its symptom before and after the cure.

    Args:
        rows: dictionary of failure → (what is measured, value of the patient, value after the cure, "log" or "linear").
    """
    picture, axes = canvas(height=0.95 * len(rows) + 0.2, rows=len(rows), squeeze=False)
    for (name, (measured, before, after, scale)), axis in zip(rows.items(), axes[:, 0], strict=True):
        axis.set_xscale(scale)
        axis.plot([before], [0], "o", color=SICK, markersize=8)
        axis.plot([after], [0], "o", color=CURED, markersize=8)
        arrow(axis, (before, 0), (after, 0), gap=6)
        for value, colour in ((before, SICK), (after, CURED)):
            axis.annotate(f"{value:.2g}", (value, 0), xytext=(0, 7), textcoords="offset points", ha="center",
                          fontsize=9, color=colour)
        low, high = sorted((before, after))
        axis.set_xlim((low / 3, high * 3) if scale == "log" else (min(0, low) - 0.08 * high, 1.1 * high))
        axis.set_ylim(-0.6, 1)
        axis.set_yticks([0], [name], fontsize=10)
        axis.spines["left"].set_visible(False)
        axis.tick_params(axis="y", length=0)
        label(axis, "", measured)
    return picture


def recipes(scores, floor):
    """Return recipes compared: Fréchet distance on a logarithmic axis, and precision against recall.

    Args:
        scores: dictionary of recipe → (Fréchet distance, precision, recall).
        floor: the same three of real images against real images, the last row.
    """
    rows = dict(sorted(scores.items(), key=lambda row: -row[1][0])) | {"real images": floor}
    colours = [*(SERIES[index % len(SERIES)] for index in range(len(scores))), "#777777"]
    picture, (left, right) = canvas(height=0.8 + 0.42 * max(len(rows), 6), columns=2, width_ratios=(1.1, 1))
    for row, ((frechet, precision, recall), colour) in enumerate(zip(rows.values(), colours, strict=True)):
        left.plot([0.1, frechet], [-row, -row], color=GRID, linewidth=1, zorder=0)
        left.plot(frechet, -row, "o", color=colour, markersize=8)
        left.annotate(f"{frechet:.3g}", (frechet, -row), xytext=(0, 6), textcoords="offset points", ha="center",
                      fontsize=9, color=INK)
        right.plot(recall, precision, "o", color=colour, markersize=8)
        right.annotate(str(row + 1), (recall, precision), xytext=(6, 4), textcoords="offset points", fontsize=9,
                       color=INK)
    left.set_yticks(-np.arange(len(rows)), [f"{name}  {row + 1}" for row, name in enumerate(rows)], fontsize=9.5)
    left.set_xscale("log")
    left.set(xlim=(floor[0] / 2, 2.5 * max(row[0] for row in rows.values())), ylim=(0.6 - len(rows), 0.7))
    label(left, "", "Fréchet distance (further left is better)")
    right.set(xlim=(-0.03, 1.03), ylim=(-0.03, 1.08))
    right.grid(color=GRID, linewidth=0.6)
    label(right, "", "recall: how much of MNIST is drawn", "precision: how real it is")
    return picture


def step_times(milliseconds, x="milliseconds for a batch of 64, this machine, now"):
    """Return bars of how long parts of a training step take.

    Args:
        milliseconds: dictionary of part → time.
        x: what was measured.
    """
    picture, axis = canvas(height=0.7 + 0.36 * len(milliseconds))
    names, values = list(milliseconds)[::-1], list(milliseconds.values())[::-1]
    axis.barh(names, values, height=0.6, color=BLUE)
    for row, value in enumerate(values):
        axis.annotate(f"{value:.1f}", (value, row), xytext=(4, 0), textcoords="offset points", va="center", fontsize=9)
    axis.set_xlim(0, 1.12 * max(values))
    axis.tick_params(axis="y", length=0, labelsize=9.5)
    label(axis, "", x)
    return picture


_LINES = ("-", "--", "-.", ":")


def sorted_pairs(first, second):
    """Return two samples paired rank by rank, beside the area between their distribution functions.

    Both panels show the same number, the Wasserstein distance: as average length, and as area.

    Args:
        first, second: arrays (n,) in any order.

    Raises:
        ValueError: if the samples differ in size.
    """
    first, second = np.sort(np.ravel(first)), np.sort(np.ravel(second))
    if first.shape != second.shape:
        raise ValueError(f"sorted_pairs wants two samples of the same size, but got {first.size} and {second.size} "
                         "numbers.")
    count = len(first)
    picture, (left, right) = canvas(height=3.5, columns=2, sharey=True)
    ranks = np.arange(1, count + 1) / count
    left.hlines(ranks, np.minimum(first, second), np.maximum(first, second), color="#AAAAAA", linewidth=1.6, zorder=1)
    everything = np.sort(np.concatenate([first, second]))
    reach = everything[[0, -1]] + np.array([-0.06, 0.06]) * max(np.ptp(everything), 1e-6)
    ends = np.concatenate([reach[:1], everything, reach[1:]])
    shares = []
    for sample, name, colour, marker, line in ((first, "first", BLUE, "o", "-"), (second, "second", RED, "^", "--")):
        left.plot(sample, ranks, marker, color=colour, markersize=5, label=name, zorder=2)
        shares.append(np.searchsorted(sample, ends, side="right") / count)
        right.step(ends, shares[-1], where="post", color=colour, linestyle=line, linewidth=1.8, label=name)
    right.fill_between(ends, *shares, step="post", color=ORANGE, alpha=0.35, linewidth=0)
    length = np.mean(np.abs(first - second))
    area = np.sum(np.abs(shares[0] - shares[1])[:-1] * np.diff(ends))
    for axis in (left, right):
        axis.set(xlim=reach, ylim=(0, 1.06))
        axis.grid(color=GRID, linewidth=0.6)
        axis.legend(frameon=False, fontsize=9, loc="lower right" if axis is right else "upper left")
    label(left, f"paired by rank: average way {length:.2f}", "value", "share of the sample up to here")
    label(right, f"distribution functions: area between {area:.2f}", "value")
    return picture


def distances(shifts, curves, y="distance"):
    """Return how several distances grow as one distribution is moved away from another.

    Args:
        shifts: (n,), how far it was moved.
        curves: dictionary of name → (n,) distances.
        y: what the values are, with their unit.
    """
    picture, axis = canvas(height=3.1)
    for (name, values), colour, line in zip(curves.items(), SERIES, _LINES, strict=False):
        axis.plot(shifts, values, color=colour, linestyle=line, linewidth=2, label=name)
    axis.set_ylim(bottom=0)
    axis.margins(x=0)
    axis.grid(color=GRID, linewidth=0.6)
    axis.legend(frameon=False, fontsize=9)
    label(axis, "", "how far one distribution is moved", y)
    return picture


def critics(x, real_density, fake_density, values):
    """Return two densities on a line, above the values that critics or discriminators give to each place.

    Dotted lines have the slope 1, the steepest that a Wasserstein critic may have.

    Args:
        x: (n,) places, rising.
        real_density, fake_density: (n,).
        values: dictionary of name → (n,), of at most four.
    """
    picture, (above, below) = canvas(height=4.8, rows=2, sharex=True, height_ratios=(1, 1.7))
    for density, name, colour in ((real_density, "real", BLUE), (fake_density, "generated", RED)):
        above.fill_between(x, density, color=colour, alpha=0.25, linewidth=0)
        above.plot(x, density, color=colour, linewidth=1.6, label=name)
    above.set_ylim(bottom=0)
    above.spines["bottom"].set_visible(False)
    above.tick_params(bottom=False)
    above.legend(frameon=False, fontsize=9, loc="upper center", ncols=2)
    label(above, "", "", "density")
    drawn = np.concatenate([np.ravel(each) for each in values.values()])
    low, high = drawn.min(), max(drawn.max(), drawn.min() + 1e-6)
    low, high = low - 0.08 * (high - low), high + 0.08 * (high - low)
    for place in np.linspace(low - np.ptp(x), high, 14):
        below.axline((x[0], place), slope=1, color="#BBBBBB", linewidth=0.9, linestyle=":", zorder=0)
    for (name, each), colour, line in zip(values.items(), SERIES[2:] + SERIES[:2], _LINES, strict=False):
        below.plot(x, each, color=colour, linestyle=line, linewidth=2, label=name)
    below.set(xlim=(x[0], x[-1]), ylim=(low, high))
    below.legend(frameon=False, fontsize=9)
    label(below, "", "x (dotted: slope 1)", "value at x")
    return picture


def singular_values(before, after):
    """Return the singular values of a network's layers before and after spectral normalisation.

    Args:
        before, after: dictionaries of layer → singular values in any order; the first of each picture is the largest.
    """
    picture, axes = canvas(height=3.3, columns=2, sharey=True)
    for axis, layers, title in zip(axes, (before, after), ("as trained", "with spectral normalisation"), strict=True):
        for (name, values), colour, line in zip(layers.items(), SERIES, _LINES + ("-",) * 3, strict=False):
            falling = np.sort(np.ravel(values))[::-1]
            axis.plot(np.linspace(0, 100, len(falling)), np.maximum(falling, 1e-4), color=colour, linestyle=line,
                      linewidth=1.8, marker="o" if len(falling) < 3 else "", label=name)
        axis.axhline(1, color=INK, linewidth=0.9, linestyle=(0, (5, 3)), zorder=0)
        axis.set_yscale("log")
        axis.grid(color=GRID, linewidth=0.6)
        label(axis, title, "singular value, from the largest, in percent of all")
    axes[0].legend(frameon=False, fontsize=9)
    axes[0].set_ylabel("singular value", fontsize=9.5, color=INK)
    return picture


def charts(runs):
    """Return a chart of measurements for each run: losses, slope, place of the samples, accuracy.

    Args:
        runs: dictionary of name → dictionary of arrays (n,): "step"; "discriminator_loss" and "generator_loss" in
            nats; "gradient", the length of the generator's gradient; "centre" and "spread", average and standard
            deviation of the samples' first coordinate; "as_trained" and "mixed", the share that the discriminator
            gets right in batches of one kind, and in mixed ones.
    """
    picture, axes = canvas(height=7.2, rows=4, columns=len(runs), sharex=True, sharey="row", squeeze=False)
    for (name, run), (losses, gradient, samples, accuracy) in zip(runs.items(), axes.T, strict=True):
        steps = run["step"]
        for axis, lines in ((losses, {"discriminator_loss": "D", "generator_loss": "G"}),
                            (accuracy, {"as_trained": "one kind", "mixed": "mixed"})):
            for (key, text), colour, line in zip(lines.items(), (BLUE, RED), _LINES, strict=False):
                axis.plot(steps, run[key], color=colour, linestyle=line, linewidth=1.6, label=text)
        gradient.semilogy(steps, run["gradient"], color=BLUE, linewidth=1.6)
        low, high = run["centre"] - run["spread"], run["centre"] + run["spread"]
        samples.fill_between(steps, low, high, color=RED, alpha=0.3, linewidth=0, label="± spread")
        samples.plot(steps, run["centre"], color=RED, linewidth=1.6, label="centre")
        label(losses, f"run {name}")
        label(accuracy, "", "step")
        for axis in (losses, gradient, samples, accuracy):
            axis.grid(color=GRID, linewidth=0.6)
        for axis in (losses, gradient, samples):  # the steps stand below the last row
            axis.spines["bottom"].set_visible(False)
            axis.tick_params(bottom=False)
    for axis, y in zip(axes[:, 0], ("loss in nats", "length of\nG's gradient", "first coordinate\nof samples",
                                    "share D gets right,\nby kind of batch"), strict=True):
        axis.set_ylabel(y, fontsize=9.5, color=INK)
    axes[0, 0].set_ylim(0, 3.5)
    axes[3, 0].set_ylim(-0.03, 1.05)
    for axis in axes[(0, 2, 3), 0]:
        axis.legend(frameon=False, fontsize=8.5)
    return picture
