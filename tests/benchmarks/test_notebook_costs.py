"""What every notebook costs, each in a fresh kernel, two at a time. course.py bench --only notebook --lesson 05."""

import multiprocessing
import os
import re
import time
from concurrent.futures import ProcessPoolExecutor

import numpy as np

from tests.benchmarks.tables import print_table
from tools.execute_notebooks import ROOT
from tools.measure_notebook import measure, notebooks

AT_ONCE, MOST_MEGABYTES, MOST_MINUTES = 2, 2000, 25


def test_every_notebook_keeps_within_its_memory_and_all_within_their_minutes(monkeypatch):
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "1")  # NumPy's products wait for all cores; here every core has a kernel
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    promised = {int(lesson): int(seconds)
                for lesson, seconds in re.findall(r"^\| (\d+) \| \[.*\| \d+ \| (\d+) \|$", readme, re.MULTILINE)}
    paths = {path: promised.get(int(path.stem[:2]), 0) for path in notebooks(os.environ.get("LESSON", ""))}
    longest_first = sorted(paths, key=paths.get, reverse=True)  # else one core ends idle
    began = time.perf_counter()
    with ProcessPoolExecutor(AT_ONCE, multiprocessing.get_context("spawn")) as pool:
        results = dict(zip(longest_first, pool.map(measure, longest_first), strict=True))
    minutes = (time.perf_counter() - began) / 60
    rows = {path.stem: [results[path].seconds, results[path].cpu_seconds, alone, results[path].peak_megabytes]
            for path, alone in paths.items()}
    *sums, peaks = zip(*rows.values())
    print_table(f"Every notebook in a fresh kernel, {AT_ONCE} at a time: {minutes:.1f} minutes for all of them",
                ["seconds", "processor s", "alone, s (README)", "peak MB"],
                rows | {"sum": [*np.sum(sums, axis=1), max(peaks)]})
    assert max(peaks) <= MOST_MEGABYTES
    assert minutes <= MOST_MINUTES
