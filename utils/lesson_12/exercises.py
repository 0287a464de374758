"""Lesson 12 · Scaling up."""

import numpy as np
from keras import ops

from utils.exercises.edits import edits_of
from utils.exercises.engine import Exercise, Mistake
from utils.lesson_12.study import gradient_accumulation, scaled_learning_rate


class _Regression:
    """The gradient of a squared error for weights and a bias; it remembers how many examples it was given at once."""

    def __init__(self, features, seed):
        self.weights, self.seen = np.random.default_rng(seed).normal(size=features - 1), []

    def __call__(self, examples):
        examples = np.asarray(examples)
        self.seen.append(len(examples))
        inputs, targets = examples[:, :-1], examples[:, -1]
        errors = inputs @ self.weights + 0.3 - targets
        gradient = 2 * inputs.T @ errors / len(examples), np.array([2 * errors.mean()])
        return [ops.convert_to_tensor(part) for part in gradient]  # as TensorFlow's, they cannot be changed in place


def _batches():
    return [(_Regression(features, features), np.random.default_rng(count).normal(0.5, 1, (count, features)), size)
            for count, size, features in ((5, 2, 3), (7, 3, 4), (10, 4, 3))]


def _gradient_and_pieces(function, gradient_of, examples, size):
    """Return the gradient that the function found, its arrays counted, and whether it kept to `size`."""
    answer = function(gradient_of, examples, size)
    if not isinstance(answer, list | tuple):
        return answer
    return {"of the weights": answer[0], "of the bias": answer[1], "number of arrays": float(len(answer)),
            "at most `size` examples at a time": max(gradient_of.seen, default=0) <= size}


def _steps():
    return [(step, *setting) for setting in ((0.1, 64, 128, 4, 10), (0.05, 256, 192, 8, 25), (0.2, 64, 96, 5, 8))
            for step in (1, 3, 7, 9, 10, 24, 25, 26, 40)]


# Mistakes ---------------------------------------------------------------------------------------------------

_of_pieces = edits_of(gradient_accumulation)
_of_rate = edits_of(scaled_learning_rate)

_SHARE = "len(piece) / len(examples)"
_LAST_LEFT_OUT = "the last, smaller piece is left out. Its examples belong to the mean as well."
_FACTOR = "batch_per_device * devices / base_batch"


EXERCISES = (
    Exercise(identifier="12.1", reference=gradient_accumulation, cases=_batches, observe=_gradient_and_pieces,
             mistakes=(
        Mistake("the gradients of the pieces are added up without a weight. Each of them is that of a *mean*, and "
                "a sum of means grows with the number of pieces.", _of_pieces("share * gradient", "gradient")),
        Mistake("you average over the pieces as if all were of one size. An example in a small last piece then "
                "counts more than the others.", _of_pieces(_SHARE, "1 / -(-len(examples) // size)")),
        Mistake("only the last piece is left: each one overwrites what came before it.",
                lambda gradient_of, examples, size: gradient_of(examples[(len(examples) - 1) // size * size:])),
        Mistake("only the first piece is looked at. Does the loop end too early?",
                lambda gradient_of, examples, size: gradient_of(examples[:size])),
        Mistake("the last piece counts as if it were as large as the others. Its weight is its own share.",
                _of_pieces(_SHARE, "size / len(examples)")),
        Mistake("the list grew longer: `+` puts lists one behind the other. Add their arrays, entry by entry.",
                _of_pieces("[so_far + new for so_far, new in zip(total, weighted, strict=True)]", "total + weighted")),
        Mistake(_LAST_LEFT_OUT, _of_pieces("len(examples), size)", "len(examples) - size + 1, size)")),
        Mistake(_LAST_LEFT_OUT, _of_pieces("len(examples), size)", "len(examples) - size + 1, size)",
                                           _SHARE, "1 / (len(examples) // size)")),
        Mistake("divided twice: each piece is weighted by its share, and then the sum is divided by the number of "
                "pieces again.", _of_pieces("share * gradient", "share / -(-len(examples) // size) * gradient")),
        Mistake("this is the gradient of the *sum* of the losses. That of their mean is wanted.",
                _of_pieces(_SHARE, "len(piece)")),
        Mistake("a piece's weight is its share of all examples, not of the size of a piece.",
                _of_pieces(_SHARE, "len(piece) / size")),
        Mistake("the gradient is right, but all examples were handed over at once: that is what memory does not "
                "allow. At most `size` at a time.", lambda gradient_of, examples, size: gradient_of(examples)),
    ), hints=(
        "A mean over all examples is a sum over all of them, divided by their number. Which part of that sum does "
        "the mean over one piece know?",
        "A piece counts for as much as it has examples. With pieces of one size all weigh the same; what if the "
        "last is smaller?",
        "Loop over `range(0, len(examples), size)`, take `examples[start:start + size]`, which may be shorter at "
        "the end, and add up weighted gradients, list entry by list entry.",
    )),
    Exercise(identifier="12.2", reference=scaled_learning_rate, cases=_steps, mistakes=(
        Mistake("the rate grows with the square root of the batch. For plain SGD the rule is linear.",
                _of_rate(_FACTOR, f"({_FACTOR})**0.5")),
        Mistake("there is no warm-up: the first steps are as long as all others.",
                _of_rate("step >= warmup_steps", "True")),
        Mistake("the warm-up begins at 0. It should begin at the base rate, which was good for the small batch.",
                _of_rate("base_rate + (scaled - base_rate)", "scaled")),
        Mistake("the rate stays at its base for the whole warm-up and then jumps. Let it rise step by step.",
                _of_rate(" + (scaled - base_rate) * step / warmup_steps", "")),
        Mistake("the whole scaled rate is added to the base rate. Add only a share of their *difference*.",
                _of_rate("(scaled - base_rate)", "scaled")),
        Mistake("the factor is rounded down to a whole number. A batch may also be one and a half times as large.",
                _of_rate(_FACTOR, "(batch_per_device * devices // base_batch)")),
        Mistake("the rate never leaves its base, however large the batch is.",
                lambda step, base_rate, *others: base_rate),
        Mistake("the warm-up is a step too early: steps are counted from 0, and step 0 has the base rate.",
                _of_rate("step / warmup_steps", "(step + 1) / warmup_steps")),
        Mistake("the rate rises for ever. Where does the warm-up end?", _of_rate("step >= warmup_steps", "False")),
        Mistake("this is the batch of one device. All devices together make one step: what is the whole batch?",
                _of_rate(_FACTOR, "batch_per_device / base_batch")),
        Mistake("only the number of devices is counted. Each of them may have another batch than the base.",
                _of_rate(_FACTOR, "devices")),
        Mistake("upside down: a larger batch makes a better gradient, and allows a longer step.",
                _of_rate(_FACTOR, "base_batch / (batch_per_device * devices)")),
        Mistake("the base rate is forgotten: this is the factor alone, by which it has to be multiplied.",
                lambda step, base_rate, *others: scaled_learning_rate(step, 1.0, *others)),
    ), hints=(
        "First the rate that is reached in the end: the base rate times the factor by which the whole batch, over "
        "all devices, is larger than the base batch.",
        "Then the way there, a straight line: at step 0 the base rate, at `warmup_steps` the scaled rate.",
        "After `step / warmup_steps` of the way, that share of the difference has been added. From `warmup_steps` "
        "on, return the scaled rate.",
    )),
)
