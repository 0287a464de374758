"""Learners' answers to the exercises, right and wrong, from `tests/exercises/answers/lesson_NN.txt`.

    === 1.1 neuron                      an exercise
    +++ loops                           a right answer: what stands below is the body of the function,
    …                                   or a cell that defines it
    --- the bias is forgotten           a wrong one, and what a tutor would say of it
    > the bias is forgotten             words that the check must say; without them, it need not name the mistake;
                                        ✓ where it passes, for no small case tells it from a right one
    …
"""

import inspect
import re
import textwrap
from dataclasses import dataclass
from pathlib import Path

from tests.cells import lesson
from utils.exercises import engine

FOLDER = Path(__file__).parent / "exercises" / "answers"
OF_A_CELL = re.compile(r"(def|import|from|class|@|\w+ = lambda)\b|@")


@dataclass(frozen=True)
class Answer:
    """One answer: to which exercise, whether it is right, what it is, what the check must say of it, and its source."""

    identifier: str
    right: bool
    title: str
    words: str
    source: str

    @property
    def cell(self) -> str:
        """The source of a cell that defines the function, its defaults left out where the answer is a body."""
        if OF_A_CELL.match(self.source):
            return self.source
        reference = engine.find(self.identifier).reference
        return (f"def {reference.__name__}({', '.join(inspect.signature(reference).parameters)}):\n"
                f"{textwrap.indent(self.source, '    ')}")

    def function(self):
        """Return the function that the cell defines, among the names of its lesson."""
        exercise = engine.find(self.identifier)
        names = dict(vars(lesson(f"{int(self.identifier.split('.')[0]):02d}")))
        del names[exercise.name]
        exec(compile(self.cell, "<answer>", "exec"), names)
        if not OF_A_CELL.match(self.source):
            names[exercise.name].__defaults__ = exercise.reference.__defaults__
        return names[exercise.name]


def answers(number: int) -> list[Answer]:
    """Return all answers to a lesson's exercises, in the order of the file."""
    found, identifier = [], None
    text = (FOLDER / f"lesson_{number:02d}.txt").read_text(encoding="utf-8")
    for mark, title, body in re.findall(r"^(===|\+\+\+|---) (.+)\n((?:(?!===|\+\+\+|---).*\n?)*)", text, re.MULTILINE):
        if mark == "===":
            identifier = title.split()[0]
            continue
        words = re.match(r"> (.+)\n", body)
        source = body.removeprefix(words[0] if words else "").strip("\n")
        found.append(Answer(identifier, mark == "+++", title.strip(), words[1].strip() if words else "", source))
    return found
