"""How good drawn images are: distances in the judge's features, the digits drawn, the nearest real images.

The judge is the classifier that ships with the course; images are in [0, 1]. A distance means little alone:
`report` prints each beside what real training images reach when they stand in for the drawn ones.

Inside a ball means nearer than its radius, as in the code that Naeem et al. (2020) published. The formulas of
Kynkäänniemi et al. (2019) count the surface too, which matters for copies only.
"""

import functools
from typing import NamedTuple

import keras
import numpy as np

from utils.assets import asset
from utils.data import load_mnist, require_range, split_validation, to_unit_range
from utils.models import build_classifier

SHARE_TO_COUNT = 0.01  # a tenth of a class's fair share: below it, the judge may as well have misread
BLOCK = 250  # rows of a distance matrix held at a time: 20 MB against 10,000 columns of float64


class PrecisionRecall(NamedTuple):
    """Shares in [0, 1]: of fakes that lie among the reals, and of reals that lie among the fakes."""

    precision: float
    recall: float


class KernelDistance(NamedTuple):
    """An estimate of a squared distance, which may fall below zero, and the standard error of that estimate."""

    value: float
    standard_error: float


class DensityCoverage(NamedTuple):
    """Density: reals' balls that hold each fake, over k. Coverage: share of reals' balls that hold one."""

    density: float
    coverage: float


class NeighbourScores(NamedTuple):
    """What `precision_recall` and `density_coverage` say."""

    precision: float
    recall: float
    density: float
    coverage: float


class Neighbours(NamedTuple):
    """Nearest references of each image, nearest first: indices and distances, each of shape (n, count)."""

    indices: np.ndarray
    distances: np.ndarray


class Floor(NamedTuple):
    """What real images score against real images: the best that a model can hope for."""

    frechet: float
    precision: float
    recall: float


class Report(NamedTuple):
    """The scores of drawn images against real ones; printed, each stands beside its floor."""

    images: int
    frechet: float
    precision: float
    recall: float
    class_counts: np.ndarray
    floor: Floor

    def __repr__(self):
        floor, counts = self.floor, self.class_counts
        missing = ", ".join(map(str, np.flatnonzero(counts < SHARE_TO_COUNT * counts.sum())))
        drawn = f"{classes_covered(counts)} of 10" + (f" (under 1%: {missing})" if missing else "")
        return "\n".join([
            f"Fréchet distance {self.frechet:.1f} (real images against real images: {floor.frechet:.1f})",
            f"precision {self.precision:.2f} (real images against real images: {floor.precision:.2f})",
            f"recall {self.recall:.2f} (real images against real images: {floor.recall:.2f})",
            f"digits drawn {drawn}",
        ])


@functools.cache
def load_judge():
    """Return the classifier that ships with the course: images (n, 28, 28, 1) in [0, 1] to ten logits."""
    classifier = build_classifier()
    unmoved = keras.Model(classifier.layers[1].output, classifier.outputs, name="judge")  # without the first layer
    judge = keras.models.clone_model(unmoved)
    judge.load_weights(asset("judge.keras"))  # these alone: each version of Keras describes layers in its own words
    return judge


def judge_features(images):
    """Return the 64 values of the judge's layer "features" for each image: the space of all distances here.

    Args:
        images: float array in [0, 1] of shape (n, 28, 28), (n, 28, 28, 1) or (n, 784); the result is float32 (n, 64).
    """
    return _judge("judge_features", images)[0]


def judge_probabilities(images):
    """Return the judge's probability of each digit, float32 (n, 10); arguments as `judge_features`."""
    return keras.ops.convert_to_numpy(keras.ops.softmax(_judge("judge_probabilities", images)[1]))


def judge_labels(images):
    """Return the digit that the judge reads in each image, int64 (n,); arguments as `judge_features`."""
    return np.argmax(_judge("judge_labels", images)[1], axis=-1)


def frechet_distance(features_a, features_b):
    """Return the Fréchet distance between Gaussians fitted to two sets of features.

    |mean_a - mean_b|^2 + trace(cov_a + cov_b - 2 (cov_a cov_b)^(1/2)): the squared Wasserstein-2 distance.
    It is biased upwards when the sets are small: compare only distances of equally many samples.

    Args:
        features_a, features_b: arrays of shape (n, size) and (m, size), at least two rows each.

    Source: Dowson and Landau (1982); Heusel et al. (2017).
    """
    a, b = require_features("frechet_distance", 2, features_a=features_a, features_b=features_b)
    covariance_a, covariance_b = (np.atleast_2d(np.cov(features, rowvar=False)) for features in (a, b))
    # (cov_a cov_b)^(1/2) has the eigenvalues of the symmetric (root cov_b root)^(1/2), which stays real.
    eigenvalues, eigenvectors = np.linalg.eigh(covariance_a)
    root = eigenvectors * np.sqrt(np.maximum(eigenvalues, 0)) @ eigenvectors.T
    trace_of_root = np.sqrt(np.maximum(np.linalg.eigvalsh(root @ covariance_b @ root), 0)).sum()
    mean_part = np.sum((a.mean(axis=0) - b.mean(axis=0)) ** 2)
    # Rounding can leave a tiny negative number where both sets are the same.
    return float(max(mean_part + np.trace(covariance_a) + np.trace(covariance_b) - 2 * trace_of_root, 0))


def kernel_distance(features_a, features_b):
    """Return the kernel distance (KID) of two sets of features, unbiased at every size, and its standard error.

    The squared maximum mean discrepancy E k(x, x') + E k(y, y') - 2 E k(x, y) with k(x, y) = (x.y / size + 1)^3: how
    far apart all moments up to the third are. Row i of both sets makes a pair, and what two pairs tell,
    h_ij = k(x_i, x_j) + k(y_i, y_j) - k(x_i, y_j) - k(x_j, y_i), is averaged over all i != j. The standard error is
    that of such an average; where both distributions are the same it is some 20% too large. The unit is the kernel's.

    Args:
        features_a, features_b: arrays of shape (n, size), at least three rows, as many in both, in no common order.

    Source: Bińkowski, Sutherland, Arbel and Gretton (2018); Gretton et al. (2012), lemma 6; Hoeffding (1948) for the
    variance of an average over pairs.
    """
    a, b = require_features("kernel_distance", 3, features_a=features_a, features_b=features_b)
    if len(a) != len(b):
        raise ValueError(f"kernel_distance wants as many samples in both sets, but got {len(a)} and {len(b)}. "
                         "Leave some out: no size of the sets favours either.")
    count, sums, squares = len(a), np.zeros(len(a)), 0.0  # sums and squares of h_ij over all other pairs j
    for start in range(0, count, BLOCK // 2):
        end = min(start + BLOCK // 2, count)
        told = (_cubic_kernel(a[start:end], a[start:]) + _cubic_kernel(b[start:end], b[start:])
                - _cubic_kernel(a[start:end], b[start:]) - _cubic_kernel(b[start:end], a[start:]))
        np.fill_diagonal(told, 0)  # no pair beside itself: there lies the bias
        here, later = told[:, :end - start], told[:, end - start:]  # what lies below `here` is its mirror image
        sums[start:end] += told.sum(axis=1)
        sums[end:] += later.sum(axis=0)
        squares += np.sum(here**2) + 2 * np.sum(later**2)
    ordered = count * (count - 1)
    value = sums.sum() / ordered
    of_two_pairs = squares / ordered - value**2
    of_one_pair = (np.sum(sums**2) - squares) / (ordered * (count - 2)) - value**2  # Cov(h_ij, h_ik), 0 if all is equal
    variance = (4 * (count - 2) * max(of_one_pair, 0) + 2 * of_two_pairs) / ordered
    return KernelDistance(float(value), float(np.sqrt(max(variance, 0))))


def precision_recall(real_features, fake_features, k=3):
    """Return the share of fakes among reals, and the share of reals among fakes.

    A sample lies among others if it is in the ball around one of them that reaches to its k-th neighbour.

    Args:
        real_features, fake_features: arrays of shape (n, size) and (m, size), more than k rows each.
        k: which neighbour's distance is a ball's radius.

    Source: Kynkäänniemi et al. (2019).
    """
    real, fake = _require_neighbourhoods("precision_recall", k, real_features, fake_features)
    real_radii, fake_radii = _squared_radii(real, k), _squared_radii(fake, k)
    precise, recalled = np.zeros(len(fake), bool), np.zeros(len(real), bool)
    for rows, squared_distances in squared_distance_blocks(real, fake):
        precise |= np.any(squared_distances < real_radii[rows, None], axis=0)
        recalled[rows] = np.any(squared_distances < fake_radii, axis=1)
    return PrecisionRecall(float(precise.mean()), float(recalled.mean()))


def density_coverage(real_features, fake_features, k=5):
    """Return how densely fakes fill the balls around the reals, and which share of these balls holds a fake.

    Arguments as for `precision_recall`; real images against real images reach about 1 and 1 - 2**-k. Only the reals'
    neighbourhoods are used, so that one odd fake cannot raise the share. Source: Naeem et al. (2020).
    """
    real, fake = _require_neighbourhoods("density_coverage", k, real_features, fake_features)
    radii, held = _squared_radii(real, k), np.empty(len(real))
    for rows, squared_distances in squared_distance_blocks(real, fake):
        held[rows] = np.count_nonzero(squared_distances < radii[rows, None], axis=1)
    return DensityCoverage(float(held.sum() / (k * len(fake))), float(np.mean(held > 0)))


def coverage(real_features, fake_features, k=5):
    """Return which share of the balls around the reals holds at least one fake.

    Arguments as for `precision_recall`; real images against as many real images reach about 1 - 2**-k.
    Source: Naeem et al. (2020).
    """
    real, fake = _require_neighbourhoods("coverage", k, real_features, fake_features)
    radii, covered = _squared_radii(real, k), np.empty(len(real), bool)
    for rows, squared_distances in squared_distance_blocks(real, fake):
        covered[rows] = np.any(squared_distances < radii[rows, None], axis=1)
    return float(covered.mean())


def neighbour_scores(real_features, fake_features, k=3, coverage_k=5):
    """Return precision, recall, density and coverage from one pass over the distances.

    The numbers of `precision_recall` with `k` and of `density_coverage` with `coverage_k`, in about 60% of their time.
    """
    for each in (k, coverage_k):
        real, fake = _require_neighbourhoods("neighbour_scores", each, real_features, fake_features)
    real_radii, coverage_radii = _squared_radii(real, k, coverage_k).T
    fake_radii = _squared_radii(fake, k)
    precise, recalled, held = np.zeros(len(fake), bool), np.zeros(len(real), bool), np.empty(len(real))
    for rows, squared_distances in squared_distance_blocks(real, fake):
        precise |= np.any(squared_distances < real_radii[rows, None], axis=0)
        recalled[rows] = np.any(squared_distances < fake_radii, axis=1)
        held[rows] = np.count_nonzero(squared_distances < coverage_radii[rows, None], axis=1)
    return NeighbourScores(float(precise.mean()), float(recalled.mean()),
                           float(held.sum() / (coverage_k * len(fake))), float(np.mean(held > 0)))


def class_histogram(images):
    """Return how many images the judge reads as each digit, int64 (10,); arguments as `judge_features`."""
    return np.bincount(judge_labels(images), minlength=10)


def classes_covered(counts):
    """Return how many classes each make up at least 1% of the samples.

    Args:
        counts: array of shape (classes,), for example of `class_histogram`.
    """
    counts = require_counts("classes_covered", counts)
    return int(np.count_nonzero(counts >= SHARE_TO_COUNT * counts.sum()))


def nearest_neighbours(images, references, count=1):
    """Return the references closest to each image, by Euclidean distance over pixels.

    Args:
        images, references: as for `judge_features`.
        count: how many neighbours, at most as many as there are references.

    Returns:
        Neighbours: indices int64 and distances float32, each (n, count), nearest first.
    """
    queries = _unit_range_pixels("nearest_neighbours", images)
    rows = _unit_range_pixels("nearest_neighbours", references)
    if not 1 <= count <= len(rows):
        raise ValueError("nearest_neighbours wants a count from 1 to the number of references, "
                         f"{len(rows)}, but got {count}.")
    shape = len(queries), count
    indices, distances = np.empty(shape, np.int64), np.empty(shape, np.float32)
    for block, squared_distances in squared_distance_blocks(queries, rows, block=100):
        if count == 1:  # in much less time than a partition takes
            nearest = squared_distances.argmin(axis=1)[:, None]
        else:
            nearest = np.argpartition(squared_distances, count - 1, axis=1)[:, :count]
        # The product form of a distance cancels for near copies, which one looks for here: subtract afresh.
        exact = np.linalg.norm(queries[block, None] - rows[nearest], axis=-1)
        order = np.argsort(exact, axis=1, kind="stable")
        indices[block] = np.take_along_axis(nearest, order, axis=1)
        distances[block] = np.take_along_axis(exact, order, axis=1)
    return Neighbours(indices, distances)


@functools.cache
def real_against_real(count=10_000, against="test"):
    """Return the `Floor`: `count` of the 55,000 training images, always the same ones, scored like drawn images."""
    train_images, _ = split_validation(load_mnist().train_images)
    chosen = np.random.default_rng(0).choice(len(train_images), size=count, replace=False)
    features, real = judge_features(to_unit_range(train_images[np.sort(chosen)])), _real_features(against)
    return Floor(frechet_distance(features, real), *precision_recall(real, features))


def report(fake_images, against="test"):
    """Return the scores of drawn images against real ones; print it to see each beside its floor.

    The floor takes as many training images as there are drawn ones, since all scores depend on that number.

    Args:
        fake_images: as for `judge_features`, at least 4; 10,000 for figures that can be compared with the course's.
        against: "test", the 10,000 test images, for a lesson's last word; "validation", the 5,000 images that are set
            aside, for choosing. Fewer real images give a larger distance: compare only scores against the same ones.
    """
    features, logits = _judge("report", fake_images)
    counts = np.bincount(np.argmax(logits, axis=-1), minlength=10)
    real = _real_features(against)
    scores = frechet_distance(features, real), *precision_recall(real, features)
    return Report(len(features), *scores, counts, real_against_real(min(len(features), 55_000), against))


@functools.cache
def _real_features(against):
    mnist = load_mnist()
    if against not in ("test", "validation"):
        raise ValueError(f'report wants against="test" or "validation", but got {against!r}.')
    images = mnist.test_images if against == "test" else split_validation(mnist.train_images)[1]
    return judge_features(to_unit_range(images))


@functools.cache
def _judge_with_features():
    judge = load_judge()
    return keras.Model(judge.inputs, [judge.get_layer("features").output, judge.outputs[0]])


def _judge(caller, images):
    """Return the judge's features (n, 64) and logits (n, 10)."""
    pixels = _unit_range_pixels(caller, images).reshape(-1, 28, 28, 1)
    return _judge_with_features().predict(pixels, batch_size=500, verbose=0)


def _unit_range_pixels(caller, images):
    """Return images as float32 rows (n, 784) after checking shape and range."""
    images = np.asarray(images)
    if images.shape[1:] not in {(28, 28), (28, 28, 1), (784,)} or len(images) == 0:
        raise ValueError(f"{caller} wants images of shape (n, 28, 28), (n, 28, 28, 1) or (n, 784), but got "
                         f"{images.shape}. Give a single image a batch axis of 1.")
    require_range(caller, images, 0, 1, "Use to_unit_range or from_symmetric_range first.")
    return images.reshape(-1, 784).astype(np.float32)


def _squared_radii(features, *places):
    """Return each row's squared distance to its k-th neighbour, itself not counted: (n,), or (n, ks) of several k."""
    radii = np.empty((len(features), len(places)))
    for rows, squared_distances in squared_distance_blocks(features, features):
        squared_distances.partition(places, axis=1)  # place 0 is the row itself
        radii[rows] = squared_distances[:, places]
    return radii[:, 0] if len(places) == 1 else radii


def _cubic_kernel(rows, columns):
    """Return (x.y / size + 1)^3 of each row with each column."""
    line = rows @ columns.T
    line /= rows.shape[1]
    line += 1
    return line * line * line


def squared_distance_blocks(rows, columns, block=BLOCK):
    """Yield (slice of rows, their squared distances to all columns), block by block."""
    column_squares = np.einsum("ij,ij->i", columns, columns)
    for start in range(0, len(rows), block):
        part = rows[start:start + block]
        squared = part @ columns.T
        squared *= -2
        squared += np.einsum("ij,ij->i", part, part)[:, None]
        squared += column_squares
        yield slice(start, start + len(part)), np.maximum(squared, 0, out=squared)


def _require_neighbourhoods(caller, k, real_features, fake_features):
    """Return reals and fakes as float64, each with a k-th neighbour for every row."""
    if k != int(k) or k < 1:
        raise ValueError(f"{caller} wants a whole number of neighbours from 1 on, but got {k}. "
                         "A sample is not its own neighbour: 1 means the nearest other one.")
    return require_features(caller, k + 1, real_features=real_features, fake_features=fake_features)


def require_features(caller, rows, **arrays):
    """Return the feature matrices as float64; refuse what would broadcast, or spread NaN over the score."""
    arrays = {name: np.asarray(array) for name, array in arrays.items()}
    widths = {array.shape[1:] for array in arrays.values()}
    if len(widths) != 1 or any(array.ndim != 2 or len(array) < rows for array in arrays.values()):
        shapes = " and ".join(f"{name} of {array.shape}" for name, array in arrays.items())
        raise ValueError(f"{caller} wants matrices (samples, size) of one size with at least {rows} samples, "
                         f"but got {shapes}.")
    for name, array in arrays.items():
        if not np.all(np.isfinite(array)):
            raise ValueError(f"{caller} wants finite numbers, but {name} holds NaN or infinity. "
                             "Look at the images: training may have diverged.")
    return [array.astype(np.float64) for array in arrays.values()]


def require_counts(caller, counts):
    counts = np.asarray(counts)
    if counts.ndim != 1 or not (np.all(counts >= 0) and counts.sum() > 0):
        raise ValueError(f"{caller} wants counts of shape (classes,), none negative and not all zero, but "
                         f"got {counts!r}. class_histogram(images) gives them.")
    return counts
