"""Lesson 10 · Measuring generative models."""

import numpy as np
from scipy.linalg import sqrtm
from scipy.spatial.distance import cdist

from utils.evaluation import coverage, density_coverage, frechet_distance, precision_recall
from utils.exercises.edits import edits_of
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


def _real_number(function, *arguments):
    distance = function(*arguments)
    if np.iscomplexobj(distance):
        raise ValueError("a complex number came back. The root of rounded numbers can leave a tiny imaginary part: "
                         "go on with the real one.")
    return distance


# Mistakes ---------------------------------------------------------------------------------------------------

_of_frechet = edits_of(frechet_distance)
_of_shares = edits_of(precision_recall)
_of_coverage = edits_of(coverage)
_of_entropy = edits_of(class_entropy)

_OVERLAP = "np.sqrt(np.maximum(np.linalg.eigvalsh(root @ covariance_b @ root), 0)).sum()"
_TOO_NEAR = ("each sample is its own first neighbour, at distance 0, and you counted it. So the balls reach to the "
             "neighbour before the k-th.")
_TOO_FAR = ("the balls reach one neighbour too far. In a sorted row of distances place 0 is the sample itself; where "
            "is the k-th neighbour?")
_SQUARED_DISTANCES = "squared distances are compared with plain radii. Square both or neither."
_SQUARED_RADII = "plain distances are compared with squared radii. Square both or neither."


def _roots_multiplied(features_a, features_b):
    """trace(cov_a + cov_b - 2 root_a root_b) is the sum of the squared differences of the roots."""
    root_a, root_b = (sqrtm(np.cov(features, rowvar=False)).real for features in (features_a, features_b))
    return np.sum((features_a.mean(axis=0) - features_b.mean(axis=0))**2) + np.sum((root_a - root_b)**2)


def _balls_of_mean_radius(real, fake, k):
    real_radii, fake_radii = (np.sort(cdist(each, each), axis=1)[:, 1:k + 1].mean(axis=1) for each in (real, fake))
    d = cdist(real, fake)
    return np.any(d < real_radii[:, None], axis=0).mean(), np.any(d < fake_radii, axis=1).mean()


def _nearest_ball_only(real, fake, k):
    real_radii, fake_radii = (np.sort(cdist(each, each), axis=1)[:, k] for each in (real, fake))
    d = cdist(real, fake)
    return np.mean(d.min(axis=0) < real_radii[d.argmin(axis=0)]), np.mean(d.min(axis=1) < fake_radii[d.argmin(axis=1)])


EXERCISES = (
    Exercise(identifier="10.1", reference=frechet_distance, cases=_gaussians, observe=_real_number, mistakes=(
        Mistake("the root is taken element by element. The root of a matrix is the matrix that gives it when "
                "multiplied by itself.", _of_frechet(_OVERLAP, "np.trace(np.sqrt(covariance_a @ covariance_b))")),
        Mistake("the covariances are multiplied element by element. Which product of matrices does the formula "
                "mean?", _of_frechet("root @ covariance_b @ root", "covariance_a * covariance_b")),
        Mistake("the covariances are those of samples, not of features. `np.cov` takes rows for variables unless "
                "it is told otherwise.", _of_frechet("rowvar=False", "rowvar=True")),
        Mistake("the product of the covariances has no root. Both traces beside it are of variances; its own is "
                "of variances times variances.",  # below 0, where the reference would cut it off
                _of_frechet(_OVERLAP, "np.trace(covariance_a @ covariance_b)", "overlap, 0", "overlap, -np.inf")),
        Mistake("each covariance has its own root and then they are multiplied. That is the same only when both "
                "share their axes.", _roots_multiplied),
        Mistake("only the variance of each feature counts. Two features that vary together, or against each other, "
                "look the same to you.",
                _of_frechet(_OVERLAP, "np.sqrt(np.diag(covariance_a) * np.diag(covariance_b)).sum()")),
        Mistake("the distance of the means is not squared.", _of_frechet("mean_part +", "np.sqrt(mean_part) +")),
        Mistake("the squares of the means' differences are averaged over the features. Add them up.",
                _of_frechet("mean_part +", "mean_part / a.shape[1] +")),
        Mistake("the 2 in front of the root is missing. Check: what is the distance of a set from itself?",
                _of_frechet("2 * overlap", "overlap")),
        Mistake("the root is added. Check: what is the distance of a set from itself?", _of_frechet("- 2 *", "+ 2 *")),
        Mistake("the root is missing: equal covariances must cancel.", _of_frechet("- 2 * overlap", "")),
        Mistake("only the means are compared. A model that draws one mean image a thousand times would be "
                "perfect.", lambda a, b: np.sum((a.mean(axis=0) - b.mean(axis=0))**2)),
        Mistake("only the covariances are compared. What if all fakes are shifted by the same amount?",
                _of_frechet("mean_part +", "")),
        Mistake("the covariances divide by n. An estimate from samples divides by n − 1, as `np.cov` does "
                "unless told otherwise.", _of_frechet("rowvar=False", "rowvar=False, bias=True")),
        Mistake("this is the root of it. The Fréchet distance of this field is the squared one.",
                lambda *features: np.sqrt(frechet_distance(*features))),
    ), hints=(
        "Four parts: the squared distance of the means, two traces, and the trace of a root. `np.cov` with "
        "`rowvar=False` gives the covariance of the columns.",
        "The trace of a matrix' root is the sum of the roots of the matrix' eigenvalues, and `np.linalg.eigvals` "
        "gives those. Of which product?",
        "Rounding makes some eigenvalues complex or slightly negative: keep the real part, and nothing below 0, "
        "before you take roots. (`scipy.linalg.sqrtm` does as well, but warns where a feature never varies.)",
    )),
    Exercise(identifier="10.2", reference=precision_recall, cases=_neighbourhoods, mistakes=(
        Mistake(_TOO_NEAR,
                _of_shares("radii(real, k)", "radii(real, k - 1)", "radii(fake, k)", "radii(fake, k - 1)")),
        Mistake(_TOO_FAR, lambda real, fake, k: precision_recall(real, fake, k + 1)),
        Mistake("a ball's radius is the average distance of the k neighbours. It is that of the k-th alone.",
                _balls_of_mean_radius),
        Mistake(_SQUARED_DISTANCES,
                _of_shares("real_radii[", "np.sqrt(real_radii)[", "< fake_radii", "< np.sqrt(fake_radii)")),
        Mistake(_SQUARED_RADII,
                _of_shares("squared_distances < real", "np.sqrt(squared_distances) < real",
                           "squared_distances < fake", "np.sqrt(squared_distances) < fake")),
        Mistake("precision and recall have changed places. Precision is a share of the fakes.",
                lambda *arguments: precision_recall(*arguments)[::-1]),
        Mistake("each sample looks into its own ball. For precision, fakes must lie in the balls around reals; "
                "for recall, the other way round.",
                lambda real, fake, k: (coverage(fake, real, k), coverage(real, fake, k))),
        Mistake("a ball reaches to the k-th neighbour in the *other* set, and so always holds some. Radii come "
                "from distances within one set.",
                _of_shares("real_radii[rows, None]", "np.sort(squared_distances, axis=1)[:, [k - 1]]",
                           "< fake_radii", "< np.sort(squared_distances, axis=0)[k - 1]")),
        Mistake("only the ball around the nearest sample is asked. A farther one may have a larger ball: one ball, "
                "any one, is enough.", _nearest_ball_only),
        Mistake("you average over all pairs. A sample counts once, whether one ball holds it or twenty.",
                _of_shares("|= np.any", "= np.mean", "[rows] = np.any", " = np.mean")),
        Mistake("a sample must lie in *all* balls to count. One is enough.",
                _of_shares("|= np.any", "= np.all", "[rows] = np.any", " = np.all")),
        Mistake("you count samples. A share lies between 0 and 1.",
                _of_shares("precise.mean()", "precise.sum()", "recalled.mean()", "recalled.sum()")),
    ), hints=(
        "Three matrices of distances: real to real and fake to fake for the radii, real to fake for the question. "
        "`scipy.spatial.distance.cdist` makes one.",
        "`np.sort(..., axis=1)` brings each sample's distances in order. Who is first in the row of distances "
        "within one set?",
        "Compare the matrix of shape (reals, fakes) with the reals' radii, one a row, and with the fakes', one a "
        "column. `any` along which axis leaves one answer for each fake?",
    )),
    Exercise(identifier="10.3", reference=coverage, cases=_neighbourhoods, mistakes=(
        Mistake("this is a share of the fakes: precision. Coverage asks each *real* image's ball whether "
                "it holds a fake.", lambda *arguments: precision_recall(*arguments).precision),
        Mistake("the balls stand around the fakes: that is recall, which one odd fake with a huge ball can raise. "
                "Coverage uses the reals' balls.", lambda *arguments: precision_recall(*arguments).recall),
        Mistake(_TOO_NEAR, _of_coverage("radii(real, k)", "radii(real, k - 1)")),
        Mistake(_TOO_FAR, lambda real, fake, k: coverage(real, fake, k + 1)),
        Mistake(_SQUARED_DISTANCES, _of_coverage("radii[", "np.sqrt(radii)[")),
        Mistake(_SQUARED_RADII, _of_coverage("squared_distances <", "np.sqrt(squared_distances) <")),
        Mistake("this is the density, which counts every fake in every ball and can exceed 1. A ball counts once, "
                "however many it holds.", lambda *arguments: density_coverage(*arguments).density),
        Mistake("you average over all pairs. A ball counts once, however many fakes it holds.",
                _of_coverage("[rows] = np.any", " = np.mean")),
        Mistake("a ball must hold k fakes to count. One is enough.", _of_coverage("np.any(", "k <= np.sum(")),
        Mistake("you count balls. A share lies between 0 and 1.", _of_coverage("covered.mean()", "covered.sum()")),
    ), hints=(
        "Half of exercise 10.2 is here again: the radii of the reals, and the distances from reals to fakes.",
        "Whether the ball around a real image holds each of the fakes is a row of True and False.",
        "A ball holds at least one fake exactly if the *smallest* distance in its row is below its radius.",
    )),
    Exercise(identifier="10.4", reference=class_entropy, cases=_class_counts, mistakes=(
        Mistake("a class without samples gives 0 · log 0, and that is NaN in code. Its limit is 0: leave these "
                "classes out.", _of_entropy("counts[counts > 0]", "counts")),
        Mistake("these are bits. Nats, as everywhere in this course, come from the natural logarithm.",
                _of_entropy("np.log", "np.log2")),
        Mistake("these are bits, not nats; and a class without samples gives 0 · log 0, which is NaN in code.",
                _of_entropy("counts[counts > 0]", "counts", "np.log", "np.log2")),
        Mistake("the sign is turned: logarithms of shares are negative, the entropy is not.",
                _of_entropy("0.0 - ", "")),
        Mistake("the counts are not divided by their sum. Entropy is that of probabilities.",
                _of_entropy(" / counts.sum()", "")),
        Mistake("the logarithm is that of the counts. It belongs to the shares, which are below 1.",
                _of_entropy("0.0 - np.sum", "np.sum", "np.log(shares)", "np.log(counts[counts > 0])")),
        Mistake("the logarithms are added without their weights. Each class counts as often as it is drawn.",
                _of_entropy("shares * np.log", "np.log")),
        Mistake("you average over the classes. The shares are the weights already: add up.",
                lambda counts: class_entropy(counts) / len(counts)),
        Mistake("you divide by the logarithm of the number of classes, so that the most is 1. Nats were asked for.",
                lambda counts: class_entropy(counts) / np.log(len(counts))),
        Mistake("this is how far the entropy lies below that of equal shares, not the entropy.",
                lambda counts: np.log(len(counts)) - class_entropy(counts)),
        Mistake("this is the exponential of the entropy: the number of equal classes that would be as "
                "uncertain. Nats were asked for.", lambda counts: np.exp(class_entropy(counts))),
    ), hints=(
        "Divide the counts by their sum; then −Σ p log p over the classes.",
        "What does 0 · log 0 give in NumPy, and what should it give?",
        "Keep only `counts[counts > 0]` before you take logarithms. Which logarithm gives nats?",
    )),
)
