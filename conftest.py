"""Gives every test file and every notebook a course folder of its own, far from the learner's."""

import os
import tempfile
from pathlib import Path

import pytest

if "PYTEST_XDIST_WORKER" in os.environ:  # NumPy's products take all cores by waiting for them; here all have work
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import utils.runtime  # noqa: F401 (first of all: it sets TensorFlow up as the lessons do)

pytest.register_assert_rewrite("tests.drawing")
HOMES = tempfile.TemporaryDirectory()  # removed when Python ends


@pytest.hookimpl(tryfirst=True)  # before nbval starts the notebook's kernel, which inherits the environment
def pytest_runtest_setup(item):
    home = Path(HOMES.name, item.path.stem)
    home.mkdir(exist_ok=True)
    os.environ["COURSE_HOME"] = str(home)
    os.environ["IPYTHONDIR"] = str(home / "ipython")
