"""What only lesson 6 computes: the best Gaussian posterior of an image, its bound, and what a whole VAE reaches."""

import math
from typing import NamedTuple

import numpy as np
import tensorflow as tf
from keras import ops

from utils.likelihood import (
    blocks,
    decode_plane,
    latent_grid,
    log_likelihood_on_grid,
    log_marginal_by_quadrature,
    posterior_on_grid,
    require_binary_rows,
)
from utils.losses import bernoulli_log_likelihood, kl_to_standard_normal


class GaussianPosterior(NamedTuple):
    """A diagonal Gaussian q(z | x) for each image, (n, 2) and (n, 2), and its ELBO in nats, (n,)."""

    mean: np.ndarray
    log_variance: np.ndarray
    elbo: np.ndarray


class Measured(NamedTuple):
    """What a VAE of two latents reaches on images: averages of log p(x | mean) and of its ELBO; log p(x) of each."""

    reconstruction: float
    elbo: float
    log_marginal: np.ndarray


def elbo_of_gaussian(decoder, images, mean, log_variance, nodes_per_side=20):
    """Return the ELBO of a diagonal Gaussian for each image without Monte Carlo noise, in nats: float64 (n,).

    E_q[log p(x | z)] by Gauss-Hermite quadrature: the decoder is evaluated at nodes placed around each mean,
    at the scale of each standard deviation, so that narrow Gaussians are treated as well as wide ones.

    Args:
        decoder: callable, latents (batch, 2) to logits (batch, pixels).
        images: array of shape (n, pixels), zeros and ones.
        mean, log_variance: arrays of shape (n, 2), the Gaussian q(z | x) of each image.
        nodes_per_side: quadrature nodes along each latent axis.
    """
    images = require_binary_rows("elbo_of_gaussian", images)
    mean, log_variance = _require_planar_gaussians("elbo_of_gaussian", images, mean, log_variance)
    return _elbo_and_moments(decoder, images, mean, log_variance, nodes_per_side)[0]


def best_gaussian_posterior(decoder, images, mean, log_variance, steps=12):
    """Return, for each image, the best diagonal Gaussian posterior that two searches find.

    The difference to the exact log p(x) is the approximation gap, that to the encoder's ELBO the amortisation
    gap: log p(x) - ELBO(encoder) = [log p(x) - ELBO(best)] + [ELBO(best) - ELBO(encoder)]. A posterior with
    several modes can hide a better Gaussian from both searches: then the approximation gap comes out too big.

    Args:
        decoder: callable, latents (batch, 2) to logits (batch, pixels).
        images: array of shape (n, pixels), zeros and ones; up to about a thousand.
        mean, log_variance: arrays of shape (n, 2), the encoder's Gaussians, from which one search starts. The
            other starts at the mode of the exact posterior.
        steps: of each search; twelve leave less than 0.01 nats on the course's decoders.

    Returns:
        GaussianPosterior: mean, log_variance, and elbo as `elbo_of_gaussian` gives it: never below that of the
        encoder's Gaussian, nor above log p(x), up to quadrature error. To compare single images, compute
        log p(x) with points_per_side=561 and extent=7: on the default grid its own error can exceed the gap.

    Source: Cremer, Li and Duvenaud (2018) for the two gaps; Khan and Lin (2017) for the search.
    """
    images = require_binary_rows("best_gaussian_posterior", images)
    mean, log_variance = _require_planar_gaussians("best_gaussian_posterior", images, mean, log_variance)
    grid, log_weights = latent_grid()
    posterior = log_likelihood_on_grid(decoder, images) + log_weights
    modes = grid[np.argmax(posterior, axis=-1)].astype(np.float64)
    searches = [_climb(decoder, images, start, log_variance, steps) for start in (mean, modes)]
    means, log_variances = map(np.stack, zip((mean, log_variance), *searches))
    elbos = np.stack([elbo_of_gaussian(decoder, images, *found) for found in zip(means, log_variances)])
    best, rows = np.argmax(elbos, axis=0), np.arange(len(images))
    return GaussianPosterior(means[best, rows], log_variances[best, rows], elbos[best, rows])


def deviation_of_posterior(decoder, images, points_per_side=201, extent=5.0):
    """Return the standard deviation of each image's exact posterior, the root mean square of both axes: (n,).

    Arguments as for `posterior_on_grid`, whose memory it needs: for some tens of images on a grid of 401² points.
    """
    grid, _ = latent_grid(points_per_side, extent)
    density = posterior_on_grid(decoder, images, points_per_side, extent).reshape(len(images), -1).astype(np.float64)
    shares = density / density.sum(axis=1, keepdims=True)
    variances = shares @ np.square(grid, dtype=np.float64) - np.square(shares @ grid)
    return np.sqrt(np.maximum(variances, 0).mean(axis=1))


def measure(model, images, extent):
    """Return what a VAE of two latents reaches on images; the grid of log p(x) ends at `extent` and must hold them."""
    mean, log_variance = map(np.asarray, model.encoder(images))
    return Measured(float(np.mean(bernoulli_log_likelihood(images, model.decoder(mean)))),
                    float(elbo_of_gaussian(model.decoder, images, mean, log_variance).mean()),
                    log_marginal_by_quadrature(model.decoder, images, 401, extent))


def print_figures(figures, truth):
    """Print the average of each figure, a name → (n,) nats, and how far it lies below the exact values `truth`."""
    for name, values in figures.items():
        below = truth - values
        print(f"{name:32} {values.mean():8.2f} nats   below exact: median {np.median(below):5.2f}, "
              f"most {below.max():6.2f}")


def _climb(decoder, images, mean, log_variance, steps):
    """Return each image's (mean, log_variance) after natural-gradient steps up the ELBO, (n, 2) each.

    A full step is Newton's: it lands on the optimum where log p(x | z) is quadratic. A step that lowers an image's
    ELBO is not taken, and the next is shorter.
    """
    elbo, *moments = _elbo_and_moments(decoder, images, mean, log_variance)
    size = np.full((len(images), 1), 0.5)
    for _ in range(steps):
        slope, curvature = moments
        precision = np.exp(-log_variance)
        # Where log p(x | z) curves upwards no Gaussian is the optimum: widen, but at most fourfold.
        new_precision = (1 - size) * precision + size * np.maximum(1 - curvature, precision / 4)
        new_mean = mean + size * (slope - mean) / new_precision
        new_log_variance = -np.log(new_precision)
        new_elbo, *new_moments = _elbo_and_moments(decoder, images, new_mean, new_log_variance)
        better = (new_elbo > elbo)[:, None]
        elbo = np.maximum(new_elbo, elbo)
        mean = np.where(better, new_mean, mean)
        log_variance = np.where(better, new_log_variance, log_variance)
        moments = [np.where(better, new, old) for new, old in zip(new_moments, moments)]
        size = np.where(better, np.minimum(2 * size, 1), size / 4)
    return mean, log_variance


def _elbo_and_moments(decoder, images, mean, log_variance, nodes_per_side=6):
    """Return each image's ELBO (n,), and the mean slope and curvature of log p(x | z) under q, (n, 2) each.

    For a Gaussian both are averages of values (Stein's lemma): with e the standardised latent, E[f'] = E[f e] / sd
    and E[f''] = E[f (e^2 - 1)] / variance.
    """
    points, weights = np.polynomial.hermite_e.hermegauss(nodes_per_side)
    nodes = np.stack(np.meshgrid(points, points), axis=-1).reshape(-1, 2)
    weights = np.outer(weights, weights).ravel() / (2 * math.pi)
    kept = weights > 1e-7  # far corners: a log-likelihood thousands of nats away would still weigh below 0.001
    nodes, weights = nodes[kept], weights[kept] / weights[kept].sum()
    deviation = np.exp(log_variance / 2)
    log_likelihoods = np.empty((len(images), len(nodes)))
    for rows in blocks(len(images), max(1, 10_000 // len(nodes))):
        latents = (mean[rows, None] + deviation[rows, None] * nodes).astype(np.float32)
        logits = decode_plane("elbo_of_gaussian", decoder, latents.reshape(-1, 2), images)
        log_likelihoods[rows] = _log_likelihood_of_groups(images[rows], logits)
    expected = log_likelihoods @ weights
    kl = ops.convert_to_numpy(kl_to_standard_normal(mean, log_variance))
    centred = (log_likelihoods - expected[:, None]) * weights  # the constant averages out, but not its rounding
    return expected - kl, centred @ nodes / deviation, centred @ (nodes**2 - 1) / deviation**2


@tf.function(reduce_retracing=True, autograph=False)
def _log_likelihood_of_groups(images, logits):
    """Return log p(x | z) of each image under its own k rows of logits: (n, pixels), (n k, pixels) to (n, k)."""
    count, pixels = ops.shape(images)
    logits = ops.reshape(logits, (count, -1, pixels))
    return ops.matmul(logits, images[:, :, None])[..., 0] - ops.sum(ops.softplus(logits), axis=-1)


def _require_planar_gaussians(caller, images, mean, log_variance):
    """Return both parameters as float64 arrays of shape (n, 2), one row an image."""
    mean, log_variance = np.asarray(mean, np.float64), np.asarray(log_variance, np.float64)
    if mean.shape != (len(images), 2) or log_variance.shape != mean.shape:
        raise ValueError(f"{caller} wants mean and log_variance of shape {(len(images), 2)}, a row for each "
                         f"image, but got {mean.shape} and {log_variance.shape}.")
    if not (np.all(np.isfinite(mean)) and np.all(np.isfinite(log_variance))):
        raise ValueError(f"{caller} wants finite mean and log_variance, but got NaN or infinity. "
                         "Look at the encoder: training may have diverged.")
    return mean, log_variance
