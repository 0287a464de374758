"""Lesson 10 · Measuring generative models."""

import numpy as np
from scipy.linalg import sqrtm
from scipy.spatial.distance import cdist

from utils.evaluation import coverage, frechet_distance, precision_recall
from utils.exercises.engine import Exercise, Mistake
from utils.lesson_10.study import class_entropy


def _clouds(real, fake, size, seed, spread=1.0):
    """Return two clouds of features that overlap in part; the second is wider and has moved."""
    random = np.random.default_rng(seed)
    mixing = random.normal(size=(size, size)) + np.eye(size)
    return (random.normal(size=(real, size)) @ mixing,
            (spread * random.normal(size=(fake, size)) + 0.8) @ mixing.T)


def _gaussians():
    constant = _clouds(12, 9, 4, seed=2)
    constant[1][:, 2] = 0.25  # a feature that never varies among the fakes: a singular covariance
    return [_clouds(6, 6, 2, seed=0), _clouds(40, 30, 3, seed=1, spread=1.6), constant]


def _neighbourhoods():
    return [(*_clouds(8, 6, 2, seed=3), 2), (*_clouds(40, 30, 2, seed=4, spread=0.7), 1),
            (*_clouds(50, 60, 3, seed=5, spread=1.4), 3), (*_clouds(30, 20, 2, seed=6, spread=0.2), 5)]


def _class_counts():
    return [(np.array([5, 3, 2]),), (np.array([7, 0, 1, 0]),), (np.array([90, 110, 4, 0, 35, 250, 1, 77, 120, 313]),)]


# The Fréchet distance ---------------------------------------------------------------------------------------

def _real_number(function, *arguments):
    distance = function(*arguments)
    if np.iscomplexobj(distance):
        raise ValueError("a complex number came back. The root of rounded numbers can leave a tiny imaginary part: "
                         "go on with the real one.")
    return distance


def _covariances(features_a, features_b, **options):
    return (np.cov(features, **{"rowvar": False, **options}) for features in (features_a, features_b))


def _mean_part(features_a, features_b):
    return np.sum((features_a.mean(axis=0) - features_b.mean(axis=0))**2)


def _overlap(covariance_a, covariance_b):
    return np.trace(sqrtm(covariance_a @ covariance_b).real)


def _frechet(of_means=_mean_part, overlap=_overlap, weight=-2, **options):
    """Return the distance with its parts exchangeable, to make mistakes with."""
    def distance(features_a, features_b):
        a, b = _covariances(features_a, features_b, **options)
        return of_means(features_a, features_b) + np.trace(a) + np.trace(b) + weight * overlap(a, b)
    return distance


def _trace_of_elements_roots(covariance_a, covariance_b):
    with np.errstate(invalid="ignore"):
        return np.trace(np.sqrt(covariance_a @ covariance_b))


# Precision, recall, coverage --------------------------------------------------------------------------------

def _radii(features, k):
    return np.sort(cdist(features, features), axis=1)[:, k]


def _neighbours_mean_radii(features, k):
    return np.sort(cdist(features, features), axis=1)[:, 1:k + 1].mean(axis=1)


def _shares(inside_real, inside_fake):
    """Return precision and recall from whether each fake (column) lies in the ball of each real (row), and so on."""
    return inside_real.any(axis=0).mean(), inside_fake.any(axis=1).mean()


def _precision_recall(radii=_radii, distance=lambda d: d, shares=_shares):
    """Return the function with its parts exchangeable, to make mistakes with."""
    def scores(real_features, fake_features, k=3):
        d = distance(cdist(real_features, fake_features))
        return shares(d < radii(real_features, k)[:, None], d < radii(fake_features, k))
    return scores


def _own_balls(real_features, fake_features, k=3):
    d = cdist(real_features, fake_features)
    return (d < _radii(fake_features, k)).any(axis=0).mean(), (d < _radii(real_features, k)[:, None]).any(axis=1).mean()


def _balls_to_the_others(real_features, fake_features, k=3):
    d = cdist(real_features, fake_features)
    return _shares(d < np.sort(d, axis=1)[:, [k - 1]], d < np.sort(d, axis=0)[[k - 1]])


def _nearest_ball_only(real_features, fake_features, k=3):
    d = cdist(real_features, fake_features)
    return (np.mean(d.min(axis=0) < _radii(real_features, k)[d.argmin(axis=0)]),
            np.mean(d.min(axis=1) < _radii(fake_features, k)[d.argmin(axis=1)]))


def _coverage(score=lambda inside, k: inside.any(axis=1).mean(), radii=_radii, distance=lambda d: d):
    """Return the function with its parts exchangeable, to make mistakes with."""
    def share(real_features, fake_features, k=5):
        return score(distance(cdist(real_features, fake_features)) < radii(real_features, k)[:, None], k)
    return share


def _balls_around_fakes(real_features, fake_features, k=5):
    return (cdist(real_features, fake_features) < _radii(fake_features, k)).any(axis=1).mean()


# Entropy ----------------------------------------------------------------------------------------------------

def _shares_above_zero(counts):
    return counts[counts > 0] / counts.sum()


def _entropy_without_care(counts):
    shares = counts / counts.sum()
    with np.errstate(divide="ignore", invalid="ignore"):
        return -np.sum(shares * np.log(shares))


EXERCISES = (
    Exercise(
        identifier="10.1",
        reference=frechet_distance,
        cases=_gaussians,
        observe=_real_number,
        mistakes=(
            Mistake("the root is taken element by element. The root of a matrix is the matrix that gives it when "
                    "multiplied by itself.", _frechet(overlap=_trace_of_elements_roots)),
            Mistake("the covariances are multiplied element by element. Which product of matrices does the formula "
                    "mean?", _frechet(overlap=lambda a, b: np.trace(sqrtm(a * b).real))),
            Mistake("the covariances are those of samples, not of features. `np.cov` takes rows for variables unless "
                    "it is told otherwise.", _frechet(rowvar=True)),
            Mistake("the product of the covariances has no root. Both traces beside it are of variances; its own is "
                    "of variances times variances.", _frechet(overlap=lambda a, b: np.trace(a @ b))),
            Mistake("each covariance has its own root and then they are multiplied. That is the same only when both "
                    "share their axes.", _frechet(overlap=lambda a, b: np.trace(sqrtm(a).real @ sqrtm(b).real))),
            Mistake("only the variance of each feature counts. Two features that vary together, or against each other, "
                    "look the same to you.",
                    _frechet(overlap=lambda a, b: np.sum(np.sqrt(np.diag(a) * np.diag(b))))),
            Mistake("the distance of the means is not squared.",
                    _frechet(of_means=lambda a, b: np.sqrt(_mean_part(a, b)))),
            Mistake("the squares of the means' differences are averaged over the features. Add them up.",
                    _frechet(of_means=lambda a, b: _mean_part(a, b) / a.shape[1])),
            Mistake("the 2 in front of the root is missing. Check: what is the distance of a set from itself?",
                    _frechet(weight=-1)),
            Mistake("the root is added. Check: what is the distance of a set from itself?", _frechet(weight=2)),
            Mistake("the root is missing: equal covariances must cancel.", _frechet(weight=0)),
            Mistake("only the means are compared. A model that draws one mean image a thousand times would be "
                    "perfect.", _mean_part),
            Mistake("only the covariances are compared. What if all fakes are shifted by the same amount?",
                    _frechet(of_means=lambda a, b: 0.0)),
            Mistake("the covariances divide by n. An estimate from samples divides by n − 1, as `np.cov` does "
                    "unless told otherwise.", _frechet(bias=True)),
            Mistake("this is the root of it. The Fréchet distance of this field is the squared one.",
                    lambda features_a, features_b: np.sqrt(frechet_distance(features_a, features_b))),
        ),
        hints=(
            "Four parts: the squared distance of the means, two traces, and the trace of a root. `np.cov` with "
            "`rowvar=False` gives the covariance of the columns.",
            "The trace of a matrix' root is the sum of the roots of the matrix' eigenvalues, and `np.linalg.eigvals` "
            "gives those. Of which product?",
            "Rounding makes some eigenvalues complex or slightly negative: keep the real part, and nothing below 0, "
            "before you take roots. (`scipy.linalg.sqrtm` does as well, but warns where a feature never varies.)",
        ),
    ),
    Exercise(
        identifier="10.2",
        reference=precision_recall,
        cases=_neighbourhoods,
        mistakes=(
            Mistake("each sample is its own first neighbour, at distance 0, and you counted it. So the balls reach "
                    "to the neighbour before the k-th.",
                    _precision_recall(lambda features, k: _radii(features, k - 1))),
            Mistake("the balls reach one neighbour too far. In a sorted row of distances place 0 is the sample "
                    "itself; where is the k-th neighbour?",
                    _precision_recall(lambda features, k: _radii(features, k + 1))),
            Mistake("a ball's radius is the average distance of the k neighbours. It is that of the k-th alone.",
                    _precision_recall(_neighbours_mean_radii)),
            Mistake("squared distances are compared with plain radii. Square both or neither.",
                    _precision_recall(distance=np.square)),
            Mistake("plain distances are compared with squared radii. Square both or neither.",
                    _precision_recall(distance=np.sqrt)),
            Mistake("precision and recall have changed places. Precision is a share of the fakes.",
                    _precision_recall(shares=lambda *inside: _shares(*inside)[::-1])),
            Mistake("each sample looks into its own ball. For precision, fakes must lie in the balls around reals; "
                    "for recall, the other way round.", _own_balls),
            Mistake("a ball reaches to the k-th neighbour in the *other* set, and so always holds some. Radii come "
                    "from distances within one set.", _balls_to_the_others),
            Mistake("only the ball around the nearest sample is asked. A farther one may have a larger ball: one ball, "
                    "any one, is enough.", _nearest_ball_only),
            Mistake("you average over all pairs. A sample counts once, whether one ball holds it or twenty.",
                    _precision_recall(shares=lambda *inside: tuple(each.mean() for each in inside))),
            Mistake("a sample must lie in *all* balls to count. One is enough.",
                    _precision_recall(shares=lambda real, fake: (real.all(axis=0).mean(), fake.all(axis=1).mean()))),
            Mistake("you count samples. A share lies between 0 and 1.",
                    _precision_recall(shares=lambda real, fake: (real.any(axis=0).sum(), fake.any(axis=1).sum()))),
        ),
        hints=(
            "Three matrices of distances: real to real and fake to fake for the radii, real to fake for the question. "
            "`scipy.spatial.distance.cdist` makes one.",
            "`np.sort(..., axis=1)` brings each sample's distances in order. Who is first in the row of distances "
            "within one set?",
            "Compare the matrix of shape (reals, fakes) with the reals' radii, one a row, and with the fakes', one a "
            "column. `any` along which axis leaves one answer for each fake?",
        ),
    ),
    Exercise(
        identifier="10.3",
        reference=coverage,
        cases=_neighbourhoods,
        mistakes=(
            Mistake("this is a share of the fakes: precision. Coverage asks each *real* image's ball whether "
                    "it holds a fake.", _coverage(lambda inside, k: inside.any(axis=0).mean())),
            Mistake("the balls stand around the fakes: that is recall, which one odd fake with a huge ball can raise. "
                    "Coverage uses the reals' balls.", _balls_around_fakes),
            Mistake("each sample is its own first neighbour, at distance 0, and you counted it. So the balls reach "
                    "to the neighbour before the k-th.",
                    _coverage(radii=lambda features, k: _radii(features, k - 1))),
            Mistake("the balls reach one neighbour too far. In a sorted row of distances place 0 is the sample "
                    "itself; where is the k-th neighbour?",
                    _coverage(radii=lambda features, k: _radii(features, k + 1))),
            Mistake("squared distances are compared with plain radii. Square both or neither.",
                    _coverage(distance=np.square)),
            Mistake("plain distances are compared with squared radii. Square both or neither.",
                    _coverage(distance=np.sqrt)),
            Mistake("this is the density, which counts every fake in every ball and can exceed 1. A ball counts once, "
                    "however many it holds.", _coverage(lambda inside, k: inside.sum() / (k * inside.shape[1]))),
            Mistake("you average over all pairs. A ball counts once, however many fakes it holds.",
                    _coverage(lambda inside, k: inside.mean())),
            Mistake("a ball must hold k fakes to count. One is enough.",
                    _coverage(lambda inside, k: np.mean(inside.sum(axis=1) >= k))),
            Mistake("you count balls. A share lies between 0 and 1.",
                    _coverage(lambda inside, k: inside.any(axis=1).sum())),
        ),
        hints=(
            "Half of exercise 10.2 is here again: the radii of the reals, and the distances from reals to fakes.",
            "Whether the ball around a real image holds each of the fakes is a row of True and False.",
            "A ball holds at least one fake exactly if the *smallest* distance in its row is below its radius.",
        ),
    ),
    Exercise(
        identifier="10.4",
        reference=class_entropy,
        cases=_class_counts,
        mistakes=(
            Mistake("a class without samples gives 0 · log 0, and that is NaN in code. Its limit is 0: leave these "
                    "classes out.", _entropy_without_care),
            Mistake("these are bits. Nats, as everywhere in this course, come from the natural logarithm.",
                    lambda counts: class_entropy(counts) / np.log(2)),
            Mistake("these are bits, not nats; and a class without samples gives 0 · log 0, which is NaN in code.",
                    lambda counts: _entropy_without_care(counts) / np.log(2)),
            Mistake("the sign is turned: logarithms of shares are negative, the entropy is not.",
                    lambda counts: -class_entropy(counts)),
            Mistake("the counts are not divided by their sum. Entropy is that of probabilities.",
                    lambda counts: -np.sum(counts[counts > 0] * np.log(counts[counts > 0]))),
            Mistake("the logarithm is that of the counts. It belongs to the shares, which are below 1.",
                    lambda counts: np.sum(_shares_above_zero(counts) * np.log(counts[counts > 0]))),
            Mistake("the logarithms are added without their weights. Each class counts as often as it is drawn.",
                    lambda counts: -np.sum(np.log(_shares_above_zero(counts)))),
            Mistake("you average over the classes. The shares are the weights already: add up.",
                    lambda counts: class_entropy(counts) / len(counts)),
            Mistake("you divide by the logarithm of the number of classes, so that the most is 1. Nats were asked for.",
                    lambda counts: class_entropy(counts) / np.log(len(counts))),
            Mistake("this is how far the entropy lies below that of equal shares, not the entropy.",
                    lambda counts: np.log(len(counts)) - class_entropy(counts)),
            Mistake("this is the exponential of the entropy: the number of equal classes that would be as "
                    "uncertain. Nats were asked for.", lambda counts: np.exp(class_entropy(counts))),
        ),
        hints=(
            "Divide the counts by their sum; then −Σ p log p over the classes.",
            "What does 0 · log 0 give in NumPy, and what should it give?",
            "Keep only `counts[counts > 0]` before you take logarithms. Which logarithm gives nats?",
        ),
    ),
)
