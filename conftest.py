"""Gives every test file and every notebook a course folder of its own, and tests the lessons that git holds.

What a learner has changed in a notebook stays untested, and so do a learner's own notebooks: see tools/lessons.py.
"""

import os
import tempfile
from pathlib import Path
from unittest import mock

import nbval.plugin
import pytest

if "PYTEST_XDIST_WORKER" in os.environ:  # NumPy's products take all cores by waiting for them; here all have work
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import utils.runtime  # noqa: F401 (first of all: it sets TensorFlow up as the lessons do)
from tools import lessons

pytest.register_assert_rewrite("tests.drawing")
HOMES = tempfile.TemporaryDirectory()  # removed when Python ends


def pytest_configure(config):
    config.addinivalue_line("markers", "of_a_commit: asserts what only a committed notebook must look like; without "
                                       "git, where it could be a learner's change, it is skipped and does not fail")


def pytest_report_header():
    if not lessons.in_git():
        return "lessons: the files, because git does not hold them; their outputs are not compared"
    names = ", ".join(path.stem for path in lessons.changed())
    return f"lessons: as git holds them (`git add` a file to test your change); changed since: {names or 'none'}"


@pytest.hookimpl(tryfirst=True)  # before nbval starts the notebook's kernel, which inherits the environment
def pytest_runtest_setup(item):
    home = Path(HOMES.name, item.path.stem)
    home.mkdir(exist_ok=True)
    os.environ["COURSE_HOME"] = str(home)
    os.environ["IPYTHONDIR"] = str(home / "ipython")


@pytest.hookimpl(wrapper=True)
def pytest_pyfunc_call(pyfuncitem):
    try:
        return (yield)
    except AssertionError as error:
        if lessons.in_git() or not pyfuncitem.get_closest_marker("of_a_commit"):
            raise
        pytest.skip(f"no git here to tell whether the course or a learner did this: {error}")


def pytest_ignore_collect(collection_path):
    own = collection_path.suffix == ".ipynb" and collection_path.resolve() not in lessons.paths()
    return True if own else None  # None: other plugins may ignore it


@pytest.hookimpl(wrapper=True)
def pytest_collect_file(file_path, parent):
    """Let nbval run each lesson as git holds it; without git, as it is, but with no output to compare with."""
    collectors = yield
    for collector in collectors:
        if isinstance(collector, nbval.plugin.IPyNbFile):
            collector.collect = lambda read=collector.collect: _collect(read, file_path.resolve())
    return collectors


def _collect(read, path):
    lesson = nbval.plugin.nbformat.reads(lessons.text(path), as_version=4)
    for cell in lesson.cells:
        if cell.cell_type == "code" and not lessons.in_git():
            cell.update(outputs=[], execution_count=None)
    with mock.patch.object(nbval.plugin.nbformat, "read", lambda *_, **__: lesson):
        return list(read())
