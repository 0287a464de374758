"""Counting and timing a training, and training in pieces: what lesson 12 scales with."""

import os
import time

import tensorflow as tf


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


def gradient_accumulation(gradient_of, examples, size):
    """Return the gradient of the mean loss over all examples, computed from at most `size` of them at a time.

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
    """Return the learning rate of one step by the linear scaling rule, with a linear warm-up from the base rate.

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
