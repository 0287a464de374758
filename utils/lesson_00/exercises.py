"""Lesson 0 · Start here."""

import numpy as np

from utils.data import to_unit_range
from utils.exercises.engine import Exercise, Mistake


def _images():
    """Return arrays of grey values with and without white in them; the last two hold whole images."""
    random = np.random.default_rng(0)
    return [
        (np.array([51, 100, 204], np.uint8),),
        (np.array([[0, 17, 34], [85, 119, 255]], np.uint8),),
        (random.integers(3, 240, (28, 28), np.uint8),),
        (random.integers(0, 256, (4, 28, 28), np.uint8),),
    ]


def _mistakes(message, *functions):
    """Return a mistake with this message for each of the functions, whose answers are cast to float32."""
    return [Mistake(message, lambda images, function=function: function(images).astype(np.float32))
            for function in functions]


EXERCISES = (
    Exercise(identifier="0.1", reference=to_unit_range, cases=_images, dtype="float32", mistakes=(
        *_mistakes("every number is a little too small. There are 256 grey values, but which number is white?",
                   lambda images: images / 256),
        *_mistakes("the numbers still lie in 0..255. A new type does not change them: what turns white into 1?",
                   lambda images: images),
        *_mistakes("the fractions are gone, so every pixel is 0 or 1. Whole numbers and `//` cannot hold them.",
                   lambda images: images // 255),
        *_mistakes("only black and white are left, 0 and 1. The greys between them should become fractions.",
                   lambda images: images > 127, lambda images: images > 128, lambda images: images >= 127,
                   lambda images: images > 0),
        *_mistakes("the same grey becomes another number in another image, since you divide by what happens to be in "
                   "the image. Divide by the number that stands for white.", lambda images: images / images.max(),
                   lambda images: np.array([image / max(image.max(), 1) for image in images]),
                   lambda images: images / images.sum(axis=-1, keepdims=True).clip(1)),
        *_mistakes("the numbers lie in [-1, 1]. Some networks want that range, but here black should stay 0.",
                   lambda images: images / 127.5 - 1),
        *_mistakes("the numbers are rounded: 256 grey values should give 256 different numbers.",
                   *(lambda images, digits=digits: np.round(images / 255, digits) for digits in (1, 2, 3))),
        *_mistakes("float16 keeps only three digits of each number; float32 is wanted.",
                   lambda images: (images / 255).astype(np.float16)),
        *_mistakes("the scale is bent. Twice the grey should become twice the number: one division does that.",
                   lambda images: 1 / (1 + np.exp(-images.astype(np.float32))),
                   lambda images: np.log1p(images.astype(np.float32)) / np.log(256),
                   *(lambda images, power=power: (images / 255)**power for power in (2.2, 1 / 2.2))),
        *_mistakes("a type of 8 bits wraps round: the sum or product was computed, or cast, in one, where there is "
                   "nothing above 255 (uint8) or 127 (int8). Make the array float32 first.",
                   lambda images: images * np.uint8(2) / 510, lambda images: (images + np.uint8(1)) / 256,
                   lambda images: images.astype(np.int8) / 255),
    ), hints=(
        "A `uint8` is a whole number from 0 (black) to 255 (white). Black should stay 0 and white become 1. One "
        "operation does that for the whole array at once, without a loop.",
        "Mind the type: a `uint8` array divided by a Python number becomes `float64`, which takes twice the memory "
        "of the `float32` that networks compute in.",
        "Two steps: turn the array into `np.float32` with its method `astype`, then divide by the number that "
        "stands for white.",
    )),
)
