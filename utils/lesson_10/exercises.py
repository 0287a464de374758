"""Lesson 10 · Measuring generative models."""

import numpy as np
from scipy.linalg import sqrtm
from scipy.spatial.distance import cdist

from utils.evaluation import coverage, density_coverage, frechet_distance, precision_recall
from utils.exercises.edits import edits_of
from utils.exercises.engine import Exercise, Mistake
from utils.exercises.running import Unusable
from utils.lesson_10.study import class_entropy


def _clouds(real, fake, size, seed, spread=1.0):
    """Return two clouds of features that overlap in part; the second is wider and has moved."""
    random = np.random.default_rng(seed)
    mixing = random.normal(size=(size, size)) + np.eye(size)
    return random.normal(size=(real, size)) @ mixing, (spread * random.normal(size=(fake, size)) + 0.8) @ mixing.T


def _gaussians():
    constant = _clouds(12, 9, 4, seed=2)
    constant[1][:, 2] = 0.25  # a feature that never varies among the fakes: a singular covariance
    few = _clouds(7, 6, 9, seed=3)  # fewer samples than features: eigenvalues that rounding leaves below 0
    return [_clouds(8, 6, 2, 0), _clouds(30, 30, 3, 1, spread=1.6), constant, few, _clouds(160, 120, 16, 7)]


def _neighbourhoods():
    random = np.random.default_rng(8)
    on_a_grid = [random.integers(low, low + 8, (count, 2)).astype(float) for low, count in ((1, 25), (3, 20))]  # ties
    return [(*_clouds(8, 6, 2, seed=3), 2), (*_clouds(40, 30, 2, seed=4, spread=0.7), 2),
            (*_clouds(50, 60, 3, seed=5, spread=1.4), 3), (*_clouds(30, 20, 2, seed=6, spread=0.2), 5), (*on_a_grid, 4),
            (*_clouds(240, 180, 8, seed=9), 3)]


def _class_counts():
    return [(np.array([5, 3, 2]),), (np.array([7, 0, 1, 0]),), (np.array([90, 110, 4, 0, 35, 250, 1, 77, 120, 313]),),
            (np.array([0, 480, 510, 495, 3, 505, 2, 0, 490, 20]),)]


def _real_number(function, *arguments):
    distance = function(*arguments)
    if np.iscomplexobj(distance):
        raise Unusable("a complex number came back. The root of rounded numbers can leave a tiny imaginary part: "
                       "go on with the real one.")
    return distance


_real_number.plain = _real_number


# Mistakes ---------------------------------------------------------------------------------------------------

def _mistakes(*table):
    """Return the mistakes of a table of (message, function, …)."""
    return tuple(Mistake(message, function) for message, *functions in table for function in functions)


_of_frechet, _of_shares, _of_coverage, _of_entropy = map(
    edits_of, (frechet_distance, precision_recall, coverage, class_entropy))
_COVARIANCE, _MEANS = "np.cov(features, rowvar=False)", "np.sum((a.mean(axis=0) - b.mean(axis=0)) ** 2)"
_TRACES = "np.trace(covariance_a) + np.trace(covariance_b)"
_ALL_TRACES = f"{_TRACES} - 2 * trace_of_root"
_PRODUCT = "root @ covariance_b @ root"
_OVERLAP = f"np.sqrt(np.maximum(np.linalg.eigvalsh({_PRODUCT}), 0)).sum()"


def _with_overlap(overlap):
    """Return the Fréchet distance with another last trace, computed from both covariances."""
    def frechet_distance(a, b):
        covariances = [np.cov(features, rowvar=False) for features in (a, b)]
        return np.sum((a.mean(axis=0) - b.mean(axis=0))**2) + np.trace(sum(covariances)) - 2 * overlap(*covariances)

    return frechet_distance


def _balls(radii=lambda apart, k: apart[:, k], metric="euclidean", inside=np.less):
    """Return what says for each real and each fake whether the real's ball holds the fake, and the fake's the real.

    `radii` makes them of the sorted distances within a set, `inside` compares.
    """
    def hold(real, fake, k):
        of_real, of_fake = (radii(np.sort(cdist(each, each, metric), axis=1), k) for each in (real, fake))
        between = cdist(real, fake, metric)
        return inside(between, of_real[:, None]), inside(between, of_fake)

    return hold


def _nearest_only(real, fake, k):
    apart, (of_real, of_fake) = cdist(real, fake), _balls()(real, fake, k)
    return (of_real & (np.arange(len(real))[:, None] == apart.argmin(axis=0)),
            of_fake & (np.arange(len(fake)) == apart.argmin(axis=1)[:, None]))


_BALLS = (  # what goes wrong in both exercises
    ("the balls reach to the neighbour before the k-th. Leave the sample out.", _balls(lambda near, k: near[:, k - 1])),
    ("the balls reach to the k-th *farthest* sample. In which order are they?", _balls(lambda near, k: near[:, -k])),
    ("a ball's radius is the average distance of the k neighbours. It is that of the k-th alone.",
     _balls(lambda near, k: near[:, 1:k + 1].mean(axis=1))),
    ("all balls have one radius, the average or the largest. Each has its own: small where samples lie close together.",
     *(_balls(lambda near, k, one=one: 0 * near[:, k] + one(near[:, k])) for one in (np.mean, np.max))),
    ("the balls have half the radius: the distance to the k-th is the radius.", _balls(lambda near, k: near[:, k] / 2)),
    ("squared distances are compared with plain radii. Square both or none.", _balls(inside=lambda far, r: far**2 < r)),
    ("plain distances are compared with squared radii. Square both or none.", _balls(inside=lambda far, r: far < r**2)),
    ("the distance is not the Euclidean one, the root of the summed squares of all features' differences.",
     *(_balls(metric=metric) for metric in ("cityblock", "chebyshev", "cosine")),
     lambda real, fake, k: _balls()(real[:, :1], fake[:, :1], k)),
    ("a sample *on* the surface of a ball counts as inside. Inside is closer.", _balls(inside=np.less_equal)),
    ("the comparison is turned round: a sample is inside if it is *closer*.", _balls(inside=np.greater)),
    ("it is enough for you that two balls touch. A ball must hold the other sample itself.", lambda real, fake, k: 2 * [
        cdist(real, fake) < np.add.outer(*(np.sort(cdist(each, each))[:, k] for each in (real, fake)))]),
    ("only the ball around the nearest sample is asked. A farther ball may be larger.", _nearest_only),
    ("each set is moved to its own mean first, so that fakes which have all moved look perfect.",
     lambda real, fake, k: _balls()(real - real.mean(axis=0), fake - fake.mean(axis=0), k)),
)


EXERCISES = (
    Exercise(identifier="10.1", reference=frechet_distance, cases=_gaussians, observe=_real_number, calls=2500,
             mistakes=_mistakes(
        ("the root is taken element by element. The root of a matrix is the matrix that gives it when multiplied by "
         "itself.", _with_overlap(lambda one, other: np.trace(np.sqrt(np.maximum(one @ other, 0))))),
        ("the covariances are multiplied element by element. Which product of matrices does the formula mean?",
         _of_frechet(_PRODUCT, "covariance_a * covariance_b")),
        ("the covariances are those of samples, not of features.", _of_frechet("rowvar=False", "rowvar=True")),
        ("the product of the covariances has no root. Both traces beside it are of variances; its own is of variances "
         "times variances.", _with_overlap(lambda one, other: np.trace(one @ other))),
        ("each covariance has its own root and then they are multiplied. That is right only where both share their "
         "axes.", _with_overlap(lambda one, other: np.trace(sqrtm(one).real @ sqrtm(other).real))),
        ("the eigenvalues of each covariance are paired in order, as if both clouds had the same axes.", _with_overlap(
            lambda *both: np.sqrt(np.prod([np.maximum(np.linalg.eigvalsh(each), 0) for each in both], axis=0)).sum())),
        ("only the variance of each feature counts. Two features that vary together, or against each other, look the "
         "same to you.", _of_frechet(_OVERLAP, "np.sqrt(np.diag(covariance_a) * np.diag(covariance_b)).sum()")),
        ("`eigvalsh` is for symmetric matrices, and the product of two covariances is not symmetric.",
         _of_frechet(_PRODUCT, "covariance_a @ covariance_b")),
        ("these are the product's singular values. As it is not symmetric, they are not its eigenvalues.",
         _with_overlap(lambda one, other: np.sqrt(np.linalg.svd(one @ other, compute_uv=False)).sum())),
        ("rounding leaves some eigenvalues a little below 0, and their roots are NaN. Keep nothing below 0.",
         _with_overlap(lambda one, other: np.sqrt(np.linalg.eigvals(one @ other).real).sum())),
        ("the root is taken of a sum or of a product of traces. Add up the roots of the product's eigenvalues.",
         _of_frechet(_OVERLAP, "np.sqrt(np.trace(covariance_a @ covariance_b))"),
         _of_frechet(_OVERLAP, "np.sqrt(np.trace(covariance_a) * np.trace(covariance_b))")),
        ("these are eigenvalues of a sum, not a product.", _of_frechet(_PRODUCT, "covariance_a + covariance_b")),
        ("the root is taken twice.", _of_frechet(_OVERLAP, f"np.sqrt({_OVERLAP[:-6]}).sum()")),
        ("all elements are added up. A trace takes the diagonal alone.",
         _of_frechet(_TRACES, "covariance_a.sum() + covariance_b.sum()")),
        ("the traces are averaged over the features. A trace is a sum.",
         _of_frechet(_ALL_TRACES, f"({_ALL_TRACES}) / a.shape[1]")),
        ("the squared differences of the covariances' elements are added up. The formula has traces and a root.",
         _of_frechet(_ALL_TRACES, "np.sum((covariance_a - covariance_b) ** 2)")),
        ("these are correlations, which do not know how wide a cloud is. Covariances are wanted.",
         _of_frechet(_COVARIANCE, "np.corrcoef(features, rowvar=False)")),
        ("the mean is not taken off. A covariance is about deviations from it.",
         _of_frechet(_COVARIANCE, "features.T @ features / (len(features) - 1)")),
        ("the covariances are not divided by n − 1, and once: `np.cov` does so unless told otherwise.",
         *(_of_frechet(_COVARIANCE, f"{_COVARIANCE} * {factor}") for factor in (
             "(len(features) - 1)", "(len(features) - 1) / len(features)", "1 / len(features)"))),
        ("the distance of the means is not squared.", _of_frechet("mean_part +", "np.sqrt(mean_part) +")),
        ("the squares of the means' differences are averaged over the features. Add them up.",
         _of_frechet("mean_part +", "mean_part / a.shape[1] +")),
        ("the means' differences are added up before they are squared, and can cancel.",
         _of_frechet(_MEANS, "np.sum(a.mean(axis=0) - b.mean(axis=0)) ** 2")),
        ("a mean for each feature, over the images, is wanted.", _of_frechet(_MEANS, "(a.mean() - b.mean()) ** 2"),
         _of_frechet(_MEANS, "np.sum((a.mean(axis=1) - b.mean(axis=1)) ** 2)"),
         _of_frechet(_MEANS, "np.sum((np.median(a, axis=0) - np.median(b, axis=0)) ** 2)")),
        ("only the means matter. Is there a covariance of each set? One mean image, drawn always, would be perfect.",
         _of_frechet(_ALL_TRACES, "0"), lambda a, b: np.linalg.norm(a.mean(axis=0) - b.mean(axis=0))),
        ("only the covariances are compared. What if all fakes have moved?", _of_frechet("mean_part +", "")),
        ("images are compared in pairs, as they stand in the sets. Compare the Gaussians, by means and covariances.",
         lambda a, b: np.mean([np.sum((one - other)**2) for one, other in zip(a, b)])),
        ("the longer set is cut to the length of the other.", lambda a, b: frechet_distance(a[:len(b)], b[:len(a)])),
    ), hints=(
        "Add the squared distance of the means and two traces; subtract a third. `np.cov` needs `rowvar=False`.",
        "The trace of a root is the sum of the roots of the eigenvalues (`np.linalg.eigvals`). Of which product?",
        "Rounding makes some eigenvalues complex or slightly negative: keep the real part, and nothing below 0, "
        "before you take roots. (`scipy.linalg.sqrtm` works too, but warns where a feature never varies.)",
    )),
    Exercise(identifier="10.2", reference=precision_recall, cases=_neighbourhoods, calls=40, mistakes=_mistakes(
        *((message, *(lambda *case, hold=hold: (hold(*case)[0].any(0).mean(), hold(*case)[1].any(1).mean())
                      for hold in holds)) for message, *holds in _BALLS),
        ("each sample looks into its own ball. For precision, fakes must lie in the balls around reals; for recall, "
         "the other way round.", lambda real, fake, k: (coverage(fake, real, k), coverage(real, fake, k))),
        ("these are shares of the balls that hold a sample, not of the samples that lie in a ball. Along which axis "
         "does `any` run?", lambda real, fake, k: (coverage(real, fake, k), coverage(fake, real, k))),
        ("only the balls around the reals are used. For recall, reals must lie in the balls around the *fakes*.",
         *(lambda *case, recall=recall: (precision_recall(*case)[0], recall(*case)) for recall in (
             coverage, lambda *case: precision_recall(*case)[0], lambda *case: 1 - precision_recall(*case)[0]))),
        ("both counts are divided by the number of reals.", _of_shares("precise.mean()", "precise.sum() / len(real)")),
        ("a ball reaches to the k-th neighbour in the *other* set, and so always holds some. Radii come from distances "
         "within one set.", _of_shares("real_radii[rows, None]", "np.sort(squared_distances, axis=1)[:, [k - 1]]",
                                       "< fake_radii", "< np.sort(squared_distances, axis=0)[k - 1]")),
        ("you average over all pairs. A sample counts once, whether one ball holds it or twenty.",
         _of_shares("|= np.any", "= np.mean", "[rows] = np.any", " = np.mean")),
        ("you count the balls that hold a sample, as the density does. A sample counts once, however many hold it.",
         lambda real, fake, k: (density_coverage(real, fake, k).density, density_coverage(fake, real, k).density)),
        ("a sample must lie in *all* balls to count. One is enough.",
         _of_shares("|= np.any", "= np.all", "[rows] = np.any", " = np.all")),
        ("you count samples. A share lies between 0 and 1.",
         _of_shares("precise.mean()", "precise.sum()", "recalled.mean()", "recalled.sum()")),
    ), hints=(
        "`cdist` makes three matrices of distances: real to real and fake to fake for the radii, and real to fake.",
        "`np.sort(..., axis=1)` sorts each sample's distances. Who comes first in a row of distances within one set?",
        "Compare the matrix (reals, fakes) with either set's radii. `any` along which axis leaves one answer per fake?",
    )),
    Exercise(identifier="10.3", reference=coverage, cases=_neighbourhoods, calls=40, mistakes=_mistakes(
        *((message, *(lambda *case, hold=hold: hold(*case)[0].any(1).mean() for hold in holds))
          for message, *holds in _BALLS),
        ("this is a share of the fakes: precision. Coverage asks each *real* image's ball whether it holds a fake.",
         lambda *case: precision_recall(*case).precision),
        ("the balls stand around the fakes: that is recall, which one odd fake with a huge ball can raise. Coverage "
         "uses the reals' balls.", lambda *case: precision_recall(*case).recall),
        ("this is the density, which counts every fake in every ball and can exceed 1. A ball counts once, however "
         "many it holds.", lambda *case: density_coverage(*case).density),
        ("you count or average all pairs. A ball counts once, however many fakes it holds.",
         *(_of_coverage("[rows] = np.any", f" = np.{taken}") for taken in ("mean", "sum"))),
        ("one fake is enough for a ball to count, and more do no harm.",
         *(_of_coverage("np.any(", f"{test} np.sum(") for test in ("k <=", "2 <=", "1 =="))),
        ("the share is divided by k. Only the density is.", lambda real, fake, k: coverage(real, fake, k) / k),
        ("a ball reaches to the k-th *fake*, and so always holds some. Radii come from distances among the reals.",
         _of_coverage("radii[rows, None]", "np.sort(squared_distances, axis=1)[:, [k - 1]]")),
        ("the covered balls are divided by the number of fakes. Their share of all balls is wanted.",
         _of_coverage("covered.mean()", "covered.sum() / len(fake)")),
        ("the share is rounded down to a whole number.", lambda *case: np.floor(coverage(*case))),
    ), hints=(
        "Half of exercise 10.2 is here again: the radii of the reals, and the distances from reals to fakes.",
        "Whether the ball around a real image holds each of the fakes is a row of True and False.",
        "A ball holds at least one fake exactly if the *smallest* distance in its row is below its radius.",
    )),
    Exercise(identifier="10.4", reference=class_entropy, cases=_class_counts, mistakes=_mistakes(
        ("a class without samples gives 0 · log 0: NaN. Leave it out.", _of_entropy("counts[counts > 0]", "counts")),
        ("the shares do not add up to 1: divide the counts by their own sum.", *(_of_entropy("counts.sum()", other)
         for other in ("10_000", "5_000", "counts.max()", "len(counts)", "(counts[counts > 0] + 1)"))),
        ("the logarithm is that of the counts. It belongs to the shares, which are below 1.",
         _of_entropy("np.log(shares)", "np.log(counts[counts > 0])")),
        ("the weights of the logarithms are not the shares: each class counts as often as it is drawn.",
         *(_of_entropy("shares * np", f"{other} * np") for other in ("counts[counts > 0]", "shares ** 2")),
         lambda counts: -np.mean(np.log(counts / counts.sum() + 1e-12))),
        ("1 − p stands in a logarithm. Only log p belongs here, for each class once.",
         *(_of_entropy("shares * np.log(shares)", other) for other in (
             "shares * np.log(1 - shares)", "shares * np.log(shares) + (1 - shares) * np.log(1 - shares)"))),
        ("there are squares where logarithms should be weighted with the shares and added up.",
         *(_of_entropy("float(0.0 - np.sum(shares * np.log(shares)))", other) for other in (
             "1 - np.sum(shares ** 2)", "-np.log(np.sum(shares ** 2))", "np.sum(np.log(shares) ** 2)",
             "np.var(counts / counts.sum())"))),
        ("you divide by the logarithm of the number of classes, so that the most is 1. Nats were asked for.",
         lambda counts: class_entropy(counts) / np.log(len(counts))),
        ("this is how far the entropy lies below that of equal shares, not the entropy.",
         lambda counts: np.log(len(counts)) - class_entropy(counts), lambda counts: np.log(10) - class_entropy(counts)),
        ("a class that is never drawn adds something. It must add nothing.",
         lambda counts: class_entropy(counts + 1), lambda counts: class_entropy(np.maximum(counts, 1)),
         lambda counts: -np.sum((p := np.maximum(counts / counts.sum(), 0.01)) * np.log(p))),
        ("this asks only how many classes are drawn. How evenly they are drawn counts as well.",
         lambda counts: np.log(np.count_nonzero(counts)), lambda counts: float(np.count_nonzero(counts))),
        ("only one class counts, the most frequent or the first. Add over all classes; a `return` ends a loop.",
         *(lambda counts, weight=weight, taken=taken: -weight(p := taken(counts[counts > 0]) / counts.sum()) * np.log(p)
           for weight, taken in ((np.ones_like, np.max), (float, np.max), (float, lambda drawn: drawn[0])))),
        ("classes are left out that were drawn: the first, those after a zero, or those drawn once.",
         *(lambda counts, kept=kept: -np.sum((p := counts[kept(counts)] / counts.sum()) * np.log(p)) for kept in (
             lambda counts: (counts > 0) & (np.arange(len(counts)) > 0), lambda counts: np.cumprod(counts > 0) > 0,
             lambda counts: counts > 1))),
        ("this is 0, whatever the counts. Are the shares rounded down to whole numbers?", lambda counts: 0.0),
    ), hints=(
        "Divide the counts by their sum; then −Σ p log p over the classes.",
        "What does 0 · log 0 give in NumPy, and what should it give?",
        "Keep only `counts[counts > 0]` before you take logarithms. Which logarithm gives nats?",
    )),
)
