"""Scores of drawn images against SciPy, scikit-learn, closed forms and full distance matrices."""

import contextlib
import io
import math
import tracemalloc
import warnings

import numpy as np
import prdc
import pytest
from scipy import linalg
from scipy.spatial.distance import cdist
from scipy.special import logsumexp
from scipy.stats import entropy, norm
from sklearn.neighbors import KernelDensity, NearestNeighbors

from utils import evaluation
from utils.data import flatten, load_mnist, to_unit_range
from utils.evaluation import (
    Floor,
    Report,
    class_histogram,
    classes_covered,
    coverage,
    density_coverage,
    frechet_distance,
    judge_features,
    judge_labels,
    judge_probabilities,
    nearest_neighbours,
    neighbour_scores,
    precision_recall,
    real_against_real,
    report,
)
from utils.lesson_10.study import class_entropy, memorisation, parzen_bandwidth, parzen_log_likelihood

RNG = np.random.default_rng(5)
MIXING = RNG.normal(0, 1, (12, 12))
REAL = RNG.normal(0, 1, (400, 12)) @ MIXING
FAKE = 1.3 * RNG.normal(0, 1, (300, 12)) @ MIXING + 0.7
DISTANCES = cdist(REAL, FAKE)


def radii(features, k):
    """Distance of each row to its k-th neighbour, by scikit-learn; without an argument it leaves out the row itself."""
    return NearestNeighbors(n_neighbors=k).fit(features).kneighbors()[0][:, -1]


def with_moments(mean, covariance, samples=500):
    """Samples whose mean and covariance are these exactly."""
    noise = RNG.normal(size=(samples, len(mean)))
    noise -= noise.mean(axis=0)
    whitened = noise @ np.linalg.inv(np.linalg.cholesky(np.atleast_2d(np.cov(noise, rowvar=False)))).T
    return mean + whitened @ np.linalg.cholesky(covariance).T


@pytest.fixture(scope="module")
def mnist():
    return load_mnist()


@pytest.fixture(scope="module")
def digits(mnist):
    return to_unit_range(mnist.test_images[:600])


def test_frechet_matches_the_matrix_square_root_of_scipy():
    covariance_a, covariance_b = np.cov(REAL, rowvar=False), np.cov(FAKE, rowvar=False)
    root = linalg.sqrtm(covariance_a @ covariance_b).real
    expected = np.sum((REAL.mean(0) - FAKE.mean(0)) ** 2) + np.trace(covariance_a + covariance_b - 2 * root)
    assert frechet_distance(REAL, FAKE) == pytest.approx(expected, rel=1e-7)


def test_frechet_has_the_closed_form_of_commuting_covariances():
    basis = np.linalg.qr(RNG.normal(size=(4, 4)))[0]
    scales_a, scales_b = np.array([1.0, 2.0, 0.5, 3.0]), np.array([2.0, 2.5, 0.1, 1.0])
    mean_a, mean_b = RNG.normal(size=(2, 4))
    a = with_moments(mean_a, basis * scales_a**2 @ basis.T)
    b = with_moments(mean_b, basis * scales_b**2 @ basis.T)
    expected = np.sum((mean_a - mean_b) ** 2) + np.sum((scales_a - scales_b) ** 2)
    assert frechet_distance(a, b) == pytest.approx(expected, rel=1e-9)


def test_frechet_is_symmetric_and_zero_between_equals():
    assert frechet_distance(REAL, FAKE) == pytest.approx(frechet_distance(FAKE, REAL), rel=1e-7)
    assert 0 <= frechet_distance(REAL, REAL[::-1]) < 1e-6


def test_frechet_stays_real_with_features_that_never_vary():
    # Units of the judge that are off for every drawn image: a singular covariance.
    collapsed = FAKE.copy()
    collapsed[:, 3:] = 0.25
    variance = np.cov(REAL, rowvar=False)
    root = linalg.sqrtm(linalg.sqrtm(variance) @ np.cov(collapsed, rowvar=False) @ linalg.sqrtm(variance)).real
    expected = np.sum((REAL.mean(0) - collapsed.mean(0)) ** 2)
    expected += np.trace(variance + np.cov(collapsed, rowvar=False) - 2 * root)
    assert frechet_distance(REAL, collapsed) == pytest.approx(expected, rel=1e-5)


def test_frechet_takes_a_single_feature():
    a, b = with_moments(np.array([1.0]), np.array([[4.0]])), with_moments(np.array([-1.0]), np.array([[9.0]]))
    assert frechet_distance(a, b) == pytest.approx(5.0, rel=1e-9)


@pytest.mark.parametrize("k", [1, 3, 5])
def test_precision_and_recall_match_brute_force(k):
    of_reals, of_fakes = radii(REAL, k), radii(FAKE, k)
    precision = np.mean([np.any(DISTANCES[:, j] < of_reals) for j in range(len(FAKE))])
    recall = np.mean([np.any(DISTANCES[i] < of_fakes) for i in range(len(REAL))])
    assert 0.1 < precision < 1 and 0.1 < recall < 1  # nothing is saturated
    assert precision_recall(REAL, FAKE, k) == (pytest.approx(precision), pytest.approx(recall))


@pytest.mark.parametrize("k", [1, 5])
def test_density_and_coverage_match_brute_force(k):
    held = np.array([np.sum(DISTANCES[i] < radius) for i, radius in enumerate(radii(REAL, k))])
    assert 0.1 < np.mean(held > 0) < 1
    assert density_coverage(REAL, FAKE, k) == (pytest.approx(held.sum() / (k * len(FAKE))),
                                               pytest.approx(np.mean(held > 0)))
    assert coverage(REAL, FAKE, k) == pytest.approx(np.mean(held > 0))


def of_the_authors(real, fake, k):
    """Precision, recall, density and coverage of Naeem et al.'s own package."""
    with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*sklearn.utils.parallel")  # it asks joblib for eight threads
        return prdc.compute_prdc(real, fake, k)


@pytest.mark.parametrize("k", [1, 3, 5])
def test_neighbour_scores_match_the_authors_package(k):
    expected = of_the_authors(REAL, FAKE, k)
    assert 0.05 < min(expected.values()) and len(set(expected.values())) == 4
    assert neighbour_scores(REAL, FAKE, k, k)._asdict() == pytest.approx(expected, abs=1e-6)
    assert (*precision_recall(REAL, FAKE, k), *density_coverage(REAL, FAKE, k), coverage(REAL, FAKE, k)) == (
        pytest.approx((*expected.values(), expected["coverage"]), abs=1e-6))


@pytest.mark.parametrize("k", [1, 3])
def test_ties_count_as_in_the_authors_package(k):
    """On whole numbers many distances equal a radius, and some radii are zero: a ball's surface lies outside."""
    random = np.random.default_rng(8)
    real, fake = random.integers(0, 4, (200, 4)).astype(float), random.integers(0, 5, (150, 4)).astype(float)
    tied = np.mean(np.isclose(cdist(real, fake), radii(real, k)[:, None]))
    assert tied > 0.005
    assert neighbour_scores(real, fake, k, k)._asdict() == pytest.approx(of_the_authors(real, fake, k), abs=1e-6)
    assert precision_recall(real, fake, k) == neighbour_scores(real, fake, k, k)[:2]
    assert (*density_coverage(real, fake, k), coverage(real, fake, k)) == (
        *neighbour_scores(real, fake, k, k)[2:], neighbour_scores(real, fake, k, k).coverage)


def test_one_pass_gives_each_score_its_own_neighbour():
    assert neighbour_scores(REAL, FAKE) == (*precision_recall(REAL, FAKE, 3), *density_coverage(REAL, FAKE, 5))
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


def test_coverage_of_the_same_distribution_is_one_minus_a_power_of_two():
    # Naeem et al. (2020), section 3.4: 1 - (1/2)^k for many samples of one distribution.
    same = RNG.normal(size=(2_000, 12)) @ MIXING
    other = RNG.normal(size=(2_000, 12)) @ MIXING
    assert density_coverage(same, other, k=3).coverage == pytest.approx(1 - 2**-3, abs=0.03)


def test_blocks_make_no_difference(monkeypatch):
    def scores():
        return precision_recall(REAL, FAKE), density_coverage(REAL, FAKE), coverage(REAL, FAKE), neighbour_scores(
            REAL, FAKE)

    whole = scores()
    monkeypatch.setattr(evaluation._squared_distance_blocks, "__defaults__", (37,))
    assert scores() == whole


def test_a_collapsed_generator_has_precision_but_no_recall():
    one_place = REAL[7] + 1e-3 * RNG.normal(size=(300, 12))
    scores = precision_recall(REAL, one_place)
    assert scores.precision == 1
    assert scores.recall <= 1 / len(REAL)


@pytest.mark.parametrize("score", [frechet_distance, precision_recall, density_coverage, coverage, neighbour_scores])
def test_scores_refuse_what_is_no_pair_of_feature_matrices(score):
    name = score.__name__
    with pytest.raises(ValueError, match=rf"{name} wants matrices .* of one size .*\(400, 12\).*\(300, 11\)"):
        score(REAL, FAKE[:, :11])
    with pytest.raises(ValueError, match=rf"{name} wants matrices .* at least \d samples.*\(1, 12\)"):
        score(REAL, FAKE[:1])
    with pytest.raises(ValueError, match=rf"{name} wants matrices .*\(12,\)"):
        score(REAL, FAKE[0])
    with pytest.raises(ValueError, match=rf"{name} wants finite numbers.*NaN or infinity.*diverged"):
        score(REAL, np.where(np.arange(12) == 4, np.nan, FAKE))


def test_nearest_neighbours_match_scikit_learn(mnist, digits):
    references = to_unit_range(mnist.train_images[:3_000])
    found = nearest_neighbours(digits[:250], references, count=4)
    oracle = NearestNeighbors(n_neighbors=4, algorithm="brute").fit(flatten(references).astype(float))
    distances, indices = oracle.kneighbors(flatten(digits[:250]).astype(float))
    np.testing.assert_allclose(found.distances, distances, rtol=1e-5)
    np.testing.assert_array_equal(found.indices, indices)


def test_a_copy_is_found_at_distance_zero(digits):
    found = nearest_neighbours(digits[40:42], digits[..., None])
    np.testing.assert_array_equal(found.indices, [[40], [41]])
    np.testing.assert_array_equal(found.distances, 0)


def test_nearest_neighbours_refuse_too_many_and_other_ranges(digits):
    with pytest.raises(ValueError, match="wants a count from 1 to the number of references, 5, but got 6"):
        nearest_neighbours(digits[:2], digits[:5], count=6)
    with pytest.raises(ValueError, match=r"nearest_neighbours wants values in \[0, 1\], but got values from 0 to 255"):
        nearest_neighbours(255 * digits[:2], digits[:5])


def test_memorisation_is_measured_beside_test_images(mnist, digits):
    """Half the drawn images are copies of training images, a grey value off; the others are test images."""
    training = to_unit_range(mnist.train_images[:2_000])
    copies = np.clip(training[700:750] + 0.01, 0, 1)
    found = memorisation(np.concatenate([copies, digits[:50]]), training, digits[100:400])
    np.testing.assert_array_equal(found.indices[:50], np.arange(700, 750))
    oracle = NearestNeighbors(n_neighbors=1, algorithm="brute").fit(flatten(training).astype(float))
    fresh, others = (oracle.kneighbors(flatten(each).astype(float))[0][:, 0] for each in (digits[:50], digits[100:400]))
    of_copies = np.linalg.norm(flatten(copies - training[700:750]), axis=1)
    np.testing.assert_allclose(found.distances, np.concatenate([of_copies, fresh]), rtol=1e-4)
    np.testing.assert_allclose(found.test_distances, others, rtol=1e-5)
    assert found.ratio == pytest.approx(np.median([*of_copies, *fresh]) / np.median(others), rel=1e-5)
    assert found.copies == pytest.approx(np.mean([*of_copies, *fresh] < np.quantile(others, 0.01)))
    assert 0.5 <= found.copies < 0.6


def test_test_images_do_not_count_as_copies(mnist, digits):
    found = memorisation(digits[:300], to_unit_range(mnist.train_images[:3_000]), digits[300:])
    assert 0.9 < found.ratio < 1.1 and found.copies < 0.04


@pytest.mark.parametrize("bandwidth", [0.1, 0.7, 3.0])
def test_parzen_matches_the_sum_of_gaussians(bandwidth):
    samples, images = RNG.random((20, 28, 28)), RNG.random((130, 784))  # more than one block, two layouts
    expected = [logsumexp(norm.logpdf(image, samples.reshape(20, 784), bandwidth).sum(axis=1)) - math.log(20)
                for image in images]
    np.testing.assert_allclose(parzen_log_likelihood(samples, images, bandwidth), expected, rtol=1e-9)


@pytest.mark.parametrize("bandwidth", [0.3, 1.0])
def test_parzen_matches_kernel_densities_of_scikit_learn(bandwidth):
    samples, images = RNG.normal(size=(300, 3)), RNG.normal(size=(120, 3))
    oracle = KernelDensity(bandwidth=bandwidth).fit(samples).score_samples(images)
    np.testing.assert_allclose(parzen_log_likelihood(samples, images, bandwidth), oracle, rtol=1e-7)


def test_parzen_of_one_sample_is_its_gaussian():
    """Far away too, where the density itself is zero in floating point."""
    sample, images = RNG.normal(size=(1, 5)), np.stack([RNG.normal(size=5), np.full(5, 1e3)])
    expected = norm.logpdf(images, sample, 0.3).sum(axis=1)
    np.testing.assert_allclose(parzen_log_likelihood(sample, images, 0.3), expected, rtol=1e-9)


def test_bandwidth_is_the_best_of_those_on_offer():
    samples, images = RNG.normal(size=(400, 3)), RNG.normal(size=(120, 3))
    bandwidths = np.geomspace(0.05, 3, 12)
    best = max(bandwidths, key=lambda bandwidth: KernelDensity(bandwidth=bandwidth).fit(samples).score(images))
    assert parzen_bandwidth(samples, images, bandwidths) == best


def test_bandwidth_at_the_end_of_the_range_is_no_answer():
    samples, images = RNG.normal(size=(2, 100, 3))
    with pytest.raises(ValueError, match=r"finds 0\.01 best, at the end .* 0\.001 to 0\.01. Give a wider range"):
        parzen_bandwidth(samples, images, [0.001, 0.005, 0.01])
    with pytest.raises(ValueError, match=r"finds 3 best, at the end"):
        parzen_bandwidth(samples, images, [3, 5, 8])


def test_parzen_refuses_what_is_no_bandwidth_and_other_sizes():
    for bandwidth in (0, -0.1, math.nan, math.inf):
        with pytest.raises(ValueError, match="parzen_log_likelihood wants a bandwidth above zero, but got"):
            parzen_log_likelihood(REAL, FAKE, bandwidth)
    with pytest.raises(ValueError, match=r"parzen_log_likelihood wants matrices .* of one size"):
        parzen_log_likelihood(REAL, FAKE[:, 1:], 0.1)
    for bandwidths in ([0.1, 0.2], [0.3, 0.2, 0.1], [0.1, 0.1, 0.2]):
        with pytest.raises(ValueError, match="wants at least three bandwidths, ascending"):
            parzen_bandwidth(REAL, FAKE, bandwidths)


def test_class_entropy_matches_scipy():
    counts = np.array([50, 3, 0, 12, 7, 1, 0, 30, 2, 9])
    assert class_entropy(counts) == pytest.approx(entropy(counts / counts.sum()))


def test_class_entropy_reaches_from_zero_to_ln_10():
    assert class_entropy(np.full(10, 7)) == pytest.approx(math.log(10))
    assert math.copysign(1, class_entropy([0, 5, 0])) == 1 and class_entropy([0, 5, 0]) == 0


def test_a_class_counts_as_covered_from_one_percent():
    assert classes_covered([980, 10, 10, 0]) == 3
    assert classes_covered([981, 9, 10, 0]) == 2


@pytest.mark.parametrize("score", [class_entropy, classes_covered])
@pytest.mark.parametrize("counts", [np.zeros(10), [3, -1], np.ones((2, 10)), [1, np.nan]])
def test_wrong_counts_are_refused(score, counts):
    with pytest.raises(ValueError, match=rf"{score.__name__} wants counts of shape \(classes,\)"):
        score(counts)


def test_the_judge_reads_the_test_set_as_promised(mnist):
    labels = judge_labels(to_unit_range(mnist.test_images))
    assert np.mean(labels == mnist.test_labels) >= 0.992


def test_the_judge_takes_all_three_shapes_of_an_image(digits):
    features = judge_features(digits)
    assert features.shape == (600, 64) and features.min() >= 0 and features.std() > 0.1
    np.testing.assert_allclose(judge_features(digits[..., None]), features, atol=1e-5)
    np.testing.assert_allclose(judge_features(flatten(digits)), features, atol=1e-5)


def test_the_judges_answers_agree_with_each_other(digits):
    probabilities, labels = judge_probabilities(digits), judge_labels(digits)
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


def test_the_floor_is_that_of_ten_thousand_training_images():
    # What shared figures for another judge say too: .9 or so, and most real images lie among the others.
    floor = real_against_real()
    assert 0.3 < floor.frechet < 2
    assert 0.8 < floor.precision < 0.95
    assert 0.8 < floor.recall < 0.95


def test_blurred_images_are_told_from_real_ones(mnist):
    images = to_unit_range(mnist.train_images[:2_000])
    blurred = (images + np.roll(images, 2, axis=1) + np.roll(images, -2, axis=2)) / 3
    scores = report(blurred)
    assert scores.images == 2_000 and scores.class_counts.sum() == 2_000
    assert scores.frechet > 10 * scores.floor.frechet
    assert scores.recall < 0.1 * scores.floor.recall
    assert scores.floor == real_against_real(2_000)


def test_the_report_puts_the_floor_beside_each_number():
    counts = np.array([500, 0, 90, 100, 5, 100, 100, 35, 30, 40])
    assert str(Report(1_000, 12.34, 0.7, 0.6, counts, Floor(0.91, 0.86, 0.87))).splitlines() == [
        "Fréchet distance 12.3 (real images against real images: 0.9)",
        "precision 0.70 (real images against real images: 0.86)",
        "recall 0.60 (real images against real images: 0.87)",
        "digits drawn 8 of 10 (under 1%: 1, 4)",
    ]
