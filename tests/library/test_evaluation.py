"""Scores of drawn images against SciPy, scikit-learn and the package of their authors."""

import contextlib
import io
import tracemalloc
import warnings

import numpy as np
import prdc
import pytest
from scipy import linalg
from sklearn.neighbors import NearestNeighbors

from utils import evaluation
from utils.data import flatten, load_mnist, to_unit_range
from utils.evaluation import (
    class_histogram,
    classes_covered,
    coverage,
    density_coverage,
    frechet_distance,
    judge_features,
    judge_labels,
    judge_probabilities,
    kernel_distance,
    nearest_neighbours,
    neighbour_scores,
    precision_recall,
    report,
)

RNG = np.random.default_rng(5)
MIXING = RNG.normal(0, 1, (12, 12))
REAL = RNG.normal(0, 1, (400, 12)) @ MIXING
FAKE = 1.3 * RNG.normal(0, 1, (300, 12)) @ MIXING + 0.7


@pytest.fixture(scope="module")
def mnist():
    return load_mnist()


@pytest.fixture(scope="module")
def digits(mnist):
    return to_unit_range(mnist.test_images[:600])


def by_scipy(a, b):
    root = linalg.sqrtm(linalg.sqrtm(np.cov(a.T)) @ np.cov(b.T) @ linalg.sqrtm(np.cov(a.T))).real
    return np.sum((a.mean(0) - b.mean(0)) ** 2) + np.trace(np.cov(a.T) + np.cov(b.T) - 2 * root)


def test_frechet_matches_the_matrix_square_root_of_scipy_both_ways():
    """Also with features that never vary, as units of the judge that are off for every drawn image."""
    assert frechet_distance(REAL, FAKE) == pytest.approx(by_scipy(REAL, FAKE), rel=1e-7)
    assert frechet_distance(FAKE, REAL) == pytest.approx(by_scipy(REAL, FAKE), rel=1e-7)
    assert 0 <= frechet_distance(REAL, REAL[::-1]) < 1e-6
    collapsed = np.concatenate([FAKE[:, :3], np.full((len(FAKE), 9), 0.25)], axis=1)
    assert frechet_distance(REAL, collapsed) == pytest.approx(by_scipy(REAL, collapsed), rel=1e-5)


def test_frechet_of_a_single_feature_compares_means_and_deviations():
    a, b = RNG.normal(1, 2, (50, 1)), RNG.normal(-1, 3, (60, 1))
    expected = (a.mean() - b.mean())**2 + (a.std(ddof=1) - b.std(ddof=1))**2
    assert frechet_distance(a, b) == pytest.approx(expected, rel=1e-9)


def by_two_loops(a, b):
    """The unbiased estimate, and the variance that Hoeffding's theorem gives it, one pair of pairs at a time."""
    def kernel(x, y):
        return (sum(one * other for one, other in zip(x, y, strict=True)) / len(x) + 1)**3

    count = len(a)
    told = {(i, j): kernel(a[i], a[j]) + kernel(b[i], b[j]) - kernel(a[i], b[j]) - kernel(a[j], b[i])
            for i in range(count) for j in range(count) if i != j}
    mean = sum(told.values()) / len(told)
    shared = [told[i, j] * told[i, k] for i, j in told for k in range(count) if k not in (i, j)]
    of_one, of_two = np.mean(shared) - mean**2, np.mean(np.square(list(told.values()))) - mean**2
    return mean, (4 * (count - 2) * max(of_one, 0) + 2 * of_two) / (count * (count - 1))


def test_kernel_distance_is_the_average_over_all_pairs_of_different_rows(monkeypatch):
    a, b = REAL[:21], FAKE[:21]
    expected, variance = by_two_loops(a.tolist(), b.tolist())
    value, error = kernel_distance(a, b)
    assert value == pytest.approx(expected, rel=1e-10) and error**2 == pytest.approx(variance, rel=1e-9)
    monkeypatch.setattr(evaluation, "BLOCK", 16)  # blocks of eight, the last one of five
    np.testing.assert_allclose(kernel_distance(a, b), (value, error), rtol=1e-10)
    assert kernel_distance(a, a) == pytest.approx((0, 0), abs=1e-12)


@pytest.mark.parametrize(("apart", "least", "most"), [(0.0, 1.0, 1.35), (0.6, 0.85, 1.2)])
def test_kernel_distance_is_unbiased_and_scatters_as_much_as_its_error_says(apart, least, most):
    """The truth by moments: the kernel is 1 + 3u + 3u^2 + u^3 with u = x.y / 2, of known moments up to the third."""
    random, draws = np.random.default_rng(0), 600
    found = np.array([kernel_distance(random.normal(apart, 1, (30, 2)), random.normal(0, 1, (30, 2)))
                      for _ in range(draws)])
    one, other = (np.array([1, mean, mean**2 + 1, mean**3 + 3 * mean]) for mean in (apart, 0))  # E x^0 … E x^3
    truth = sum(weight / 2**power * sum(choose * (one[i] * one[power - i] - other[i] * other[power - i])**2
                                        for i, choose in enumerate(row))
                for power, (weight, row) in enumerate([(1, [1]), (3, [1, 1]), (3, [1, 2, 1]), (1, [1, 3, 3, 1])]))
    scatter = found[:, 0].std(ddof=1)
    assert abs(found[:, 0].mean() - truth) < 3 * scatter / np.sqrt(draws)
    assert least < np.sqrt(np.mean(found[:, 1]**2)) / scatter < most


def test_kernel_distance_wants_equally_many():
    with pytest.raises(ValueError, match="kernel_distance wants as many samples in both sets, but got 400 and 300"):
        kernel_distance(REAL, FAKE)


def of_the_authors(real, fake, k):
    """Precision, recall, density and coverage of Naeem et al.'s own package."""
    with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*sklearn.utils.parallel")  # it asks joblib for eight threads
        return prdc.compute_prdc(real, fake, k)


def all_scores(real, fake, k):
    """Each score twice: one pass for all, and each function for itself."""
    return [*neighbour_scores(real, fake, k, k), *precision_recall(real, fake, k), *density_coverage(real, fake, k),
            coverage(real, fake, k)]


@pytest.mark.parametrize("k", [1, 3, 5])
def test_scores_match_the_authors_package_also_where_distances_are_tied(k):
    """On whole numbers many distances equal a radius, and some radii are zero: a ball's surface lies outside."""
    whole = np.random.default_rng(8).integers(0, 5, (350, 4)).astype(float)
    for real, fake in ((REAL, FAKE), (whole[:200], whole[200:])):
        expected = of_the_authors(real, fake, k)
        assert 0.05 < min(expected.values()) and len(set(expected.values())) == 4  # nothing is saturated
        assert neighbour_scores(real, fake, k, k)._asdict() == pytest.approx(expected, abs=1e-6)
        scores = [*expected.values()] * 2 + [expected["coverage"]]
        np.testing.assert_allclose(all_scores(real, fake, k), scores, atol=1e-6)


def test_one_pass_gives_each_score_its_own_neighbour():
    assert neighbour_scores(REAL, FAKE) == (*precision_recall(REAL, FAKE), *density_coverage(REAL, FAKE))
    assert neighbour_scores(REAL, FAKE, k=4, coverage_k=2) == (*precision_recall(REAL, FAKE, 4),
                                                               *density_coverage(REAL, FAKE, 2))


def test_scores_hold_no_whole_matrix_of_distances():
    real, fake = RNG.normal(size=(2, 4_000, 4))
    tracemalloc.start()
    neighbour_scores(real, fake)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 0.6 * 4_000**2 * 8  # two blocks of a thousand rows, of one matrix of four thousand


@pytest.mark.parametrize("k", [0, -1, 2.5])
def test_numbers_of_neighbours_that_make_no_ball_are_refused(k):
    for score in (precision_recall, density_coverage, coverage, neighbour_scores,
                  lambda real, fake, k: neighbour_scores(real, fake, 3, k)):
        with pytest.raises(ValueError, match=rf"wants a whole number of neighbours from 1 on, but got {k}"):
            score(REAL, FAKE, k)


def test_blocks_make_no_difference(monkeypatch):
    whole = all_scores(REAL, FAKE, 3)
    monkeypatch.setattr(evaluation.squared_distance_blocks, "__defaults__", (37,))
    assert all_scores(REAL, FAKE, 3) == whole


@pytest.mark.parametrize("score", [frechet_distance, kernel_distance, precision_recall, density_coverage,
                                   coverage, neighbour_scores])
def test_scores_refuse_what_is_no_pair_of_feature_matrices(score):
    name = score.__name__
    for fake, words in ((FAKE[:, :11], r"matrices .* of one size .*\(400, 12\).*\(300, 11\)"),
                        (FAKE[:1], r"matrices .* at least \d samples.*\(1, 12\)"), (FAKE[0], r"matrices .*\(12,\)"),
                        (np.where(np.arange(12) == 4, np.nan, FAKE), "finite numbers.*NaN or infinity.*diverged")):
        with pytest.raises(ValueError, match=f"{name} wants {words}"):
            score(REAL, fake)


def test_nearest_neighbours_match_scikit_learn(mnist, digits):
    references = to_unit_range(mnist.train_images[:3_000])
    found = nearest_neighbours(digits[:250], references, count=4)
    oracle = NearestNeighbors(n_neighbors=4, algorithm="brute").fit(flatten(references).astype(float))
    distances, indices = oracle.kneighbors(flatten(digits[:250]).astype(float))
    np.testing.assert_allclose(found.distances, distances, rtol=1e-5)
    np.testing.assert_array_equal(found.indices, indices)
    copies = nearest_neighbours(digits[40:42], digits[..., None])
    assert copies.indices.tolist() == [[40], [41]] and copies.distances.tolist() == [[0], [0]]


def test_nearest_neighbours_refuse_too_many_and_other_ranges(digits):
    with pytest.raises(ValueError, match="wants a count from 1 to the number of references, 5, but got 6"):
        nearest_neighbours(digits[:2], digits[:5], count=6)
    with pytest.raises(ValueError, match=r"nearest_neighbours wants values in \[0, 1\], but got values from 0 to 255"):
        nearest_neighbours(255 * digits[:2], digits[:5])


def test_a_class_counts_as_covered_from_one_percent():
    assert classes_covered([980, 10, 10, 0]) == 3
    assert classes_covered([981, 9, 10, 0]) == 2


@pytest.mark.parametrize("counts", [np.zeros(10), [3, -1], np.ones((2, 10)), [1, np.nan]])
def test_wrong_counts_are_refused(counts):
    with pytest.raises(ValueError, match=r"classes_covered wants counts of shape \(classes,\)"):
        classes_covered(counts)


def test_the_judge_reads_the_test_set_as_promised(mnist):
    labels = judge_labels(to_unit_range(mnist.test_images))
    assert np.mean(labels == mnist.test_labels) >= 0.992


def test_the_judge_takes_all_three_shapes_and_its_answers_agree(digits):
    features, probabilities, labels = judge_features(digits), judge_probabilities(digits), judge_labels(digits)
    assert features.shape == (600, 64) and features.min() >= 0 and features.std() > 0.1
    np.testing.assert_allclose(judge_features(digits[..., None]), features, atol=1e-5)
    np.testing.assert_allclose(judge_features(flatten(digits)), features, atol=1e-5)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-5)
    np.testing.assert_array_equal(probabilities.argmax(axis=1), labels)
    np.testing.assert_array_equal(class_histogram(digits), [np.sum(labels == digit) for digit in range(10)])


@pytest.mark.parametrize("ask", [judge_features, judge_labels, judge_probabilities, class_histogram, report])
def test_the_judge_refuses_other_shapes_and_ranges(ask):
    grey = np.linspace(0, 1, 3 * 784).reshape(3, 28, 28)
    for wrong in (grey[0], grey[:0], grey.reshape(3, 14, 56), grey[..., None].repeat(3, -1)):
        with pytest.raises(ValueError, match=r"wants images of shape \(n, 28, 28\), \(n, 28, 28, 1\) or \(n, 784\)"):
            ask(wrong)
    for wrong in (2 * grey - 1, 255 * grey, np.where(grey > 0.9, np.nan, grey)):
        with pytest.raises(ValueError, match=r"wants values in \[0, 1\], but got values from .*to_unit_range"):
            ask(wrong)


def test_blurred_images_are_told_from_real_ones(mnist):
    images = to_unit_range(mnist.train_images[:2_000])
    scores = report((images + np.roll(images, 2, axis=1) + np.roll(images, -2, axis=2)) / 3)
    floor = evaluation.real_against_real(2_000)
    assert scores.images == 2_000 and scores.class_counts.sum() == 2_000 and scores.floor == floor
    # What shared figures for another judge say too: .9 or so, and most real images lie among the others.
    assert 0.3 < floor.frechet < 4 and 0.8 < floor.precision < 0.95 and 0.8 < floor.recall < 0.95
    assert scores.frechet > 10 * floor.frechet and scores.recall < 0.1 * floor.recall


def test_validation_images_score_without_a_fault_against_themselves_and_none_stands_in_the_floor(mnist):
    validation = to_unit_range(mnist.train_images[55_000:])
    scores = report(validation, against="validation")
    assert scores.frechet < 1e-3 and (scores.precision, scores.recall) == (1, 1) and report(validation).frechet > 0.1
    training = to_unit_range(mnist.train_images[:55_000])
    chosen = np.sort(np.random.default_rng(0).choice(55_000, size=5_000, replace=False))
    features, real = judge_features(training[chosen]), judge_features(validation)
    assert scores.floor == (frechet_distance(features, real), *precision_recall(real, features))


def test_images_are_scored_against_real_ones_that_exist(mnist):
    with pytest.raises(ValueError, match='wants against="test" or "validation", but got \'train\''):
        report(to_unit_range(mnist.test_images[:10]), against="train")


def test_the_report_puts_the_floor_beside_each_number():
    counts = np.array([500, 0, 90, 100, 5, 100, 100, 35, 30, 40])
    assert str(evaluation.Report(1_000, 12.34, 0.7, 0.6, counts, evaluation.Floor(0.91, 0.86, 0.87))).splitlines() == [
        "Fréchet distance 12.3 (real images against real images: 0.9)",
        "precision 0.70 (real images against real images: 0.86)",
        "recall 0.60 (real images against real images: 0.87)",
        "digits drawn 8 of 10 (under 1%: 1, 4)",
    ]
