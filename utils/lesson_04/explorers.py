"""One latent, one observation: the integral, and the bound of any q (lesson 4)."""

import numpy as np
from scipy.special import logsumexp
from scipy.stats import norm

from utils import plots
from utils.lesson_04 import pictures
from utils.plots.explorer import Explorer, slider

Z = np.linspace(-3.2, 3.2, 641)
CELL = Z[1] - Z[0]
FLOOR = -9.0  # nats; where the bars of the bound begin


def integral_explorer(curve, noise):
    """Return an explorer of a model of one latent: prior, likelihood, joint, evidence and posterior of an observation.

    `curve` is a function of z, the mean of x given z, and `noise` the standard deviation of x around it.
    """
    x = np.linspace(-1.5, 6, 151)
    joint = np.exp(_log_joint(x[:, None], curve, noise))
    picture, axes = plots.canvas(height=4.2, rows=2, columns=2)
    for axis in axes[:, 0]:
        axis.remove()
    plane, (above, below) = picture.add_subplot(axes[0, 0].get_gridspec()[:, 0]), axes[:, 1]
    plane.spines[["top", "right"]].set_visible(False)
    artists = pictures.draw_integral((plane, above, below), Z, x, curve(Z), joint, joint.sum(axis=1) * CELL)
    above.set_ylim(0, 1.35 * norm.pdf(0, 0, noise))
    below.set_ylim(0, 2.9)
    density = plane.lines[1].get_xdata()  # p(x), as it is drawn in the plane
    moving = plots.MovingPicture(picture, list(artists.values()))

    def draw(observed):
        joint = np.exp(_log_joint(observed, curve, noise))
        evidence = joint.sum() * CELL
        artists["observed"].set_ydata([observed, observed])
        artists["height"].set_data([np.interp(observed, x, density)], [observed])
        artists["likelihood"].set_ydata(norm.pdf(observed, curve(Z), noise))
        artists["area"].set_data(joint)
        artists["posterior"].set_ydata(joint / evidence)
        artists["evidence"].set_text(f"area of the joint: p(x) = {evidence:.4f}")
        return moving.png()

    return Explorer(draw, observed=slider("observed x", -1.0, 5.0, 1.4, 0.1))


def bound_explorer(curve, noise):
    """Return an explorer of a Gaussian q over such a model's posterior: its ELBO, its KL, and their constant sum."""
    picture, (left, right) = plots.canvas(height=3.3, columns=2, width_ratios=(1.25, 1))
    edges = np.append(Z - CELL / 2, Z[-1] + CELL / 2)
    area = left.stairs(0 * Z, edges, fill=True, color="#BBBBBB", alpha=0.8, label="posterior")
    line, = left.plot(Z, 0 * Z, color=plots.RED, linewidth=1.8, label="q")
    left.set(xlim=(Z[0], Z[-1]), ylim=(0, 3.2))
    left.legend(frameon=False, fontsize=9, loc="upper center", ncols=2)
    plots.label(left, "", "latent z", "density")
    (bound,), (gap,) = pictures.draw_bound(right, [FLOOR / 2], [1.0], FLOOR)
    right.set(xlim=(FLOOR, 0), ylim=(0.5, -0.9))
    right.legend(frameon=False, fontsize=9, loc="upper left", ncols=2)
    plots.label(right, "a title", "nats")
    moving = plots.MovingPicture(picture, [area, line, bound, gap, *right.lines, right.title])

    def draw(observed, mean, deviation):
        log_joint, log_q = _log_joint(observed, curve, noise), norm.logpdf(Z, mean, deviation)
        log_marginal = logsumexp(log_joint) + np.log(CELL)
        elbo = np.sum(np.exp(log_q) * (log_joint - log_q)) * CELL
        shown = max(elbo, FLOOR)
        area.set_data(np.exp(log_joint - log_marginal))
        line.set_ydata(np.exp(log_q))
        bound.set_width(shown - FLOOR)
        gap.set(x=shown, width=log_marginal - shown)
        right.lines[0].set_xdata([log_marginal, log_marginal])
        words = f"ELBO {elbo:.2f}  +  KL {log_marginal - elbo:.2f}  =  log p(x) {log_marginal:.2f}"
        right.title.set_text(words.replace("-", "−"))
        return moving.png()

    return Explorer(draw, mean=slider("mean of q", -2.0, 2.0, 1.4, 0.05),
                    deviation=slider("deviation of q", 0.05, 0.6, 0.15, 0.01),
                    observed=slider("observed x", -0.5, 4.0, 2.0, 0.1))


def _log_joint(observed, curve, noise):
    """Return log p(z) + log p(x | z) over Z, (…, points)."""
    return norm.logpdf(Z) + norm.logpdf(observed, curve(Z), noise)
