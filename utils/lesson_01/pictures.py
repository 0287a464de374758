"""One neuron: the cell and its model, activations, boundaries, gradient descent, weights (lesson 1)."""

from itertools import pairwise

import numpy as np
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.patches import Circle, Rectangle
from matplotlib.ticker import LogLocator, MaxNLocator, NullLocator

from utils.plots.canvas import BLACK, BLUE, GRID, INK, ORANGE, RED, SERIES, SKY, arrow, canvas, label
from utils.plots.images import draw_digits

CLASSES = ((BLUE, "o"), (RED, "s"))  # labels 0 and 1 differ in colour and in shape
BETWEEN = LinearSegmentedColormap.from_list("between", [BLUE, "white", RED])  # from label 0 to label 1


def neuron_and_model():
    """Return a sketch of a nerve cell above the artificial neuron, with what corresponds on one vertical line."""
    picture, axis = canvas(height=4.4)
    axis.set(xlim=(0, 10), ylim=(0, 5.6), aspect="equal")
    axis.set_axis_off()
    _draw_cell(axis)
    _draw_model(axis)
    for x, above, below in ((1.5, "dendrites with synapses", "inputs and weights"), (4.2, "cell body", "sum and bias"),
                            (6.2, "where spikes begin", "activation"), (8.7, "axon", "output")):
        axis.text(x, 5.35, above, ha="center", va="center", fontsize=9.5, color=INK)
        axis.text(x, 0.1, below, ha="center", va="center", fontsize=9.5, color=INK)
    return picture


def _draw_cell(axis, middle=4.0):
    for height in (0.9, 0.35, -0.25, -0.9):  # dendrites, the thinner the further out
        x = np.linspace(1.0, 4.2, 60)
        y = middle + height * (1 - ((x - 1) / 3.2)**2) * (1 + 0.12 * np.sin(3 * x + 5 * height))
        for piece in zip(pairwise(x), pairwise(y)):
            axis.plot(*piece, color=SKY, linewidth=1.5 + 1.6 * (piece[0][0] - 1), solid_capstyle="round", snap=False)
        axis.plot(x[0], y[0], marker="o", markersize=7, color=ORANGE)
    for height in (0.55, 0, -0.55):  # the axon and its endings
        x = np.linspace(4.2, 9.2, 120)
        y = middle + height * np.clip((x - 7.9) / 1.3, 0, None)**1.5
        axis.plot(x, y, color=SKY, linewidth=4, solid_capstyle="round")
        axis.plot(x[-1], y[-1], marker="o", markersize=7, color=ORANGE)
    angles = np.linspace(0, 2 * np.pi, 90)
    radii = 0.6 + 0.05 * np.cos(3 * angles)
    axis.fill(4.2 + radii * np.cos(angles), middle + radii * np.sin(angles), color=SKY, zorder=2)
    axis.add_patch(Circle((4.2, middle), 0.2, color=BLUE, zorder=3))
    pulses = np.linspace(5.6, 6.8, 200)  # four equal spikes: it is their rate that speaks, not their height
    axis.plot(pulses, middle + 0.3 + 0.4 * np.exp(-((pulses - 5.6) % 0.3 - 0.15)**2 / 0.001), color=RED, linewidth=1.3)


def _draw_model(axis, middle=1.6):
    for index, height in enumerate((1.0, 0.35, -0.25, -0.9), start=1):
        axis.text(0.8, middle + height, f"$x_{index}$", fontsize=11, ha="center", va="center", color=INK)
        arrow(axis, (1.05, middle + height), (3.6, middle + 0.35 * height))
        axis.text(2.0, middle + 0.78 * height + 0.1, f"$w_{index}$", fontsize=10.5, ha="center", va="bottom",
                  color=ORANGE)
    axis.add_patch(Circle((4.2, middle), 0.62, facecolor="white", edgecolor=BLUE, linewidth=2))
    axis.text(4.2, middle, "$\\Sigma + b$", fontsize=11, ha="center", va="center", color=INK)
    arrow(axis, (4.85, middle), (5.6, middle))
    axis.add_patch(Rectangle((5.6, middle - 0.5), 1.2, 1.0, facecolor="white", edgecolor=BLUE, linewidth=2))
    curve = np.linspace(-5, 5, 60)
    axis.plot(6.2 + curve / 10, middle - 0.35 + 0.7 / (1 + np.exp(-curve)), color=RED, linewidth=2)
    arrow(axis, (6.8, middle), (8.6, middle))
    axis.text(8.7, middle, "answer", fontsize=10, ha="left", va="center", color=INK)


def activations(sums, functions):
    """Return activation functions {name: (values (n,), derivative (n,))} over sums (n,), each above its derivative."""
    picture, axes = canvas(height=3.9, rows=2, columns=len(functions), sharex=True, squeeze=False)
    for column, (name, both) in enumerate(functions.items()):
        for row, (values, colour) in enumerate(zip(both, (BLUE, RED), strict=True)):
            axis = axes[row, column]
            jumps = 1 + np.flatnonzero(np.abs(np.diff(values)) > 0.5)  # drawn as a gap: a jump has no slope
            axis.plot(np.insert(sums, jumps, np.nan), np.insert(values, jumps, np.nan), color=colour, linewidth=2)
            axis.grid(color=GRID, linewidth=0.6)
            axis.set_ylim((-1.2, 2.2) if row == 0 else (-0.1, 1.2))
            axis.spines["bottom"].set_visible(row == 1)
            axis.tick_params(bottom=row == 1)
            label(axis, name if row == 0 else "", "weighted sum a" if row else "",
                  ("value", "derivative")[row] if column == 0 else "")
    return picture


def draw_points(axis, points, labels, title, limits=(-4, 4)):
    """Draw points (n, 2), those of label 0 as blue circles and those of label 1 as red squares."""
    for value, (colour, marker) in enumerate(CLASSES):
        axis.scatter(*points[labels == value].T, s=26, color=colour, marker=marker, edgecolor="white", linewidth=0.6,
                     label=f"label {value}", zorder=3)
    axis.set(xlim=limits, ylim=limits, aspect="equal")
    label(axis, title, "first input x₁", "second input x₂")


def boundary(weights, bias):
    """Return two points (2, 2) of the line where the weighted sum is 0, far outside all planes that are drawn."""
    weights = np.asarray(weights, np.float64)
    foot = -bias * weights / (weights @ weights)
    along = np.array([-weights[1], weights[0]]) / np.linalg.norm(weights)
    return foot + np.outer([-36, 36], along)


def neurons_in_the_plane(points, labels, neurons, answer):
    """Return each neuron's boundary and weights among the same points (n, 2), over the shaded plane of its answers.

    `neurons` is {title: (weights (2,), bias)}; `answer(points, weights, bias)` returns numbers from 0 to 1.
    """
    picture, axes = canvas(height=3.0, columns=len(neurons), sharey=True)
    coordinates = np.linspace(-4, 4, 101)
    plane = np.stack(np.meshgrid(coordinates, coordinates), axis=-1).reshape(-1, 2)
    for axis, (title, (weights, bias)) in zip(axes, neurons.items(), strict=True):
        shown = axis.contourf(coordinates, coordinates, answer(plane, weights, bias).reshape(101, 101),
                              levels=np.linspace(0, 1, 11), cmap=BETWEEN, alpha=0.4)
        draw_points(axis, points, labels, title)
        axis.plot(*boundary(weights, bias).T, color=BLACK, linewidth=1.8)
        foot = boundary(weights, bias).mean(axis=0)
        arrow(axis, tuple(foot), tuple(foot + weights), BLACK, 2)
        axis.set_ylabel("second input x₂" if axis is axes[0] else "")
    axes[0].legend(frameon=True, fontsize=8, loc="upper left")
    bar = picture.colorbar(shown, ax=axes, shrink=0.75, pad=0.01, ticks=np.linspace(0, 1, 6))
    bar.set_label("answer of the neuron", fontsize=9.5, color=INK)
    return picture


def perceptron_runs(runs):
    """Return each perceptron's last boundaries and its mistakes; a run is (points, labels, lines, mistakes)."""
    picture, axes = canvas(height=3.3, columns=len(runs) + 1)
    for (name, (points, labels, lines, mistakes)), axis, colour in zip(runs.items(), axes, SERIES, strict=False):
        draw_points(axis, points, labels, f"{name}: {len(lines)} updates")
        for age, (weights, bias) in enumerate(reversed(lines[-9:])):
            axis.plot(*boundary(weights, bias).T, color=BLACK, linewidth=0.8 if age else 2, alpha=0.45 if age else 1)
        axes[-1].plot(np.arange(1, len(mistakes) + 1), mistakes, color=colour, linewidth=1.6, marker="o", markersize=3,
                      label=name)
    axes[0].legend(frameon=True, fontsize=8, loc="upper left")
    axes[-1].grid(color=GRID, linewidth=0.6)
    axes[-1].xaxis.set_major_locator(MaxNLocator(integer=True))
    axes[-1].legend(frameon=False, fontsize=8.5)
    label(axes[-1], "mistakes", "pass over the data", "wrong answers")
    return picture


def cross_entropy(probabilities, surprise, sums, losses):
    """Return the cross-entropy in nats against the probability of the right label, and, for each label, the sum."""
    picture, (left, right) = canvas(height=3.1, columns=2)
    left.plot(probabilities, surprise, color=BLACK, linewidth=2)
    left.plot([0.5], [np.log(2)], marker="o", color=ORANGE)
    left.annotate("a coin: ln 2 = 0.69 nats", (0.5, np.log(2)), xytext=(6, 6), textcoords="offset points", fontsize=9)
    label(left, "surprise", "probability given to the label that came", "nats")
    for value, (loss, (colour, _)) in enumerate(zip(losses, CLASSES, strict=True)):
        right.plot(sums, loss, color=colour, linewidth=2, linestyle="-" if value else "--", label=f"label {value}")
    right.legend(frameon=False, fontsize=9)
    label(right, "loss of the logistic neuron", "weighted sum a", "nats")
    for axis in (left, right):
        axis.grid(color=GRID, linewidth=0.6)
    return picture


def slope_chain(names, values, slopes):
    """Return a chain of n quantities, below each arrow one of n - 1 slopes, and their product: that of the last."""
    picture, axis = canvas(height=2.1)
    axis.set(xlim=(-0.5, len(names) - 0.5), ylim=(0, 2.2))
    axis.set_axis_off()
    for place, (name, value) in enumerate(zip(names, values, strict=True)):
        axis.text(place, 1.5, f"{name}\n{value:.3f}".replace("-", "−"), ha="center", va="center", fontsize=10.5,
                  color=INK, linespacing=1.6,
                  bbox={"boxstyle": "round,pad=0.5", "facecolor": "white", "edgecolor": BLUE, "lw": 1.6})
    for place, slope in enumerate(slopes):
        arrow(axis, (place + 0.3, 1.5), (place + 0.7, 1.5))
        axis.text(place + 0.5, 0.85, f"slope\n{slope:.3f}".replace("-", "−"), ha="center", va="center", fontsize=10.5,
                  color=RED)
    product = " × ".join(f"{slope:.3f}" if slope >= 0 else f"({slope:.3f})" for slope in slopes)
    whole = f"slope of the whole chain = {product} = {np.prod(slopes):.3f}".replace("-", "−")
    axis.text((len(names) - 1) / 2, 0.2, whole, ha="center", va="center", fontsize=11, color=RED)
    return picture


def window(images, titles, rows, columns):
    """Return images (n, 784) side by side, each with the same window framed: (first, past the last) row and column."""
    picture, axes = canvas(height=2.4, columns=len(images))
    for index, (axis, title) in enumerate(zip(axes, titles, strict=True)):
        draw_digits(axis, images[index:index + 1], 1, title)
        axis.add_patch(Rectangle((columns[0] + 0.5, rows[0] + 0.5), columns[1] - columns[0], rows[1] - rows[0],
                                 fill=False, edgecolor=ORANGE, linewidth=2.5))
    return picture


def one_input(inputs, labels, x, probability, names):
    """Return histograms of one input for both classes, above the neuron's probability and the share observed.

    At `x` the neuron answers `probability`; `names` are the input's, class 0's and class 1's, such as "an 8".
    """
    picture, (above, below) = canvas(height=4.2, rows=2, sharex=True)
    edges = np.linspace(x[0], x[-1], 31)
    for value, (colour, _) in enumerate(CLASSES):
        chosen = inputs[labels == value]
        above.hist(chosen, edges, weights=np.full(len(chosen), 100 / len(chosen)), color=colour, alpha=0.6,
                   label=names[1 + value])
    above.legend(frameon=False, fontsize=9)
    above.spines["bottom"].set_visible(False)
    above.tick_params(bottom=False)
    label(above, "", "", "share in percent")
    places = np.digitize(inputs, edges[1:-1])
    counts, ones = np.bincount(places, minlength=30), np.bincount(places, labels, minlength=30)
    enough = counts >= 50
    below.plot(x, probability, color=BLACK, linewidth=2, label="the neuron's probability")
    below.scatter(((edges[:-1] + edges[1:]) / 2)[enough], (ones / np.maximum(counts, 1))[enough], color=ORANGE, s=26,
                  zorder=3, label=f"how often it is {names[2]} there")
    below.grid(color=GRID, linewidth=0.6)
    below.legend(frameon=False, fontsize=9, loc="lower right")
    label(below, "", names[0], f"probability of {names[2]}")
    return picture


def descents(loss_of, runs, weights, biases):
    """Return gradient descent at several rates: paths over the loss' landscape, and the loss after each step.

    `loss_of(weight, bias)` is in nats, `runs` {name: (list of (weights (1,), bias), list of losses)}, and `weights` and
    `biases` are the ends of the axes.
    """
    picture, (left, right) = canvas(height=3.9, columns=2, width_ratios=(1.15, 1))
    weights, biases = np.linspace(*weights, 61), np.linspace(*biases, 61)
    loss = np.array([[loss_of(weight, bias) for weight in weights] for bias in biases])
    levels = np.geomspace(loss.min() * 1.01, loss.max(), 14)
    left.contourf(weights, biases, loss, levels=[0, *levels], cmap="Greys", norm="log", vmin=loss.min(),
                  vmax=3 * loss.max())
    for (name, (path, losses)), colour, marker in zip(runs.items(), (ORANGE, BLUE, RED), "^os", strict=True):
        places = np.transpose([(weight, bias) for (weight,), bias in path])
        left.plot(*places, color=colour, linewidth=1.4, marker=marker, markersize=4, label=name)
        right.semilogy(losses, color=colour, linewidth=1.8, marker=marker, markersize=3, label=name)
    lowest = np.unravel_index(loss.argmin(), loss.shape)
    left.plot(weights[lowest[1]], biases[lowest[0]], marker="*", markersize=15, color="white", markeredgecolor=BLACK)
    left.set(xlim=(weights[0], weights[-1]), ylim=(biases[0], biases[-1]))
    label(left, "the loss from above", "weight", "bias")
    right.grid(color=GRID, linewidth=0.6)
    right.xaxis.set_major_locator(MaxNLocator(integer=True))
    right.yaxis.set_major_locator(LogLocator(subs=(1, 2, 3, 5)))
    right.yaxis.set_major_formatter("{x:.3g}")
    right.yaxis.set_minor_locator(NullLocator())
    right.legend(frameon=False, fontsize=9)
    label(right, "the loss after each step", "step", "nats (logarithmic)")
    return picture


def weight_images(weights):
    """Return weights (784,) as images, each on its own scale: red speaks for label 1, blue for label 0."""
    picture, axes = canvas(height=2.9, columns=len(weights), squeeze=False)
    for axis, (title, values) in zip(axes[0], weights.items(), strict=True):
        reach = np.abs(values).max()
        shown = axis.imshow(np.reshape(values, (28, 28)), cmap="RdBu_r", vmin=-reach, vmax=reach)
        axis.set_axis_off()
        axis.set_title(title, fontsize=10.5, color=INK)
        bar = picture.colorbar(shown, ax=axis, location="bottom", shrink=0.85, ticks=MaxNLocator(5))
        bar.set_label("weight", fontsize=9.5, color=INK)
        bar.ax.tick_params(labelsize=8.5)
    return picture


def gates(points, neurons, tables):
    """Return logical functions of two inputs in the plane, with the boundary of the neuron that computes each.

    `neurons` is {name: (weight, weight, bias), or None}, `tables` {name: (4,) answers for the points, 0 or 1}.
    """
    picture, axes = canvas(height=2.7, columns=len(neurons), sharey=True)
    coordinates = np.linspace(-0.5, 1.5, 101)
    plane = np.stack(np.meshgrid(coordinates, coordinates), axis=-1)
    for axis, (name, parameters) in zip(axes, neurons.items(), strict=True):
        if parameters is not None:
            *weights, bias = parameters
            axis.imshow(plane @ weights + bias > 0, extent=(-0.5, 1.5, -0.5, 1.5), origin="lower", cmap=BETWEEN, vmin=0,
                        vmax=1, alpha=0.25)
            axis.plot(*boundary(weights, bias).T, color=BLACK, linewidth=1.8)
        draw_points(axis, points, np.asarray(tables[name]), name, (-0.5, 1.5))
        for scatter in axis.collections:
            scatter.set_sizes([70])
        axis.set(xticks=(0, 1), yticks=(0, 1))
        label(axis, name, "input x₁", "input x₂" if axis is axes[0] else "")
    return picture
