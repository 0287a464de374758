"""The first line of a lesson: seeds, silence, budgets, claims, and the device in words."""

import os
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

from utils import runtime
from utils.runtime import ExpectationError, start

ROOT = Path(__file__).parents[2]


@pytest.fixture
def lesson(capsys):
    lesson = start("06")
    capsys.readouterr()
    return lesson


def python(code, **environment):
    return subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=os.environ | environment, capture_output=True,
                          text=True)


# Claims -----------------------------------------------------------------------------------------------------

def test_expect_prints_a_claim_that_holds_with_its_bound(lesson, capsys):
    lesson.expect("exact log p(x)", -136.94, at_least=-138, unit="nats")
    assert capsys.readouterr().out == "✓ exact log p(x): -136.9 nats (at least -138)\n"


def test_expect_fails_with_the_same_sentence(lesson, capsys):
    with pytest.raises(ExpectationError) as failure:
        lesson.expect("exact log p(x)", -138.94, at_least=-138, unit="nats")
    assert str(failure.value) == "✗ exact log p(x): -138.9 nats (at least -138)"
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(("value", "bounds", "holds"), [
    (5, {"at_least": 5}, True), (4.99, {"at_least": 5}, False), (5, {"at_most": 5}, True),
    (5.01, {"at_most": 5}, False), (5, {"at_least": 4, "at_most": 6}, True), (7, {"at_least": 4, "at_most": 6}, False),
    (3, {"at_least": 4, "at_most": 6}, False), (1, {"at_least": 0}, True), (-1, {"at_least": 0}, False),
    (float("inf"), {"at_most": 5}, False), (float("nan"), {"at_least": 5}, False),
    (float("nan"), {"at_most": 5}, False),
])
def test_expect_holds_exactly_within_the_bounds(lesson, value, bounds, holds):
    if holds:
        lesson.expect("figure", value, **bounds)
    else:
        with pytest.raises(ExpectationError, match="✗ figure: "):
            lesson.expect("figure", value, **bounds)


@pytest.mark.parametrize(("value", "bounds", "sentence"), [
    (0.99314, {"at_least": 0.992}, "✓ accuracy: 0.9931 (at least 0.992)"),
    (10, {"at_least": 10}, "✓ accuracy: 10.0 (at least 10)"),
    (6.25, {"at_least": 1, "at_most": 25}, "✓ accuracy: 6.25 (at least 1, at most 25)"),
])
def test_expect_writes_few_digits_and_every_bound(lesson, capsys, value, bounds, sentence):
    lesson.expect("accuracy", value, **bounds)
    assert capsys.readouterr().out == f"{sentence}\n"


def test_expect_takes_a_tensor(lesson, capsys):
    lesson.expect("mean", tf.reduce_mean([1.0, 2.0]), at_most=2)
    assert capsys.readouterr().out == "✓ mean: 1.5 (at most 2)\n"


def test_expect_without_a_bound_is_refused(lesson):
    with pytest.raises(ValueError, match=r"'mean'.*needs a bound: give at_least"):
        lesson.expect("mean", 1.0)


# The start --------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("number", [6, "6", "006", "six", "", None, "²²"])
def test_start_refuses_what_is_not_two_digits(number):
    with pytest.raises(ValueError, match=r'two digits, such as "06", but got'):
        start(number)


def test_start_seeds_all_random_numbers():
    def draw():
        start("06")
        return [np.random.random(3),  # noqa: NPY002 - the global generator is what is seeded
                keras.random.normal((3,)), tf.random.normal((3,)),
                keras.layers.Dense(3).kernel_initializer((2, 3))]
    for first, second in zip(draw(), draw(), strict=True):
        np.testing.assert_array_equal(first, second)


def test_start_says_lesson_device_and_versions(capsys):
    start("06")
    assert capsys.readouterr().out == (f"Lesson 6 · {runtime.device_in_words()} · "
                                       f"TensorFlow {tf.__version__}, Keras {keras.__version__}\n")


@pytest.mark.parametrize(("gpus", "epochs"), [([], 20), (["GPU:0"], 80)])
def test_budget_depends_on_the_gpu(gpus, epochs, monkeypatch):
    monkeypatch.setattr(tf.config, "list_logical_devices", lambda kind: gpus)
    assert start("06").budget(cpu=20, gpu=80) == epochs


@pytest.mark.parametrize(("cores", "gpus", "words"), [
    (1, [], "1 CPU core"), (2, [], "2 CPU cores"), (4, ["T4"], "1 GPU (NVIDIA T4) and 4 CPU cores"),
    (16, ["T4", "T4"], "2 GPUs (NVIDIA T4) and 16 CPU cores")])
def test_device_in_words(cores, gpus, words, monkeypatch):
    monkeypatch.setattr(runtime, "available_cores", lambda: cores)
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: gpus)
    monkeypatch.setattr(tf.config.experimental, "get_device_details", lambda gpu: {"device_name": f"NVIDIA {gpu}"})
    assert runtime.device_in_words() == words


def test_kernel_leaves_nothing_on_stderr():
    """From the import through the first compiled step, where TensorFlow and XLA like to talk."""
    kernel = python("from utils.runtime import start\n"
                    "import keras, numpy\n"
                    "start('06')\n"
                    "model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])\n"
                    "model.compile('adam', 'mse')\n"
                    "model.fit(numpy.ones((8, 3)), numpy.ones((8, 1)), verbose=0)\n")
    assert kernel.returncode == 0
    assert kernel.stderr == ""
    assert kernel.stdout.startswith("Lesson 6 · ") and kernel.stdout.count("\n") == 1


def test_stderr_works_again_after_the_import():
    kernel = python("import utils.runtime, os, sys\n"
                    "os.write(2, b'from C, '); sys.stderr.write('from Python')\n")
    assert kernel.stderr == "from C, from Python"


def test_plots_data_and_scratch_do_without_tensorflow():
    modules = [name for name in ("plots", "data", "scratch") if (ROOT / "utils" / f"{name}.py").exists()]
    kernel = python(f"import sys, {', '.join(f'utils.{name}' for name in modules)}\n"
                    "print({'tensorflow', 'keras'} & set(sys.modules))")
    assert kernel.stdout == "set()\n", kernel.stderr


# Settings of TensorFlow -------------------------------------------------------------------------------------

SETTINGS = "import os; import utils.runtime; print([os.environ[name] for name in " \
           "('TF_NUM_INTRAOP_THREADS', 'TF_ENABLE_ONEDNN_OPTS')])"


def test_operations_run_side_by_side_on_one_core_each(monkeypatch):
    for name in ("TF_NUM_INTRAOP_THREADS", "TF_ENABLE_ONEDNN_OPTS"):
        monkeypatch.delenv(name, raising=False)
    assert python(SETTINGS).stdout == "['1', '1']\n"


def test_settings_made_outside_are_kept():
    assert python(SETTINGS, TF_NUM_INTRAOP_THREADS="3", TF_ENABLE_ONEDNN_OPTS="0").stdout == "['3', '0']\n"
