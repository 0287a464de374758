"""What a trained VAE is good for: strange images found, hidden pixels filled in, noise removed, bits counted.

Images are float32 rows of zeros and ones. Scores and likelihoods are in nats per image, code lengths in bits.
"""

import io
import math
import zlib
from typing import NamedTuple

import numpy as np
import tensorflow as tf
from keras import ops
from PIL import Image
from scipy.stats import rankdata

from utils.losses import bernoulli_log_likelihood, kl_to_standard_normal
from utils.models import reparameterise


class RocCurve(NamedTuple):
    """Rates of alarms in [0, 1] at every threshold, from none to all: arrays of shape (points,)."""

    false_positive_rate: np.ndarray
    true_positive_rate: np.ndarray


def anomaly_score(encoder, decoder, images, noise):
    """Return how strange the model finds each image: minus its ELBO, averaged over several draws, in nats.

    Args:
        encoder: images (n, pixels) → mean and log variance, each (n, latent_dim).
        decoder: latents (n, latent_dim) → logits (n, pixels).
        images: array or tensor of shape (n, pixels), zeros and ones.
        noise: array of shape (draws, n, latent_dim), from N(0, I): one latent for each draw and image.

    Returns:
        Tensor of shape (n,): high for images that the model finds improbable.

    Raises:
        ValueError: if the noise has another shape.

    Source: An and Cho (2015) for VAEs that look for anomalies.
    """
    mean, log_variance = encoder(images)
    if len(np.shape(noise)) != 3 or np.shape(noise)[1:] != tuple(mean.shape):
        raise ValueError(f"anomaly_score wants noise of shape (draws, {', '.join(map(str, mean.shape))}), but got "
                         f"{np.shape(noise)}. Draw it for each image and latent dimension.")
    log_likelihoods = [bernoulli_log_likelihood(images, decoder(reparameterise(mean, log_variance, draw)))
                       for draw in noise]
    return kl_to_standard_normal(mean, log_variance) - sum(log_likelihoods) / len(log_likelihoods)


def score_images(score, encoder, decoder, images, draws=4, seed=0, block=1_000):
    """Return the scores of many images, blockwise, with noise of its own for each image and draw.

    Args:
        score: function of (encoder, decoder, images, noise) that returns a score for each image: `anomaly_score`.
        encoder, decoder: as for `anomaly_score`.
        images: array of shape (n, pixels), zeros and ones.
        draws: latents for each image.
        seed: of the noise; the same seed and block give the same scores.
        block: images at a time; 1,000 need about 100 MB with the networks of lesson 7.

    Returns:
        float32 array of shape (n,).

    Raises:
        ValueError: if the images are no rows, or there is no draw.
    """
    if np.ndim(images) != 2 or not len(images):
        raise ValueError(f"score_images wants images of shape (n, pixels), but got {np.shape(images)}. Flatten them.")
    if draws < 1:
        raise ValueError(f"score_images wants at least 1 draw, but got {draws}.")
    random, scores = np.random.default_rng(seed), []
    latent_dim = encoder(images[:1])[0].shape[-1]
    for first in range(0, len(images), block):
        part = images[first:first + block]
        noise = random.standard_normal((draws, len(part), latent_dim), np.float32)
        scores.append(ops.convert_to_numpy(score(encoder, decoder, part, noise)))
    return np.concatenate(scores)


def roc_auc(scores, labels):
    """Return the area under the ROC curve: how often an anomaly scores above a normal image, ties counting one half.

    By ranks: the sum of the anomalies' ranks, less the smallest that it can be, is the number of pairs of an anomaly
    and a normal image in which the anomaly scores higher.

    Args:
        scores: array of shape (n,), high for images that are suspected.
        labels: array of shape (n,), 1 for an anomaly and 0 for a normal image, some of each.

    Returns:
        float in [0, 1]: 0.5 for a score that says nothing.

    Raises:
        ValueError: if shapes or values do not fit, or one kind is missing.

    Source: Mann and Whitney (1947); Hanley and McNeil (1982).
    """
    scores, anomalous = _require_scores("roc_auc", scores, labels)
    anomalies, normals = np.sum(anomalous), np.sum(~anomalous)
    pairs_won = rankdata(scores)[anomalous].sum() - anomalies * (anomalies + 1) / 2
    return float(pairs_won / (anomalies * normals))


def roc_curve(scores, labels):
    """Return the ROC curve: the rates of false and of true alarms at every threshold.

    Args:
        scores, labels: as for `roc_auc`.

    Returns:
        RocCurve: one point for each distinct score, from the highest on, after (0, 0); the last is (1, 1). The area
        under its straight lines is `roc_auc`.

    Raises:
        ValueError: if shapes or values do not fit, or one kind is missing.

    Source: Fawcett (2006).
    """
    scores, anomalous = _require_scores("roc_curve", scores, labels)
    order = np.argsort(-scores, kind="stable")
    last_of_its_score = np.append(np.diff(scores[order]) != 0, True)
    rates = [np.append(0, np.cumsum(kind[order])[last_of_its_score]) / kind.sum() for kind in (~anomalous, anomalous)]
    return RocCurve(*rates)


def search_latents(objective, starts, steps=200, learning_rate=0.05):
    """Return the latents that a search with Adam finds, climbing the objective from each start.

    Each row searches for itself. The learning rate falls to 0 along half a cosine, so that the search comes to rest.
    The search finds a summit near its start, not the highest of all: try several starts.

    Args:
        objective: function of latents (n, latent_dim) that returns a number for each row, (n,), to be made large.
        starts: array of shape (n, latent_dim); up to about 2,000 rows at a time.
        steps: how often the gradient is followed.
        learning_rate: Adam's first one: about how far a latent moves in a step.

    Returns:
        Tensor of shape (n, latent_dim).

    Raises:
        ValueError: if the starts are no rows, or the objective returns anything but a number a row.

    Source: Kingma and Ba (2015) for Adam.
    """
    starts = tf.convert_to_tensor(starts, tf.float32)
    if len(starts.shape) != 2:
        raise ValueError(f"search_latents wants starts of shape (n, latent_dim), but got {tuple(starts.shape)}. Give a "
                         "single start a first axis of 1.")

    def climb(step, latents, average, average_square):
        with tf.GradientTape() as tape:
            tape.watch(latents)
            heights = objective(latents)
            if tuple(heights.shape) != (starts.shape[0],):
                raise ValueError("search_latents wants an objective that returns a number a row, "
                                 f"({starts.shape[0]},), but got {tuple(heights.shape)}. Sum over pixels and latents, "
                                 "not over the rows.")
        slope = tape.gradient(heights, latents, unconnected_gradients="zero")
        average = 0.9 * average + 0.1 * slope
        average_square = 0.99 * average_square + 0.01 * ops.square(slope)
        time = ops.cast(step + 1, "float32")
        rate = 0.5 * learning_rate * (1 + ops.cos(math.pi * (time - 1) / steps))
        slope = average / (1 - 0.9**time)
        latents += rate * slope / (ops.sqrt(average_square / (1 - 0.99**time)) + 1e-8)
        return step + 1, latents, average, average_square

    @tf.function(autograph=False)
    def search():
        return tf.while_loop(lambda step, *_: step < steps, climb,
                             (tf.constant(0), starts, tf.zeros_like(starts), tf.zeros_like(starts)))[1]

    return search.get_concrete_function()()  # each objective is traced once: a call would be warned of as retracing


def inpaint(decoder, images, visible, starts, search=search_latents):
    """Return the images with their hidden pixels filled in by the model, from latents that explain the visible ones.

    The search climbs log p(visible pixels | z) + log p(z). Other starts can end at other latents, and so at other
    pictures that go with the same visible pixels.

    Args:
        decoder: latents (n, latent_dim) → logits (n, pixels).
        images: tensor of shape (n, pixels), zeros and ones; what it holds at hidden pixels is not looked at.
        visible: tensor of shape (n, pixels), 1 for visible pixels and 0 for hidden ones.
        starts: tensor of shape (n, latent_dim), latents at which the search begins.
        search: function of an objective, latents (n, latent_dim) → (n,), and of starts that returns latents.

    Returns:
        Tensor of shape (n, pixels): the visible pixels as they are, for the hidden ones their probabilities.
    """
    def log_joint(latents):
        logits = decoder(latents)
        log_likelihood = ops.sum(visible * (images * logits - ops.softplus(logits)), axis=-1)
        return log_likelihood - 0.5 * ops.sum(ops.square(latents), axis=-1)

    probabilities = ops.sigmoid(decoder(search(log_joint, starts)))
    return visible * images + (1 - visible) * probabilities


def hidden_pixel_sampler(encoder, decoder, steps=24):
    """Return a function that draws pictures from the model, given the visible pixels of images.

    A chain goes to and fro: the encoder reads the picture and proposes latents, the decoder draws its hidden pixels
    anew. The first half of the steps takes every proposal. In the second half the Metropolis rule decides, which makes
    p(hidden pixels | visible pixels) the distribution at which the chains settle, were there steps enough.

    Args:
        encoder: images (n, pixels) → mean and log variance, each (n, latent_dim).
        decoder: latents (n, latent_dim) → logits (n, pixels).
        steps: of each chain.

    Returns:
        Function of (images, visible, starts, seed), compiled at its first call: zeros and ones (n, pixels), of which
        only the visible pixels are looked at; 1 for visible and 0 for hidden, (n, pixels); pictures whose hidden
        pixels the chains start with, (n, pixels); an integer. It returns a tensor (n, pixels), one chain a row: the
        visible pixels as they are, for the hidden ones the probabilities of the last latent.

    Source: Rezende, Mohamed and Wierstra (2014) for the chain; Mattei and Frellsen (2018) for the rule.
    """
    def log_ratio(picture, latents, logits, mean, log_variance):
        """Return log p(picture, z) - log q(z | picture) of each row, up to a constant of z."""
        log_proposal = -0.5 * ops.sum(ops.square(latents - mean) * ops.exp(-log_variance), axis=-1)
        log_prior = -0.5 * ops.sum(ops.square(latents), axis=-1)
        return bernoulli_log_likelihood(picture, logits) + log_prior - log_proposal

    @tf.function(autograph=False, reduce_retracing=True)
    def sample(images, visible, starts, seed):
        def renew(step, picture, latents, logits):
            mean, log_variance = encoder(picture)
            random = [tf.stack([seed, 3 * step + each]) for each in range(3)]
            proposed = reparameterise(mean, log_variance, tf.random.stateless_normal(tf.shape(mean), random[0]))
            their_logits = decoder(proposed)
            gain = (log_ratio(picture, proposed, their_logits, mean, log_variance)
                    - log_ratio(picture, latents, logits, mean, log_variance))
            coins = tf.random.stateless_uniform(tf.shape(gain), random[1])
            taken = tf.logical_or(ops.log(coins) < gain, step < steps // 2)[:, None]
            latents, logits = tf.where(taken, proposed, latents), tf.where(taken, their_logits, logits)
            coins = tf.random.stateless_uniform(tf.shape(logits), random[2])
            picture = visible * images + (1 - visible) * ops.cast(coins < ops.sigmoid(logits), "float32")
            return step + 1, picture, latents, logits

        picture = visible * images + (1 - visible) * starts
        latents = encoder(picture)[0]
        logits = tf.while_loop(lambda step, *_: step < steps, renew,
                               (tf.constant(0), picture, latents, decoder(latents)))[3]
        return visible * images + (1 - visible) * ops.sigmoid(logits)

    return lambda images, visible, starts, seed: sample(
        *(tf.convert_to_tensor(each, tf.float32) for each in (images, visible, starts)), tf.constant(seed))


def denoise(decoder, images, flip, starts, search=search_latents):
    """Return clean pictures of images in which each pixel was flipped with a known probability.

    The search climbs log p(noisy image | z) + log p(z), where a noisy pixel is 1 with probability
    (1 - flip) p + flip (1 - p) if the clean one is with probability p.

    Args:
        decoder, starts, search: as for `inpaint`.
        images: array of shape (n, pixels), noisy zeros and ones.
        flip: probability that a pixel was flipped, above 0 and below 0.5.

    Returns:
        Tensor of shape (n, pixels), the probability of each clean pixel.

    Raises:
        ValueError: if `flip` is out of range.
    """
    _require_flip("denoise", flip, lowest=1e-9)
    stayed, flipped = math.log(1 - flip), math.log(flip)

    def log_joint(latents):
        logits = decoder(latents)
        # log((1 - flip) exp(l) + flip) for a noisy 1, log(1 - flip + flip exp(l)) for a noisy 0, less log(1 + exp(l))
        log_pixels = ops.where(images > 0.5, ops.logaddexp(logits + stayed, flipped),
                               ops.logaddexp(logits + flipped, stayed)) - ops.softplus(logits)
        return ops.sum(log_pixels, axis=-1) - 0.5 * ops.sum(ops.square(latents), axis=-1)

    return ops.sigmoid(decoder(search(log_joint, starts)))


def flip_pixels(images, flip, seed=None):
    """Return images in which each pixel was flipped, 0 to 1 or 1 to 0, with a probability.

    Args:
        images: array of zeros and ones, any shape.
        flip: the probability, from 0 to below 0.5.
        seed: an integer for the same flips every time; None for fresh ones.

    Returns:
        float32 array of zeros and ones, same shape.

    Raises:
        ValueError: if `flip` is out of range.
    """
    _require_flip("flip_pixels", flip, lowest=0)
    flips = np.random.default_rng(seed).random(np.shape(images)) < flip
    return np.abs(np.asarray(images, np.float32) - flips)


def bits_per_image(elbo):
    """Return the bits that a code made from the model needs for each image: minus the ELBO, in bits.

    Args:
        elbo: in nats per image, a number or an array of any shape.

    Returns:
        float or array of the same shape.

    Source: Hinton and van Camp (1993) for the code, which takes back bits; MacKay (2003) for code lengths.
    """
    return -elbo / math.log(2)


def png_bits(images):
    """Return the bits of each image as a PNG file of its own, one bit a pixel before compression.

    Args:
        images: array of shape (n, 784), zeros and ones.

    Returns:
        int64 array of shape (n,).

    Raises:
        ValueError: if the images are not rows of zeros and ones.
    """
    def bits(image):
        file = io.BytesIO()
        Image.fromarray(image).save(file, format="png", optimize=True)
        return 8 * file.tell()

    return np.array([bits(image) for image in _require_binary("png_bits", images).reshape(-1, 28, 28)])


def zlib_bits(images):
    """Return the bits of each image when its pixels, eight to a byte, are compressed by zlib on their own.

    Args:
        images: array of shape (n, 784), zeros and ones.

    Returns:
        int64 array of shape (n,).

    Raises:
        ValueError: if the images are not rows of zeros and ones.
    """
    packed = np.packbits(_require_binary("zlib_bits", images), axis=-1)
    return np.array([8 * len(zlib.compress(row.tobytes(), 9)) for row in packed])


def shared_bits(images, compress):
    """Return the bits per image when all images are packed, eight pixels to a byte, and compressed as one file.

    Args:
        images: array of shape (n, 784), zeros and ones.
        compress: function of bytes that returns bytes, such as `zlib.compress` or `lzma.compress`.

    Returns:
        float.

    Raises:
        ValueError: if the images are not rows of zeros and ones.
    """
    packed = np.packbits(_require_binary("shared_bits", images), axis=-1)
    return 8 * len(compress(packed.tobytes())) / len(packed)


def _require_scores(caller, scores, labels):
    """Return scores as float64 and whether each is an anomaly's."""
    scores, labels = np.asarray(scores, np.float64), np.asarray(labels)
    if scores.ndim != 1 or scores.shape != labels.shape:
        raise ValueError(f"{caller} wants scores and labels of shape (n,), but got {scores.shape} and {labels.shape}.")
    if not np.all(np.isfinite(scores)):
        raise ValueError(f"{caller} wants finite scores, but got NaN or infinity. Look at the model that gave them.")
    if set(np.unique(labels)) != {0, 1}:
        raise ValueError(f"{caller} wants labels 0 (normal) and 1 (anomaly), some of each, but got "
                         f"{np.unique(labels)[:5]}. Compare the digits with the one held out.")
    return scores, labels == 1


def _require_flip(caller, flip, lowest):
    if not lowest <= flip < 0.5:
        raise ValueError(f"{caller} wants a probability of flips below 0.5{' and above 0' * (lowest > 0)}, but got "
                         f"{flip}. Above one half, swap black and white first.")


def _require_binary(caller, images):
    """Return images as rows of booleans."""
    images = np.asarray(images)
    if images.ndim != 2 or images.shape[1] != 784 or not len(images):
        raise ValueError(f"{caller} wants images of shape (n, 784), but got {images.shape}. Flatten them.")
    if not np.all((images == 0) | (images == 1)):
        raise ValueError(f"{caller} wants images of zeros and ones, but got values from {images.min():.4g} to "
                         f"{images.max():.4g}. Binarise them.")
    return images == 1
