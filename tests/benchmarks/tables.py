"""What the tables of `make bench` share: seeds, seconds, and columns that stand under each other."""

import os
import statistics
import time

SEEDS = tuple(range(int(os.environ.get("SEEDS") or 3)))  # make bench SEEDS=1
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


def print_seeds(title, rows):
    """Print a line for each seed, then the mean and, of several seeds, the standard deviation over them.

    Args:
        title: one line.
        rows: list of dictionaries of column → number, one for each seed, counted from 0.
    """
    table = {f"seed {seed}": list(row.values()) for seed, row in enumerate(rows)}
    columns = list(zip(*table.values()))
    table["mean"] = [statistics.mean(column) for column in columns]
    if len(rows) > 1:
        table["±"] = [statistics.stdev(column) for column in columns]
    print_table(title, list(rows[0]), table)


def number(value):
    """Return a number as text: three decimals below 10, two below 100, one below 1,000, none above."""
    decimals = next((digits for digits, limit in ((3, 10), (2, 100), (1, 1000)) if abs(value) < limit), 0)
    return f"{value:,.{decimals}f}"


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
