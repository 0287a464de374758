"""The first line of every lesson: settings, seeds, quiet logs, the device in words, budgets, and checked claims."""

import contextlib
import logging
import os

from utils import machine

# Read when TensorFlow starts. The course's networks are small: an operation finishes sooner on one core than it can be
# shared out, and TensorFlow keeps the other cores busy with the operations beside it. Intel's oneDNN makes convolutions
# about twice as fast, on other makers' processors as well, where TensorFlow leaves it off unless asked.
os.environ.setdefault("TF_NUM_INTRAOP_THREADS", "1")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")

# The course means Keras 3 on TensorFlow, float32 and channels last, whatever a reader has set for other work. While it
# is imported, Keras takes these from here rather than from ~/.keras/keras.json; what else that file says is set right
# below.
os.environ["KERAS_BACKEND"] = "tensorflow"
os.environ["KERAS_NNX_ENABLED"] = "0"  # with JAX only; else Keras asks for the package flax
os.environ["TF_USE_LEGACY_KERAS"] = "0"

if not machine.has_avx():  # TensorFlow would use it while it is imported, and so end the kernel without a word
    raise ImportError(str(machine.NO_AVX))

# TensorFlow's C++ start-up messages go to the process' stderr before any log level holds, and a notebook would show
# them as errors. So stderr is set aside for as long as the import takes.
with contextlib.ExitStack() as stack:
    _kept = os.dup(2)
    _nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(_nowhere, 2)
    stack.callback(os.close, _kept)
    stack.callback(os.close, _nowhere)
    stack.callback(os.dup2, _kept, 2)
    try:
        import keras
        import tensorflow as tf
    except Exception as error:  # a plug-in that does not fit raises an error of TensorFlow's own
        _fault = machine.why_not(f"{type(error).__name__}: {error}")
        if _fault is None:
            raise
        raise ImportError(str(_fault)) from None  # TensorFlow's own last sentence would hide the cause

keras.config.set_floatx("float32")
keras.config.set_dtype_policy("float32")  # layers follow this; Keras made it from floatx if a layer was built before
keras.config.set_epsilon(1e-7)
keras.config.set_image_data_format("channels_last")
keras.config.set_max_epochs(None)  # KERAS_MAX_EPOCHS and the like cut every training short
keras.config.set_max_steps_per_epoch(None)

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
    """
    if not (isinstance(lesson, str) and len(lesson) == 2 and lesson.isdecimal()):
        raise ValueError(f'start wants the lesson\'s number as two digits, such as "06", but got {lesson!r}.')
    if keras.config.backend() != "tensorflow":  # too late to say so: a backend is chosen once in a kernel
        raise RuntimeError(f"Keras runs on {keras.config.backend()} here, because it was imported before this lesson's "
                           "first cells. Restart the kernel, then run them before anything else.")
    logging.getLogger("tensorflow").setLevel(logging.ERROR)
    for gpu in tf.config.list_physical_devices("GPU"):
        try:  # a kernel takes the memory it needs, so that two notebooks can share one GPU
            tf.config.experimental.set_memory_growth(gpu, True)
        except RuntimeError:  # the cell was run twice and the device is in use already
            break
    keras.utils.set_random_seed(SEED)
    print(f"Lesson {int(lesson)} · {device_in_words()} · TensorFlow {tf.__version__}, Keras {keras.__version__}")
    return Lesson(lesson)


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
