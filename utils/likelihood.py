"""How probable a model finds an image: log p(x) by quadrature and by importance sampling, and the exact posterior.

Everything is in nats per image, of images of zeros and ones. What says "grid" needs two latent dimensions.
"""

import math
import os
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
import tensorflow as tf
from keras import ops

from utils.losses import log_likelihood_of_pairs

# Blocks keep a matrix of scores at 16 MB: near the processor's caches, and small for any number of images.
GRID_BLOCK, IMAGE_BLOCK = 4_000, 1_000


class ImportanceEstimate(NamedTuple):
    """An estimate of log p(x) by importance sampling, one value an image: arrays of shape (n,)."""

    log_marginal: np.ndarray
    standard_error: np.ndarray
    effective_sample_size: np.ndarray


def latent_grid(points_per_side=201, extent=5.0):
    """Return a square grid over the latent plane with the prior's log-probability of each cell.

    The second axis varies slowest: reshaped to (points_per_side, points_per_side), rows are the second latent
    axis from -extent to extent, columns the first.

    Returns:
        grid: float32 (points_per_side**2, 2).
        log_weights: float32 (points_per_side**2,), log N(z; 0, I) + log(cell area); exp of it sums to one.
    """
    axis = np.linspace(-extent, extent, points_per_side)
    grid = np.stack(np.meshgrid(axis, axis), axis=-1).reshape(-1, 2)
    log_density = -0.5 * np.sum(grid**2, axis=-1) - math.log(2 * math.pi)
    log_cell_area = 2 * math.log(axis[1] - axis[0])
    return grid.astype(np.float32), (log_density + log_cell_area).astype(np.float32)


def log_marginal_on_grid(log_likelihoods, log_weights):
    """Return log p(x) = log sum_g exp(log w_g + log p(x | z_g)) of each image, in nats.

    Args:
        log_likelihoods: tensor of shape (n, points), log p(x | z_g).
        log_weights: tensor of shape (points,), the prior's log-probability of each point's cell.
    """
    return ops.logsumexp(log_likelihoods + log_weights, axis=-1)


def posterior_on_cells(log_likelihoods, log_weights):
    """Return the posterior's probability of each grid cell, by Bayes' rule: (n, points), where each row sums to one.

    Arguments as for `log_marginal_on_grid`. Divided by the cell's area it is a density.
    """
    return ops.softmax(log_likelihoods + log_weights, axis=-1)


def log_marginal_by_quadrature(decoder, images, points_per_side=201, extent=5.0):
    """Return the exact log p(x) of each image under a decoder of two latents, in nats.

    The integral over the latent plane becomes a sum over a grid, exact to rounding where a posterior is smooth
    and wider than a cell (0.05 by default). A single image whose posterior is narrower can come out some tenths
    of a nat too high or too low, and one whose posterior lies at the grid's edge a tenth too low; over a test set
    both average out to a hundredth for a VAE. Decoders trained by the integral have narrower posteriors: the default
    grid is a tenth too low on average. Compare with twice the points and a larger extent to see it.

    Args:
        decoder: callable, latents (batch, 2) to logits (batch, pixels).
        images: array of shape (n, pixels), zeros and ones.
        points_per_side, extent: the grid has points_per_side**2 points in [-extent, extent]**2.
    """
    images = require_binary_rows("log_marginal_by_quadrature", images)
    grid, log_weights = latent_grid(points_per_side, extent)
    log_marginal = np.full(len(images), -np.inf)
    for points in blocks(len(grid), GRID_BLOCK):
        logits = decode_plane("log_marginal_by_quadrature", decoder, grid[points], images)
        for rows in blocks(len(images), IMAGE_BLOCK):
            part = _log_marginal_of_block(images[rows], logits, log_weights[points])
            log_marginal[rows] = np.logaddexp(log_marginal[rows], part)
    return log_marginal


def log_likelihood_on_grid(decoder, images, points_per_side=201, extent=5.0):
    """Return log p(x | z) of each image at each point of `latent_grid`, in nats: float32 (n, points_per_side**2).

    For up to about a thousand images: one takes 160 kB on the default grid. Arguments as for
    `log_marginal_by_quadrature`.
    """
    images = require_binary_rows("log_likelihood_on_grid", images)
    grid, _ = latent_grid(points_per_side, extent)
    log_likelihoods = np.empty((len(images), len(grid)), np.float32)
    for points in blocks(len(grid), GRID_BLOCK):
        logits = decode_plane("log_likelihood_on_grid", decoder, grid[points], images)
        log_likelihoods[:, points] = log_likelihood_of_pairs(images, logits)
    return log_likelihoods


def posterior_on_grid(decoder, images, points_per_side=201, extent=5.0):
    """Return the exact posterior density p(z | x) of each image over the latent plane.

    Arguments as for `log_marginal_by_quadrature`. The result is float32 (n, points_per_side, points_per_side): rows
    are the second latent axis, columns the first, both from -extent to extent. Times the cell area, each image's
    densities sum to one.
    """
    _, log_weights = latent_grid(points_per_side, extent)
    log_likelihoods = log_likelihood_on_grid(decoder, images, points_per_side, extent)
    cell_area = (2 * extent / (points_per_side - 1)) ** 2
    density = ops.convert_to_numpy(posterior_on_cells(log_likelihoods, log_weights)) / cell_area
    return density.reshape(-1, points_per_side, points_per_side)


def log_marginal_by_importance_sampling(encoder, decoder, images, samples=500, seed=0):
    """Return an estimate of log p(x) from latents that the encoder proposes, in nats, with its error.

    p(x) = E_q[p(x | z) p(z) / q(z | x)] is estimated without bias; its logarithm therefore comes out too low
    on average. Where q misses the posterior, the error is far larger than the standard error can tell: an
    effective sample size near one warns of it, but a mode that no draw has seen need not lower it.

    Arguments as for `importance_log_weights`, at least 2 samples; the result is that of `importance_estimate`.
    """
    if samples < 2:
        raise ValueError(f"log_marginal_by_importance_sampling wants at least 2 samples, but got {samples}.")
    return importance_estimate(importance_log_weights(encoder, decoder, images, samples, seed))


def importance_estimate(log_weights):
    """Return an estimate of log p(x) from importance weights, in nats, with its error.

    Args:
        log_weights: array of shape (samples, n), log p(x, z) - log q(z) of latents drawn from q: a column an image.

    Returns:
        ImportanceEstimate: log_marginal, the logarithm of the average weight; its standard_error (delta method); and
        effective_sample_size, (sum of w)^2 / sum of w^2, which lies between 1 and `samples`.

    Source: Kish (1965) for the effective sample size; Owen (2013) for its use with importance weights.
    """
    log_weights = np.asarray(log_weights, np.float64)
    if log_weights.ndim != 2 or len(log_weights) < 2:
        raise ValueError("importance_estimate wants log_weights of shape (samples, n) with at least 2 samples, but "
                         f"got {log_weights.shape}. Give those of a single image a second axis of 1.")
    samples = len(log_weights)
    log_sum, log_sum_of_squares = np.logaddexp.reduce(log_weights), np.logaddexp.reduce(2 * log_weights)
    effective_sample_size = np.exp(2 * log_sum - log_sum_of_squares)
    # The relative variance of the mean weight, (S / ESS - 1) / (S - 1), is the variance of its logarithm.
    relative_variance = np.maximum(samples / effective_sample_size - 1, 0) / (samples - 1)
    return ImportanceEstimate(log_sum - math.log(samples), np.sqrt(relative_variance), effective_sample_size)


def log_weights_of_image(decoder, image, mean, log_variance, noise):
    """Return log p(x, z) - log q(z | x) of latents drawn from q for one image, in nats.

    The densities' constants cancel: log p(z) - log q(z | x) is the sum of (e^2 - z^2 + log variance) / 2.

    Args:
        decoder: callable, latents (samples, latent_dim) to logits (samples, pixels).
        image: tensor of shape (pixels,), zeros and ones.
        mean, log_variance: tensors of shape (latent_dim,), the encoder's Gaussian q(z | x).
        noise: tensor of shape (samples, latent_dim), drawn from N(0, I).
    """
    latents = mean + ops.exp(0.5 * log_variance) * noise
    log_likelihood = log_likelihood_of_pairs(image[None], decoder(latents))[0]
    log_ratio = 0.5 * ops.sum(ops.square(noise) - ops.square(latents) + log_variance, axis=-1)
    return log_likelihood + log_ratio


def importance_log_weights(encoder, decoder, images, samples, seed=0):
    """Return the importance weights of latents that the encoder proposes for each image, as logarithms in nats.

    One image at a time, on as many threads as there are cores: 5,000 samples of 50 latents need about 50 MB a thread
    whatever the number of images, and the result 20 MB for 1,000 of them.

    Args:
        encoder: callable, images (batch, pixels) to (mean, log_variance), each (batch, latent_dim).
        decoder: callable, latents (batch, latent_dim) to logits (batch, pixels).
        images: array of shape (n, pixels), zeros and ones.
        samples: latents drawn for each image.
        seed: an integer; the same seed gives the same draws for the same place among the images.

    Returns:
        float32 array of shape (samples, n): log p(x, z) - log q(z | x), a column an image.

    Source: Burda, Grosse and Salakhutdinov (2016), section 5.
    """
    images = require_binary_rows("importance_log_weights", images)
    if samples < 1:
        raise ValueError(f"importance_log_weights wants at least 1 sample, but got {samples}.")
    mean, log_variance = (np.concatenate(parts) for parts in zip(
        *(map(ops.convert_to_numpy, encoder(images[rows])) for rows in blocks(len(images), IMAGE_BLOCK))))

    @tf.function(autograph=False)
    def draw_and_weigh(index, image, mean, log_variance):
        noise = tf.random.stateless_normal((samples, mean.shape[0]), tf.stack([seed, index]))
        return log_weights_of_image(decoder, image, mean, log_variance, noise)

    def weights_of(index):
        arguments = (tf.constant(array[index]) for array in (images, mean, log_variance))
        return draw_and_weigh(tf.constant(index), *arguments).numpy()

    log_weights = np.empty((samples, len(images)), np.float32)
    log_weights[:, 0] = weights_of(0)  # traced before several threads ask for it
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for index, column in enumerate(pool.map(weights_of, range(1, len(images))), start=1):
            log_weights[:, index] = column
    return log_weights


@tf.function(reduce_retracing=True, autograph=False)
def _log_marginal_of_block(images, logits, log_weights):
    return log_marginal_on_grid(log_likelihood_of_pairs(images, logits), log_weights)


def blocks(count, size):
    """Return the slices that cut range(count) into blocks of at most `size`."""
    return [slice(start, min(start + size, count)) for start in range(0, count, size)]


def decode_plane(caller, decoder, latents, images):
    """Return the decoder's logits of a block of planar latents, after checking that they fit the images."""
    latent_dim = getattr(decoder, "input_shape", (None, 2))[-1]
    if latent_dim != 2:
        raise ValueError(f"{caller} wants a decoder of 2 latents, but got one of {latent_dim}: a grid "
                         "needs two. Use log_marginal_by_importance_sampling.")
    logits = decoder(latents)
    if tuple(logits.shape) != (len(latents), images.shape[1]):
        raise ValueError(f"{caller} wants logits of shape {(len(latents), images.shape[1])} from the decoder "
                         f"for latents of shape {latents.shape}, but got {tuple(logits.shape)}.")
    return logits


def require_binary_rows(caller, images):
    """Return images as float32 rows; refuse grey values, whose Bernoulli score is not a likelihood."""
    images = np.asarray(images, np.float32)
    if images.ndim != 2 or len(images) == 0:
        raise ValueError(f"{caller} wants images of shape (n, pixels), but got {images.shape}. "
                         "Flatten them; give a single image a batch axis of 1.")
    if not np.all((images == 0) | (images == 1)):
        raise ValueError(f"{caller} wants images of zeros and ones, but got other values between "
                         f"{images.min():.4g} and {images.max():.4g}. Pass for example binarised_test_set().")
    return images
