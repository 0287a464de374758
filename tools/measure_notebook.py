"""Run a notebook from top to bottom in a fresh kernel, leave its file as it is, and say what that cost.

    python -m tools.measure_notebook 05

prints a line. The tests of `course.py test --faults` and the tables of `course.py bench` call `measure`.
"""

import json
import sys
import time
from pathlib import Path
from typing import NamedTuple

import nbformat
import psutil

from tools import lessons
from tools.execute_notebooks import execute

# Peak memory where Linux says it; elsewhere what psutil says at the end. PSS counts what several kernels share, such as
# the code of TensorFlow, once: each has its part of it.
LAST_CELL = """
import json, os, psutil, re, time
def _measure():
    own = peak = None
    if os.path.exists("/proc/self/status"):
        peak = int(re.search(r"VmHWM:\\s+(\\d+)", open("/proc/self/status").read())[1]) / 1024
        own = int(re.search(r"Pss:\\s+(\\d+)", open("/proc/self/smaps_rollup").read())[1]) / 1024
    now = psutil.Process().memory_info().rss / 2**20
    print(json.dumps([time.process_time(), peak or now, own or now]))
_measure()
"""
FIRST_CELL = "import os; os.environ['COURSE_HOME'] = {!r}"


class Measured(NamedTuple):
    """What one run of a notebook gave."""

    seconds: float  # by the clock, with the start of the kernel
    cpu_seconds: float  # of all cores, in the kernel
    peak_megabytes: float  # the most that the kernel held at any time
    proportional_megabytes: float  # PSS at the end
    texts: list[str]  # of each cell: all that it printed or returned as text


def measure(path, home=None):
    """Run a notebook in a fresh kernel and return a `Measured`.

    Args:
        path: of the notebook.
        home: folder for progress and backups, which may hold those of other kernels; None for an empty one.

    Raises:
        tools.execute_notebooks.NotebookError: if a cell raises or writes to stderr, or the kernel dies.
    """
    notebook = nbformat.read(path, as_version=4)
    if home is not None:
        notebook.cells.insert(0, nbformat.v4.new_code_cell(FIRST_CELL.format(str(home))))
    notebook.cells.append(nbformat.v4.new_code_cell(LAST_CELL))
    began = time.perf_counter()
    execute(notebook, Path(path).parent)
    seconds = time.perf_counter() - began
    cells = [_texts(cell) for cell in notebook.cells if cell.cell_type == "code"]
    return Measured(seconds, *json.loads(cells.pop()), cells[home is not None:])


def _texts(cell):
    parts = (output.get("text") or output.get("data", {}).get("text/plain", "") for output in cell.outputs)
    return "\n".join(parts)


def notebooks(numbers=""):
    """Return the paths of all lessons, or of those whose numbers are given, such as "06" or "00 02"."""
    chosen = tuple(numbers.split()) or ""  # every name begins with nothing
    paths = [path for path in lessons.paths() if path.name.startswith(chosen)]
    if not paths:
        raise FileNotFoundError(f"There is no lesson {numbers} in notebooks/.")
    return paths


def kernels_of(process=None):
    """Return the notebook kernels that a process (None: this one) has started, itself or through others."""
    found = []
    for child in psutil.Process(process).children(recursive=True):
        try:
            if "ipykernel_launcher" in child.cmdline():
                found.append(child)
        except psutil.Error:
            pass  # it has ended meanwhile
    return found


if __name__ == "__main__":
    *options, name = sys.argv[1:]
    if options == ["--json"]:  # for tests that run it in a process of its own
        print(json.dumps(measure(*json.loads(name))))
    else:
        for each in notebooks(name):
            result = measure(each)
            print(f"{each.name}: {result.seconds:.0f} s, {result.cpu_seconds:.0f} processor s, "
                  f"peak {result.peak_megabytes:.0f} MB")
