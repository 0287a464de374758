"""The first line of every lesson: seeds, quiet logs, the device in words, budgets, and claims that are checked."""

import contextlib
import logging
import os
import platform
import sys

from utils.assets import AssetError
from utils.data import load_mnist
from utils.machine import Finding, memory_in_gigabytes, writable_folder
from utils.storage import course_folder

# Read when TensorFlow starts. The course's networks are small: an operation finishes sooner on one core than it can be
# shared out, and TensorFlow keeps the other cores busy with the operations beside it. Intel's oneDNN makes convolutions
# about twice as fast, on other makers' processors as well, where TensorFlow leaves it off unless asked.
os.environ.setdefault("TF_NUM_INTRAOP_THREADS", "1")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")

# TensorFlow's C++ start-up messages go to the process' stderr before any log level holds, and a notebook would show
# them as errors. So stderr is set aside for as long as the import takes.
with contextlib.ExitStack() as stack:
    _kept = os.dup(2)
    _nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(_nowhere, 2)
    stack.callback(os.close, _kept)
    stack.callback(os.close, _nowhere)
    stack.callback(os.dup2, _kept, 2)
    import keras
    import tensorflow as tf

SEED = 0


class ExpectationError(AssertionError):
    """A number that a lesson claims came out differently."""


class Lesson:
    """What a lesson knows about the machine it runs on. Made by `start`."""

    def __init__(self, number):
        self.number = number
        self.has_gpu = bool(tf.config.list_logical_devices("GPU"))

    def budget(self, *, cpu, gpu):
        """Return `gpu` where TensorFlow sees a GPU and `cpu` elsewhere: how many epochs to train, for example."""
        return gpu if self.has_gpu else cpu

    def expect(self, name, value, *, at_least=None, at_most=None, unit=""):
        """Print a number that the lesson claims together with its bound, and fail when it is out of bounds.

        Args:
            name: what is measured, in the words of the lesson.
            value: a number, or anything that `float` takes.
            at_least, at_most: one bound or both, in the unit of the value.
            unit: such as "nats"; empty for a pure number.

        Raises:
            ExpectationError: with the same sentence, if the value is out of bounds or not a number.
            ValueError: if neither bound is given.
        """
        if at_least is None and at_most is None:
            raise ValueError(f"expect({name!r}) needs a bound: give at_least=…, at_most=… or both.")
        value = float(value)
        bounds = [f"{words} {bound:g}" for words, bound in (("at least", at_least), ("at most", at_most))
                  if bound is not None]
        met = (at_least is None or value >= at_least) and (at_most is None or value <= at_most)  # False for NaN
        number = f"{value:.4g}" if abs(value) < 10 else f"{value:.1f}"
        sentence = f"{name}: {number}{' ' * bool(unit)}{unit} ({', '.join(bounds)})"
        if not met:
            raise ExpectationError(f"✗ {sentence}")
        print(f"✓ {sentence}")


def start(lesson):
    """Prepare a kernel for a lesson: the same seed everywhere, quiet logs, one line about the device.

    Args:
        lesson: the lesson's number as two digits, such as "06".

    Returns:
        Lesson: with `budget` and `expect`.

    Raises:
        ValueError: if `lesson` is not two digits.
    """
    if not (isinstance(lesson, str) and len(lesson) == 2 and lesson.isdecimal()):
        raise ValueError(f'start wants the lesson\'s number as two digits, such as "06", but got {lesson!r}.')
    logging.getLogger("tensorflow").setLevel(logging.ERROR)
    for gpu in tf.config.list_physical_devices("GPU"):
        try:  # a kernel takes the memory it needs, so that two notebooks can share one GPU
            tf.config.experimental.set_memory_growth(gpu, True)
        except RuntimeError:  # the cell was run twice and the device is in use already
            break
    keras.utils.set_random_seed(SEED)
    print(f"Lesson {int(lesson)} · {device_in_words()} · TensorFlow {tf.__version__}, Keras {keras.__version__}")
    return Lesson(lesson)


def split_cpu(devices):
    """Let TensorFlow see the CPU as several devices, which share its cores: to try out what several GPUs would do.

    Call it before anything is computed, and before `start`.

    Args:
        devices: how many.

    Raises:
        ValueError: if `devices` is not a whole number of 1 or more.
        RuntimeError: if TensorFlow is at work already and sees another number of them.
    """
    if not (isinstance(devices, int) and devices >= 1):
        raise ValueError(f"split_cpu wants a number of devices, 1 or more, but got {devices!r}.")
    try:
        tf.config.set_logical_device_configuration(tf.config.list_physical_devices("CPU")[0],
                                                   [tf.config.LogicalDeviceConfiguration()] * devices)
    except RuntimeError:  # the cell was run twice, or comes too late
        there_are = len(tf.config.list_logical_devices("CPU"))
        if there_are != devices:
            raise RuntimeError(f"split_cpu({devices}) comes too late: TensorFlow is at work, and sees {there_are}. "
                               "Restart the kernel, and run this cell before all others.") from None


def check_machine():
    """Print what the course finds on this machine, a line each; a line that is not well says what to do."""
    for finding in machine_findings():
        print(finding)


def machine_findings():
    """Return what `check_machine` prints, as a list of `Finding`. `make doctor` says the same, and more."""
    memory = memory_in_gigabytes()[0]
    gpus = tf.config.list_physical_devices("GPU")
    rows = [
        (sys.version_info >= (3, 11), f"Python {platform.python_version()}",
         "the course needs 3.11 or newer: install it and make the environment anew"),
        (_version(tf) >= (2, 20), f"TensorFlow {tf.__version__}", 'run "make lab" again to install the tested version'),
        (_version(keras) >= (3, 13), f"Keras {keras.__version__}", 'run "make lab" again, as for TensorFlow'),
        (True, f"computing on {device_in_words()}" + ("" if gpus else "; no GPU is needed"), ""),
        (memory >= 3.5, f"{memory:.0f} GB of memory", "lessons need up to 2 GB: close other notebooks first"),
    ]
    try:
        mnist = load_mnist()
        rows.append((True, f"MNIST: {len(mnist.train_images):,} + {len(mnist.test_images):,} images, verified", ""))
    except AssetError as error:
        rows.append((False, "MNIST", str(error)))
    folder = writable_folder(course_folder(), "a folder for your progress and backups",
                             "it cannot be written: set COURSE_HOME to another folder, or go on without")
    return [Finding(*row) for row in rows] + [folder]


def _version(package):
    return tuple(int(part) for part in package.__version__.split(".")[:2])


def device_in_words():
    """Return what TensorFlow computes on, such as "2 CPU cores" or "1 GPU (NVIDIA T4) and 2 CPU cores"."""
    cores = available_cores()
    cpu = f"{cores} CPU core{'s' * (cores != 1)}"
    gpus = tf.config.list_physical_devices("GPU")
    if not gpus:
        return cpu
    name = tf.config.experimental.get_device_details(gpus[0]).get("device_name", "unknown model")
    return f"{len(gpus)} GPU{'s' * (len(gpus) != 1)} ({name}) and {cpu}"


def available_cores():
    """Return how many CPU cores this process may use; in a container fewer than the machine has."""
    affinity = getattr(os, "sched_getaffinity", None)  # Linux only
    return len(affinity(0)) if affinity else os.cpu_count() or 1
