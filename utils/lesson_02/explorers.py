"""What one hidden layer can draw (lesson 2)."""

import numpy as np

from utils import plots
from utils.plots.explorer import Explorer, slider
from utils.scratch import dense_forward, relu_forward

MOST_NEURONS = 64


def curve_explorer():
    """Return an explorer of one hidden layer: more hidden neurons draw a curve with more waves.

    The hidden neurons are drawn at random and stay as they are; the output layer is the best possible one for them, by
    least squares. Training would move the kinks of the hidden neurons as well.
    """
    x = np.linspace(0, 1, 401)
    picture, (left, right) = plots.canvas(height=3.6, columns=2, width_ratios=(1.5, 1))
    target, = left.plot(x, 0 * x, color="#666666", linewidth=5, alpha=0.35, label="curve")
    drawn, = left.plot(x, 0 * x, color=plots.BLUE, linewidth=1.8, label="network")
    kinks, = left.plot([], [], "|", color=plots.BLUE, markersize=9, label="kink of a hidden neuron")
    left.set(xlim=(0, 1), ylim=(-2, 2.1))
    left.legend(frameon=False, fontsize=9, loc="upper left", ncols=3, columnspacing=1.2)
    plots.label(left, "a title", "input x", "output")
    error, = right.semilogy(np.arange(1, MOST_NEURONS + 1), np.ones(MOST_NEURONS), color=plots.RED, linewidth=1.8)
    here, = right.plot([1], [1], "o", color=plots.BLACK, markersize=7)
    right.set(xlim=(0, MOST_NEURONS + 1), ylim=(1e-3, 1.2))
    right.grid(color=plots.GRID, linewidth=0.6)
    plots.label(right, "with fewer or more neurons", "hidden neurons", "root of the mean squared error")
    moving = plots.MovingPicture(picture, [target, drawn, kinks, left.title, error, here])

    def draw(hidden, waves, layer):
        curve = np.sin(2 * np.pi * waves * x**2)  # each wave is shorter than the one before
        networks, places = _networks(x, curve, seed=layer)
        errors = np.sqrt(np.mean((networks - curve[:, None]) ** 2, axis=0))
        target.set_ydata(curve)
        drawn.set_ydata(networks[:, hidden - 1])
        kinks.set_data(places[:hidden], np.full(hidden, -1.85))
        left.title.set_text(f"{hidden} hidden neuron{'s' * (hidden > 1)}: error {errors[hidden - 1]:.3f}")
        error.set_ydata(errors)
        here.set_data([hidden], errors[[hidden - 1]])
        return moving.png()

    return Explorer(draw, hidden=slider("hidden neurons", 1, MOST_NEURONS, 12),
                    waves=slider("waves of the curve", 1, 8, 3), layer=slider("random layer", 1, 20, 1))


def _networks(x, curve, seed):
    """Return what networks of 1, 2, … hidden neurons draw at x, (points, neurons), and the neurons' kinks.

    An orthogonal basis of the hidden neurons, made by QR, turns all the least-squares fits into one running sum.
    """
    random = np.random.default_rng(seed)
    kinks, slopes = random.random(MOST_NEURONS), random.choice([-1.0, 1.0], MOST_NEURONS)
    hidden = relu_forward(dense_forward(x[:, None], slopes[None], -slopes * kinks))
    basis, _ = np.linalg.qr(np.concatenate([np.ones((len(x), 1)), hidden], axis=1))
    return np.cumsum(basis * (basis.T @ curve), axis=1)[:, 1:], kinks
