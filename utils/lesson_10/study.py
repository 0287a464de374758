"""What only lesson 10 computes: Parzen's window, how near samples come to the training set, the entropy of classes."""

import math
from typing import NamedTuple

import numpy as np

from utils.evaluation import nearest_neighbours, require_counts, require_features, squared_distance_blocks


class Memorisation(NamedTuple):
    """How near drawn images come to the training set, beside test images.

    Args:
        ratio: median distance of the drawn images over that of test images: about 1 for fresh images, 0 for copies.
        copies: share of drawn images that lie nearer to a training image than 99% of test images do.
        indices: (n,) int64, the nearest training image of each drawn one.
        distances: (n,) float32, its Euclidean distance over pixels.
        test_distances: (m,) float32, the same for the test images.
    """

    ratio: float
    copies: float
    indices: np.ndarray
    distances: np.ndarray
    test_distances: np.ndarray


def parzen_log_likelihood(samples, images, bandwidth):
    """Return the log-density of each image under a Gaussian around every sample, in nats: Parzen's window.

    log 1/n sum_i N(image; sample_i, bandwidth^2 I). It stands for a model's likelihood only when the samples are
    dense, which no number of samples is in 784 dimensions: see Theis et al. (2016) before trusting it.

    Args:
        samples: array of shape (n, ...), what the model drew, flattened to rows.
        images: array of shape (m, ...), as many values each.
        bandwidth: standard deviation of each Gaussian, above zero; `parzen_bandwidth` chooses one.

    Returns:
        float64 array of shape (m,): a density of grey values, not comparable with binarised images' nats.

    Source: Breuleux, Bengio and Vincent (2011); Theis, van den Oord and Bethge (2016).
    """
    return _parzen("parzen_log_likelihood", samples, images, [bandwidth])[0]


def parzen_bandwidth(samples, validation_images, bandwidths):
    """Return the bandwidth under which Parzen's window finds validation images most probable on average.

    Args:
        samples, validation_images: as the samples and images of `parzen_log_likelihood`.
        bandwidths: at least three to choose from, ascending. The smallest and the largest are refused: a better one
            may lie beyond.
    """
    if len(bandwidths) < 3 or np.any(np.diff(bandwidths) <= 0):
        raise ValueError(f"parzen_bandwidth wants at least three bandwidths, ascending, but got {bandwidths}.")
    means = _parzen("parzen_bandwidth", samples, validation_images, bandwidths).mean(axis=1)
    best = int(np.argmax(means))
    if best in (0, len(bandwidths) - 1):
        raise ValueError(f"parzen_bandwidth finds {bandwidths[best]:.4g} best, at the end of the range from "
                         f"{bandwidths[0]:.4g} to {bandwidths[-1]:.4g}. Give a wider range.")
    return float(bandwidths[best])


def class_entropy(counts):
    """Return the entropy of the classes drawn, in nats: ln 10 = 2.303 for ten alike, 0 for a single one.

    Args:
        counts: array of shape (classes,), for example of `class_histogram`.
    """
    counts = require_counts("class_entropy", counts)
    shares = counts[counts > 0] / counts.sum()
    return float(0.0 - np.sum(shares * np.log(shares)))  # a plain minus would turn zero into -0.0


def memorisation(images, training_images, test_images):
    """Return how near images come to the training set, in pixels, beside what images never trained on do.

    A small distance alone proves nothing: a plain digit has near relatives, and so has a blurred one.

    Args:
        images, training_images, test_images: float arrays in [0, 1] of shape (n, 28, 28), (n, 28, 28, 1) or (n, 784).
    """
    indices, distances = (part[:, 0] for part in nearest_neighbours(images, training_images))
    test_distances = nearest_neighbours(test_images, training_images).distances[:, 0]
    ratio = np.median(distances) / np.median(test_distances)
    copies = np.mean(distances < np.quantile(test_distances, 0.01))
    return Memorisation(float(ratio), float(copies), indices, distances, test_distances)


def _parzen(caller, samples, images, bandwidths):
    """Return the log-density of each image for each bandwidth, (bandwidths, images)."""
    samples, images = (np.reshape(rows, (len(rows), -1)) for rows in (samples, images))
    samples, images = require_features(caller, 1, samples=samples, images=images)
    for bandwidth in bandwidths:
        if not 0 < bandwidth < math.inf:  # NaN fails too
            raise ValueError(f"{caller} wants a bandwidth above zero, but got {bandwidth}.")
    densities = np.empty((len(bandwidths), len(images)))
    for rows, squared_distances in squared_distance_blocks(images, samples, block=100):
        nearest = squared_distances.min(axis=1, keepdims=True)  # the largest term, taken out before the exponential
        squared_distances -= nearest
        for place, bandwidth in enumerate(bandwidths):
            terms = np.exp(squared_distances / (-2 * bandwidth**2))
            densities[place, rows] = np.log(terms.mean(axis=1)) - nearest[:, 0] / (2 * bandwidth**2)
    constants = samples.shape[1] / 2 * np.log(2 * math.pi * np.square(np.asarray(bandwidths, np.float64)))
    return densities - constants[:, None]
