"""A walk through a plane of codes (lesson 5)."""

import numpy as np

from utils.lesson_05 import pictures
from utils.plots.latents import plane_explorer, two_panels


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
    picture, (plane, digit) = two_panels()
    pictures.draw_codes(plane, codes, labels, box)
    low, high = box[::2], box[1::2]
    step = (high - low) / 100
    middle = np.median(codes, axis=0)  # hardly ever on the name of a digit
    start = (low + np.round((middle - low) / step) * step).clip(low, high).tolist()

    def near(point):
        return np.hypot(*((codes - point) / (high - low)).T) < 0.02

    first, second = np.transpose([low, high, step]).tolist()
    return plane_explorer(picture, plane, digit, decode, labels, near, start,
                          {"first": ("code c₁", *first), "second": ("code c₂", *second)})
