"""Experiments on a wrong answer: which other question it answers, what it does not look at, where it fails.

Each says one sentence, and only where all cases agree. They try functions of numbers and arrays; for functions with
side effects or randomness, an exercise's `observe` tells facts of its own.
"""

import inspect
from collections.abc import Callable, Iterator

import numpy as np
from scipy import special

from utils.exercises.carrying import as_kind
from utils.exercises.comparing import LARGEST, as_numbers, close, describe
from utils.exercises.diagnosis.slips import slips_of
from utils.exercises.running import attempt

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

    def moves(self, place: int, changes: dict, rows=...) -> tuple[bool, bool] | None:
        """Return whether changed arguments, by their place, change the right answer, and the one that came."""
        other = [changes.get(at, value) for at, value in enumerate(self.cases[place])]
        ours, theirs = self.ours(other), self.theirs(other)
        if not (ours and theirs and all(np.isfinite(part).all() for part in self.came[place])):
            return None
        return tuple(not self.same(*([part[rows] for part in parts] for parts in pair))
                     for pair in ((ours, self.right[place]), (theirs, self.came[place])))


def diagnose(exercise, function: Callable, of_form: bool = False) -> str | None:
    """Return a sentence about a wrong answer, or None where no experiment is clear; `of_form` if its shape is wrong."""
    with np.errstate(all="ignore"):
        lab = Laboratory(exercise, function)
        told = (experiment(lab) for experiment in ((another_function,) if of_form else EXPERIMENTS))
        return next(filter(None, told), None) if lab.wrong else None


def unused(lab: Laboratory) -> str | None:
    """Does the answer stay the same when an argument changes that matters?"""
    for at, name in sorted(enumerate(lab.names), key=lambda each: np.size(lab.cases[0][each[0]])):
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
    for at, name in enumerate(lab.names):
        values = [case[at] for case in lab.cases]
        for axis in range(min(map(np.ndim, values))):
            if len({np.shape(value)[axis] for value in values}) > 1:
                where = f"by a factor that is the size of axis {axis} of `{name}`. Is"
                yield f"every number is too large {where} a sum taken where an average belongs?", after(
                    lambda part, *arguments, at=at, axis=axis: part * np.shape(arguments[at])[axis])
                yield (f"every number is too small {where} an average taken where a sum belongs, or divided twice?",
                       after(lambda part, *arguments, at=at, axis=axis: part / np.shape(arguments[at])[axis]))
        kind = _kind(values[0])
        if kind == "count":
            told = f"this is the right answer for `{name}"
            yield f"{told} + 1`. Is one counted too many?", before(at, lambda value: value + 1)
            yield f"{told} - 1`. Is one missing?", before(at, lambda value: value - 1)
        for text, change in INSTEAD if kind == "numbers" else ():
            told = f"this is what the right function gives for `{text.format(name)}` in the place of `{name}`."
            yield told + f" Is `{name}` left out?" * (text in "01"), before(at, change)
        for axis in range(min(map(np.ndim, values)) if kind else 0):
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
    """Do other examples' answers change when the first example does?"""
    for place in lab.wrong:
        batch = next((part.shape[0] for part in lab.right[place] if part.ndim), 0)
        if batch < 2 or any(part.shape[:1] != (batch,) for part in [*lab.right[place], *lab.came[place]]):
            continue
        of_batch = {at: value for at, value in enumerate(lab.cases[place]) if np.ndim(value) and len(value) == batch}
        changes = {at: as_kind(np.concatenate([np.asarray(other)[:1], np.asarray(value)[1:]]), value)
                   for at, value in of_batch.items() for other in _changes(value)}
        if lab.moves(place, changes, rows=slice(1, None)) == (False, True):
            return ("changing the first example alone changes the answers for others. Is a maximum, an average or a "
                    "sum taken over the whole batch?")
    return None


def order_matters(lab: Laboratory) -> str | None:
    """Does another order of an argument's rows change the answer, where it should not?"""
    for at, name in enumerate(lab.names):
        rows = {place: lab.cases[place][at] for place in lab.wrong if np.ndim(lab.cases[place][at])}
        if any(lab.moves(place, {at: as_kind(np.roll(np.asarray(value), 1, 0), value)}) == (False, True)
               for place, value in rows.items()):
            return f"another order of `{name}` gives another answer, and it should not."
    return None


def not_the_same_twice(lab: Laboratory) -> str | None:
    """Do two calls with the same arguments give different answers?"""
    twice = lab.moves(lab.wrong[0], {}) == (False, True)
    return "two calls with the same arguments give different answers. What differs between them?" if twice else None


EXPERIMENTS = (not_the_same_twice, unused, another_function, too_large, mixed_up, order_matters)


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


def _kind(value) -> str:
    """Return what an argument is for the experiments; "" if they leave it as it is."""
    numbers = None if callable(value) or isinstance(value, bool) else as_numbers(value)
    if numbers is None:
        return ""
    return "count" if isinstance(value, int | np.integer) else "numbers" if numbers.dtype.kind == "f" else "labels"
