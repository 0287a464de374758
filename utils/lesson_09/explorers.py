"""The digits between four latents (lesson 9)."""

import numpy as np

from utils import plots
from utils.lesson_09 import pictures
from utils.lesson_09.study import between_corners
from utils.plots.explorer import Explorer, slider


def corner_explorer(generate, corners, side=5):
    """Return an explorer of the digits between four latent corners: a sheet of them, and one at any place in large.

    Args:
        generate: function of latents (n, latent_dim) that returns images (n, 784) in [0, 1].
        corners: array (4, latent_dim) of draws from the prior: top left, top right, bottom left, bottom right.
        side: digits along one side of the sheet.
    """
    down, right = np.divmod(np.arange(side**2), side) / np.array([[side - 1.0]])
    picture, (sheet, digit) = plots.canvas(height=4.2, columns=2)
    frame, shown = pictures.draw_corners(sheet, digit, np.asarray(generate(between_corners(corners, right, down))))
    moving = plots.MovingPicture(picture, [frame, shown, digit.title])

    def draw(right, down):
        latent = between_corners(corners, right, down)
        frame.set_xy((0.5 + 29 * (side - 1) * right, 0.5 + 29 * (side - 1) * down))
        shown.set_data(plots.mosaic(np.asarray(generate(latent[None])), 1))
        digit.title.set_text(f"right {right:.2f}, down {down:.2f}: length of z {np.linalg.norm(latent):.1f}")
        return moving.png()

    return Explorer(draw, right=slider("to the right", 0.0, 1.0, 0.4, 0.02), down=slider("down", 0.0, 1.0, 0.6, 0.02))
