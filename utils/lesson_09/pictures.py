"""GANs that fail beside the same GANs cured, distances and critics on a line, and charts of GANs in training."""

import itertools

import numpy as np
from matplotlib.ticker import MaxNLocator

from utils.plots.canvas import BLACK, BLUE, INK, ORANGE, RED, SERIES, canvas, finish
from utils.plots.charts import draw_line_chart

SICK, CURED = RED, BLUE
_LINES = ("-", "--", "-.", ":")
_STAR = {"marker": "*", "color": ORANGE, "markersize": 11, "markeredgecolor": BLACK, "markeredgewidth": 0.5}


def _draw_curves(axis, x, curves, colours=SERIES, width=2):
    for (name, values), colour, line in zip(curves.items(), colours, _LINES, strict=False):
        axis.plot(x, values, color=colour, linestyle=line, linewidth=width, label=name)


def patients(runs, data, symptom, logarithmic=False, released=None, unit="nats"):
    """Return a row for each GAN on points in the plane: its losses, its symptom over time, and its last samples.

    Args:
        runs: {name: (history, samples (n, 2))}, the patient first; a history has both losses and "symptom" by epoch.
        data: real points (m, 2).
        symptom: what was measured, with its unit; logarithmic if it spans powers of ten.
        released: the epoch after which the generator moves, marked by a line; unit: of the losses, if it is one.
    """
    low, high = np.min(data, axis=0), np.max(data, axis=0)
    low, high = low - 0.5 * (high - low), high + 0.5 * (high - low)

    def draw_samples(axis, row, samples):
        axis.scatter(*np.transpose(data), s=9, color="#BBBBBB", linewidths=0, label="data")
        axis.scatter(*np.transpose(samples), s=3, color=ORANGE, linewidths=0, alpha=0.7, label="generated")
        finish(axis, "" if row else "samples at the end", "x₁", "x₂", grid=False, aspect="equal",
               xlim=(low[0], high[0]), ylim=(low[1], high[1]))

    picture, axes = _rows(runs, draw_samples, symptom, logarithmic, "epoch of 50 steps", unit)
    if released is not None:
        for axis in axes[:, :2].flat:
            axis.axvline(released + 0.5, color="#777777", linewidth=1, linestyle=":")
        axes[0, 1].annotate("generator\nmoves", (released + 0.5, 0.97), xycoords=("data", "axes fraction"), ha="right",
                            va="top", xytext=(-3, 0), textcoords="offset points", fontsize=8.5, color="#555555")
    return picture


def phase_portraits(runs, names, reach):
    """Return a row for each way of playing a game of two numbers: losses, distance, and the path in the plane.

    Runs are {name: (history, path (steps, 2), direction)}; a direction is a function of both numbers, which returns
    where a small step leads. The numbers have names, a pair, and are shown from -reach to reach.
    """
    grid = np.meshgrid(*2 * [np.linspace(-reach, reach, 13)])

    def draw_path(axis, row, path, direction):
        axis.quiver(*grid, *direction(*grid), color="#999999", width=0.005)
        axis.plot(*np.transpose(path), color=CURED if row else SICK, linewidth=1.2)
        axis.plot(*path[0], "o", color=BLACK, markersize=5)
        axis.plot(0, 0, **_STAR)
        finish(axis, "" if row else "path, from ● on", *names, grid=False, aspect="equal", xlim=(-reach, reach),
               ylim=(-reach, reach))

    return _rows(runs, draw_path, "distance from the equilibrium", True, "step", "nats")[0]


def _rows(runs, draw, symptom, logarithmic, x, unit):
    """Return (picture, axes): a row a run, name → (history, *others), with what `draw(axis, row, *others)` draws."""
    picture, axes = canvas(height=2.45 * len(runs) + 0.3, rows=len(runs), columns=3, width_ratios=(1, 1, 0.9),
                           squeeze=False)
    for row, ((name, (history, *others)), (left, middle, right)) in enumerate(zip(runs.items(), axes, strict=True)):
        draw_line_chart(left, {player: history[f"{player}_loss"] for player in ("discriminator", "generator")},
                        "" if row else "losses", x, f"{name}\n\nloss{' in ' * bool(unit)}{unit}")
        left.get_legend().remove()  # one for all rows stands below
        left.xaxis.set_major_locator(MaxNLocator(5, integer=True))
        middle.plot(np.arange(1, len(history["symptom"]) + 1), history["symptom"], color=INK, linewidth=1.8)
        finish(middle, "" if row else symptom, x, yscale="log" if logarithmic else "linear")
        draw(right, row, *others)
    for column in axes[:, :2].T:  # one scale, so that rows can be compared
        limits = np.array([[axis.get_xlim(), axis.get_ylim()] for axis in column])
        lowest, highest = limits.min(axis=(0, 2)), limits.max(axis=(0, 2))
        for axis in column:
            axis.set(xlim=(lowest[0], highest[0]), ylim=(lowest[1], highest[1]))
    for column, side, markers in ((0, "left", 1), (2, "right", 2.5)):
        handles, names = axes[0, column].get_legend_handles_labels()
        if names:
            picture.legend(handles, names, loc=f"outside lower {side}", ncols=2, frameon=False, fontsize=9,
                           markerscale=markers, columnspacing=1)
    return picture, axes


def averaged_path(path, averages):
    """Return a game's circling path (steps, 2) and its average up to each step: in the plane, and as distances."""
    picture, (left, right) = canvas(height=3.2, columns=2, width_ratios=(1, 1.3))
    for points, name, colour in ((path, "weights of the step", RED), (averages, "their average", BLUE)):
        left.plot(*np.transpose(points), color=colour, linewidth=1.3)
        right.semilogy(np.arange(1, len(points) + 1), np.linalg.norm(points, axis=1), color=colour, linewidth=1.8,
                       label=name)
    left.plot(0, 0, zorder=3, **_STAR)
    left.set_aspect("equal", adjustable="datalim")
    finish(left, "", "generator's number", "discriminator's slope", grid=False)
    finish(right, "", "step", "distance from the equilibrium ★", legend={})
    return picture


def over_seeds(groups, real=None, logarithmic=()):
    """Return a panel for each measure: a line for each row with a dot for each seed, and a tick at their mean.

    Args:
        groups: list of {row: {measure: values (seeds,)}}. The first row of a group is what its others are compared
            with: the range of its dots lies as a band behind them.
        real: {measure: what real images score}, drawn dotted; logarithmic: the measures shown in powers of ten.
    """
    rows = [(name, scores, colour if place == 0 else INK) for group, colour in zip(groups, (SICK, CURED), strict=False)
            for place, (name, scores) in enumerate(group.items())]
    starts = np.cumsum([0, *map(len, groups)])
    measures = list(rows[0][1])
    picture, axes = canvas(height=0.9 + 0.27 * len(rows), columns=len(measures), sharey=True, squeeze=False)
    for measure, axis in zip(measures, axes[0], strict=True):
        for first, last in itertools.pairwise(starts):
            values, colour = rows[first][1][measure], rows[first][2]
            axis.fill_betweenx([-first + 0.45, 0.55 - last], min(values), max(values), color=colour, alpha=0.15,
                               linewidth=0, zorder=0)
        for row, (_, scores, colour) in enumerate(rows):
            axis.plot(scores[measure], np.full(len(scores[measure]), -row), "o", color=colour, markersize=5, alpha=0.75)
            axis.plot(np.mean(scores[measure]), -row, "|", color=colour, markersize=13, markeredgewidth=1.8)
        if measure in (real or {}):
            axis.axvline(real[measure], color=INK, linewidth=1, linestyle=":", zorder=0)
        axis.tick_params(axis="y", length=0)
        finish(axis, "", measure, xscale="log" if measure in logarithmic else "linear", ylim=(0.6 - len(rows), 0.6))
    axes[0, 0].set_yticks(-np.arange(len(rows)), [name for name, _, _ in rows], fontsize=9.5)
    return picture


def sorted_pairs(first, second):
    """Return two samples (n,), each sorted, and the way from each number to that of the same rank in the other."""
    first, second = np.sort(np.ravel(first)), np.sort(np.ravel(second))
    if first.shape != second.shape:
        raise ValueError(f"sorted_pairs wants two samples of one size, but got {first.size} and {second.size} numbers.")
    picture, axis = canvas(height=2.9)
    ranks = np.arange(1, len(first) + 1)
    axis.hlines(ranks, first, second, color="#AAAAAA", linewidth=1.6, zorder=1)
    for sample, name, colour, marker in ((first, "first", BLUE, "o"), (second, "second", RED, "^")):
        axis.plot(sample, ranks, marker, color=colour, markersize=5, label=name)
    way = np.mean(np.abs(first - second))
    finish(axis, f"average distance {way:.2f}", "value", "rank, from the smallest", legend={"loc": "upper left"})
    return picture


def distances(shifts, curves, y="distance"):
    """Return how distances, {name: (n,)}, grow as one distribution is moved away from another by the shifts, (n,)."""
    picture, axis = canvas(height=3.1)
    _draw_curves(axis, shifts, curves)
    finish(axis, "", "how far one distribution is moved", y, legend={}, ylim=(0, None), xmargin=0)
    return picture


def critics(x, real_density, fake_density, values):
    """Return two densities (n,) on a line, x rising, above the values {name: (n,)} of up to four critics.

    Dotted lines have the slope 1, the steepest that a Wasserstein critic may have.
    """
    picture, (above, below) = canvas(height=4.8, rows=2, sharex=True, height_ratios=(1, 1.7))
    for density, name, colour in ((real_density, "real", BLUE), (fake_density, "generated", RED)):
        above.fill_between(x, density, color=colour, alpha=0.25, linewidth=0)
        above.plot(x, density, color=colour, linewidth=1.6, label=name)
    above.spines["bottom"].set_visible(False)
    above.tick_params(bottom=False)
    finish(above, "", "", "density", grid=False, legend={"loc": "upper center", "ncols": 2}, ylim=(0, None))
    _draw_curves(below, x, values, SERIES[2:] + SERIES[:2])
    low, high = below.get_ylim()
    for place in np.linspace(low - np.ptp(x), high, 14):
        below.axline((x[0], place), slope=1, color="#BBBBBB", linewidth=0.9, linestyle=":", zorder=0)
    finish(below, "", "x (dotted: slope 1)", "value at x", grid=False, legend={}, xlim=(x[0], x[-1]), ylim=(low, high))
    return picture


def charts(runs):
    """Return a chart of measurements for each run: losses, slope, place of the samples, accuracy.

    Runs are {name: {measurement: (n,)}}: "step"; "discriminator_loss" and "generator_loss" in nats; "gradient", the
    length of the generator's gradient; "centre" and "spread", average and standard deviation of the samples' first
    coordinate; "as_trained" and "mixed", the share that the discriminator gets right in batches of one kind or of both.
    """
    picture, axes = canvas(height=7.2, rows=4, columns=len(runs), sharex=True, sharey="row", squeeze=False)
    for (name, run), (losses, gradient, samples, accuracy) in zip(runs.items(), axes.T, strict=True):
        steps, low, high = run["step"], run["centre"] - run["spread"], run["centre"] + run["spread"]
        _draw_curves(losses, steps, {"D": run["discriminator_loss"], "G": run["generator_loss"]}, width=1.6)
        gradient.semilogy(steps, run["gradient"], color=BLUE, linewidth=1.6)
        samples.fill_between(steps, low, high, color=RED, alpha=0.3, linewidth=0, label="± spread")
        samples.plot(steps, run["centre"], color=RED, linewidth=1.6, label="centre")
        _draw_curves(accuracy, steps, {"one kind": run["as_trained"], "mixed": run["mixed"]}, width=1.6)
        for axis in (losses, gradient, samples):  # the steps stand below the last row
            axis.spines["bottom"].set_visible(False)
            axis.tick_params(bottom=False)
            finish(axis, f"run {name}" if axis is losses else "")
        finish(accuracy, "", "step")
    axes[0, 0].set_ylim(0, 3.5)
    axes[3, 0].set_ylim(-0.03, 1.05)
    for axis, y in zip(axes[:, 0], ("loss in nats", "length of\nG's gradient", "first coordinate\nof samples",
                                    "share D gets right,\nby kind of batch"), strict=True):
        axis.set_ylabel(y, fontsize=9.5, color=INK)
        if axis is not axes[1, 0]:
            axis.legend(frameon=False, fontsize=8.5)
    return picture
