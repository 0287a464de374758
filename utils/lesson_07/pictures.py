"""Bounds, rates and distortions, how much of a latent space is used, and where in it (lesson 7)."""

import numpy as np
from matplotlib.ticker import MaxNLocator

from utils.plots.canvas import BLUE, GREEN, GRID, INK, ORANGE, RED, SERIES, canvas, finish, label
from utils.plots.latents import draw_latents

HIDDEN = {"784": ": cross-entropy averaged", "1/784": ": KL averaged"}  # where published code hides a β


def importance_check(effective, errors, standard_errors, covered):
    """Return how far importance sampling lies from the exact values, against its effective sample size.

    Args:
        effective: (n,) effective sample sizes, from 1 on.
        errors: (n,) nats, estimate minus exact value.
        standard_errors: (n,) nats, as the estimate itself names them; bars show two of them.
        covered: (n,) bool, whether the encoder covers the posterior.
    """
    picture, axis = canvas(height=3.6)
    effective, errors, standard_errors = map(np.asarray, (effective, errors, standard_errors))
    for chosen, colour, marker, name in ((covered, BLUE, "o", "the encoder covers the posterior"),
                                         (~covered, RED, "s", "it misses a part of it")):
        axis.errorbar(effective[chosen], errors[chosen], 2 * standard_errors[chosen], color=colour, fmt=marker,
                      markersize=3.5, elinewidth=0.9, label=name)
    axis.axhline(0, color=INK, linewidth=1)
    axis.set_xscale("log")
    axis.set_yscale("symlog", linthresh=0.1)
    axis.margins(y=0.08)
    axis.grid(color=GRID, linewidth=0.6)
    axis.legend(frameon=False, fontsize=9, loc="upper right")
    label(axis, "", "effective sample size of 5,000 draws", "estimate − exact, in nats")
    return picture


def latent_sizes(sizes, bounds, prices):
    """Return two panels: bounds against the number of latents, and what each latent of every model carries, sorted.

    Args:
        sizes: numbers of latent dimensions.
        bounds: dictionary of name → nats per image for each size.
        prices: dictionary of name → (latent_dim,) nats, the KL of each dimension, averaged over images.
    """
    picture, (left, right) = canvas(height=3.3, columns=2)
    for (name, values), colour, marker in zip(bounds.items(), SERIES, "os^", strict=False):
        left.semilogx(sizes, values, color=colour, marker=marker, linewidth=1.8, label=name)
    left.set_xticks(sizes, [str(size) for size in sizes])
    left.minorticks_off()
    left.grid(color=GRID, linewidth=0.6)
    left.legend(frameon=False, fontsize=9, loc="lower right")
    label(left, "what they buy", "latent dimensions", "nats per image")
    draw_prices(right, prices)
    label(right, "what each carries", "latent dimensions, sorted", "KL in nats per image")
    return picture


def draw_prices(axis, models):
    """Draw the KL of each latent dimension, sorted, one curve a model.

    Args:
        models: dictionary of name → (latent_dim,) nats, averages over images.
    """
    for (name, prices), colour, marker in zip(models.items(), SERIES, "os^DvX", strict=False):
        axis.plot(np.arange(1, len(prices) + 1), np.sort(prices)[::-1], color=colour, marker=marker, markersize=4,
                  linewidth=1.4, label=name)
    axis.xaxis.set_major_locator(MaxNLocator(integer=True))
    axis.grid(color=GRID, linewidth=0.6)
    axis.legend(frameon=False, fontsize=9)


def draw_rate_distortion(axis, rates, distortions):
    """Draw models on the plane of rate and distortion, above lines on which both add up to the same bound.

    Args:
        rates, distortions: (n,) nats, the KL of each model and minus its log-likelihood.
    """
    rates, distortions = np.asarray(rates), np.asarray(distortions)
    right, bottom, top = 1.08 * rates.max(), 0.8 * distortions.min(), 1.06 * distortions.max()
    best = np.min(rates + distortions)
    for level in (best, *range(100, int(right + top), 100)):
        colour, line = (GREEN, "--") if level == best else ("#CCCCCC", "-")
        axis.plot([0, right], [level, level - right], color=colour, linewidth=1, linestyle=line, zorder=1)
        # Named where it leaves the plane, on the right or below.
        place, rise = ((right, level - right), 3) if level - right > bottom else ((level - bottom, bottom), 4)
        if level != best:
            axis.annotate(f"−{level}", place, xytext=(-2, rise), textcoords="offset points", fontsize=8,
                          color="#777777", ha="right")
    order = np.argsort(rates)
    axis.plot(rates[order], distortions[order], color=BLUE, linewidth=1.4, marker="o", markersize=4.5, zorder=2)
    axis.set(xlim=(-0.02 * right, right), ylim=(bottom, top))
    label(axis, "", "rate: KL in nats per image", "distortion: −log p(x | z) in nats per image")


def rate_distortion(points, others):
    """Return the curve of rate and distortion with every point named, beside the bounds over β.

    Args:
        points: dictionary of β as a text, such as "1/784" → (β, rate, distortion) along the curve.
        others: dictionary of name → (rate, distortion) of models trained otherwise, drawn as stars.
    """
    picture, (left, right) = canvas(height=4.2, columns=2, width_ratios=(1.5, 1))
    betas, rates, distortions = np.array([values for values in points.values()]).T
    draw_rate_distortion(left, rates, distortions)
    for name, (_, rate, distortion) in points.items():
        offset, side = ((4, 12), "right") if rate == rates.max() else ((8, 5), "left")
        left.annotate(f"β = {name}{HIDDEN.get(name, '')}", (rate, distortion), xytext=offset, fontsize=8.5, color=INK,
                      textcoords="offset points", ha=side)
    for (name, place), colour in zip(others.items(), (RED, ORANGE), strict=False):
        left.plot(*place, marker="*", markersize=13, color=colour, linestyle="none", label=name, zorder=3)
    if others:
        left.legend(frameon=False, fontsize=9, loc="center", bbox_to_anchor=(0.62, 0.6))  # between curve and names
    order = np.argsort(betas)
    right.semilogx(betas[order], -(rates + distortions)[order], color=BLUE, marker="o", markersize=4.5, linewidth=1.4)
    right.axvline(1, color="#777777", linewidth=1, linestyle="--")
    right.grid(color=GRID, linewidth=0.6)
    label(right, "", "weight β of the KL (logarithmic)", "ELBO in nats per image")
    return picture


def dimension_prices(models):
    """Return a picture of what `draw_prices` draws."""
    picture, axis = canvas(height=3.2)
    draw_prices(axis, models)
    label(axis, "", "latent dimensions, sorted", "KL in nats per image")
    return picture


def weighted_bounds(counts, averages, errors, gains):
    """Return two panels: importance-weighted bounds against the number of samples, and each image's gain.

    Args:
        counts: numbers of samples K, ascending.
        averages, errors: nats per image of each bound, and their standard errors; bars show two of them.
        gains: (n,) nats, the bound of the most samples minus the ELBO of each image.
    """
    picture, (left, right) = canvas(height=3.4, columns=2, width_ratios=(1.3, 1))
    left.errorbar(counts, averages, 2 * np.asarray(errors), color=BLUE, marker="o", markersize=5, capsize=4,
                  linewidth=1.6)
    left.set_xscale("log")
    left.set_xticks(counts, [f"{count:,}" for count in counts])
    left.minorticks_off()
    for count, average in zip(counts, averages, strict=True):
        left.annotate(f"{average:.2f}".replace("-", "−"), (count, average), xytext=(5, -13),
                      textcoords="offset points", fontsize=9, color=INK)  # the curve bends away from below
    left.margins(x=0.16, y=0.2)
    left.grid(color=GRID, linewidth=0.6)
    label(left, "average over the images", "samples K", "bound in nats per image")
    right.hist(gains, 40, color=GREEN)
    right.axvline(0, color=INK, linewidth=1)
    right.grid(axis="y", color=GRID, linewidth=0.6)
    right.set_axisbelow(True)
    label(right, "image by image", f"bound of {counts[-1]:,} samples − ELBO, in nats", "images")
    return picture


def ruler_gaps(counts, gaps, errors):
    """Return what one model is above another by bounds of more and more samples, one curve a pair of models.

    Args:
        counts: numbers of samples K, ascending.
        gaps: dictionary of name → nats per image for each count.
        errors: dictionary of the same names → standard errors in nats; bars show two of them.
    """
    picture, axis = canvas(height=3.3)
    for (name, values), colour, marker in zip(gaps.items(), SERIES, "os^Dv", strict=False):
        axis.errorbar(counts, values, 2 * np.asarray(errors[name]), color=colour, marker=marker, markersize=5,
                      linewidth=1.6, capsize=3, label=name)
    axis.axhline(0, color=INK, linewidth=1)
    axis.set_xscale("log")
    axis.set_xticks(counts, [f"{count:,}" for count in counts])
    axis.minorticks_off()
    finish(axis, "", "samples K of the bound", "50 latents − 20, in nats per image", legend={"loc": "lower right"})
    return picture


def latent_clouds(images, labels, prior, gains):
    """Return three panels: a plane through the latents of images, the same of the prior, and what tells them apart.

    Args:
        images: (n, 2) latents of images, drawn in the colours of their digits.
        labels: (n,) digits 0..9.
        prior: (m, 2) draws from the prior.
        gains: dictionary of name → (k,) nats, log r(z) − log p(z) of latents of each kind.
    """
    picture, axes = canvas(height=3.2, columns=3, width_ratios=(1, 1, 1.05))
    draw_latents(axes[0], images, labels)
    for text in axes[0].texts:
        text.set_fontsize(8)  # ten names in a small panel
    axes[1].scatter(*np.transpose(prior), s=3, color=INK, linewidths=0, alpha=0.5)
    axes[1].set(xlim=axes[0].get_xlim(), ylim=axes[0].get_ylim(), aspect="equal")
    for axis, title in zip(axes, ("q(z): latents of images", "p(z): latents of the prior"), strict=False):
        label(axis, title, "first direction", "second direction")
    bins = np.linspace(*np.percentile(np.concatenate(list(gains.values())), [0.5, 99.9]), 41)
    for (name, values), colour in zip(gains.items(), (GREEN, INK), strict=True):
        axes[2].hist(values, bins, color=colour, histtype="step", linewidth=1.6, label=name)
    axes[2].axvline(0, color="#777777", linewidth=1, linestyle="--")
    axes[2].margins(y=0.3)  # room for the legend
    finish(axes[2], "fitted mixture r(z)", "log r(z) − log p(z), in nats", "latents", legend={"loc": "upper left"})
    return picture


def signal_to_noise(counts, signals):
    """Return the signal-to-noise ratios of two networks' gradients over the number of samples, on logarithmic axes.

    Args:
        counts: numbers of samples K, ascending.
        signals: dictionary of name → a ratio for each count.
    """
    picture, axis = canvas(height=3.2)
    for (name, values), colour, marker in zip(signals.items(), SERIES, "os^D", strict=False):
        axis.plot(counts, values, color=colour, marker=marker, markersize=5, linewidth=1.6, label=name)
    axis.set_xscale("log")
    axis.set_yscale("log")
    axis.set_xticks(counts, [f"{count:,}" for count in counts])
    ticks = [tick for tick in (0.05, 0.1, 0.2, 0.5, 1, 2, 5) if axis.get_ylim()[0] <= tick <= axis.get_ylim()[1]]
    axis.set_yticks(ticks, [f"{tick:g}" for tick in ticks])
    axis.minorticks_off()
    finish(axis, "", "samples K of the bound", "signal over noise of the gradient", legend={})
    return picture
