"""The latent plane: encoded images in it, and a walk through it."""

import numpy as np

from utils.plots.canvas import BLACK, DIGIT_COLOURS, INK, MovingPicture, canvas, label
from utils.plots.explorer import Explorer, slider
from utils.plots.images import draw_digits, mosaic


def draw_latents(axis, means, labels, title="", extent=3.5):
    """Draw codes (n, 2) as dots in the latent plane, each digit in its colour and named at its median."""
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


def _spread(places, distance):
    """Return the places, (n, 2), pushed apart to about `distance`, so that labels do not touch."""
    places = np.array(places)
    for _ in range(60):
        offsets = places[:, None] - places[None]
        apart = np.hypot(*np.moveaxis(offsets, -1, 0)) + np.eye(len(places)) * distance
        push = np.maximum(0, distance - apart) / np.maximum(apart, 1e-6)
        places += 0.3 * np.sum(push[..., None] * offsets, axis=1)
    return places


def two_panels():
    """Return (picture, (plane, digit)) for `plane_explorer`."""
    return canvas(height=4.3, columns=2, width_ratios=(1.35, 1))


def plane_explorer(picture, plane, digit, decode, labels, near, start, sliders):
    """Return two sliders that move a cross over a plane, with the picture decoded there and who is near.

    Args:
        picture, plane, digit: a figure and its two panels, the plane drawn already.
        near: function of a point (2,) that returns for each label whether its image lies near.
        start: where the cross begins.
        sliders: "first" and "second" → (description, low, high, step).
    """
    cross = plane.plot([0], [0], marker="+", markersize=22, markeredgewidth=2.5, color=BLACK)[0]
    shown = draw_digits(digit, np.zeros((1, 28, 28)), 1)
    digit.set_title("a title", fontsize=10, color=INK)
    moving = MovingPicture(picture, [cross, shown, digit.title])

    def draw(first, second):
        cross.set_data([first], [second])
        decoded = np.asarray(decode(np.array([[first, second]], np.float32)))
        shown.set_data(np.ma.masked_invalid(mosaic(decoded, 1)))
        neighbours = labels[near(np.array([first, second]))]
        count = f"{len(neighbours)} image{'s' * (len(neighbours) != 1)}"
        most = f", mostly {np.bincount(neighbours).argmax()}" if len(neighbours) else ""
        digit.title.set_text(f"({first:.2f}, {second:.2f}): {count} near{most}")
        return moving.png()

    return Explorer(draw, **{name: slider(description, low, high, value, step)
                             for value, (name, (description, low, high, step)) in zip(start, sliders.items())})
