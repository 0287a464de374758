"""Layers, computational graphs, and how signals and gradients travel through them (lesson 2)."""

import numpy as np
from matplotlib.patches import FancyBboxPatch, Rectangle

from utils.plots.canvas import BLACK, BLUE, GREEN, GRID, INK, ORANGE, RED, SERIES, WIDTH, arrow, canvas, label

GREY = "#666666"
LINES = ("-", "--", "-.", ":", "-", "--", "-.")  # beside colours, for those who see few of them


def folding(points, labels, hidden, output):
    """Return two panels: points (n, 2) in the plane of their inputs, and where two hidden neurons put them.

    `labels` (n,) are 0 or 1; `hidden` is a function (m, 2) → (m, 2), `output` one (m, 2) → (m,), positive for label 1.
    """
    picture, axes = canvas(height=3.8, columns=2)
    grid, plane = _plane()
    for axis, places, numbers in zip(axes, (points, hidden(points)), (output(hidden(plane)), output(plane))):
        _draw_region(axis, grid, numbers, places, labels)
        places = np.round(places, 6)
        for place in np.unique(places, axis=0):
            here = points[(places == place).all(axis=1)]
            names = " and ".join(f"({x:g}, {y:g})" for x, y in here)
            axis.annotate(names, place, xytext=(0, 13), textcoords="offset points", ha="center", fontsize=9, color=INK)
    label(axes[0], "the plane of the inputs", "input x₁", "input x₂")
    label(axes[1], "what the hidden neurons make of it", "hidden neuron h₁", "hidden neuron h₂")
    return picture


def regions(networks, points, labels):
    """Return one panel per network: where in the plane of its two inputs it answers 1, and the points to be learnt.

    `networks` is a dictionary of title → function of points (m, 2) that returns (m,) numbers, positive for label 1.
    """
    picture, axes = canvas(height=2.7, columns=len(networks), sharey=True)
    grid, plane = _plane()
    for axis, (title, network) in zip(axes, networks.items()):
        _draw_region(axis, grid, network(plane), points, labels)
        label(axis, title, "input x₁", "input x₂" if axis is axes[0] else "")
    return picture


def bump(x, parts, knots):
    """Return two panels over x (n,): what each neuron adds, and their sum; `knots` are where each of them wakes up."""
    picture, (left, right) = canvas(height=2.9, columns=2)
    for (name, part), knot, colour, line in zip(parts.items(), knots, SERIES, LINES):
        left.plot(x, part, color=colour, linewidth=2, linestyle=line, label=name)
        left.plot(knot, 0, "o", color=colour, markersize=5)
    right.plot(x, sum(parts.values()), color=BLACK, linewidth=2.4)
    right.plot(knots, np.interp(knots, x, sum(parts.values())), "o", color=BLACK, markersize=5)
    left.legend(frameon=False, fontsize=9, loc="upper left")
    for axis in (left, right):
        axis.grid(color=GRID, linewidth=0.6)
    label(left, "three neurons, each times its output weight", "input x", "output")
    label(right, "their sum", "input x", "output")
    return picture


def curve_fits(x, target, fits, errors):
    """Return a curve with the networks that draw it, one panel each, and the largest error of many networks.

    `fits` is number of hidden neurons → (what the network draws at `x`, its knots, the heights there).
    """
    picture, axes = canvas(height=3.1, columns=len(fits) + 1, width_ratios=[*[1] * len(fits), 1.1])
    for axis, (neurons, (drawn, knots, heights)) in zip(axes, fits.items()):
        axis.plot(x, target, color=GREY, linewidth=4, alpha=0.4, label="curve")
        axis.plot(x, drawn, color=BLUE, linewidth=1.6, label="network")
        axis.plot(knots, heights, "o", color=BLUE, markersize=3)
        label(axis, f"{neurons} hidden neurons", "input x", "output" if axis is axes[0] else "")
    picture.legend(*axes[0].get_legend_handles_labels(), loc="outside upper center", ncols=2, frameon=False, fontsize=9)
    axes[-1].loglog(list(errors), list(errors.values()), "o-", color=RED, markersize=4)
    axes[-1].set_xticks(list(errors), [str(neurons) for neurons in errors], fontsize=8)
    axes[-1].minorticks_off()
    axes[-1].grid(color=GRID, linewidth=0.6)
    label(axes[-1], "largest error", "hidden neurons", "")
    return picture


def _plane():
    """Return the axis and all points of a fine grid over [-0.5, 1.5]²."""
    grid = np.linspace(-0.5, 1.5, 201)
    return grid, np.stack(np.meshgrid(grid, grid), axis=-1).reshape(-1, 2)


def _draw_region(axis, grid, numbers, points, labels):
    """Shade where the numbers are positive, and draw the points with their labels on top."""
    positive = np.reshape(numbers, (len(grid), len(grid)))
    axis.contourf(grid, grid, positive, levels=[-np.inf, 0, np.inf], colors=["#EAF2F8", "#FBE3D4"])
    axis.contour(grid, grid, positive, levels=[0], colors=INK, linewidths=1.2)
    for value, colour, marker in ((0, BLUE, "o"), (1, RED, "s")):
        axis.plot(*points[labels == value].T, marker, color=colour, markersize=14, markeredgecolor="white")
        for place in points[labels == value]:
            axis.text(*place, value, fontsize=9, fontweight="bold", ha="center", va="center_baseline", color="white")
    axis.set(xlim=(-0.5, 1.5), ylim=(-0.5, 1.5), aspect="equal", xticks=[0, 1], yticks=[0, 1])


def matrix_product():
    """Return a drawing of a dense layer as a matrix product: one row times one column gives one number."""
    picture, axis = _sheet(3.1)
    middle, row, column = 1.65, 0.55, 0.55
    blocks = {  # name: left edge, width, height, shape
        "inputs": (0.2, 1.9, 1.1, "(batch, fan_in)"), "weights": (2.85, 1.3, 1.9, "(fan_in, fan_out)"),
        "bias": (4.9, 1.3, 0.18, "(fan_out,)"), "outputs": (6.9, 1.3, 1.1, "(batch, fan_out)")}
    for name, (x, width, height, shape) in blocks.items():
        axis.add_patch(Rectangle((x, middle - height / 2), width, height, facecolor="#F2F2F2", edgecolor=INK))
        axis.text(x + width / 2, middle + height / 2 + 0.08, name, fontsize=10.5, ha="center", va="bottom", color=INK)
        axis.text(x + width / 2, middle - height / 2 - 0.08, shape, fontsize=9.5, ha="center", va="top", color=GREY)
    top = middle + 1.1 / 2 - row
    for x, y, width, height, colour in (
            (0.2, top, 1.9, 0.18, BLUE), (2.85 + column, middle - 0.95, 0.18, 1.9, ORANGE),
            (4.9 + column, middle - 0.09, 0.18, 0.18, GREEN), (6.9 + column, top, 0.18, 0.18, RED)):
        axis.add_patch(Rectangle((x, y), width, height, facecolor=colour, edgecolor=INK, linewidth=0.8))
    for x, sign in ((2.48, "@"), (4.52, "+"), (6.55, "=")):
        axis.text(x, middle, sign, fontsize=15, ha="center", va="center", color=INK)
    for x, y, text, colour in ((1.15, 0.55, "one example per row", BLUE),
                               (3.5, 0.2, "one neuron per column", "#9A6A00"),
                               (5.55, 1.05, "one number per neuron,\nadded to every row", GREEN),
                               (7.55, 0.55, "this neuron's sum\nfor this example", RED)):
        axis.text(x, y, text, fontsize=9, ha="center", va="center", color=colour)
    return picture


def computational_graph(values, gradients):
    """Return the graph of L = ½ (y − t)², y = relu(w₁ x) − relu(w₂ x), with value and gradient of every node by name.

    The nodes are x, w1, w2, a1, a2, h1, h2, y and loss.
    """
    picture, axis = _sheet(3.6)
    places = {"w1": (0.75, 3.0), "x": (0.75, 1.9), "w2": (0.75, 0.8), "a1": (2.45, 2.5), "a2": (2.45, 1.3),
              "h1": (4.15, 2.5), "h2": (4.15, 1.3), "y": (5.85, 1.9), "loss": (7.55, 1.9)}
    formulas = {"w1": "w₁", "x": "x", "w2": "w₂", "a1": "a₁ = w₁ · x", "a2": "a₂ = w₂ · x", "h1": "h₁ = relu(a₁)",
                "h2": "h₂ = relu(a₂)", "y": "y = h₁ − h₂", "loss": "L = ½ (y − t)²"}
    for start, end in (("w1", "a1"), ("x", "a1"), ("x", "a2"), ("w2", "a2"), ("a1", "h1"), ("a2", "h2"), ("h1", "y"),
                       ("h2", "y"), ("y", "loss")):
        (x0, y0), (x1, y1) = places[start], places[end]
        arrow(axis, (x0 + 0.62, y0), (x1 - 0.62, y1), GREY, gap=2)
    for name, (x, y) in places.items():
        _box(axis, x, y, 1.22, 0.62)
        axis.text(x, y + 0.13, formulas[name], fontsize=9.5, ha="center", va="center", color=INK)
        for offset, number, colour in ((-0.3, values[name], BLUE), (0.3, gradients[name], RED)):
            words = f"{number + 0.0:.4g}".replace("-", "−")  # adding 0.0 makes a plain zero of a negative one
            axis.text(x + offset, y - 0.14, words, fontsize=10, ha="center", va="center", color=colour,
                      fontweight="bold")
    axis.text(4.15, 0.25, "value, from left to right →", fontsize=9.5, ha="right", color=BLUE)
    axis.text(4.55, 0.25, "← dL/d(node), from right to left", fontsize=9.5, ha="left", color=RED)
    return picture


def network_shapes(batch, widths):
    """Return a drawing of a network of widths such as (784, 256, 10), with the shape on every arrow."""
    picture, axis = _sheet(2.6)
    layers, box = len(widths) - 1, 1.28
    gap = (WIDTH - 0.2 - (layers + 1) * box) / (layers + 1.6)
    top, bottom = 1.62, 1.28
    for layer in range(layers + 1):
        left = 0.1 + (layer + 1) * gap + layer * box
        is_loss = layer == layers
        _box(axis, left + box / 2, 1.45, box, 0.95)
        if is_loss:
            lines = ("softmax\ncross-entropy", "labels\n" + f"({batch},)")
        else:
            name = "dense" if layer == layers - 1 else "dense, ReLU"
            lines = (name, f"W ({widths[layer]}, {widths[layer + 1]})\nb ({widths[layer + 1]},)")
        axis.text(left + box / 2, 1.66, lines[0], fontsize=9.5, ha="center", va="center", color=INK)
        axis.text(left + box / 2, 1.25, lines[1], fontsize=8.5, ha="center", va="center", color=GREY)
        shape = f"({batch}, {widths[layer]})"
        arrow(axis, (left - gap, top), (left, top), BLUE, gap=2)
        axis.text(left - gap / 2, 2.12, shape, fontsize=8.5, ha="center", va="bottom", color=BLUE)
        if layer:
            arrow(axis, (left, bottom), (left - gap, bottom), RED, gap=2)
            axis.text(left - gap / 2, 0.82, shape, fontsize=8.5, ha="center", va="top", color=RED)
        if not is_loss:
            arrow(axis, (left + box / 2, 0.97), (left + box / 2, 0.55), RED, gap=2)
            axis.text(left + box / 2, 0.5, f"dW ({widths[layer]}, {widths[layer + 1]})\ndb ({widths[layer + 1]},)",
                      fontsize=8.5, ha="center", va="top", color=RED)
    right = 0.1 + (layers + 1) * (gap + box)
    arrow(axis, (right, top), (right + 0.6 * gap, top), BLUE, gap=2)
    axis.text(right + 0.3 * gap, 2.12, "loss", fontsize=8.5, ha="center", va="bottom", color=BLUE)
    axis.text(0.1, 2.38, "forward: values", fontsize=9.5, color=BLUE)
    axis.text(right, 0.3, "backward: gradients", fontsize=9.5, ha="right", color=RED)
    return picture


def _sheet(height):
    """Return a picture with one axis to draw on, in inches."""
    picture, axis = canvas(height)
    axis.set(xlim=(0, WIDTH), ylim=(0, height))
    axis.set_axis_off()
    return picture, axis


def _box(axis, x, y, width, height):
    axis.add_patch(FancyBboxPatch((x - width / 2 + 0.06, y - height / 2 + 0.06), width - 0.12, height - 0.12,
                                  boxstyle="round,pad=0.06", facecolor="#F7F7F7", edgecolor=INK, linewidth=1))


def logit_gradient(probabilities, label_of_example, gradient):
    """Return two panels of bars over the classes: one example's softmax of the logits, and the gradient for them."""
    picture, (left, right) = canvas(height=2.8, columns=2)
    classes = np.arange(len(probabilities))
    left.bar(classes, probabilities, color=BLUE, label="softmax of the logits")
    left.bar(label_of_example, 1, fill=False, edgecolor=BLACK, linewidth=1.5, linestyle="--", label="wanted")
    left.legend(frameon=False, fontsize=9)
    right.bar(classes, gradient, color=np.where(gradient < 0, GREEN, RED))
    right.axhline(0, color=INK, linewidth=0.8)
    for axis in (left, right):
        axis.set_xticks(classes)
    label(left, "", "class", "probability")
    label(right, "", "class", "gradient for the logit")
    return picture


def signals(forward, backward):
    """Return two panels: the size of the signal after each layer, and that of the gradient, on logarithmic scales."""
    picture, axes = canvas(height=3.5, columns=2)
    for axis, deviations in zip(axes, (forward, backward)):
        for (name, values), colour, line in zip(deviations.items(), SERIES, LINES):
            axis.semilogy(np.arange(1, len(values) + 1), values, color=colour, linestyle=line, linewidth=2, label=name)
        axis.grid(color=GRID, linewidth=0.6)
        axis.set_xticks(range(0, len(values) + 1, 5))
    label(axes[0], "forward: weighted sums", "layer", "standard deviation")
    label(axes[1], "backward: gradients for them", "layer", "standard deviation")
    picture.legend(*axes[0].get_legend_handles_labels(), loc="outside upper center", ncols=4, frameon=False, fontsize=9)
    return picture


def step_errors(steps, errors):
    """Return relative errors {name: (n,)} of finite differences against their steps (n,), both on logarithmic scales.

    A zero is left out.
    """
    picture, axis = canvas(height=3.3)
    for (name, values), colour, line, marker in zip(errors.items(), SERIES, LINES, "os^"):
        values = np.where(np.asarray(values) > 0, values, np.nan)
        axis.loglog(steps, values, color=colour, linestyle=line, marker=marker, markersize=4, label=name)
    axis.grid(color=GRID, linewidth=0.6)
    axis.legend(frameon=False, fontsize=9, loc="upper left", bbox_to_anchor=(1, 1))
    axis.annotate("← rounding", (0.02, 0.03), xycoords="axes fraction", fontsize=9, color=GREY)
    axis.annotate("curvature →", (0.98, 0.03), xycoords="axes fraction", fontsize=9, color=GREY, ha="right")
    label(axis, "", "step h", "relative error")
    return picture


def weight_maps(layers, neurons=10):
    """Return the weights (784, fan_out) of the first neurons of several layers as images: red positive, blue negative.

    Each layer has a scale of its own.
    """
    picture, axes = canvas(height=1.1 * len(layers), rows=len(layers), squeeze=False)
    for axis, (name, weights) in zip(axes[:, 0], layers.items()):
        squares = np.reshape(weights[:, :neurons].T, (-1, 28, 28))
        row = np.concatenate([np.pad(square, 1, constant_values=np.nan) for square in squares], axis=1)
        reach = max(np.abs(squares).max(), 1e-12)
        axis.imshow(np.ma.masked_invalid(row), cmap="RdBu_r", vmin=-reach, vmax=reach, interpolation="nearest")
        axis.spines[:].set_visible(False)
        axis.set_xticks([])
        axis.set_yticks([15], [name], fontsize=9.5)
        axis.tick_params(length=0)
    return picture
