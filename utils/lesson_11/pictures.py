"""What a model is used for, and where it ends: alarms, fill-ins, code lengths, data, axes, bias (lesson 11).

Below, {name: (n,)} is a dictionary of arrays of that shape by the names that the picture shows.
"""

import numpy as np
from matplotlib.ticker import MaxNLocator

from utils.plots.canvas import BLUE, GRID, INK, RED, SERIES, canvas, label
from utils.plots.images import draw_digits

GREY = "#777777"
MARKERS = "os^Dv"


def _note(axis, text, place, away, colour=INK, size=9, **options):
    """Write a text some points away from a place."""
    axis.annotate(text, place, xytext=away, textcoords="offset points", fontsize=size, color=colour, **options)


def _finish(axis, x="", y="", title="", grid="both"):
    """Lay a grid under what is drawn, and write title and labels."""
    axis.grid(axis=grid, color=GRID, linewidth=0.6)
    axis.set_axisbelow(True)
    label(axis, title, x, y)


def _finish_rows(axis, names, x):
    """Name the rows of an axis at the left, where they need no line."""
    axis.set_yticks(range(len(names)), list(names), fontsize=9.5)
    axis.spines["left"].set_visible(False)
    axis.tick_params(axis="y", length=0)
    _finish(axis, x, grid="x")


def roc(curves, normal="normal images", anomalies="anomalies"):
    """Return ROC curves, {name: (rates of false alarms, rates of true ones)}, each (points,) in [0, 1], on one square.

    The dashed diagonal is a score that says nothing. Axes name what is told apart: `normal` and `anomalies`.
    """
    picture, axis = canvas(height=4)
    axis.plot([0, 100], [0, 100], color=GREY, linewidth=1, linestyle="--")
    for (name, rates), colour, line in zip(curves.items(), SERIES, ("-", "-.", "--", ":", "-"), strict=False):
        axis.plot(*(100 * np.asarray(rate) for rate in rates), color=colour, linewidth=1.8, linestyle=line, label=name)
    axis.set(xlim=(0, 100), ylim=(0, 101), aspect="equal", anchor="W")
    axis.legend(frameon=False, fontsize=9, loc="upper left", bbox_to_anchor=(1.02, 1))
    _finish(axis, f"false alarms: {normal} above\nthe threshold, in percent", f"{anomalies} found, in percent")
    return picture


def areas_by_digit(areas):
    """Return the areas under the ROC curve when a digit is held out, {score: (10,)}, and each score's average."""
    picture, (left, right) = canvas(height=3.4, columns=2, width_ratios=(3, 1), sharey=True)
    for index, ((name, values), colour, marker) in enumerate(zip(areas.items(), SERIES, MARKERS, strict=False)):
        mean, shift = np.mean(values), 0.16 * (index - (len(areas) - 1) / 2)
        left.plot(np.arange(10) + shift, values, marker, color=colour, markersize=6, label=name)
        right.errorbar(index, mean, np.std(values, ddof=1), color=colour, marker=marker, markersize=7, capsize=5)
        _note(right, f"{mean:.2f}", (index, mean), (7, 5), colour)
    for axis in (left, right):
        axis.axhline(0.5, color=GREY, linewidth=1, linestyle="--")
    _note(left, "a coin", (9.45, 0.5), (0, 3), GREY, size=8.5, ha="right")
    left.set(xlim=(-0.5, 9.5), xticks=range(10), ylim=(0, 1.05))
    right.set(xlim=(-0.5, len(areas)), xticks=[])
    right.tick_params(axis="y", length=0)
    picture.legend(loc="outside lower center", ncols=len(areas), frameon=False, fontsize=9)
    _finish(left, "digit held out of training", "area under the ROC curve", grid="y")
    _finish(right, "mean, ± one standard\ndeviation over digits", grid="y")
    return picture


def score_histograms(groups, x):
    """Return histograms of scores, {name: (n,)}, in shares of the group."""
    picture, axis = canvas(height=3.5)
    edges = np.histogram_bin_edges(np.concatenate(list(groups.values())), 60)
    for (name, scores), colour, line in zip(groups.items(), SERIES, ("-", "--", "-.", ":") * 2, strict=False):
        style = {"weights": np.full(len(scores), 100 / len(scores)), "color": colour}
        axis.hist(scores, edges, alpha=0.16, **style)
        axis.hist(scores, edges, histtype="step", linewidth=1.7, linestyle=line, label=name, **style)
    axis.legend(frameon=False, fontsize=9, loc="upper right")
    _finish(axis, x, "images in percent", grid="y")
    return picture


def answers(images, visible, draws, shares):
    """Return a row for each image (n, 784): what is visible, drawings that go with it, and which digits these are.

    `visible`, (n, 784), is 1 for visible pixels and 0 for hidden ones, drawn grey; `draws` are (n, count, 784), count
    even; `shares`, (n, 10), are those of each digit among all drawings.
    """
    picture, axes = canvas(height=1.35 * len(images) + 0.5, rows=len(images), columns=3, squeeze=False,
                           width_ratios=(1, draws.shape[1] / 4, 2))
    titles = "visible", "drawn, given what is visible", "the judge reads them as"
    for row, (seen, drawn, bars) in enumerate(axes):
        draw_digits(seen, (visible[row] * images[row] + 0.5 * (1 - visible[row]))[None], 1, titles[0])
        draw_digits(drawn, draws[row], draws.shape[1] // 2, titles[1])
        bars.bar(range(10), 100 * np.asarray(shares[row]), color=BLUE)
        bars.set(ylim=(0, 105), xticks=range(10), yticks=(0, 50, 100))
        _finish(bars, "digit" if row == len(axes) - 1 else " ", "percent", titles[2], grid="y")
        titles = "", "", ""  # the first row's serve all
    return picture


def code_lengths(bits, ours=()):
    """Return horizontal bars of code lengths, {name: bits per image}; those named in `ours` have another colour."""
    picture, axis = canvas(height=0.36 * len(bits) + 0.7)
    for row, (name, value) in enumerate(bits.items()):
        axis.barh(row, value, height=0.62, color=BLUE if name in ours else "#AAAAAA")
        _note(axis, f"{value:.0f}", (value, row), (4, 0), va="center")
    _finish_rows(axis, bits, "bits per image")
    axis.set(xlim=(0, 1.1 * max(bits.values())), ylim=(len(bits) - 0.5, -0.5))
    return picture


def data_hunger(sizes, training, test):
    """Return a bound in nats, on `training` and on `test` images, against the `sizes` of the training set, all (n,)."""
    picture, axis = canvas(height=3.4)
    axis.fill_between(sizes, training, test, color=RED, alpha=0.1, linewidth=0)
    for values, colour, marker, name, away in ((training, RED, "s", "on the images of the training", 9),
                                               (test, BLUE, "o", "on other images", -16)):
        axis.semilogx(sizes, values, color=colour, marker=marker, linewidth=1.8, label=name)
        for size, value in zip(sizes, values, strict=True):
            _note(axis, f"{value:.0f}".replace("-", "−"), (size, value), (0, away), colour, ha="center")
    axis.set_xticks(sizes, [f"{size:,}" for size in sizes])
    axis.minorticks_off()
    axis.margins(x=0.08, y=0.16)
    axis.grid(color=GRID, linewidth=0.6)
    axis.legend(frameon=False, fontsize=9, loc="lower right")
    label(axis, "", "images to learn from (logarithmic)", "ELBO in nats per image")
    return picture


def axis_correlations(models, best):
    """Return how strongly each latent axis goes with a property of the images, sorted, a panel a model.

    `models` are correlations {name: (latent_dim,)}, drawn without sign; `best`, dashed, is the best direction's.
    """
    picture, axes = canvas(height=2.9, columns=len(models), sharey=True, squeeze=False)
    for axis, (name, values), colour in zip(axes[0], models.items(), SERIES, strict=False):
        sizes = np.sort(np.abs(values))[::-1]
        axis.bar(np.arange(1, len(sizes) + 1), sizes, color=colour)
        axis.axhline(best, color=INK, linewidth=1.2, linestyle="--")
        _note(axis, "best direction", (len(sizes), best), (0, -12), ha="right")
        axis.set(ylim=(0, 1))
        axis.xaxis.set_major_locator(MaxNLocator(integer=True))
        _finish(axis, "latent axes, sorted", "size of the correlation" if axis is axes[0, 0] else "", name, grid="y")
    return picture


def growing(sides, curves, x, y):
    """Return how costs, {name: (n,)}, grow with the sides (n,) of an image, on two logarithmic axes named x and y."""
    picture, axis = canvas(height=3.5)
    for (name, values), colour, marker in zip(curves.items(), SERIES, MARKERS, strict=False):
        axis.loglog(sides, values, color=colour, marker=marker, markersize=5, linewidth=1.7, label=name)
    axis.set_xticks(sides, [f"{side:,}" for side in sides])
    axis.minorticks_off()
    axis.legend(frameon=False, fontsize=9)
    _finish(axis, x, y)
    return picture


def bias(shares, drawn, costs):
    """Return two panels: a class' share among drawn images against that in the data, and what the others pay.

    Shares in the data and drawn shares are (n,), from 0 to 1; costs are {name: (n,)} nats per image.
    """
    picture, (left, right) = canvas(height=3.3, columns=2)
    percent, x = 100 * np.asarray(shares), "share in the training set, in percent"
    left.plot([0, 100], [0, 100], color=GREY, linewidth=1, linestyle="--")
    left.plot(percent, 100 * np.asarray(drawn), color=BLUE, marker="o", linewidth=1.8)
    left.set(xlim=(0, 102), ylim=(0, 102))
    _finish(left, x, "share among drawn images,\nin percent", "what is drawn")
    for (name, values), colour, marker in zip(costs.items(), (RED, *SERIES), "sD^v", strict=False):
        right.plot(percent, values, color=colour, marker=marker, linewidth=1.8, label=name)
    right.set(xlim=(0, 102))
    right.margins(y=0.12)
    right.legend(frameon=False, fontsize=9)
    _finish(right, x, "nats per test image", "what it costs the others")
    return picture


def accuracies(scores):
    """Return accuracies in [0, 1], {training: one a seed}, in a row a training, and their average as a line."""
    picture, axis = canvas(height=0.42 * len(scores) + 0.8)
    for row, values in enumerate(scores.values()):
        values, colour = 100 * np.ravel(values), SERIES[row]
        mean = values.mean()
        axis.plot(values, np.full(len(values), row), MARKERS[row % len(MARKERS)], color=colour, markersize=6, alpha=0.8)
        axis.plot([mean, mean], [row - 0.22, row + 0.22], color=colour, linewidth=2)
        _note(axis, f"{mean:.1f}", (mean, row), (0, 10), colour, ha="center")
    _finish_rows(axis, scores, "validation images read right, in percent")
    axis.set_ylim(len(scores) - 0.4, -0.8)
    axis.margins(x=0.08)
    return picture
