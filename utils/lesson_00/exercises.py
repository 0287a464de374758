"""Lesson 0 · Start here."""

import numpy as np

from utils.data import to_unit_range
from utils.exercises.engine import Exercise, Mistake


def _images():
    random = np.random.default_rng(0)
    return [
        (np.array([51, 102, 204], np.uint8),),
        (np.array([[0, 17, 34], [85, 119, 255]], np.uint8),),
        (random.integers(3, 240, (28, 28), np.uint8),),
        (random.integers(0, 256, (4, 28, 28), np.uint8),),
    ]


EXERCISES = (
    Exercise(identifier="0.1", reference=to_unit_range, cases=_images, dtype="float32", mistakes=(
        Mistake("every number is a little too small. There are 256 grey values, but which number is white?",
                lambda images: images.astype(np.float32) / 256),
        Mistake("the numbers still lie in 0..255. A new type does not change them: what turns white into 1?",
                lambda images: images.astype(np.float32)),
        Mistake("the fractions are gone, so every pixel is 0 or 1. Whole numbers and `//` cannot hold them.",
                lambda images: (images // 255).astype(np.float32)),
        Mistake("you divide by the brightest pixel of the input, so a dim image comes out as bright as any other. "
                "The same grey should become the same number in every image.",
                lambda images: images.astype(np.float32) / images.max()),
        Mistake("the numbers lie in [-1, 1]. Some networks want that range, but here black should stay 0.",
                lambda images: images.astype(np.float32) / 127.5 - 1),
    ), hints=(
        "A `uint8` is a whole number from 0 (black) to 255 (white). Black should stay 0 and white become 1. One "
        "operation does that for the whole array at once, without a loop.",
        "Mind the type: a `uint8` array divided by a Python number becomes `float64`, which takes twice the memory "
        "of the `float32` that networks compute in.",
        "Two steps: turn the array into `np.float32` with its method `astype`, then divide by the number that "
        "stands for white.",
    )),
)
