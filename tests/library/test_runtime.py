"""The first line of a lesson: seeds, silence, budgets, claims, and what is said about the machine."""

import os
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

from utils import assets, runtime
from utils.lesson_00.doctor import check_machine
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


def test_split_cpu_makes_devices_that_compute_and_may_be_called_again():
    code = """
from utils.runtime import split_cpu, start
import tensorflow as tf
split_cpu(2)
lesson = start("12")
split_cpu(2)
names = [device.name for device in tf.config.list_logical_devices("CPU")]
with tf.device(names[1]):
    print(len(names), (tf.constant(2.0) * 3).device)
try:
    split_cpu(3)
except RuntimeError as error:
    print(error)
"""
    result = python(code)
    assert not result.stderr
    assert result.stdout.splitlines()[1:] == [
        "2 /job:localhost/replica:0/task:0/device:CPU:1",
        "split_cpu(3) comes too late: TensorFlow is at work, and sees 2. Restart the kernel, and run this cell before "
        "all others."]


@pytest.mark.parametrize("devices", [0, -1, 1.5, "2", None])
def test_split_cpu_refuses_what_is_no_number_of_devices(devices):
    with pytest.raises(ValueError, match="wants a number of devices, 1 or more, but got"):
        runtime.split_cpu(devices)


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


# The machine ------------------------------------------------------------------------------------------------

def lines(capsys):
    check_machine()
    return capsys.readouterr().out.splitlines()


def test_sound_machine_gets_a_tick_on_every_line(capsys, monkeypatch, tmp_path):
    monkeypatch.setenv("COURSE_HOME", str(tmp_path / "new" / "folder"))
    monkeypatch.setattr(runtime, "memory_in_gigabytes", lambda: (8.0, 4.0))
    monkeypatch.setattr(runtime, "device_in_words", lambda: "2 CPU cores")
    python_version = ".".join(map(str, sys.version_info[:3]))
    assert lines(capsys) == [
        f"✓ Python {python_version}", f"✓ TensorFlow {tf.__version__}", f"✓ Keras {keras.__version__}",
        "✓ computing on 2 CPU cores; no GPU is needed", "✓ 8 GB of memory",
        "✓ MNIST: 60,000 + 10,000 images, verified", "✓ a folder for your progress and backups"]


def test_damaged_data_gets_a_line_that_says_what_to_do(capsys, monkeypatch, tmp_path):
    (tmp_path / "mnist.npz").write_bytes((assets.FOLDER / "mnist.npz").read_bytes()[:1000])
    monkeypatch.setattr(assets, "FOLDER", tmp_path)
    assert lines(capsys)[5].startswith(
        "✗ MNIST: The course's file utils/assets/mnist.npz is damaged: its 1,000 bytes are not those that were shipped "
        "(the SHA-256 checksum differs). Fetch the course's files again")


def test_unwritable_folder_gets_a_line_that_says_what_to_do(capsys, monkeypatch, tmp_path):
    (tmp_path / "file").write_text("a file, where a folder is wanted")
    monkeypatch.setenv("COURSE_HOME", str(tmp_path / "file" / "course"))
    assert lines(capsys)[6] == ("✗ a folder for your progress and backups: it cannot be written: set COURSE_HOME to "
                                "another folder, or go on without")


def test_small_memory_and_old_packages_get_lines_that_say_what_to_do(capsys, monkeypatch):
    monkeypatch.setattr(runtime, "memory_in_gigabytes", lambda: (2.0, 1.0))
    monkeypatch.setattr(tf, "__version__", "2.9.3")
    monkeypatch.setattr(keras, "__version__", "3.12.9")
    said = lines(capsys)
    assert said[1:3] == ['✗ TensorFlow 2.9.3: run "make lab" again to install the tested version',
                         '✗ Keras 3.12.9: run "make lab" again, as for TensorFlow']
    assert said[4] == "✗ 2 GB of memory: lessons need up to 2 GB: close other notebooks first"


# Settings of TensorFlow -------------------------------------------------------------------------------------

SETTINGS = "import os; import utils.runtime; print([os.environ[name] for name in " \
           "('TF_NUM_INTRAOP_THREADS', 'TF_ENABLE_ONEDNN_OPTS')])"


def test_operations_run_side_by_side_on_one_core_each(monkeypatch):
    for name in ("TF_NUM_INTRAOP_THREADS", "TF_ENABLE_ONEDNN_OPTS"):
        monkeypatch.delenv(name, raising=False)
    assert python(SETTINGS).stdout == "['1', '1']\n"


def test_settings_made_outside_are_kept():
    assert python(SETTINGS, TF_NUM_INTRAOP_THREADS="3", TF_ENABLE_ONEDNN_OPTS="0").stdout == "['3', '0']\n"
