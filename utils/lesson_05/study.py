"""What only lesson 5 computes: principal components as an autoencoder, and the deep one."""

import keras
import numpy as np
from keras import layers


def build_autoencoder(code_size, widths=(128, 128)):
    """Return three networks: encoder, images (batch, 784) → codes; decoder, codes → images; and both in a row.

    Hidden layers have SiLUs. Nothing bounds a code (batch, code_size); images come back in [0, 1], by a sigmoid. The
    third network shares the weights of the other two, so that training it trains both.

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
    """Return images (batch, pixels) rebuilt from the mean and their first k principal components alone.

    Nothing is clipped: values may lie outside the images' range.

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


def _require_components(images, mean, components, k):
    shapes = np.shape(images), np.shape(mean), np.shape(components)
    if not (len(shapes[0]) == len(shapes[2]) == 2 and shapes[1] == shapes[0][1:] == shapes[2][1:]):
        raise ValueError("pca_reconstruct wants images (batch, pixels), a mean (pixels,) and components (count, "
                         f"pixels), but got {shapes[0]}, {shapes[1]} and {shapes[2]}. Flatten images first.")
    if not 0 <= k <= shapes[2][0]:
        raise ValueError(f"pca_reconstruct wants k from 0 to the number of components, {shapes[2][0]}, but got {k}.")
