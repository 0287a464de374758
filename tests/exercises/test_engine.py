"""The engine of the exercises, tried on an exercise made for it: `row_means`."""

import builtins
import dataclasses
import errno
import json
import logging
import os
import re
import signal
import subprocess
import sys
import textwrap
import time
import tracemalloc
import types
import warnings
from concurrent.futures import ThreadPoolExecutor

import keras
import nbformat
import numpy as np
import pytest
import tensorflow as tf
from keras import ops
from nbclient import NotebookClient

from utils import storage
from utils.exercises import Exercise, Mistake, check, comparing, engine, hint, remembering, solution, wording
from utils.exercises.edits import edits_of
from utils.exercises.running import FirstLines
from utils.lesson_00 import study
from utils.lesson_00.study import progress


def row_means(matrix):
    """Return the mean of each row. (rows, columns) → (rows,)"""
    return matrix.mean(axis=1)


def noise(count, scale):
    """Return random numbers with mean 0."""
    return np.random.default_rng(0).normal(0, scale, count)


def split(matrix):
    """Return minimum and maximum."""
    return matrix.min(), matrix.max()


def _right(matrix):
    return np.mean(matrix, 1)


def _moments(function, count, scale):
    numbers = function(count, scale)
    return {"mean": numbers.mean(), "deviation": numbers.std()}


def _matrices():
    random = np.random.default_rng(0)
    return [(np.array([[1.0, 2.0], [3.0, 5.0]]),), (random.normal(size=(3, 4)),), (random.normal(size=(20, 5)),)]


ROW_MEANS = Exercise("99.1", row_means, _matrices, mistakes=(
    Mistake("this is the sum.", lambda matrix: matrix.sum(axis=1)),
    Mistake("the mean runs over the wrong axis.", lambda matrix: matrix.mean(axis=0)),
    Mistake("the matrix was added to its transpose.", lambda matrix: (matrix + matrix.T).mean(axis=1)),
), hints=("Which `axis` is it?", "NumPy has a method for it.", "Use axis 1."))
NOISE = Exercise("99.2", noise, lambda: [(1000, 2.0)], mistakes=(
    Mistake("scale is not the variance.", lambda count, scale: noise(count, scale**0.5)),
), hints=("a", "b"), observe=_moments, tolerance=0.1)
SPLIT = Exercise("99.3", split, _matrices, (), ("a", "b"))


@pytest.fixture(autouse=True)
def lesson_99(monkeypatch, tmp_path):
    """A lesson for the tests, and a kernel that has asked for no hint, said nothing and recorded nothing."""
    module = types.ModuleType("lesson_99", "Lesson 99 · Tests.")
    module.EXERCISES = (ROW_MEANS, NOISE, SPLIT)
    monkeypatch.setenv("COURSE_HOME", str(tmp_path / "course"))
    for user in engine, study:
        monkeypatch.setattr(user, "lessons", lambda: [99])
        monkeypatch.setattr(user, "lesson_module", lambda number: module)
    monkeypatch.setattr(remembering, "_of_this_kernel", {})
    engine._hints_asked.clear()
    storage.say_once.cache_clear()
    return module


@pytest.fixture
def ask(capsys, lesson_99):
    """Check a function, on an exercise with `changes`, and return what was shown; what comes back must fit the mark."""
    def ask(function, identifier="99.1", **changes):
        exercise = dataclasses.replace(engine.find(identifier), **changes)
        lesson_99.EXERCISES = [exercise if each.identifier == identifier else each for each in lesson_99.EXERCISES]
        came = check(identifier, function)
        output = capsys.readouterr()
        assert output.err == ""
        passed = output.out.startswith("✓")
        assert getattr(came, "learners", came) is (function if passed else exercise.reference), output.out
        return output.out

    return ask


def _unwrapped(text):
    return " ".join(text.split())


# What is right, and what is not attempted --------------------------------------------------------------------

def test_right_answer_is_one_line(ask):
    assert ask(_right) == "✓ 99.1 row_means: right on 3 inputs; the lesson goes on with your function.\n"


@pytest.mark.parametrize("answer", [
    lambda matrix: list(matrix.mean(axis=1)), lambda matrix: tuple(matrix.mean(axis=1)),
    lambda matrix: np.float32(matrix.mean(axis=1)), lambda matrix: ops.mean(matrix, axis=1),
    lambda matrix, axis=1: matrix.mean(axis=axis),
], ids=["list", "tuple", "float32", "tensor", "one more parameter with a default"])
def test_any_array_like_and_a_parameter_with_a_default_are_welcome(ask, answer):
    assert ask(answer).startswith("✓")


def test_list_passes_for_a_tuple_and_integer_for_a_single_number(ask):
    text = ask(lambda matrix: [np.int64(matrix.min()), np.float32(matrix.max())], **OF_SPLIT, **OF_WHOLE_NUMBERS)
    assert text.startswith("✓")


def _stub(body):
    names = {}
    exec(f"def row_means(matrix):\n    {body}", names)
    return names["row_means"]


@pytest.mark.parametrize("body", ["...", "pass", "'docstring'", "'docstring'; ...", "return None", "return ..."])
@pytest.mark.parametrize("written", [_stub, lambda body: tf.function(_stub(body))], ids=["plain", "tf.function"])
def test_stub_is_not_attempted(ask, written, body):
    assert ask(written(body)) == (
        '○ 99.1 row_means: not attempted yet; the lesson goes on with the reference. hint("99.1") helps.\n')
    assert remembering.recall() == {}


def test_reference_that_came_back_from_a_check_does_not_pass(ask):
    assert "○ 99.1 row_means: this is the reference." in ask(check("99.1", _stub("...")))
    assert remembering.recall() == {}


# What is wrong ----------------------------------------------------------------------------------------------

def test_wrong_answer_shows_smallest_failing_case_and_no_other(ask):
    assert ask(lambda matrix: np.cos(matrix).mean(axis=1)).splitlines() == [
        "✗ 99.1 row_means: `matrix` doubled should give 2 times the answer, and with yours it does not.",
        "    matrix      [[1.0, 2.0], [3.0, 5.0]]",
        "    came back   [0.06208, -0.3532]",
        "    expected    [1.5, 4.0]",
        '  The lesson goes on with the reference. hint("99.1") helps.']


@pytest.mark.parametrize(("answer", "pattern"), [
    (lambda matrix: np.where(np.isin(np.arange(len(matrix)), [7, 8]), 100, row_means(matrix)),
     r"matrix +float64 of shape \(20, 5\), values -[\d.]+ to [\d.]+\n(.*\n)*"
     r" +at \[7\] +100.0 instead of -?0.[\d]+; 2 of 20 numbers differ\n"),
    (lambda matrix: row_means(matrix)[::-1 if len(matrix) == 20 else 1],
     r"at \[0\] +-?\d\.\d{1,5} instead of -?\d\.\d{1,5}; 20 of 20 numbers differ\n"),
], ids=["another range", "the same range, with few digits"])
def test_large_case_is_summed_up_with_its_first_difference(ask, answer, pattern):
    assert re.search(pattern, ask(answer))


@pytest.mark.parametrize(("answer", "sentence"), [
    (lambda matrix: matrix.max(), "a single number came back, but shape (2,) is wanted."),
    (lambda matrix: matrix.mean(axis=1, keepdims=True),
     "shape (2, 1) came back, but shape (2,) is wanted. The numbers themselves are right."),
    (lambda matrix: np.where([True, False], np.nan, matrix.mean(axis=1)), "1 of 2 numbers are NaN."),
    (lambda matrix: matrix.mean(axis=1) / np.array(0.0), "2 of 2 numbers are infinite."),
    (lambda matrix: -3 * matrix.mean(axis=1), "every number is -3 times what it should be."),
    (lambda matrix: matrix.mean(axis=1).astype(int),
     "the values are not right yet. They are of type int64, which has no fractions."),
    (lambda matrix: print(matrix), "None came back. Is the `return` missing?"),
    (lambda matrix: [...][0 * len(matrix)], "`...` came back: a place for your code is still empty."),
    (lambda matrix: "1.5 4.0"[:len(matrix)], "a str came back, but an array of shape (2,) is wanted."),
    (lambda matrix: [matrix[0], 4.0], "a list of 2 came back, but an array of shape (2,) is wanted."),
    (lambda matrix: matrix.mean, "a function came back, but an array of shape (2,) is wanted."),
    (lambda matrix: 2 * matrix.sum(axis=1) / 2,
     "this is the sum.\n    matrix      [[1.0, 2.0], [3.0, 5.0]]\n    came back   [3.0, 8.0]\n"),
    (lambda matrix: (matrix + matrix.T).mean(axis=1), "the matrix was added to its transpose."),  # raises if oblong
    (lambda matrix: matrix.mean(axis=0 if len(matrix) == 2 else 1), "changing the first example alone changes the"),
], ids=lambda value: None if callable(value) else value[:24])
def test_kind_of_fault_or_a_mistake_that_fits_all_cases_is_named_though_numpy_was_told_to_raise(ask, answer, sentence):
    with np.errstate(all="raise"):
        assert ask(answer).startswith(f"✗ 99.1 row_means: {sentence}")


OF_NOISE, OF_SPLIT = {"identifier": "99.2"}, {"identifier": "99.3"}
OF_WHOLE_NUMBERS = {"cases": lambda: [(np.array([[1.0, 3.0], [2.0, 6.0]]),)]}
FAULTS = {
    "values that differ late, with enough digits": (
        lambda matrix: matrix.mean(axis=1) * 1.00002 + 1e-9 * len(matrix), {},
        "came back   [1.50003, 4.00008]", "expected    [1.5, 4.0]"),
    "a precision that the exercise wants": (
        lambda matrix: matrix.mean(axis=1).astype(np.float32), {"dtype": "float64"},
        "the values are right, but of type float32; float64 is wanted.", "came back   [1.5, 4.0] of type float32"),
    "right values of integer type": (lambda matrix: matrix.mean(axis=1).astype(int), OF_WHOLE_NUMBERS,
                                     "but of type int64; a floating type is wanted"),
    "a mistake, whatever its type": (lambda matrix: matrix.sum(axis=1).astype(int),
                                     {**OF_WHOLE_NUMBERS, "dtype": "float64"}, "this is the sum."),
    "the wrong part of a tuple": (lambda matrix: (matrix.min(), matrix.max() + 1), OF_SPLIT,
                                  "compared    number 2 of 2", "came back   6.0"),
    "too many parts": (lambda matrix: (1.0, 2.0, 3.0), OF_SPLIT, "a tuple of 3 came back, but a tuple of 2 is wanted."),
    "one part": (lambda matrix: matrix.min(), OF_SPLIT, "a single number came back, but a tuple of 2 is wanted."),
    "an argument that is changed": (
        lambda matrix: np.subtract(matrix, 1, out=matrix).mean(axis=1) + 1, {},
        "the answer is right, but the function changes its argument `matrix` in place",
        "matrix         [[1.0, 2.0], [3.0, 5.0]]\n    matrix after   [[0.0, 1.0], [2.0, 4.0]]"),
    "an argument that is changed, and spoils the answer": (
        lambda matrix: np.add(matrix, 1, out=matrix).max(axis=1) * np.cos(matrix[:, 0]), {},
        "changes its argument `matrix` in place: does it need it again as it was?"),
    "an empty place": (lambda matrix: matrix + ..., {}, "A `...` still stands where code of yours belongs."),
    "nothing for observe": (lambda count, scale: print(count), OF_NOISE, "None came back. Is the `return` missing?"),
    "what observe cannot use": (
        lambda count, scale: "word" * count, OF_NOISE,
        "a str came back, but an array of shape (1000,) is wanted.", "came back   'wordword"),
    "the part that observe names": (
        lambda count, scale: noise(count, scale) + 5, OF_NOISE, "compared    mean\n", "came back   4.9"),
}


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_fault_is_shown(ask, fault):
    answer, changes, *parts = fault
    text = ask(answer, **changes)
    assert [part for part in parts if part not in text] == [], text


def test_mistake_can_be_an_edit_of_the_reference():
    column_sums = edits_of(row_means)("matrix.mean", "matrix.sum", "axis=1", "axis=0")
    np.testing.assert_array_equal(column_sums(np.array([[1.0, 2.0], [3.0, 5.0]])), [4, 7])


@pytest.mark.parametrize(("parts", "match"), [
    (("median", "sum"), "row_means holds 'median' 0 times, not once"), (("matrix", "x"), "holds 'matrix' 2 times"),
    (("of each row", "of all"), "0 times"), (("axis=1", "axis=1"), "changes nothing"), ((), "changes nothing"),
    (("axis=1",), "zip")], ids=str)
def test_edit_that_does_not_fit_the_reference_any_more_fails_loudly(parts, match):
    with pytest.raises(ValueError, match=match):
        edits_of(row_means)(*parts)


@pytest.mark.parametrize(("answer", "identifier", "given", "wanted"), [
    (lambda: 1, "99.1", "()", "row_means(matrix)"),
    (lambda matrix, axis: 1, "99.1", "(matrix, axis)", "row_means(matrix)"),
    (lambda count: 1, "99.2", "(count)", "noise(count, scale)"),
])
def test_wrong_signature_is_named(ask, answer, identifier, given, wanted):
    assert f"it takes `{given}`, but the lesson calls `{wanted}`." in ask(answer, identifier)


@pytest.mark.parametrize(("passed", "kind"), [(np.ones(3), "an array of shape (3,)"), (None, "nothing"),
                                              (2.0, "a single number"), ("row_means", "a str")])
def test_passing_no_function_is_named(ask, passed, kind):
    assert (f"the function itself is wanted, but {kind} came. Pass its name alone: "
            '`check("99.1", row_means)`.') in _unwrapped(ask(passed))


# Functions that misbehave -----------------------------------------------------------------------------------

def test_error_is_shown_with_its_line(ask):
    def answer(matrix):
        total = matrix.sum(axis=1)
        return total / colums  # noqa: F821

    text = ask(answer)
    assert text.startswith("✗ 99.1 row_means: your function stopped with NameError: name 'colums' is not def")
    assert f"    line {answer.__code__.co_firstlineno + 2}   return total / colums  # noqa: F821\n" in text
    assert remembering.recall() == {"99.1": "tried"}


def test_error_deep_in_a_library_is_shown_with_the_learners_line(ask):
    assert re.search(r"line \d+   .*np.linalg.inv\(matrix\[:1\]\)", ask(lambda matrix: np.linalg.inv(matrix[:1])))


@pytest.mark.parametrize(("wrap", "message"), [
    (lambda function: function, "Matrix size-incompatible: In[0]: [2,2], In[1]: [1,2] line "),
    (tf.function, "Dimensions must be equal, but are 2 and 1")], ids=["eager", "graph"])
def test_error_of_tensorflow_is_shown_without_its_internals(ask, wrap, message):
    def answer(matrix):
        return tf.matmul(matrix, matrix[:1])

    text = _unwrapped(ask(wrap(answer)))
    assert message in text and "{{" not in text and "in user code" not in text
    assert f"line {answer.__code__.co_firstlineno + 1} return tf.matmul(matrix, matrix[:1]) " in text


class _Unprintable(Exception):
    __str__ = None


def _raise(error):
    raise error


def _endless(matrix):
    return _endless(matrix)


@pytest.mark.parametrize(("answer", "problem"), [
    (lambda matrix: sys.exit(3), "SystemExit: it calls exit(), which would end the kernel"),
    (_endless, "RecursionError: maximum recursion depth exceeded"),
    (lambda matrix: _raise(_Unprintable()), "_Unprintable"),
    (lambda matrix: _raise(GeneratorExit()), "GeneratorExit"),
    (lambda matrix: _raise(MemoryError("x" * 10_000)), "MemoryError: xxx"),
], ids=["exit", "recursion", "unprintable", "not an Exception", "long"])
def test_every_error_is_caught(ask, answer, problem):
    text = _unwrapped(ask(answer))
    assert f"your function stopped with {problem}" in text and len(text) < 1000


def test_endless_loop_is_stopped(ask):
    def answer(matrix):
        while True:
            matrix = matrix + 1

    started = time.perf_counter()
    text = ask(answer, seconds=0.5)
    assert time.perf_counter() - started < 5
    assert "no answer after 0.5 seconds, so the check stopped it. Is there a loop that never ends?" in text
    assert "matrix   [[1.0, 2.0], [3.0, 5.0]]" in text


@pytest.fixture
def interruptible():
    """Let SIGINT and SIGALRM raise KeyboardInterrupt (in a shell's background job SIGINT is ignored)."""
    before = {number: signal.signal(number, signal.default_int_handler) for number in (signal.SIGINT, signal.SIGALRM)}
    yield
    signal.setitimer(signal.ITIMER_REAL, 0)
    for number, handler in before.items():
        signal.signal(number, handler)


def test_time_limit_leaves_alarms_of_others_alone(ask, interruptible):
    signal.setitimer(signal.ITIMER_REAL, 50)
    ask(lambda matrix: matrix)
    assert signal.getsignal(signal.SIGALRM) is signal.default_int_handler
    assert signal.getitimer(signal.ITIMER_REAL)[0] > 40


def test_users_interrupt_is_reported_and_not_recorded(ask, interruptible):
    def answer(matrix):
        os.kill(os.getpid(), signal.SIGINT)
        while True:
            pass

    assert ask(answer).startswith("○ 99.1 row_means: interrupted before the end; the lesson goes on with")
    assert remembering.recall() == {}


def test_check_works_outside_the_main_thread(capsys):
    with ThreadPoolExecutor() as pool:
        assert pool.submit(check, "99.1", _right).result().learners is _right
    assert capsys.readouterr().out.startswith("✓")


def test_prints_are_kept_to_a_few_lines(ask):
    def answer(matrix):
        for number in range(500):
            print("step", number)
            print("to stderr", file=sys.stderr)
        return matrix.mean(axis=1)

    assert ask(answer).splitlines()[1:] == ["    printed   step 0", "              to stderr", "              step 1",
                                            "              … (1,000 lines in all)"]


def test_long_line_that_is_printed_is_cut(ask):
    lines = ask(lambda matrix: print("x" * 10**6) or matrix.mean(axis=1)).splitlines()
    assert lines[0].startswith("✓") and lines[1].endswith("xxx…") and len(lines) == 2 and len(lines[1]) < 200


def test_printing_without_end_takes_no_memory():
    stream = FirstLines()
    tracemalloc.start()
    for _ in range(1000):
        stream.write("x" * 10_000)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 100_000


def test_warnings_and_log_messages_are_not_shown_and_come_back_afterwards(ask, caplog):
    def complain():
        warnings.warn("careful", stacklevel=2)
        logging.getLogger("tensorflow").error("logged")

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        assert "infinite" in ask(lambda matrix: complain() or matrix.mean(axis=1) / np.zeros(len(matrix)))
        assert not caught and not caplog.records
        complain()
        assert len(caught) == len(caplog.records) == 1


# Faults that are not the learner's --------------------------------------------------------------------------

def test_fault_of_the_exercise_is_not_blamed_on_the_learner(ask):
    def failing(matrix):
        raise ValueError("wrong version of a library")

    text = _unwrapped(ask(row_means, reference=failing))
    assert text.startswith("○ 99.1 failing: the check itself failed with RuntimeError: the reference of 99.1 "
                           "failing stopped with ValueError: wrong version of a library.")
    assert "That is a fault of the course, not of your code" in text


def test_lesson_that_cannot_be_loaded_is_said(monkeypatch, capsys):
    for user in engine, study:
        monkeypatch.setattr(user, "lesson_module", lambda number: _raise(ImportError("No module named 'tensorflow'")))
    assert check("99.1", row_means) is row_means
    progress()
    output = capsys.readouterr().out
    assert output.count("cannot be loaded: ImportError: No module named 'tensorflow'") == 2
    assert "Your map: 0 of 0 exercises passed" in output


@pytest.mark.parametrize("call", [lambda identifier: check(identifier, len), hint, solution])
@pytest.mark.parametrize(("identifier", "says"), [
    ("99.9", "✗ no exercise '99.9': Lesson 99 has 99.1 row_means, 99.2 noise, 99.3 split."),
    ("7.1", "the lessons with exercises are 99."), (None, "✗ no exercise None: "),
    (row_means, 'An identifier is lesson and number in quotes, such as "6.2"'),
])
def test_unknown_identifier_lists_what_there_is(capsys, call, identifier, says):
    assert call(identifier) in (len, None)
    assert says in _unwrapped(capsys.readouterr().out)


# Hints, solution, map; how messages look ---------------------------------------------------------------------

def test_each_call_gives_one_hint_more_whether_the_identifier_has_quotes_or_not(capsys):
    shown = []
    for identifier in (99.1, "99.1", "99.1", "99.1", 99.1):
        hint(identifier)
        shown.append(capsys.readouterr().out)
    assert [text.splitlines()[0] for text in shown[:3]] == [f"99.1 row_means: hint {count} of 3" for count in (1, 2, 3)]
    assert "NumPy has" not in shown[0] and "Which `axis`" in shown[1] and "2. NumPy has" in shown[1]
    assert 'There are no more hints. solution("99.1") shows the reference.' in shown[3]
    assert "no more hints" not in shown[2] and shown[4] == shown[3]


def test_solution_is_the_source_of_the_reference(capsys):
    solution("99.1")
    assert "    return matrix.mean(axis=1)\n" in capsys.readouterr().out


def test_map_shows_passed_tried_and_open(capsys):
    check("99.1", _right)
    check("99.2", lambda count, scale: 1.0)
    capsys.readouterr()
    progress()
    assert capsys.readouterr().out.splitlines() == [
        "Your map: 1 of 3 exercises passed",
        "  Lesson 99 · Tests   ✓ 99.1 row_means   ✗ 99.2 noise   ○ 99.3 split",
        "  ✓ passed   ✗ tried   ○ open"]


def test_html_escapes_what_the_learner_wrote_and_says_the_same():
    message = wording.report("✗", "9.1 f", "it takes `<b>`", [("a", "<script> $x$ &")], 'hint("9.1") helps.')
    html = message._repr_mimebundle_()["text/html"]
    assert "<script>" not in html and "it takes <code>&lt;b&gt;</code>" in html and "✗ 9.1 f" in html
    assert '<code>hint("9.1")</code> helps.' in html and "mathjax_ignore" in html
    assert "<script> $x$ &" in message._repr_mimebundle_()["text/plain"]


def test_stress_is_shown_as_such_and_stars_of_code_and_arithmetic_are_not():
    html = wording.report("✗", "9.1 f", "that of a *mean*, and `a *b* c`, 2 * x * 3")._repr_mimebundle_()["text/html"]
    assert "that of a <em>mean</em>, and <code>a *b* c</code>, 2 * x * 3" in html


@pytest.mark.parametrize(("bases", "words"), [((types.SimpleNamespace,), "a SimpleNamespace"), ((), "a function")])
def test_kind_of_a_value_never_names_a_class_of_the_exercise(bases, words):
    value = type("_Noting", bases, {"__call__": lambda self: None})()
    assert comparing.kind_of(value) == words


def test_long_sentences_are_wrapped_for_terminals():
    lines = repr(wording.report("✗", "9.1 f", "word " * 60)).splitlines()
    assert len(lines) == 3 and max(map(len, lines)) <= 110 and lines[1].startswith("  word")


def test_console_without_our_marks_gets_the_words():
    done = subprocess.run([sys.executable, "-c", 'from utils.exercises import check; check("0.1", abs)'],
                          env={**os.environ, "PYTHONIOENCODING": "ascii"}, capture_output=True)
    assert done.returncode == 0 and done.stderr == b""
    assert b"? 0.1 to_unit_range: the numbers still lie in 0..255." in done.stdout


# The file of the learner, and kernels ------------------------------------------------------------------------

def _file():
    return storage.course_folder() / "progress.json"


def test_second_kernel_adds_to_what_the_first_wrote_and_a_pass_stays(monkeypatch):
    remembering.remember("1.1", "passed")
    remembering.remember("1.2", "tried")
    monkeypatch.setattr(remembering, "_of_this_kernel", {})
    remembering.remember("1.1", "tried")
    remembering.remember("2.1", "passed")
    remembering.remember("2.1", "tried")
    assert json.loads(_file().read_text()) == {"1.1": "passed", "1.2": "tried", "2.1": "passed"}
    assert os.listdir(_file().parent) == ["progress.json"]


def test_many_kernels_at_once_lose_nothing_for_good():
    command = ("from utils.exercises.remembering import remember\n"
               "for number in range(25): remember(f'{N}.{number}', 'passed')")
    kernels = [subprocess.Popen([sys.executable, "-c", f"N = {n}\n{command}"]) for n in (1, 2, 3)]
    assert [kernel.wait() for kernel in kernels] == [0, 0, 0]
    states = json.loads(_file().read_text())
    assert any({f"{n}.{number}" for number in range(25)} <= states.keys() for n in (1, 2, 3))
    assert os.listdir(_file().parent) == ["progress.json"]


@pytest.mark.parametrize("content", [b"", b'{"1.1": "pas', b"[1, 2]", b'{"1.1": 3}', b"\xff\xfe", b"[" * 100_000],
                         ids=["empty", "truncated", "a list", "other values", "no text", "too deep"])
def test_damaged_file_is_kept_aside_and_said_once(capsys, content):
    _file().parent.mkdir()
    _file().write_bytes(content)
    remembering.remember("2.1", "tried")
    assert json.loads(_file().read_text()) == {"2.1": "tried"}
    assert _file().with_name("progress.json.bak").read_bytes() == content
    _file().write_bytes(content)
    assert remembering.recall() == {"2.1": "tried"}
    assert capsys.readouterr().out.count("Note: the file with your progress was damaged. It is kept as") == 1


def test_folder_that_cannot_be_made_is_said_once_and_the_lesson_goes_on(ask, monkeypatch, tmp_path):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("COURSE_HOME", str(tmp_path / "file" / "course"))
    first, second = ask(lambda matrix: matrix.mean(axis=1)), ask(lambda matrix: matrix.mean(axis=1) + 1)
    assert first.startswith("✓ 99.1") and "\nNote: the folder " in first and "Note:" not in second
    assert remembering.recall() == {"99.1": "passed"}


def test_full_disk_leaves_the_old_file_and_no_debris(monkeypatch, capsys):
    remembering.remember("1.1", "passed")
    monkeypatch.setattr(json, "dump", lambda *_, **named: _raise(OSError(errno.ENOSPC, "No space left on device")))
    remembering.remember("1.2", "passed")
    assert json.loads(_file().read_text()) == {"1.1": "passed"}
    assert os.listdir(_file().parent) == ["progress.json"]
    assert "cannot be written" in capsys.readouterr().out


def test_folder_is_course_home_or_else_in_the_home_folder(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("COURSE_HOME", "~/mine")
    assert storage.course_folder() == tmp_path / "mine"
    monkeypatch.setenv("COURSE_HOME", "")
    assert storage.course_folder() == tmp_path / ".from-neurons-to-generative-models"


def test_lesson_0_does_not_wait_for_tensorflow():
    command = ("import sys; from utils.exercises import check, hint\n"
               "check('0.1', lambda images: images / 255); hint('0.1')\n"
               "assert not {'tensorflow', 'keras', 'IPython'} & sys.modules.keys()")
    assert subprocess.run([sys.executable, "-c", command]).returncode == 0


def test_in_a_kernel_lines_are_those_of_the_cell_and_nothing_reaches_stderr():
    cells = ["from utils.exercises import check, solution\nimport numpy as np", """
        def to_unit_range(images):
            from IPython.display import display
            display("from inside")
            print("dividing", images.dtype)
            return images / zero

        to_unit_range = check("0.1", to_unit_range)
        """, 'f = check("0.1", lambda images: images / np.zeros_like(images))', 'solution("0.1")']
    notebook = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell(textwrap.dedent(cell).strip()) for cell in cells])
    NotebookClient(notebook, timeout=60).execute()
    outputs = [cell.outputs for cell in notebook.cells]
    assert [[output.output_type for output in each] for each in outputs] == [[], *[["display_data"]] * 3]
    failed, infinite, solved = (each[0].data for each in outputs[1:])
    assert "line 5    return images / zero\n" in failed["text/plain"]
    assert "printed   dividing uint8\n" in failed["text/plain"]
    assert "<code>return images / zero</code>" in failed["text/html"]
    assert "3 of 3 numbers are infinite." in infinite["text/plain"]
    assert "```python\ndef to_unit_range(images):" in solved["text/markdown"]


# What a right answer is turned into --------------------------------------------------------------------------

def _carried(function, exercise):
    verdict = engine.examine(exercise, function)
    assert verdict.mark == "✓", verdict.sentence
    return verdict.goes_on


MATRIX = np.array([[1.0, 2.0], [3.0, 6.0]])


@pytest.mark.parametrize("answer", [
    lambda matrix: list(matrix.mean(axis=1)), lambda matrix: ops.mean(matrix, axis=1),
    lambda matrix: tuple(map(float, matrix.mean(axis=1))), lambda matrix: [ops.mean(row) for row in matrix],
], ids=["list", "tensor", "tuple of floats", "list of tensors"])
def test_accepted_answer_gives_an_array_where_the_reference_does(answer):
    came = _carried(answer, ROW_MEANS)(MATRIX)
    assert type(came) is np.ndarray
    np.testing.assert_allclose(came, [1.5, 4.5])


def test_accepted_answer_gets_an_array_where_the_lesson_has_a_tensor():
    came = _carried(lambda matrix: matrix.cumsum(axis=1)[:, -1] / matrix.shape[1], ROW_MEANS)(tf.constant(MATRIX))
    np.testing.assert_allclose(came, [1.5, 4.5])


def _tensor_means(matrix):
    """Return the mean of each row."""
    return ops.mean(matrix, axis=1)


def test_accepted_answer_gives_a_tensor_of_the_references_type_and_stays_one_inside_a_graph():
    exercise = dataclasses.replace(ROW_MEANS, reference=_tensor_means, mistakes=())
    of_numpy = _carried(lambda matrix: np.mean(matrix, axis=1), exercise)(MATRIX)
    assert tf.is_tensor(of_numpy) and of_numpy.dtype == _tensor_means(MATRIX).dtype
    of_tensors = _carried(lambda values: tf.reduce_sum(values, 1) / 2, dataclasses.replace(
        exercise, cases=lambda: [(MATRIX,)]))
    in_graph = tf.function(of_tensors, [tf.TensorSpec([None, 2], tf.float64)])
    np.testing.assert_allclose(in_graph(tf.constant(MATRIX)), [1.5, 4.5])


def test_parts_of_a_tuple_become_numbers_where_the_references_are():
    least, most = _carried(lambda matrix: [tf.reduce_min(matrix), np.array(matrix.max())], SPLIT)(MATRIX)
    assert isinstance(least, float) and isinstance(most, float) and (least, most) == (1.0, 6.0)


@pytest.mark.parametrize("answer", [
    lambda n, s: noise(n, s), lambda scale, count: noise(count, scale), lambda *both: noise(*both),
    lambda count, scale, dtype=float: noise(count, scale).astype(dtype),
], ids=["other names", "another order of the names", "by position", "one more"])
def test_answer_is_called_by_name_where_it_has_the_names_and_else_by_position(answer):
    came = _carried(answer, NOISE)
    np.testing.assert_array_equal(came(scale=2.0, count=5), noise(5, 2.0))
    np.testing.assert_array_equal(came(5, 2.0), noise(5, 2.0))


def test_default_of_the_reference_is_filled_in():
    def scaled(matrix, factor=3.0):
        """Return the scaled matrix."""
        return factor * matrix

    exercise = dataclasses.replace(SPLIT, reference=scaled, cases=lambda: [(MATRIX,), (MATRIX, 2.0)])
    np.testing.assert_array_equal(_carried(lambda matrix, by: matrix * by, exercise)(MATRIX), 3 * MATRIX)


def test_accepted_function_may_overflow_on_its_way_to_a_right_result():
    exercise = dataclasses.replace(SPLIT, reference=lambda logits: 1 / (1 + np.exp(-np.clip(logits, -700, 700))),
                                   cases=lambda: [(np.array([-3.0, 2.0]),)])
    with np.errstate(all="raise"):
        carried = _carried(lambda logits: 1 / (1 + np.exp(-logits)), exercise)
        np.testing.assert_array_equal(carried(np.array([-1000.0, 0.0])), [0, 0.5])


def test_function_that_came_back_from_a_check_can_be_checked_again():
    assert check("99.1", check("99.1", _right)).learners is _right


def test_right_answer_that_is_slow_on_the_lessons_data_passes_and_the_lesson_goes_on_with_the_reference():
    def slow(matrix):
        started = time.process_time()
        while time.process_time() < started + 0.05:
            pass
        return matrix.mean(axis=1)

    verdict = engine.examine(dataclasses.replace(ROW_MEANS, calls=3000), slow)
    assert verdict.mark == "✓" and verdict.goes_on is None
    assert re.search(r"right on 3 inputs, but slow: this lesson's data would take it \d min or more", verdict.sentence)


# Nothing gets out --------------------------------------------------------------------------------------------

def _with(side_effect):
    def answer(matrix):
        side_effect()
        return matrix.mean(axis=1)

    return answer


def _shadow_print():
    globals()["print"] = None


@pytest.mark.parametrize(("side_effect", "name"), [
    (lambda: setattr(builtins, "print", None), "print"), (lambda: setattr(np, "exp", np.log), "numpy.exp"),
    (lambda: setattr(np.random, "default_rng", None), "numpy.random.default_rng"),
    (lambda: setattr(np, "pi", 3.0), "numpy.pi"), (lambda: keras.config.set_floatx("float64"), "keras.config.floatx"),
    (lambda: os.chdir("/"), "the working directory"), (_shadow_print, "print"),
], ids=["print", "exp", "default_rng", "pi", "floatx", "chdir", "a global print"])
def test_what_an_answer_replaces_is_put_back_and_named(ask, side_effect, name):
    before = (print, np.exp, np.random.default_rng, np.pi, keras.config.floatx(), os.getcwd())
    assert f"the function replaces `{name}`, for the whole notebook. That has been undone" in _unwrapped(
        ask(_with(side_effect)))
    assert (print, np.exp, np.random.default_rng, np.pi, keras.config.floatx(), os.getcwd()) == before
    assert "print" not in globals()


def _endless_generator(matrix):
    while True:
        yield 1.0


def _list_in_itself(matrix):
    endless = []
    endless.append(endless)
    return endless


class _BadSignature:
    @property
    def __signature__(self):
        raise RuntimeError("no signature")

    def __call__(self, matrix):
        return matrix.mean(axis=1)


@pytest.mark.parametrize(("answer", "text"), [
    (_endless_generator, "a generator came back, but an array of shape (2,)"),
    (_list_in_itself, "a list of 1 came back, but an array of shape (2,)"),
    (lambda matrix: np.zeros((20_000, 20_000), np.float32), "shape (20000, 20000) came back, but shape (2,)"),
    (lambda matrix: [[1.0], [1.0, 2.0]], "a list of 2 came back, but an array of shape (2,)"),
], ids=["an endless generator", "a list in itself", "a huge array", "a ragged list"])
def test_whatever_comes_back_is_named_within_seconds(ask, answer, text):
    started = time.process_time()
    assert text in ask(answer)
    assert time.process_time() - started < 5


def test_function_whose_signature_cannot_be_read_is_called_by_position():
    assert engine.examine(ROW_MEANS, _BadSignature()).mark == "✓"


def test_comparison_that_takes_too_long_is_stopped(ask, monkeypatch):
    monkeypatch.setattr(engine, "evidence_of", lambda *_: _endless_loop())
    assert "it takes too long to look at what came back" in _unwrapped(ask(np.cos, seconds=0.3))


def _endless_loop():
    while True:
        pass


@pytest.mark.parametrize(("call", "text"), [
    (lambda: check("99.1"), "the function itself is wanted, but nothing came."), (lambda: check(), "no exercise"),
    (lambda: hint(), "no exercise"), (lambda: solution(), "no exercise")], ids=["check", "check()", "hint", "solution"])
def test_missing_argument_gets_a_sentence(capsys, call, text):
    call()
    assert text in capsys.readouterr().out
