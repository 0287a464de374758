"""Named curves, histograms, and the ladder of nats."""

import numpy as np
from matplotlib.ticker import MaxNLocator

from utils.plots.canvas import BLUE, GRID, INK, RED, SERIES, canvas, finish, label


def draw_line_chart(axis, curves, title="", x="epoch", y="", reference_lines=None):
    """Draw curves {name: values} over 1, 2, 3 …, and reference lines {name: value} dashed and named at the right."""
    for (name, values), colour in zip(curves.items(), SERIES, strict=False):
        steps = np.arange(1, len(values) + 1)
        axis.plot(steps, values, color=colour, label=name, linewidth=1.8, marker="o" if len(values) < 3 else None)
    for name, value in (reference_lines or {}).items():
        axis.axhline(value, color="#777777", linestyle="--", linewidth=1)
        axis.annotate(name, (1, value), xycoords=("axes fraction", "data"), xytext=(-2, 3),
                      textcoords="offset points", ha="right", fontsize=8.5, color="#555555")
    axis.xaxis.set_major_locator(MaxNLocator(integer=True))
    finish(axis, title, x, y, legend={} if len(curves) > 1 else None)


def line_chart(curves, title="", x="epoch", y="", reference_lines=None):
    """Return a picture of named curves; arguments as in `draw_line_chart`."""
    picture, axis = canvas(height=3.2)
    draw_line_chart(axis, curves, title, x, y, reference_lines)
    return picture


def logarithmic_line_chart(curves, x, y):
    """Return curves that span powers of ten, {name: positive values}, over 0, 1, 2 …"""
    picture, axis = canvas(height=3.3)
    for (name, values), colour, line in zip(curves.items(), SERIES, ("-", "-", "-", ":"), strict=False):
        axis.semilogy(values, color=colour, linewidth=2.6 if line == ":" else 1.8, linestyle=line, label=name)
    finish(axis, "", x, y, legend={})
    return picture


def histogram(values, bins, x, y):
    """Return a histogram of all values as shares in percent."""
    values = np.ravel(values)
    picture, axis = canvas(height=2.8)
    axis.hist(values, bins, weights=np.full(values.size, 100 / values.size), color=BLUE)
    axis.grid(axis="y", color=GRID, linewidth=0.6)
    axis.set_axisbelow(True)
    label(axis, "", x, y)
    return picture


def ladder(rungs, published=None):
    """Return the ladder of nats, {name: nats per image}, the better the higher; `published` figures are hollow."""
    rungs = {name: (float(value), BLUE, BLUE) for name, value in rungs.items()}
    rungs |= {name: (float(value), "white", RED) for name, value in (published or {}).items()}
    rungs = dict(sorted(rungs.items(), key=lambda rung: rung[1][0]))
    picture, axis = canvas(height=0.9 + 0.36 * len(rungs))
    for row, (value, fill, edge) in enumerate(rungs.values()):
        axis.barh(row, value, height=0.55, color=fill, edgecolor=edge, linewidth=1.4)
        axis.text(value - 6, row, f"{value:.1f}", ha="right", va="center", fontsize=9.5, color=INK)
    axis.set_yticks(range(len(rungs)), rungs)
    axis.set_xlim(min(value for value, *_ in rungs.values()) * 1.14, 0)
    axis.yaxis.tick_right()
    axis.spines[["left", "right"]].set_visible(False)
    axis.grid(axis="x", color=GRID, linewidth=0.6)
    axis.set_axisbelow(True)
    label(axis, "", "log-likelihood in nats per image (higher is better)")
    return picture
