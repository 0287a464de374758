"""What the tables of `course.py bench` share: seeds, seconds, and columns that stand under each other."""

import os
import statistics
import time

SEEDS = tuple(range(int(os.environ.get("SEEDS") or 3)))  # course.py bench --seeds 1
SECONDS = float(os.environ.get("CPU_SECONDS") or 60)  # of processor time that each model of a comparison may train


def print_table(title, columns, rows):
    """Print a title, the columns' names, and a line for each of `rows`, a dictionary of name → numbers or texts."""
    cells = {name: [value if isinstance(value, str) else number(value) for value in row] for name, row in rows.items()}
    first = max(map(len, cells), default=0)
    widths = [max(map(len, column)) + 2 for column in zip(columns, *cells.values())]
    for name, row in {f"\n{title}": [], "": columns, **cells}.items():
        line = f"{name:{first}}" + "".join(f"{value:>{width}}" for value, width in zip(row, widths))
        print(line.rstrip())


def over_seeds(title, figures, *arguments):
    """Call a function with each seed; print its figures, their mean and standard deviation; return column → values.

    Args:
        figures: function of the arguments and a seed that returns a dictionary of column → number.
    """
    rows = [figures(*arguments, seed) for seed in SEEDS]
    columns = {name: [row[name] for row in rows] for name in rows[0]}
    table = {f"seed {seed}": row.values() for seed, row in zip(SEEDS, rows)}
    table["mean"] = map(statistics.mean, columns.values())
    if len(rows) > 1:
        table["±"] = map(statistics.stdev, columns.values())
    print_table(title, columns, table)
    return columns


def number(value):
    """Return a number as text: three decimals below 10, two below 100, one below 1,000, none above."""
    decimals = next((digits for digits, limit in ((3, 10), (2, 100), (1, 1000)) if abs(value) < limit), 0)
    return f"{value:,.{decimals}f}"


def spread(values):
    """Return the median of some values with the least and the most of them, as text."""
    return f"{number(statistics.median(values))} ({number(min(values))} to {number(max(values))})"


def seconds_of(run):
    """Run a function; return its seconds by the clock and those of all cores."""
    began, began_computing = time.perf_counter(), time.process_time()
    run()
    return time.perf_counter() - began, time.process_time() - began_computing
