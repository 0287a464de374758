"""The first line of a lesson: seeds, silence, budgets, claims, and the device in words."""

import math
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


@pytest.fixture
def lesson(capsys):
    lesson = start("06")
    capsys.readouterr()
    return lesson


def python(code, **environment):
    return subprocess.run([sys.executable, "-c", code], cwd=Path(__file__).parents[2], env=os.environ | environment,
                          capture_output=True, text=True)


@pytest.mark.parametrize(("value", "bounds", "sentence"), [
    (-136.94, {"at_least": -138, "unit": "nats"}, "✓ figure: -136.9 nats (at least -138)"),
    (-138.94, {"at_least": -138, "unit": "nats"}, "✗ figure: -138.9 nats (at least -138)"),
    (0.99314, {"at_least": 0.992}, "✓ figure: 0.9931 (at least 0.992)"),
    (5, {"at_least": 5}, "✓ figure: 5 (at least 5)"), (5, {"at_most": 5}, "✓ figure: 5 (at most 5)"),
    (4.99, {"at_least": 5}, "✗ figure: 4.99 (at least 5)"), (10, {"at_most": 9}, "✗ figure: 10.0 (at most 9)"),
    (6.25, {"at_least": 1, "at_most": 25}, "✓ figure: 6.25 (at least 1, at most 25)"),
    (7, {"at_least": 4, "at_most": 6}, "✗ figure: 7 (at least 4, at most 6)"),
    (3, {"at_least": 4, "at_most": 6}, "✗ figure: 3 (at least 4, at most 6)"),
    (-1, {"at_least": 0}, "✗ figure: -1 (at least 0)"), (math.inf, {"at_most": 5}, "✗ figure: inf (at most 5)"),
    (math.nan, {"at_least": 5}, "✗ figure: nan (at least 5)"), (math.nan, {"at_most": 5}, "✗ figure: nan (at most 5)"),
    (tf.reduce_mean([1.0, 2.0]), {"at_most": 2}, "✓ figure: 1.5 (at most 2)")])
def test_expect_prints_what_holds_and_fails_with_the_same_sentence(lesson, capsys, value, bounds, sentence):
    if sentence[0] == "✓":
        lesson.expect("figure", value, **bounds)
        assert capsys.readouterr().out == f"{sentence}\n"
    else:
        with pytest.raises(ExpectationError) as failure:
            lesson.expect("figure", value, **bounds)
        assert (str(failure.value), capsys.readouterr().out) == (sentence, "")


def test_expect_without_a_bound_is_refused(lesson):
    with pytest.raises(ValueError, match=r"'mean'.*needs a bound: give at_least"):
        lesson.expect("mean", 1.0)


@pytest.mark.parametrize("number", [6, "6", "006", "six", "", None, "²²"])
def test_start_refuses_what_is_not_two_digits(number):
    with pytest.raises(ValueError, match=r'two digits, such as "06", but got'):
        start(number)


def test_start_seeds_all_random_numbers_and_says_device_and_versions(capsys):
    def draw():
        start("06")
        return [np.random.random(3),  # noqa: NPY002 - the global generator is what is seeded
                keras.random.normal((3,)), tf.random.normal((3,)),
                keras.layers.Dense(3).kernel_initializer((2, 3))]
    for first, second in zip(draw(), draw(), strict=True):
        np.testing.assert_array_equal(first, second)
    assert capsys.readouterr().out == 2 * (f"Lesson 6 · {runtime.device_in_words()} · "
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


def test_kernel_leaves_nothing_on_stderr_and_it_works_again_after_the_import():
    """From the import through the first compiled step, where TensorFlow and XLA like to talk."""
    kernel = python("from utils.runtime import start\n"
                    "import keras, numpy, os, sys\n"
                    "start('06')\n"
                    "model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])\n"
                    "model.compile('adam', 'mse')\n"
                    "model.fit(numpy.ones((8, 3)), numpy.ones((8, 1)), verbose=0)\n"
                    "os.write(2, b'from C, '); sys.stderr.write('from Python')\n")
    assert (kernel.returncode, kernel.stderr) == (0, "from C, from Python")
    assert kernel.stdout.startswith("Lesson 6 · ") and kernel.stdout.count("\n") == 1


def shim(folder, package, content):
    """Put a package into a folder that stands for one that is installed, and return what lets Python find it first."""
    (folder / f"{package}.py").write_text(content)
    return {"PYTHONPATH": str(folder)}


LESSON = "from utils.runtime import start\nprint('goes on')"


@pytest.mark.parametrize(("error", "sentence"), [
    ("raise ImportError('DLL load failed while importing _internal: not found.\\n\\nIf you need help')",
     "Windows cannot load a library that TensorFlow needs (DLL load failed while importing _internal: not found): "
     "install the newest Microsoft Visual C++ Redistributable for x64"),
    ("import no_such_package", "no_such_package is not installed for "),
    ("raise ImportError('another cause')", "another cause")])
def test_failed_import_of_tensorflow_ends_in_a_sentence_that_says_what_to_do(error, sentence, tmp_path):
    kernel = python(LESSON, **shim(tmp_path, "tensorflow", error))
    assert kernel.stderr.splitlines()[-1].split(": ", 1)[1].startswith(sentence)
    assert kernel.returncode == 1 and kernel.stdout == ""


def test_processor_without_avx_is_named_before_tensorflow_would_end_the_kernel(tmp_path):
    (tmp_path / "cpuinfo").write_text("flags\t\t: fpu sse4_2\n")
    environment = shim(tmp_path, "tensorflow", "import os, signal; os.kill(os.getpid(), signal.SIGTERM)")
    kernel = python(LESSON, **environment)
    assert kernel.returncode not in (0, 1) and kernel.stdout + kernel.stderr == ""  # as such a processor ends it
    old = "import sysconfig, pathlib; sysconfig.get_platform = lambda: 'linux-x86_64'; from utils import machine; " \
          f"machine.CPUINFO = {str(tmp_path / 'cpuinfo')!r}; machine.os = type('', (), {{'name': 'posix'}})\n"
    kernel = python(old + LESSON, **environment)
    assert kernel.returncode == 1 and kernel.stderr.splitlines()[-1] == (
        "ImportError: this computer's processor has no AVX, whose instructions TensorFlow needs: use Colab on this "
        "machine: each lesson opens there with the badge in its first cell; if it is a virtual machine, let it have "
        "its host's processor")


@pytest.mark.parametrize(("outside", "inside"), [({}, ["1", "1"]), (
    {"TF_NUM_INTRAOP_THREADS": "3", "TF_ENABLE_ONEDNN_OPTS": "0"}, ["3", "0"])])
def test_operations_run_on_one_core_each_unless_set_otherwise(outside, inside, monkeypatch):
    for name in ("TF_NUM_INTRAOP_THREADS", "TF_ENABLE_ONEDNN_OPTS"):
        monkeypatch.delenv(name, raising=False)
    command = "import os; import utils.runtime; print([os.environ[name] for name in " \
              "('TF_NUM_INTRAOP_THREADS', 'TF_ENABLE_ONEDNN_OPTS')])"
    assert python(command, **outside).stdout == f"{inside}\n"
