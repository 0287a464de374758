"""Calling somebody's function so that nothing gets out: errors, prints, endless loops, exits, what it replaces."""

import builtins
import contextlib
import dis
import inspect
import io
import linecache
import logging
import os
import re
import signal
import sys
import threading
import time
import traceback
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

import numpy as np

KEPT_LINES, KEPT_WIDTH = 3, 160  # of what a function prints
WATCHED = ("builtins", "math", "random", "numpy", "numpy.random", "numpy.linalg", "keras", "keras.ops", "keras.random",
           "tensorflow")  # modules whose functions are put back


class Unusable(ValueError):
    """Raised by an exercise's `observe`, with a sentence for the learner: what came back cannot be looked at."""


@dataclass
class Outcome:
    """What came of one call: an observation, or else a problem in words.

    Args:
        value: what was observed; by default what the function returned.
        given, returned: what the function itself was called with and returned, last.
        problem: what went wrong, such as "NameError: name 'x' is not defined"; None if nothing did.
        unusable: the sentence of an `Unusable`.
        replaced: what the function replaced elsewhere, such as "print"; it has been put back.
        line: the number and the text of the function's own line where the problem arose, or None.
        in_function: the problem arose inside the function, and not where its result was observed.
        out_of_time: the function was stopped.
        printed, seconds: the first lines of what it printed, and how long the call took; on a busy machine, of the
            processor's time.
    """

    value: Any = None
    given: tuple = ()
    returned: Any = None
    problem: str | None = None
    unusable: str | None = None
    replaced: list[str] = field(default_factory=list)
    line: tuple[int, str] | None = None
    in_function: bool = False
    out_of_time: bool = False
    printed: list[str] = field(default_factory=list)
    seconds: float = 0.0


def attempt(function: Callable, arguments: tuple, observe: Callable | None = None,
            seconds: float | None = None) -> Outcome:
    """Call the function, or observe it, and return what came of it. Only a KeyboardInterrupt gets through."""
    outcome, printed = Outcome(), FirstLines()

    def witnessed(*positional, **named):
        outcome.in_function, outcome.given = True, (*positional, *named.values())
        outcome.returned = function(*positional, **named)
        outcome.in_function = False
        return outcome.returned

    started, used = time.perf_counter(), time.process_time()
    try:
        with quiet(printed), put_back(function, outcome.replaced), time_limit(seconds):
            outcome.value = observe(witnessed, *arguments) if observe else witnessed(*arguments)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # SystemExit too
        outcome.problem, outcome.line = in_words(error), own_line(error, function)
        outcome.out_of_time = isinstance(error, TimeLimit)
        outcome.unusable = str(error) if isinstance(error, Unusable) else None
    outcome.seconds = min(time.perf_counter() - started, time.process_time() - used)
    outcome.printed = printed.lines()
    return outcome


def is_stub(function: Callable) -> bool:
    """Return whether there is nothing in the function but a docstring, `...`, `pass`, or a return of None."""
    code = getattr(inspect.unwrap(function), "__code__", None)
    if code is None:
        return False
    steps = [step for step in dis.get_instructions(code) if step.opname not in ("RESUME", "NOP")]
    return all(step.opname in ("LOAD_CONST", "RETURN_CONST", "RETURN_VALUE") and step.argval in (None, ...)
               for step in steps)


class TimeLimit(BaseException):
    """Raised inside a function that takes too long; not an Exception, so that few functions catch it."""


@contextlib.contextmanager
def time_limit(seconds: float | None):
    """Raise `TimeLimit` in the block after so many seconds. On Windows and in threads there are no alarms.

    Where other programs keep the processor busy, the clock waits for the block's own share, up to four times as long.
    """
    has_alarms = hasattr(signal, "setitimer") and threading.current_thread() is threading.main_thread()
    if seconds is None or not has_alarms:
        yield
        return
    seconds = max(seconds, 1e-2)
    started, used = time.perf_counter(), time.process_time()

    def stop(number, frame):
        if time.process_time() - used >= 0.8 * seconds or time.perf_counter() - started >= 4 * seconds:
            raise TimeLimit

    handler = signal.signal(signal.SIGALRM, stop)
    left, interval = signal.setitimer(signal.ITIMER_REAL, seconds, 0.2)  # again, if it is too early or swallowed
    if 0 < left < seconds:  # of a block around this one
        signal.setitimer(signal.ITIMER_REAL, left, 0.2)
    try:
        try:
            yield
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
    finally:
        signal.signal(signal.SIGALRM, handler)
        signal.setitimer(signal.ITIMER_REAL, left and max(left - time.perf_counter() + started, 1e-3), interval)


@contextlib.contextmanager
def put_back(function: Callable, found: list[str]):
    """Put back what the function replaces: functions and modules elsewhere, precision, working directory; name it."""
    keras, folder, depth = sys.modules.get("keras"), os.getcwd(), sys.getrecursionlimit()
    floatx = keras and keras.config.floatx()
    places = {f"{name}.": vars(sys.modules[name]) for name in WATCHED if name in sys.modules}
    places[""] = getattr(inspect.unwrap(function), "__globals__", {})
    kept = {place: dict(names) for place, names in places.items()}
    try:
        yield
    finally:
        for place, names in places.items():
            of_globals = not place
            kinds = (Callable, ModuleType) if of_globals else (Callable, float)  # TensorFlow loads modules late
            for name, value in kept[place].items():
                if names.get(name) is not value and isinstance(value, kinds):
                    names[name] = value
                    found.append((place + name).removeprefix("builtins."))
            for name in (set(names) - set(kept[place])) & set(vars(builtins)) if of_globals else ():
                del names[name]  # such as a `print` of the notebook's own
                found.append(name)
        if keras and keras.config.floatx() != floatx:
            keras.config.set_floatx(floatx)
            found.append("keras.config.floatx")
        if os.getcwd() != folder:
            os.chdir(folder)
            found.append("the working directory")
        sys.setrecursionlimit(depth)


@contextlib.contextmanager
def quiet(stream: io.TextIOBase):
    """Send prints into the stream, and warnings, log messages and displays nowhere."""
    disabled = logging.root.manager.disable
    with contextlib.ExitStack() as stack:
        stack.enter_context(contextlib.redirect_stdout(stream))
        stack.enter_context(contextlib.redirect_stderr(stream))
        stack.enter_context(warnings.catch_warnings())
        stack.enter_context(np.errstate(all="ignore"))
        stack.enter_context(np.printoptions())
        if "IPython" in sys.modules:
            from IPython.utils.capture import capture_output
            stack.enter_context(capture_output(stdout=False, stderr=False, display=True))
        warnings.simplefilter("ignore")
        logging.disable(logging.CRITICAL)
        try:
            yield
        finally:
            logging.disable(disabled)


class FirstLines(io.TextIOBase):
    """A stream that keeps the first lines and counts the others, however much is printed."""

    _kept, _count = "", 0

    def write(self, text):
        self._kept += text[:max(KEPT_LINES * KEPT_WIDTH - len(self._kept), 0)]
        self._count += text.count("\n")
        return len(text)

    def lines(self) -> list[str]:
        shown = shorten(self._kept)
        return shown + [f"… ({self._count:,} lines in all)"] * (self._count > len(shown))


def shorten(text: str, width: int = KEPT_WIDTH) -> list[str]:
    """Return the first lines that are not empty, none of them long."""
    lines = [line.rstrip() for line in text.splitlines() if line.strip()][:KEPT_LINES]
    return [line if len(line) <= width else line[:width - 1] + "…" for line in lines]


def in_words(error: BaseException) -> str:
    """Return an error's type and message in a line, without what TensorFlow adds for its developers."""
    name = type(error).__name__
    if isinstance(error, SystemExit):
        return "SystemExit: it calls exit(), which would end the kernel"
    message = re.sub(r"\{\{.*?\}\}|\[Op:\w+\].*", "", _text(error))
    if message.startswith("in user code:"):  # of a graph: a traceback, whose last paragraph is the error
        message = message.strip().split("\n\n")[-1].strip().removeprefix(f"{name}: ")
    message = " ".join(line.strip() for line in shorten(message, width=400))
    return f"{name}: {message}" if message else name


def own_line(error: BaseException, function: Callable) -> tuple[int, str] | None:
    """Return number and text of the innermost line of the function's own file that the error came through."""
    code = getattr(inspect.unwrap(function), "__code__", None)
    if code is None:
        return None
    frames = [(frame.f_code.co_filename, number) for frame, number in traceback.walk_tb(error.__traceback__)]
    numbers = [number for filename, number in frames if filename == code.co_filename]
    of_graph = rf'File "{re.escape(code.co_filename)}", line (\d+)'
    numbers += map(int, re.findall(of_graph, _text(error)))
    return (numbers[-1], linecache.getline(code.co_filename, numbers[-1]).strip()) if numbers else None


def _text(error: BaseException) -> str:
    try:
        return str(error)
    except Exception:  # a learner's own class may fail at this too
        return ""
