"""Wasserstein distance, critics with a bounded slope, and the charts of GANs in training (lesson 9)."""

import numpy as np

from utils.plots.canvas import BLUE, GRID, INK, ORANGE, RED, SERIES, canvas, label

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
