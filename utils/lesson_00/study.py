"""The learner's map of the course."""

import html
import textwrap

from utils.exercises.engine import lesson_module, lessons
from utils.exercises.remembering import recall
from utils.exercises.running import in_words
from utils.exercises.wording import OPEN, RIGHT, WIDTH, WRONG, Message, box, show, table


def progress() -> None:
    """Draw the learner's map: every exercise of every lesson, passed, tried or open.

    A lesson's heading is the first line of the docstring of its exercises' module.
    """
    states, marks, rows, exercises = recall(), {"passed": RIGHT, "tried": WRONG}, [], []
    for number in lessons():
        try:
            module = lesson_module(number)
        except Exception as error:
            rows.append((f"Lesson {number}", [f"cannot be loaded: {in_words(error)}"]))
            continue
        exercises += module.EXERCISES
        rows.append((module.__doc__.splitlines()[0].rstrip("."),
                     [f"{marks.get(states.get(each.identifier), OPEN)} {each.title}" for each in module.EXERCISES]))
    passed = sum(states.get(each.identifier) == "passed" for each in exercises)
    show(_chart(f"Your map: {passed} of {len(exercises)} exercises passed", rows,
                f"{RIGHT} passed   {WRONG} tried   {OPEN} open"))


def _chart(title: str, rows, closing: str) -> Message:
    """Return a message that is a title over rows of (heading, entries)."""
    width = max((len(heading) for heading, _ in rows), default=0)
    lines = []
    for heading, entries in rows:
        indent = " " * (width + 5)
        joined = textwrap.fill("   ".join(entry.replace(" ", "\0") for entry in entries), WIDTH,
                               initial_indent=indent, subsequent_indent=indent)
        lines.append(f"  {heading:<{width}}" + joined[width + 2:].replace("\0", " "))
    text = "\n".join([title, *lines, f"  {closing}"])
    cells = [[f"<b>{html.escape(heading)}</b>",
              " ".join(f"<span style='white-space:nowrap;margin-right:14px'>{html.escape(entry)}</span>"
                       for entry in entries)] for heading, entries in rows]
    return Message(text, html=box(f"<b>{html.escape(title)}</b>{table(cells)}{html.escape(closing)}"))
