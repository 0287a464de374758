"""Counting, timing, feeding, interrupting and splitting a training, and handing a model over (lesson 12)."""

import contextlib
import io
import os
import socket
import subprocess
import sys
import time
from typing import NamedTuple

import keras
import numpy as np
import psutil
import tensorflow as tf
from keras import layers, ops

from utils.data import Mnist, flatten
from utils.models import VAE, build_decoder, build_encoder


def count_operations(step, *shapes):
    """Return TensorFlow's own count of the operations on floats in a training step.

    Args:
        step: function of float32 tensors, such as a model's `train_step`. It is traced, not run.
        shapes: of its arguments, every number known.

    Returns:
        The operations of one call; those without a formula in TensorFlow count nothing, and the gradient of a
        convolution's input counts even where nothing needs it and TensorFlow leaves it out.
    """
    graph = tf.function(step).get_concrete_function(*(tf.TensorSpec(shape) for shape in shapes)).graph
    options = tf.compat.v1.profiler.ProfileOptionBuilder.float_operation() | {"output": "none"}
    return tf.compat.v1.profiler.profile(graph, options=options).total_float_ops


def product_speed(rows, size=1024, runs=30):
    """Return how many operations a second the device reaches in matrix products (rows, size) · (size, size).

    On a CPU, one product on each core at once, as TensorFlow runs a training's independent operations. The best of many
    short runs: another program may slow some of them, but nothing makes one too fast.

    Args:
        rows, size: how many examples go through a layer at once, and how many inputs and outputs it has.
        runs: how many, of which the best counts.
    """
    kernel = tf.linalg.l2_normalize(tf.random.stateless_normal((size, size), seed=(0, 1)), axis=0)
    at_once = 1 if tf.config.list_logical_devices("GPU") else os.cpu_count() or 1
    values = tuple(tf.random.stateless_normal((rows, size), seed=(2, seed)) for seed in range(at_once))
    products = max(1, int(5e7 / (2 * rows * size**2)))  # a run should be shorter than a turn of the processor

    @tf.function
    def chain(*values):
        for _ in tf.range(products):  # each product needs the one before: none can be left out
            values = tuple(value @ kernel for value in values)
        return tf.add_n([tf.reduce_sum(value) for value in values])

    chain(*values).numpy()  # builds the graph; `numpy` waits for a GPU to end
    best = min(interleaved({"chain": lambda: chain(*values).numpy()}, runs)["chain"])
    return at_once * 2 * rows * size**2 * products / best


def interleaved(runs, repeats=3):
    """Call functions in turn, again and again, and return the seconds of each call: a busy machine slows all alike.

    Args:
        runs: dictionary of name → function without arguments; the result has a list of seconds for each name.
    """
    seconds = {name: [] for name in runs}
    for _ in range(repeats):
        for name, run in runs.items():
            began = time.perf_counter()
            run()
            seconds[name].append(time.perf_counter() - began)
    return seconds


def milliseconds(part, compiled, calls=10):
    """Return the time of one call of a part of a step, compiled by XLA or not: the best of seven series of calls."""
    graph = tf.function(part, jit_compile=compiled)
    graph()  # builds and compiles
    return 1000 / calls * min(interleaved({"": lambda: [graph().numpy() for _ in range(calls)]}, 7)[""])


def epoch_seconds(*trainings, images_per_epoch=60_000):
    """Return the seconds of an epoch of each training, the median of three turns, timed in turn on fewer images.

    Args:
        trainings: (compiled model, images, batch size) of each.
        images_per_epoch: for which the seconds count.
    """
    runs = {place: lambda model=model, images=images, size=size: model.fit(images, batch_size=size, verbose=0)
            for place, (model, images, size) in enumerate(trainings)}
    for run in runs.values():
        run()  # builds the graph, which is not to be timed
    return [float(np.median(seconds)) * images_per_epoch / len(images)
            for seconds, (_, images, _) in zip(interleaved(runs).values(), trainings, strict=True)]


def time_in_turn(variants, images, repeats):
    """Return {name: seconds of each turn} of models that train on the same images in turn, again and again.

    Args:
        variants: dictionary of name → (compiled model, batch size).
        images: of one turn, 1,280 or more.
        repeats: how many turns each variant has.
    """
    runs = {name: lambda model=model, size=size: model.fit(images, batch_size=size, verbose=0)
            for name, (model, size) in variants.items()}
    for model, size in variants.values():
        model.fit(images[:1_280], batch_size=size, verbose=0)  # builds the graph
    return interleaved(runs, repeats)


def build_mixed_vae(policy):
    """Return the VAE of lesson 6, whose networks multiply in two bytes (`policy`) and end in float32, compiled."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(policy)
    try:
        encoder, decoder = _in_float32(build_encoder()), _in_float32(build_decoder())
    finally:
        keras.config.set_dtype_policy(before)
    model = VAE(encoder, decoder)
    model.compile(keras.optimizers.Adam(1e-3), jit_compile=False, auto_scale_loss=False)
    return model


def _in_float32(network):
    """Return the network with its outputs turned into float32: what is summed over pixels needs it."""
    outputs = [layers.Activation("linear", dtype="float32")(output) for output in network.outputs]
    return keras.Model(network.inputs, outputs if len(outputs) > 1 else outputs[0])


class Race(NamedTuple):
    """A training by two clocks: thousands of images seen, seconds, and the ELBO in nats, after each part."""

    thousands: np.ndarray
    seconds: np.ndarray
    bounds: list


def race(model, untrained, images, batch_size, parts=6, size=3_840):
    """Train a VAE anew on one part of the images after the other, and return a `Race`.

    Args:
        model: which is trained; its graph is kept, so that building one is not timed.
        untrained: a model of the same form, whose weights and optimizer's state it begins with.
        images, batch_size: what it learns from.
        parts, size: how many parts there are, and how many images each has.
    """
    for variable, value in zip(model.weights + model.optimizer.variables,
                               untrained.weights + untrained.optimizer.variables, strict=True):
        variable.assign(value)
    seconds, bounds = [], []
    for part in range(parts):
        began = time.perf_counter()
        chosen = images[part * size:(part + 1) * size]
        bounds += model.fit(chosen, batch_size=batch_size, verbose=0).history["elbo"]
        seconds.append(time.perf_counter() - began)
    return Race(np.arange(1, parts + 1) * size / 1000, np.cumsum(seconds), bounds)


def endless_batches(images):
    """Return endless batches (200, 784) of grey values in [0, 1] from images of bytes in memory, well shuffled."""
    records = tf.data.Dataset.from_tensor_slices(flatten(images)).shuffle(len(images), seed=0)
    return records.repeat().batch(200).map(lambda batch: tf.cast(batch, tf.float32) / 255)


def streaming_memory(batches, count, every):
    """Return by how many megabytes this process grows while it streams, after each `every` of `count` batches.

    The first number is 0: memory is compared with that after the first batch, when the shuffle buffer is full.
    """
    process, batches = psutil.Process(), iter(batches)
    next(batches)  # starts the pipeline and fills its buffer
    before, gained = process.memory_info().rss, [0.0]
    for number in range(1, count + 1):
        next(batches)
        if number % every == 0:
            gained.append((process.memory_info().rss - before) / 1e6)
    return gained


def megabytes(path):
    """Return the size of a file, or of all files in a folder."""
    return sum(part.stat().st_size for part in (path, *path.rglob("*")) if part.is_file()) / 1e6


def redraw_weights(model):
    """Give a model other first weights: normal, with a standard deviation of 0.05, from Keras' global seed."""
    for weight in model.trainable_variables:
        weight.assign(0.05 * keras.random.normal(weight.shape))


class PowerCut(keras.callbacks.Callback):
    """Ends a training in the middle of an epoch; notes its weights and random state at the end of each whole epoch.

    Args:
        epoch, batch: of the end, both counted from 0.
    """

    def __init__(self, epoch, batch):
        super().__init__()
        self.last_epoch, self.last_batch = epoch, batch

    def on_epoch_begin(self, epoch, logs=None):
        self.epoch = epoch

    def on_epoch_end(self, epoch, logs=None):
        self.weights = [weight.numpy() for weight in self.model.trainable_variables]
        self.random_state = self.model.random.state.numpy()

    def on_train_batch_end(self, batch, logs=None):
        if self.epoch == self.last_epoch and batch >= self.last_batch:
            raise ConnectionError(f"The session was lost in the middle of epoch {self.epoch + 1}.")

    def restore(self, model):
        """Give a model the weights and the random state that were noted; its optimizer stays as it is."""
        model.random.state.assign(self.random_state)
        for weight, value in zip(model.trainable_variables, self.weights, strict=True):
            weight.assign(value)


def largest_difference(ones, others):
    """Return the largest difference between the entries of two lists of arrays, tensors or variables."""
    return max(float(np.abs(ops.convert_to_numpy(one) - ops.convert_to_numpy(other)).max())
               for one, other in zip(ones, others, strict=True))


def in_one_row(weights):
    """Return all entries of a list of weights as one array."""
    return np.concatenate([np.ravel(weight) for weight in weights])


def device_names():
    """Return the names of the GPUs if there are two or more, else of the CPU's devices."""
    gpus, cpus = ([device.name for device in tf.config.list_logical_devices(kind)] for kind in ("GPU", "CPU"))
    return gpus if len(gpus) > 1 else cpus


def gradient_accumulation(gradient_of, examples, size):
    """Return the gradient of the mean loss, from at most `size` examples at a time.

    It is the mean over all examples, whatever the pieces are.

    Args:
        gradient_of: function of some examples that gives the gradient of *their* mean loss: a list of arrays, as here.
        examples: array or tensor whose first axis counts them; the last piece may be smaller than the others.
        size: of a piece.
    """
    if len(examples) < 1 or size < 1:
        raise ValueError("gradient_accumulation wants one example or more, and pieces of one or more, but got "
                         f"{len(examples)} examples in pieces of {size}.")
    total = None
    for start in range(0, len(examples), size):
        piece = examples[start:start + size]
        share = len(piece) / len(examples)
        weighted = [share * gradient for gradient in gradient_of(piece)]
        total = weighted if total is None else [so_far + new for so_far, new in zip(total, weighted, strict=True)]
    return total


def scaled_learning_rate(step, base_rate, base_batch, batch_per_device, devices, warmup_steps):
    """Return the learning rate of a step: linear scaling, after a linear warm-up.

    The warm-up begins at the base rate.

    Args:
        step: counted from 0.
        base_rate, base_batch: a learning rate that is good for SGD, and the batch size for which it is.
        batch_per_device, devices: how many examples each device sees in a step, and how many devices there are.
        warmup_steps: number of the first step with the scaled rate, which stays; 0 for no warm-up.

    Source: Goyal et al. (2017).
    """
    if min(base_rate, base_batch, batch_per_device, devices) <= 0:
        raise ValueError("scaled_learning_rate wants positive rates, batch sizes and devices, but got "
                         f"{base_rate}, {base_batch}, {batch_per_device} and {devices}.")
    scaled = base_rate * batch_per_device * devices / base_batch
    if step >= warmup_steps:
        return scaled
    return base_rate + (scaled - base_rate) * step / warmup_steps


class Rates(keras.optimizers.schedules.LearningRateSchedule):
    """A learning rate for each step, from a list; the last one stays."""

    def __init__(self, rates):
        self.rates = tf.constant(rates, "float32")

    def __call__(self, step):
        return tf.gather(self.rates, tf.minimum(tf.cast(step, "int32"), len(self.rates) - 1))

    def get_config(self):
        return {"rates": self.rates.numpy().tolist()}


def fit_in_parts(network, images, labels, batch, parts, size):
    """Train a classifier on one part of the images after the other, three different ones in turn.

    Args:
        network: compiled.
        images, labels: three parts of them, or more.
        batch: images of one step.
        parts, size: how many parts to train on, and how many images each has.

    Returns:
        (thousands of images seen, mean loss) of all parts: an array and a list.
    """
    losses = []
    for part in np.arange(parts) % 3:
        chosen = slice(part * size, (part + 1) * size)
        losses += network.fit(images[chosen], labels[chosen], batch_size=batch, verbose=0).history["loss"]
    return np.arange(1, parts + 1) * size / 1000, losses


def ask_server(program, folder, model, inputs):
    """Run a program in a new Python process that is cut off from this one's modules, and return its answer.

    Args:
        program: Python source; its arguments are the model's name, a file of inputs and a file for the answer.
        folder: in which it runs, and where the model lies.
        model: name of the exported model in it.
        inputs: array.

    Returns:
        (the array that it saved, what it printed).
    """
    np.save(folder / "asked.npy", inputs)
    answer = subprocess.run([sys.executable, "-I", "-c", program, model, "asked.npy", "answered.npy"], cwd=folder,
                            env=os.environ | {"CUDA_VISIBLE_DEVICES": "-1"}, capture_output=True, text=True)
    if answer.returncode:
        raise RuntimeError(f"The server stopped: {answer.stderr[-500:]}")
    return np.load(folder / "answered.npy"), answer.stdout


def fetch_fashion_mnist(patience=15):
    """Return Fashion-MNIST as `Mnist`, or None if it cannot be fetched; `patience` in seconds."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(patience)
    try:
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            (images, labels), (test_images, test_labels) = keras.datasets.fashion_mnist.load_data()
        return Mnist(images, labels, test_images, test_labels)
    except Exception:  # no network, a refusal, half a file: the lesson goes on
        return None
    finally:
        socket.setdefaulttimeout(before)


class LikelihoodModel(keras.Model):
    """A model whose call returns log p(x) of binarised images; `fit` trains it on grey ones in [0, 1].

    Each step binarises its images afresh, as everywhere in this course.
    """

    def __init__(self, seed=0):
        super().__init__()
        self.random = keras.random.SeedGenerator(seed)
        self.average = keras.metrics.Mean("log_likelihood")

    def build(self, shape=None):
        """Do nothing: subclasses make their weights when they are made."""

    def train_step(self, grey_images):
        draws = keras.random.uniform(ops.shape(grey_images), seed=self.random)
        images = ops.cast(draws < grey_images, "float32")
        with tf.GradientTape() as tape:
            log_likelihood = self(images)
            loss = -ops.mean(log_likelihood)
        self.optimizer.apply(tape.gradient(loss, self.trainable_variables), self.trainable_variables)
        self.average.update_state(log_likelihood)
        return {"log_likelihood": self.average.result()}


def split_cpu(devices):
    """Let TensorFlow see the CPU as several devices, which share its cores: to try out what several GPUs would do.

    Call it before anything is computed, and before `start`.
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
