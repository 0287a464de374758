"""Lesson 12 · Scaling up."""

import numpy as np
from keras import ops

from utils.exercises.engine import Exercise, Mistake
from utils.lesson_12.study import gradient_accumulation, scaled_learning_rate

# A batch in pieces ------------------------------------------------------------------------------------------

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


def _in_pieces(weight, pieces=lambda all_of_them, size: all_of_them):
    """Return the function with its parts exchangeable; `weight` takes len(piece), len(examples), size and pieces."""
    def accumulate(gradient_of, examples, size):
        cut = pieces([examples[start:start + size] for start in range(0, len(examples), size)], size)
        gradients = [[weight(len(piece), len(examples), size, len(cut)) * gradient for gradient in gradient_of(piece)]
                     for piece in cut]
        return [sum(parts) for parts in zip(*gradients)]
    return accumulate


def _lists_added(gradient_of, examples, size):
    total = []
    for start in range(0, len(examples), size):
        total += [len(examples[start:start + size]) / len(examples) * part
                  for part in gradient_of(examples[start:start + size])]
    return total


def _whole(all_of_them, size):
    return [piece for piece in all_of_them if len(piece) == size]


# Learning rates ---------------------------------------------------------------------------------------------

def _steps():
    return [(step, *setting) for setting in ((0.1, 64, 128, 4, 10), (0.05, 256, 192, 8, 25), (0.2, 64, 96, 5, 8))
            for step in (1, 3, 7, 9, 10, 24, 25, 26, 40)]


def _rate(scale=lambda base, per_device, devices: per_device * devices / base,
          warm=lambda base_rate, scaled, step, warmup: base_rate + (scaled - base_rate) * step / warmup,
          over=lambda step, warmup: step >= warmup):
    """Return the function with its parts exchangeable, to make mistakes with."""
    def rate(step, base_rate, base_batch, batch_per_device, devices, warmup_steps):
        scaled = base_rate * scale(base_batch, batch_per_device, devices)
        return scaled if over(step, warmup_steps) else warm(base_rate, scaled, step, warmup_steps)
    return rate


EXERCISES = (
    Exercise(
        identifier="12.1",
        reference=gradient_accumulation,
        cases=_batches,
        observe=_gradient_and_pieces,
        mistakes=(
            Mistake("the gradients of the pieces are added up without a weight. Each of them is that of a *mean*, and "
                    "a sum of means grows with the number of pieces.",
                    _in_pieces(lambda piece, all_, size, pieces: 1)),
            Mistake("you average over the pieces as if all were of one size. An example in a small last piece then "
                    "counts more than the others.", _in_pieces(lambda piece, all_, size, pieces: 1 / pieces)),
            Mistake("only the last piece is left: each one overwrites what came before it.",
                    lambda gradient_of, examples, size: [gradient_of(examples[start:start + size])
                                                         for start in range(0, len(examples), size)][-1]),
            Mistake("only the first piece is looked at. Does the loop end too early?",
                    lambda gradient_of, examples, size: gradient_of(examples[:size])),
            Mistake("the last piece counts as if it were as large as the others. Its weight is its own share.",
                    _in_pieces(lambda piece, all_, size, pieces: size / all_)),
            Mistake("the list grew longer: `+` puts lists one behind the other. Add their arrays, entry by entry.",
                    _lists_added),
            Mistake("the last, smaller piece is left out. Its examples belong to the mean as well.",
                    _in_pieces(lambda piece, all_, size, pieces: piece / all_, _whole)),
            Mistake("the last, smaller piece is left out. Its examples belong to the mean as well.",
                    _in_pieces(lambda piece, all_, size, pieces: 1 / pieces, _whole)),
            Mistake("divided twice: each piece is weighted by its share, and then the sum is divided by the number of "
                    "pieces again.", _in_pieces(lambda piece, all_, size, pieces: piece / all_ / pieces)),
            Mistake("this is the gradient of the *sum* of the losses. That of their mean is wanted.",
                    _in_pieces(lambda piece, all_, size, pieces: piece)),
            Mistake("a piece's weight is its share of all examples, not of the size of a piece.",
                    _in_pieces(lambda piece, all_, size, pieces: piece / size)),
            Mistake("the gradient is right, but all examples were handed over at once: that is what memory does not "
                    "allow. At most `size` at a time.", lambda gradient_of, examples, size: gradient_of(examples)),
        ),
        hints=(
            "A mean over all examples is a sum over all of them, divided by their number. Which part of that sum does "
            "the mean over one piece know?",
            "A piece counts for as much as it has examples. With pieces of one size all weigh the same; what if the "
            "last is smaller?",
            "Loop over `range(0, len(examples), size)`, take `examples[start:start + size]`, which may be shorter at "
            "the end, and add up weighted gradients, list entry by list entry.",
        ),
    ),
    Exercise(
        identifier="12.2",
        reference=scaled_learning_rate,
        cases=_steps,
        mistakes=(
            Mistake("the rate grows with the square root of the batch. For plain SGD the rule is linear.",
                    _rate(scale=lambda base, per_device, devices: (per_device * devices / base)**0.5)),
            Mistake("there is no warm-up: the first steps are as long as all others.",
                    _rate(over=lambda step, warmup: True)),
            Mistake("the warm-up begins at 0. It should begin at the base rate, which was good for the small batch.",
                    _rate(warm=lambda base_rate, scaled, step, warmup: scaled * step / warmup)),
            Mistake("the rate stays at its base for the whole warm-up and then jumps. Let it rise step by step.",
                    _rate(warm=lambda base_rate, scaled, step, warmup: base_rate)),
            Mistake("the whole scaled rate is added to the base rate. Add only a share of their *difference*.",
                    _rate(warm=lambda base_rate, scaled, step, warmup: base_rate + scaled * step / warmup)),
            Mistake("the factor is rounded down to a whole number. A batch may also be one and a half times as large.",
                    _rate(scale=lambda base, per_device, devices: per_device * devices // base)),
            Mistake("the rate never leaves its base, however large the batch is.",
                    lambda step, base_rate, *others: base_rate),
            Mistake("the warm-up is a step too early: steps are counted from 0, and step 0 has the base rate.",
                    _rate(warm=lambda base_rate, scaled, step, warmup:
                          base_rate + (scaled - base_rate) * (step + 1) / warmup)),
            Mistake("the rate rises for ever. Where does the warm-up end?", _rate(over=lambda step, warmup: False)),
            Mistake("this is the batch of one device. All devices together make one step: what is the whole batch?",
                    _rate(scale=lambda base, per_device, devices: per_device / base)),
            Mistake("only the number of devices is counted. Each of them may have another batch than the base.",
                    _rate(scale=lambda base, per_device, devices: devices)),
            Mistake("upside down: a larger batch makes a better gradient, and allows a longer step.",
                    _rate(scale=lambda base, per_device, devices: base / (per_device * devices))),
            Mistake("the base rate is forgotten: this is the factor alone, by which it has to be multiplied.",
                    lambda step, base_rate, base_batch, batch_per_device, devices, warmup_steps:
                    scaled_learning_rate(step, 1.0, base_batch, batch_per_device, devices, warmup_steps)),
        ),
        hints=(
            "First the rate that is reached in the end: the base rate times the factor by which the whole batch, over "
            "all devices, is larger than the base batch.",
            "Then the way there, a straight line: at step 0 the base rate, at `warmup_steps` the scaled rate.",
            "After `step / warmup_steps` of the way, that share of the difference has been added. From `warmup_steps` "
            "on, return the scaled rate.",
        ),
    ),
)
