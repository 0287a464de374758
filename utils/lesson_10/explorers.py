"""Metrics of images that are damaged on purpose (lesson 10)."""

import functools

import numpy as np
from scipy.ndimage import gaussian_filter

from utils import plots
from utils.data import add_noise
from utils.lesson_10 import pictures
from utils.plots.explorer import Explorer, slider

BLURS = (0.0, 0.5, 1.0, 1.5, 2.0)  # pixels, the standard deviation of a Gaussian
NOISES = (0.0, 0.1, 0.2, 0.3, 0.4)  # grey values, its standard deviation on every pixel
EACH = 50  # images of each digit among the untouched ones: 500 in all, and as many damaged ones
NAMES = "Fréchet distance", "precision", "recall", "coverage"


def metric_explorer(images, labels, features, frechet_distance, precision_recall, coverage):
    """Return an explorer of four metrics of real digits that are blurred, noised, or lose some of their classes.

    500 untouched digits, 50 of each, are compared with 500 damaged ones; dropped digits are replaced by others. All
    features are computed beforehand, the metrics as sliders move. `images`, in [0, 1], hold at least 150 of each digit;
    `features` describes images (n, 28, 28); the last three arguments are functions of (real, fake) features.
    """
    images, labels = plots.as_squares(images), np.asarray(labels)
    if len(labels) != len(images) or min(np.bincount(labels, minlength=10)) < 3 * EACH:
        raise ValueError(f"metric_explorer wants a label for each image and {3 * EACH} images or more of each digit, "
                         f"but got {np.bincount(labels, minlength=10)}. Give it the first 2,000 test images.")
    of_digits = [np.flatnonzero(labels == digit)[:3 * EACH] for digit in range(10)]
    untouched = features(images[np.concatenate([places[:EACH] for places in of_digits])])
    # Digit by digit in turn, 0 to 9, 100 times: so that the first 500 of any classes are equally many of each.
    pool = images[np.stack([places[EACH:] for places in of_digits], axis=1).ravel()]
    damaged = {(blur, noise): add_noise(np.clip(gaussian_filter(pool, (0, blur, blur)), 0, 1), noise, seed=0)
               for blur in BLURS for noise in NOISES}
    found = np.split(features(np.concatenate(list(damaged.values()))), len(damaged))
    found = dict(zip(damaged, found, strict=True))
    shown = {setting: each[:100].copy() for setting, each in damaged.items()}  # a view would keep all of them

    @functools.cache
    def measure(blur, noise, dropped):
        fake = found[blur, noise][_kept(dropped, 10 * EACH)]
        return frechet_distance(untouched, fake), *precision_recall(untouched, fake), coverage(untouched, fake)

    picture = plots.Picture(figsize=(plots.WIDTH, 3.1), layout="constrained")
    grid = picture.subplot_mosaic([["digits"] * 4, list(NAMES)], height_ratios=(1.3, 1))
    gauges = [grid[name] for name in NAMES]
    for axis in gauges:
        axis.spines[["top", "right"]].set_visible(False)
        axis.tick_params(labelsize=9)
    mosaic = plots.draw_digits(grid["digits"], pool[:30], 15)
    worst = measure(BLURS[-1], NOISES[-1], 5)[0]
    floors = measure(0.0, 0.0, 0)
    lines, texts = pictures.draw_gauges(gauges, NAMES, floors, ((0.5 * floors[0], 2 * worst), None, None, None))
    moving = plots.MovingPicture(picture, [mosaic, *lines, *texts])

    def draw(blur, noise, dropped):
        setting = (min(BLURS, key=lambda each: abs(each - blur)), min(NOISES, key=lambda each: abs(each - noise)))
        mosaic.set_data(np.ma.masked_invalid(plots.mosaic(shown[setting][_kept(dropped, 30)], 15)))
        pictures.move_gauges(lines, texts, NAMES, measure(*setting, dropped))
        return moving.png()

    return Explorer(draw, blur=slider("blur in pixels", BLURS[0], BLURS[-1], 0.0, BLURS[1]),
                    noise=slider("noise", NOISES[0], NOISES[-1], 0.0, NOISES[1]),
                    dropped=slider("digits dropped", 0, 5, 4))


def _kept(dropped, count):
    """Return the first places in the pool, which goes 0 to 9 again and again, of digits below 10 - dropped."""
    places = np.arange(10 * 2 * EACH)
    return places[places % 10 < 10 - dropped][:count]
