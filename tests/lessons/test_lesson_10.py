"""Lesson 10: scores that only it computes, against SciPy and scikit-learn; what its pictures and its explorer show."""

import math
import time

import numpy as np
import pytest
from scipy import special, stats
from sklearn.neighbors import KernelDensity, NearestNeighbors

from tests.drawing import DIGITS, ExplorerContract, digits_of, line, presentable, texts, widths, words_when_redrawn
from utils import data, evaluation, plots
from utils.evaluation import coverage, frechet_distance, precision_recall
from utils.exercises import engine
from utils.lesson_10 import explorers, pictures, study

RNG = np.random.default_rng(10)


def test_distance_that_came_back_complex_is_answered_with_what_to_do():
    verdict = engine.examine(
        engine.find("10.1"), lambda features_a, features_b: frechet_distance(features_a, features_b) + 0j)
    assert verdict.mark == "✗" and "tiny imaginary part: go on with the real one" in verdict.sentence


def test_memorisation_is_measured_beside_test_images_which_do_not_count_as_copies():
    """Half the drawn images are copies of training images, a grey value off; the others are test images."""
    mnist = data.load_mnist()
    training, digits = data.to_unit_range(mnist.train_images[:3_000]), data.to_unit_range(mnist.test_images[:600])
    honest = study.memorisation(digits[:300], training, digits[300:])
    assert 0.9 < honest.ratio < 1.1 and honest.copies < 0.04
    training = training[:2_000]
    copies = np.clip(training[700:750] + 0.01, 0, 1)
    found = study.memorisation(np.concatenate([copies, digits[:50]]), training, digits[100:400])
    np.testing.assert_array_equal(found.indices[:50], np.arange(700, 750))
    oracle = NearestNeighbors(n_neighbors=1, algorithm="brute").fit(data.flatten(training).astype(float))
    fresh, others = (oracle.kneighbors(data.flatten(images).astype(float))[0][:, 0]
                     for images in (digits[:50], digits[100:400]))
    drawn = np.concatenate([np.linalg.norm(data.flatten(copies - training[700:750]), axis=1), fresh])
    np.testing.assert_allclose(found.distances, drawn, rtol=1e-4)
    np.testing.assert_allclose(found.test_distances, others, rtol=1e-5)
    assert found.ratio == pytest.approx(np.median(drawn) / np.median(others), rel=1e-5)
    assert found.copies == pytest.approx(np.mean(drawn < np.quantile(others, 0.01)))
    assert 0.5 <= found.copies < 0.6


@pytest.mark.parametrize(("samples", "images", "bandwidth"), [
    *((RNG.random((20, 28, 28)), RNG.random((130, 784)), bandwidth) for bandwidth in (0.1, 0.7, 3.0)),  # two blocks
    (RNG.normal(size=(1, 5)), np.stack([RNG.normal(size=5), np.full(5, 1e3)]), 0.3)])  # no density in floating point
def test_parzen_is_the_sum_of_gaussians_even_where_that_rounds_to_zero(samples, images, bandwidth):
    kernels = [stats.norm.logpdf(image, samples.reshape(len(samples), -1), bandwidth).sum(axis=1) for image in images]
    found = study.parzen_log_likelihood(samples, images, bandwidth)
    np.testing.assert_allclose(found, special.logsumexp(kernels, axis=1) - math.log(len(samples)), rtol=1e-9)


def test_bandwidth_is_the_best_of_those_on_offer():
    samples, images = RNG.normal(size=(400, 3)), RNG.normal(size=(120, 3))
    bandwidths = np.geomspace(0.05, 3, 12)
    best = max(bandwidths, key=lambda bandwidth: KernelDensity(bandwidth=bandwidth).fit(samples).score(images))
    assert study.parzen_bandwidth(samples, images, bandwidths) == best


def test_class_entropy_is_that_of_scipy_and_no_negative_zero():
    counts = np.array([50, 3, 0, 12, 7, 1, 0, 30, 2, 9])
    assert study.class_entropy(counts) == pytest.approx(stats.entropy(counts / counts.sum()))
    assert study.class_entropy(np.full(10, 7)) == pytest.approx(math.log(10))
    assert str(study.class_entropy([0, 5, 0])) == "0.0"


def test_distances_by_size_compare_fresh_rows_and_never_a_row_with_itself():
    features, random = np.arange(40.0)[:, None], np.random.default_rng(0)
    pairs = []
    found = study.distances_by_size(
        lambda a, b: pairs.append((a, b)) or (len(a), len(b)), features, features, [3, 20], repeats=4, random=random)
    assert found.shape == (2, 4, 2) and found[:, 0].tolist() == [[3, 3], [20, 20]]
    assert all(not np.intersect1d(a, b).size for a, b in pairs)
    assert len({tuple(a.ravel()) for a, _ in pairs}) == len(pairs)
    pairs.clear()
    study.distances_by_size(lambda a, b: pairs.append((a, b)) or 0.0, -features, features, [40], 1, random)
    assert np.sort(pairs[0][0].ravel()).tolist() == (-features[::-1]).ravel().tolist()


def test_scores_are_printed_by_name_and_returned_in_order(capsys):
    real, fake = RNG.normal(size=(2, 30, 2))
    found = study.compare({"one": (real, fake), "two": (real, real)}, evaluation.neighbour_scores, frechet_distance)
    assert found == [evaluation.neighbour_scores(real, fake), evaluation.neighbour_scores(real, real)]
    said = capsys.readouterr().out.splitlines()
    assert said[1].split() == "two Fréchet distance 0.00".split() + [
        word for name, value in found[1]._asdict().items() for word in (name, f"{value:.2f}")]
    ratios, = study.over_first(found)
    assert ratios.recall == pytest.approx(found[1].recall / found[0].recall)


def test_bench_is_gathered_by_score_and_printed_with_its_floor(capsys):
    scores = study.by_score({"GAN": [{"recall": 0.25, "precision": 0.5}, {"recall": 0.75, "precision": 0.5}],
                             "VAE": [{"recall": 1.0, "precision": 0.0}, {"recall": 1.0, "precision": 0.5}]})
    assert list(scores) == ["recall", "precision"] and scores["recall"]["GAN"].tolist() == [0.25, 0.75]
    study.print_bench(scores, {"recall": 0.9, "precision": 0.8}, [np.array([-90.0, -94.0])])
    said = capsys.readouterr().out.splitlines()
    assert said[0].split() == "recall GAN 0.50 ± 0.35 VAE 1.00 ± 0.00 floor 0.90".split()
    assert "VAE -92.00 ± 1.41 nats (2 images)" in said[2]


def test_an_image_that_moved_is_measured_beside_the_nearest_of_another_label():
    values, labels = np.array([[0.0, 0], [1, 0], [0, 3], [5, 0]]), np.array([0, 0, 1, 2])
    moved, stranger, which = study.moved_and_stranger(values, values + [3, 4], labels)
    assert moved.tolist() == [5, 5, 5, 5]
    np.testing.assert_allclose(stranger, [3, 10**0.5, 3, 4])
    assert which.tolist() == [2, 2, 0, 1]


def test_optimisers_follow_the_recipes_of_lessons_7_and_8():
    vae, gan = study.adam_of_vae(100), study.adam_of_gan(100)
    assert (vae.beta_1, vae.beta_2, gan.beta_1, gan.beta_2) == (0.9, 0.99, 0.0, 0.99)
    assert gan.use_ema and gan.ema_momentum == 0.995 and not vae.use_ema
    rates = [float(vae._learning_rate(step)) for step in (0, 5, 10, 100)]
    np.testing.assert_allclose(rates, [0, 2.5e-3, 5e-3, 0], atol=1e-9)
    np.testing.assert_allclose([float(gan._learning_rate(step)) for step in (0, 100)], [3e-3, 3e-5], rtol=1e-5)


def test_distances_from_the_top_stand_over_the_digits_below_it():
    digits = np.reshape(DIGITS, (len(DIGITS), 784))
    rows, features = [digits[:8], digits[1:9], digits[2:10]], [np.full((8, 3), value) for value in (0.0, 1.0, 2.0)]
    titles = [axis.get_title() for axis in presentable(pictures.distances_from_the_top(rows, features))]
    far = np.linalg.norm(digits[1] - digits[0]), np.linalg.norm(digits[9] - digits[7])
    assert titles[:8] == ["image"] * 8 and titles[8] == f"pixels {far[0]:.1f}\nfeatures 1.7"
    assert titles[23] == f"pixels {far[1]:.1f}\nfeatures 3.5"


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
    for name, averages in (("real", 0.5 + 400 / sizes), ("GAN", 16 + 900 / sizes)):
        np.testing.assert_allclose(line(left, name), np.transpose([sizes, averages]))
    np.testing.assert_allclose(line(left, "slope −1")[:, 1] * sizes, 4.5 * 100 / 1.6)
    each, continued, limit = right.lines[:3]
    np.testing.assert_allclose(each.get_data(), [np.repeat(1_000 / sizes, 3), distances["real"].ravel()])
    np.testing.assert_allclose(continued.get_data(), [[0, 10], [0.5, 4.5]])
    np.testing.assert_allclose(limit.get_data(), [[0], [0.5]], atol=1e-9)
    assert texts(right) == ["0.5", "16.0"]


def test_biased_distance_rises_for_few_samples_beside_the_unbiased_one_with_its_errors():
    sizes, frechet = np.array([100, 1_000]), {"real": [[5.0, 3.0], [1.0, 2.0]], "noised": [[9.0, 7.0], [6.0, 5.0]]}
    kernel = {"real": [[-0.5, 2.0], [0.1, 0.25]], "noised": [[3.0, 1.5], [2.5, 0.5]]}
    left, right = presentable(pictures.bias_beside_none(sizes, frechet, kernel))
    assert (left.get_xscale(), left.get_yscale(), right.get_xscale()) == ("log", "linear", "log")
    assert line(left, "real").tolist() == [[100, 4], [1_000, 1.5]]
    assert line(left, "noised").tolist() == [[100, 8], [1_000, 5.5]]
    for (name, given), bars in zip(kernel.items(), right.containers, strict=True):
        values, errors = np.transpose(given)
        marks, _, (sticks,) = bars.lines
        assert bars.get_label() == name and marks.get_ydata().tolist() == values.tolist()
        np.testing.assert_allclose([ends[:, 1] for ends in sticks.get_segments()],
                                   np.transpose([values - 2 * errors, values + 2 * errors]))


def test_manifolds_fill_what_counts_and_say_its_share():
    real, fake = np.array([[0.0, 0], [1, 0], [5, 0]]), np.array([[0.5, 0], [0.4, 0.1], [3, 1], [9, 1]])
    real_radii, fake_radii = np.array([1.0, 0.55, 2]), np.array([0.2, 0.5, 0.1, 1])
    axes = presentable(pictures.manifolds(real, fake, real_radii, fake_radii))
    titles = [axis.get_title() for axis in axes]
    assert titles == ["precision 2 of 4 = 0.50", "recall 1 of 3 = 0.33", "coverage 2 of 3 = 0.67"]
    nobody, everybody = [], slice(None)
    for axis, counted, balls, radii in (
            (axes[0], (real, nobody, fake[:2], fake[2:]), (everybody, nobody), real_radii),
            (axes[1], (real[:1], real[1:], fake, nobody), (everybody, nobody), fake_radii),
            (axes[2], (real, nobody, fake, nobody), ([0, 1], [2]), real_radii)):
        for drawn, points in zip(axis.lines, counted, strict=False):
            assert drawn.get_xydata().tolist() == np.reshape(points, (-1, 2)).tolist()
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
            assert seeds.get_xydata().tolist() == [[value, row] for value in values]
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


STRIPES = np.kron(RNG.random((1_500, 7, 7)), np.ones((1, 4, 4)))  # smooth, so that they pack
STRIPES[:, :4, :4] = (np.arange(1_500) % 10 / 10)[:, None, None]  # a corner that tells the digit


def some_pixels(images):
    return images[:, 1::9, 1::9].reshape(len(images), -1)


def metric(first=0):
    return explorers.metric_explorer(STRIPES[first:], np.arange(first, 1_500) % 10, some_pixels, frechet_distance,
                                     precision_recall, coverage)


def scores_in_words(explorer, **settings):
    return [float(words.split()[-1]) for words in words_when_redrawn(explorer, **settings)]


class TestMetricExplorer(ExplorerContract):
    make = staticmethod(metric)

    @pytest.mark.parametrize(("noise", "dropped"), [(0.0, 0), (0.2, 0), (0.0, 3)])
    def test_metrics_are_those_of_500_images_against_500_others(self, explorer, noise, dropped):
        """Noise is drawn for the whole pool of images 500 to 1,499, and dropped digits make room for the others."""
        pool = data.add_noise(STRIPES[500:1_500], noise, seed=0)
        real = some_pixels(STRIPES[np.argsort(np.arange(500) % 10, kind="stable")])
        fake = some_pixels(pool[np.arange(1_000) % 10 < 10 - dropped][:500])
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
        for blur, noise in ((0.5, 0.1), (0.5, 0.2), (0.5, 0.3), (1.5, 0.1), (1.5, 0.2), (1.5, 0.3)):  # none remembered
            began = time.thread_time()
            explorer.draw(blur, noise, 2)
            times.append(time.thread_time() - began)
        assert min(times) < 0.1


@pytest.mark.parametrize(("function", "arguments", "says"), [
    *((study.parzen_bandwidth, (*RNG.normal(size=(2, 100, 3)), bandwidths), says) for bandwidths, says in (
        ([0.001, 0.005, 0.01], r"finds 0\.01 best, at the end .* 0\.001 to 0\.01. Give a wider range"),
        ([3, 5, 8], "finds 3 best, at the end"), ([0.1, 0.2], "wants at least three bandwidths, ascending"),
        ([0.3, 0.2, 0.1], "three bandwidths, ascending"), ([0.1, 0.1, 0.2], "three bandwidths, ascending"),
        ([-1, 1, 2], "parzen_bandwidth wants a bandwidth above zero, but got -1"))),
    *((study.parzen_log_likelihood, (DIGITS, images, bandwidth), f"parzen_log_likelihood wants {says}")
      for images, bandwidth, says in (
          *((DIGITS, bandwidth, "a bandwidth above zero, but got") for bandwidth in (0, -0.1, math.nan, math.inf)),
          (DIGITS[:, 1:], 0.1, "matrices .* of one size"))),
    *((study.class_entropy, (counts,), r"class_entropy wants counts of shape \(classes,\)")
      for counts in (np.zeros(10), [3, -1], np.ones((2, 10)), [1, np.nan])),
    (metric, (1,), r"150 images or more of each digit, but got .*149.*first 2,000 test")])
def test_bad_input_is_refused_with_what_came_and_what_is_wanted(function, arguments, says):
    with pytest.raises(ValueError, match=says):
        function(*arguments)
