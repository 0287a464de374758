"""What only lesson 7 computes: what each latent carries, where all latents lie, and how noisy gradients are."""

import math
from typing import NamedTuple

import numpy as np
import tensorflow as tf
from keras import ops

from utils.losses import require_same_matrix

FLOOR = 1e-3  # added to the variances of a mixture, so that no component shrinks to a point
BLOCK = 250  # latents that are held against all Gaussians at a time: 55 MB against 55,000 of them


class Mixture(NamedTuple):
    """A mixture of Gaussians: weights (components,), means (components, d), covariances (components, d, d)."""

    weights: np.ndarray
    means: np.ndarray
    covariances: np.ndarray


class SignalToNoise(NamedTuple):
    """The length of the average gradient over the deviation of a single one, for both networks of a VAE."""

    encoder: float
    decoder: float


def active_units(means, threshold=0.01):
    """Return how many latent dimensions an encoder uses: those whose mean differs from image to image.

    A dimension that says nothing about the image has the same mean for all, near the prior's 0.

    Args:
        means: array of shape (n, latent_dim), the means of q(z | x) of at least two images.
        threshold: variance across the images (their average squared deviation) above which a dimension counts.

    Source: Burda, Grosse and Salakhutdinov (2016), section 5.
    """
    means = np.asarray(means)
    if means.ndim != 2 or len(means) < 2:
        raise ValueError("active_units wants means of shape (n, latent_dim) of at least two images, but got "
                         f"{means.shape}. Encode a batch of test images.")
    return int(np.sum(np.var(means, axis=0) > threshold))


def kl_of_each_dimension(mean, log_variance):
    """Return KL(N(mean, exp(log_variance)) || N(0, 1)) of each latent dimension of each example, in nats.

    Args:
        mean, log_variance: tensors of shape (batch, latent_dim).

    Returns:
        Tensor of shape (batch, latent_dim), non-negative; summed over the last axis it is `kl_to_standard_normal`.

    Source: Kingma and Welling (2014), appendix B.
    """
    require_same_matrix("kl_of_each_dimension", mean=mean, log_variance=log_variance)
    return 0.5 * (ops.square(mean) + ops.exp(log_variance) - 1 - log_variance)


def free_bits(kl_of_each_dimension, minimum):
    """Return the price of the latents in nats when each dimension may use `minimum` nats for free.

    The KL of a dimension is averaged over the batch first. A dimension whose average lies below the minimum is charged
    the minimum, so that no gradient pushes it further towards the prior. The sum over the dimensions is a scalar.

    Args:
        kl_of_each_dimension: tensor of shape (batch, latent_dim), as the function of that name returns it.
        minimum: nats for each dimension.

    Source: Kingma et al. (2016), who name it.
    """
    if len(kl_of_each_dimension.shape) != 2:
        raise ValueError("free_bits wants the KL of each dimension, of shape (batch, latent_dim), but got "
                         f"{tuple(kl_of_each_dimension.shape)}. Do not sum over the dimensions before.")
    average = ops.mean(kl_of_each_dimension, axis=0)
    charged = ops.maximum(average, minimum)
    return ops.sum(charged)


def aggregate_log_density(latents, means, log_variances):
    """Return log q(z) of each latent, in nats, where q(z) is the average of the Gaussians of many images.

    Args:
        latents: array of shape (n, d).
        means, log_variances: arrays of shape (images, d), an encoder's Gaussians, all with the same weight.

    Returns:
        float64 array of shape (n,), exact to about a thousandth of a nat.

    Source: Hoffman and Johnson (2016), who call it the average encoding distribution.
    """
    require_same_matrix("aggregate_log_density", means=means, log_variances=log_variances)
    latents, means, log_variances = (np.asarray(each, np.float32) for each in (latents, means, log_variances))
    # -(z - m)^2 / (2 v), summed over the dimensions, is one matrix product of (z^2, z) with (-1 / (2 v), m / v).
    precisions = np.exp(-log_variances)
    factors = np.concatenate([-precisions / 2, means * precisions], axis=1).T
    constants = -0.5 * np.sum(math.log(2 * math.pi) + log_variances + means**2 * precisions, axis=1)
    blocks = (latents[start:start + BLOCK] for start in range(0, len(latents), BLOCK))
    density = [_log_sum_exp(np.concatenate([block**2, block], axis=1) @ factors + constants) for block in blocks]
    return np.concatenate(density).astype(float) - math.log(len(means))


def fit_mixture(latents, components, steps=20, seed=0):
    """Return a mixture of Gaussians with full covariances, fitted to latents by expectation maximisation.

    It begins at components of equal weight that have the latents' own covariance, centred on latents drawn at random.

    Args:
        latents: array of shape (n, d).
        components, steps: how many Gaussians, and how many steps of EM; lesson 4 derives them.
        seed: an integer, of the first centres.

    Source: Dempster, Laird and Rubin (1977).
    """
    latents = np.asarray(latents, float)
    if latents.ndim != 2 or not 1 <= components <= len(latents):
        raise ValueError("fit_mixture wants latents of shape (n, d) and from 1 to n components, but got latents of "
                         f"shape {latents.shape} and {components} components.")
    features, (first, second) = _quadratic_features(latents)
    features = features.astype(np.float32)  # in half the time
    centres = np.random.default_rng(seed).choice(len(latents), components, replace=False)
    covariance = np.atleast_2d(np.cov(latents, rowvar=False))
    mixture = Mixture(np.full(components, 1 / components), latents[centres], np.tile(covariance, (components, 1, 1)))
    for _ in range(steps):
        shares = features @ _factors(mixture).astype(np.float32)
        shares -= shares.max(axis=1, keepdims=True)
        np.exp(shares, out=shares)
        shares /= shares.sum(axis=1, keepdims=True)
        counts = shares.sum(axis=0, dtype=float) + 1e-9
        averages = (shares.T @ features).astype(float) / counts[:, None]
        means = averages[:, len(first):-1]
        covariances = np.empty_like(mixture.covariances)
        covariances[:, first, second] = covariances[:, second, first] = averages[:, :len(first)]
        covariances += FLOOR * np.eye(latents.shape[1]) - means[:, :, None] * means[:, None, :]
        mixture = Mixture(counts / counts.sum(), means, covariances)
    return mixture


def mixture_log_density(mixture, latents):
    """Return the log density of each latent (n, d) under a mixture, in nats: an array of shape (n,)."""
    return _log_sum_exp(_quadratic_features(np.asarray(latents, float))[0] @ _factors(mixture))


def draw_from_mixture(mixture, count, seed):
    """Return `count` draws from a mixture, float32 (count, d); an integer seed gives the same ones every time."""
    random = np.random.default_rng(seed)
    chosen = random.choice(len(mixture.weights), count, p=mixture.weights / mixture.weights.sum())
    roots = np.linalg.cholesky(mixture.covariances)
    noise = random.standard_normal((count, mixture.means.shape[1]))
    return (mixture.means[chosen] + np.einsum("nij,nj->ni", roots[chosen], noise)).astype(np.float32)


def plane_of_classes(means, labels):
    """Return two directions (2, d), at right angles and of length 1, in which the classes' centres scatter most.

    Args:
        means: array of shape (n, d), codes.
        labels: integers of shape (n,), at least three different ones.
    """
    means, labels = np.asarray(means, float), np.asarray(labels)
    centres = np.stack([means[labels == each].mean(axis=0) for each in np.unique(labels)])
    return np.linalg.svd(centres - centres.mean(axis=0), full_matrices=False)[2][:2]


def gradient_signal(model, images, draws):
    """Return how far the gradients of a model's bound stand out of their own noise, at its present weights.

    The same images every time, other latents at every draw. The signal is the length of the average gradient, the noise
    the root of the average squared distance from it, each over all weights of a network; what the noise adds to the
    squared length of an average of so many draws is taken off.

    Args:
        model: a VAE whose call returns {"elbo": bound of each image}, drawn afresh at every call.
        images: array of shape (n, pixels), zeros and ones.
        draws: how many gradients are drawn, at least 2.

    Source: Rainforth et al. (2018), who take the ratio for each weight by itself.
    """
    if draws < 2:
        raise ValueError(f"gradient_signal wants at least 2 draws, but got {draws}: one has no scatter.")
    images, networks = ops.convert_to_tensor(images), (model.encoder, model.decoder)

    @tf.function(autograph=False)
    def draw():
        with tf.GradientTape() as tape:
            bound = ops.mean(model(images)["elbo"])
        gradients = tape.gradient(bound, [network.trainable_variables for network in networks])
        return [tf.concat([tf.reshape(each, [-1]) for each in part], axis=0) for part in gradients]

    sums, squares = [0.0, 0.0], [0.0, 0.0]
    for _ in range(draws):
        for place, gradient in enumerate(draw()):
            gradient = gradient.numpy().astype(float)
            sums[place] = sums[place] + gradient
            squares[place] += gradient @ gradient
    ratios = []
    for total, square in zip(sums, squares):
        noise = (square - total @ total / draws) / (draws - 1)
        ratios.append(math.sqrt(max(total @ total / draws**2 - noise / draws, 0) / noise))
    return SignalToNoise(*ratios)


def _log_sum_exp(table):
    largest = table.max(axis=1, keepdims=True)
    return largest[:, 0] + np.log(np.exp(table - largest).sum(axis=1))


def _quadratic_features(latents):
    """Return all products of two coordinates, the coordinates and 1, in columns; and which two each product is of."""
    first, second = np.triu_indices(latents.shape[1])
    return np.hstack([latents[:, first] * latents[:, second], latents, np.ones((len(latents), 1))]), (first, second)


def _factors(mixture):
    """Return what `_quadratic_features` are multiplied by for log (weight × density) of each component, in columns."""
    precisions, size = np.linalg.inv(mixture.covariances), mixture.means.shape[1]
    first, second = np.triu_indices(size)
    linear = np.einsum("kij,kj->ki", precisions, mixture.means)
    constant = (np.log(mixture.weights) - 0.5 * np.einsum("ki,ki->k", linear, mixture.means)
                - 0.5 * np.linalg.slogdet(mixture.covariances)[1] - 0.5 * size * math.log(2 * math.pi))
    twice = np.where(first == second, 1, 2)  # each product of two different coordinates stands for its mirror image too
    return np.vstack([-0.5 * (precisions[:, first, second] * twice).T, linear.T, constant])
