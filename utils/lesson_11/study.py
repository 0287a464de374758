"""What a trained VAE is good for: strange images found, hidden pixels filled in, noise removed, bits counted.

Images are float32 rows of zeros and ones, (n, pixels). An encoder takes them to mean and log variance, each
(n, latent_dim), a decoder takes latents (n, latent_dim) to logits (n, pixels). Scores and likelihoods are in nats per
image, code lengths in bits.
"""

import bz2
import io
import lzma
import math
import zlib

import numpy as np
import tensorflow as tf
from keras import ops
from PIL import Image
from scipy.ndimage import gaussian_filter
from scipy.stats import rankdata

from utils.data import binarise, flatten, to_unit_range
from utils.evaluation import judge_labels
from utils.likelihood import blocks, require_binary_rows
from utils.losses import bernoulli_log_likelihood, kl_to_standard_normal
from utils.models import reparameterise
from utils.plots import as_squares


def anomaly_score(encoder, decoder, images, noise):
    """Return minus the ELBO of each image, averaged over the draws, in nats.

    These scores, (n,), are high for images that the model finds improbable (An and Cho, 2015). The noise, from N(0, I)
    and of shape (draws, n, latent_dim), makes a latent for each draw and image.
    """
    mean, log_variance = encoder(images)
    if len(np.shape(noise)) != 3 or np.shape(noise)[1:] != tuple(mean.shape):
        raise ValueError(f"anomaly_score wants noise of shape (draws, {', '.join(map(str, mean.shape))}), but got "
                         f"{np.shape(noise)}. Draw it for each image and latent dimension.")
    log_likelihoods = [bernoulli_log_likelihood(images, decoder(reparameterise(mean, log_variance, draw)))
                       for draw in noise]
    return kl_to_standard_normal(mean, log_variance) - sum(log_likelihoods) / len(log_likelihoods)


def score_images(score, encoder, decoder, images, draws=4, seed=0, block=1_000):
    """Return the scores of many images, (n,), blockwise, with noise of its own for each image and draw.

    `score` is a function such as `anomaly_score`. The same seed and block give the same scores; a block of 1,000 images
    needs about 100 MB with the networks of lesson 7.
    """
    if np.ndim(images) != 2 or not len(images):
        raise ValueError(f"score_images wants images of shape (n, pixels), but got {np.shape(images)}. Flatten them.")
    if draws < 1:
        raise ValueError(f"score_images wants at least 1 draw, but got {draws}.")
    random, scores = np.random.default_rng(seed), []
    latent_dim = encoder(images[:1])[0].shape[-1]
    for rows in blocks(len(images), block):
        noise = random.standard_normal((draws, rows.stop - rows.start, latent_dim), np.float32)
        scores.append(ops.convert_to_numpy(score(encoder, decoder, images[rows], noise)))
    return np.concatenate(scores)


def roc_auc(scores, labels):
    """Return the area under the ROC curve; tied scores count one half.

    It says how often an anomaly scores above a normal image. Scores, (n,), are high for images that may be anomalies;
    labels, (n,), are 1 for an anomaly and 0 for a normal image. By ranks (Mann and
    Whitney, 1947; Hanley and McNeil, 1982): the sum of the anomalies' ranks, less the smallest that it can be, is the
    number of pairs of an anomaly and a normal image in which the anomaly scores higher.
    """
    scores, anomalous = _require_scores("roc_auc", scores, labels)
    anomalies, normals = np.sum(anomalous), np.sum(~anomalous)
    pairs_won = rankdata(scores)[anomalous].sum() - anomalies * (anomalies + 1) / 2
    return float(pairs_won / (anomalies * normals))


def roc_curve(scores, labels):
    """Return the ROC curve (Fawcett, 2006): the rates of false and of true alarms at every threshold, each (points,).

    After (0, 0) comes one point for each distinct score, from the highest on; the last is (1, 1). The area under the
    straight lines between them is `roc_auc`, of the same scores and labels.
    """
    scores, anomalous = _require_scores("roc_curve", scores, labels)
    order = np.argsort(-scores, kind="stable")
    last_of_its_score = np.append(np.diff(scores[order]) != 0, True)
    return tuple(np.append(0, np.cumsum(kind[order])[last_of_its_score]) / kind.sum()
                 for kind in (~anomalous, anomalous))


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


def search_latents(objective, starts, steps=200, learning_rate=0.05):
    """Return the latents that a search with Adam (Kingma and Ba, 2015) finds, climbing the objective from each start.

    The objective takes latents (n, latent_dim), as the starts are, to a number for each row, (n,). Each row searches
    for itself, and finds a summit near its start, not the highest of all: try several, up to about 2,000 at a time. The
    learning rate, about how far a latent moves in a step, falls to 0 along half a cosine, so that all come to rest.
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
        latents += rate * (average / (1 - 0.9**time)) / (ops.sqrt(average_square / (1 - 0.99**time)) + 1e-8)
        return step + 1, latents, average, average_square

    @tf.function(autograph=False)
    def search():
        return tf.while_loop(lambda step, *_: step < steps, climb,
                             (tf.constant(0), starts, tf.zeros_like(starts), tf.zeros_like(starts)))[1]

    return search.get_concrete_function()()  # each objective is traced once: a call would be warned of as retracing


def inpaint(decoder, images, visible, starts, search=search_latents):
    """Return the images with their hidden pixels filled in by the model.

    The search climbs log p(visible pixels | z) + log p(z) from each of the latents `starts`, (n, latent_dim). Others
    can end at other latents, and so at other pictures that go with the same visible pixels. `visible`, (n, pixels), is
    1 for visible pixels and 0 for hidden ones, for which the returned images, (n, pixels), hold probabilities.
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

    The function, compiled at its first call, is one of (images, visible, starts, seed). It takes and returns pictures
    as `inpaint` does, a chain a row, but for the starts: pictures (n, pixels) with whose hidden pixels chains begin.
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


def denoise(decoder, images, flip, starts):
    """Return the probabilities, (n, pixels), of the clean pixels of images in which each was flipped by chance.

    The search from `starts`, (n, latent_dim), climbs log p(noisy image | z) + log p(z), where a noisy pixel is 1 with
    probability (1 - flip) p + flip (1 - p) if the clean one is with probability p.
    """
    _require_flip("denoise", flip, lowest=1e-9)
    stayed, flipped = math.log(1 - flip), math.log(flip)

    def log_joint(latents):
        logits = decoder(latents)
        # log((1 - flip) exp(l) + flip) for a noisy 1, log(1 - flip + flip exp(l)) for a noisy 0, less log(1 + exp(l))
        log_pixels = ops.where(images > 0.5, ops.logaddexp(logits + stayed, flipped),
                               ops.logaddexp(logits + flipped, stayed)) - ops.softplus(logits)
        return ops.sum(log_pixels, axis=-1) - 0.5 * ops.sum(ops.square(latents), axis=-1)

    return ops.sigmoid(decoder(search_latents(log_joint, starts)))


def flip_pixels(images, flip, seed=None):
    """Return images (float32, any shape) in which each pixel was flipped, 0 to 1 or 1 to 0, with probability `flip`."""
    _require_flip("flip_pixels", flip, lowest=0)
    flips = np.random.default_rng(seed).random(np.shape(images)) < flip
    return np.abs(np.asarray(images, np.float32) - flips)


def _require_flip(caller, flip, lowest):
    if not lowest <= flip < 0.5:
        raise ValueError(f"{caller} wants a probability of flips below 0.5{' and above 0' * (lowest > 0)}, but got "
                         f"{flip}. Above one half, swap black and white first.")


def bits_per_image(elbo):
    """Return minus the ELBO in bits: how many a code made from the model needs.

    Source: Hinton and van Camp (1993) for the code, which takes back bits; MacKay (2003) for code lengths.
    """
    return -elbo / math.log(2)


def png_bits(images):
    """Return the bits of each image, (n,), as a PNG file of its own, one bit a pixel before compression."""
    def bits(image):
        file = io.BytesIO()
        Image.fromarray(image).save(file, format="png", optimize=True)
        return 8 * file.tell()

    return np.array([bits(square == 1) for square in as_squares(require_binary_rows("png_bits", images))])


def zlib_bits(images):
    """Return the bits of each image, (n,), when its pixels, eight to a byte, are compressed by zlib on their own."""
    packed = np.packbits(require_binary_rows("zlib_bits", images) == 1, axis=-1)
    return np.array([8 * len(zlib.compress(row.tobytes(), 9)) for row in packed])


def shared_bits(images, compress):
    """Return the bits per image when all are packed and compressed as one file, as by `compress=zlib.compress`."""
    packed = np.packbits(require_binary_rows("shared_bits", images) == 1, axis=-1)
    return 8 * len(compress(packed.tobytes())) / len(packed)


def lossless_lengths(images):
    """Return the bits per image, by name, of codes that know nothing of the images (n, pixels) beforehand."""
    png = png_bits(images).mean()
    return {"one bit a pixel": images.shape[1], "PNG, a file each": png, "PNG, without its frame": png - 8 * 57,
            "zlib, each alone": zlib_bits(images).mean(),
            **{f"{name}, one stream": shared_bits(images, each.compress)
               for name, each in {"zlib": zlib, "bzip2": bz2, "LZMA": lzma}.items()}}


def moved_to_the_right(images, pixels):
    """Return images (n, 784) moved to the right; black comes in from the left."""
    squares = np.pad(images.reshape(-1, 28, 28), ((0, 0), (0, 0), (pixels, 0)))
    return squares[:, :, :28].reshape(-1, 784)


def shrunk(grey_images):
    """Return grey images (n, 28, 28) at half their size, with black all round, as zeros and ones (n, 784)."""
    halves = to_unit_range(grey_images[:, ::2, ::2])
    return binarise(flatten(np.pad(halves, ((0, 0), (7, 7), (7, 7)))), seed=1)


def blurred(images):
    """Return zeros and ones (n, 784): what most of each pixel's neighbourhood says, by a Gaussian filter."""
    return flatten((gaussian_filter(images.reshape(-1, 28, 28), (0, 0.9, 0.9)) > 0.5).astype("float32"))


def labelled(normal, strange):
    """Return the scores of normal and of strange images in one row, and their labels, 0 and 1."""
    return np.concatenate([normal, strange]), np.repeat([0, 1], [len(normal), len(strange)])


def rows_with_portion(chosen, portion, count):
    """Return `count` rows in random order, of which this portion are `chosen` (n,); a row may come more than once."""
    random, first = np.random.default_rng(0), int(count * portion)
    rows = np.concatenate([random.choice(np.flatnonzero(chosen), first),
                           random.choice(np.flatnonzero(~chosen), count - first)])
    return random.permutation(rows)


def rewinder(model):
    """Return a function that gives a compiled model its present values back, in random order if given a generator."""
    model.optimizer.build(model.trainable_variables)
    variables = model.variables + model.optimizer.variables
    values = [variable.numpy() for variable in variables]

    def rewind(random=None):
        for variable, value in zip(variables, values, strict=True):
            variable.assign(random.permutation(value.ravel()).reshape(value.shape) if random is not None else value)

    return rewind


def print_areas(areas):
    """Print mean, standard deviation and smallest of the areas of each score, {name: (10,)}."""
    for name, values in areas.items():
        print(f"{name:34} mean {values.mean():.3f} ± {values.std(ddof=1):.3f} over digits, worst {values.min():.3f}")


def print_readings(groups, labels):
    """Print and return the share of each group of images, {name: (n, 784)}, that the judge reads right."""
    shares = [np.mean(judge_labels(images) == labels) for images in groups.values()]
    for name, share in zip(groups, shares, strict=True):
        print(f"{name:28} {share:.1%} read right by the judge")
    return shares
