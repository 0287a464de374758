"""What a model is used for, and where it ends: alarms, fill-ins, code lengths, data, axes, bias (lesson 11).

A digit with a hidden square, and what a model draws into it.
"""

import numpy as np
from matplotlib.patches import Rectangle
from matplotlib.ticker import MaxNLocator

from utils.plots.canvas import BLUE, GRID, INK, ORANGE, RED, SERIES, canvas, label
from utils.plots.images import draw_digits

GREY = "#777777"
MARKERS = "os^Dv"


def roc(curves, normal="normal images", anomalies="anomalies"):
    """Return ROC curves on one square, with the dashed diagonal of a score that says nothing.

    Args:
        curves: dictionary of name → (rates of false alarms, rates of true alarms), each (points,) in [0, 1].
        normal, anomalies: what is told apart, for the axes.
    """
    picture, axis = canvas(height=4)
    axis.plot([0, 100], [0, 100], color=GREY, linewidth=1, linestyle="--")
    for (name, (false_alarms, true_alarms)), colour, line in zip(curves.items(), SERIES, ("-", "-.", "--", ":", "-"),
                                                                 strict=False):
        axis.plot(100 * np.asarray(false_alarms), 100 * np.asarray(true_alarms), color=colour, linewidth=1.8,
                  linestyle=line, label=name)
    axis.set(xlim=(0, 100), ylim=(0, 101), aspect="equal", anchor="W")
    axis.grid(color=GRID, linewidth=0.6)
    axis.legend(frameon=False, fontsize=9, loc="upper left", bbox_to_anchor=(1.02, 1))
    label(axis, "", f"false alarms: {normal} above\nthe threshold, in percent", f"{anomalies} found, in percent")
    return picture


def areas_by_digit(areas):
    """Return the area under the ROC curve of each held-out digit, one marker a score, and each score's average.

    Args:
        areas: dictionary of score's name → (10,) areas in [0, 1].
    """
    picture, (left, right) = canvas(height=3.4, columns=2, width_ratios=(3, 1), sharey=True)
    for index, ((name, values), colour, marker) in enumerate(zip(areas.items(), SERIES, MARKERS, strict=False)):
        values = np.asarray(values)
        shift = 0.16 * (index - (len(areas) - 1) / 2)
        left.plot(np.arange(10) + shift, values, marker, color=colour, markersize=6, label=name)
        right.errorbar(index, values.mean(), values.std(ddof=1), color=colour, marker=marker, markersize=7, capsize=5)
        right.annotate(f"{values.mean():.2f}", (index, values.mean()), xytext=(7, 5), textcoords="offset points",
                       fontsize=9, color=colour)
    for axis in (left, right):
        axis.axhline(0.5, color=GREY, linewidth=1, linestyle="--")
        axis.grid(axis="y", color=GRID, linewidth=0.6)
        axis.set_axisbelow(True)
    left.annotate("a coin", (9.45, 0.5), xytext=(0, 3), textcoords="offset points", fontsize=8.5, color=GREY,
                  ha="right")
    left.set_xticks(range(10))
    left.set(xlim=(-0.5, 9.5), ylim=(0, 1.05))
    right.set_xticks([])
    right.set_xlim(-0.5, len(areas))
    right.tick_params(axis="y", length=0)
    picture.legend(loc="outside lower center", ncols=len(areas), frameon=False, fontsize=9)
    label(left, "", "digit held out of training", "area under the ROC curve")
    label(right, "", "mean, ± one standard\ndeviation over digits")
    return picture


def score_histograms(groups, marks, x, bins=60):
    """Return histograms of scores as outlines, and single scores as vertical lines.

    Args:
        groups: dictionary of name → (n,) scores.
        marks: dictionary of name → one score.
        x: name of the horizontal axis, with its unit.
        bins: of the histograms, the same for all.
    """
    picture, axis = canvas(height=3.5)
    edges = np.histogram_bin_edges(np.concatenate([*groups.values(), list(marks.values())]), bins)
    for index, ((name, scores), colour) in enumerate(zip(groups.items(), SERIES, strict=False)):
        share = np.full(len(scores), 100 / len(scores))
        axis.hist(scores, edges, weights=share, color=colour, alpha=0.16)
        axis.hist(scores, edges, weights=share, color=colour, histtype="step", linewidth=1.7,
                  linestyle=("-", "--", "-.", ":")[index % 4], label=name)
    for index, (name, score) in enumerate(marks.items()):
        axis.axvline(score, color=INK, linewidth=1.6)
        axis.annotate(name, (score, 1), xycoords=("data", "axes fraction"), xytext=(4, -10 - 14 * index),
                      textcoords="offset points", fontsize=9, color=INK)
    axis.grid(axis="y", color=GRID, linewidth=0.6)
    axis.set_axisbelow(True)
    axis.legend(frameon=False, fontsize=9, loc="upper right")
    label(axis, "", x, "images in percent")
    return picture


def answers(images, visible, draws, shares):
    """Return a row for each image: what is visible, pictures that go with it, and which digits these are.

    Args:
        images: (n, 784) in [0, 1].
        visible: (n, 784), 1 for visible pixels and 0 for hidden ones, which are drawn grey.
        draws: (n, count, 784) in [0, 1], count even.
        shares: (n, 10), the share of each digit among all draws.
    """
    images, visible, draws = np.asarray(images), np.asarray(visible), np.asarray(draws)
    picture, axes = canvas(height=1.35 * len(images) + 0.5, rows=len(images), columns=3, squeeze=False,
                           width_ratios=(1, draws.shape[1] / 4, 2))
    for row, (axis, image, seen, drawn, share) in enumerate(zip(axes, images, visible, draws, shares, strict=True)):
        draw_digits(axis[0], (seen * image + 0.5 * (1 - seen))[None], 1, "visible" if row == 0 else "")
        draw_digits(axis[1], drawn, draws.shape[1] // 2, "drawn, given what is visible" if row == 0 else "")
        axis[2].bar(range(10), 100 * np.asarray(share), color=BLUE)
        axis[2].set(ylim=(0, 105), yticks=(0, 50, 100))
        axis[2].set_xticks(range(10))
        axis[2].grid(axis="y", color=GRID, linewidth=0.6)
        axis[2].set_axisbelow(True)
        last = row == len(images) - 1
        label(axis[2], "the judge reads them as" if row == 0 else "", "digit" if last else " ", "percent")
    return picture


def code_lengths(bits, ours=()):
    """Return horizontal bars of code lengths, in bits per image.

    Args:
        bits: dictionary of name → bits per image.
        ours: names of those that come from a model of the lesson, drawn in another colour.
    """
    picture, axis = canvas(height=0.36 * len(bits) + 0.7)
    for row, (name, value) in enumerate(bits.items()):
        axis.barh(row, value, height=0.62, color=BLUE if name in ours else "#AAAAAA")
        axis.annotate(f"{value:.0f}", (value, row), xytext=(4, 0), textcoords="offset points", va="center", fontsize=9,
                      color=INK)
    axis.set_yticks(range(len(bits)), list(bits), fontsize=9.5)
    axis.set_ylim(len(bits) - 0.5, -0.5)
    axis.set_xlim(0, 1.1 * max(bits.values()))
    axis.spines["left"].set_visible(False)
    axis.tick_params(axis="y", length=0)
    axis.grid(axis="x", color=GRID, linewidth=0.6)
    axis.set_axisbelow(True)
    label(axis, "", "bits per image")
    return picture


def data_hunger(sizes, training, test, y="ELBO in nats per image"):
    """Return a bound on training images and on other images against how many images a model was trained on.

    Args:
        sizes: numbers of training images, ascending.
        training, test: (len(sizes),) nats.
        y: name of the vertical axis.
    """
    picture, axis = canvas(height=3.4)
    axis.fill_between(sizes, training, test, color=RED, alpha=0.1, linewidth=0)
    for values, colour, marker, name, away in ((training, RED, "s", "on the images of the training", 9),
                                               (test, BLUE, "o", "on other images", -16)):
        axis.semilogx(sizes, values, color=colour, marker=marker, linewidth=1.8, label=name)
        for size, value in zip(sizes, values, strict=True):
            axis.annotate(f"{value:.0f}".replace("-", "−"), (size, value), xytext=(0, away), ha="center",
                          textcoords="offset points", fontsize=9, color=colour)
    axis.set_xticks(sizes, [f"{size:,}" for size in sizes])
    axis.minorticks_off()
    axis.margins(x=0.08, y=0.16)
    axis.grid(color=GRID, linewidth=0.6)
    axis.legend(frameon=False, fontsize=9, loc="lower right")
    label(axis, "", "images to learn from (logarithmic)", y)
    return picture


def axis_correlations(models, best):
    """Return how strongly each latent axis goes with a property of the images, sorted, one panel a model.

    Args:
        models: dictionary of name → (latent_dim,) correlations, from -1 to 1; their sizes are drawn.
        best: the correlation of the best direction, drawn dashed.
    """
    picture, axes = canvas(height=2.9, columns=len(models), sharey=True, squeeze=False)
    for axis, (name, values), colour in zip(axes[0], models.items(), SERIES, strict=False):
        sizes = np.sort(np.abs(values))[::-1]
        axis.bar(np.arange(1, len(sizes) + 1), sizes, color=colour)
        axis.axhline(best, color=INK, linewidth=1.2, linestyle="--")
        axis.annotate("best direction", (len(sizes), best), xytext=(0, -12), textcoords="offset points", ha="right",
                      fontsize=9, color=INK)
        axis.set(ylim=(0, 1))
        axis.xaxis.set_major_locator(MaxNLocator(integer=True))
        axis.grid(axis="y", color=GRID, linewidth=0.6)
        axis.set_axisbelow(True)
        label(axis, name, "latent axes, sorted", "size of the correlation" if axis is axes[0, 0] else "")
    return picture


def growing(sides, curves, x, y):
    """Return how costs grow with the size of an image, on two logarithmic axes.

    Args:
        sides: (n,) sizes, ascending.
        curves: dictionary of name → (n,) positive numbers.
        x, y: names of the axes.
    """
    picture, axis = canvas(height=3.5)
    for (name, values), colour, marker in zip(curves.items(), SERIES, MARKERS, strict=False):
        axis.loglog(sides, values, color=colour, marker=marker, markersize=5, linewidth=1.7, label=name)
    axis.set_xticks(sides, [f"{side:,}" for side in sides])
    axis.minorticks_off()
    axis.grid(color=GRID, linewidth=0.6)
    axis.legend(frameon=False, fontsize=9)
    label(axis, "", x, y)
    return picture


def bias(shares, drawn, costs):
    """Return two panels: a class' share among drawn images against that in the data, and what the others pay.

    Args:
        shares: (n,) shares of the class in the training set, ascending, from 0 to 1.
        drawn: (n,) shares among drawn images.
        costs: dictionary of name → (n,) nats per image.
    """
    picture, (left, right) = canvas(height=3.3, columns=2)
    percent = 100 * np.asarray(shares)
    left.plot([0, 100], [0, 100], color=GREY, linewidth=1, linestyle="--")
    left.plot(percent, 100 * np.asarray(drawn), color=BLUE, marker="o", linewidth=1.8)
    left.set(xlim=(0, 102), ylim=(0, 102))
    label(left, "what is drawn", "share in the training set, in percent", "share among drawn images,\nin percent")
    for (name, values), colour, marker in zip(costs.items(), (RED, *SERIES), "sD^v", strict=False):
        right.plot(percent, values, color=colour, marker=marker, linewidth=1.8, label=name)
    right.set(xlim=(0, 102))
    right.margins(y=0.12)
    right.legend(frameon=False, fontsize=9)
    label(right, "what it costs the others", "share in the training set, in percent", "nats per test image")
    for axis in (left, right):
        axis.grid(color=GRID, linewidth=0.6)
    return picture


def accuracies(scores, x="test images read right, in percent"):
    """Return the accuracies of several trainings, one row each: every seed, and their average as a line.

    Args:
        scores: dictionary of name → accuracies in [0, 1], one a seed.
        x: name of the horizontal axis.
    """
    picture, axis = canvas(height=0.42 * len(scores) + 0.8)
    for row, values in enumerate(scores.values()):
        values, colour = 100 * np.ravel(values), SERIES[row % len(SERIES)]
        axis.plot(values, np.full(len(values), row), MARKERS[row % len(MARKERS)], color=colour, markersize=6, alpha=0.8)
        axis.plot([values.mean()] * 2, [row - 0.22, row + 0.22], color=colour, linewidth=2)
        axis.annotate(f"{values.mean():.1f}", (values.mean(), row), xytext=(0, 10), textcoords="offset points",
                      ha="center", fontsize=9, color=colour)
    axis.set_yticks(range(len(scores)), list(scores), fontsize=9.5)
    axis.set_ylim(len(scores) - 0.4, -0.8)
    axis.margins(x=0.08)
    axis.spines["left"].set_visible(False)
    axis.tick_params(axis="y", length=0)
    axis.grid(axis="x", color=GRID, linewidth=0.6)
    axis.set_axisbelow(True)
    label(axis, "", x)
    return picture


def draw_fill_ins(axes, titles, filled):
    """Draw a place for a digit on each axis, with a square on it; return Matplotlib's images, squares and titles.

    Args:
        axes: one axis a digit.
        titles: of the axes.
        filled: whether each square hides what is under it; the others are outlines.
    """
    images, squares = [], []
    for axis, title, hides in zip(axes, titles, filled, strict=True):
        images.append(axis.imshow(np.zeros((28, 28)), cmap="gray", vmin=0, vmax=1, interpolation="nearest"))
        squares.append(axis.add_patch(Rectangle((-0.5, -0.5), 9, 9, facecolor=ORANGE if hides else "none",
                                                edgecolor=ORANGE, linewidth=1.6)))
        axis.set_axis_off()
        axis.set_title(title, fontsize=10.5, color=INK)
    return images, squares, [axis.title for axis in axes]


def move_fill_ins(images, squares, digits, row, column, size):
    """Show other digits, (n, 784) in [0, 1], and another square on what `draw_fill_ins` returned."""
    for image, digit in zip(images, digits, strict=True):
        image.set_data(np.reshape(digit, (28, 28)))
    for square in squares:
        square.set_bounds(column - 0.5, row - 0.5, min(size, 28 - column), min(size, 28 - row))
