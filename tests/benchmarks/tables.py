"""What the tables of `make bench` share: seeds, seconds, and columns that stand under each other."""

import os
import statistics
import time

SEEDS = tuple(range(int(os.environ.get("SEEDS") or 1)))  # make bench SEEDS=3
SECONDS = float(os.environ.get("CPU_SECONDS") or 60)  # of processor time that each model of a comparison may train


def print_table(title, columns, rows):
    """Print a title, the names of the columns with their units, and a line for each row.

    Args:
        title: one line.
        columns: list of names; each is as wide as it needs to be.
        rows: dictionary of name → list of values, one a column: numbers, or text that is printed as it is.
    """
    cells = {name: [value if isinstance(value, str) else number(value) for value in row] for name, row in rows.items()}
    first = max(map(len, cells), default=0)
    widths = [max(len(column), *(len(row[place]) for row in cells.values())) + 2
              for place, column in enumerate(columns)]
    print(f"\n{title}\n{'':{first}}" + "".join(f"{column:>{width}}" for column, width in zip(columns, widths)))
    for name, row in cells.items():
        print(f"{name:{first}}" + "".join(f"{value:>{width}}" for value, width in zip(row, widths)))


def number(value):
    """Return a number as text: two decimals below 100, one below 1,000, none above."""
    return f"{value:,.{2 if abs(value) < 100 else 1 if abs(value) < 1000 else 0}f}"


def spread(values, unit=""):
    """Return the median of some values with the least and the most of them, as text."""
    least, most = number(min(values)), number(max(values))
    return f"{number(statistics.median(values))}{unit} ({least} to {most})"


def seconds_of(run):
    """Run a function; return its seconds by the clock and those of all cores."""
    began, began_computing = time.perf_counter(), time.process_time()
    run()
    return time.perf_counter() - began, time.process_time() - began_computing


def in_turn(runs, repeats):
    """Return a dictionary of name → list of (seconds, processor seconds) for a dictionary of name → function.

    The functions take turns, so that a busy machine slows all of them.
    """
    times = {name: [] for name in runs}
    for _ in range(repeats):
        for name, run in runs.items():
            times[name].append(seconds_of(run))
    return times
