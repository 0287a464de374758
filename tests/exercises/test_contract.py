"""The contract of the exercises: of every exercise in the modules, and of every stub in the notebooks."""

import ast
import inspect
import json
import re
import textwrap

import numpy as np
import pytest

from tools import lessons
from utils.exercises import engine

EXERCISES = [exercise for number in engine.lessons() for exercise in engine.lesson_module(number).EXERCISES]

each_exercise = pytest.mark.parametrize("exercise", EXERCISES, ids=lambda exercise: exercise.title)
each_mistake = pytest.mark.parametrize(("exercise", "mistake"), [
    pytest.param(exercise, mistake, id=f"{exercise.title}: {mistake.message[:40]}")
    for exercise in EXERCISES for mistake in exercise.mistakes])


@pytest.mark.parametrize("number", engine.lessons())
def test_module_has_a_heading_and_numbers_its_exercises(number):
    module = engine.lesson_module(number)
    assert module.__doc__.startswith(f"Lesson {number} · ")
    identifiers = [each.identifier for each in module.EXERCISES]
    assert identifiers == [f"{number}.{place}" for place in range(1, len(identifiers) + 1)]
    assert len({each.name for each in module.EXERCISES}) == len(identifiers)


def _as_learners(function, exercise):
    """Return the function as if a learner had written it into the stub: in the reference's signature."""
    def learners(*arguments, **named):
        call = signature.bind(*arguments, **named)
        return function(*call.arguments.values())

    learners.__signature__ = signature = inspect.signature(exercise.reference)
    return learners


@each_exercise
def test_reference_passes_its_own_check(exercise):
    verdict = engine.examine(exercise, _as_learners(exercise.reference, exercise))
    assert verdict.mark == "✓", verdict


@each_mistake
def test_mistake_is_told_apart_from_the_reference_and_from_every_other(exercise, mistake):
    verdict = engine.examine(exercise, _as_learners(mistake.function, exercise))
    assert verdict.mark == "✗", f"passes for right: {mistake.message}"
    assert verdict.mistake is not None, f"is not recognised, but answered with: {verdict.sentence}"
    assert verdict.mistake.message == mistake.message


@each_exercise
def test_exercise_recognises_two_mistakes_at_least_and_has_a_docstring_for_its_stub(exercise):
    assert inspect.getdoc(exercise.reference).splitlines()[0].rstrip().endswith((".", ")"))
    assert len({mistake.message for mistake in exercise.mistakes}) >= 2
    assert all(mistake.message.rstrip("`").endswith((".", "?", "…")) for mistake in exercise.mistakes)


@each_exercise
def test_cases_are_the_same_at_each_call_and_none_is_trivial(exercise):
    for first, second in zip(exercise.cases(), exercise.cases(), strict=True):
        for one, other in zip(first, second, strict=True):
            if np.asarray(one).dtype.kind in "biuf":
                np.testing.assert_array_equal(np.asarray(one), np.asarray(other))
                assert np.any(np.asarray(one) != 0), "an argument is all zeros, where mistakes would hide"


@each_exercise
def test_hints_do_not_give_the_answer_away(exercise):
    assert len(exercise.hints) >= 2
    answers, last = _answers(exercise.reference), "".join(exercise.hints[-1].split())
    assert answers, "nothing is compared with the hints"
    assert not [answer for answer in answers if "".join(answer.split()) in last]


def _answers(reference):
    """Return the expressions that a function returns; of a name that it returns, those that the name was given."""
    nodes = list(ast.walk(_tree(reference)))
    returned = [node.value for node in nodes if isinstance(node, ast.Return) and node.value]
    names = {node.id for node in returned if isinstance(node, ast.Name)}
    given = [node.value for node in nodes if isinstance(node, ast.Assign | ast.AugAssign) and names & {
        name.id for name in ast.walk(getattr(node, "target", None) or node.targets[0]) if isinstance(name, ast.Name)}]
    return [ast.unparse(node) for node in returned + given if not isinstance(node, ast.Name | ast.Constant)]


def test_answers_of_a_function_that_returns_a_name_are_what_the_name_was_given():
    assert _answers(engine.find("1.1").reference) == ["inputs @ weights + bias"]


def _tree(function):
    return ast.parse(textwrap.dedent(inspect.getsource(inspect.unwrap(function)))).body[0]


def complaints(cells, exercises):
    """Return what is wrong with the checks in the cells' sources, in sentences; `exercises` are by identifier."""
    found, stubs, used = [], {}, set()
    for cell in cells:
        for node in ast.parse(re.sub("^[%!].*", "pass", cell, flags=re.MULTILINE)).body:
            if isinstance(node, ast.FunctionDef):
                stubs[node.name] = node
            for call in ast.walk(node):
                if not (isinstance(call, ast.Call) and getattr(call.func, "id", "") == "check"):
                    continue
                identifier, name = call.args[0].value, getattr(call.args[1], "id", None)
                used.add(identifier)
                if identifier not in exercises:
                    found.append(f"{identifier} is checked, but is no exercise of this lesson")
                elif ast.unparse(node) != f"{name} = check('{identifier}', {name})":
                    found.append(f"write {name} = check({identifier!r}, {name}): the lesson goes on with that")
                else:
                    found += _complaints_about_stub(stubs.get(name), exercises[identifier])
    return found + [f"{identifier} is never checked" for identifier in exercises if identifier not in used]


def _complaints_about_stub(stub, exercise):
    if stub is None or stub.name != exercise.name:
        return [f"{exercise.identifier} wants a stub of {exercise.name} before its check"]
    found, reference = [], _tree(exercise.reference)
    for node in (*ast.walk(stub.args), *ast.walk(reference.args)):
        if isinstance(node, ast.arg):
            node.annotation = None  # a stub can do without
    if ast.unparse(stub.args) != ast.unparse(reference.args):
        found.append(f"{exercise.title} wants the reference's parameters, ({ast.unparse(reference.args)})")
    first_lines = [(ast.get_docstring(node) or "").split("\n")[0] for node in (stub, reference)]
    if first_lines[0] != first_lines[1]:
        found.append(f"{exercise.title} wants a docstring that begins {first_lines[1]!r}")
    if len(stub.body) != 2 or ast.unparse(stub.body[1]) != "...":
        found.append(f"{exercise.title} wants a body of a docstring and `...`")
    return found


@pytest.mark.of_a_commit
@pytest.mark.parametrize("path", lessons.paths(), ids=lambda path: path.stem)
def test_notebook_checks_every_exercise_with_the_stub_of_its_reference(path):
    cells = json.loads(lessons.text(path))["cells"]
    number = int(path.name[:2])
    exercises = engine.lesson_module(number).EXERCISES if number in engine.lessons() else ()
    assert complaints(["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"],
                      {each.identifier: each for each in exercises}) == []


STUB = '''
def to_unit_range(images):
    """Return grey values 0..255 (uint8) as float32 in [0, 1], in the same shape."""
    ...  # your code

to_unit_range = check("0.1", to_unit_range)
'''


@pytest.mark.parametrize("cells", [[STUB], STUB.split("\n\n")], ids=["one cell", "two cells"])
def test_right_stub_has_no_complaints(cells):
    assert complaints(["%matplotlib inline\nx = 1", *cells], {"0.1": engine.find("0.1")}) == []


@pytest.mark.parametrize(("old", "new", "complaint"), [
    ("range(images)", "range(pictures)", "wants the reference's parameters, (images)"),
    ("range(images)", "range(images=None)", "wants the reference's parameters, (images)"),
    ("def to_unit_range(", "def unit_range(", "wants a stub of to_unit_range"),
    ("grey values 0..255", "grey values", "wants a docstring that begins 'Return grey values 0..255"),
    ("    ...  # your code", "    return images / 255", "wants a body of a docstring and `...`"),
    ("    ...  # your code", "    ...\n    return images", "wants a body of a docstring and `...`"),
    ("to_unit_range = check(", "check(", "write to_unit_range = check('0.1', to_unit_range)"),
    ("to_unit_range = check(", "other = check(", "write to_unit_range = check('0.1', to_unit_range)"),
    ('"0.1"', '"0.7"', "0.7 is checked, but is no exercise of this lesson"),
    ('"0.1"', '"0.7"', "0.1 is never checked"),
])
def test_wrong_stub_is_complained_about(old, new, complaint):
    assert complaint in " / ".join(complaints([STUB.replace(old, new)], {"0.1": engine.find("0.1")}))
