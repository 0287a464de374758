"""Functions tried as `fit` will call them: inside a TensorFlow graph, with gradients passing through."""

import numpy as np
import tensorflow as tf

from utils.exercises.engine import Mistake

TRACED = "can `fit` compute with it? (1 yes, 0 no)"


def value_and_gradients(function, *arguments):
    """Return what the function computes in a graph, and the gradients of its sum by all arguments, float arrays.

    Returns:
        As `with_gradients`; only a float32 tensor counts as something that TensorFlow can compute with.
    """
    tensors = [tf.constant(argument) for argument in arguments]
    return with_gradients(lambda: function(*tensors), tensors, dtype=tf.float32)


def with_gradients(compute, sources, value="value", gradients="its gradients", dtype=None, in_graph=True):
    """Return what `compute()` gives, and the gradients of its sum by the sources.

    What leaves TensorFlow on the way is computed again without a graph, so that its numbers can be judged.

    Args:
        sources: tensors or variables.
        value, gradients: how messages name the two.
        dtype: of the tensor that must come back; None for any.
        in_graph: as `fit` does, or at once, which is quicker for a small case.

    Returns:
        None if None came back. Otherwise a dictionary: the value as it came back, whether TensorFlow can compute with
        it, and if so the gradients as one flat array.
    """
    def run():
        with tf.GradientTape() as tape:
            tape.watch(sources)
            result = compute()
        if not tf.is_tensor(result) or dtype not in (None, result.dtype):
            raise TypeError("no such tensor came back")
        return result, tape.gradient(result, sources, unconnected_gradients="zero")

    try:  # AutoGraph would turn `float` into a cast and hide the fault
        result, slopes = tf.function(run, autograph=False)() if in_graph else run()
    except (NotImplementedError, AttributeError, TypeError):
        result = compute()  # an error of the learner's own is raised again here, and shown
        return None if result is None else {value: result, TRACED: 0.0}
    return {value: result, TRACED: 1.0, gradients: np.concatenate([np.ravel(slope) for slope in slopes])}


def by_numpy(reference, message="the numbers are right, but NumPy, `.numpy()` or `float` computed them, or they are "
                                "float64. There no gradient passes, and `fit` cannot go: use `ops` and float32 from "
                                "the first step to the last."):
    """Return the mistake of computing the right numbers where no gradient passes."""
    return Mistake(message, lambda *arguments: reference(*arguments).numpy())


def without_gradient(reference, message="the numbers are right, but the gradient is cut off on the way to the "
                                        "arguments. Is there a `stop_gradient` or a constant in it?"):
    """Return the mistake of cutting the gradient off."""
    return Mistake(message, lambda *arguments: tf.stop_gradient(reference(*arguments)))
