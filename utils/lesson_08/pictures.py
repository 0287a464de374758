"""Generator against discriminator (lesson 8)."""

import numpy as np

from utils.plots.canvas import BLACK, BLUE, GRID, INK, ORANGE, RED, canvas, label
from utils.plots.charts import draw_line_chart
from utils.plots.images import draw_digits

GAME_BARS = 64


def generator_gradients(logits, saturating, non_saturating):
    """Return the size of both generator losses' gradients, (n,), against the discriminator's logits of fakes, (n,)."""
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
    """Return two panels over the line x: densities, and what a discriminator learnt of their samples; all are (n,)."""
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


def two_objectives(means, slopes, divergences, costs):
    """Return what two generator losses descend: their slopes over the generator's mean, and what two faults cost.

    Args:
        means: (n,) means of the generator's density.
        slopes, divergences: {loss: (n,)}, {divergence: (n,)}, in the same order: the slopes of each loss, and those of
            the divergence that it should descend, in nats per unit of the mean.
        costs: {divergence: {fault: nats}}, the divergences in the same order, the same faults in each.
    """
    picture, (left, right) = canvas(height=3.5, columns=2, width_ratios=(1.35, 1))
    for index, (colour, marker) in enumerate(((RED, "s"), (BLUE, "o"))):
        loss, divergence = list(slopes)[index], list(divergences)[index]
        left.plot(means, slopes[loss], marker, color=colour, markersize=4, label=loss)
        left.plot(means, divergences[divergence], color=colour, linewidth=1.4, label=divergence)
        nats, places = list(costs[divergence].values()), np.arange(len(costs[divergence])) + 0.36 * (index - 0.5)
        right.bar(places, nats, 0.32, color=colour, label=divergence)
        for place, value in zip(places, nats, strict=True):
            right.annotate(f"{value:.2f}", (place, value), xytext=(0, 3), textcoords="offset points", ha="center",
                           fontsize=9, color=colour)
    left.axhline(0, color=INK, linewidth=0.8)
    left.grid(color=GRID, linewidth=0.6)
    left.legend(frameon=False, fontsize=9)
    label(left, "marks: the loss, lines: the divergence", "mean of the generated numbers", "slope in nats per unit")
    right.set(yscale="log", xticks=range(len(nats)), ylim=(0.1, 40))
    right.set_xticklabels(costs[divergence], fontsize=9.5)
    right.legend(frameon=False, fontsize=9, loc="upper left")
    label(right, "what two faults cost", "what is generated", "nats (logarithmic)")
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
        draw_line_chart(left, losses, name, "epoch", "loss in nats")
        draw_digits(right, images, 7, "drawn from different latents")
    return picture


def _draw_real_density(axis, x, density):
    axis.fill_between(x, density, color="#BBBBBB", alpha=0.8, linewidth=0, label="real, p(x)")
