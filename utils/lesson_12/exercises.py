"""Lesson 12 · Scaling up."""

import numpy as np
from keras import ops

from utils.exercises.comparing import Fact, as_numbers, close, equal, kind_of
from utils.exercises.edits import edits_of
from utils.exercises.engine import Exercise, Mistake, mistakes
from utils.exercises.running import Unusable
from utils.lesson_12.study import gradient_accumulation, scaled_learning_rate


class _Regression:
    """The gradient of a squared error for weights and biases; it remembers what it was given, and what it returned."""

    def __init__(self, seed):
        self.weights, self.given, self.gradients = np.random.default_rng(seed).normal(size=(4, 3)), [], []

    def __call__(self, examples):
        self.given.append(np.array(examples, float))
        self.gradients.append(self.of(self.weights, self.given[-1]))
        return [ops.convert_to_tensor(part) for part in self.gradients[-1]]  # as TensorFlow's, they stay as they are

    @staticmethod
    def of(weights, examples):
        inputs, targets = examples[:, :4], examples[:, 4:]
        errors = inputs @ weights + 0.3 - targets
        return 2 * inputs.T @ errors / len(examples), 2 * errors.mean(axis=0)


def _batches():
    return [(_Regression(count), np.random.default_rng(count).normal(0.5, 1, (count, 7)), size)
            for count, size in ((5, 2), (11, 4), (7, 3), (200, 70))]


# What is wrong with the examples that `gradient_of` was given.
_FOREIGN = Fact("are they examples?", "`gradient_of` is given rows that are not examples, to fill up the last piece. A "
                "smaller last piece is allowed, because it counts for less.")
_TWICE = Fact("has each example one turn?", "some examples are given to `gradient_of` twice. Where does a piece end, "
    "and where does the next begin? A smaller last piece need not be filled up.")
_FIRST_ALONE = Fact("do all pieces have their turn?", "only the first piece is looked at. Does the loop, or its "
    "`return`, end too early?")
_LAST_LOST = Fact("has the last piece its turn?", "the last, smaller piece is left out. Its examples belong to the "
    "mean as well.")
_FIRST_LOST = Fact("has the first piece its turn?", "the first piece is left out. At which example does it begin?")
_SKIPPED = Fact("has each example its turn?", "some examples are never given to `gradient_of`. Where does a piece end, "
    "and where does the next begin?")
_TOO_MANY = Fact("at most `size` at a time?",
                 "`gradient_of` is given more than `size` examples at once, and memory does not allow that. Is `size` "
                 "used as the size of a piece, not as the number of pieces, and for the last piece too?")
# What is wrong with the weights of the pieces: of their shares s, of n examples in pieces of a size.
_WEIGHTS = {Fact(said, said): wrong for said, wrong in {
    "everything is multiplied by 0. Is there a `//` that rounds the share down?": lambda s, n, size: 0 * s,
    "the sign is wrong: this is a step downhill, but the gradient itself is wanted.": lambda s, n, size: -s,
    "the gradients of the pieces are added up without a weight. Each of them is that of a *mean*, and a sum of means "
    "grows with the number of pieces.": lambda s, n, size: s**0,
    "you average over the pieces as if all were of one size. An example in a small last piece then counts more than "
    "the others.": lambda s, n, size: s**0 / len(s),
    "you divide by the number of *full* pieces, and all pieces weigh the same. The smaller last one is one more, and "
    "weighs less.": lambda s, n, size: s**0 / max(n // size, 1),
    "the last piece counts as if it were as large as the others. Its weight is its own share.":
        lambda s, n, size: s**0 * size / n,
    "this divides twice: each piece is weighted by its share, and then the sum is divided by the number of pieces.":
        lambda s, n, size: s / len(s),
    "this divides twice: each piece is weighted by its share, and then the sum is divided by the number of examples.":
        lambda s, n, size: s / n,
    "this is the gradient of the *sum* of the losses. That of their mean is wanted.": lambda s, n, size: s * n,
    "a piece's weight is its share of all examples, not of the size of a piece.": lambda s, n, size: s * n / size,
    "the weights are upside down: a small piece counts more than a large one.": lambda s, n, size: 1 / s,
    "each piece's gradient is divided by its number of examples. It is that of a *mean* already.":
        lambda s, n, size: 1 / (s * n),
    "the pieces' gradients are added up and divided by the number of all examples. A piece's gradient is that of a "
    "*mean*: it stands for all of its examples.": lambda s, n, size: s**0 / n,
}.items()}
_NO_SUM = Fact("is it a weighted sum?", "this is no weighted sum of the pieces' gradients. Is anything but adding done "
    "with the entries of two pieces?")
_OWN_WEIGHTS = Fact("is each array weighted alike?", "the arrays of one gradient have different weights. The share of "
    "a piece is a share of the *examples*, the same for all arrays.")
_LAST_ALONE = Fact("does each piece count?", "only the last piece is in the result, though all were computed: each one "
                   "overwrites what came before it.")
_NEVER_ADDED = Fact("is anything added?", "only the first piece is in the result, though all were computed. In a loop "
    "over a list, `+=` and `*=` make new tensors, and the list keeps the old ones: build a new list.")
_FADING = Fact("do all count the same?", "late pieces count more than early ones, as in a moving average. In a mean "
    "over all examples each counts the same.")
_SHARES = Fact("are the weights shares?", "the weights of the pieces are not their shares of all examples. How much "
    "does a single example count in each piece?")
_FACTS_OF_PIECES = (_FOREIGN, _TWICE, _FIRST_ALONE, _LAST_LOST, _FIRST_LOST, _SKIPPED, _TOO_MANY, _NO_SUM, _OWN_WEIGHTS,
                    *_WEIGHTS, _LAST_ALONE, _NEVER_ADDED, _FADING, _SHARES)


def _gradient_and_facts(function, gradient_of, examples, size):
    """Return the gradient's arrays, whether it kept to `size`, and if it is wrong what is: pieces or their weights."""
    kept = examples.copy()
    arrays = function(gradient_of, examples, size)
    if not isinstance(arrays, list | tuple):
        raise Unusable(f"{kind_of(arrays)} came back, but a list of arrays is wanted, as `gradient_of` returns.")
    if len(arrays) == 2 * len(gradient_of.given) > 2:
        raise Unusable("the list grew longer: `+` puts lists one behind the other. Add their arrays, entry by entry.")
    if len(arrays) != 2:
        raise Unusable(f"{kind_of(arrays)} came back, but `gradient_of` returns 2 arrays here: return as many.")
    given, gradients, right = gradient_of.given, gradient_of.gradients, _Regression.of(gradient_of.weights, kept)
    facts = dict.fromkeys(_FACTS_OF_PIECES, True)
    if not all(map(equal, right, arrays)):
        facts |= _facts_of_pieces(given, kept, size)
    facts[_TOO_MANY] = max(map(len, given), default=0) <= size
    if all(facts.values()) and not all(map(equal, right, arrays)) and all(
            np.shape(array) == part.shape for array, part in zip(arrays, right)):
        facts |= _facts_of_weights(arrays, gradients, np.array(list(map(len, given))) / len(kept), len(kept), size)
    return facts | {"of the weights": arrays[0], "of the biases": arrays[1]}


def _facts_of_pieces(given, examples, size):
    turns = [[row for example in piece for row in np.flatnonzero((examples == example).all(axis=1))] for piece in given]
    often = np.bincount(np.array([row for piece in turns for row in piece], int), minlength=len(examples))
    lost, first, last = set(np.flatnonzero(often == 0)), set(range(size)), len(examples) - len(examples) % size
    return {_FOREIGN: sum(map(len, turns)) == sum(map(len, given)), _TWICE: not np.any(often > 1),
            _FIRST_ALONE: lost != set(range(size, len(examples))), _LAST_LOST: lost != set(range(last, len(examples))),
            _FIRST_LOST: lost != first, _SKIPPED: not lost}


def _facts_of_weights(arrays, gradients, shares, count, size):
    columns = [np.stack([np.ravel(part) for part in parts], axis=1) for parts in zip(*gradients)]
    solved = [np.linalg.lstsq(column, np.ravel(array), rcond=None)[0] for column, array in zip(columns, arrays)]
    is_sum = all(equal(column @ weights, np.ravel(array)) for column, weights, array in zip(columns, solved, arrays))
    if not is_sum or not equal(*solved):
        return {_NO_SUM: is_sum, _OWN_WEIGHTS: not is_sum}
    weights, rises = solved[0], np.diff(solved[0] / shares)
    return {said: not equal(wrong(shares, count, size), weights) for said, wrong in _WEIGHTS.items()} | {
        _LAST_ALONE: bool(np.any(np.abs(weights[:-1]) > 1e-6)), _NEVER_ADDED: bool(np.any(np.abs(weights[1:]) > 1e-6)),
        _FADING: bool(np.any(rises < -1e-6) or np.all(rises < 1e-6)), _SHARES: False}


# What is wrong with the rates of a whole schedule.
_AT_ONCE = Fact("where does it begin?", "step 0 has the scaled rate already. The warm-up begins at the base rate.")
_DOWN = Fact("does it rise?", "the rate goes the wrong way round, from the scaled rate to the base rate.")
_STAYS = Fact("does it stay?", "at `warmup_steps` the scaled rate is reached, but it does not stay.")
_UNSCALED = Fact("is it scaled?", "the rate ends at the base rate, however large the batch is. Where is the factor?")
_FIRST = Fact("has step 0 the base rate?", "the scaled rate is reached, but step 0 has another than the base rate.")
_SOON = Fact("is it not too soon?", "the scaled rate is reached too soon. It is that of step number `warmup_steps`, "
    "where steps count from 0.")
_LATE = Fact("is it not too late?", "the scaled rate is reached too late. It is that of step number `warmup_steps`, "
    "where steps count from 0.")
_STRAIGHT = Fact("is it a straight line?", "the rate should rise in a straight line: in the warm-up, each step adds as "
    "much as the one before.")
_NO_WARM_UP = Fact("what if there is no warm-up?", "right with a warm-up. Without one, with `warmup_steps=0`, the "
    "scaled rate should hold from step 0 on: is there a division by 0?")
_FACTS_OF_RATES = (_AT_ONCE, _DOWN, _STAYS, _UNSCALED, _FIRST, _SOON, _LATE, _STRAIGHT, _NO_WARM_UP)


def _settings():
    return [(16, 0.1, 60, 128, 4, 10), (40, 0.04, 250, 192, 8, 25), (30, 0.2, 96, 64, 5, 8)]


def _all_rates(function, step, *setting):
    """Return the rates of all steps up to this one."""
    rates = [function(each, *setting) for each in range(step + 1)]
    for number, rate in enumerate(rates):
        if as_numbers(rate) is None or np.shape(rate) != ():
            came = "None" if rate is None else kind_of(rate)
            raise Unusable(f"{came} came back for step {number}, but a single number is wanted: the rate of this step.")
    return np.array([float(rate) for rate in rates])


def _rates_and_facts(function, *arguments):
    """Return the rates of all steps up to the one that is given and, if they are wrong, how they rise."""
    right, rates = (_all_rates(each, *arguments) for each in (scaled_learning_rate, function))
    facts = dict.fromkeys(_FACTS_OF_RATES, True)
    if equal(right, rates):
        facts[_NO_WARM_UP] = _does_without_warm_up(function, *arguments[1:5])
        return facts | {"rates from step 0 on": rates}
    base, last, reached = arguments[1], arguments[-1], close(right[-1], rates, 1e-5)
    to_base = equal(base, rates[-1])
    facts |= {_DOWN: not (reached[0] and to_base), _UNSCALED: not to_base or bool(reached.any()),
              _AT_ONCE: not reached[0] or to_base, _STAYS: not reached[last] or bool(reached[last:].all())}
    if reached[-1]:
        first, rises = np.argmax(reached), np.diff(rates[:last + 1])
        facts |= {_FIRST: equal(base, rates[0]), _SOON: first >= last, _LATE: first <= last,
                  _STRAIGHT: equal(rises, np.full(last, rises[0]))}
    return {"rates from step 0 on": rates} | facts  # listed mistakes are compared with the first entry


_rates_and_facts.plain = _all_rates


def _does_without_warm_up(function, *setting):
    try:
        return all(equal(scaled_learning_rate(step, *setting, 0), function(step, *setting, 0)) for step in (0, 3))
    except Exception:  # a division by 0
        return False


_of_pieces = edits_of(gradient_accumulation)
_of_rate = edits_of(scaled_learning_rate)
_FACTOR = "batch_per_device * devices / base_batch"

EXERCISES = (
    Exercise(identifier="12.1", reference=gradient_accumulation, cases=_batches, observe=_gradient_and_facts, mistakes=(
        Mistake("the pieces after the first are subtracted. Their weighted gradients add up.",
                _of_pieces("so_far + new", "so_far - new")),
        Mistake("the sum so far is halved with every piece. The weights of the pieces add up to 1 already.",
                _of_pieces("so_far + new", "(so_far + new) / 2")),
    ), hints=(
        "A mean over all examples is a sum over all of them, divided by their number. Which part of that sum does "
        "the mean over one piece know?",
        "A piece counts in proportion to its number of examples. Pieces of one size all weigh the same. What if the "
        "last one is smaller?",
        "Loop over `range(0, len(examples), size)`, take `examples[start:start + size]`, which may be shorter at "
        "the end, and add up weighted gradients, list entry by list entry.",
    )),
    Exercise(identifier="12.2", reference=scaled_learning_rate, cases=_settings, observe=_rates_and_facts, mistakes=(
        Mistake("the rate grows with the square root of the batch. For plain SGD the rule is linear.",
                _of_rate(_FACTOR, f"({_FACTOR})**0.5")),
        Mistake("the rate grows with the logarithm of the batch. For plain SGD the rule is linear.",
                lambda step, base_rate, base_batch, batch_per_device, devices, warmup_steps: scaled_learning_rate(
                    step, base_rate, 1, 1 + np.log2(batch_per_device * devices / base_batch), 1, warmup_steps)),
        Mistake("there is no warm-up: the first steps are as long as all others.",
                _of_rate("step >= warmup_steps", "True")),
        Mistake("the warm-up begins at 0. It should begin at the base rate, which was good for the small batch.",
                _of_rate("base_rate + (scaled - base_rate)", "scaled")),
        Mistake("the rate stays at its base for the whole warm-up and then jumps. Let it rise step by step.",
                _of_rate(" + (scaled - base_rate) * step / warmup_steps", "")),
        *mistakes("the whole scaled rate is added to the base rate. Add only a share of their *difference*.",
                  _of_rate("(scaled - base_rate)", "scaled"),
                  _of_rate("(scaled - base_rate)", "scaled", "return scaled", "return base_rate + scaled")),
        Mistake("the rise is not multiplied by the base rate: k − 1 alone is no learning rate.",
                _of_rate("base_rate * batch", "base_rate - 1 + batch")),
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
