"""Lesson 4: integrals over one latent, and what the lesson draws of them."""

import numpy as np
import pytest
from matplotlib.colors import to_rgb
from scipy import integrate, special, stats

from tests.drawing import DIGITS, ExplorerContract, digits_of, line, lines, presentable, texts, words_when_redrawn
from utils.lesson_04 import explorers, pictures, study
from utils.likelihood import log_marginal_by_quadrature
from utils.plots.canvas import SERIES, canvas

Z, CELL = np.linspace(-8, 8, 3201, retstep=True)
HILL = np.exp(-((np.linspace(-4, 4, 81) - 2)**2 + (np.linspace(-3, 3, 61)[:, None] + 1)**2))  # its top at (2, -1)
EXTENT = (-4, 4, -3, 3)


def evidence_of(observed):
    """Return p(x) of x = z² + 0.4 ε by SciPy."""
    return integrate.quad(lambda z: stats.norm.pdf(z) * stats.norm.pdf(observed, z**2, 0.4), -8, 8, points=[-2, 2])[0]


def top_of(contours):
    """Return the middle of the highest level's outline."""
    return contours.get_paths()[-1].get_extents().get_points().mean(axis=0)


def test_log_sum_exp_is_that_of_scipy_at_any_size():
    values = np.array([[0.5, -1.0, 2.0], [1000, 999, 1001], [-1000, -1002, -np.inf], [-np.inf, -np.inf, -np.inf]])
    np.testing.assert_allclose(study.log_sum_exp(values), special.logsumexp(values, axis=-1), rtol=1e-12)


def test_quadrature_is_the_integral_and_elbo_falls_short_by_the_divergence():
    observed, prior, log_q = np.array([2.0, -0.5]), stats.norm.logpdf(Z), stats.norm.logpdf(Z, 1.4, 0.2)
    likelihood = stats.norm.logpdf(observed[:, None], Z**2, 0.4)
    log_marginal = study.quadrature(prior, likelihood, CELL)
    np.testing.assert_allclose(np.exp(log_marginal), [evidence_of(each) for each in observed], rtol=1e-6)
    divergence = np.sum(np.exp(log_q) * (log_q - (prior + likelihood[0] - log_marginal[0]))) * CELL
    assert study.elbo_of_q(prior, likelihood[0], log_q, CELL) == pytest.approx(log_marginal[0] - divergence)


def test_importance_sampling_is_exact_from_the_posterior_and_unbiased_from_the_prior():
    """For z ~ N(0, 1) and x = z + ε: p(x) = N(0, 2), and the posterior is N(x/2, 1/2)."""
    z, truth = np.random.default_rng(0).standard_normal((3, 20_000)), stats.norm.logpdf(1.2, 0, np.sqrt(2))
    for mean, deviation, error in ((0.6, np.sqrt(0.5), 1e-12), (0, 1, 0.03)):
        draws = mean + deviation * z
        densities = (stats.norm.logpdf(*each) for each in ((draws,), (1.2, draws), (draws, mean, deviation)))
        np.testing.assert_allclose(study.importance_sampling(*densities), 3 * [truth], atol=error)


def test_mixture_steps_draw_components_their_sum_and_whose_each_observation_is():
    x, data = np.linspace(-4, 4, 221), np.array([-3.0] * 6 + [2.0] * 2)
    densities = np.stack([stats.norm.pdf(x, -3), 0.5 * stats.norm.pdf(x, 2)])
    responsibilities = np.array([[1, 0]] * 6 + [[0.25, 0.75]] * 2)
    start, end = ((1, 0.5), (-3, 2), (1, 1)), ((0.5, 1), (2, -3), (1, 1))
    iterations = [(end, responsibilities[:, ::-1], -3), (end, responsibilities, -2), (start, responsibilities, -1.9)]
    first, last, levels = presentable(pictures.mixture_steps(data, iterations, shown=(0, 2), low=-4, high=4))
    assert [axis.get_title() for axis in (first, last)] == ["the start", "after 2 iterations"]
    np.testing.assert_allclose([each.get_ydata() for each in last.lines], [*densities, densities.sum(axis=0)])
    bars, strip = last.patches[:40], last.patches[40:]
    assert [bar.get_height() for bar in bars if bar.get_height()] == pytest.approx([6 / 8 / 0.2, 2 / 8 / 0.2])
    blue, red = np.array([to_rgb(colour) for colour in SERIES[:2]])
    np.testing.assert_allclose([bar.get_facecolor()[:3] for bar in strip], [blue, 0.25 * blue + 0.75 * red])
    assert levels.lines[0].get_xydata().tolist() == [[0, -3], [1, -2], [2, -1.9]]


def test_string_of_gaussians_draws_density_centres_and_draws_in_one_plane():
    centres, drawn = np.array([[1.0, -2.0], [3.0, 0.5]]), np.array([[2.5, -1.0], [1.0, -0.5], [-3, 2]])
    mixtures = {2: (centres, HILL), 500: (centres, HILL)}
    first, last = presentable(pictures.string_of_gaussians(mixtures, drawn, EXTENT))
    np.testing.assert_allclose(top_of(first.collections[0]), (2, -1), atol=0.02)
    assert first.get_title() == "2 components" and not last.lines
    assert np.array_equal(first.lines[0].get_xydata(), centres)
    assert np.array_equal(last.collections[-1].get_offsets(), drawn) and (*last.get_xlim(), *last.get_ylim()) == EXTENT


def test_integration_errors_draw_measured_and_predicted_errors_and_name_slopes_from_the_bottom():
    errors = {"grid": [0.5, 1e-3, 1e-6], "simple Monte Carlo": [0.4, 0.2, 0.1], "stratified": [0.6, 0.3, 0.09]}
    predictions = {"grid": [0.7, 1e-7], "simple Monte Carlo": [0.41, 0.11], "stratified": [0.61, 0.08]}
    slopes = {"simple Monte Carlo": "slope −1/2", "stratified": "slope −3/2"}
    axis, other = presentable(pictures.integration_errors({
        "1 latent": ([4, 8, 64], errors, [4, 64], predictions, slopes), "2 latents": ([4], {}, [4], {}, {})}))
    assert lines(axis) == errors and line(axis, "grid")[:, 0].tolist() == [4, 8, 64]
    assert [each.get_xydata().tolist() for each in axis.lines[1::2]] == [
        [[4, values[0]], [64, values[1]]] for values in predictions.values()]
    assert {text.get_text(): text.get_position()[1] for text in axis.texts} == {"slope −3/2": 0.09, "slope −1/2": 0.36}
    assert axis.get_xscale() == axis.get_yscale() == "log" and other.get_title() == "2 latents"


def test_curse_draws_all_errors_with_their_mean_and_the_points_needed():
    errors = {"simple Monte Carlo": -np.array([[1.0, 3], [20, 40]]),
              "importance sampling": np.array([[0.5, -0.1], [-2, -1]])}
    points = {"grid": [10, 1e9], "simple Monte Carlo": [20, 1e6], "importance sampling": [15, 300]}
    left, right = presentable(pictures.curse([1, 20], errors, points, 10_000))
    for (name, values), means, shift in zip(errors.items(), left.lines[1::2], (-0.14, 0.14), strict=False):
        np.testing.assert_allclose(line(left, name)[:, 0].reshape(2, 2).mean(axis=1), [shift, 1 + shift])
        assert line(left, name)[:, 1].tolist() == values.ravel().tolist()
        assert means.get_ydata().tolist() == values.mean(axis=1).tolist()
    assert lines(right) == points and line(right, "grid")[:, 0].tolist() == [1, 20] and right.get_yscale() == "log"
    for axis, names in ((left, errors), (right, points)):
        drawn = {each.get_label(): (each.get_color(), each.get_marker()) for each in axis.lines}
        assert {name: drawn[name] for name in names} == {name: pictures.STYLES[name] for name in names}
    assert right.lines[-1].get_ydata()[0] == 10_000 and texts(right) == ["10,000"] and "10,000" in left.get_title()


def test_bounds_draw_each_q_over_the_posterior_beside_bars_that_end_at_log_p_from_top_to_bottom():
    z, wide = np.linspace(-1, 1, 3), np.array([0.1, 0.5, 0.2])
    left, right = presentable(pictures.bounds(z, 2 * wide, {"wide": wide, "narrow": 3 * wide},
                                              {"narrow": -5.0, "wide": -3.0}, {"wide": 0.5, "narrow": 2.5}))
    assert lines(left) == {"wide": wide.tolist(), "narrow": (3 * wide).tolist()}
    assert left.collections[0].get_paths()[0].vertices[:, 1].max() == 1  # the posterior
    np.testing.assert_allclose([(bar.get_x(), bar.get_width()) for bar in right.patches],
                               [(-5.6, 2.6), (-5.6, 0.6), (-3, 0.5), (-5, 2.5)])
    assert [bars.get_label() for bars in right.containers] == ["ELBO", "KL(q ‖ posterior)"]
    assert [text.get_text() for text in right.get_yticklabels()] == ["wide", "narrow"] and right.yaxis_inverted()
    assert right.lines[0].get_xdata()[0] == -2.5 and texts(right) == ["0.50", "2.50"]


def test_stratified_points_draw_three_sets_of_points_and_the_cells_of_the_second():
    sets = np.random.default_rng(0).random((3, 9, 2))
    axes = presentable(pictures.stratified_points(*sets, side=3))
    cells = np.stack(np.meshgrid(np.arange(3), np.arange(3)), axis=-1).reshape(-1, 2)
    wanted = sets[0], (cells + sets[1]) / 3, sets[2]
    np.testing.assert_allclose([axis.lines[0].get_xydata() for axis in axes], wanted)
    np.testing.assert_allclose([each.get_ydata()[0] for each in axes[1].lines[1::2]], np.arange(4) / 3)
    assert axes[1].get_xlim() == axes[1].get_ylim() == (0, 1) and axes[1].get_xlabel() == "probability u₁"


def test_posterior_maps_draw_each_density_where_it_lies_and_its_image_where_no_mass_is():
    windows = [(HILL, EXTENT), (HILL.T, EXTENT), (HILL[::-1], (0, 1, 2, 3))]
    axes = presentable(pictures.posterior_maps(DIGITS[:3], windows, ["a", "b", "c"]))
    assert [axis.get_title() for axis in axes] == ["a", "b", "c"]
    for axis, top in zip(axes, ((2, -1), (-4 / 3, 1.5), (0.75, 8 / 3)), strict=True):
        np.testing.assert_allclose(top_of(axis.collections[0]), top, atol=0.03)
    np.testing.assert_allclose(np.concatenate([digits_of(axis.child_axes[0]) for axis in axes]), DIGITS[:3], rtol=1e-6)
    for corner in np.ndindex(2, 2):
        density = np.ones((3, 3))
        density[2 * corner[0], 2 * corner[1]] = 0
        axis = pictures.posterior_maps(DIGITS[:1], [(density, EXTENT)], ["a"], columns=1).axes[0]
        left, bottom, width, height = axis.child_axes[0].get_axes_locator()._bounds
        assert (bottom + height / 2 > 0.5, left + width / 2 > 0.5) == corner and axis.get_xlim() == EXTENT[:2]


def test_training_rises_along_the_ladder_whose_close_rungs_are_named_above_and_below():
    rungs = {"VAE": -135.7, "sphere": -132.5, "pixel": -205.8}
    axis, = presentable(pictures.training_on_the_ladder([-210, -150, -130], rungs, "nats"))
    assert axis.lines[0].get_xydata().tolist() == [[1, -210], [2, -150], [3, -130]]
    assert [each.get_ydata()[0] for each in axis.lines[1:]] == sorted(rungs.values())
    assert {text.get_text(): (text.xy[1], text.get_ha(), text.get_va()) for text in axis.texts} == {
        "VAE −135.7": (-135.7, "right", "top"), "sphere −132.5": (-132.5, "left", "bottom"),
        "pixel −205.8": (-205.8, "right", "bottom")}


def test_growth_draws_memory_in_bytes_at_the_left_and_time_in_seconds_at_the_right():
    left, right = presentable(pictures.growth([1, 2, 4], [1e6, 1e9, 1e15], [3, 50, 9e5]))
    assert left.lines[0].get_xydata().tolist() == [[1, 1e6], [2, 1e9], [4, 1e15]]
    assert right.lines[0].get_xydata().tolist() == [[1, 3], [2, 50], [4, 9e5]]
    assert "memory" in left.get_title() and "bytes" in left.get_ylabel() and left.get_yscale() == "log"
    assert "time" in right.get_title() and "seconds" in right.get_ylabel() and right.get_yscale() == "log"
    assert [(axis.texts[0].xy[1], texts(axis)[0]) for axis in (left, right)] == [(16e9, "a laptop"), (3600, "an hour")]


def test_integral_draws_the_model_with_p_x_from_the_right_and_hands_out_what_moves():
    z, x, (picture, axes) = np.linspace(-4, 4, 81), np.linspace(-3, 3, 61), canvas(height=3, columns=3)
    moving = pictures.draw_integral(axes, z, x, z**2 / 4, HILL, HILL.sum(axis=1))
    plane, above, below = presentable(picture)
    np.testing.assert_allclose(top_of(plane.collections[0]), (2, -1), atol=0.1)
    np.testing.assert_allclose(line(plane, "mean of x given z"), np.stack([z, z**2 / 4], axis=-1))
    density = 4 - 2.4 * HILL.sum(axis=1) / HILL.sum(axis=1).max()
    np.testing.assert_allclose(line(plane, "p(x), to the left"), np.stack([density, x], axis=-1))
    np.testing.assert_allclose(line(above, "prior p(z)")[:, 1], stats.norm.pdf(z))
    assert {name: artist.axes for name, artist in moving.items()} == {
        "observed": plane, "height": plane, "likelihood": above, "area": below, "posterior": below, "evidence": below}


class TestIntegral(ExplorerContract):
    make = staticmethod(lambda: explorers.integral_explorer(np.square, 0.4))

    def test_words_say_the_area_under_the_joint(self, explorer):
        for x in (-1.0, 1.4, 5.0):
            assert words_when_redrawn(explorer, observed=x) == [f"area of the joint: p(x) = {evidence_of(x):.4f}"]


class TestBound(ExplorerContract):
    make = staticmethod(lambda: explorers.bound_explorer(np.square, 0.4))

    @pytest.mark.parametrize(("observed", "mean", "deviation"), [(2.0, 1.4, 0.15), (0.5, 0.0, 0.6), (4.0, -2.0, 0.05)])
    def test_words_say_elbo_divergence_and_their_sum(self, explorer, observed, mean, deviation):
        """Against closed forms: E_q of a quartic, the KL divergence from the prior, and the evidence by SciPy."""
        square, fourth = mean**2 + deviation**2, mean**4 + 6 * mean**2 * deviation**2 + 3 * deviation**4
        explained = -(observed**2 - 2 * observed * square + fourth) / (2 * 0.4**2) - np.log(0.4 * np.sqrt(2 * np.pi))
        elbo, evidence = explained - (square - 1 - 2 * np.log(deviation)) / 2, np.log(evidence_of(observed))
        words, = words_when_redrawn(explorer, observed=observed, mean=mean, deviation=deviation)
        numbers = [float(word.replace("−", "-")) for word in words.split() if word[-1].isdigit()]
        np.testing.assert_allclose(numbers, [elbo, evidence - elbo, evidence], atol=0.006)


def test_points_needed_are_those_at_which_the_predicted_error_is_the_one_asked_for():
    """By the theory of the errors itself, for one observation; the grid has whole points along an axis."""
    line, x = (2.0, 1.0, 0.5), np.array([[4.0, -1.0]])
    for size in (1, 2):
        needed = study.points_needed(x, np.array([size]), line, error=0.1, widening=1.2)
        for name, tolerance in (("simple Monte Carlo", 1e-9), ("importance sampling", 1e-9), ("grid", 0.3)):
            error = study.predicted_errors(x[0, :size], needed[name], line, widening=1.2)[name][0]
            assert error == pytest.approx(0.1, rel=tolerance) or (name == "grid" and error < 0.1)


def test_methods_are_compared_by_their_relative_error_and_dimensions_by_their_error_in_nats():
    def exact(x):
        return -1.0 * len(x)

    def method(x, count, random, repetitions):
        return np.full(repetitions, exact(x) + np.log(1 + 1 / count))

    counts, errors, *_ = study.compare_methods({"simple Monte Carlo": method}, exact, [4.0, -1.0], (2, 1, 0.5))
    assert counts.tolist() == [4, 16, 64, 256, 1024, 4096, 16384]
    np.testing.assert_allclose(errors["simple Monte Carlo"], 1 / counts)
    missed = study.errors_by_dimension({"a": method}, exact, np.zeros((3, 5)), [1, 4], 10, np.random.default_rng(0))
    np.testing.assert_allclose(missed["a"], np.full((2, 3), np.log(1.1)))


def test_parts_of_a_bound_are_printed_with_its_divergence_from_the_posterior(capsys):
    prior, likelihood, log_q = (stats.norm.logpdf(Z), stats.norm.logpdf(2, Z**2, 0.4), stats.norm.logpdf(Z, 1.4, 0.2))
    elbo = study.elbo_of_q(prior, likelihood, log_q, CELL)
    gap = study.print_parts("mine", elbo, prior, likelihood, log_q, CELL)
    assert elbo + gap == pytest.approx(np.log(evidence_of(2.0)))
    assert capsys.readouterr().out.startswith("mine ")
    with pytest.raises(AssertionError, match="two parts"):
        study.print_parts("wrong", elbo + 1, prior, likelihood, log_q, CELL)


def test_coins_are_frequencies_of_all_images_and_of_each_digit():
    random = np.random.default_rng(0)
    images, labels = (random.random((200, 784)) < 0.3).astype("float32"), np.arange(200) % 10
    scored = images[:5]
    chance = (images.sum(axis=0) + 1) / 202
    np.testing.assert_allclose(study.coins_of(images, scored)[:, 0], stats.bernoulli.logpmf(scored, chance).sum(axis=1),
                               rtol=1e-5)
    by_digit = study.coins_by_digit(images, labels, scored)
    chance = (images[labels == 3].sum(axis=0) + 1) / 22
    wanted = np.log(0.1) + stats.bernoulli.logpmf(scored, chance).sum(axis=1)
    np.testing.assert_allclose(by_digit[:, 3], wanted, rtol=1e-5)


def test_windows_hold_nearly_all_of_each_posterior_from_the_surest_to_the_widest():
    """A decoder whose logits are linear in z: posteriors are small, and the density integrates to one."""
    weights = 2 * np.random.default_rng(1).normal(size=(2, 784)).astype("float32")
    images = (np.random.default_rng(2).random((6, 784)) < 0.5).astype("float32")

    def decoder(latents):
        return latents @ weights

    log_marginals = log_marginal_by_quadrature(decoder, images, 501, 3.0)
    order, windows = study.posterior_windows(decoder, images, log_marginals, ranks=(0, 3, 5))
    assert len(set(order)) == 3
    for density, (left, right, bottom, top) in windows:
        assert density.shape == (91, 91)
        assert density.sum() * (right - left) * (top - bottom) / 90**2 == pytest.approx(1, abs=0.05)


def test_an_average_is_given_with_its_standard_error():
    assert study.with_error(np.array([1.0, 3.0, 1.0, 3.0])) == "2.0 ± 0.5 nats"
