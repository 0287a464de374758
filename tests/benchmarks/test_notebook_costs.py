"""What every notebook costs, each in a fresh kernel, two at a time. One of them: make bench ONLY=notebook LESSON=05."""

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


def promised_seconds():
    """Return a dictionary of the lesson's number → the seconds of computing in README's table."""
    lines = (ROOT / "README.md").read_text(encoding="utf-8").splitlines()
    rows = [re.fullmatch(r"\| (\d+) \| \[.*\| (\d+) \| (\d+) \|", line) for line in lines]
    return {int(row[1]): int(row[3]) for row in rows if row}


def test_every_notebook_keeps_within_its_memory_and_all_within_their_minutes(monkeypatch):
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "1")  # NumPy's products wait for all cores; here every core has a kernel
    paths, promised = notebooks(os.environ.get("LESSON", "")), promised_seconds()
    longest_first = sorted(paths, key=lambda path: -promised.get(int(path.stem[:2]), 0))  # else one core ends idle
    began = time.perf_counter()
    with ProcessPoolExecutor(AT_ONCE, multiprocessing.get_context("spawn")) as pool:
        results = dict(zip(longest_first, pool.map(measure, longest_first), strict=True))
    minutes = (time.perf_counter() - began) / 60
    rows = {path.stem: [results[path].seconds, results[path].cpu_seconds, promised.get(int(path.stem[:2]), 0)]
            for path in paths}
    rows["sum"] = np.sum(list(rows.values()), axis=0)
    peaks = [results[path].peak_megabytes for path in paths]
    print_table(f"Every notebook in a fresh kernel, {AT_ONCE} at a time: {minutes:.1f} minutes for all of them",
                ["seconds", "processor s", "alone, s (README)", "peak MB"],
                {name: [*row, peak] for (name, row), peak in zip(rows.items(), [*peaks, max(peaks)], strict=True)})
    assert max(peaks) <= MOST_MEGABYTES
    assert minutes <= MOST_MINUTES
