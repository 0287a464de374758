"""Gaussians moved onto each other, neighbourhoods in the plane, and models side by side (lesson 10)."""

import textwrap

import numpy as np
from matplotlib.collections import PatchCollection
from matplotlib.patches import Circle
from matplotlib.ticker import MaxNLocator
from scipy.linalg import inv, sqrtm

from utils.plots.canvas import BLUE, GREEN, GRID, INK, ORANGE, RED, SERIES, canvas, finish, label
from utils.plots.images import captioned, draw_digits

GREY = "#777777"
MARKERS = "os^Dv"
BETTER = {"lower": "← better", "higher": "better →"}


def distances_from_the_top(images, features):
    """Return rows of digits, `images` [(n, 784), …], with distances from the digit at the top, also by its features."""
    captions = ["image"] * len(images[0])
    for row, described in zip(images[1:], features[1:], strict=True):
        apart = np.linalg.norm(row - images[0], axis=1), np.linalg.norm(described - features[0], axis=1)
        captions += ["pixels {:.1f}\nfeatures {:.1f}".format(*each) for each in zip(*apart, strict=True)]
    return captioned(np.concatenate(images), captions, columns=len(images[0]))


def two_gaussians(pairs):
    """Return pairs of Gaussians, {title: (mean_a, covariance_a, mean_b, covariance_b)}, and how A moves to B.

    Ellipses hold one and two standard deviations. Arrows show where the linear map of least work takes points of A:
    T = A^(-1/2) (A^(1/2) B A^(1/2))^(1/2) A^(-1/2). Their squared length, averaged over A, is the Fréchet distance.
    Source: Dowson and Landau (1982).
    """
    picture, axes = canvas(height=3.4 if len(pairs) > 1 else 4, columns=len(pairs), squeeze=False)
    angles = np.linspace(0, 2 * np.pi, 121)
    circle = np.stack([np.cos(angles), np.sin(angles)], axis=-1)
    for axis, (title, (mean_a, covariance_a, mean_b, covariance_b)) in zip(axes[0], pairs.items(), strict=True):
        root = sqrtm(covariance_a)
        transport = inv(root) @ sqrtm(root @ covariance_b @ root) @ inv(root)
        for mean, covariance, colour, name in ((mean_a, covariance_a, BLUE, "A"), (mean_b, covariance_b, RED, "B")):
            outline = circle @ sqrtm(covariance)
            for radius, opacity in ((1, 0.3), (2, 0.12)):
                axis.fill(*(mean + radius * outline).T, color=colour, alpha=opacity, linewidth=0)
            axis.plot(*(mean + 2 * outline).T, color=colour, linewidth=1.2, label=name)
        starts = mean_a + np.concatenate([np.zeros((1, 2)), circle[:-1:15], 2 * circle[:-1:15]]) @ root
        moves = mean_b + (starts - mean_a) @ transport - starts
        # Scale 1 in units of the data: an arrow ends where its point arrives.
        axis.quiver(*starts.T, *moves.T, angles="xy", scale_units="xy", scale=1, width=0.006, color=INK, zorder=3)
        axis.plot(*starts.T, ".", color=INK, markersize=3, zorder=3)
        axis.set_aspect("equal", adjustable="datalim")
        axis.margins(0.08)
        axis.set_axisbelow(True)
        finish(axis, title, "first feature", "second feature" if axis is axes[0, 0] else "")
    picture.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=2, frameon=False,
                   fontsize=9)
    return picture


def frechet_bias(sizes, distances):
    """Return distances, {name: (sizes, repeats)}, against the number of samples, and continued to infinitely many.

    The left panel has a dashed line of slope -1, as a bias of 1/N has it. The right one is over 1/N, with a straight
    line through the averages of each name that is continued to 1/N = 0.
    """
    picture, (left, right) = canvas(height=3.6, columns=2)
    sizes = np.asarray(sizes, float)
    distances = {name: np.reshape(values, (len(sizes), -1)) for name, values in distances.items()}
    for (name, values), colour, marker in zip(distances.items(), SERIES, MARKERS, strict=False):
        averages = values.mean(axis=1)
        slope, limit = np.polyfit(1 / sizes, averages, 1, w=sizes)  # few images scatter most, so count least
        for axis, places in ((left, sizes), (right, 1_000 / sizes)):
            axis.plot(np.repeat(places, values.shape[1]), values.ravel(), marker, color=colour, markersize=4,
                      alpha=0.45, markeredgewidth=0)
        left.plot(sizes, averages, color=colour, linewidth=1.6, label=name)
        right.plot([0, 1_000 / sizes[0]], [limit, limit + slope / sizes[0]], color=colour, linewidth=1.4)
        right.plot([0], [limit], marker, color="white", markeredgecolor=colour, markersize=8, clip_on=False, zorder=4)
        right.annotate(f"{limit:.1f}".replace("-", "−"), (0, limit), xytext=(9, -10), textcoords="offset points",
                       fontsize=9, color=colour)
    first = next(iter(distances.values()))[0].mean()
    left.plot(sizes, first * sizes[0] / sizes / 1.6, color=GREY, linewidth=1, linestyle="--", label="slope −1")
    right.margins(y=0.12)  # room for the last number below its mark
    finish(left, "it falls with every sample", "samples N (logarithmic)", "Fréchet distance (logarithmic)", legend={},
           xscale="log", yscale="log")
    finish(right, "straight over 1/N: hollow marks are for N = ∞", "1,000 / N", "Fréchet distance", xlim=(0, None))
    return picture


def bias_beside_none(sizes, frechet, kernel):
    """Return two distances against the number of samples N, `sizes` (n,), the unbiased one ± two standard errors.

    Fréchet distances are {name: (n, repeats)}; kernel distances {name: (n, 2)} hold estimates and standard errors.
    """
    picture, axes = canvas(height=3.4, columns=2)
    for index, (name, colour, marker) in enumerate(zip(frechet, SERIES, MARKERS, strict=False)):
        style = {"color": colour, "marker": marker, "markersize": 5, "label": name}
        values, errors = np.transpose(kernel[name])
        axes[0].plot(sizes, np.mean(frechet[name], axis=1), **style)
        axes[1].errorbar(np.multiply(sizes, 1.08**index), values, 2 * errors, capsize=3, **style)
    for axis, title, y in zip(axes, ("biased", "unbiased"), ("Fréchet distance", "kernel distance, ± 2 std. errors")):
        axis.axhline(0, color=INK, linewidth=1)
        finish(axis, title, "samples N (logarithmic)", y, legend={"loc": "upper right"}, xscale="log")
    return picture


def manifolds(real, fake, real_radii, fake_radii):
    """Return three panels of points (n, 2) and (m, 2): how precision, recall and coverage come about.

    Filled points, or balls of the given radii, count; hollow ones do not. The titles say the picture's values.
    """
    real, fake, real_radii, fake_radii = (np.asarray(each, float) for each in (real, fake, real_radii, fake_radii))
    picture, axes = canvas(height=3.5, columns=3, sharex=True, sharey=True)
    distances = np.linalg.norm(real[:, None] - fake, axis=-1)
    in_real, in_fake = distances < real_radii[:, None], distances < fake_radii  # the ball of each
    precise, recalled, covered = in_real.any(axis=0), in_fake.any(axis=1), in_real.any(axis=1)
    panels = (("precision", precise, "fakes in balls around reals", (real, real_radii, True, BLUE), True, precise),
              ("recall", recalled, "reals in balls around fakes", (fake, fake_radii, True, ORANGE), recalled, True),
              ("coverage", covered, "reals' balls that hold a fake", (real, real_radii, covered, BLUE), True, True))
    for axis, (name, share, says, balls, of_real, of_fake) in zip(axes, panels, strict=True):
        _draw_balls(axis, *balls)
        _draw_sample(axis, real, of_real, "o", BLUE)
        _draw_sample(axis, fake, of_fake, "^", RED)
        axis.set_aspect("equal")
        axis.set(xticks=[], yticks=[])
        axis.spines[["left", "bottom"]].set_visible(False)
        label(axis, f"{name} {share.sum()} of {len(share)} = {share.mean():.2f}", says)
    points, reach = np.concatenate([real, fake]), np.concatenate([real_radii, fake_radii])[:, None]
    (left, bottom), (right, top) = (points - reach).min(axis=0), (points + reach).max(axis=0)
    axes[0].set(xlim=(left, right), ylim=(bottom, top))
    for marker, fill, edge, name in (("o", BLUE, BLUE, "real"), ("^", RED, RED, "fake"),
                                     ("o", "white", GREY, "does not count")):
        axes[2].plot([], [], marker, color=fill, markeredgecolor=edge, label=name)
    picture.legend(loc="outside lower center", ncols=3, frameon=False, fontsize=9)
    return picture


def bench(scores, floors, better):
    """Return scores, {metric: {model: values of seeds}}, one small panel a metric: each seed and their average.

    `floors` says what real images score, drawn dashed; `better` is "lower" or "higher". Metrics may lack both.
    """
    columns = min(4, len(scores))
    rows = -(-len(scores) // columns)
    models = list(next(iter(scores.values())))
    picture, axes = canvas(height=rows * (0.85 + 0.3 * len(models)) + 0.3, rows=rows, columns=columns, squeeze=False)
    for place, (axis, metric) in enumerate(zip(axes.ravel(), scores, strict=False)):
        for row, (model, colour, marker) in enumerate(zip(models, SERIES, MARKERS, strict=False)):
            values = np.ravel(scores[metric][model])
            axis.plot([values.min(), values.max()], [row, row], color=colour, linewidth=5, alpha=0.25,
                      solid_capstyle="round")
            axis.plot(values, np.full(values.size, row), marker, color=colour, markersize=4.5, alpha=0.7,
                      markeredgewidth=0)
            axis.plot([values.mean()] * 2, [row - 0.27, row + 0.27], color=colour, linewidth=2)
        if metric in floors:
            axis.axvline(floors[metric], color=INK, linewidth=1.1, linestyle="--")
        axis.xaxis.set_major_locator(MaxNLocator(3))
        axis.set_yticks(range(len(models)), models if place % columns == 0 else [""] * len(models), fontsize=9.5)
        axis.set_ylim(len(models) - 0.5, -0.5)
        axis.margins(x=0.12)
        _as_scale(axis)
        axis.tick_params(axis="y", length=0)
        axis.tick_params(axis="x", labelsize=8.5)
        axis.set_xlabel(BETTER.get(better.get(metric), " "), fontsize=8.5, color="#555555")
        axis.set_title(textwrap.fill(metric, 26), fontsize=9.5, color=INK)
    for axis in axes.ravel()[len(scores):]:
        axis.set_axis_off()
    average, = axes[0, 0].plot([], [], "|", markersize=11, markeredgewidth=2, color=GREY)
    floor, = axes[0, 0].plot([], [], color=INK, linewidth=1.1, linestyle="--")
    picture.legend([average, floor], ["average over seeds", "real images in the model's place"],
                   loc="outside upper center", ncols=2, frameon=False, fontsize=9)
    return picture


def distance_shares(groups):
    """Return which share of each group, {name: (n,) distances}, lies at most so far from its nearest training image."""
    picture, axis = canvas(height=3.1)
    for (name, distances), colour, line in zip(groups.items(), SERIES, ("-", "--", "-.", ":", "-"), strict=False):
        ordered = np.sort(np.ravel(distances))
        axis.plot(np.concatenate([[0], ordered]), np.linspace(0, 100, len(ordered) + 1), color=colour, linewidth=1.8,
                  linestyle=line, label=name)
    finish(axis, "", "distance to the nearest training image, over pixels", "images at most so far, in percent",
           legend={"loc": "upper left"}, xlim=(0, None), ylim=(0, 103))
    return picture


def looks_and_likelihood(models, y="log-likelihood in nats per image"):
    """Return a row for each model, {name: (14 images or more, log-likelihood in nats, Fréchet distance above 0)}."""
    picture, axes = canvas(height=1.15 * len(models) + 0.65, rows=len(models), columns=3, width_ratios=(1.7, 1, 1),
                           sharex="col", squeeze=False)
    nats, frechet = np.array([model[1:] for model in models.values()], float).T
    for row, (name, (images, *_)) in enumerate(models.items()):
        shown, bar, dot = axes[row]
        draw_digits(shown, np.asarray(images)[:14], 7, name)
        bar.barh(0, nats[row], height=0.5, color=BLUE)
        bar.axvline(0, color=INK, linewidth=0.8)
        dot.hlines(0, frechet.min() / 3, frechet[row], color=RED, linewidth=2)
        dot.plot([frechet[row]], [0], "o", color=RED, markersize=9)
        for axis, value, gap in ((bar, nats[row], -4 if nats[row] < 0 else 4), (dot, frechet[row], 8)):
            text = f"{value:,.{0 if abs(value) >= 1_000 else 1}f}".replace("-", "−")
            axis.annotate(text, (value, 0), xytext=(gap, 0), textcoords="offset points",
                          ha="left" if gap > 0 else "right", va="center", fontsize=9.5, color=INK)
            axis.set(ylim=(-0.7, 0.7), yticks=[])
            _as_scale(axis)
            label(axis, "", " ")
    low, high = min(nats.min(), 0), max(nats.max(), 0)
    room = 0.27 * (high - low)
    bar.set_xlim(low - room * (low < 0), high + room * (high > 0))
    bar.xaxis.set_major_locator(MaxNLocator(4))
    dot.set(xscale="log", xlim=(frechet.min() / 3, 6 * frechet.max()))
    label(bar, "", f"{y}\n(higher is better)")
    label(dot, "", "Fréchet distance, logarithmic\n(lower is better)")
    return picture


def draw_gauges(axes, names, floors, logarithmic):
    """Draw one horizontal scale a metric, from its dashed floor to a dot; return the lines to the dots and the titles.

    `logarithmic` holds (low, high) of a logarithmic axis, or None for shares from 0 to 1, for each metric.
    """
    lines, texts = [], []
    for axis, name, floor, ends in zip(axes, names, floors, logarithmic, strict=True):
        axis.set(xlim=ends or (-0.05, 1.05), ylim=(-0.6, 0.6), yticks=[])
        if ends:
            axis.set_xscale("log")
        else:
            axis.set_xticks([0, 0.5, 1], ["0", "0.5", "1"])
        _as_scale(axis)
        axis.axvline(floor, color=INK, linewidth=1.2, linestyle="--")
        lines += axis.plot([floor, floor], [0, 0], color=RED if ends else GREEN, linewidth=4, marker="o",
                           markersize=12, markevery=[1])
        label(axis, name, BETTER["lower" if ends else "higher"])
        texts.append(axis.title)
    return lines, texts


def move_gauges(lines, texts, names, values):
    """Show other values on what `draw_gauges` returned."""
    for line, text, name, value in zip(lines, texts, names, values, strict=True):
        line.set_xdata([line.get_xdata()[0], value])
        text.set_text(f"{name} {value:.{0 if value >= 100 else 1 if value >= 1 else 2}f}")


def _as_scale(axis):
    """Leave an axis nothing but its scale below, with pale lines behind all else."""
    axis.spines["left"].set_visible(False)
    axis.grid(axis="x", color=GRID, linewidth=0.6)
    axis.set_axisbelow(True)


def _draw_balls(axis, centres, radii, counted, colour):
    """Draw circles, filled and with a line around them where they are counted (True for all), else dotted."""
    counted = np.full(len(centres), counted)
    for chosen, opacity, line in ((counted, 0.16, "-"), (~counted, 0, ":")):
        balls = [Circle(centre, radius) for centre, radius in zip(centres[chosen], radii[chosen], strict=True)]
        axis.add_collection(PatchCollection(balls, facecolor=colour, alpha=opacity, linewidth=0))
        axis.add_collection(PatchCollection(balls, facecolor="none", edgecolor=colour, linewidth=0.8, linestyle=line,
                                            alpha=0.7))


def _draw_sample(axis, points, counted, marker, colour):
    """Draw points, filled where they are counted (True for all), else hollow."""
    counted = np.full(len(points), counted)
    for chosen, fill, edge, width in ((counted, colour, "white", 0.6), (~counted, "white", colour, 1.3)):
        axis.plot(*points[chosen].T, marker, color=fill, markersize=5.5, markeredgecolor=edge, markeredgewidth=width,
                  zorder=3)
