"""GANs that fail, beside the same GANs cured (lesson 9)."""

import numpy as np
from matplotlib.ticker import MaxNLocator

from utils.plots.canvas import BLACK, BLUE, GRID, INK, ORANGE, RED, SERIES, arrow, canvas, label
from utils.plots.curves import draw_curves

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
    draw_curves(left, {name: history[key] for name, key in names.items()}, "" if row else "losses", x)
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
