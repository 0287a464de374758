"""Arrays in, figure out. One palette, labelled axes, sizes that fit JupyterLab's column.

Every function returns a `Picture`, which a notebook shows when it is the last line of a cell.
"""

import io

import numpy as np
from IPython.display import Image as StoredImage
from matplotlib import colormaps
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import Ellipse
from matplotlib.ticker import MaxNLocator
from PIL import Image

from utils.assets import asset as asset_path

# Okabe and Ito (2008): tells eight colours apart for every common kind of colour vision.
BLUE, ORANGE, GREEN, RED, PURPLE, SKY, YELLOW, BLACK = (
    "#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7", "#56B4E9", "#F0E442", "#222222")
SERIES = (BLUE, RED, GREEN, ORANGE, PURPLE, SKY, BLACK)
# Ten classes need ten colours: Tol's "muted" scheme (2021). Plots name the digit as well, never by colour alone.
DIGIT_COLOURS = ("#332288", "#88CCEE", "#44AA99", "#117733", "#999933", "#DDCC77", "#CC6677", "#882255", "#AA4499",
                 "#777777")
INK, GRID = "#222222", "#DDDDDD"
DPI = 110
GAME_BARS = 64
WIDTH = 8.4  # inches; with DPI this is as wide as a notebook's column


class Picture(Figure):
    """A Matplotlib figure that shows itself in a notebook without pyplot's global state."""

    def _repr_png_(self):
        return png(self)


def png(figure):
    """Return a figure as PNG bytes on a white ground, readable in JupyterLab's dark theme too."""
    # Drawing on the canvas oneself takes half the time of `savefig`, which draws twice for its layout.
    figure.set_dpi(DPI)
    agg = FigureCanvasAgg(figure)
    agg.draw()
    return _encoded(agg)


class MovingPicture:
    """A figure of which only some artists change. All else is drawn once, so that a redraw takes little time.

    Args:
        picture: the complete figure; the room that its layout finds now is kept.
        artists: what moves, in the order in which it is drawn.
    """

    def __init__(self, picture, artists):
        self.artists = artists
        picture.set_dpi(DPI)
        self.agg = FigureCanvasAgg(picture)
        self.agg.draw()
        picture.set_layout_engine("none")
        opacities = [artist.get_alpha() for artist in artists]
        for artist in artists:
            artist.set_alpha(0)  # not invisible: Matplotlib would move a title that it does not see
        self.agg.draw()
        self.ground = self.agg.copy_from_bbox(picture.bbox)
        for artist, opacity in zip(artists, opacities, strict=True):
            artist.set_alpha(opacity)

    def png(self):
        """Return the figure with its artists as they are now, as PNG bytes."""
        self.agg.restore_region(self.ground)
        for artist in self.artists:
            artist.axes.draw_artist(artist)
        return _encoded(self.agg)


def canvas(height, rows=1, columns=1, **options):
    """Return (picture, axes) with the course's look; `options` go to Matplotlib's `subplots`."""
    picture = Picture(figsize=(WIDTH, height), layout="constrained")
    axes = picture.subplots(rows, columns, **options)
    for axis in np.ravel(axes):
        axis.spines[["top", "right"]].set_visible(False)
        axis.tick_params(labelsize=9, color=INK)
    return picture, axes


def label(axis, title="", x="", y=""):
    """Write an axis' title and labels in the course's sizes."""
    axis.set_title(title, fontsize=10.5, color=INK)
    axis.set_xlabel(x, fontsize=9.5, color=INK)
    axis.set_ylabel(y, fontsize=9.5, color=INK)


def as_squares(images):
    """Return images of shape (n, 784), (n, 28, 28) or (n, 28, 28, 1) as (n, 28, 28) float32 in [0, 1].

    Grey values 0..255 are understood as uint8, the type in which MNIST ships; floats must lie in [0, 1].

    Raises:
        ValueError: if the shape is another one or a value lies outside [0, 1]: a plot would rescale it silently.
    """
    images = np.asarray(images)
    images = images.astype(np.float32) / (255 if images.dtype == np.uint8 else 1)
    if images.shape[1:] not in {(784,), (28, 28), (28, 28, 1)}:
        raise ValueError(f"A picture of digits wants shape (n, 784), (n, 28, 28) or (n, 28, 28, 1), but got "
                         f"{images.shape}. A single image needs a first axis of 1: images[:1], not images[0].")
    if not (images.size and images.min() >= 0 and images.max() <= 1):
        raise ValueError("A picture of digits wants at least one image with values in [0, 1], but got "
                         + (f"values from {images.min():.4g} to {images.max():.4g}" if images.size else "none")
                         + ". Use to_unit_range, from_symmetric_range or a sigmoid first.")
    return images.reshape(-1, 28, 28)


def mosaic(images, columns):
    """Return images as one array, left to right and top to bottom, with a line of white between them."""
    squares = as_squares(images)
    rows = -(-len(squares) // columns)
    sheet = np.full((rows * 29 + 1, columns * 29 + 1), np.nan, np.float32)
    for index, square in enumerate(squares):
        top, left = 29 * (index // columns) + 1, 29 * (index % columns) + 1
        sheet[top:top + 28, left:left + 28] = square
    return sheet


def draw_digits(axis, images, columns, title=""):
    """Draw images as a mosaic on one axis, 0 black and 1 white, and return Matplotlib's image."""
    sheet = np.ma.masked_invalid(mosaic(images, columns))
    image = axis.imshow(sheet, cmap=_digit_map(), vmin=0, vmax=1, interpolation="nearest")
    axis.set_axis_off()
    axis.set_title(title, fontsize=10.5, color=INK)
    return image


def digits(images, columns=10, title="", row_labels=()):
    """Return a picture of digits in rows of `columns`; `row_labels` name the rows at the left."""
    rows = -(-len(images) // columns)
    room = 0.1 * max(map(len, row_labels), default=0)  # inches, for the labels
    picture, axis = canvas(height=min(8.4, (WIDTH - room) * rows / columns + 0.35 * bool(title)))
    draw_digits(axis, images, columns, title)
    if row_labels:
        axis.set_axis_on()
        axis.spines[:].set_visible(False)
        axis.set_xticks([])
        axis.set_yticks(29 * np.arange(rows) + 15, row_labels, fontsize=9.5)
        axis.tick_params(length=0)
    return picture


def draw_curves(axis, curves, title="", x="epoch", y="", reference_lines=None):
    """Draw named curves over 1, 2, 3 …, each labelled in the legend.

    Args:
        curves: dictionary of name → sequence of values.
        reference_lines: dictionary of name → value, drawn dashed and labelled at the right.
    """
    for (name, values), colour in zip(curves.items(), SERIES, strict=False):
        steps = np.arange(1, len(values) + 1)
        axis.plot(steps, values, color=colour, label=name, linewidth=1.8, marker="o" if len(values) < 3 else None)
    for name, value in (reference_lines or {}).items():
        axis.axhline(value, color="#777777", linestyle="--", linewidth=1)
        axis.annotate(name, (1, value), xycoords=("axes fraction", "data"), xytext=(-2, 3),
                      textcoords="offset points", ha="right", fontsize=8.5, color="#555555")
    axis.grid(color=GRID, linewidth=0.6)
    axis.xaxis.set_major_locator(MaxNLocator(integer=True))
    if len(curves) > 1:
        axis.legend(frameon=False, fontsize=9)
    label(axis, title, x, y)


def curves(series, title="", x="epoch", y="", reference_lines=None):
    """Return a picture of named curves; arguments as in `draw_curves`."""
    picture, axis = canvas(height=3.2)
    draw_curves(axis, series, title, x, y, reference_lines)
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


def asset(name):
    """Return a picture that ships with the course, such as "vae_plane.png"."""
    return StoredImage(asset_path(name))


class TrainingPicture:
    """The live view's picture: curves on the left, the model's images on the right.

    Built once and then only updated, because building a figure takes longer than redrawing it.

    Args:
        names: names of the curves.
        columns, rows: shape of the mosaic of images.
        epochs: how many epochs the training will take; fixes the horizontal axis.
        y: label of the vertical axis, with its unit.
        caption: what the images are.
    """

    def __init__(self, names, columns, rows, epochs, y, caption=""):
        self.columns = columns
        self.picture, (self.curve_axis, image_axis) = canvas(height=3.5, columns=2, width_ratios=(1, 1.1))
        self.lines = {name: self.curve_axis.plot([], [], color=colour, label=name, linewidth=1.8, marker="o",
                                                 markersize=2.5)[0]
                      for name, colour in zip(names, SERIES, strict=False)}
        self.curve_axis.grid(color=GRID, linewidth=0.6)
        self.curve_axis.set_xlim(0.5, epochs + 0.5)
        self.curve_axis.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
        if len(self.lines) > 1:
            self.curve_axis.legend(frameon=False, fontsize=9)
        label(self.curve_axis, "", "epoch", y)
        blank = np.zeros((rows * columns, 28, 28), np.float32)
        self.mosaic = draw_digits(image_axis, blank, columns, caption)

    def update(self, history, images, title):
        """Show `history` (dictionary of name → values, one an epoch), `images` and a title over the curves."""
        for name, line in self.lines.items():
            line.set_data(np.arange(1, len(history[name]) + 1), history[name])
        self.curve_axis.relim()
        self.curve_axis.autoscale_view(scalex=False)
        self.curve_axis.set_title(title, fontsize=10.5, color=INK)
        self.mosaic.set_data(np.ma.masked_invalid(mosaic(images, self.columns)))
        self.picture.set_layout_engine("constrained" if len(next(iter(history.values()))) < 3 else "none")


def draw_latents(axis, means, labels, title="", extent=3.5):
    """Draw encoded images as dots in the latent plane, each digit in its colour and named at its median.

    Args:
        means: (n, 2) positions.
        labels: (n,) digits 0..9.
        extent: the axes run from -extent to extent.
    """
    means, labels = np.asarray(means), np.asarray(labels)
    shown = np.unique(labels)
    places = _spread([np.median(means[labels == digit], axis=0) for digit in shown], 0.13 * extent)
    for digit, place in zip(shown, places, strict=True):
        colour = DIGIT_COLOURS[digit]
        axis.scatter(*means[labels == digit].T, s=3, color=colour, linewidths=0)
        axis.text(*place, str(digit), fontsize=12, fontweight="bold", ha="center", va="center", color=INK,
                  bbox={"boxstyle": "circle,pad=0.12", "facecolor": "white", "edgecolor": colour, "alpha": 0.85})
    axis.set(xlim=(-extent, extent), ylim=(-extent, extent), aspect="equal")
    label(axis, title, "latent z₁", "latent z₂")


def gradient_noise(estimates, exact, sizes, deviations):
    """Return two panels: histograms of estimates of a gradient, and their scatter against the dimensions.

    Args:
        estimates: dictionary of name → (draws,).
        exact: the true gradient.
        sizes: numbers of dimensions.
        deviations: dictionary of name → standard deviation of the estimate for each size.
    """
    picture, (left, right) = canvas(height=3.2, columns=2)
    bins = np.linspace(exact - 12, exact + 12, 97)
    for (name, values), colour in zip(estimates.items(), (RED, ORANGE, BLUE), strict=True):
        left.hist(values, bins, density=True, color=colour, alpha=0.6, label=name)
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


def gaps(figures, approximation, amortisation):
    """Return two panels: the averages of several figures for log p(x), and both gaps of every image, sorted.

    Args:
        figures: dictionary of name → (n,) nats, from the lowest bound to the exact value.
        approximation, amortisation: (n,) nats, the two parts of the gap of each image.
    """
    picture, (left, right) = canvas(height=3.4, columns=2, width_ratios=(1.25, 1))
    averages = {name: float(np.mean(values)) for name, values in figures.items()}
    exact = list(averages.values())[-1]
    for row, average in enumerate(averages.values()):
        left.plot([average, exact], [row, row], color="#BBBBBB", linewidth=3, zorder=1)
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


def ladder(rungs, published=None):
    """Return the ladder of nats: log-likelihoods per image as rungs, the better the higher.

    Args:
        rungs: dictionary of name → nats per image, measured here.
        published: the same for figures from the literature, drawn hollow.
    """
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


def generator_gradients(logits, saturating, non_saturating):
    """Return the size of both generator losses' gradients against the discriminator's logit of a fake.

    Args:
        logits, saturating, non_saturating: arrays of shape (n,).
    """
    picture, axis = canvas(height=3.1)
    for gradient, name, colour, line in ((saturating, "log(1 − D), saturating", RED, "--"),
                                         (non_saturating, "−log D, non-saturating", BLUE, "-")):
        axis.plot(logits, np.abs(gradient), color=colour, linewidth=2, linestyle=line, label=name)
    axis.grid(color=GRID, linewidth=0.6)
    axis.legend(frameon=False, fontsize=9, loc="center right")
    axis.annotate("D is sure of the fake", (-9.8, 0.5), fontsize=9, color="#555555")
    label(axis, "", "the discriminator's logit of a generated image", "size of the gradient")
    return picture


def discriminator(x, real_density, fake_density, learnt, optimal):
    """Return two panels over the same line: both densities, and what a discriminator learnt from their samples.

    Args:
        x, real_density, fake_density, learnt, optimal: arrays of shape (n,).
    """
    picture, (left, right) = canvas(height=3.1, columns=2)
    _draw_real_density(left, x, real_density)
    left.plot(x, fake_density, color=ORANGE, linewidth=2, label="generated, q(x)")
    left.legend(frameon=False, fontsize=9)
    label(left, "", "x", "density")
    right.plot(x, learnt, color=RED, linewidth=2, label="D(x), learnt from samples")
    right.plot(x, optimal, color=BLACK, linewidth=1.3, linestyle="--", label="p / (p + q)")
    right.set_ylim(-0.03, 1.25)
    right.legend(frameon=False, fontsize=9, loc="upper left", ncols=2)
    label(right, "", "x", "probability of \"real\"")
    return picture


def draw_game(axis, x, real_density, drawn, judged, title=""):
    """Draw one moment of a one-dimensional GAN and return what moves in it: bars and both discriminators.

    Args:
        x: points (n,) evenly spaced.
        real_density: (n,) the true density there.
        drawn: (m,) the generator's samples.
        judged: (n,) the discriminator's probability of "real".
    """
    edges = np.linspace(x[0], x[-1], GAME_BARS + 1)
    _draw_real_density(axis, x, real_density)
    bars = axis.stairs(np.zeros(GAME_BARS), edges, fill=True, color=ORANGE, alpha=0.65, label="generated")
    learnt, = axis.plot(x, judged, color=RED, linewidth=1.8, label="D(x)")
    optimal, = axis.plot(x, judged, color=BLACK, linewidth=1, linestyle="--", label="best D(x)")
    move_game((bars, learnt, optimal), real_density, drawn, judged)
    axis.set(xlim=(x[0], x[-1]), ylim=(0, 1.3))
    label(axis, title, "x")
    return bars, learnt, optimal


def move_game(artists, real_density, drawn, judged):
    """Show another moment of the game in the artists that `draw_game` returned; arguments as there."""
    bars, learnt, optimal = artists
    x, edges = learnt.get_xdata(), bars.get_data().edges
    counts, _ = np.histogram(drawn, edges)
    density = counts / (len(drawn) * (edges[1] - edges[0]))
    bars.set_data(density)
    learnt.set_ydata(judged)
    # The generator's density is only known from its samples: a histogram smoothed over three bars stands for it.
    smooth = np.interp(x, (edges[:-1] + edges[1:]) / 2, np.convolve(density, np.ones(3) / 3, mode="same"))
    with np.errstate(invalid="ignore"):
        optimal.set_ydata(real_density / (real_density + smooth))


def game_frames(frames, real_density):
    """Return the course of a one-dimensional GAN, one panel a moment.

    Args:
        frames: dictionary of title → (samples (m,), probabilities of "real" at 161 points from -4 to 4).
        real_density: function of x.
    """
    picture, axes = canvas(height=2.9, columns=len(frames), sharey=True)
    x = np.linspace(-4, 4, 161)
    for axis, (title, (drawn, judged)) in zip(axes, frames.items(), strict=True):
        draw_game(axis, x, real_density(x), drawn, judged, title)
    axes[0].set_ylabel("density / probability", fontsize=9.5, color=INK)
    handles, names = axes[0].get_legend_handles_labels()
    picture.legend(handles, names, loc="outside upper center", ncols=4, frameon=False, fontsize=9)
    return picture


def broken_games(games):
    """Return, for each failed GAN, its two loss curves and the digits it draws.

    Args:
        games: dictionary of name → (Keras history with discriminator_loss and generator_loss, images (21, 784)).
    """
    picture, axes = canvas(height=2.7 * len(games), rows=len(games), columns=2, width_ratios=(1, 1.5), squeeze=False)
    for (name, (history, images)), (left, right) in zip(games.items(), axes, strict=True):
        losses = {"discriminator": history["discriminator_loss"], "generator": history["generator_loss"]}
        draw_curves(left, losses, name, "epoch", "loss in nats")
        draw_digits(right, images, 7, "drawn from different latents")
    return picture


def class_counts(counts):
    """Return bars of how often each digit occurs.

    Args:
        counts: dictionary of name → (10,) counts; drawn as shares in percent.
    """
    picture, axis = canvas(height=2.8)
    width = 0.8 / len(counts)
    for index, ((name, count), colour) in enumerate(zip(counts.items(), SERIES, strict=False)):
        share = 100 * np.asarray(count) / np.sum(count)
        axis.bar(np.arange(10) + (index - (len(counts) - 1) / 2) * width, share, width, color=colour, label=name)
    axis.set_xticks(range(10))
    axis.grid(axis="y", color=GRID, linewidth=0.6)
    axis.set_axisbelow(True)
    axis.legend(frameon=False, fontsize=9)
    label(axis, "", "digit, as the judge reads it", "share in percent")
    return picture


def _draw_real_density(axis, x, density):
    axis.fill_between(x, density, color="#BBBBBB", alpha=0.8, linewidth=0, label="real, p(x)")


def _spread(places, distance):
    """Return the places, (n, 2), pushed apart to about `distance`, so that labels do not touch."""
    places = np.array(places)
    for _ in range(60):
        offsets = places[:, None] - places[None]
        apart = np.hypot(*np.moveaxis(offsets, -1, 0)) + np.eye(len(places)) * distance
        push = np.maximum(0, distance - apart) / np.maximum(apart, 1e-6)
        places += 0.3 * np.sum(push[..., None] * offsets, axis=1)
    return places


def _encoded(agg):
    buffer = io.BytesIO()
    Image.fromarray(np.asarray(agg.buffer_rgba())[..., :3]).save(buffer, format="png")
    return buffer.getvalue()


def _digit_map():
    return colormaps["gray"].with_extremes(bad="white")
