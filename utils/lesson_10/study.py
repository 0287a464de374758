"""What only lesson 10 computes: comparisons of features, its two recipes, Parzen's window, copies, the bench."""

import math
from typing import NamedTuple

import keras
import numpy as np
from scipy.spatial.distance import cdist

from utils import evaluation


class Memorisation(NamedTuple):
    """How near drawn images come to the training set, beside test images."""

    ratio: float  # median distance of the drawn images over that of test images: about 1 if fresh, 0 for copies
    copies: float  # share of drawn images that lie nearer to a training image than 99% of test images do
    indices: np.ndarray  # (n,) int64, the nearest training image of each drawn one
    distances: np.ndarray  # (n,) float32, its Euclidean distance over pixels
    test_distances: np.ndarray  # (m,) float32, the same for the test images


def moved_and_stranger(values, moved_values, labels):
    """Return each row's distance to itself when moved and to the nearest of another label, and which one that is."""
    apart = cdist(values, values)
    apart[labels[:, None] == labels] = np.inf
    return np.linalg.norm(values - moved_values, axis=1), apart.min(axis=1), apart.argmin(axis=1)


def distances_by_size(distance, features, references, sizes, repeats, random):
    """Return distances of as many features as references, both drawn anew each time, (sizes, repeats), or more each."""
    def draw(count):
        rows = random.permutation(len(references))
        # Of one array, features come from the second half of the rows: no row stands on both sides.
        chosen = rows[len(rows) // 2:] if features is references else random.permutation(len(features))
        return distance(features[chosen[:count]], references[rows[:count]])

    return np.array([[draw(count) for _ in range(repeats)] for count in sizes])


def compare(cases, neighbour_scores, frechet_distance=None):
    """Print the scores of named pairs {name: (real features, fake features)}; return the `NeighbourScores` of each."""
    found = [evaluation.NeighbourScores(*neighbour_scores(*pair)) for pair in cases.values()]
    for (name, pair), scores in zip(cases.items(), found, strict=True):
        distance = [f"Fréchet distance {frechet_distance(*pair):6.2f}"] if frechet_distance else []
        print(f"{name:23}", *distance, *(f"{score} {value:.2f}" for score, value in scores._asdict().items()), sep="  ")
    return found


def over_first(found):
    """Return `NeighbourScores`, all but the first, divided by the first."""
    return [evaluation.NeighbourScores(*np.divide(each, found[0])) for each in found[1:]]


def adam_of_vae(steps):
    """Return lesson 7's Adam: its rate rises for a tenth of the steps, then falls along a cosine."""
    schedule = keras.optimizers.schedules.CosineDecay(
        0.0, steps - steps // 10, warmup_target=5e-3, warmup_steps=steps // 10)
    return keras.optimizers.Adam(schedule, beta_2=0.99)


def adam_of_gan(steps):
    """Return lesson 8's Adam: no momentum, a rate that falls along a cosine, and an average of the weights."""
    schedule = keras.optimizers.schedules.CosineDecay(3e-3, steps, alpha=0.01)
    return keras.optimizers.Adam(schedule, beta_1=0.0, beta_2=0.99, use_ema=True, ema_momentum=0.995)


def parzen_log_likelihood(samples, images, bandwidth):
    """Return the log-density of images (m, ...) under a Gaussian around every sample (n, ...), float64 (m,) in nats.

    log 1/n sum_i N(image; sample_i, bandwidth^2 I), a density of grey values, not comparable with binarised images'
    nats. It stands for a model's likelihood only where samples are dense, which they never are in 784 dimensions.
    Source: Breuleux, Bengio and Vincent (2011); Theis, van den Oord and Bethge (2016).
    """
    return _parzen("parzen_log_likelihood", samples, images, [bandwidth])[0]


def parzen_bandwidth(samples, validation_images, bandwidths):
    """Return the bandwidth, of three or more ascending ones, that makes validation images most probable on average.

    The smallest and the largest are refused, because a better one may lie beyond.
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
    """Return the entropy of the classes in nats: ln 10 for ten alike, 0 for one.

    Args:
        counts: array of shape (classes,), for example of `class_histogram`.
    """
    counts = evaluation.require_counts("class_entropy", counts)
    shares = counts[counts > 0] / counts.sum()
    return float(0.0 - np.sum(shares * np.log(shares)))  # a plain minus would turn zero into -0.0


def memorisation(images, training_images, test_images):
    """Return the `Memorisation` of images in [0, 1] that shows how near they come to the training set, in pixels."""
    indices, distances = (part[:, 0] for part in evaluation.nearest_neighbours(images, training_images))
    test_distances = evaluation.nearest_neighbours(test_images, training_images).distances[:, 0]
    ratio = np.median(distances) / np.median(test_distances)
    copies = np.mean(distances < np.quantile(test_distances, 0.01))
    return Memorisation(float(ratio), float(copies), indices, distances, test_distances)


def by_score(table):
    """Return {score: {model: (seeds,) values}} of {model: one {score: value} for each seed}."""
    names = next(iter(table.values()))[0]
    return {name: {model: np.array([float(of_seed[name]) for of_seed in seeds]) for model, seeds in table.items()}
            for name in names}


def print_bench(scores, floors, bounds):
    """Print each score's average and standard deviation over seeds, its floor, and the VAEs' bounds, (images,) each."""
    for name, of_models in scores.items():
        values = (f"{model} {each.mean():6.2f} ± {each.std(ddof=1):.2f}  " for model, each in of_models.items())
        print(f"{name:26}", *values, f"floor {floors[name]:.2f}")
    nats = ", ".join(f"{each.mean():.2f} ± {each.std() / len(each)**0.5:.2f}" for each in bounds)
    print(f"log p(x) ≥ (L₁₀₀)          VAE {nats} nats ({len(bounds[0])} images); GAN none\n"
          "± is the standard deviation over the seeds; for log p(x), it is the standard error over the images.")


def _parzen(caller, samples, images, bandwidths):
    """Return the log-density of each image for each bandwidth, (bandwidths, images)."""
    samples, images = (np.reshape(rows, (len(rows), -1)) for rows in (samples, images))
    samples, images = evaluation.require_features(caller, 1, samples=samples, images=images)
    for bandwidth in bandwidths:
        if not 0 < bandwidth < math.inf:  # NaN fails too
            raise ValueError(f"{caller} wants a bandwidth above zero, but got {bandwidth}.")
    densities = np.empty((len(bandwidths), len(images)))
    for rows, squared_distances in evaluation.squared_distance_blocks(images, samples, block=100):
        nearest = squared_distances.min(axis=1, keepdims=True)  # the largest term, taken out before the exponential
        squared_distances -= nearest
        for place, bandwidth in enumerate(bandwidths):
            terms = np.exp(squared_distances / (-2 * bandwidth**2))
            densities[place, rows] = np.log(terms.mean(axis=1)) - nearest[:, 0] / (2 * bandwidth**2)
    constants = samples.shape[1] / 2 * np.log(2 * math.pi * np.square(np.asarray(bandwidths, np.float64)))
    return densities - constants[:, None]
