"""Explorers: what is displayed, what their controls do, and how fast."""

import base64
import itertools
import time

import ipywidgets
import keras
import numpy as np
import pytest

from utils.models import GAN
from utils.widgets import binarisation_explorer, game_explorer, latent_explorer, slider

RNG = np.random.default_rng(6)


def binarisation():
    return binarisation_explorer(RNG.random((12, 784)))


def latent():
    """A decoder without a network: a digit whose left half follows z₁ and whose right half follows z₂."""
    def decode(latents):
        first, second = 1 / (1 + np.exp(-np.asarray(latents)[0]))
        return np.concatenate([np.full((1, 28, 14), first), np.full((1, 28, 14), second)], axis=-1).reshape(1, 784)

    return latent_explorer(decode, RNG.normal(size=(4000, 2)), np.arange(4000) % 10)


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


@pytest.fixture(scope="module")
def explorers():
    return {"binarisation": binarisation(), "latent": latent(), "game": game()}


@pytest.fixture
def explorer(request, explorers):
    explorer = explorers[request.param]
    before = {name: control.value for name, control in explorer.controls.items()}
    yield explorer
    for name, value in before.items():
        explorer.controls[name].value = value


every_explorer = pytest.mark.parametrize("explorer", ["binarisation", "latent", "game"], indirect=True)
slider_explorer = pytest.mark.parametrize("explorer", ["binarisation", "latent"], indirect=True)
game_only = pytest.mark.parametrize("explorer", ["game"], indirect=True)


def button(explorer, description):
    rows = [child for child in explorer.box.children if isinstance(child, ipywidgets.HBox)]
    return next(each for each in rows[0].children if each.description == description)


def is_png(value):
    return bytes(value).startswith(b"\x89PNG")  # ipywidgets keeps a memoryview


@every_explorer
def test_display_carries_the_widget_and_a_picture(explorer):
    bundle = explorer._repr_mimebundle_()
    view = bundle["application/vnd.jupyter.widget-view+json"]
    assert view == {"version_major": 2, "version_minor": 0, "model_id": explorer.box.model_id}
    picture = base64.b64decode(bundle["image/png"])
    assert picture == explorer.default and picture.startswith(b"\x89PNG")
    assert 3_000 < len(picture) < 150_000
    assert bundle["text/plain"].startswith("Interactive picture")


@slider_explorer
def test_every_slider_changes_the_picture_and_back(explorer):
    for control in explorer.controls.values():
        before, value = explorer.image.value, control.value
        control.value = control.max
        assert is_png(explorer.image.value) and explorer.image.value != before
        control.value = value
        assert explorer.image.value == before


@every_explorer
def test_the_stored_picture_is_that_of_the_controls_first_values(explorer):
    control = next(iter(explorer.controls.values()))
    control.value = control.min
    assert explorer._repr_mimebundle_()["image/png"] == base64.b64encode(explorer.default).decode()


@every_explorer
def test_extremes_of_all_sliders_draw(explorer):
    for values in itertools.product(*((control.min, control.max) for control in explorer.controls.values())):
        for control, value in zip(explorer.controls.values(), values, strict=True):
            control.value = value
        assert is_png(explorer.image.value)


@every_explorer
def test_redraw_takes_less_than_a_tenth_of_a_second(explorer):
    times = []
    for _ in range(8):
        began = time.thread_time()  # of this thread alone, and the shortest: the machine may be busy
        explorer.redraw()
        times.append(time.thread_time() - began)
    assert min(times) < 0.1


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


@pytest.mark.parametrize(("step", "kind"), [(None, ipywidgets.IntSlider), (2, ipywidgets.IntSlider),
                                            (0.05, ipywidgets.FloatSlider)])
def test_slider_is_of_the_kind_of_its_step(step, kind):
    control = slider("name", 0, 10, 4, step)
    assert isinstance(control, kind)
    assert (control.min, control.max, control.value, control.step) == (0, 10, 4, step or 1)
