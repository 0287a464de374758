"""Experiments on a wrong answer: which other question it answers, what it does not look at, where it fails.

Each says one sentence, and only where all cases agree. They try functions of numbers and arrays; for functions with
side effects or randomness, an exercise's `observe` tells facts of its own.
"""

import inspect
import itertools
from collections.abc import Callable, Iterator

import numpy as np
from scipy import special

from utils.exercises.carrying import as_kind
from utils.exercises.comparing import LARGEST, as_numbers, close, describe
from utils.exercises.diagnosis.slips import slips_of
from utils.exercises.running import attempt

FEW, MANY = 6, 12  # numbers from which a rule may be read; places of an axis that are tried one by one
# Where an answer may be wrong: what an argument is there.
CONDITIONS = (("0", lambda value: value == 0), ("1", lambda value: value == 1), ("negative", lambda value: value < 0),
              ("0 or negative", lambda value: value <= 0), ("positive", lambda value: (value > 0) & (value.min() < 0)),
              ("0 or positive", lambda value: (value >= 0) & (value.min() < 0)), ("above 1", lambda value: value > 1),
              ("below 1", lambda value: value < 1), ("1 or more", lambda value: value >= 1))
HUGE = 20.0  # a number above it may be too much for exp, or for the logarithm of 1 minus it
# What an answer may be of the right one: the sentence, and the function.
FUNCTIONS = (
    ("the sign is turned round: every number is minus what it should be.", np.negative),
    ("every number is 100 times what it should be: these are percent.", lambda right: 100 * right),
    ("every number is a hundredth of what it should be.", lambda right: right / 100),
    ("this is the complement: 1 minus what it should be.", lambda right: 1 - right),
    ("this is 1 divided by what it should be. Have numerator and denominator changed places?", lambda right: 1 / right),
    ("these are the squares of what is wanted. Is a root missing?", np.square),
    ("these are the roots of what is wanted. Is there a root too many, or a square missing?", np.sqrt),
    ("this is the logarithm of what is wanted.", np.log),
    ("this is the exponential of what is wanted. Is a logarithm missing?", np.exp),
    ("every number is 1/log 2 times what it should be: nats and bits are mixed up.", lambda right: right / np.log(2)),
    ("every number is log 2 times what it should be: nats and bits are mixed up.", lambda right: right * np.log(2)),
    ("this is a logarithm to the base 10, and the natural one is wanted.", lambda right: right / np.log(10)),
    ("the numbers are right, but their signs are lost.", np.abs),
    ("the numbers are right, but negative ones are cut off at 0.", lambda right: np.maximum(right, 0)),
    ("the numbers are rounded to whole ones.", np.round),
    ("the numbers are rounded down to whole ones.", np.floor),
    ("a sigmoid is applied to what is wanted.", lambda right: 1 / (1 + np.exp(-right))),
    ("a tanh is applied to what is wanted.", np.tanh),
    ("a softmax is applied to what is wanted.", lambda right: special.softmax(right, axis=-1)),
    ("the numbers are divided by their sum.", lambda right: right / right.sum(axis=-1, keepdims=True)),
    ("these are running sums of what is wanted.", lambda right: np.cumsum(right, axis=-1).reshape(right.shape)),
    ("the average of the numbers is taken off.", lambda right: right - right.mean()),
    ("the numbers are right, but in reversed order.", lambda right: np.flip(right, 0)),
    ("the numbers are right, but rows and columns have changed places.", np.transpose),
    ("one number came back, the sum of all those that are wanted. Which axis should stay?", np.sum),
    ("one number came back, the average of all those that are wanted. Which axis should stay?", np.mean),
)
# What may stand in an argument's place.
INSTEAD = (("0", np.zeros_like), ("1", np.ones_like), ("-{}", np.negative), ("{}**2", np.square), ("sqrt({})", np.sqrt),
           ("exp({})", np.exp), ("log({})", np.log), ("{} / 2", lambda value: value / 2),
           ("2 * {}", lambda value: 2 * value), ("1 - {}", lambda value: 1 - value), ("{}.T", np.transpose),
           ("abs({})", np.abs))
# What may be done to it along one of its axes.
ALONG = (("reversed", np.flip), ("moved on by one", lambda value, axis: np.roll(value, 1, axis)),
         ("averaged", lambda value, axis: 0 * value + value.mean(axis, keepdims=True)),
         ("added up", lambda value, axis: 0 * value + value.sum(axis, keepdims=True)),
         ("with the first one everywhere", lambda value, axis: 0 * value + np.take(value, [0], axis)),
         ("with the last one everywhere", lambda value, axis: 0 * value + np.take(value, [-1], axis)),
         ("without the first one", lambda value, axis: value * _others(value, axis, 0)),
         ("without the last one", lambda value, axis: value * _others(value, axis, -1)))


def _others(value, axis, place):
    """Return ones, and zeros at a place of the axis, which fit the array."""
    ones = np.ones(value.shape[axis])
    ones[place] = 0
    return np.expand_dims(ones, [other for other in range(value.ndim) if other != axis % value.ndim])


class Laboratory:
    """The cases of an exercise, and what the reference and somebody's function make of each.

    Answers are lists of arrays, one for each part of a tuple, or None where there is none.
    """

    def __init__(self, exercise, function: Callable):
        self.exercise, self.function = exercise, function
        self.names = list(inspect.signature(exercise.reference).parameters)
        self.cases = []
        for case in exercise.cases():
            call = inspect.signature(exercise.reference).bind(*case)
            call.apply_defaults()
            self.cases.append(call.args)
        self.parts = slice(None)
        self.look()
        spoiled = {part for place in self.wrong for part, pair in enumerate(zip(self.right[place], self.came[place]))
                   if not self.same(*([each] for each in pair))}
        if len(spoiled) == 1:  # of several parts, only one is wrong
            self.parts = slice(min(spoiled), min(spoiled) + 1)
            self.look()
        numbers = [part[np.isfinite(part)] for place in self.wrong for part in self.came[place]]
        numbers = np.unique(np.round(np.concatenate([part.ravel() for part in [*numbers, np.zeros(0)]]), 4))
        self.comparable = all(np.isfinite(part).all() and part.dtype.kind == ours.dtype.kind for place in self.answered
                              for part, ours in zip(self.came[place], self.right[place]))
        self.tells = numbers.size + 3 * np.sum(numbers % 1 != 0) > 3  # enough to tell one guess from another

    def look(self):
        self.right = [self.ours(case) for case in self.cases]
        self.came = [self.theirs(case) for case in self.cases]
        self.answered = [place for place, both in enumerate(zip(self.right, self.came)) if all(both)]
        self.fine = [place for place in self.answered if self.same(self.right[place], self.came[place])]
        self.wrong = [place for place in self.answered if place not in self.fine]

    def ours(self, arguments: tuple) -> list[np.ndarray] | None:
        return self.ask(self.exercise.reference, arguments)

    def theirs(self, arguments: tuple) -> list[np.ndarray] | None:
        return self.ask(self.function, arguments)

    def ask(self, function, arguments):
        own = [value.copy() if isinstance(value, np.ndarray) else value for value in arguments]
        outcome = attempt(function, own, self.exercise.plain, self.exercise.seconds)
        parts = outcome.value if isinstance(outcome.value, tuple) else (outcome.value,)
        parts = [None if outcome.problem or part is None else as_numbers(part) for part in parts[self.parts]]
        return None if any(part is None or part.dtype.kind == "c" or part.size > LARGEST for part in parts) else parts

    def same(self, ones, others) -> bool:
        return bool(ones and others) and len(ones) == len(others) and all(
            one.shape == other.shape and close(one, other, self.exercise.tolerance).all()
            for one, other in zip(ones, others))

    def factor(self, ask: Callable, answers: list, at: int, change: Callable) -> float | None:
        """Return by which factor, a power of √2, a changed argument multiplies all answers; None if by none."""
        factors = []
        for place in self.answered:
            case = self.cases[place]
            other = ask((*case[:at], _kept(change, case[at]), *case[at + 1:]))
            if other is None or any(one.shape != two.shape for one, two in zip(other, answers[place])):
                return None
            factors += [(one / two)[np.abs(two) > 1e-6].ravel() for one, two in zip(other, answers[place])]
        factors = np.concatenate(factors)
        power = 2 * np.log2(factors[0]) if factors.size >= 3 and factors[0] > 0 else np.nan
        same = np.allclose(factors, factors[:1], rtol=1e-3) and abs(power - np.round(power)) < 0.01
        return float(2.0**(np.round(power) / 2)) if same else None

    def moves(self, place: int, changes: dict, rows=...) -> tuple[bool, bool] | None:
        """Return whether changed arguments, by their place, change the right answer, and the one that came.

        What the reference refuses changes nothing; None where no answer came.
        """
        other = [changes.get(at, value) for at, value in enumerate(self.cases[place])]
        ours, theirs = self.ours(other), self.theirs(other)
        if ours is None:
            return False, False
        if theirs is None or not all(np.isfinite(part).all() for part in self.came[place]):
            return None
        return tuple([part.shape for part in now] != [part.shape for part in before]
                     or not self.same([part[rows] for part in now], [part[rows] for part in before])
                     for now, before in ((ours, self.right[place]), (theirs, self.came[place])))


def diagnose(exercise, function: Callable, of_form: bool = False) -> str | None:
    """Return a sentence about a wrong answer, or None where no experiment is clear; `of_form` if its shape is wrong."""
    with np.errstate(all="ignore"):
        lab = Laboratory(exercise, function)
        experiments = (another_function,) if of_form else EXPERIMENTS + OF_NUMBERS * lab.comparable
        told = (experiment(lab) for experiment in experiments)
        return next(filter(None, told), None) if lab.wrong else None


def unused(lab: Laboratory) -> str | None:
    """Does the answer stay the same when an argument changes that matters?"""
    for at, name in sorted(enumerate(lab.names), key=lambda each: np.prod(_shape(lab.cases[0][each[0]]))):
        moves = [lab.moves(place, {at: other}) for place in lab.answered for other in _changes(lab.cases[place][at])]
        if (True, False) in moves and (True, True) not in moves and None not in moves:
            return f"the answer stays the same whatever `{name}` is. Is it used, or is a number typed in its place?"
    return None


def another_function(lab: Laboratory) -> str | None:
    """Is it what another function gives, in every case that is wrong, and in none that is right another answer?"""
    for sentence, function in guesses(lab) if lab.tells else ():
        if all(lab.same(made, lab.came[place]) or (made is None and place not in lab.wrong) for place, made in (
                (place, lab.ask(function, lab.cases[place])) for place in lab.wrong + lab.fine)):
            return sentence
    return None


def guesses(lab: Laboratory) -> Iterator[tuple[str, Callable]]:
    """Yield (sentence, function) for what may have been written in the reference's place, the simplest first."""
    reference, first = lab.exercise.reference, lab.wrong[0]

    def after(change):  # of each part of the answer
        return lambda *arguments: _each(lambda part: change(part, *arguments), reference(*arguments))

    def before(at, change):
        return lambda *arguments: reference(*arguments[:at], _kept(change, arguments[at]), *arguments[at + 1:])

    for sentence, change in FUNCTIONS:
        yield sentence, after(lambda part, *_, change=change: change(part))
    right, came = lab.right[first][0], lab.came[first][0]
    if right.shape == came.shape and right.size:
        factor, shift = came.ravel()[0] / right.ravel()[0], (came - right).ravel()[0]
        yield f"every number is {factor:.4g} times what it should be.", after(lambda part, *_: factor * part)
        yield (f"every number is too {'large' if shift > 0 else 'small'} by {abs(shift):.4g}.",
               after(lambda part, *_: part + shift))
    if len(lab.right[first]) == 2:
        yield "the two parts of the answer have changed places.", lambda *arguments: tuple(reference(*arguments))[::-1]
    yield from slips_of(reference)
    for sentence, factor in _factors_of_sizes(lab):
        yield sentence, after(lambda part, *arguments, factor=factor: part * factor(arguments))
    for at, name in enumerate(lab.names):
        values = [case[at] for case in lab.cases]
        kind = _kind(values[0])
        if kind == "count":
            told = f"this is the right answer for `{name}"
            yield f"{told} + 1`. Is one counted too many?", before(at, lambda value: value + 1)
            yield f"{told} - 1`. Is one missing?", before(at, lambda value: value - 1)
        for text, change in INSTEAD if kind == "numbers" else ():
            told = f"this is what the right function gives for `{text.format(name)}` in the place of `{name}`."
            yield told + f" Is `{name}` left out?" * (text in "01"), before(at, change)
        for axis in range(min(len(_shape(value)) for value in values) if kind else 0):
            for text, change in ALONG:
                yield (f"this is what the right function gives for `{name}` {text} along axis {axis}.",
                       before(at, lambda value, axis=axis, change=change: change(value, axis)))
        for other in range(at):
            if type(values[0]) is type(lab.cases[0][other]):
                yield (f"this is the right answer with `{lab.names[other]}` and `{name}` in each other's place.",
                       lambda *arguments, at=at, other=other: reference(*(
                           arguments[{at: other, other: at}.get(place, place)] for place in range(len(arguments)))))


def _each(change, answer):
    if isinstance(answer, tuple | list):
        return tuple(_each(change, part) for part in answer)
    return change(np.asarray(answer))


def _kept(change, value):
    """Return the value changed, of the kind and type that it had."""
    return as_kind(np.asarray(change(np.asarray(value))).astype(np.asarray(value).dtype), value)


def _factors_of_sizes(lab: Laboratory) -> Iterator[tuple[str, Callable]]:
    """Yield (sentence, factor of the arguments) for sums over an axis and averages over it, and for another axis."""
    sizes = [(f"axis {axis} of `{name}`", lambda arguments, at=at, axis=axis: _shape(arguments[at])[axis])
             for at, name in enumerate(lab.names) for axis in range(min(len(_shape(case[at])) for case in lab.cases))]
    sizes = {tuple(size(case) for case in lab.cases): (told, size) for told, size in reversed(sizes)}
    sizes = [pair for seen, pair in reversed(sizes.items()) if len(set(seen)) > 1]
    for told, size in sizes:
        where = f"by a factor that is the size of {told}. Is"
        yield f"every number is too large {where} a sum taken where an average belongs?", size
        yield (f"every number is too small {where} an average taken where a sum belongs, or divided twice?",
               lambda arguments, size=size: 1 / size(arguments))
    for (one, size), (other, wanted) in itertools.permutations(sizes, 2):
        yield (f"it is divided by the size of {one}, and should be by that of {other}.",
               lambda arguments, size=size, wanted=wanted: wanted(arguments) / size(arguments))


def too_large(lab: Laboratory) -> str | None:
    """Is it wrong exactly where an argument holds huge numbers?"""
    for name, values in zip(lab.names, zip(*lab.cases)):
        numbers = [as_numbers(value) for value in values]
        if any(each is None or each.size == 0 or each.dtype.kind not in "fiu" for each in numbers):
            continue
        largest, worst = [np.abs(each).max() for each in numbers], numbers[lab.wrong[0]].ravel()
        calm = [largest[place] for place in lab.fine]
        if calm and min(largest[place] for place in lab.wrong) > max(HUGE, 2 * max(calm)):
            how = "wrong" if all(np.isfinite(part).all() for part in lab.came[lab.wrong[0]]) else "not finite"
            number = describe(worst[np.abs(worst).argmax()])
            return (f"right for numbers of ordinary size, but {how} where `{name}` holds {number}. What do `exp`, "
                    "`log` or a division make of that?")
    return None


def mixed_up(lab: Laboratory) -> str | None:
    """Do other answers change when the first example does, or the first number where each has an answer of its own?"""
    for place in lab.wrong:
        for what, whole in (("example", "batch"), ("number", "array")):
            shapes = {part.shape for part in [*lab.right[place], *lab.came[place]]}
            if what == "example":
                shapes = {shape[:1] for shape in shapes}
            shape = shapes.pop()
            of_batch = {at: value for at, value in enumerate(lab.cases[place])
                        if _shape(value)[:1 if what == "example" else None] == shape}
            if shapes or np.prod(shape) < 2 or not of_batch:
                continue
            first = np.arange(np.prod(shape)).reshape(shape) == 0
            changes = {at: as_kind(np.where(first.reshape(*shape, *[1] * (np.ndim(value) - len(shape))), other, value),
                                   value) for at, value in of_batch.items() for other in _changes(value)}
            if lab.moves(place, changes, rows=~first) == (False, True):
                if max(len(_shape(value)) for value in of_batch.values()) == 1:
                    what, whole = "number", "array"
                return (f"changing the first {what} alone changes the answers for others. Is a maximum, an average or "
                        f"a sum taken over the whole {whole}?")
    return None


def order_matters(lab: Laboratory) -> str | None:
    """Does another order of an argument's rows change the answer, where it should not?"""
    for at, name in enumerate(lab.names):
        rows = {place: lab.cases[place][at] for place in lab.wrong if _shape(lab.cases[place][at])}
        if any(lab.moves(place, {at: as_kind(np.roll(np.asarray(value), 1, 0), value)}) == (False, True)
               for place, value in rows.items()):
            return f"another order of `{name}` gives another answer, and it should not."
    return None


def not_the_same_twice(lab: Laboratory) -> str | None:
    """Do two calls with the same arguments give different answers?"""
    twice = lab.moves(lab.wrong[0], {}) == (False, True)
    return "two calls with the same arguments give different answers. What differs between them?" if twice else None


def left_out(lab: Laboratory) -> str | None:
    """Does a part of an argument not count that should?"""
    for at, name in enumerate(lab.names):
        for axis in range(min(len(_shape(values[at])) for values in lab.cases)):
            silent = {_which(_silent(lab, place, at, axis), _shape(lab.cases[place][at])[axis]) for place in lab.wrong}
            if len(silent) == 1 and None not in silent:
                along = f" along axis {axis}" * (len(_shape(lab.cases[0][at])) > 1)
                return f"{silent.pop()} of `{name}`{along} does not count: what changes there changes no answer."
    return None


def _silent(lab: Laboratory, place: int, at: int, axis: int) -> set[int]:
    """Return the indices along an argument's axis where a change moves the right answer, and not the one that came."""
    value = np.asarray(lab.cases[place][at])
    moves = {}
    for index in range(value.shape[axis] if value.shape[axis] <= MANY else 0):
        here = np.isin(np.arange(value.shape[axis]), index).reshape([-1, *[1] * (value.ndim - axis - 1)])
        moves[index] = {lab.moves(place, {at: as_kind(np.where(here, other, value), lab.cases[place][at])})
                        for other in _changes(lab.cases[place][at])}
    return {index for index, seen in moves.items() if (True, False) in seen and not seen & {(True, True), None}}


def _which(places: set[int], size: int) -> str | None:
    """Return the words for some of so many places; None for none of them or all."""
    words = {(0,): "the first part", (size - 1,): "the last part", tuple(range(1, size)): "all but the first part",
             tuple(range(size - 1)): "all but the last part"}
    return words.get(tuple(sorted(places)), "some part") if size > 2 and 0 < len(places) < size else None


def only_some(lab: Laboratory) -> str | None:
    """Is it wrong exactly where an argument has a certain value, or in one place?"""
    wrong = [[~close(*pair, lab.exercise.tolerance) for pair in zip(lab.right[place], lab.came[place])
              if pair[0].shape == pair[1].shape] for place in lab.answered]
    if any(len(each) != len(lab.right[place]) for each, place in zip(wrong, lab.answered)):
        return None
    part = next(number for number in range(len(wrong[0])) if any(each[number].any() for each in wrong))
    wrong = [each[part] for each in wrong]
    for at, name in enumerate(lab.names):
        values, here = [], []
        for place, spoiled in zip(lab.answered, wrong):
            value = as_numbers(lab.cases[place][at])
            if value is not None and value.shape == spoiled.shape[:value.ndim]:
                values.append(value.ravel())
                here.append(spoiled.reshape(*value.shape, -1).any(-1).ravel())
        if len(values) == len(wrong):
            values, here = np.concatenate(values), np.concatenate(here)
            for words, holds in CONDITIONS:
                if np.array_equal(holds(values), here) and min(here.sum(), (~here).sum()) >= 2 and here.size >= FEW:
                    return f"wrong wherever `{name}` is {words}, and right everywhere else."
    for axis in range(min(each.ndim for each in wrong)):
        where = {_which(set(np.flatnonzero(np.moveaxis(each, axis, 0).reshape(each.shape[axis], -1).any(1))),
                        each.shape[axis]) for each in wrong if each.any()}
        if where <= {"the first part", "the last part"} and len(where) == 1:
            along = f" along axis {axis}" * (wrong[0].ndim > 1)
            return f"right but for {where.pop()} of the answer{along}."
    return None


def proportions(lab: Laboratory) -> str | None:
    """Does a doubled argument, or one with 1 added, change the answer as it should?"""
    vague = None
    for at, name in enumerate(lab.names):
        if any(_kind(case[at]) != "numbers" for case in lab.cases):
            continue
        for told, change in ((f"`{name}` doubled", lambda value: 2 * value),
                             (f"1 added to all of `{name}`", lambda value: value + 1)):
            ours, theirs = (lab.factor(ask, answers, at, change) for ask, answers in (
                (lab.ours, lab.right), (lab.theirs, lab.came)))
            if ours and theirs and ours != theirs:
                return f"{told} should give {_times(ours)}, and gives {_times(theirs)}."
            if ours and not theirs:
                vague = vague or f"{told} should give {_times(ours)}, and with yours it does not."
    return vague


def _times(factor: float) -> str:
    return "the same answer" if factor == 1 else f"{factor:g} times the answer"


def out_of_bounds(lab: Laboratory) -> str | None:
    """Do numbers come back that never should?"""
    right, came = (np.concatenate([part.ravel() for place in lab.answered for part in answers[place]]).astype(float)
                   for answers in (lab.right, lab.came))
    if right.size < FEW:
        return None
    if right.min() >= 0 > came.min():
        return f"{came.min():.4g} came back, where nothing negative is wanted."
    if right.max() <= 0 < came.max():
        return f"{came.max():.4g} came back, where nothing positive is wanted."
    if 0 <= right.min() and 0.5 < right.max() <= 1 < came.max():
        return f"{came.max():.4g} came back, where nothing above 1 is wanted."
    return None


EXPERIMENTS = (not_the_same_twice, unused, another_function, too_large, only_some, mixed_up, order_matters, left_out)
OF_NUMBERS = (out_of_bounds, proportions)  # of what is infinite, NaN or whole, that is said in the first place


def _changes(value) -> list:
    """Return values of the same kind with other numbers in them; none, if it holds no numbers."""
    kind, numbers = _kind(value), np.asarray(value)
    if kind == "count":
        return [value + 1, value + 2]
    if kind != "numbers":
        return [np.flip(numbers, 0).copy(), 0 * numbers + 1] if kind else []
    wave = 0.05 * np.cos(np.arange(numbers.size)).reshape(numbers.shape)
    return [_kept(lambda array, factor=factor: factor * array + wave * (factor > 0), value)
            for factor in (0.0, 0.9, 0.3, 4.0, 300.0)]


def _shape(value) -> tuple[int, ...]:
    numbers = as_numbers(value)
    return () if numbers is None else numbers.shape


def _kind(value) -> str:
    """Return what an argument is for the experiments; "" if they leave it as it is."""
    numbers = None if callable(value) or isinstance(value, bool) else as_numbers(value)
    if numbers is None:
        return ""
    return "count" if isinstance(value, int | np.integer) else "numbers" if numbers.dtype.kind == "f" else "labels"
