"""What only lesson 5 computes: principal components as an autoencoder, the deep one, and what its codes are like."""

import keras
import numpy as np
from keras import layers


def build_autoencoder(code_size, widths=(128, 128)):
    """Return encoder (images (batch, 784) → codes), decoder, and both in a row.

    The decoder turns codes into images. Hidden layers have SiLUs. Nothing bounds a code (batch, code_size); images come
    back in [0, 1], by a sigmoid. The third network shares the weights of the other two: training it trains both.

    Args:
        code_size: how many numbers an image is squeezed into.
        widths: of the encoder's hidden layers; the decoder has them in reverse.
    """
    images, codes = keras.Input((784,)), keras.Input((code_size,))
    hidden = images
    for width in widths:
        hidden = layers.Dense(width, activation="silu")(hidden)
    encoder = keras.Model(images, layers.Dense(code_size, name="code")(hidden), name="encoder")
    hidden = codes
    for width in reversed(widths):
        hidden = layers.Dense(width, activation="silu")(hidden)
    decoder = keras.Model(codes, layers.Dense(784, activation="sigmoid", name="image")(hidden), name="decoder")
    return encoder, decoder, keras.Model(images, decoder(encoder(images)), name="autoencoder")


def pca_reconstruct(images, mean, components, k):
    """Return images (batch, pixels) rebuilt from their first k principal components.

    The mean is added again. Nothing is clipped: values may lie outside the images' range.

    Args:
        mean: (pixels,), of the images that the components were computed from.
        components: (count, pixels), one component a row: orthonormal, the most important first.
        k: how many of them to keep.

    Source: Pearson (1901).
    """
    _require_components(images, mean, components, k)
    kept = components[:k]
    codes = (images - mean) @ kept.T
    return codes @ kept + mean


def find_what_is_missing():
    """Return the numbers of the three missing parts."""
    return 2, 4, 6


def with_error(values, digits=1):
    """Return the average of values with its standard error, in words, five characters wide at least."""
    return f"{np.mean(values):5.{digits}f} ± {np.std(values) / np.sqrt(len(values)):.{digits}f}"


def box_around(codes):
    """Return (left, right, bottom, top) of the rectangle between the half and 99½ percentiles of codes (n, 2)."""
    return np.percentile(codes, [0.5, 99.5], axis=0).T.ravel()


def grid_over(box, side=12):
    """Return the codes of an even grid over a box, (side², 2), row by row from the top left."""
    left, right, bottom, top = box
    first, second = np.meshgrid(np.linspace(left, right, side), np.linspace(top, bottom, side))
    return np.stack([first.ravel(), second.ravel()], axis=-1)


def try_listings(listings, images, chosen):
    """Print the error of several autoencoders, and return their pictures and how often their units answer.

    Args:
        listings: dictionary of name → (encoder, decoder).
        images: (n, 784) in [0, 1].
        chosen: numbers of the images whose copies are wanted.

    Returns:
        A list of copies and of as many images drawn from N(0, I), two arrays for each autoencoder; and a dictionary of
        name → the share of images for which each unit of the code is not 0.
    """
    pictures, activity = [], {}
    for name, (encoder, decoder) in listings.items():
        codes = encoder.predict(images, batch_size=500, verbose=0)
        copies = decoder.predict(codes, batch_size=500, verbose=0)
        noise = np.random.default_rng(0).normal(size=(len(chosen), codes.shape[1])).astype("float32")
        pictures += [copies[chosen], np.asarray(decoder(noise))]
        activity[name] = np.mean(codes != 0, axis=0)
        print(f"{name:19} squared error {np.mean(np.sum((images - copies) ** 2, axis=1)):5.1f}")
    return pictures, activity


def _require_components(images, mean, components, k):
    shapes = np.shape(images), np.shape(mean), np.shape(components)
    if not (len(shapes[0]) == len(shapes[2]) == 2 and shapes[1] == shapes[0][1:] == shapes[2][1:]):
        raise ValueError("pca_reconstruct wants images (batch, pixels), a mean (pixels,) and components (count, "
                         f"pixels), but got {shapes[0]}, {shapes[1]} and {shapes[2]}. Flatten images first.")
    if not 0 <= k <= shapes[2][0]:
        raise ValueError(f"pca_reconstruct wants k from 0 to the number of components, {shapes[2][0]}, but got {k}.")
