"""What only lesson 7 computes or builds: what latents carry, where they lie, how noisy gradients are; some networks."""

import math
from typing import NamedTuple

import keras
import numpy as np
import tensorflow as tf
from keras import layers, ops

from utils.data import binarise
from utils.losses import require_same_matrix
from utils.training import LiveView

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
    """Return how many latents are used: those whose mean differs between images.

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


def average_and_error(values):
    """Return the average of values, of images or of seeds, and its standard error."""
    return np.mean(values), np.std(values, ddof=1) / np.sqrt(len(values))


def print_effective_samples(estimate, samples):
    """Print how many samples of an estimate carry the weight, and its standard error were other images drawn."""
    effective, values = estimate.effective_sample_size, estimate.log_marginal
    print(f"effective samples of {samples:,}: median {np.median(effective):.0f}, "
          f"under 10 on {np.sum(effective < 10)} images")
    print(f"standard error, were other images drawn: {values.std() / np.sqrt(len(values)):.2f} nats")


def covered_shares(densities, means, log_variances, extent=5.0):
    """Return the share of each posterior, as `posterior_on_grid` gives it, within four deviations of a Gaussian."""
    axis = np.linspace(-extent, extent, densities.shape[1])
    shares = []
    for density, mean, deviation in zip(densities, np.asarray(means), np.exp(np.asarray(log_variances) / 2)):
        first, second = ((axis - centre) / width for centre, width in zip(mean, deviation))
        shares.append(density[second[:, None] ** 2 + first**2 <= 16].sum() * (axis[1] - axis[0]) ** 2)
    return np.array(shares)


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
    """Return the price in nats when each dimension has `minimum` nats for free.

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


def reconstruct(model, images):
    """Return the pixels' probabilities that a VAE decodes from the means of the images' codes."""
    return ops.sigmoid(model.decoder(model.encoder(images)[0]))


def gallery(model, images, count=18):
    """Return `count` images above their reconstructions in rows of six, and twice as many decoded from 20 latents."""
    back = np.asarray(reconstruct(model, images[:count])).reshape(-1, 6, 784)
    pairs = np.stack([images[:count].reshape(-1, 6, 784), back], axis=1).reshape(-1, 784)
    latents = np.random.default_rng(0).standard_normal((2 * count, 20)).astype("float32")
    return pairs, np.asarray(ops.sigmoid(model.decoder(latents)))


def live_view(images):
    """Return a live view of twelve images above their reconstructions, and of samples of 50 latents from the prior."""
    latents = np.random.default_rng(0).standard_normal((84, 50)).astype("float32")

    def pictures_of(model):
        return ops.concatenate([images[:12], reconstruct(model, images[:12]), ops.sigmoid(model.decoder(latents))])

    return LiveView({"elbo": "ELBO", "log_likelihood": "log-likelihood"}, y="nats per training image",
                    images=pictures_of, columns=12, rows=9, caption="images, reconstructions; drawn from the prior")


def build_slow_decoder(latent_dim=10, widths=(128, 128)):
    """Return a decoder of sigmoid layers: latents (batch, latent_dim) → one logit a pixel, (batch, 784)."""
    latents = keras.Input((latent_dim,))
    hidden = latents
    for width in widths:
        hidden = layers.Dense(width, activation="sigmoid")(hidden)
    return keras.Model(latents, layers.Dense(784, name="logits")(hidden), name="decoder")


def build_conditional_encoder(columns=10, latent_dim=4, width=200):
    """Return a dense encoder of images that have the columns of their label beside them."""
    images = keras.Input((784 + columns,))
    hidden = layers.Dense(width, activation="silu")(images)
    return keras.Model(images, [layers.Dense(latent_dim)(hidden), layers.Dense(latent_dim)(hidden)], name="encoder")


def centred(encoder, average_image):
    """Return the encoder behind a layer that subtracts from each pixel its average over the training set."""
    images = keras.Input((784,))
    return keras.Model(images, encoder(layers.Rescaling(1.0, offset=-average_image)(images)))


def with_log_odds(decoder, average_image):
    """Start the decoder's last biases at each pixel's log-odds in the training set; return the decoder."""
    frequency = np.clip(average_image, 0.001, 0.999)
    decoder.get_layer("logits").bias.assign(np.log(frequency / (1 - frequency)))
    return decoder


def codes_of(encoder, grey_images):
    """Return the means and log variances of the encoder's Gaussians of grey images, binarised on the way."""
    batches = (encoder(binarise(grey_images[first:first + 5000], seed=first))
               for first in range(0, len(grey_images), 5000))
    return [np.concatenate(parts) for parts in zip(*batches)]


def draw_from_codes(mean, log_variance, seed):
    """Return one draw of q(z | x) for each image."""
    noise = np.random.default_rng(seed).standard_normal(mean.shape, "float32")
    return mean + np.exp(log_variance / 2) * noise


def draw_from_prior(count, latent_dim, seed):
    """Return `count` latents from N(0, I), float32 (count, latent_dim)."""
    return np.random.default_rng(seed).standard_normal((count, latent_dim), "float32")


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


def draw_from_fitted_prior(mixture, used, count, seed, latent_dim=50):
    """Return latents whose used dimensions come from a mixture, and the others from N(0, 1)."""
    latents = draw_from_prior(count, latent_dim, seed)
    latents[:, used] = draw_from_mixture(mixture, count, seed)
    return latents


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
