"""Pictures of lesson 6: latent planes, posteriors, and the gaps of the bound."""

import numpy as np
from matplotlib.patches import Ellipse

from utils.plots.canvas import BLACK, BLUE, GRID, INK, ORANGE, RED, SERIES, canvas, label
from utils.plots.images import draw_digits
from utils.plots.latents import draw_latents


def gradient_noise(estimates, exact, sizes, deviations):
    """Return two panels: histograms of estimates of a gradient, and their scatter against the dimensions.

    Below the histograms, bars mark one standard deviation around the average: a sharp peak may have a long tail.

    Args:
        estimates: dictionary of name → (draws,).
        exact: the true gradient.
        sizes: numbers of dimensions.
        deviations: dictionary of name → standard deviation of the estimate for each size.
    """
    picture, (left, right) = canvas(height=3.2, columns=2)
    bins = np.linspace(exact - 12, exact + 12, 97)
    for row, ((name, values), colour) in enumerate(zip(estimates.items(), (RED, ORANGE, BLUE), strict=True), 1):
        left.hist(values, bins, density=True, color=colour, alpha=0.6, label=name)
        average, deviation, height = np.mean(values), np.std(values), -0.07 * row
        left.plot([average - deviation, average, average + deviation], [height] * 3, color=colour, linewidth=2.5,
                  marker="|", markersize=8, markeredgewidth=2)
    left.axhline(0, color=INK, linewidth=0.8)
    left.set_yticks(np.arange(0, left.get_ylim()[1], 0.2))
    left.axvline(exact, color=INK, linewidth=1, linestyle="--", label="exact gradient")
    left.legend(frameon=False, fontsize=9)
    label(left, "one dimension", "estimate from one draw", "density")
    for (name, values), colour, marker in zip(deviations.items(), (RED, ORANGE, BLUE), "o^s", strict=True):
        right.loglog(sizes, values, marker=marker, color=colour, label=name)
    right.grid(color=GRID, linewidth=0.6)
    right.set_xticks(sizes, [str(size) for size in sizes])
    right.minorticks_off()
    right.legend(frameon=False, fontsize=9)
    label(right, "more dimensions", "latent dimensions", "standard deviation")
    return picture


def gaps(figures, approximation, amortisation, other):
    """Return two panels: the averages of several figures for log p(x), and both gaps of every image, sorted.

    Args:
        figures: dictionary of name → (n,) nats, from the lowest bound to the exact value.
        approximation, amortisation: (n,) nats, the two parts of the gap of each image.
        other: dictionary of name → (n,) nats, the exact values of other models, in rows of their own.
    """
    picture, (left, right) = canvas(height=3.4, columns=2, width_ratios=(1.25, 1))
    averages = {name: float(np.mean(values)) for name, values in figures.items()}
    exact = list(averages.values())[-1]
    for row, average in enumerate(averages.values()):
        left.plot([average, exact], [row, row], color="#BBBBBB", linewidth=3, zorder=1)
    averages |= {name: float(np.mean(values)) for name, values in other.items()}
    for row, average in enumerate(averages.values()):
        left.scatter(average, row, s=60, color=SERIES[row], zorder=2)
        left.annotate(f"{average:.1f}", (average, row), xytext=(0, 9), textcoords="offset points", ha="center",
                      fontsize=9.5, color=INK)
    left.set_yticks(range(len(averages)), [name.replace(", ", ",\n").replace(" of the ", "\nof the ")
                                           for name in averages])
    left.set_ylim(len(averages) - 0.5, -0.7)
    left.margins(x=0.15)
    left.grid(axis="x", color=GRID, linewidth=0.6)
    label(left, "average over the images", "nats per image")
    for gap, name, colour in ((amortisation, "amortisation", ORANGE), (approximation, "approximation", BLUE)):
        right.semilogy(np.sort(np.maximum(gap, 1e-3)), color=colour, linewidth=2, label=name)
    right.grid(color=GRID, linewidth=0.6)
    right.legend(frameon=False, fontsize=9, loc="upper left")
    label(right, "both parts of the gap", "images, sorted by each part", "nats (logarithmic)")
    return picture


def posteriors(images, densities, titles, encoder, best, extent=5.0):
    """Return images above their exact posteriors, with the encoder's and the best Gaussian as ellipses.

    Args:
        images: (n, 784) in [0, 1].
        densities: (n, points, points), rows along z₂ and columns along z₁, both from -extent to extent.
        titles: one text an image.
        encoder, best: (means, log variances), each (n, 2); an ellipse holds two standard deviations.
    """
    picture, axes = canvas(height=5.2, rows=2, columns=len(images), height_ratios=(1, 2.2), squeeze=False)
    coordinates = np.linspace(-extent, extent, densities.shape[1])
    for column, (digit, plane) in enumerate(axes.T):
        draw_digits(digit, images[column:column + 1], 1, titles[column])
        density = densities[column] / densities[column].max()
        plane.imshow(density, extent=(-extent, extent) * 2, origin="lower", cmap="Greys", vmin=0, vmax=1)
        for (means, log_variances), name, colour, line in ((encoder, "encoder", RED, "-"), (best, "best", BLUE, "--")):
            widths = 4 * np.exp(log_variances[column] / 2)
            plane.add_patch(Ellipse(means[column], *widths, fill=False, edgecolor=colour, linewidth=1.8, linestyle=line,
                                    label=f"{name} Gaussian"))
        # Show all that matters: where the posterior has mass, and both ellipses.
        z2, z1 = np.nonzero(density > 0.01)
        points = np.concatenate([np.stack([coordinates[z1], coordinates[z2]], axis=-1),
                                 *(means[[column]] + sign * 2 * np.exp(log_variances[[column]] / 2)
                                   for means, log_variances in (encoder, best) for sign in (-1, 1))])
        centre = (points.min(axis=0) + points.max(axis=0)) / 2
        reach = max(0.25, 0.6 * np.ptp(points, axis=0).max())
        plane.set(xlim=(centre[0] - reach, centre[0] + reach), ylim=(centre[1] - reach, centre[1] + reach))
        label(plane, "", "latent z₁", "latent z₂" if column == 0 else "")
    axes[1, 0].legend(frameon=False, fontsize=8.5, loc="upper left")
    return picture


def planes(models, labels):
    """Return latent planes of several models side by side, above the digits that the prior's grid decodes to.

    Args:
        models: dictionary of name → (means (n, 2), digits (side², 784) in [0, 1]).
        labels: (n,) digits 0..9 of the encoded images.
    """
    picture, axes = canvas(height=4.6, rows=2, columns=len(models), squeeze=False)
    for (name, (means, digits_of_prior)), (plane, prior) in zip(models.items(), axes.T, strict=True):
        extent = max(4.0, 1.1 * np.abs(means).max())
        draw_latents(plane, means, labels, name, extent)
        for text in plane.texts:
            text.set_visible(False)
        plane.add_patch(Ellipse((0, 0), 4, 4, fill=False, edgecolor=BLACK, linewidth=1.3, linestyle="--"))
        plane.set_xlabel("z₁", fontsize=9)
        plane.set_ylabel("z₂" if plane is axes[0, 0] else "", fontsize=9)
        draw_digits(prior, digits_of_prior, round(len(digits_of_prior) ** 0.5), "decoded from the prior")
        prior.title.set_fontsize(9)
    return picture
