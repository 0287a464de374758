"""Lesson 9: what it computes and what its cells define, its recorded runs, its pictures, the walk between corners."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from scipy import stats

from tests import drawing
from tests.cells import lesson
from tests.drawing import DENSITY, X, line, lines, presentable
from utils import losses
from utils.exercises import engine
from utils.lesson_09 import exercises, explorers, pictures, study
from utils.losses import r1_penalty
from utils.models import R1GAN, build_generator, build_tile_discriminator, condition_on_label, use_average

RNG = np.random.default_rng(7)
GREY, LABELS = RNG.random((16, 784)).astype("float32"), np.arange(16) % 10
PATH = np.cumsum(RNG.normal(size=(40, 2)), axis=0)
CORNERS = np.array([[2.0, 0, 0], [0, 2, 1], [-2, 1, 0], [0, -2, 2]])
LAST_THIRD, RIGHT, ROOM = slice(20, None), exercises.diagnose(), lesson("09")
WASSERSTEIN, AVERAGE = losses.wasserstein_distance_1d, losses.exponential_moving_average
HISTORIES = [{"discriminator_loss": [1.5 * scale, 0.3, 0.9], "generator_loss": [0.7, 2.0 * scale, 1.1],
              "symptom": np.array([3.0 * scale, 8.0, 0.5])} for scale in (1, 2)]


@pytest.mark.parametrize("shift", [0.0, 0.7, -3.0])
def test_wasserstein_distance_is_that_of_scipy_whichever_comes_first(shift):
    first, second = RNG.normal(size=50), shift + RNG.exponential(size=50)
    found = [WASSERSTEIN(first, second), WASSERSTEIN(second[::-1], first)]
    assert found == pytest.approx([stats.wasserstein_distance(first, second)] * 2, rel=1e-12)


def test_averages_are_those_of_keras_own_optimiser():
    """Ten steps of SGD with `use_ema`, of which the first average is the weights themselves."""
    variables, average = [keras.Variable(RNG.normal(size=(3, 2))), keras.Variable(RNG.normal(size=4))], None
    optimiser = keras.optimizers.SGD(0.1, use_ema=True, ema_momentum=0.8)
    optimiser.build(variables)
    for _ in range(10):
        optimiser.apply([keras.ops.convert_to_tensor(RNG.normal(size=variable.shape)) for variable in variables])
        average = AVERAGE(average, [variable.numpy() for variable in variables], 0.8)
    optimiser.finalize_variable_values(variables)  # writes Keras' averages into the variables
    for ours, variable in zip(average, variables, strict=True):
        np.testing.assert_allclose(ours, variable.numpy(), rtol=1e-5)


def kinds(network):
    return [type(layer).__name__ for layer in network.layers]


def test_players_without_a_change_are_those_that_collapse_in_lesson_8_and_with_all_are_those_of_its_recipe():
    for ours, theirs in ((study.build_players(()), lesson("08").build_classic()),
                         (study.build_players(study.CHANGES), (build_generator(), build_tile_discriminator()))):
        for player, model in zip(ours, theirs, strict=True):
            assert [*map(np.shape, player.get_weights())] == [*map(np.shape, model.get_weights())]
            player.set_weights(model.get_weights())
            inputs = RNG.normal(size=(5, player.input_shape[1])).astype("float32")
            np.testing.assert_allclose(player(inputs), model(inputs), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(("change", "generator", "discriminator"), [
    ("tiles", ["Conv2D", "Permute"], ["Conv2D", "Permute"]), ("normalisation", ["BatchNormalization", "LeakyReLU"],
                                                              ["LeakyReLU"]), ("tanh", [], [])])
def test_a_change_of_the_networks_is_found_in_them_alone(change, generator, discriminator):
    found = [{"Conv2D", "Permute", "BatchNormalization", "LeakyReLU"} & {*kinds(player)}
             for player in study.build_players({change})]
    assert [sorted(each) for each in found] == [generator, discriminator]
    drawn = study.build_players({change})[0](40 * RNG.normal(size=(50, 100)).astype("float32")).numpy()
    assert (drawn.min() < 0) == (change == "tanh") and abs(drawn).max() <= 1


@pytest.mark.parametrize(("changes", "penalised", "momenta", "averaged"), [
    ((), False, (0.5, 0.999), False), ({"R1"}, True, (0.5, 0.999), False), ({"Adam"}, False, (0.0, 0.99), False),
    ({"average"}, False, (0.5, 0.999), True), (study.CHANGES, True, (0.0, 0.99), True)])
def test_a_change_of_the_training_is_an_option_of_the_gan_or_of_its_optimisers(changes, penalised, momenta, averaged):
    gan = ROOM.build_changed(changes, steps=1000, seed=0)
    for optimiser in (gan.generator_optimizer, gan.discriminator_optimizer):
        assert (optimiser.beta_1, optimiser.beta_2, optimiser.use_ema) == (*momenta, averaged)
        assert float(optimiser.learning_rate) == pytest.approx(3e-3 if "Adam" in changes else 2e-4)
    assert (gan.penalty is ROOM.r1_on_a_quarter) == penalised


@pytest.mark.parametrize(("changes", "size", "low"), [((), 128, 0), ({"Adam"}, 64, 0), ({"Adam", "tanh"}, 64, -1)])
def test_batches_bring_all_images_in_another_order_and_in_the_range_of_the_generator(changes, size, low):
    images = np.repeat(np.linspace(0, 1, 640, dtype="float32")[:, None], 784, axis=1)
    batches = np.stack([*study.batches_of(images, changes, seed=1).take(640 // size)])
    assert batches.shape == (640 // size, size, 784)
    np.testing.assert_allclose(np.sort(batches[..., 0], axis=None), np.linspace(low, 1, 640), atol=1e-6)
    assert not np.array_equal(batches[..., 5].ravel(), np.sort(batches[..., 5], axis=None))


def test_the_table_of_six_changes_has_every_row_for_three_seeds_and_leaves_out_none_of_its_scores():
    table = study.six_changes()
    assert {*table} == {"classic", "recipe", *(sign + change for sign in ("+ ", "− ") for change in study.CHANGES)}
    for row in table.values():
        assert row["seed"] == [0, 1, 2] and min(row["Fréchet distance"]) > 1 and 1 <= min(row["digits drawn"])
        assert 0 <= min(row["precision"] + row["recall"]) and max(row["precision"] + row["recall"]) <= 1


def test_latents_between_corners_begin_and_end_there_and_are_on_the_circle_between_two_of_one_length():
    np.testing.assert_allclose(study.between_corners(CORNERS, np.array([0, 1, 0, 1]), np.array([0, 0, 1, 1])), CORNERS)
    path = study.between_corners(3 * np.eye(4), np.linspace(0, 1, 11), np.zeros(11))
    np.testing.assert_allclose(np.linalg.norm(path, axis=1), 3, rtol=1e-6)
    np.testing.assert_allclose(path[[0, 5, 10]], [[3, 0, 0, 0], [4.5**0.5, 4.5**0.5, 0, 0], [0, 3, 0, 0]], rtol=1e-6)
    assert path.dtype == np.float32 and study.between_corners(CORNERS, 0.2, 0.7).shape == (3,)


@pytest.mark.parametrize(("function", "arguments", "says"), [
    *((WASSERSTEIN, samples, rf"two samples of shape \(n,\) with the same n, but got {shapes}") for samples, shapes in (
        ((np.ones(5), np.ones(4)), r"\(5,\) and \(4,\)"), ((np.ones(5), np.ones((5, 1))), r"\(5,\) and \(5, 1\)"),
        ((2.0, 3.0), r"\(\) and \(\)"), (([], []), r"\(0,\) and \(0,\)"))),
    *((AVERAGE, (None, [np.ones(3)], decay), f"of at least 0 and below 1, but got {decay}") for decay in (-0.1, 1.0)),
    *((AVERAGE, ([np.ones(3), np.ones((2, 2))], weights, 0.9), r"but got \[\(3,\), \(2, 2\)\] and \[\(3,\)")
      for weights in ([np.ones(3)], [np.ones(3), np.ones((1, 2))])),
    (study.between_corners, (CORNERS[:3], 0.5, 0.5), r"four latents, of shape \(4, latent_dim\), but got \(3, 3\)"),
    (pictures.sorted_pairs, (np.ones(3), np.ones(4)), "two samples of one size, but got 3 and 4 numbers"),
    *((ROOM.convincing_half, (None, None, np.ones((count, 3))),
       f"an even number of latents, at least 2, but got {count}") for count in (0, 3))])
def test_bad_input_is_refused_with_what_came_and_what_is_wanted(function, arguments, says):
    with pytest.raises(ValueError, match=says):
        function(*arguments)


def tiny_gan(kind=ROOM.PenalisedGAN, **options):
    """Return a GAN on 784 pixels, with the same weights and the same draws at each call."""
    keras.utils.set_random_seed(2)
    inputs, logits = (13, 10) if kind is ROOM.ConditionalGAN else (3, 1)
    networks = [keras.Sequential([keras.Input((size,)), keras.layers.Dense(8, "tanh"), keras.layers.Dense(outputs)])
                for size, outputs in ((inputs, 784), (784, logits))]
    model = kind(*networks, 3, seed=4, **options)
    model.compile(keras.optimizers.SGD(0.01), keras.optimizers.SGD(0.01), run_eagerly=True)
    return model


def test_averaged_weights_stand_in_both_players_with_batch_statistics_of_their_own():
    gan = ROOM.build_changed(study.CHANGES, steps=100, seed=0)
    gan.fit(study.batches_of(GREY, study.CHANGES, seed=0), steps_per_epoch=50, shuffle=False, verbose=0)
    averages = [[each.numpy() for each in optimiser._model_variables_moving_average]
                for optimiser in (gan.generator_optimizer, gan.discriminator_optimizer)]
    latents = RNG.normal(size=(1500, 100)).astype("float32")
    use_average(gan, latents)
    for player, average in zip((gan.generator, gan.discriminator), averages, strict=True):
        assert all(map(np.array_equal, player.trainable_variables, average))
    first = next(layer for layer in gan.generator.layers if isinstance(layer, keras.layers.BatchNormalization))
    sums = latents @ gan.generator.layers[1].get_weights()[0]
    seen = [block.mean(axis=0) for block in sums.reshape(3, 500, -1)]
    assert np.corrcoef(first.moving_mean, np.mean(seen, axis=0))[0, 1] > 0.3


def flat_weights(network):
    return np.concatenate([np.ravel(weights) for weights in network.get_weights()])


def test_penalty_steers_the_discriminator_alone_as_that_of_the_smooth_gan_and_is_not_in_the_losses_shown():
    plain, smooth = tiny_gan(), tiny_gan(R1GAN)  # γ / 2 = 1, a quarter of 16
    quarter = tiny_gan(penalty=lambda player, images, fakes, random: r1_penalty(player, images[:4]))
    heavy = tiny_gan(penalty=lambda player, images, fakes, random: 50 * r1_penalty(player, images))
    shown, _, _, shown_by_heavy = ([*map(float, model.train_step(tf.constant(GREY)).values())]
                                   for model in (plain, smooth, quarter, heavy))
    np.testing.assert_allclose(flat_weights(quarter), flat_weights(smooth), rtol=1e-5, atol=1e-7)
    assert shown == pytest.approx(shown_by_heavy, rel=1e-6)
    assert np.array_equal(flat_weights(plain.generator), flat_weights(heavy.generator))
    assert not np.array_equal(flat_weights(plain.discriminator), flat_weights(heavy.discriminator))


def test_penalised_gan_plays_with_its_losses_and_its_penalty_is_given_the_fakes_and_random_numbers_of_the_step():
    seen, copy, played = [], tiny_gan(), (losses.critic_loss, losses.wasserstein_generator_loss)
    model = tiny_gan(penalty=lambda *arguments: seen.extend(arguments) or 0.0, losses=played)
    shown, fakes = model.train_step(tf.constant(GREY)), copy.generator(copy.latents(16))
    real, fake = (np.mean(copy.discriminator(images)) for images in (GREY, fakes))
    assert [*map(float, shown.values())] == pytest.approx([fake - real, -fake], rel=1e-4)
    assert seen[0] is model.discriminator and seen[3] is model.random
    np.testing.assert_array_equal(seen[1], GREY)
    np.testing.assert_allclose(seen[2], fakes, rtol=1e-5)


def test_conditional_gan_plays_for_the_logit_of_the_label_asked_for_and_penalises_its_slope():
    seen, copy = [], tiny_gan(ROOM.ConditionalGAN)
    model = tiny_gan(ROOM.ConditionalGAN, penalty=lambda player, images, fakes, random: seen.append(
        r1_penalty(player, images[:5])) or 0.0)
    shown = model.train_step((tf.constant(GREY), tf.constant(LABELS)))
    fakes = copy.generator(condition_on_label(copy.latents(16), tf.constant(LABELS)))
    real, fake = (np.asarray(copy.discriminator(images))[np.arange(16), LABELS] for images in (GREY, fakes))
    for_real, for_fakes, generators = np.mean(np.log1p(np.exp([-real, fake, -fake])), axis=1)
    assert [*map(float, shown.values())] == pytest.approx([for_real + for_fakes, generators], rel=1e-5)
    first, second = (layer.get_weights() for layer in copy.discriminator.layers)
    hidden = np.tanh(GREY[:5] @ first[0] + first[1])
    slopes = (second[0].T[LABELS[:5]] * (1 - hidden**2)) @ first[0].T  # chain rule by hand
    assert float(seen[0]) == pytest.approx(np.mean(np.sum(slopes**2, axis=1)), rel=1e-4)


def test_conditional_gan_leaves_logits_of_absent_labels_alone():
    model = tiny_gan(ROOM.ConditionalGAN)
    before = model.discriminator.layers[-1].get_weights()[0]
    model.fit(GREY, np.full(16, 7), batch_size=16, verbose=0)
    same = np.all(model.discriminator.layers[-1].get_weights()[0] == before, axis=0)
    assert same.tolist() == [digit != 7 for digit in range(10)]


def test_convincing_half_keeps_the_fakes_with_the_larger_logits_in_order():
    model, latents = tiny_gan(), RNG.normal(size=(40, 3)).astype("float32")
    images = np.asarray(model(latents))
    logits = np.asarray(model.discriminator(images))[:, 0]
    kept = ROOM.convincing_half(model.generator, model.discriminator, latents)
    np.testing.assert_allclose(kept, images[logits > np.median(logits)], rtol=1e-5, atol=1e-6)


def test_gradient_of_what_the_tape_did_not_watch_is_explained():
    def r1_penalty(discriminator, images):
        with tf.GradientTape() as tape:
            logits = discriminator(images)
        return tf.reduce_mean(tape.gradient(logits, images) ** 2)

    assert "A tape's gradient is None" in engine.examine(engine.find("9.3"), r1_penalty).sentence


def test_each_recorded_run_has_the_symptom_of_its_diagnosis_and_no_other_run_has_it():
    runs = study.record_runs()
    # A alone depends on the kind of batch.
    gaps = {name: run["as_trained"] - run["mixed"] for name, run in runs.items()}
    assert np.mean(gaps["A"][LAST_THIRD]) > 0.08 and np.allclose([gaps[name] for name in "BCD"], 0)
    # B alone has a band without width.
    assert runs["B"]["spread"].max() < 0.05 and all(runs[name]["spread"].min() > 0.1 for name in "CD")
    assert runs["A"]["spread"][-1] > 2 * runs["A"]["spread"][0]
    # C alone loses its gradient, and its samples stay where they began.
    fall = {name: run["gradient"][LAST_THIRD].max() / run["gradient"][0] for name, run in runs.items()}
    assert fall["C"] < 0.2 and fall["A"] > 1 and fall["B"] > 5 and np.ptp(runs["C"]["centre"][[0, -1]]) < 0.5
    assert runs["C"]["discriminator_loss"][-1] < 0.05 and runs["C"]["generator_loss"][-1] > 4
    # D alone turns again and again.
    late = {name: run["centre"][10:] - run["centre"][10:].mean() for name, run in runs.items()}
    turns = {name: np.sum(np.diff(np.sign(centre)) != 0) for name, centre in late.items()}
    assert turns["D"] >= 5 and turns["A"] <= 2 and turns["C"] <= 2
    assert np.ptp(runs["D"]["centre"][LAST_THIRD]) > 0.5 and np.ptp(runs["D"]["discriminator_loss"][LAST_THIRD]) > 0.15


@pytest.mark.parametrize(("answer", "says", "does_not_say"), [
    (("oscillation", *RIGHT[1:]), "run A is not that", RIGHT[0]), ((*RIGHT[:3], "healthy"), "run D is not", RIGHT[3]),
    ((*RIGHT[:2], "mode collapse", "healthy"), "run C is not that", RIGHT[2]),  # the first of two
    (["healthy"] * 3, "four diagnoses are wanted", "✓"), ("healthy", "four diagnoses are wanted", "✓"),
    (["ill"] * 4, "'ill' is none of the diagnoses, which are healthy, mode collapse", "✓"), (None, "None came", "✓")])
def test_wrong_diagnosis_is_answered_without_giving_the_right_one_away(answer, says, does_not_say):
    verdict = engine.examine(engine.find("9.5"), lambda: [answer][0])
    assert verdict.mark == "✗" and says in verdict.sentence
    assert does_not_say not in verdict.sentence + str(verdict.rows)


def test_every_diagnosis_but_the_right_one_has_an_answer_for_each_run():
    assert len({mistake.message for mistake in engine.find("9.5").mistakes}) == 4 * (len(exercises.DIAGNOSES) - 1)


def points(axis):
    return [each.get_xydata().tolist() for each in axis.lines]


def assert_course(left, middle, history):
    *of_losses, symptom = ([[step, value] for step, value in enumerate(values, 1)] for values in history.values())
    assert points(left)[:2] == of_losses and list(lines(left)) == ["discriminator", "generator"]
    assert points(middle)[0] == symptom and middle.get_yscale() == "log"


def test_patients_show_losses_symptom_and_samples_in_a_row_each_on_one_scale():
    patients = {"patient": (HISTORIES[0], PATH[:9]), "cured": (HISTORIES[1], PATH[9:])}
    axes = presentable(pictures.patients(patients, PATH - 1, "clusters", logarithmic=True, released=2, unit=""))
    for row, (name, (history, samples)) in enumerate(patients.items()):
        left, middle, right = axes[3 * row:3 * row + 3]
        assert_course(left, middle, history)
        assert [axis.lines[-1].get_xdata() for axis in (left, middle)] == [[2.5, 2.5]] * 2
        assert [drawing.dots(right, number).tolist() for number in (0, 1)] == [(PATH - 1).tolist(), samples.tolist()]
        assert left.get_ylabel() == f"{name}\n\nloss" and left.get_ylim() == axes[0].get_ylim()
    assert [axis.get_title() for axis in axes] == ["losses", "clusters", "samples at the end", "", "", ""]


def test_phase_portraits_show_the_path_over_the_directions_of_its_own_game():
    sick, cured = HISTORIES
    games = {"patient": (sick, PATH, lambda x, y: (y + 9, -x)), "R1": (cured, PATH[5:], lambda x, y: (y, x))}
    axes = presentable(pictures.phase_portraits(games, ("θ", "ψ"), reach=3))
    assert_course(*axes[:2], sick)
    assert points(axes[2])[:2] == [PATH.tolist(), PATH[:1].tolist()] and points(axes[5])[0] == PATH[5:].tolist()
    patient, cured = (axis.collections[0] for axis in axes[2::3])
    np.testing.assert_allclose([patient.U, patient.V, cured.U, cured.V], [patient.Y + 9, -patient.X, cured.Y, cured.X])
    assert (axes[2].get_xlabel(), axes[2].get_ylabel()) == ("θ", "ψ") and axes[3].get_ylabel() == "R1\n\nloss in nats"


def test_averaged_path_is_drawn_in_the_plane_and_as_distances():
    left, right = presentable(pictures.averaged_path(PATH, PATH[::-1] / 9))
    assert points(left)[:2] == [PATH.tolist(), (PATH[::-1] / 9).tolist()]
    assert lines(right) == {"weights of the step": pytest.approx(np.linalg.norm(PATH, axis=1)),
                            "their average": pytest.approx(np.linalg.norm(PATH[::-1], axis=1) / 9)}


def test_scores_over_seeds_are_dots_in_a_line_a_row_before_the_range_of_the_first_of_their_group():
    first = {"classic": {"Fréchet": [400.0, 450.0], "digits": [1, 2]},
             "+ R1": {"Fréchet": [120.0, 130.0], "digits": [9, 7]}}
    second = {"recipe": {"Fréchet": [8.0, 9.0], "digits": [10, 10]}}
    left, right = presentable(pictures.over_seeds([first, second], {"digits": 10}, logarithmic=["Fréchet"]))
    assert [text.get_text() for text in left.get_yticklabels()] == ["classic", "+ R1", "recipe"]
    assert points(left)[::2] == [[[400, 0], [450, 0]], [[120, -1], [130, -1]], [[8, -2], [9, -2]]]
    assert points(left)[1::2] == [[[425, 0]], [[125, -1]], [[8.5, -2]]]  # the means
    bands = [band.get_paths()[0].get_extents() for band in left.collections]
    assert [(band.x0, band.x1, band.y0, band.y1) for band in bands] == [(400, 450, -1.45, 0.45), (8, 9, -2.45, -1.55)]
    assert (left.get_xscale(), right.get_xscale()) == ("log", "linear") and right.get_xlabel() == "digits"
    assert right.lines[-1].get_xdata() == [10, 10] and len(left.lines) == 6


def test_sorted_pairs_are_joined_rank_by_rank_and_say_their_distance():
    first, second = np.random.default_rng(5).normal([[0], [1]], [[1], [3]], (2, 40))
    axis, = presentable(pictures.sorted_pairs(first, second))
    assert axis.get_title() == f"average distance {stats.wasserstein_distance(first, second):.2f}"
    for name, sample in (("first", first), ("second", second)):
        np.testing.assert_array_equal(line(axis, name), np.stack([np.sort(sample), np.arange(1, 41)], axis=1))
    ways = [np.sort(segment[:, 0]) for segment in axis.collections[0].get_segments()]
    np.testing.assert_array_equal(ways, np.sort([np.sort(first), np.sort(second)], axis=0).T)


def test_distances_are_drawn_over_the_shifts():
    curves = {"Jensen–Shannon": np.minimum(X + 4, 0.69), "Wasserstein": X + 4}
    axis, = presentable(pictures.distances(2 * X + 8, curves, y="distance in nats"))
    for name, values in curves.items():
        np.testing.assert_array_equal(line(axis, name), np.stack([2 * X + 8, values], axis=1))
    assert axis.get_ylabel() == "distance in nats" and axis.get_ylim()[0] == 0


def test_critics_stand_below_the_densities_over_lines_of_slope_one():
    above, below = presentable(pictures.critics(X, DENSITY, DENSITY**2 * (X > 0), {"critic": X, "logit": np.tanh(X)}))
    assert lines(above) == {"real": DENSITY.tolist(), "generated": (DENSITY**2 * (X > 0)).tolist()}
    for name, values in (("critic", X), ("logit", np.tanh(X))):
        np.testing.assert_array_equal(line(below, name), np.stack([X, values], axis=1))
    assert [each.get_slope() for each in below.lines if hasattr(each, "get_slope")] == [1] * 14


def test_charts_draw_each_run_in_a_column_of_its_own():
    names = "discriminator_loss", "generator_loss", "gradient", "centre", "as_trained", "mixed", "spread"
    runs = {run: {"step": 10 * np.arange(31)} | {name: RNG.random(31) for name in names} for run in "AB"}
    for (name, run), column in zip(runs.items(), np.transpose(np.reshape(presentable(pictures.charts(runs)), (4, 2)))):
        drawn = [curve for axis in column for curve in points(axis)]
        assert drawn == [np.stack([run["step"], run[key]], axis=1).tolist() for key in names[:-1]]
        assert [list(lines(axis)) for axis in column] == [["D", "G"], [], ["centre"], ["one kind", "mixed"]]
        band = column[2].collections[0].get_paths()[0].vertices[:, 1]
        assert [band.min(), band.max()] == [min(run["centre"] - run["spread"]), max(run["centre"] + run["spread"])]
        assert column[0].get_title() == f"run {name}" and column[1].get_yscale() == "log"


class TestCorners(drawing.ExplorerContract):
    make = staticmethod(lambda: explorers.corner_explorer(
        lambda latents: np.concatenate([drawing.decode_halves(latent[None, :2]) for latent in latents]), CORNERS))

    @pytest.mark.parametrize(("right", "down", "length"), [
        (0, 0, 2.0), (1, 0, 5**0.5), (0, 1, 5**0.5), (1, 1, 8**0.5), (0.5, 0.5, (0 + 1 + 9)**0.5 / 2)])
    def test_place_is_named_with_the_length_of_its_latent(self, explorer, right, down, length):
        """At the corners their own lengths; in the middle that of the sum, (0, 1, 3), divided by √4."""
        said = drawing.words_when_redrawn(explorer, right=right, down=down)
        assert said == [f"right {right:.2f}, down {down:.2f}: length of z {length:.1f}"]
