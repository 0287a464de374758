"""The digits between four latents (lesson 9)."""

import numpy as np
from matplotlib.patches import Rectangle

from utils import plots
from utils.lesson_09.study import between_corners
from utils.plots.explorer import Explorer, slider


def corner_explorer(generate, corners, side=5):
    """Return an explorer of the digits between four latent corners: a sheet of them, and one at any place in large.

    Latents (n, latent_dim), of which the corners are four as in `between_corners`, generate images (n, 784) in [0, 1].
    """
    down, right = np.divmod(np.arange(side**2), side) / np.array([[side - 1.0]])
    picture, (sheet, digit) = plots.canvas(height=4.2, columns=2)
    between = np.asarray(generate(between_corners(corners, right, down)))
    plots.draw_digits(sheet, between, side, "between the corners")
    frame = sheet.add_patch(Rectangle((0.5, 0.5), 28, 28, fill=False, edgecolor=plots.ORANGE, linewidth=2.5))
    shown = plots.draw_digits(digit, between[:1], 1, "this one")
    moving = plots.MovingPicture(picture, [frame, shown, digit.title])

    def draw(right, down):
        latent = between_corners(corners, right, down)
        frame.set_xy((0.5 + 29 * (side - 1) * right, 0.5 + 29 * (side - 1) * down))
        shown.set_data(plots.mosaic(np.asarray(generate(latent[None])), 1))
        digit.title.set_text(f"right {right:.2f}, down {down:.2f}: length of z {np.linalg.norm(latent):.1f}")
        return moving.png()

    return Explorer(draw, right=slider("to the right", 0.0, 1.0, 0.4, 0.02), down=slider("down", 0.0, 1.0, 0.6, 0.02))
