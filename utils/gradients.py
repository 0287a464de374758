"""Functions tried as `fit` will call them: inside a TensorFlow graph, with gradients passing through."""

import numpy as np
import tensorflow as tf

from utils.exercises.comparing import Fact

TRACED = Fact(
    "can `fit` compute with it?",
    "the numbers are right, but NumPy, `.numpy()` or `float` computed them, or they are float64. There no gradient "
    "passes, and `fit` cannot go: use `ops` and float32 from the first step to the last.")
ANY_BATCH = Fact(
    "does it run while `fit` builds its graph?",
    "right when it is called at once, but inside `fit` it stops: while `fit` builds its graph, tensors have no values "
    "and a batch has no size yet. So `.shape[0]`, `len`, `if`, Python's `max` and loops over the examples do not work; "
    "`ops.shape(x)[0]` does.")
PASSED = Fact(
    "does a gradient pass?",
    "the numbers are right, but the gradient is cut off on the way to the arguments. Is there a `stop_gradient`, a "
    "constant, or a rounding in it?")


def value_and_gradients(function, *arguments, by=slice(None)):
    """Return what the function computes in a graph, and the gradients of its sum by its arguments, float arrays.

    The graph is built for batches of any size, and used for the whole batch and for all of it but the last example.

    Args:
        by: for which of the arguments, a slice: images, for example, are data, and no gradient goes there.

    Returns:
        As `with_gradients`; only a float32 tensor counts as something that TensorFlow can compute with.
    """
    return with_gradients(function, [tf.constant(argument) for argument in arguments], by=by, dtype=tf.float32)


def _at_once(function, *arguments):
    return function(*map(tf.constant, arguments))


value_and_gradients.plain = _at_once


def with_gradients(function, batch, weights=None, value="value", gradients="its gradients", by=slice(None), dtype=None,
                   in_graph=True):
    """Return what `function(*batch)` gives, and the gradients of its sum by the weights, or by the batch.

    What leaves TensorFlow on the way is computed again without a graph, so that its numbers can be judged.

    Args:
        batch: tensors; those with as many rows as the first one are batches, of any size while a graph is built.
        weights: variables or their values; None for the gradients by the batch.
        by: for which tensors of the batch, a slice.
        value, gradients: how messages name the two.
        dtype: of the tensor that must come back; None for any.
        in_graph: as `fit` does, or at once, which is quicker for a small case.

    Returns:
        None if None came back. Otherwise a dictionary: the value as it came back, facts about the graph, and if
        TensorFlow can compute with it the gradients as one flat array.
    """
    def run(*tensors):
        sources = tensors[by] if weights is None else weights
        with tf.GradientTape() as tape:
            tape.watch(sources)
            result = function(*tensors)
        if not tf.is_tensor(result) or dtype not in (None, result.dtype):
            raise TypeError("no such tensor came back")
        return result, tape.gradient(result, sources, unconnected_gradients="zero")

    rows = batch[0].shape[:1]
    of_any_size = [tf.TensorSpec([None, *each.shape[1:]] if rows and each.shape[:1] == rows else each.shape, each.dtype)
                   for each in batch]
    smaller = [each[:-1] if rows and each.shape[:1] == rows else each for each in batch]
    seen = {}
    try:  # AutoGraph would turn `float` into a cast and hide the fault
        built = tf.function(run, of_any_size, autograph=False) if in_graph else run
        result, slopes = built(*batch)
        if in_graph and rows and rows[0] > 1:
            seen["value for a smaller batch"] = built(*smaller)[0]
    except Exception:
        result = function(*batch)  # an error of the learner's own is raised again here, and shown
        try:
            computes = any(np.any(slope) for slope in run(*batch)[1])
        except Exception:
            computes = False
        return {value: result, TRACED: computes, ANY_BATCH: False}
    passed = np.array([bool(np.any(slope)) for slope in slopes])
    slopes = np.concatenate([np.ravel(slope) for slope in slopes])
    return {value: result, TRACED: True, ANY_BATCH: True, **seen, PASSED: passed, gradients: slopes}
