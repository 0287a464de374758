"""What the tests of `course.py test --faults` share: the lessons that --lesson 05 chooses."""

import os

from tools.measure_notebook import notebooks

EIGHT_TIMES = "05"  # it trains, draws and keeps backups as the others do, and eight of them are done in ten minutes
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # NumPy's products wait for all cores; here every core has a kernel


def pytest_generate_tests(metafunc):
    """Without LESSON, give `notebook_path` every notebook in turn, and `crowded_path` a single one."""
    for name, lesson in ("notebook_path", ""), ("crowded_path", EIGHT_TIMES):
        if name in metafunc.fixturenames:
            paths = notebooks(os.environ.get("LESSON") or lesson)
            metafunc.parametrize(name, paths, ids=[path.stem for path in paths])
