"""Lesson 8: what its pictures draw and what its explorers do."""

import numpy as np
import pytest

from tests.drawing import *
from utils.lesson_08 import pictures

PICTURES = {
    "generator_gradients": lambda: pictures.generator_gradients(X, -1 / (1 + np.exp(-X)), -1 / (1 + np.exp(X))),
    "discriminator": lambda: pictures.discriminator(X, DENSITY, DENSITY[::-1], 0.5 + 0 * X, 0.6 + 0 * X),
    "draw_game": lambda: on_axis(pictures.draw_game, X, DENSITY, MEANS[:, 0], 0.5 + 0 * X),
    "game_frames": lambda: pictures.game_frames({"0 steps": (MEANS[:, 0], 0.5 + 0 * X), "9 steps": (MEANS[:, 1], DENSITY)},
                                             real_density),
    "broken_games": lambda: pictures.broken_games({"collapse": (LOSSES, DIGITS[:20])}),
}


def real_density(x):
    return np.exp(-x**2 / 2) / np.sqrt(2 * np.pi)


def build_game():
    keras.utils.set_random_seed(0)
    generator, discriminator = (
        keras.Sequential([keras.Input((1,)), keras.layers.Dense(4, "tanh"), keras.layers.Dense(1)]) for _ in range(2))
    game = GAN(generator, discriminator, latent_dim=1)
    game.compile(keras.optimizers.Adam(1e-3), keras.optimizers.Adam(1e-3))
    return game


def game():
    return game_explorer(build_game, lambda count, seed: np.random.default_rng(seed).normal(1, 0.5, (count, 1)),
                         lambda x: np.exp(-2 * (x - 1)**2) * np.sqrt(2 / np.pi))


@game_only
@pytest.mark.parametrize(("description", "steps"), [("1 step", 1), ("50 steps", 50), ("500 steps", 500)])
def test_buttons_of_the_game_play_as_many_steps_as_they_say(explorer, description, steps):
    button(explorer, "start anew").click()
    before = explorer.image.value
    played = []
    fit = GAN.fit
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(GAN, "fit", lambda game, samples, **options: (
            played.append((len(samples), options["batch_size"], float(game.generator_optimizer.learning_rate))),
            fit(game, samples, **options)))
        explorer.controls["generator"].value = -2.0
        button(explorer, description).click()
    assert played == [(256 * steps, 256, pytest.approx(0.01))]
    assert explorer.image.value != before


@game_only
def test_game_starts_anew_where_it_began(explorer):
    button(explorer, "start anew").click()
    before = explorer.image.value
    button(explorer, "1 step").click()
    button(explorer, "start anew").click()
    assert explorer.image.value == before
