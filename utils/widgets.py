"""Interactive explorers. Each carries a static picture for readers who cannot run it.

An explorer is displayed as one bundle: the live widget, and a PNG of its default state that a saved notebook shows
before a kernel lives and that a code host shows for ever.
"""

import base64

import ipywidgets
import numpy as np

from utils import plots


class Explorer:
    """Controls above a picture that is redrawn whenever one of them moves.

    Args:
        draw: function of the controls' values, by name, that returns PNG bytes.
        controls: ipywidgets with a `value`, by the name of the argument they set.
        buttons: ipywidgets.Button → function to call before redrawing.
    """

    def __init__(self, draw, buttons=None, **controls):
        self.draw, self.controls = draw, controls
        self.default = draw(**{name: control.value for name, control in controls.items()})
        width = f"{round(plots.WIDTH * plots.DPI)}px"
        self.image = ipywidgets.Image(value=self.default, format="png",
                                      layout=ipywidgets.Layout(width=width, max_width="100%"))
        for control in controls.values():
            control.style.description_width = "9em"
            control.layout.width = "28em"
            control.observe(lambda change: self.redraw(), names="value")
        for button, act in (buttons or {}).items():
            button.on_click(lambda _, act=act: (act(), self.redraw()))
        rows = [ipywidgets.HBox(list(buttons))] if buttons else []
        self.box = ipywidgets.VBox([*controls.values(), *rows, self.image])

    def redraw(self):
        """Draw the picture anew from the controls' present values."""
        self.image.value = self.draw(**{name: control.value for name, control in self.controls.items()})

    def _repr_mimebundle_(self, include=None, exclude=None):
        return {
            "application/vnd.jupyter.widget-view+json": {
                "version_major": 2, "version_minor": 0, "model_id": self.box.model_id},
            "image/png": base64.b64encode(self.default).decode("ascii"),
            "text/plain": "Interactive picture: run this cell to move its controls.",
        }


def slider(description, low, high, value, step=None):
    """Return a slider for whole numbers, or for decimal numbers when `step` is not a whole number."""
    kind = ipywidgets.IntSlider if step is None or isinstance(step, int) else ipywidgets.FloatSlider
    return kind(value=value, min=low, max=high, step=step or 1, description=description, continuous_update=True)


def binarisation_explorer(images):
    """Return an explorer of binarisation: a grey digit, one draw of it, and the average of many draws.

    Args:
        images: float array (n, 28, 28) in [0, 1].
    """
    images = plots.as_squares(images)
    picture, axes = plots.canvas(height=2.9, columns=3)
    shown = [plots.draw_digits(axis, images[:1], 1, "grey values = probabilities") for axis in axes]
    moving = plots.MovingPicture(picture, [*shown, axes[1].title, axes[2].title])

    def draw(image, draws):
        random = np.random.default_rng(image)
        drawn = random.random((draws, 28, 28)) < images[image]
        for mosaic, digit in zip(shown, (images[image], drawn[-1], drawn.mean(axis=0)), strict=True):
            mosaic.set_data(np.ma.masked_invalid(plots.mosaic(digit[None], 1)))
        axes[1].title.set_text(f"draw number {draws}")
        axes[2].title.set_text(f"average of {draws} draw{'s' * (draws > 1)}")
        return moving.png()

    return Explorer(draw, image=slider("image", 0, len(images) - 1, 0), draws=slider("number of draws", 1, 200, 8))


def latent_explorer(decode, means, labels):
    """Return an explorer of a 2-D latent plane: a point, the digit decoded there, the encoded images around it.

    Args:
        decode: function of latents (1, 2) that returns pixel probabilities (1, 784) in [0, 1].
        means: array (n, 2), the encoder's means of the images.
        labels: array (n,) of their digits 0..9.
    """
    means, labels = np.asarray(means), np.asarray(labels)
    picture, (plane, digit) = plots.canvas(height=4.3, columns=2, width_ratios=(1.35, 1))
    plots.draw_latents(plane, means, labels)
    cross = plane.plot([0], [0], marker="+", markersize=22, markeredgewidth=2.5, color=plots.BLACK)[0]
    shown = plots.draw_digits(digit, np.zeros((1, 28, 28)), 1)
    digit.set_title("a title", fontsize=10, color=plots.INK)
    moving = plots.MovingPicture(picture, [cross, shown, digit.title])

    def draw(first, second):
        cross.set_data([first], [second])
        probabilities = np.asarray(decode(np.array([[first, second]], np.float32)))
        shown.set_data(np.ma.masked_invalid(plots.mosaic(probabilities, 1)))
        near = labels[np.hypot(means[:, 0] - first, means[:, 1] - second) < 0.2]
        most = f", mostly {np.bincount(near).argmax()}" if len(near) else ""
        digit.title.set_text(f"({first:.2f}, {second:.2f}): {len(near)} images near{most}")
        return moving.png()

    first, second = np.clip(np.round(means[0] / 0.05) * 0.05, -3, 3).tolist()  # begins at the first image's own place
    return Explorer(draw, first=slider("latent z₁", -3.0, 3.0, first, 0.05),
                    second=slider("latent z₂", -3.0, 3.0, second, 0.05))


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
        plots.move_game(artists, *moment())
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
    artists = plots.draw_game(axis, x, *moment(), "a title")
    axis.legend(frameon=False, fontsize=9, ncols=4, loc="upper center")
    axis.set_ylabel("density / probability", fontsize=9.5)
    moving = plots.MovingPicture(picture, [*artists, axis.title])
    return Explorer(draw, buttons, generator=generator_rate, discriminator=discriminator_rate)
