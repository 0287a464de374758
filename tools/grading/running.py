"""Run the course's own check on what learners wrote, each notebook in a limited process of its own.

On Linux a few workers import the course, which takes seconds, and fork a child per notebook. TensorFlow may be forked
as long as it has only been imported, and computed nothing. Elsewhere each notebook has a fresh process. A child runs a
lesson's exercises in their order, and notes each verdict in a file. If it ends before the last, another goes on behind
the exercise at which it ended.
"""

import ast
import contextlib
import json
import os
import queue
import signal
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import psutil

from tools import lessons
from tools.grading import answers, limits
from tools.grading.handed_in import NOTEBOOKS

ROOT = NOTEBOOKS.parent
PASSED, TRIED, OPEN, UNJUDGED = STATES = "passed", "tried", "open", "not judged"
SECONDS = 40  # for one exercise; the check itself gives a function 3 to 8 of its own
LARGEST_RECORD = 2**20  # bytes
FORKS = sys.platform == "linux"


def grade(notebooks, lesson, identifiers, processes, forks=FORKS, seconds=SECONDS, told=lambda: None):
    """Return (verdicts, holds): for each notebook {identifier: (state, words)}; and in words which limits hold.

    Args:
        notebooks: of each the sources of its code cells.
        lesson: as two digits.
        identifiers: of the lesson's exercises.
        processes: how many notebooks are run at a time.
        forks: whether workers fork; else each notebook has a fresh process.
        seconds: for one exercise, by the clock; more where the machine has other work.
        told: called after each notebook.
    """
    waiting, verdicts, holds, workers = queue.SimpleQueue(), [{} for _ in notebooks], [], []
    for index, cells in enumerate(notebooks):
        waiting.put((index, {"lesson": lesson, "cells": list(cells), "identifiers": list(identifiers),
                             "seconds": seconds}))

    def serve():
        worker = None
        while True:
            try:
                index, job = waiting.get_nowait()
            except queue.Empty:
                return
            if forks and (worker is None or worker.poll() is not None):
                worker = _start_worker(lesson)
                workers.append(worker)
            answer = _ask(worker, job) if forks else supervise(job, _start_fresh)
            verdicts[index] = {each: tuple(verdict) for each, verdict in answer["verdicts"].items()}
            holds[:] = answer["holds"] or holds
            told()

    threads = [threading.Thread(target=serve, daemon=True) for _ in range(min(processes, len(notebooks)))]
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:  # after an interrupt too
        for worker in workers:
            worker.kill()
            worker.communicate()
    return verdicts, holds


def _start_worker(lesson):
    return subprocess.Popen([sys.executable, "-m", "tools.grading.running", "worker", lesson], cwd=ROOT, text=True,
                            stdin=subprocess.PIPE, stdout=subprocess.PIPE, encoding="utf-8", start_new_session=True,
                            env=_environment())


def _environment():
    # One thread for matrix products, as elsewhere where notebooks share cores; and no GPU, which they could not share.
    return os.environ | {"OPENBLAS_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": "-1", "PYTHONUTF8": "1"}


def _ask(worker, job):
    try:
        worker.stdin.write(json.dumps(job) + "\n")
        worker.stdin.flush()
        return json.loads(worker.stdout.readline())
    except (OSError, ValueError):
        worker.kill()
        reason = "the process that grades ended, with this notebook in hand"
        return {"verdicts": {each: (UNJUDGED, reason) for each in job["identifiers"]}, "holds": []}


def work(lesson):
    """Answer jobs, a line of JSON each, until there are no more."""
    answers_to = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # whatever libraries print
    limits.adopt_orphans()
    _import_course(lesson)
    for line in sys.stdin:
        answers_to.write(json.dumps(supervise(json.loads(line), _start_forked)) + "\n")
        answers_to.flush()


def _import_course(lesson):
    """Import the engine, the lesson's exercises, and what the lesson's own notebook imports."""
    import utils.runtime  # noqa: F401 (first of all: it sets TensorFlow up)
    from utils.exercises import engine

    engine.lesson_module(int(lesson))
    path, = (each for each in lessons.paths() if each.name.startswith(f"{lesson}_"))
    for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
        if cell["cell_type"] == "code":
            imports = [node for node in ast.parse(answers.plain("".join(cell["source"]))).body
                       if isinstance(node, answers.IMPORTS)]
            exec(compile(ast.Module(imports, []), path.name, "exec"), {})


def supervise(job, start):
    """Let children judge a notebook's exercises. Return {"verdicts": {identifier: [state, words]}, "holds": words}."""
    left, verdicts, holds = list(job["identifiers"]), {}, []
    with tempfile.TemporaryDirectory(prefix="grade-", ignore_cleanup_errors=True) as place:
        while left:
            records, folder = Path(place, "records"), Path(place, f"home-{len(left)}")
            records.write_bytes(b"")
            folder.mkdir()
            child = start(job | {"identifiers": left}, records, folder)
            reason = limits.watch(psutil.Process(child.pid), lambda child=child: child.poll() is not None,
                                  lambda records=records: records.stat().st_size, job["seconds"] * limits.patience())
            child.wait()
            noted = _noted(records)
            holds = next((each["holds"] for each in noted if "holds" in each), holds)
            verdicts |= {each["identifier"]: [each["state"], each["words"]] for each in noted
                         if each.get("identifier") in left and each.get("state") in STATES}
            left = [each for each in left if each not in verdicts]
            if not left:
                break
            reason = reason or _how_it_ended(child)
            if {"begins": left[0]} not in noted:  # it did not get as far as an exercise: no other child would
                verdicts |= {each: [UNJUDGED, reason] for each in left}
                break
            verdicts[left.pop(0)] = [TRIED, reason]
    return {"verdicts": verdicts, "holds": holds}


def _noted(records):
    with open(records, "rb") as file:
        lines = file.read(LARGEST_RECORD).splitlines()
    noted = []
    for line in lines:
        try:
            noted.append(json.loads(line))
        except ValueError:
            pass  # half a line of a child that was ended, or not the child's own
    return [each for each in noted if isinstance(each, dict)]


def _how_it_ended(child):
    code = child.returncode
    number = -code if code < 0 else code - 128 if code > 128 else 0
    if number and getattr(child, "cpu_seconds", 0) > limits.CPU_SECONDS - 2:
        return f"it took more than {limits.CPU_SECONDS} seconds of the processor's time and was stopped"
    if number == getattr(signal, "SIGKILL", -1):
        return "it was stopped by the system, perhaps for its memory or time"
    if number:
        return f"it crashed Python ({signal.Signals(number).name if number in set(signal.Signals) else number})"
    return "it ended its own process, as `os._exit` does, before the check could answer"


class _Forked:
    """A forked child, as far as `subprocess.Popen` is needed here."""

    def __init__(self, pid):
        self.pid, self.returncode, self.cpu_seconds = pid, None, 0.0

    def poll(self):
        return self._wait(os.WNOHANG)

    def _wait(self, options):
        if self.returncode is None:
            pid, status, used = os.wait4(self.pid, options)
            if pid:
                self.returncode = os.waitstatus_to_exitcode(status)
                self.cpu_seconds = used.ru_utime + used.ru_stime
        return self.returncode

    def wait(self):
        self._wait(0)
        for each in psutil.Process().children(recursive=True):  # orphans, which came to this process
            limits.end(each)
        with contextlib.suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass


def _start_forked(job, records, folder):
    pid = os.fork()
    if pid:
        return _Forked(pid)
    try:
        judge(job, records, folder)
        os._exit(0)
    finally:
        os._exit(1)


def _start_fresh(job, records, folder):
    child = subprocess.Popen([sys.executable, "-m", "tools.grading.running", "child", str(records), str(folder)],
                             cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, env=_environment())
    try:
        child.stdin.write(json.dumps(job).encode())
        child.stdin.close()
    except OSError:
        pass  # it has ended, and that is told
    return child


def judge(job, records, folder):
    """Judge a notebook's exercises in this process, which is limited first, for good, and note the verdicts."""
    import utils.runtime
    from utils.exercises.running import FirstLines, quiet

    file = os.open(records, os.O_WRONLY | os.O_APPEND)

    def note(**record):
        os.write(file, (json.dumps(record) + "\n").encode())

    note(holds=limits.fence(folder))
    with quiet(FirstLines()):
        utils.runtime.start(job["lesson"])
        notebook, results = answers.read(job["cells"], job["identifiers"]), _Results()
    for identifier in job["identifiers"]:
        note(begins=identifier)
        state, words = _verdict(notebook, identifier, results, job["seconds"] / 4)
        note(identifier=identifier, state=state, words=_in_a_line(words))


class _Results(dict):
    """What each check gave to go on with; of one that has not run, the reference."""

    def __missing__(self, identifier):
        from utils.exercises import engine

        return engine.find(identifier).reference


def _verdict(notebook, identifier, results, seconds):
    """Return (state, words): of the last check of the exercise whose function is more than the stub."""
    import keras

    import utils.runtime
    from utils.exercises.running import is_stub

    calls, function, left_out = notebook.calls_of(identifier), None, set()
    if not calls:
        return OPEN, "the notebook has no check of it"
    for call in calls:
        keras.utils.set_random_seed(utils.runtime.SEED)
        function, left_out, trouble = _made(notebook, call, results, seconds)
        if trouble:
            return TRIED, trouble + _why(trouble, left_out)
        if not (callable(function) and is_stub(function)):
            break
    state, words = _checked(identifier, function, results)
    return state, words + _why(words, left_out)


def _made(notebook, call, results, seconds):
    """Return (function, names left out, what is wrong): what a check is called with, made of the learner's cells."""
    from utils.exercises.running import FirstLines, in_words, quiet, time_limit

    if call.trouble:
        return None, set(), call.trouble
    left_out = set()
    try:
        statements, left_out = answers.program(notebook, call)
        with quiet(FirstLines()), time_limit(seconds):
            return answers.run(statements, call, results), left_out, ""
    except BaseException as error:  # whatever a learner's cell may raise
        if type(error).__name__ == "TimeLimit":
            return None, left_out, "the cells that define it do not come to an end"
        return None, left_out, f"the cells that define it stop with {in_words(error)}"


def _checked(identifier, function, results):
    """Call the course's check. Return (state, words)."""
    from utils.exercises import engine
    from utils.exercises.wording import RIGHT, WRONG

    said, report = [], engine.report

    def listen(mark, title, sentence, *others):
        said.append((mark, sentence))
        return report(mark, title, sentence, *others)

    engine.report, engine.show = listen, lambda message: None
    try:
        results[identifier] = engine.check(identifier, function)
    finally:
        engine.report = report
    mark, sentence = said[-1]
    if mark == RIGHT:
        return PASSED, sentence if "slow" in sentence else ""
    if mark == WRONG:
        return TRIED, sentence
    if "check itself failed" in sentence:
        return UNJUDGED, sentence
    return OPEN, "" if "not attempted" in sentence else sentence


def _why(words, left_out):
    names = [name for name in sorted(left_out) if f"name '{name}'" in words]
    return f" (the notebook computes `{names[0]}`; the grading does not run that)" if names else ""


def _in_a_line(text, longest=400):
    line = " ".join("".join(each if each.isprintable() else " " for each in text).split())
    return line if len(line) <= longest else line[:longest - 1] + "…"


if __name__ == "__main__":
    if sys.argv[1] == "worker":
        work(sys.argv[2])
    else:
        task = json.loads(sys.stdin.buffer.read())
        _import_course(task["lesson"])
        judge(task, *sys.argv[2:])
        os._exit(0)
