"""Seconds and memory of every notebook, each in a fresh kernel. One of them: make bench ONLY=notebook LESSON=05."""

import os
import re

import numpy as np
from tables import print_table

from tools.execute_notebooks import ROOT
from tools.measure_notebook import measure, notebooks

MOST_MEGABYTES, MOST_SECONDS = 2000, 25 * 60


def promised_seconds():
    """Return a dictionary of the lesson's number → the seconds of computing in README's table."""
    lines = (ROOT / "README.md").read_text(encoding="utf-8").splitlines()
    rows = [re.fullmatch(r"\| (\d+) \| \[.*\| (\d+) \| (\d+) \|", line) for line in lines]
    return {int(row[1]): int(row[3]) for row in rows if row}


def test_every_notebook_keeps_within_its_memory_and_all_within_their_seconds():
    promised, rows, totals = promised_seconds(), {}, np.zeros(3)
    for path in notebooks(os.environ.get("LESSON", "")):
        result = measure(path)
        costs = [result.seconds, result.cpu_seconds, promised.get(int(path.stem[:2]), 0)]
        totals += costs
        rows[path.stem] = [*costs, f"{result.peak_megabytes:,.0f}"]
        print(f"{path.name}: {result.seconds:.0f} s")
        assert result.peak_megabytes <= MOST_MEGABYTES, path.name
    rows["all"] = [*totals, ""]
    print_table("Every notebook in a fresh kernel", ["seconds", "processor s", "README says, s", "peak MB"], rows)
    assert totals[0] <= MOST_SECONDS
