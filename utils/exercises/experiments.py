"""Experiments on a wrong answer: which other question it answers, what it does not look at, where it fails.

Each says one sentence, and only where all cases agree. They try functions of numbers and arrays; for functions with
side effects or randomness, an exercise's `observe` tells facts of its own.
"""

import inspect
import itertools
from collections.abc import Callable

import numpy as np

from utils.exercises.carrying import as_kind
from utils.exercises.comparing import as_numbers, close, describe
from utils.exercises.running import attempt
from utils.exercises.slips import slips_of

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
    ("the numbers are right, but in reversed order.", lambda right: np.flip(right, 0)),
    ("the numbers are right, but rows and columns have changed places.", np.transpose),
    ("one number came back, the sum of all those that are wanted. Which axis should stay?", np.sum),
    ("one number came back, the average of all those that are wanted. Which axis should stay?", np.mean),
)
# What may stand in an argument's place.
INSTEAD = (("0", np.zeros_like), ("1", np.ones_like), ("-{}", np.negative), ("{}**2", np.square), ("sqrt({})", np.sqrt), ("exp({})", np.exp), ("log({})", np.log),
           ("{} / 2", lambda value: value / 2), ("2 * {}", lambda value: 2 * value), ("1 - {}", lambda value: 1 - value),
           ("{}.T", lambda value: value.T.copy()))


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
        self.right, self.came = map(self.ours, self.cases), map(self.theirs, self.cases)
        self.right, self.came = list(self.right), list(self.came)
        self.answered = [place for place, both in enumerate(zip(self.right, self.came)) if all(both)]
        self.wrong = [place for place in self.answered if not self.same(self.right[place], self.came[place])]
        numbers = [part[np.isfinite(part)] for place in self.wrong for part in self.came[place]]
        numbers = np.unique(np.round(np.concatenate([part.ravel() for part in [*numbers, np.zeros(0)]]), 4))
        self.tells = numbers.size + 3 * np.sum(numbers % 1 != 0) > 3  # enough to tell one guess from another

    def ours(self, arguments: tuple) -> list[np.ndarray] | None:
        return self.ask(self.exercise.reference, arguments)

    def theirs(self, arguments: tuple) -> list[np.ndarray] | None:
        return self.ask(self.function, arguments)

    def ask(self, function, arguments):
        own = [value.copy() if isinstance(value, np.ndarray) else value for value in arguments]
        outcome = attempt(function, own, self.exercise.plain, self.exercise.seconds)
        parts = outcome.value if isinstance(outcome.value, tuple) else (outcome.value,)
        parts = [None if outcome.problem or part is None else as_numbers(part) for part in parts]
        return None if any(part is None or part.dtype.kind == "c" for part in parts) else parts

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
        told = (experiment(lab) for experiment in ((another_answer, a_slip) if of_form else EXPERIMENTS))
        return next(filter(None, told), None) if lab.wrong else None


def unused(lab: Laboratory) -> str | None:
    """Does the answer stay the same when an argument changes that matters?"""
    for at, name in sorted(enumerate(lab.names), key=lambda each: np.size(lab.cases[0][each[0]])):
        moves = [lab.moves(place, {at: other}) for place in lab.answered for other in _changes(lab.cases[place][at])]
        if (True, False) in moves and (True, True) not in moves and None not in moves:
            return f"the answer stays the same whatever `{name}` is. Is it used, or is a number typed in its place?"
    return None


def another_answer(lab: Laboratory) -> str | None:
    """Is it one and the same simple function of the right answer in all cases?"""
    def candidates(place):
        right, came = lab.right[place], lab.came[place]
        for sentence, function in FUNCTIONS:
            yield sentence, _each(function, right)
        if len(right) == 2:
            yield "the two parts of the answer have changed places.", right[::-1]
        for at, (name, value) in enumerate(zip(lab.names, lab.cases[place])):
            for axis, size in enumerate(np.shape(value)):
                if len({np.shape(case[at])[axis:axis + 1] for case in lab.cases}) > 1 and size:
                    where = f"by a factor that is the size of axis {axis} of `{name}`. Is"
                    yield (f"every number is too large {where} a sum taken where an average belongs?",
                           [size * part for part in right])
                    yield (f"every number is too small {where} an average taken where a sum belongs, or is it divided "
                           "once too often?", [part / size for part in right])
        if len(right) == len(came) == 1 and right[0].shape == came[0].shape and right[0].size:
            shift, factor = (came[0] - right[0]).ravel()[0], came[0].ravel()[0] / right[0].ravel()[0]
            yield f"every number is {factor:.4g} times what it should be.", [factor * right[0]]
            told = "large" if shift > 0 else "small"
            yield f"every number is too {told} by {abs(shift):.4g}.", [right[0] + shift]
            places = np.argsort(np.argsort(came[0], axis=None))
            yield "the numbers are right, but in another order.", [np.sort(right[0], None)[places].reshape(came[0].shape)]

    return _fitting(lab, candidates)


def another_question(lab: Laboratory) -> str | None:
    """Is it the right answer for other arguments, the same others in all cases?"""
    def candidates(place):
        case = lab.cases[place]
        for one, other in itertools.combinations(range(len(case)), 2):
            if type(case[one]) is type(case[other]):
                told = f"this is the right answer with `{lab.names[one]}` and `{lab.names[other]}` in each other's place."
                yield told, lab.ours([*case[:one], case[other], *case[one + 1:other], case[one], *case[other + 1:]])
        for at, (name, value) in enumerate(zip(lab.names, case)):
            numbers = None if callable(value) or isinstance(value, bool) else as_numbers(value)
            if numbers is not None and isinstance(value, int | np.integer):
                for step, told in ((1, f"`{name} + 1`. Is one counted too many?"), (-1, f"`{name} - 1`. Is one missing?")):
                    yield f"this is the right answer for {told}", lab.ours((*case[:at], value + step, *case[at + 1:]))
            elif numbers is not None and numbers.dtype.kind == "f":
                for text, function in INSTEAD:
                    other = as_kind(function(numbers).astype(np.asarray(value).dtype), value)
                    told = f"this is what the right function gives for `{text.format(name)}` in the place of `{name}`."
                    yield (told + f" Is `{name}` left out?" * (text in "01"), lab.ours((*case[:at], other, *case[at + 1:])))

    return _fitting(lab, candidates)


def a_slip(lab: Laboratory) -> str | None:
    """Is it what comes out of the right function with one small thing wrong?"""
    places = sorted(lab.answered, key=lambda place: place not in lab.wrong)
    for sentence, function in slips_of(lab.exercise.reference) if lab.tells else ():
        made = ((lab.ask(function, lab.cases[place]), lab.came[place], place in lab.wrong) for place in places)
        if all(lab.same(one, other) if one or wrong else True for one, other, wrong in made):
            return sentence
    return None


def _each(function, parts):
    try:
        return [np.asarray(function(part)) for part in parts]
    except (ValueError, np.exceptions.AxisError):  # a single number has no order
        return None


def _fitting(lab, candidates) -> str | None:
    """Return the first sentence whose prediction is the answer in every wrong case, and contradicts no other case."""
    left = None if lab.tells else []
    for place in sorted(lab.answered, key=lambda place: place not in lab.wrong):
        if left == []:
            return None
        found = {sentence: lab.same(predicted, lab.came[place]) for sentence, predicted in candidates(place) if predicted}
        unsaid = place not in lab.wrong  # a candidate that says nothing of a right case may stay
        left = [each for each in (found if left is None else left) if found.get(each, unsaid)]
    return left[0] if left else None


def too_large(lab: Laboratory) -> str | None:
    """Is it wrong exactly where an argument holds huge numbers?"""
    for name, values in zip(lab.names, zip(*lab.cases)):
        numbers = [as_numbers(value) for value in values]
        if any(each is None or each.size == 0 or each.dtype.kind not in "fiu" for each in numbers):
            continue
        largest, worst = [np.abs(each).max() for each in numbers], numbers[lab.wrong[0]].ravel()
        calm = [largest[place] for place in lab.answered if place not in lab.wrong]
        if calm and min(largest[place] for place in lab.wrong) > max(HUGE, 2 * max(calm)):
            finite = all(np.isfinite(part).all() for part in lab.came[lab.wrong[0]])
            return (f"right for numbers of ordinary size, but {'wrong' if finite else 'not finite'} where `{name}` holds "
                    f"{describe(worst[np.abs(worst).argmax()])}. What do `exp`, `log` or a division make of that?")
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
            return ("changing the first example alone changes the answers for others. Is a maximum, an average or a sum "
                    "taken over the whole batch?")
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


EXPERIMENTS = (unused, another_answer, another_question, a_slip, too_large, mixed_up, order_matters, not_the_same_twice)


def _changes(value) -> list:
    """Return values of the same kind with other numbers in them; none, if it holds no numbers."""
    numbers = None if callable(value) or isinstance(value, bool) else as_numbers(value)
    if numbers is None:
        return []
    if isinstance(value, int | np.integer):
        return [value + 1, value + 2]
    if numbers.dtype.kind != "f":  # labels, bits
        return [np.flip(numbers, 0).copy()] if numbers.ndim else []
    wave = 0.05 * np.cos(np.arange(numbers.size)).reshape(numbers.shape)
    others = [np.full_like(numbers, 0.7), *(factor * numbers + wave for factor in (0.9, 0.3, 4.0, 300.0, 0.001))]
    return [as_kind(other.astype(np.asarray(value).dtype), value) for other in others]
