"""Sums and integrals over latents: mixtures, ways to integrate, bounds, posteriors in the plane (lesson 4)."""

import numpy as np
from matplotlib import colormaps
from matplotlib.colors import to_rgb
from matplotlib.ticker import MaxNLocator
from scipy.stats import norm

from utils.plots.canvas import BLACK, BLUE, GREEN, GRID, INK, ORANGE, RED, SERIES, canvas, label
from utils.plots.images import draw_digits

# Each way to integrate looks the same in every picture.
STYLES = {"simple Monte Carlo": (BLUE, "o"), "importance sampling": (RED, "^"), "stratified": (GREEN, "s"),
          "grid": (ORANGE, "D")}


def mixture_steps(data, iterations, shown, low=-5, high=6):
    """Return a mixture of Gaussians in the course of expectation-maximisation, and its log-likelihood.

    Args:
        data: (n,) observations, drawn as a histogram above a strip in the colours of their responsibilities.
        iterations: list of ((shares, means, deviations), responsibilities (n, components), average log p(x)): of the
            first guess, and after each iteration.
        shown: numbers of the iterations to draw.
        low, high: where the axis of the data begins and ends.
    """
    picture, axes = canvas(height=2.9, columns=len(shown) + 1, width_ratios=(*[1] * len(shown), 0.8))
    x, edges = np.linspace(low, high, 221), np.linspace(low, high, 41)
    for axis, number in zip(axes, shown, strict=False):
        (weights, means, deviations), responsibilities, _ = iterations[number]
        densities = (weights * norm.pdf(x[:, None], means, deviations)).T
        title = f"after {number} iterations" if number else "the start"
        heights, *_ = axis.hist(data, edges, density=True, color="#DDDDDD")
        for density, colour in zip(densities, SERIES, strict=False):
            axis.plot(x, density, color=colour, linewidth=1.6)
        axis.plot(x, densities.sum(axis=0), color=BLACK, linewidth=1.2, linestyle="--")
        shares = np.stack([np.histogram(data, edges, weights=each)[0] for each in responsibilities.T], axis=-1)
        shares, seen = shares[heights > 0], ((edges[:-1] + edges[1:]) / 2)[heights > 0]
        mixed = shares @ [to_rgb(colour) for colour in SERIES[:shares.shape[1]]] / shares.sum(axis=1, keepdims=True)
        top = 1.25 * heights.max()
        axis.bar(seen, 0.06 * top, edges[1] - edges[0], bottom=-0.09 * top, color=np.clip(mixed, 0, 1))
        axis.set(xlim=(x[0], x[-1]), ylim=(-0.12 * top, top))
        label(axis, title, "x", "density" if axis is axes[0] else "")
        axis.tick_params(labelleft=axis is axes[0])
    axes[-1].plot([average for *_, average in iterations], color=BLACK, marker="o", markersize=2.5, linewidth=1.4)
    axes[-1].xaxis.set_major_locator(MaxNLocator(integer=True, nbins=4))
    axes[-1].grid(color=GRID, linewidth=0.6)
    label(axes[-1], "it never falls", "iterations", "nats per observation")
    return picture


def string_of_gaussians(mixtures, data, extent):
    """Return densities over the plane side by side, each above the centres of the Gaussians that it is the sum of.

    `mixtures` is a dictionary of count → (centres (count, 2), density (rows, columns), rows upwards); the last one has
    so many that it stands for the integral, and `data`, (n, 2), is shown on it. `extent` is (left, right, bottom, top).
    """
    picture, axes = canvas(height=3.0, columns=len(mixtures), sharex=True, sharey=True)
    for axis, (count, (centres, density)) in zip(axes, mixtures.items(), strict=True):
        places, title = (None, "the integral, and draws") if axis is axes[-1] else (centres, f"{count} components")
        across, up = np.linspace(*extent[:2], density.shape[1]), np.linspace(*extent[2:], density.shape[0])
        axis.contourf(across, up, density, levels=np.max(density) * np.array([0.02, 0.07, 0.2, 0.4, 0.65, 1.01]),
                      cmap="Blues")
        if places is not None:
            axis.plot(*np.asarray(places).T, "o", markersize=3.5, color=ORANGE, markeredgecolor="white",
                      markeredgewidth=0.4)
        label(axis, title, "x₁", "x₂" if axis is axes[0] else "")
    axes[-1].scatter(*data.T, s=4, color=ORANGE, linewidths=0)
    axes[-1].set(xlim=extent[:2], ylim=extent[2:])
    return picture


def integration_errors(panels):
    """Return relative errors against the number of points on logarithmic axes, with the lines that theory predicts.

    Args:
        panels: dictionary of title → (counts (n,), errors, more counts (m,), predictions, slopes); errors and
            predictions are dictionaries of method → (n,) and (m,), slopes one of method → words at the line's end.
    """
    picture, axes = canvas(height=4.1, columns=len(panels), sharey=True, squeeze=False)
    for axis, (title, (counts, errors, more_counts, predictions, slopes)) in zip(axes[0], panels.items(), strict=True):
        for name, values in errors.items():
            colour, marker = STYLES[name]
            axis.loglog(counts, np.maximum(values, 1e-16), marker, color=colour, markersize=4.5, label=name)
            axis.loglog(more_counts, predictions[name], "-", color=colour, linewidth=1.2, alpha=0.8)
        height = 0.0
        for name in sorted(slopes, key=lambda name: errors[name][-1]):  # from the bottom, so that none covers another
            height = max(errors[name][-1], 4 * height)
            axis.text(1.6 * counts[-1], height, slopes[name], va="center", fontsize=8.5, color=INK)
        axis.grid(color=GRID, linewidth=0.6)
        axis.set(xlim=(counts[0] / 1.6, 40 * counts[-1]), ylim=(1e-9, 3e1))
        label(axis, title, "points", "relative error of p(x)" if axis is axes[0, 0] else "")
    picture.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside upper center", ncols=4, frameon=False,
                   fontsize=9)
    return picture


def curse(dimensions, errors, points, budget):
    """Return two panels: what estimates miss log p(x) by, and how many points each method needs, against dimensions.

    Args:
        errors: dictionary of method → (n, repetitions), estimate with `budget` points minus truth in nats.
        points: dictionary of method → (n,) points that it needs.
    """
    picture, (left, right) = canvas(height=3.4, columns=2)
    places = np.arange(len(dimensions))
    for (name, values), shift in zip(errors.items(), (-0.14, 0.14), strict=True):
        values, (colour, marker) = np.asarray(values), STYLES[name]
        spread = shift + 0.09 * np.linspace(-1, 1, values.shape[1])
        left.plot((places[:, None] + spread).ravel(), values.ravel(), marker, markersize=2.2, color=colour, label=name)
        left.plot(places + shift, values.mean(axis=1), "_", markersize=14, markeredgewidth=2, color=BLACK)
    left.axhline(0, color="#777777", linewidth=1, linestyle="--")
    left.set_xticks(places, [str(size) for size in dimensions])
    left.set_yscale("symlog", linthresh=0.1)
    left.set_ylim(-2e4, 1e1)
    left.legend(frameon=False, fontsize=9, loc="lower left")
    left.grid(axis="y", color=GRID, linewidth=0.6)
    label(left, f"with {budget:,} points", "latent dimensions", "estimate − log p(x) in nats")
    for name, values in points.items():
        colour, marker = STYLES[name]
        right.semilogy(dimensions, values, marker=marker, markersize=5, color=colour, label=name)
    right.axhline(budget, color="#777777", linewidth=1, linestyle="--")
    right.annotate(f"{budget:,}", (0.5, budget), xycoords=("axes fraction", "data"), xytext=(0, 3),
                   textcoords="offset points", ha="center", fontsize=8.5, color="#555555")
    right.grid(color=GRID, linewidth=0.6)
    right.legend(frameon=False, fontsize=9, loc="upper left")
    label(right, "points needed for an error of a tenth", "latent dimensions", "points (logarithmic)")
    return picture


def draw_bound(axis, elbo, gap, floor, rows=("",)):
    """Draw stacked bars that end at log p(x): the ELBO up to its value, the KL divergence above it; return both parts.

    `elbo` and `gap` are (n,) nats whose sum is the same in every row; `floor` is where bars begin, below all of them.
    """
    places, total = np.arange(len(rows)), elbo[0] + gap[0]
    bounds = axis.barh(places, np.subtract(elbo, floor), left=floor, height=0.5, color=BLUE, label="ELBO")
    gaps = axis.barh(places, gap, left=elbo, height=0.5, color=ORANGE, label="KL(q ‖ posterior)")
    axis.axvline(total, color=BLACK, linewidth=1.4, linestyle="--")
    axis.set_yticks(places, rows)
    axis.set(xlim=(floor, total + 0.13 * (total - floor)), ylim=(len(rows) - 0.4, -0.6))
    axis.spines["left"].set_visible(False)
    axis.tick_params(axis="y", length=0)
    label(axis, "", "nats")
    return bounds, gaps


def bounds(z, posterior, candidates, elbo, gap):
    """Return several densities q over one posterior, and for each its ELBO and what it misses of log p(x).

    `posterior` and the `candidates`, name → (points,), are densities at `z`, of which the middle is drawn; `elbo` and
    `gap` are name → nats.
    """
    middle = np.abs(z) < 3.2
    z, posterior = z[middle], posterior[middle]
    candidates = {name: density[middle] for name, density in candidates.items()}
    picture, (left, right) = canvas(height=3.2, columns=2, width_ratios=(1.2, 1))
    left.fill_between(z, posterior, color="#BBBBBB", alpha=0.8, linewidth=0, label="posterior")
    for (name, density), colour, line in zip(candidates.items(), (SERIES[1], SERIES[2], SERIES[0], SERIES[4]),
                                             ("-", "--", "-.", ":"), strict=False):
        left.plot(z, density, color=colour, linestyle=line, linewidth=1.8, label=name)
    left.set(xlim=(z[0], z[-1]), ylim=(0, 1.25 * max(np.max(density) for density in candidates.values())))
    left.legend(frameon=False, fontsize=8.5, loc="upper left", ncols=2)
    label(left, "", "latent z", "density")
    values, gaps = (np.array([part[name] for name in candidates]) for part in (elbo, gap))
    _, bars = draw_bound(right, values, gaps, floor=values.min() - 0.6, rows=list(candidates))
    right.bar_label(bars, [f"{rest:.2f}" for rest in gaps], padding=4, fontsize=9, color=INK)
    right.legend(frameon=False, fontsize=9, loc="upper center", bbox_to_anchor=(0.5, 1.14), ncols=2)
    return picture


def stratified_points(random, uniform, latents, side):
    """Return independent draws in the plane, one point a cell of the unit square, and the same points in the plane.

    All are (n, 2): `uniform` says where in its own of the side × side cells each point lies, `latents` are the normal
    quantiles of these places.
    """
    corners = np.stack(np.meshgrid(np.arange(side), np.arange(side)), axis=-1).reshape(-1, 2)
    picture, axes = canvas(height=3.2, columns=3)
    titles = ("independent draws", "one point in each cell", "the same as latents")
    for axis, points, title in zip(axes, (random, (corners + uniform) / side, latents), titles, strict=True):
        axis.plot(*points.T, "o", markersize=2.6, color=BLUE)
        axis.set(aspect="equal", xlim=(-3.4, 3.4), ylim=(-3.4, 3.4))
        label(axis, title, "latent z₁", "latent z₂")
    for line in np.linspace(0, 1, side + 1):
        axes[1].axhline(line, color=GRID, linewidth=0.6, zorder=0)
        axes[1].axvline(line, color=GRID, linewidth=0.6, zorder=0)
    axes[1].set(xlim=(0, 1), ylim=(0, 1), xlabel="probability u₁", ylabel="probability u₂")
    return picture


def posterior_maps(images, windows, titles, columns=3):
    """Return the exact posteriors of images, each on a window of the latent plane with its image in a corner.

    `images` are (n, 784) in [0, 1]. `windows` are pairs of a density (points, points), rows along z₂ and columns along
    z₁, and its extent (left, right, bottom, top).
    """
    rows = -(-len(images) // columns)
    picture, axes = canvas(height=2.75 * rows, rows=rows, columns=columns, squeeze=False)
    for axis, image, (density, extent), title in zip(axes.ravel(), images, windows, titles, strict=True):
        across, up = np.linspace(*extent[:2], density.shape[1]), np.linspace(*extent[2:], density.shape[0])
        axis.set_facecolor(colormaps["magma"](0.0))
        # The root shows faint modes beside strong ones.
        axis.contourf(across, up, np.sqrt(density / density.max()), levels=np.linspace(0.05, 1, 9), cmap="magma")
        axis.set(xlim=extent[:2], ylim=extent[2:], aspect="equal")
        row, column = _emptiest_corner(density)
        draw_digits(axis.inset_axes([0.02 + 0.68 * column, 0.02 + 0.68 * row, 0.28, 0.28]), image[None], 1)
        label(axis, title, "latent z₁", "latent z₂" if axis in axes[:, 0] else "")
        axis.xaxis.set_major_locator(MaxNLocator(3))
        axis.yaxis.set_major_locator(MaxNLocator(3))
    return picture


def _emptiest_corner(window):
    """Return (row, column), each 0 or 1, of the corner of a window in which least of its mass lies."""
    height, width = (max(1, size // 3) for size in window.shape)
    corners = {(1, 0): window[-height:, :width], (1, 1): window[-height:, -width:],
               (0, 0): window[:height, :width], (0, 1): window[:height, -width:]}  # of equal ones, the first
    return min(corners, key=lambda corner: corners[corner].sum())


def training_on_the_ladder(values, rungs, y="nats per training image"):
    """Return a training curve with the ladder's rungs as horizontal lines.

    `values` are nats after each epoch, which `y` names; `rungs` is a dictionary of name → nats.
    """
    picture, axis = canvas(height=3.9)
    axis.plot(np.arange(1, len(values) + 1), values, color=BLUE, linewidth=2, marker="o", markersize=4)
    places = sorted(rungs.items(), key=lambda rung: rung[1])
    room = 0.05 * (max(max(values), places[-1][1]) - min(min(values), places[0][1]))
    for number, (name, value) in enumerate(places):
        axis.axhline(value, color="#777777", linestyle="--", linewidth=1, zorder=0)
        below = number + 1 < len(places) and places[number + 1][1] - value < room
        left = number > 0 and value - places[number - 1][1] < room  # above the curve, where it has not risen yet
        axis.annotate(f"{name} −{abs(value):.1f}", (0 if left else 1, value), xycoords=("axes fraction", "data"),
                      ha="left" if left else "right", va="top" if below else "bottom", fontsize=8.5, color="#555555",
                      xytext=(4 if left else -2, -3 if below else 2), textcoords="offset points")
    axis.grid(axis="x", color=GRID, linewidth=0.6)
    axis.xaxis.set_major_locator(MaxNLocator(integer=True))
    axis.set_xlim(0.6, len(values) + 0.4)
    label(axis, "", "epoch", y)
    return picture


def growth(dimensions, memory, seconds):
    """Return how the bytes of all points' logits and the seconds of an epoch grow with the latent dimensions."""
    picture, axes = canvas(height=2.9, columns=2)
    panels = (("memory of the logits", memory, "bytes", {"a laptop": 16e9, "a large data centre": 1e18}),
              ("time of an epoch", seconds, "seconds",
               {"an hour": 3600, "a year": 3.15e7, "age of the universe": 4.35e17}))
    for axis, (title, values, unit, marks), colour in zip(axes, panels, SERIES, strict=False):
        axis.semilogy(dimensions, np.asarray(values, float), marker="o", color=colour, linewidth=1.8)
        for name, level in marks.items():
            axis.axhline(level, color="#777777", linestyle="--", linewidth=1, zorder=0)
            axis.annotate(name, (0, level), xycoords=("axes fraction", "data"), xytext=(4, 3),
                          textcoords="offset points", fontsize=8.5, color="#555555")
        axis.grid(axis="x", color=GRID, linewidth=0.6)
        label(axis, title, "latent dimensions", f"{unit} (logarithmic)")
    return picture


def draw_integral(axes, z, x, curve, joint, evidence):
    """Draw a model of one latent and one observation, with the observation still to be chosen; return what moves.

    Args:
        axes: three: the plane of z and x, one for prior and likelihood, one for joint and posterior.
        z, x: (points,) and (places,), evenly spaced.
        curve: (points,) mean of x for each z.
        joint, evidence: p(z) p(x | z), (places, points), and p(x), (places,).
    """
    plane, above, below = axes
    levels = np.quantile(joint, 0.995) * np.geomspace(0.03, 1, 4)
    plane.contourf(z[::4], x, joint[:, ::4], levels=levels, cmap="Blues", extend="max")
    plane.plot(z, curve, color="#777777", linewidth=1, linestyle=":", label="mean of x given z")
    reach = 0.3 * (z[-1] - z[0]) / evidence.max()  # the density of x stands on the right edge of the plane
    plane.plot(z[-1] - reach * evidence, x, color=ORANGE, linewidth=1.8, label="p(x), to the left")
    observed = plane.axhline(0, color=BLACK, linewidth=1.2, label="observed x")
    height, = plane.plot([0], [0], "o", color=ORANGE, markersize=7)
    plane.set(xlim=(z[0], z[-1]), ylim=(x[0], x[-1]))
    plane.legend(frameon=False, fontsize=8.5, loc="upper center")
    label(plane, "", "latent z", "observation x")
    above.plot(z, np.exp(-z**2 / 2) / np.sqrt(2 * np.pi), color=BLUE, linewidth=1.8, label="prior p(z)")
    likelihood, = above.plot(z, 0 * z, color=SERIES[1], linewidth=1.8, linestyle="--",
                             label="likelihood p(x | z), no density in z")
    edges = np.append(z - (z[1] - z[0]) / 2, z[-1] + (z[1] - z[0]) / 2)
    area = below.stairs(0 * z, edges, fill=True, color=ORANGE, alpha=0.75, label="joint p(z) p(x | z)")
    posterior, = below.plot(z, 0 * z, color=BLACK, linewidth=1.8, label="posterior p(z | x)")
    words = below.text(0.5, 0.72, "", transform=below.transAxes, fontsize=9.5, color=INK, ha="center", va="top")
    for axis in (above, below):
        axis.set_xlim(z[0], z[-1])
        axis.legend(frameon=False, fontsize=8.5, loc="upper center", ncols=2)
        label(axis, "", "latent z", "height")
    return {"observed": observed, "height": height, "likelihood": likelihood, "area": area, "posterior": posterior,
            "evidence": words}
