"""A reader's own settings of Keras and Matplotlib, on disk, in the environment or in the kernel, change no lesson."""

import hashlib
import json
import os
import subprocess
import sys
from functools import cache
from pathlib import Path

import keras
import matplotlib
import numpy as np
import pytest
from matplotlib import style

from utils import plots
from utils.runtime import start

# A kernel that begins as every notebook does; two of them play all situations, because a kernel takes seconds to start.
KERNEL = """
from utils.runtime import start

import hashlib, io, json, sys
import keras, matplotlib
import tensorflow as tf
from contextlib import redirect_stdout
from keras import layers
from utils import plots

THEME, = sys.argv[1:]
found = {"style": [matplotlib.rcParams[name] for name in ("text.usetex", "axes.facecolor")]}
with redirect_stdout(io.StringIO()):
    start("00")
if THEME:
    import matplotlib.pyplot  # as editors do
    matplotlib.pyplot.style.use(THEME)
chart = plots.line_chart({"a": [1, 2], "b": [2, 0]}, "title", y="nats")
found["picture"] = hashlib.sha256(chart._repr_png_()).hexdigest()
network = keras.Sequential([keras.Input((28, 28, 1)), layers.Conv2D(2, 3), layers.MaxPooling2D(), layers.Flatten()])
network.compile(loss="mse")
network.fit(tf.zeros((4, 28, 28, 1)), tf.zeros((4, 338)), batch_size=2, epochs=2, verbose=0)
found |= {"backend": keras.config.backend(), "floatx": keras.config.floatx(), "epsilon": keras.config.epsilon(),
          "image_data_format": keras.config.image_data_format(), "pooled": network.layers[1].output.shape,
          "computed": network(tf.zeros((1, 28, 28, 1))).dtype.name, "tf.keras": tf.keras.layers.Layer is layers.Layer,
          "updates": int(network.optimizer.iterations)}
print(json.dumps(found))
"""
KERAS_JSON = {"floatx": "float16", "epsilon": 0.1, "image_data_format": "channels_first", "backend": "jax",
              "nnx_enabled": True}
SITUATIONS = {
    "files": {"keras.json": json.dumps(KERAS_JSON), "theme": "", "environment": {},
              "matplotlibrc": "text.usetex: True\naxes.facecolor: black\ntext.color: white\nlines.linewidth: 9\n"},
    "environment and theme": {"keras.json": "{}", "matplotlibrc": "", "theme": "dark_background",
                              "environment": {"KERAS_BACKEND": "jax", "TF_USE_LEGACY_KERAS": "1",
                              "KERAS_NNX_ENABLED": "1", "KERAS_MAX_EPOCHS": "1", "KERAS_MAX_STEPS_PER_EPOCH": "1"}}}


def line_chart():
    return plots.line_chart({"a": [1, 2], "b": [2, 0]}, "title", y="nats")


@pytest.fixture(scope="module")
def kernel(tmp_path_factory):
    """Return a function: what a kernel finds in a situation, which is played once."""
    @cache
    def play(name):
        situation, home = SITUATIONS[name], tmp_path_factory.mktemp("home")
        for file in ("keras.json", "matplotlibrc"):
            (home / file).write_text(situation[file], encoding="utf-8")
        kept = {key: value for key, value in os.environ.items()
                if not key.startswith("KERAS_") and key != "TF_USE_LEGACY_KERAS"}
        homes = dict.fromkeys(["HOME", "KERAS_HOME", "MPLCONFIGDIR"], str(home))
        done = subprocess.run([sys.executable, "-c", KERNEL, situation["theme"]], cwd=Path(__file__).parents[2],
                              env=kept | homes | situation["environment"], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)
    return play


@pytest.mark.parametrize("situation", SITUATIONS)
@pytest.mark.parametrize(("setting", "value"), [
    ("backend", "tensorflow"), ("floatx", "float32"), ("epsilon", 1e-7), ("image_data_format", "channels_last"),
    ("computed", "float32"), ("pooled", [None, 13, 13, 2]), ("tf.keras", True), ("updates", 4)])
def test_keras_is_set_as_the_course_means_it(kernel, situation, setting, value):
    assert kernel(situation)[setting] == value


@pytest.mark.parametrize("situation", SITUATIONS)
def test_pictures_are_the_same_whatever_the_rc_file_or_the_theme(kernel, situation):
    assert kernel(situation)["picture"] == hashlib.sha256(line_chart()._repr_png_()).hexdigest()


def test_situation_is_really_played(kernel):
    """The rc file is read before the first picture: else the test above would compare nothing."""
    assert kernel("files")["style"] == [True, "black"]


@pytest.fixture
def theme():
    """Return a function that sets Matplotlib's settings as an editor's theme does; they are put back afterwards."""
    with matplotlib.rc_context():
        yield lambda: style.use(["dark_background", {"text.usetex": True, "font.sans-serif": ["DejaVu Serif"]}])


@pytest.mark.parametrize("draw", [
    line_chart, lambda: plots.digits(np.eye(12, 784), 6, "digits", row_labels=("a", "b")),
    lambda: plots.ladder({"a": -543.4, "b": -200}, {"c": -80})], ids=["line chart", "digits", "ladder"])
def test_theme_set_before_a_picture_is_made_and_again_before_it_is_drawn_does_not_change_it(theme, draw):
    wanted = draw()._repr_png_()
    theme()
    picture = draw()
    theme()
    assert picture._repr_png_() == wanted


def test_theme_does_not_change_a_moving_picture(theme):
    def moving():
        picture = line_chart()
        return plots.MovingPicture(picture, [picture.axes[0].title])

    before = moving()
    wanted = before.png()
    theme()
    assert before.png() == wanted
    theme()
    assert moving().png() == wanted


def test_keras_that_was_started_on_another_backend_is_named(monkeypatch):
    monkeypatch.setattr(keras.config, "backend", lambda: "jax")
    with pytest.raises(RuntimeError, match=r"Keras runs on jax here.*Restart the kernel"):
        start("00")
