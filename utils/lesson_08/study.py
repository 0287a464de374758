"""What only lesson 8 computes: the best discriminator, moments of the tiny game, a generator of averaged weights."""

import numpy as np
from keras import ops


def optimal_discriminator(real_density, fake_density):
    """Return the probability of "real" that the best possible discriminator gives.

    The densities, floats or arrays of one shape, are taken at the same points, and not both zero (Goodfellow et al.,
    2014, proposition 1).
    """
    both = real_density + fake_density
    return real_density / both


def snapshot(game):
    """Return 4,000 numbers that a tiny GAN draws, and its D(x) at 161 points, for `pictures.game_frames`."""
    latents = np.random.default_rng(9).normal(size=(4000, 1)).astype("float32")
    x = np.linspace(-4, 4, 161, dtype="float32")
    return game.generator(latents).numpy()[:, 0], ops.sigmoid(game.discriminator(x[:, None])).numpy()[:, 0]


def draw_with_averaged_weights(gan):
    """Put the averaged weights into the generator, and renew the statistics of its batch normalisation.

    Sixty batches of 500 latents in training mode move the moving averages to what the new weights give.
    """
    gan.generator_optimizer.finalize_variable_values(gan.generator.trainable_variables)
    for _ in range(60):
        gan.generator(gan.latents(500), training=True)
