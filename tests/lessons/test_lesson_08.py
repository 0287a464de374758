"""Lesson 8: the best discriminator, the discriminator of its own cell, its pictures, and the game that one can play."""

import keras
import numpy as np
import pytest

from tests.cells import lesson
from tests.drawing import DIGITS, ExplorerContract, X, button, digits_of, line, lines, on_axis, presentable, texts
from utils.exercises import engine
from utils.lesson_08 import explorers, pictures
from utils.lesson_08.study import optimal_discriminator
from utils.models import GAN, build_tile_discriminator

REAL, FAKE = (np.exp(-(X - mean)**2 / 2) / np.sqrt(2 * np.pi) for mean in (1, -0.5))
RISING = (X + 4) / 8


def top_of_filled(axis):
    """Return where the area filled first is highest, and how high."""
    outline = axis.collections[0].get_paths()[0].vertices
    return outline[outline[:, 1].argmax()].tolist()


def test_best_discriminator_wins_most_of_the_game_at_every_point():
    real, fake, others = np.array([[0.3], [0.05], [0.7]]), np.array([[0.1], [0.4], [0.35]]), np.arange(1, 1000) / 1000
    best = others[np.argmax(real * np.log(others) + fake * np.log(1 - others), axis=1)]
    np.testing.assert_allclose(optimal_discriminator(real, fake)[:, 0], best, atol=6e-4)


def test_discriminator_of_the_lesson_s_cell_is_the_library_s():
    networks, images = [], np.random.default_rng(0).uniform(-1, 1, (5, 784)).astype("float32")
    for build in (lesson("08").build_discriminator, build_tile_discriminator):
        keras.utils.set_random_seed(3)
        networks.append(build())
    ours, theirs = ([(type(layer), layer.get_config() | {"name": ""}) for layer in network.layers]
                    for network in networks)
    assert ours == theirs
    for our, their in zip(*(network.get_weights() + [network(images)] for network in networks), strict=True):
        np.testing.assert_array_equal(our, their)


def test_another_number_of_faults_than_three_is_answered_with_what_is_wanted():
    verdict = engine.examine(engine.find("8.5"), lambda: (5, 6))
    assert "three line numbers are wanted, such as (1, 2, 3), but 2 came back" in verdict.sentence


def test_generator_gradients_are_drawn_by_their_size_over_the_logits():
    axis, = presentable(pictures.generator_gradients(X, -2 / (1 + np.exp(-X)), -1 / (1 + np.exp(X))))
    assert lines(axis) == {"log(1 − D), saturating": pytest.approx(2 / (1 + np.exp(-X))),
                           "−log D, non-saturating": pytest.approx(1 / (1 + np.exp(X)))}
    np.testing.assert_array_equal(line(axis, "−log D, non-saturating")[:, 0], X)
    assert texts(axis) == ["D is sure of the fake"]


def test_discriminator_stands_beside_the_densities_that_it_learnt_from():
    left, right = presentable(pictures.discriminator(X, REAL, 2 * FAKE, RISING, RISING**2))
    assert top_of_filled(left) == pytest.approx([1, REAL.max()])
    assert lines(left) == {"generated, q(x)": (2 * FAKE).tolist()}
    assert lines(right) == {"D(x), learnt from samples": RISING.tolist(), "p / (p + q)": (RISING**2).tolist()}
    np.testing.assert_array_equal(line(right, "p / (p + q)")[:, 0], X)


def test_two_objectives_are_drawn_as_marks_on_the_lines_of_what_they_descend_and_as_costs():
    slopes, divergences = {"saturating": X, "other": X**2}, {"JS": X + 0.1, "KL": X**2 - 0.1}
    costs = {"JS": {"dropped": 0.5, "invented": 0.75}, "KL": {"dropped": 0.25, "invented": 12.0}}
    left, right = presentable(pictures.two_objectives(X, slopes, divergences, costs))
    assert lines(left) == {name: pytest.approx(values) for name, values in (slopes | divergences).items()}
    assert [[bar.get_height() for bar in bars] for bars in right.containers] == [[0.5, 0.75], [0.25, 12]]
    assert texts(right) == ["0.50", "0.75", "0.25", "12.00"] and right.get_yscale() == "log"
    assert [text.get_text() for text in right.get_xticklabels()] == ["dropped", "invented"]


def test_moment_of_the_game_is_a_histogram_with_the_judgement_and_the_best_one():
    """One sample in each of 64 bars: their density is 1/8, at the rim 1/12 once it is smoothed over three bars."""
    axis = on_axis(pictures.draw_game, X, REAL, np.linspace(-4, 4, 129)[1::2], RISING, "a moment")
    presentable(axis.figure, labelled=False)
    values, edges, _ = axis.patches[0].get_data()
    assert values.tolist() == [1 / 8] * 64 and edges[[0, 1, -1]].tolist() == [-4, -3.875, 4]
    assert top_of_filled(axis) == pytest.approx([1, REAL.max()])
    assert lines(axis)["D(x)"] == RISING.tolist()
    np.testing.assert_allclose(line(axis, "best D(x)")[[4, 80, 160], 1],
                               REAL[[4, 80, 160]] / (REAL[[4, 80, 160]] + [1 / 8, 1 / 8, 1 / 12]))


def test_moved_game_shows_the_new_moment_in_the_same_artists():
    axis = on_axis(lambda axis: pictures.move_game(pictures.draw_game(axis, X, REAL, X, RISING), FAKE, [0.06] * 3 + [3],
                                                   RISING[::-1]))
    bars = axis.patches[0].get_data().values
    assert {int(place): bars[place] for place in np.flatnonzero(bars)} == {32: 6, 56: 2}  # bars are 1/8 wide
    assert lines(axis)["D(x)"] == RISING[::-1].tolist()
    best = dict(line(axis, "best D(x)").round(4).tolist())
    assert best[-3.0] == 1 and best[0.05] == pytest.approx(FAKE[81] / (FAKE[81] + 1.9), abs=0.03)


def test_frames_of_the_game_stand_in_order_each_with_its_samples_and_its_judgement():
    picture = pictures.game_frames({"0 steps": (np.full(5, -1.03), RISING), "9 steps": (np.full(3, 2.03), RISING**2)},
                                   lambda x: np.exp(-(x - 1)**2))
    assert [(axis.get_title(), np.flatnonzero(axis.patches[0].get_data().values).tolist(), lines(axis)["D(x)"])
            for axis in presentable(picture)] == [("0 steps", [23], RISING.tolist()),
                                                  ("9 steps", [48], (RISING**2).tolist())]
    assert [text.get_text() for text in picture.legends[0].get_texts()][1:] == ["generated", "D(x)", "best D(x)"]


def test_broken_games_show_losses_beside_what_each_generator_draws():
    games = {name: ({"discriminator_loss": [0.5 * scale, 0.1], "generator_loss": [2.0 * scale, 7.0]}, images)
             for name, scale, images in (("collapse", 1, DIGITS[:20]), ("noise", 3, DIGITS[3:24]))}
    axes = presentable(pictures.broken_games(games))
    for (name, (history, images)), left, right in zip(games.items(), axes[::2], axes[1::2], strict=True):
        assert left.get_title() == name
        assert lines(left) == {player: history[f"{player}_loss"] for player in ("discriminator", "generator")}
        np.testing.assert_allclose(digits_of(right), images, rtol=1e-6)


def game():
    def build_game():
        keras.utils.set_random_seed(0)
        model = GAN(*(keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)]) for _ in range(2)), latent_dim=1)
        model.compile(keras.optimizers.Adam(1e-3), keras.optimizers.Adam(1e-3))
        return model

    return explorers.game_explorer(build_game,
                                   lambda count, seed: np.random.default_rng(seed).normal(1, 0.5, (count, 1)),
                                   lambda x: np.exp(-2 * (x - 1)**2) * np.sqrt(2 / np.pi))


class TestGame(ExplorerContract):
    make, sliders_alone_redraw = staticmethod(game), False

    @pytest.mark.parametrize(("description", "steps"), [("1 step", 1), ("50 steps", 50), ("500 steps", 500)])
    def test_buttons_play_as_many_steps_as_they_say_and_start_anew(self, explorer, description, steps, monkeypatch):
        button(explorer, "start anew").click()
        before, played, fit = explorer.image.value, [], GAN.fit
        monkeypatch.setattr(GAN, "fit", lambda game, samples, **options: (
            played.append((len(samples), options["batch_size"], float(game.generator_optimizer.learning_rate))),
            fit(game, samples, **options)))
        explorer.controls["generator"].value = -2.0
        button(explorer, description).click()
        assert played == [(256 * steps, 256, pytest.approx(0.01))] and explorer.image.value != before
        button(explorer, "start anew").click()
        assert explorer.image.value == before
