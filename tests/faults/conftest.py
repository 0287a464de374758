"""What the tests of `make test-faults` share: the lessons that LESSON=05 chooses, or all."""

import os

from tools.measure_notebook import notebooks

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # NumPy's products wait for all cores; here every core has a kernel


def pytest_generate_tests(metafunc):
    if "notebook_path" in metafunc.fixturenames:
        paths = notebooks(os.environ.get("LESSON", ""))
        metafunc.parametrize("notebook_path", paths, ids=[path.stem for path in paths])
