"""Arrays in, figure out. One palette, labelled axes, sizes that fit JupyterLab's column.

Every function returns a `Picture`, which a notebook shows when it is the last line of a cell.
"""

from utils.plots.canvas import (
    BLACK,
    BLUE,
    DIGIT_COLOURS,
    DPI,
    GREEN,
    GRID,
    INK,
    ORANGE,
    PURPLE,
    RED,
    SERIES,
    SKY,
    WIDTH,
    YELLOW,
    MovingPicture,
    Picture,
    canvas,
    label,
    png,
)
from utils.plots.curves import curves, draw_curves, histogram, ladder
from utils.plots.games import (
    GAME_BARS,
    broken_games,
    discriminator,
    draw_game,
    game_frames,
    generator_gradients,
    move_game,
)
from utils.plots.images import as_squares, asset, class_counts, digits, draw_digits, mosaic
from utils.plots.latents import draw_latents, gaps, gradient_noise, planes, posteriors
from utils.plots.live import TrainingPicture
