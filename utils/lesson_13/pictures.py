"""Orders of pixels and their bound, paths from noise to data, and four models before one judge (lesson 13)."""

import textwrap

import numpy as np
from matplotlib.colors import LinearSegmentedColormap, PowerNorm
from matplotlib.ticker import LogLocator, MaxNLocator

from utils.plots.canvas import BLUE, GREEN, GRID, INK, RED, SERIES, SKY, canvas, finish, label

GREY = "#777777"
BETTER = {"lower": "← better", "higher": "better →"}
_STYLES = (("-", "o"), ("--", "s"), ("-.", "^"), (":", "D"), ("-", "v"))  # not told apart by colour alone
_LIGHT = LinearSegmentedColormap.from_list("light", ["white", SKY])


def orders(logs, bound, log_p):
    """Return a histogram of one image's log-probability in every order of its pixels, in nats.

    Args:
        logs: (orders,) log-probabilities.
        bound, log_p: their mean, and the log-probability of the image itself; each is a vertical line.
    """
    logs = np.ravel(logs)
    picture, axis = canvas(height=3.1)
    axis.hist(logs, 60, weights=np.full(logs.size, 100 / logs.size), color=SKY)
    for value, name, colour, line in ((bound, "mean over orders: the bound", RED, "--"), (log_p, "log p(x)", INK, "-")):
        axis.axvline(value, color=colour, linewidth=1.8, linestyle=line, label=name)
    _finish(picture, axis, "log-probability of one image in one order, in nats", "share of orders in percent", grid="y")
    return picture


def next_pixel(seen, nats):
    """Return what the next pixel costs on average, `nats` (n,), after so many pixels, `seen` (n,), 0 to 783, ascending.

    The area beneath is the sum over all numbers from the first to the last; between those given it is interpolated.
    """
    picture, axis = canvas(height=3.1)
    area = np.interp(np.arange(seen[0], seen[-1] + 1), seen, nats).sum()
    axis.fill_between(seen, nats, color=SKY, alpha=0.3, linewidth=0,
                      label=f"area beneath: {area:.1f} nats, so that the bound is −{area:.1f}")
    axis.plot(seen, nats, color=BLUE, linewidth=1.8)
    axis.set(xlim=(seen[0], seen[-1] + 1), ylim=(0, None))
    _finish(picture, axis, "pixels already seen", "nats for the next pixel")
    return picture


def exact_in_orders(exact, rows, bound, error):
    """Return log p(x) of test images in single orders of the pixels, beside the estimate of their bound, in nats.

    Args:
        exact: (images, orders) in random orders.
        rows: (images,) in the order row by row.
        bound, error: (images,) estimates of the bound, and the half length of each one's error bar.
    """
    picture, axis = canvas(height=3.8)
    exact, places = np.asarray(exact), np.arange(1, len(exact) + 1)
    axis.plot(np.repeat(places - 0.16, exact.shape[1]), exact.ravel(), "o", color=BLUE, markersize=3.5, alpha=0.55,
              markeredgewidth=0, label="in a random order")
    axis.plot(places - 0.16, rows, "_", color=INK, markersize=13, markeredgewidth=1.8, label="row by row")
    axis.errorbar(places + 0.16, bound, error, fmt="s", color=RED, markersize=4.5, capsize=3,
                  label="estimate of the bound")
    axis.set_xlim(0.4, len(exact) + 0.6)
    axis.xaxis.set_major_locator(MaxNLocator(20, integer=True, min_n_ticks=1))
    _finish(picture, axis, "test image", "nats", grid="y")
    return picture


def quality(curves, floor, x, y="Fréchet distance"):
    """Return scores against the number of calls of the network: {name: (numbers (n,), scores (n,))}, and a floor."""
    picture, axis = canvas(height=3.5)
    for (name, (numbers, scores)), colour, (line, marker) in zip(curves.items(), SERIES, _STYLES, strict=False):
        axis.plot(numbers, scores, color=colour, linestyle=line, marker=marker, markersize=5, label=name)
    values = np.concatenate([np.ravel(scores) for _, scores in curves.values()])
    axis.axhline(floor, color=INK, linewidth=1.1, linestyle="--", label="real images")
    axis.set(xscale="log", yscale="log")
    wide = max(values.max(), floor) > 20 * min(values.min(), floor)
    axis.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5) if wide else (1, 1.5, 2, 3, 4, 5, 6, 8)))
    axis.yaxis.set_major_formatter("{x:g}")
    _tick_at(axis, np.concatenate([np.ravel(numbers) for numbers, _ in curves.values()]))
    _finish(picture, axis, f"{x} (logarithmic)", f"{y} (logarithmic)")
    return picture


def noise_to_data(times, positions, paths, densities):
    """Return how noise becomes data in one dimension: the density over time, with paths; its ends stand beside it.

    Args:
        times: (times,) from 0, noise, to 1, data, evenly spaced.
        positions: (positions,) evenly spaced, ascending.
        paths: (n, m) positions of n paths at m evenly spaced times from the first to the last; few are marked by dots.
        densities: (positions, times); the shade goes with their square root.
    """
    picture, (first, map_, last) = canvas(height=4, columns=3, width_ratios=(1, 5, 1), sharey=True)
    densities, paths = np.asarray(densities), np.asarray(paths)
    map_.pcolormesh(times, positions, densities, cmap=_LIGHT, shading="gouraud", norm=PowerNorm(0.5, vmin=0))
    map_.plot(np.linspace(times[0], times[-1], paths.shape[1]), paths.T, color=INK, linewidth=0.8, alpha=0.75,
              marker="o" if paths.shape[1] <= 12 else None, markersize=2.5)
    for axis, column in ((first, 0), (last, -1)):
        axis.fill_betweenx(positions, densities[:, column], color=SKY, alpha=0.5, linewidth=0)
        axis.plot(densities[:, column], positions, color=BLUE, linewidth=1.6)
        axis.xaxis.set_major_locator(MaxNLocator(2))
        axis.set_xlim(0, 1.08 * densities[:, column].max())
        label(axis, f"t = {times[column]:.3g}", "density", "position" if axis is first else "")
    first.invert_xaxis()  # both lean on the map
    for axis in (first, map_, last):
        axis.xaxis.set_major_formatter("{x:g}")
    map_.set(xlim=(times[0], times[-1]), ylim=(positions[0], positions[-1]))
    label(map_, "", "time t: 0 is noise, 1 is data")
    return picture


def denoisers(positions, panels):
    """Return guesses of the clean value, {title: {name: values (n,)}}, one panel a title, over noisy values (n,)."""
    picture, axes = canvas(height=3.3, columns=len(panels), sharey=True, squeeze=False)
    for axis, (title, curves) in zip(axes[0], panels.items(), strict=True):
        axis.plot(positions, positions, color="#AAAAAA", linewidth=1, label="no change")
        for (name, values), colour, line in zip(curves.items(), (BLUE, RED, GREEN), ("-", "--", ":"), strict=False):
            axis.plot(positions, values, color=colour, linestyle=line, linewidth=2, label=name)
        finish(axis, title, "noisy value", "guess of the clean value" if axis is axes[0, 0] else "", xmargin=0)
    lows, highs = zip(*((np.min(values), np.max(values)) for curves in panels.values() for values in curves.values()))
    room = 0.08 * (max(highs) - min(lows))
    axes[0, 0].set_ylim(min(lows) - room, max(highs) + room)
    picture.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside upper center", ncols=4, frameon=False,
                   fontsize=9)
    return picture


def orders_of_error(steps, errors, slopes):
    """Return errors {name: (n,)} over numbers of steps (n,), with a guide of a slope, {name: slope}, by each curve.

    A guide goes through its curve's last point; without a slope there is none.
    """
    picture, axis = canvas(height=3.4)
    steps = np.asarray(steps, float)
    for (name, values), colour, (_, marker) in zip(errors.items(), SERIES, _STYLES, strict=False):
        says = f" (dotted: slope {slopes[name]:g})".replace("-", "−") if name in slopes else ""
        axis.plot(steps, values, color=colour, marker=marker, markersize=5, linewidth=1.8, label=name + says)
        if name in slopes:
            axis.plot(steps, values[-1] * (steps / steps[-1])**slopes[name], ":", color=INK, linewidth=1.3)
    axis.set(xscale="log", yscale="log")
    _tick_at(axis, steps)
    _finish(picture, axis, "steps (logarithmic)", "mean distance from the exact\nend point (logarithmic)")
    return picture


def arrivals(points, positions, density):
    """Return where points of one dimension arrived, {name: (n,)}, a panel each, over the density of the data (m,)."""
    picture, axes = canvas(height=2.5, columns=len(points), sharex=True, sharey=True, squeeze=False)
    for axis, (name, values) in zip(axes[0], points.items(), strict=True):
        axis.hist(values, np.linspace(positions[0], positions[-1], 61), density=True, color=SKY)
        axis.plot(positions, density, color=INK, linewidth=1.4)
        finish(axis, name, "position", "density" if axis is axes[0, 0] else "", ylim=(0, 1.4 * np.max(density)))
    return picture


def guidance(strengths, scores):
    """Return measures {name: (n,)} over the strengths of guidance (n,), a panel each."""
    picture, axes = canvas(height=2.9, columns=len(scores), squeeze=False)
    for axis, (measure, values) in zip(axes[0], scores.items(), strict=True):
        axis.plot(strengths, values, color=BLUE, marker="o", markersize=5, linewidth=1.8)
        axis.yaxis.set_major_locator(MaxNLocator(5))
        finish(axis, "", textwrap.fill("strength of guidance w", 50 // len(scores)), textwrap.fill(measure, 30))
    return picture


def four_models(scores, better, logarithmic=()):
    """Return many metrics of a few models, one small panel a metric: each seed and their average.

    Args:
        scores: dictionary of metric → dictionary of model → values, one a seed, or None: the row of a model without
            any is marked "–"; the same models for each metric.
        better: dictionary of metric → "lower" or "higher", written below the panel; metrics may be missing.
        logarithmic: the metrics shown in powers of ten.
    """
    columns, models = min(4, len(scores)), list(next(iter(scores.values())))
    rows = -(-len(scores) // columns)
    picture, axes = canvas(height=rows * (0.85 + 0.3 * len(models)) + 0.3, rows=rows, columns=columns, squeeze=False)
    for place, (axis, (metric, values)) in enumerate(zip(axes.ravel(), scores.items(), strict=False)):
        axis.set(xscale="log" if metric in logarithmic else "linear", ylim=(len(models) - 0.5, -0.5))
        for row, (model, colour, (_, marker)) in enumerate(zip(models, SERIES, _STYLES, strict=False)):
            if values[model] is None:
                axis.text(0.5, row, "–", transform=axis.get_yaxis_transform(), ha="center", va="center", fontsize=13,
                          color=GREY)
                continue
            seeds, style = np.ravel(values[model]), {"color": colour, "solid_capstyle": "round"}
            axis.plot([seeds.min(), seeds.max()], [row, row], linewidth=5, alpha=0.25, **style)
            axis.plot(seeds, np.full(seeds.size, row), marker, markersize=4.5, alpha=0.7, markeredgewidth=0, **style)
            axis.plot([seeds.mean()] * 2, [row - 0.27, row + 0.27], linewidth=2, color=colour)
        axis.set_yticks(range(len(models)), models if place % columns == 0 else [""] * len(models), fontsize=9.5)
        axis.margins(x=0.12)
        low, high = axis.get_xlim()
        if metric in logarithmic and high > 20 * low:
            axis.xaxis.set_major_locator(LogLocator(subs=(1, 3) if high < 500 * low else (1,), numticks=5))
        else:
            axis.xaxis.set_major_locator(MaxNLocator(3))
        if metric in logarithmic or high > 1e5:
            axis.minorticks_off()
            axis.xaxis.set_major_formatter(lambda x, _: f"{x / 1e6:g} M" if x >= 1e5 else f"{x:,.10g}")
        axis.spines["left"].set_visible(False)
        axis.tick_params(axis="y", length=0)
        axis.tick_params(axis="x", labelsize=8.5)
        axis.set_axisbelow(True)
        axis.grid(axis="x", color=GRID, linewidth=0.6)
        axis.set_xlabel(BETTER.get(better.get(metric), " "), fontsize=8.5, color="#555555")
        axis.set_title(textwrap.fill(metric, 22), fontsize=9.5, color=INK)
    for axis in axes.ravel()[len(scores):]:
        axis.set_axis_off()
    axes[0, 0].plot([], [], "|", markersize=11, markeredgewidth=2, color=GREY, label="average over seeds")
    picture.legend(loc="outside upper center", frameon=False, fontsize=9)
    return picture


def _tick_at(axis, numbers):
    """Put the ticks of a logarithmic x axis at the numbers themselves, and write those that have room."""
    numbers, words, end = np.unique(numbers), [], -np.inf
    for place, number in zip(np.log(numbers) / max(np.log(numbers[-1] / numbers[0]), 1e-9), numbers, strict=True):
        half = 0.006 * (len(f"{number:,.0f}") + 1)  # of the word, in shares of the axis
        words.append(f"{number:,.0f}" if place - half > end else "")
        end = place + half if words[-1] else end
    axis.set_xticks(numbers, words)
    axis.minorticks_off()


def _finish(picture, axis, x, y, grid="both"):
    """Lay a grid under the only axis of a picture, name it, and put the legend above it."""
    axis.grid(axis=grid, color=GRID, linewidth=0.6)
    axis.set_axisbelow(True)
    picture.legend(*axis.get_legend_handles_labels(), loc="outside upper center", ncols=4, frameon=False, fontsize=9)
    label(axis, "", x, y)
