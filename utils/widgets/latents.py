"""Walks through a plane of codes (lesson 5) or latents (lesson 6), and between four latents (lesson 9)."""

import numpy as np

from utils import plots
from utils.widgets.explorer import Explorer, slider


def latent_explorer(decode, means, labels):
    """Return an explorer of a 2-D latent plane: a point, the digit decoded there, the encoded images around it.

    Args:
        decode: function of latents (1, 2) that returns pixel probabilities (1, 784) in [0, 1].
        means: array (n, 2), the encoder's means of the images.
        labels: array (n,) of their digits 0..9.
    """
    means, labels = np.asarray(means), np.asarray(labels)
    picture, (plane, digit) = _two_panels()
    plots.draw_latents(plane, means, labels)
    start = np.clip(np.round(means[0] / 0.05) * 0.05, -3, 3).tolist()  # begins at the first image's own place

    def near(point):
        return np.hypot(*(means - point).T) < 0.2

    return _plane_explorer(picture, plane, digit, decode, labels, near, start,
                           {"first": ("latent z₁", -3.0, 3.0, 0.05), "second": ("latent z₂", -3.0, 3.0, 0.05)})


def code_explorer(decode, codes, labels, box):
    """Return an explorer of an autoencoder's code plane: a point, the picture decoded there, the codes around it.

    It begins at the median of the codes.

    Args:
        decode: function of codes (1, 2) that returns images (1, 784) in [0, 1].
        codes: array (n, 2), the codes of images.
        labels: array (n,) of their digits 0..9.
        box: (left, right, bottom, top), the part of the plane to walk in.
    """
    codes, labels, box = np.asarray(codes), np.asarray(labels), np.asarray(box, float)
    picture, (plane, digit) = _two_panels()
    plots.draw_codes(plane, codes, labels, box)
    low, size = box[::2], np.ptp(box.reshape(2, 2), axis=1)
    steps = (size / 100).tolist()
    middle = np.median(codes, axis=0)  # hardly ever on the name of a digit
    start = (low + np.round(100 * (middle - low) / size) * size / 100).clip(low, low + size).tolist()

    def near(point):
        return np.hypot(*((codes - point) / size).T) < 0.02

    (left, right, bottom, top) = box.tolist()
    return _plane_explorer(picture, plane, digit, decode, labels, near, start,
                           {"first": ("code c₁", left, right, steps[0]), "second": ("code c₂", bottom, top, steps[1])})


def between_corners(corners, right, down):
    """Return latents between four corners, as likely under the prior as the corners themselves.

    A mean of the corners with weights w would be too short: of independent draws from N(0, I) it has the variance
    Σ w², which is ¼ halfway between all four. Divided by √Σ w² it comes from N(0, I) again.

    Args:
        corners: array (4, latent_dim): top left, top right, bottom left, bottom right.
        right, down: how far to go, in [0, 1]; numbers, or arrays of shape (n,).

    Returns:
        Array (latent_dim,), or (n, latent_dim), float32.

    Raises:
        ValueError: if there are not four corners.
    """
    corners = np.asarray(corners)
    if corners.ndim != 2 or len(corners) != 4:
        raise ValueError(f"between_corners wants four latents, of shape (4, latent_dim), but got {corners.shape}.")
    right, down = np.asarray(right), np.asarray(down)
    weights = np.stack([(1 - right) * (1 - down), right * (1 - down), (1 - right) * down, right * down], axis=-1)
    length = np.sqrt(np.sum(np.square(weights), axis=-1, keepdims=True))
    return (weights / length @ corners).astype(np.float32)


def corner_explorer(generate, corners, side=5):
    """Return an explorer of the digits between four latent corners: a sheet of them, and one at any place in large.

    Args:
        generate: function of latents (n, latent_dim) that returns images (n, 784) in [0, 1].
        corners: array (4, latent_dim) of draws from the prior: top left, top right, bottom left, bottom right.
        side: digits along one side of the sheet.
    """
    down, right = np.divmod(np.arange(side**2), side) / np.array([[side - 1.0]])
    picture, (sheet, digit) = plots.canvas(height=4.2, columns=2)
    frame, shown = plots.draw_corners(sheet, digit, np.asarray(generate(between_corners(corners, right, down))))
    moving = plots.MovingPicture(picture, [frame, shown, digit.title])

    def draw(right, down):
        latent = between_corners(corners, right, down)
        frame.set_xy((0.5 + 29 * (side - 1) * right, 0.5 + 29 * (side - 1) * down))
        shown.set_data(plots.mosaic(np.asarray(generate(latent[None])), 1))
        digit.title.set_text(f"right {right:.2f}, down {down:.2f}: length of z {np.linalg.norm(latent):.1f}")
        return moving.png()

    return Explorer(draw, right=slider("to the right", 0.0, 1.0, 0.4, 0.02), down=slider("down", 0.0, 1.0, 0.6, 0.02))


def _two_panels():
    return plots.canvas(height=4.3, columns=2, width_ratios=(1.35, 1))


def _plane_explorer(picture, plane, digit, decode, labels, near, start, sliders):
    """Return two sliders that move a cross over a plane, with the picture decoded there and who is near.

    Args:
        picture, plane, digit: a figure and its two panels, the plane drawn already.
        near: function of a point (2,) that returns for each label whether its image lies near.
        start: where the cross begins.
        sliders: "first" and "second" → (description, low, high, step).
    """
    cross = plane.plot([0], [0], marker="+", markersize=22, markeredgewidth=2.5, color=plots.BLACK)[0]
    shown = plots.draw_digits(digit, np.zeros((1, 28, 28)), 1)
    digit.set_title("a title", fontsize=10, color=plots.INK)
    moving = plots.MovingPicture(picture, [cross, shown, digit.title])

    def draw(first, second):
        cross.set_data([first], [second])
        decoded = np.asarray(decode(np.array([[first, second]], np.float32)))
        shown.set_data(np.ma.masked_invalid(plots.mosaic(decoded, 1)))
        neighbours = labels[near(np.array([first, second]))]
        count = f"{len(neighbours)} image{'s' * (len(neighbours) != 1)}"
        most = f", mostly {np.bincount(neighbours).argmax()}" if len(neighbours) else ""
        digit.title.set_text(f"({first:.2f}, {second:.2f}): {count} near{most}")
        return moving.png()

    return Explorer(draw, **{name: slider(description, low, high, value, step)
                             for value, (name, (description, low, high, step)) in zip(start, sliders.items())})
