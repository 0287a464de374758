"""A one-dimensional game of generator and discriminator (lesson 8)."""

import ipywidgets
import numpy as np

from utils import plots
from utils.lesson_08 import pictures
from utils.plots.explorer import Explorer, slider


def game_explorer(build_game, real_samples, real_density):
    """Return an explorer of a one-dimensional GAN: step, run, start anew, with a learning rate for each player.

    Args:
        build_game: function without arguments that returns a new, compiled `GAN` of one dimension; the sliders set its
            learning rates, so both optimisers need a plain number there, no schedule.
        real_samples: function of (count, seed) that returns real numbers (count, 1).
        real_density: function of x, their density.
    """
    x = np.linspace(-4, 4, 161, dtype=np.float32)
    probe = np.random.default_rng(9).normal(size=(2000, 1)).astype(np.float32)
    state = {}

    def start_anew():
        state.update(game=build_game(), steps=0)

    def play(steps):
        state["game"].generator_optimizer.learning_rate = 10 ** generator_rate.value
        state["game"].discriminator_optimizer.learning_rate = 10 ** discriminator_rate.value
        state["game"].fit(real_samples(256 * steps, seed=state["steps"]), batch_size=256, verbose=0)
        state["steps"] += steps

    def moment():
        game = state["game"]
        drawn, logits = np.asarray(game.generator(probe)), np.asarray(game.discriminator(x[:, None]))
        return real_density(x), drawn[:, 0], 1 / (1 + np.exp(-logits[:, 0]))

    def draw(**rates):
        pictures.move_game(artists, *moment())
        axis.title.set_text(f"after {state['steps']} steps")
        return moving.png()

    generator_rate = slider("generator, 10^", -5.0, -1.0, -3.0, 0.25)
    discriminator_rate = slider("discriminator, 10^", -5.0, -1.0, -2.75, 0.25)
    buttons = {ipywidgets.Button(description=f"{steps} step{'s' * (steps > 1)}"): lambda steps=steps: play(steps)
               for steps in (1, 50, 500)}
    buttons[ipywidgets.Button(description="start anew")] = start_anew
    start_anew()
    play(1000)  # the static picture shows a game in progress
    picture, axis = plots.canvas(height=3.3)
    artists = pictures.draw_game(axis, x, *moment(), "a title")
    axis.legend(frameon=False, fontsize=9, ncols=4, loc="upper center")
    axis.set_ylabel("density / probability", fontsize=9.5)
    moving = plots.MovingPicture(picture, [*artists, axis.title])
    return Explorer(draw, buttons, generator=generator_rate, discriminator=discriminator_rate)
