"""Where the time goes, training at scale, and other roads to p(x) (lesson 12)."""

import numpy as np
from matplotlib.ticker import LogLocator, MaxNLocator

from utils.plots.canvas import BLUE, GREEN, GRID, INK, ORANGE, RED, SERIES, SKY, canvas, label

_STYLES = (("-", "o"), ("--", "s"), ("-.", "^"), (":", "D"), ("-", "v"))  # not told apart by colour alone


def roofline(rows, intensities, speeds):
    """Return how fast matrix products ran against how much they compute with each number that they fetch.

    Two roofs guide the eye: what memory allows, drawn through the leftmost point, and the fastest product.

    Args:
        rows: (n,) of each first matrix, written beside the points.
        intensities: (n,) operations per byte, ascending.
        speeds: (n,) operations a second.

    Source: Williams, Waterman and Patterson (2009).
    """
    picture, axis = canvas(height=3.6)
    intensities, speeds = np.asarray(intensities, float), np.asarray(speeds, float) / 1e9
    over = np.geomspace(intensities[0] / 2, 3 * intensities[-1], 100)
    axis.loglog(over, over * speeds[0] / intensities[0], color=RED, linestyle="--", label="as fast as memory delivers")
    axis.axhline(speeds.max(), color=GREEN, linestyle="-.", label="as fast as the device computes")
    axis.plot(intensities, speeds, "o", color=BLUE, markersize=7, label="measured")
    for count, *place in zip(rows, intensities, speeds, strict=True):
        axis.annotate(f"{count} row{'s' * (count != 1)}", place, xytext=(6, -13), textcoords="offset points",
                      fontsize=9, color=INK)
    axis.set(xlim=(over[0], over[-1]), ylim=(0.4 * speeds.min(), 2 * speeds.max()))
    axis.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axis.xaxis.set_major_formatter("{x:g}")
    axis.yaxis.set_major_formatter("{x:g}")
    axis.minorticks_off()
    axis.grid(color=GRID, linewidth=0.6)
    picture.legend(frameon=False, fontsize=9, loc="outside upper center", ncols=3)
    label(axis, "", "operations per byte (logarithmic)", "10⁹ operations a second (log.)")
    return picture


def floors(models):
    """Return bars of the seconds of an epoch: what the arithmetic alone would take, below what `fit` took.

    Args:
        models: dictionary of name → (seconds of the arithmetic, seconds measured).
    """
    picture, axis = canvas(height=1.1 + 0.55 * len(models))
    for place, (floor, measured) in enumerate(models.values()):
        axis.barh(place - 0.19, floor, 0.34, color=GREEN, label="arithmetic alone" if place == 0 else None)
        axis.barh(place + 0.19, measured, 0.34, color=BLUE, label="measured" if place == 0 else None)
        axis.text(measured, place + 0.19, f"  {measured / floor:.1f} ×", va="center", fontsize=9, color=INK)
    _name_bars(axis, models)
    picture.legend(frameon=False, fontsize=9, loc="outside upper center", ncols=2)
    label(axis, "", "seconds an epoch")
    return picture


def speed_ups(seconds, baseline):
    """Return a bar for each way to train: how many times as fast as the baseline, each at the best of its turns.

    The line through a bar spans what each third of the turns gives; where it reaches 1, the bar is pale.

    Args:
        seconds: dictionary of name → seconds of each turn, three or more, for the same images.
        baseline: name of the one that counts as 1.
    """
    if (fewest := min(map(len, seconds.values()))) < 3:
        raise ValueError(f"speed_ups wants three turns or more of each way, but got {fewest}.")
    picture, axis = canvas(height=0.9 + 0.34 * len(seconds))
    for place, (name, turns) in enumerate(seconds.items()):
        ratio = min(seconds[baseline]) / min(turns)
        thirds = [min(seconds[baseline][third::3]) / min(turns[third::3]) for third in range(3)]
        decided = min(thirds) > 1 or max(thirds) < 1
        axis.barh(place, ratio, 0.6, color="#999999" if name == baseline else BLUE if decided else SKY)
        axis.plot([min(thirds), max(thirds)], [place, place], color=INK, linewidth=1.4, marker="|", markersize=8)
        axis.text(max(ratio, *thirds), place, f"  {ratio:.2f}", va="center", fontsize=9, color=INK)
    axis.axvline(1, color=INK, linewidth=1)
    _name_bars(axis, seconds)
    axis.set_xlim(left=0)
    label(axis, "", f"times as many images a second as with {baseline}")
    return picture


def paths(curves, x, y, logarithmic=False, limits=None):
    """Return named curves, each over numbers of its own.

    Args:
        curves: dictionary of name → (places (n,), values (n,)).
        x, y: names of the axes, with their units.
        logarithmic: whether values span powers of ten.
        limits: (lowest, highest) value shown, or None for all.
    """
    picture, axis = canvas(height=3.3)
    _draw_paths(axis, curves, x, y)
    axis.set(yscale="log" if logarithmic else "linear", ylim=limits)
    picture.legend(*axis.get_legend_handles_labels(), frameon=False, fontsize=9, loc="outside upper center", ncols=3)
    return picture


def epochs(curves, y):
    """Return named curves over epochs, which all end with the last epoch of the longest.

    Args:
        curves: dictionary of name → values, one for each epoch.
        y: what the values are, with their unit.
    """
    last = max(map(len, curves.values()))
    return paths({name: (np.arange(last + 1 - len(values), last + 1), values) for name, values in curves.items()},
                 "epoch", y)


def two_clocks(races, y):
    """Return the same trainings twice: against the images that they saw, and against the seconds that they took.

    Args:
        races: dictionary of name → (thousands of images, seconds, values), as `race` returns.
        y: what the values are, with their unit.
    """
    picture, (left, right) = canvas(height=3.4, columns=2, sharey=True)
    by_images = {name: (thousands, values) for name, (thousands, _, values) in races.items()}
    by_seconds = {name: (seconds, values) for name, (_, seconds, values) in races.items()}
    _draw_paths(left, by_images, "thousands of images seen", y, "for the same images")
    _draw_paths(right, by_seconds, "seconds", "", "for the same time")
    picture.legend(*left.get_legend_handles_labels(), frameon=False, fontsize=9, loc="outside upper center", ncols=5)
    return picture


def streams(losses, gained, whole, y, thousands=3):
    """Return two panels: a training fed in different orders, and the memory that streaming takes.

    Args:
        losses: dictionary of name → values, one after each thousand images.
        gained: megabytes that streaming takes, at the start and after so many thousand images each.
        whole: megabytes of the whole data set in memory, drawn as a line.
        y: what the losses are, with their unit.
        thousands: of images between two values of the memory.
    """
    losses = {name: (np.arange(1, len(values) + 1), values) for name, values in losses.items()}
    memory = {"streamed": (np.arange(len(gained)) * thousands, gained)}
    picture, (left, right) = canvas(height=3.5, columns=2, width_ratios=(1.5, 1))
    _draw_paths(left, losses, "thousands of images seen", y)
    left.legend(frameon=False, fontsize=9, loc="lower right")
    _draw_paths(right, memory, "thousands of images streamed", "megabytes")
    right.axhline(whole, color="#777777", linestyle="--", linewidth=1)
    right.annotate("all images at once", (0, whole), xytext=(2, 4), textcoords="offset points", fontsize=8.5,
                   color="#555555")
    right.set_ylim(-0.05 * whole, 1.15 * whole)
    return picture


def flow(latents, base, values, density, samples):
    """Return a flow in three panels: the base density, the map, and what it makes of the base.

    Args:
        latents, base: (n,) z, ascending, and its density.
        values, density: (n,) x = f(z), and its density by the change of variables.
        samples: (m,) values f(z) of draws of z, shown as a histogram.
    """
    picture, axes = canvas(height=2.7, columns=3)
    axes[0].fill_between(latents, base, color=BLUE, alpha=0.35, linewidth=0)
    axes[0].plot(latents, base, color=BLUE)
    axes[1].plot(latents, values, color=INK)
    for start in np.linspace(-2, 2, 9):
        place = np.interp(start, latents, values)
        axes[1].plot([start, start, latents[0]], [values[0], place, place], color=ORANGE, linewidth=0.8)
    axes[1].set(xlim=(latents[0], latents[-1]), ylim=(values[0], values[-1]))
    axes[2].hist(samples, 60, range=(values[0], values[-1]), density=True, color="#BBBBBB",
                 label="draws, pushed through f")
    axes[2].plot(values, density, color=RED, label="p(x) by the formula")
    axes[2].set_ylim(top=1.45 * np.max(density))
    axes[2].legend(frameon=False, fontsize=8.5, loc="upper center")
    for axis, words in zip(axes, (("what is simple", "z", "density"), ("an invertible map", "z", "x = f(z)"),
                                  ("what it becomes", "x", "density")), strict=True):
        axis.grid(color=GRID, linewidth=0.6)
        axis.set_axisbelow(True)
        label(axis, *words)
    return picture


def draw_epoch_costs(axis, batches, images):
    """Draw an empty diagram of an epoch's seconds against ascending batch sizes; return its lines and its point."""
    names = ("steps themselves", "work per image that is no arithmetic", "arithmetic", "together")
    lines = [axis.loglog(batches, np.ones(len(batches)), color=colour, linestyle=line, linewidth=width, label=name)[0]
             for name, colour, line, width in zip(names, (RED, ORANGE, GREEN, BLUE), ("--", "-.", ":", "-"),
                                                  (1.7, 1.7, 2.2, 2.2))]
    point, = axis.plot([batches[0]], [1], "o", color=BLUE, markersize=9)
    axis.set_xticks(batches[::2], [f"{batch:,}" for batch in batches[::2]])
    axis.minorticks_off()
    axis.grid(color=GRID, linewidth=0.6)
    axis.legend(frameon=False, fontsize=9, loc="upper right")
    label(axis, "", "batch size (logarithmic)", f"seconds for {images:,} images (log.)")
    return lines, point


def move_epoch_costs(lines, point, parts, batch):
    """Show what `draw_epoch_costs` returned for three arrays of seconds, with the point at one batch size."""
    for line, values in zip(lines, [*parts, np.sum(parts, axis=0)], strict=True):
        line.set_ydata(values)
    place = list(lines[-1].get_xdata()).index(batch)
    point.set_data([batch], [lines[-1].get_ydata()[place]])


def _name_bars(axis, names):
    """Write the names of horizontal bars, the first at the top, and draw pale lines behind them."""
    axis.set_yticks(range(len(names)), names)
    axis.invert_yaxis()
    axis.margins(x=0.1)
    axis.grid(axis="x", color=GRID, linewidth=0.6)
    axis.set_axisbelow(True)


def _draw_paths(axis, curves, x, y, title=""):
    for (name, (places, values)), colour, (line, marker) in zip(curves.items(), SERIES, _STYLES, strict=False):
        axis.plot(places, values, color=colour, linestyle=line, marker=marker if len(places) < 25 else None,
                  markersize=4, linewidth=1.7, label=name)
    axis.xaxis.set_major_locator(MaxNLocator(integer=True))
    axis.grid(color=GRID, linewidth=0.6)
    label(axis, title, x, y)
