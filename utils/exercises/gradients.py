"""Functions tried as `fit` will call them: inside a TensorFlow graph, with gradients passing through."""

import numpy as np
import tensorflow as tf

from utils.exercises.engine import Mistake

TRACED = "can `fit` compute with it? (1 yes, 0 no)"


def value_and_gradients(function, *arguments):
    """Return what the function computes in a graph, and the gradients of its sum by all arguments.

    A function that leaves TensorFlow on the way is called without a graph instead, so that its numbers can be judged.

    Args:
        arguments: float arrays.

    Returns:
        None if the function returns None. Otherwise a dictionary: the value as the function returned it, whether
        TensorFlow can compute with it, and if so the gradients as one flat array.
    """
    tensors = [tf.constant(argument) for argument in arguments]

    @tf.function(autograph=False)  # as `fit` does: AutoGraph would turn `float` into a cast and hide the fault
    def graph():
        with tf.GradientTape() as tape:
            tape.watch(tensors)
            value = function(*tensors)
        if not tf.is_tensor(value) or value.dtype != tf.float32:
            raise TypeError("no float32 tensor came back")
        return value, tape.gradient(value, tensors, unconnected_gradients="zero")

    try:
        value, gradients = graph()
    except (NotImplementedError, AttributeError, TypeError):
        value = function(*tensors)  # an error of the learner's own is raised again here, and shown
        return None if value is None else {"value": value, TRACED: 0.0}
    return {"value": value, TRACED: 1.0,
            "its gradients": np.concatenate([np.ravel(gradient) for gradient in gradients])}


def by_numpy(reference):
    """Return the mistake of computing the right numbers where no gradient passes."""
    return Mistake("the numbers are right, but NumPy, `.numpy()` or `float` computed them, or they are float64. There "
                   "no gradient passes, and `fit` cannot go: use `ops` and float32 from the first step to the last.",
                   lambda *arguments: reference(*arguments).numpy())


def without_gradient(reference):
    """Return the mistake of cutting the gradient off."""
    return Mistake("the numbers are right, but the gradient is cut off on the way to the arguments. Is there a "
                   "`stop_gradient` or a constant in it?", lambda *arguments: tf.stop_gradient(reference(*arguments)))
