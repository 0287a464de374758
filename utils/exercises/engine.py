"""Exercises: what one is, and `check`, `hint` and `solution`.

The exercises of lesson 6 stand in `utils/lesson_06/exercises.py` as `EXERCISES`, a tuple of `Exercise`. That module is
imported when one of its exercises is asked for, so that lesson 0 does not wait for TensorFlow.
"""

import contextlib
import importlib
import inspect
import re
import textwrap
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from types import ModuleType

import numpy as np

from utils.exercises.carrying import adapted, carried
from utils.exercises.comparing import Difference, Fact, describe, difference, evidence_of, kind_of
from utils.exercises.diagnosis.experiments import diagnose
from utils.exercises.diagnosis.slips import slips_of
from utils.exercises.remembering import remember
from utils.exercises.running import FirstLines, Outcome, TimeLimit, attempt, in_words, is_stub, quiet, time_limit
from utils.exercises.wording import OPEN, RIGHT, WRONG, Message, numbered, report, show


@dataclass(frozen=True)
class Mistake:
    """A mistake that people make, and what to tell them.

    Args:
        message: one or two sentences that name the mistake and what to think about, not the answer. They follow
            "6.2 kl_to_standard_normal: ", and text in `backticks` is shown as code.
        function: one with the reference's parameters (it can do without their defaults) that makes exactly this
            mistake. It may raise on some of the cases; those do not count for it.
    """

    message: str
    function: Callable


def mistakes(message: str, *functions: Callable) -> list[Mistake]:
    """Return mistakes that get the same message."""
    return [Mistake(message, function) for function in functions]


@dataclass(frozen=True)
class Exercise:
    """A function for the learner to write, and what is needed to judge it.

    Args:
        identifier: lesson and number, such as "6.2".
        reference: the right function, with a docstring; its name is the name of the learner's function too.
        cases: makes the argument tuples (positional), smallest first, none trivial: a list, or a generator where they
            are costly. It is called afresh for every function that is tried, so that none sees what another did to
            its arguments, and must give the same values each time: the global seed is the lesson's.
        mistakes: those that are recognised. At least one case tells each from the reference and the others.
        hints: at least two, each going further than the one before; the last does not give the answer away.
        observe: `observe(function, *arguments)` calls the function and returns what is compared: a number, an array,
            or a tuple or dict of them, whose keys name the parts in messages. Without it, what the function returns
            is compared. It serves functions with randomness (moments of many samples) or side effects (weights after
            a training step). A `Fact` among the keys says in a sentence what is wrong, and so does an `Unusable` that
            it raises. `observe.plain(function, *arguments)`, if any, calls the function for its value: experiments.
        tolerance: relative and absolute, of every number.
        dtype: name of the dtype, such as "float32", where the precision matters; None for any floating type.
        seconds: time limit of one check (the learner's calls alone).
        calls: how often the lesson calls the function with inputs as large as the last case's, where a loop could take
            minutes there.
    """

    identifier: str
    reference: Callable
    cases: Callable[[], Iterable[tuple]]
    mistakes: tuple[Mistake, ...]
    hints: tuple[str, ...]
    observe: Callable | None = None
    tolerance: float = 1e-5
    dtype: str | None = None
    seconds: float = 3.0
    calls: int = 1

    @property
    def name(self) -> str:
        """The name of the function to write."""
        return self.reference.__name__

    @property
    def title(self) -> str:
        """Identifier and name, as messages begin."""
        return f"{self.identifier} {self.name}"

    @property
    def plain(self) -> Callable | None:
        """How to call the function for its value alone; None where it has none without `observe`."""
        return _call if self.observe is None else getattr(self.observe, "plain", None)


def _call(function, *arguments):
    return function(*arguments)


@dataclass(frozen=True)
class Verdict:
    """What `examine` found: a mark, a sentence, rows of (label, value) that show why, and what it rests on."""

    mark: str
    sentence: str
    rows: Iterable[tuple[str, str]] = ()
    found: Difference | None = None
    mistake: Mistake | None = None
    goes_on: Callable | None = None


SLOW = 60.0  # seconds more in a lesson: the lesson goes on without them
STATES = {RIGHT: "passed", WRONG: "tried"}  # what is remembered of a verdict
_hints_asked: Counter[str] = Counter()


def check(identifier: str = "", function: Callable | None = None) -> Callable:
    """Try the function on several inputs and say what came of it. Never raises.

    Returns:
        The learner's own function if it is right, which now takes and gives the kinds of values that the reference
        does; else the reference, with which the lesson goes on.
    """
    exercise = _find_or_say(identifier)
    if exercise is None:
        return function
    try:
        with quiet(FirstLines()), time_limit(2 * exercise.seconds):  # the comparison too
            verdict = examine(exercise, function)
    except KeyboardInterrupt:
        verdict = Verdict(OPEN, "interrupted before the end; the lesson goes on with the reference.")
    except TimeLimit:
        verdict = Verdict(WRONG, "it takes too long to look at what came back. Is the answer far too large?")
    except BaseException as error:
        verdict = Verdict(OPEN, f"the check itself failed with {in_words(error)}. That is a fault of the "
                                "course, not of your code; the lesson goes on with the reference.")
    closing = ""
    if verdict.mark == WRONG:
        closing = f'The lesson goes on with the reference. hint("{exercise.identifier}") helps.'
    show(report(verdict.mark, exercise.title, verdict.sentence, verdict.rows, closing))
    if verdict.mark in STATES:
        remember(exercise.identifier, STATES[verdict.mark])
    return verdict.goes_on or exercise.reference


def hint(identifier: str = "") -> None:
    """Show one hint more at each call, below those that were shown before."""
    exercise = _find_or_say(identifier)
    if exercise is None:
        return
    _hints_asked[exercise.identifier] += 1
    asked, there_are = _hints_asked[exercise.identifier], len(exercise.hints)
    no_more = f'There are no more hints. solution("{exercise.identifier}") shows the reference.'
    show(numbered(f"{exercise.title}: hint {min(asked, there_are)} of {there_are}", exercise.hints[:asked],
                  no_more * (asked > there_are)))


def solution(identifier: str = "") -> None:
    """Show the source of the reference, which is the code that the course itself runs."""
    exercise = _find_or_say(identifier)
    if exercise is None:
        return
    heading = f"{exercise.title}, from {inspect.unwrap(exercise.reference).__module__.replace('.', '/')}.py:"
    source = _source_of_reference(exercise)
    show(Message(f"{heading}\n\n{source}", markdown=f"**{heading}**\n\n```python\n{source}\n```"))


def examine(exercise: Exercise, function: Callable) -> Verdict:
    """Judge a function. Raises only `KeyboardInterrupt`, and what is wrong with the exercise itself."""
    function = getattr(function, "learners", function)  # of a function that came back from a check
    answer = adapted(function, exercise.reference) if callable(function) else None
    refusal = _refuse(exercise, function, answer)
    if refusal:
        return refusal
    trials = _run(exercise, answer)
    complaints = [_compare(exercise, trial) for trial in trials]
    if any(complaints):
        return _wrong(exercise, answer, trials, complaints)
    return _right(exercise, answer, trials)


def _refuse(exercise: Exercise, function: Callable, answer: Callable | None) -> Verdict | None:
    """Return the verdict on what need not be run: no function, the reference, a stub, other parameters."""
    if not callable(function):
        came = "nothing" if function is None else kind_of(function)
        return Verdict(WRONG, f"the function itself is wanted, but {came} came. "
                              f'Pass its name alone: `check("{exercise.identifier}", {exercise.name})`.')
    if function is exercise.reference:
        return Verdict(OPEN, "this is the reference. Run the cell with your own function, then check that.")
    if is_stub(function):
        return Verdict(OPEN, "not attempted yet; the lesson goes on with the reference. "
                             f'hint("{exercise.identifier}") helps.')
    if answer is None:
        wanted = inspect.signature(exercise.reference)
        return Verdict(WRONG, f"it takes `{inspect.signature(function)}`, but the lesson calls "
                              f"`{exercise.name}{wanted}`. Keep their number and order; their names may be yours.")
    return None


@dataclass(frozen=True)
class _Trial:
    inputs: list[tuple[str, str]]  # the arguments of one case, in words
    expected: Outcome  # what the reference made of it
    answer: Outcome
    changed: dict[str, str]  # arguments, in words, that the function left otherwise than the reference did


def _run(exercise: Exercise, function: Callable) -> list[_Trial]:
    """Try the function on all cases, until its time is up."""
    names, trials, seconds = list(inspect.signature(exercise.reference).parameters), [], exercise.seconds
    for ours, theirs in zip(exercise.cases(), exercise.cases()):
        inputs = [(name, describe(value)) for name, value in zip(names, theirs)]
        expected = attempt(exercise.reference, ours, exercise.observe)
        if expected.problem:
            raise RuntimeError(f"the reference of {exercise.title} stopped with {expected.problem}")
        answer = attempt(function, theirs, exercise.observe, seconds)
        changed = {name: describe(left) for name, kept, left in zip(names, ours, theirs)
                   if isinstance(kept, np.ndarray | list) and difference(kept, left, tolerance=0)}
        trials.append(_Trial(inputs, expected, answer, changed))
        seconds -= answer.seconds
        if answer.out_of_time or answer.replaced:
            break
    return trials


def _compare(exercise: Exercise, trial: _Trial) -> Verdict | None:
    """Return what is wrong with the answer of one trial."""
    expected, answer, inputs = trial.expected, trial.answer, trial.inputs
    if answer.replaced:
        names = " and ".join(f"`{name}`" for name in answer.replaced)
        return Verdict(WRONG, f"the function replaces {names}, for the whole notebook. That has been undone; do "
                              "without it.", inputs)
    if answer.out_of_time:
        return Verdict(WRONG, f"no answer after {exercise.seconds:g} seconds, so the check stopped it. "
                              "Is there a loop that never ends?", inputs)
    if answer.problem and answer.in_function:
        hole = " A `...` still stands where code of yours belongs." if "ellipsis" in answer.problem else ""
        by_tape = "None" in answer.problem and "GradientTape" in _source_of_reference(exercise)
        lost = ". A tape's gradient is None where the tape does not watch, or the call stands outside it." * by_tape
        where = [(f"line {answer.line[0]}", answer.line[1])] if answer.line else []
        return Verdict(WRONG, f"your function stopped with {answer.problem}{hole}{lost}", [*where, *inputs])
    form = difference(expected.returned, answer.returned, exercise.tolerance)
    if form and form.is_empty:
        return Verdict(WRONG, form.sentence, inputs)
    if answer.problem:  # the check could not look into what came back
        sentence = form.sentence if form and form.of_form else f"what came back stops the lesson with {answer.problem}"
        return Verdict(WRONG, answer.unusable or sentence, [*inputs, ("came back", describe(answer.returned))])
    found = difference(expected.value, answer.value, exercise.tolerance, exercise.dtype)
    if found:
        return Verdict(WRONG, found.sentence, [*inputs, *evidence_of(found, exercise.tolerance)], found)
    if trial.changed:
        name, left = next(iter(trial.changed.items()))
        return Verdict(WRONG, f"the answer is right, but the function changes its argument `{name}` in place, and so "
                              "the caller's data.", [*inputs, (f"{name} after", left)])
    return None


def _right(exercise: Exercise, answer: Callable, trials: list[_Trial]) -> Verdict:
    """Return the verdict on a function that is right, though it may be too slow to go on with."""
    inputs = f" on {len(trials)} inputs" if len(trials) > 1 else ""
    lost = exercise.calls * (trials[-1].answer.seconds - trials[-1].expected.seconds)
    if lost > SLOW:  # or something else had the processor: once more
        again = _run(replace(exercise, cases=lambda: list(exercise.cases())[-1:]), answer)[-1]
        lost = min(lost, exercise.calls * (again.answer.seconds - again.expected.seconds))
    if lost > SLOW:
        return Verdict(RIGHT, f"right{inputs}, but slow: this lesson's data would take it {lost / 60:.0f} min or "
                              "more, so the lesson goes on with the reference. To go on with your own, let one call "
                              "work on the whole array, without a loop over its numbers.", _printed(trials[0]))
    goes_on = carried(answer, [(trial.expected.given, trial.expected.returned) for trial in trials])
    goes_on.learners = answer.__wrapped__
    sentence = f"right{inputs}; the lesson goes on with your function."
    return Verdict(RIGHT, sentence, _printed(trials[0]), goes_on=goes_on)


def _wrong(exercise: Exercise, answer: Callable, trials: list[_Trial], complaints: list[Verdict | None]) -> Verdict:
    """Return the smallest case that is wrong, in the words of a known mistake, an experiment, or the comparison."""
    failed = [(trial, complaint) for trial, complaint in zip(trials, complaints) if complaint]
    mistake = next((each for each in exercise.mistakes if _is_made(each.function, exercise, trials)), None)
    if mistake:  # it shows in what came back, so not in a case where the function stopped
        failed = [(trial, complaint) for trial, complaint in failed if not trial.answer.problem]
    # Of one example, numbers may be right by chance where their shape is wrong: a case that shows more comes first.
    trial, complaint = min(failed, key=lambda each: "numbers themselves are right" in each[1].sentence)
    sentence, found = mistake.message if mistake else complaint.sentence, complaint.found
    if not (mistake or found is None or found.values_agree or isinstance(found.part, Fact)):
        with contextlib.suppress(TimeLimit, Exception), time_limit(2.0):  # an experiment that fails costs no verdict
            told = diagnose(exercise, answer, found.of_form) if exercise.plain else next(
                (slip for slip, function in slips_of(exercise.reference) if _is_made(function, exercise, trials)), None)
            in_place = "".join(f" The function changes its argument `{name}` in place: does it need it again as it was?"
                               for name in list(trial.changed)[:1])
            sentence = (told or sentence) + in_place
    return replace(complaint, sentence=sentence, rows=(*complaint.rows, *_printed(trial)), mistake=mistake)


def _is_made(function: Callable, exercise: Exercise, trials: list[_Trial]) -> bool:
    """Return whether the answers equal the mistake's wherever it gives any, and some of those are wrong."""
    def differ(expected, came):
        found = difference(expected, came, exercise.tolerance)
        return found is not None and not found.values_agree

    wrong = False
    for number, (arguments, trial) in enumerate(zip(exercise.cases(), trials)):
        if number == 0 and exercise.observe and exercise.plain and isinstance(trial.answer.value, dict):
            made = attempt(function, arguments, exercise.plain)  # quicker than to observe it
            values = (part for name, part in trial.answer.value.items() if not isinstance(name, Fact))
            if not made.problem and differ(made.value, next(values, made.value)):
                return False
        made = attempt(function, arguments, exercise.observe)
        if made.problem:
            continue
        if trial.answer.problem or differ(made.value, trial.answer.value):
            return False
        wrong = wrong or differ(trial.expected.value, made.value)
    return wrong


def _source_of_reference(exercise: Exercise) -> str:
    return textwrap.dedent(inspect.getsource(inspect.unwrap(exercise.reference))).rstrip()


def _printed(trial: _Trial) -> tuple[tuple[str, str], ...]:
    return tuple(zip(("printed", *[""] * len(trial.answer.printed)), trial.answer.printed))


def lessons() -> list[int]:
    """Return the numbers of the lessons that have exercises."""
    rooms = Path(__file__).parents[1].glob("lesson_[0-9][0-9]/exercises.py")
    return sorted(int(path.parent.name[-2:]) for path in rooms)


def lesson_module(number: int) -> ModuleType:
    """Import and return the module with a lesson's exercises."""
    return importlib.import_module(f"utils.lesson_{number:02d}.exercises")


def find(identifier: str) -> Exercise:
    """Return the exercise.

    Raises:
        LookupError: if there is none, with the exercises that there are.
    """
    name = str(identifier)
    number = int(name.split(".")[0]) if re.fullmatch(r"\d{1,2}\.\d+", name) else None
    exercises = lesson_module(number).EXERCISES if number in lessons() else ()
    for exercise in exercises:
        if exercise.identifier == name:
            return exercise
    if exercises:
        there_are = f"Lesson {number} has {', '.join(exercise.title for exercise in exercises)}."
    else:
        there_are = ('An identifier is lesson and number in quotes, such as "6.2"; the lessons with '
                     f"exercises are {', '.join(map(str, lessons()))}.")
    raise LookupError(there_are)


def _find_or_say(identifier: str) -> Exercise | None:
    try:
        return find(identifier)
    except LookupError as error:
        show(report(WRONG, f"no exercise {describe(identifier)}", str(error)))
    except Exception as error:
        show(report(WRONG, "exercises", f"those of this lesson cannot be loaded: {in_words(error)}"))
    return None
