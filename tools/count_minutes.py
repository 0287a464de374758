"""How long is each lesson to read and to work through? Print minutes of its core and of the whole, and what they count.

    python -m tools.count_minutes 06        (or: course.py minutes --lesson 06; without a number: all lessons)

One formula for all lessons, which fits the estimates of three independent readers: words at 180 a minute, lines of code
at 10 a minute, 5 minutes for an exercise, half a minute for a picture, 1 for a prediction. Not counted: displayed
equations, folded answers, the badge, and the set-up cell. Cells with the tag `further` belong to the whole, but not to
the core.
"""

import re
import sys
from typing import NamedTuple

import nbformat

from tools.measure_notebook import notebooks
from tools.write_badges import BADGE


class Counts(NamedTuple):
    """What a learner reads and does in some cells."""

    words: int
    lines: int  # of code, without empty ones
    exercises: int
    pictures: int
    predictions: int

    @property
    def minutes(self):
        """Minutes of reading and practice, a whole number."""
        return round(self.words / 180 + self.lines / 10 + 5 * self.exercises + self.pictures / 2 + self.predictions)


def count(cells):
    """Return the `Counts` of some cells of a notebook."""
    prose = "\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
    read = BADGE.sub("", re.sub(r"<details>.*?</details>|\$\$.*?\$\$", "", prose, flags=re.DOTALL))
    code = [cell for cell in cells if cell.cell_type == "code" and "cellView" not in cell.metadata]
    return Counts(
        words=len(read.split()),
        lines=sum(bool(line.strip()) for cell in code for line in cell.source.splitlines()),
        exercises=sum(len(re.findall(r"\bcheck\(\"", cell.source)) for cell in code),
        pictures=sum(any("image/png" in output.get("data", {}) for output in cell.outputs) for cell in code),
        predictions=prose.count("**Predict"))


def core_and_whole(notebook):
    """Return the `Counts` of the core of a lesson, and of all its cells."""
    core = [cell for cell in notebook.cells if "further" not in cell.metadata.get("tags", [])]
    return count(core), count(notebook.cells)


def main(lesson=""):
    print("lesson   minutes: core  whole    words  code lines  exercises  pictures  predictions")
    total = 0
    for path in notebooks(lesson):
        core, whole = core_and_whole(nbformat.read(path, as_version=4))
        total += whole.words
        print(f"{path.stem[:2]:15}{core.minutes:6}{whole.minutes:7}{whole.words:9,}{whole.lines:12}"
              f"{whole.exercises:11}{whole.pictures:10}{whole.predictions:13}")
    print(f"words: {total:,}")


if __name__ == "__main__":
    main(*sys.argv[1:])
