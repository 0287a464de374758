"""Lesson 10: scores that only it computes, against SciPy and scikit-learn; what its pictures and its explorer show."""

import itertools
import math
import time

import numpy as np
import pytest
from scipy.special import logsumexp
from scipy.stats import entropy, norm
from sklearn.neighbors import KernelDensity, NearestNeighbors

from tests.drawing import DIGITS, ExplorerContract, digits_of, line, presentable, texts, widths, words_when_redrawn
from utils import plots
from utils.data import add_noise, flatten, load_mnist, to_unit_range
from utils.evaluation import coverage, frechet_distance, precision_recall
from utils.exercises import engine
from utils.lesson_10 import explorers, pictures
from utils.lesson_10.study import class_entropy, memorisation, parzen_bandwidth, parzen_log_likelihood

RNG = np.random.default_rng(10)


# Exercises and studies --------------------------------------------------------------------------------------

def test_distance_that_came_back_complex_is_answered_with_what_to_do():
    def learners(features_a, features_b):
        return frechet_distance(features_a, features_b) + 0j

    verdict = engine.examine(engine.find("10.1"), learners)
    assert verdict.mark == "✗" and "tiny imaginary part: go on with the real one" in verdict.sentence


@pytest.fixture(scope="module")
def mnist():
    return load_mnist()


@pytest.fixture(scope="module")
def digits(mnist):
    return to_unit_range(mnist.test_images[:600])


def test_memorisation_is_measured_beside_test_images(mnist, digits):
    """Half the drawn images are copies of training images, a grey value off; the others are test images."""
    training = to_unit_range(mnist.train_images[:2_000])
    copies = np.clip(training[700:750] + 0.01, 0, 1)
    found = memorisation(np.concatenate([copies, digits[:50]]), training, digits[100:400])
    np.testing.assert_array_equal(found.indices[:50], np.arange(700, 750))
    oracle = NearestNeighbors(n_neighbors=1, algorithm="brute").fit(flatten(training).astype(float))
    fresh, others = (oracle.kneighbors(flatten(each).astype(float))[0][:, 0] for each in (digits[:50], digits[100:400]))
    drawn = np.concatenate([np.linalg.norm(flatten(copies - training[700:750]), axis=1), fresh])
    np.testing.assert_allclose(found.distances, drawn, rtol=1e-4)
    np.testing.assert_allclose(found.test_distances, others, rtol=1e-5)
    assert found.ratio == pytest.approx(np.median(drawn) / np.median(others), rel=1e-5)
    assert found.copies == pytest.approx(np.mean(drawn < np.quantile(others, 0.01)))
    assert 0.5 <= found.copies < 0.6


def test_test_images_do_not_count_as_copies(mnist, digits):
    found = memorisation(digits[:300], to_unit_range(mnist.train_images[:3_000]), digits[300:])
    assert 0.9 < found.ratio < 1.1 and found.copies < 0.04


@pytest.mark.parametrize("bandwidth", [0.1, 0.7, 3.0])
def test_parzen_is_the_sum_of_gaussians(bandwidth):
    samples, images = RNG.random((20, 28, 28)), RNG.random((130, 784))  # more than one block, two layouts
    expected = [logsumexp(norm.logpdf(image, samples.reshape(20, 784), bandwidth).sum(axis=1)) - math.log(20)
                for image in images]
    np.testing.assert_allclose(parzen_log_likelihood(samples, images, bandwidth), expected, rtol=1e-9)


def test_parzen_is_finite_where_the_density_itself_is_zero_in_floating_point():
    sample, images = RNG.normal(size=(1, 5)), np.stack([RNG.normal(size=5), np.full(5, 1e3)])
    expected = norm.logpdf(images, sample, 0.3).sum(axis=1)
    np.testing.assert_allclose(parzen_log_likelihood(sample, images, 0.3), expected, rtol=1e-9)


def test_bandwidth_is_the_best_of_those_on_offer():
    samples, images = RNG.normal(size=(400, 3)), RNG.normal(size=(120, 3))
    bandwidths = np.geomspace(0.05, 3, 12)
    best = max(bandwidths, key=lambda bandwidth: KernelDensity(bandwidth=bandwidth).fit(samples).score(images))
    assert parzen_bandwidth(samples, images, bandwidths) == best


@pytest.mark.parametrize(("bandwidths", "says"), [
    ([0.001, 0.005, 0.01], r"finds 0\.01 best, at the end .* 0\.001 to 0\.01. Give a wider range"),
    ([3, 5, 8], "finds 3 best, at the end"), ([0.1, 0.2], "wants at least three bandwidths, ascending"),
    ([0.3, 0.2, 0.1], "three bandwidths, ascending"), ([0.1, 0.1, 0.2], "three bandwidths, ascending"),
    ([-1, 1, 2], "parzen_bandwidth wants a bandwidth above zero, but got -1")])
def test_bandwidths_without_a_best_one_inside_are_refused(bandwidths, says):
    with pytest.raises(ValueError, match=says):
        parzen_bandwidth(*RNG.normal(size=(2, 100, 3)), bandwidths)


@pytest.mark.parametrize(("images", "bandwidth", "says"), [
    *((DIGITS, bandwidth, "a bandwidth above zero, but got") for bandwidth in (0, -0.1, math.nan, math.inf)),
    (DIGITS[:, 1:], 0.1, "matrices .* of one size")])
def test_parzen_refuses_what_is_no_bandwidth_and_images_of_another_size(images, bandwidth, says):
    with pytest.raises(ValueError, match=f"parzen_log_likelihood wants {says}"):
        parzen_log_likelihood(DIGITS, images, bandwidth)


def test_class_entropy_is_that_of_scipy_and_no_negative_zero():
    counts = np.array([50, 3, 0, 12, 7, 1, 0, 30, 2, 9])
    assert class_entropy(counts) == pytest.approx(entropy(counts / counts.sum()))
    assert class_entropy(np.full(10, 7)) == pytest.approx(math.log(10))
    assert str(class_entropy([0, 5, 0])) == "0.0"


@pytest.mark.parametrize("counts", [np.zeros(10), [3, -1], np.ones((2, 10)), [1, np.nan]])
def test_class_entropy_refuses_what_is_no_counts(counts):
    with pytest.raises(ValueError, match=r"class_entropy wants counts of shape \(classes,\)"):
        class_entropy(counts)


# Pictures ---------------------------------------------------------------------------------------------------

def test_arrows_from_one_gaussian_end_on_the_other_at_the_price_of_the_frechet_distance():
    mean_a, mean_b = np.array([1.0, -0.5]), np.array([-1.0, 2.0])
    a, b = np.array([[2.0, 0.6], [0.6, 0.5]]), np.array([[0.7, -0.9], [-0.9, 3.0]])
    axis, other = presentable(pictures.two_gaussians({"there": (mean_a, a, mean_b, b), "back": (mean_b, b, mean_a, a)}))
    assert (axis.get_title(), other.get_title()) == ("there", "back")
    arrows = next(each for each in axis.collections if hasattr(each, "U"))
    starts, moves = np.stack([arrows.X, arrows.Y], axis=-1), np.stack([arrows.U, arrows.V], axis=-1)
    for points, name, mean, covariance in ((starts, "A", mean_a, a), (starts + moves, "B", mean_b, b)):
        for each, radii in ((points, np.repeat([0, 1, 2], [1, 8, 8])), (line(axis, name), 2)):
            apart = np.sqrt(np.einsum("ni,ij,nj->n", each - mean, np.linalg.inv(covariance), each - mean))
            np.testing.assert_allclose(apart, np.broadcast_to(radii, len(each)), atol=1e-6)
    # Eight even directions at radius √2 have the covariance of the Gaussian itself; squares scale with the radius'.
    moved = mean_b - mean_a
    price = moved @ moved + 2 * np.mean(np.sum((moves[1:9] - moved)**2, axis=1))
    overlap = np.sqrt(np.linalg.eigvals(a @ b)).sum()
    assert price == pytest.approx(moved @ moved + np.trace(a) + np.trace(b) - 2 * overlap)


def test_bias_of_the_frechet_distance_falls_in_one_panel_and_is_continued_to_its_limit_in_the_other():
    sizes, scatter = np.array([100, 250, 1_000]), np.array([-0.2, -0.1, 0.3])
    distances = {"real": (0.5 + 400 / sizes)[:, None] + scatter, "GAN": (16 + 900 / sizes)[:, None]}
    left, right = presentable(pictures.frechet_bias(sizes.tolist(), distances))
    assert (left.get_xscale(), left.get_yscale(), right.get_xscale()) == ("log", "log", "linear")
    np.testing.assert_allclose(line(left, "real"), np.transpose([sizes, 0.5 + 400 / sizes]))
    np.testing.assert_allclose(line(left, "GAN"), np.transpose([sizes, 16 + 900 / sizes]))
    np.testing.assert_allclose(line(left, "slope −1")[:, 1] * sizes, 4.5 * 100 / 1.6)
    each, continued, limit = right.lines[:3]
    np.testing.assert_allclose(np.transpose(each.get_data()), np.transpose(
        [np.repeat(1_000 / sizes, 3), distances["real"].ravel()]))
    np.testing.assert_allclose(np.transpose(continued.get_data()), [[0, 0.5], [10, 4.5]])
    np.testing.assert_allclose(limit.get_data(), [[0], [0.5]], atol=1e-9)
    assert texts(right) == ["0.5", "16.0"]


def test_manifolds_fill_what_counts_and_say_its_share():
    real, fake = np.array([[0.0, 0], [1, 0], [5, 0]]), np.array([[0.5, 0], [0.4, 0.1], [3, 1], [9, 1]])
    real_radii, fake_radii = np.array([1.0, 0.55, 2]), np.array([0.2, 0.5, 0.1, 1])
    axes = presentable(pictures.manifolds(real, fake, real_radii, fake_radii))
    assert [axis.get_title() for axis in axes] == [
        "precision 2 of 4 = 0.50", "recall 1 of 3 = 0.33", "coverage 2 of 3 = 0.67"]
    nobody, everybody = [], slice(None)
    for axis, counted, balls, radii in (
            (axes[0], (real, nobody, fake[:2], fake[2:]), (everybody, nobody), real_radii),
            (axes[1], (real[:1], real[1:], fake, nobody), (everybody, nobody), fake_radii),
            (axes[2], (real, nobody, fake, nobody), ([0, 1], [2]), real_radii)):
        for drawn, points in zip(axis.lines, counted, strict=False):
            assert np.transpose(drawn.get_data()).tolist() == np.reshape(points, (-1, 2)).tolist()
        for drawn, chosen in zip(axis.collections[::2], balls, strict=True):  # filled, then only dotted
            found = [path.get_extents().width / 2 for path in drawn.get_paths()]
            np.testing.assert_allclose(found, radii[chosen])


def test_bench_shows_every_seed_its_average_and_the_floor_of_each_metric():
    scores = {"Fréchet distance": {"VAE": [20, 26, 23], "GAN": [9, 8, 13]},
              "recall": {"VAE": [0.5, 0.2, 0.2], "GAN": [0.6, 0.7, 0.5]}}
    axes = presentable(pictures.bench(scores, {"recall": 0.9}, {"Fréchet distance": "lower", "recall": "higher"}))
    assert [axis.get_title() for axis in axes] == list(scores)
    assert [axis.get_xlabel() for axis in axes] == ["← better", "better →"]
    assert [text.get_text() for text in axes[0].get_yticklabels()] == ["VAE", "GAN"] and axes[0].yaxis_inverted()
    for axis, of_models in zip(axes, scores.values(), strict=True):
        for row, values in enumerate(of_models.values()):
            spread, seeds, average = axis.lines[3 * row:3 * row + 3]
            assert list(spread.get_xdata()) == [min(values), max(values)]
            assert np.transpose(seeds.get_data()).tolist() == [[value, row] for value in values]
            np.testing.assert_allclose(average.get_xdata(), np.mean(values))
            assert np.mean(average.get_ydata()) == row
    assert axes[1].lines[6].get_xdata() == [0.9, 0.9] and len(axes[0].lines) == 8  # two empty ones for the legend


def test_shares_of_images_rise_with_the_distance_from_zero_to_all_of_them():
    axis, = presentable(pictures.distance_shares({"VAE": [3.0, 1.0, 7.0, 2.0], "test images": [0.5, 4.0]}))
    assert line(axis, "VAE").tolist() == [[0, 0], [1, 25], [2, 50], [3, 75], [7, 100]]
    assert line(axis, "test images").tolist() == [[0, 0], [0.5, 50], [4, 100]]


def test_looks_and_likelihood_stand_side_by_side():
    models = {"VAE": (DIGITS, -95.0, 20.5), "copies": (DIGITS[::-1], -1_500, 0.4)}
    axes = presentable(pictures.looks_and_likelihood(models, y="nats"))
    for row, (name, (images, nats, frechet)) in enumerate(models.items()):
        shown, bar, dot = axes[3 * row:3 * row + 3]
        assert shown.get_title() == name
        np.testing.assert_allclose(digits_of(shown), images[:14], rtol=1e-6)
        assert widths(bar) == [nats] and dot.lines[0].get_xdata() == [frechet] and dot.get_xscale() == "log"
    assert [texts(axis)[0] for axis in axes if axis.texts] == ["−95.0", "20.5", "−1,500", "0.4"]
    assert axes[4].get_xlabel().startswith("nats\n") and axes[5].get_xlabel().startswith("Fréchet distance")


def test_gauges_reach_from_the_floor_to_the_value():
    picture, axes = plots.canvas(height=1.4, columns=2)
    names = ["distance", "share"]
    moving = pictures.draw_gauges(axes, names, [2.0, 0.9], [(1, 100), None])
    pictures.move_gauges(*moving, names, [50.25, 0.4])
    presentable(picture)
    assert [list(each.get_xdata()) for each in moving[0]] == [[2, 50.25], [0.9, 0.4]]
    assert [(axis.get_title(), axis.get_xlabel(), axis.get_xscale()) for axis in axes] == [
        ("distance 50.2", "← better", "log"), ("share 0.40", "better →", "linear")]


# The explorer -----------------------------------------------------------------------------------------------

STRIPES = np.kron(RNG.random((1_500, 7, 7)), np.ones((1, 4, 4)))  # smooth, so that they pack
STRIPES[:, :4, :4] = (np.arange(1_500) % 10 / 10)[:, None, None]  # a corner that tells the digit


def some_pixels(images):
    return images[:, 1::9, 1::9].reshape(len(images), -1)


def metric(first=0):
    return explorers.metric_explorer(STRIPES[first:], np.arange(first, 1_500) % 10, some_pixels, frechet_distance,
                                     precision_recall, coverage)


def scores_in_words(explorer, **settings):
    """Set the explorer's controls and return its four numbers, as it says them."""
    return [float(words.split()[-1]) for words in words_when_redrawn(explorer, **settings)]


class TestMetricExplorer(ExplorerContract):
    make = staticmethod(metric)

    @pytest.mark.parametrize(("noise", "dropped"), [(0.0, 0), (0.2, 0), (0.0, 3)])
    def test_metrics_are_those_of_500_images_against_500_others(self, explorer, noise, dropped):
        """Noise is drawn for the whole pool of images 500 to 1,499, and dropped digits make room for the others."""
        pool = add_noise(STRIPES[500:1_500], noise, seed=0)
        kept = pool[np.arange(1_000) % 10 < 10 - dropped][:500]
        real, fake = some_pixels(STRIPES[np.argsort(np.arange(500) % 10, kind="stable")]), some_pixels(kept)
        expected = frechet_distance(real, fake), *precision_recall(real, fake), coverage(real, fake)
        said = scores_in_words(explorer, blur=0.0, noise=noise, dropped=dropped)
        np.testing.assert_allclose(said, expected, atol=0.051)
        np.testing.assert_allclose(said[1:], expected[1:], atol=0.0051)

    def test_damage_worsens_what_it_should(self, explorer):
        untouched, blurred, dropped = (scores_in_words(explorer, blur=blur, noise=0.0, dropped=without)
                                       for blur, without in ((0.0, 0), (2.0, 0), (0.0, 5)))
        assert blurred[0] > 3 * untouched[0] and blurred[2] < 0.5 * untouched[2]
        assert dropped[0] > 2 * untouched[0]

    def test_metrics_of_a_new_setting_take_less_than_a_tenth_of_a_second(self, explorer):
        times = []
        for blur, noise in itertools.product((0.5, 1.5), (0.1, 0.2, 0.3)):  # nothing that was seen, and so remembered
            began = time.thread_time()
            explorer.draw(blur, noise, 2)
            times.append(time.thread_time() - began)
        assert min(times) < 0.1


def test_metric_explorer_wants_enough_images_of_each_digit():
    with pytest.raises(ValueError, match=r"150 images or more of each digit, but got .*149.*first 2,000 test"):
        metric(first=1)
