"""A lesson as a page to read: its notebook, without what only a running kernel needs, and with answers folded."""

import re
from pathlib import Path
from typing import NamedTuple

import nbformat
from docutils.nodes import make_id

from tools.count_minutes import core_and_whole
from tools.measure_notebook import notebooks
from tools.write_badges import BADGE

EXERCISE = re.compile(r'= check\("([\d.]+)"')
STILL = ("*This picture moves in the notebook, in JupyterLab or on Colab: there it has sliders or points to drag. "
         "Here it shows where it starts.*")


class Lesson(NamedTuple):
    """A lesson's notebook, and what its title cell and its minutes say."""

    path: Path
    notebook: nbformat.NotebookNode
    title: str  # "6 · Variational autoencoders"
    question: str
    seconds: int  # of computing on two cores
    core: int  # minutes
    whole: int

    @property
    def number(self):
        """The lesson's two digits, such as "06"."""
        return self.path.stem[:2]


def lessons():
    """Return every `Lesson` of the course, in order."""
    return [_lesson(path) for path in notebooks()]


def _lesson(path):
    notebook = nbformat.read(path, as_version=4)
    text = notebook.cells[0].source
    core, whole = core_and_whole(notebook)
    return Lesson(path, notebook, re.search(r"^# (.+)", text)[1], re.search(r"^\*\*(.+)\*\*$", text, re.MULTILINE)[1],
                  int(re.search(r"(\d+) seconds", text)[1]), core.minutes, whole.minutes)


def page(lesson):
    """Return the notebook of a `Lesson` as Sphinx shall read it: a new one, nothing is run."""
    cells, prediction, open_question = [], 0, False
    for cell, following in zip(lesson.notebook.cells, [*lesson.notebook.cells[1:], None]):
        cell = nbformat.from_dict(cell)
        if cell.cell_type == "markdown":
            cell.source = _with_buttons(cell.source, lesson.path.name)
            if open_question:
                cell.source, open_question = _with_folded_notice(
                    cell.source, prediction, before_code=following is not None and following.cell_type == "code")
            if "**Predict" in cell.source and "<summary>Answer" not in cell.source.rpartition("**Predict")[2]:
                prediction, open_question = prediction + 1, True
        elif "cellView" in cell.metadata:  # the set-up, which does something on Colab only
            continue
        else:
            cell = _still(cell)
            if exercise := EXERCISE.search(cell.source):
                _as_exercise(cell)
                cells.append(nbformat.v4.new_markdown_cell(
                    f"**Exercise {exercise[1]}.** Write it in the notebook, which tries your answer at once.",
                    id=f"{cell.id}-x"[:64], metadata={"tags": list(cell.metadata.get("tags", []))}))
            elif open_question and cell.outputs:
                _tag(cell, "hide-output", f"prediction-{prediction}")
        cells.append(cell)
    return nbformat.v4.new_notebook(cells=cells, metadata=lesson.notebook.metadata)


def section_of(lesson, term):
    """Return (heading, anchor) of the section in which a lesson introduces a term, or None where it does not use it.

    That is the first section with the term in bold or italics, or else in its heading, or else anywhere.
    """
    use = rf"(?<![\w-]){re.escape(term)}(?:s|es)?(?![\w-])"
    sections = _sections(lesson)
    for pattern in rf"\*[^*\n]*{use}[^*\n]*\*", rf"\A.*{use}", use:
        for heading, anchor, text in sections:
            if re.search(pattern, text, re.IGNORECASE):
                return heading, anchor
    return None


def _sections(lesson):
    """Return (heading, anchor, prose) of every section of a lesson's text, without its title and its references."""
    prose = "\n\n".join(cell.source for cell in lesson.notebook.cells[1:] if cell.cell_type == "markdown")
    prose = re.sub(r"```.*?```|`[^`\n]*`", "", prose, flags=re.DOTALL)
    parts = re.split(r"^#{2,3} (.+)$", prose, flags=re.MULTILINE)[1:]
    return [(heading, make_id(heading), f"{heading}\n{text}") for heading, text in zip(parts[::2], parts[1::2])
            if heading not in ("References", "Key points", "Questions")]


def _with_buttons(text, name):
    """Return the title cell with buttons where the notebook has its badge, which is a picture from another host."""
    def buttons(badge):
        colab = f"[Open in Colab]({badge[1]}){{.button}} " if badge[1] else ""  # a course without an address has none
        return f"{colab}{{download}}`Download this notebook <../../../../notebooks/{name}>`"
    return BADGE.sub(buttons, text)


def _with_folded_notice(text, prediction, before_code):
    """Return a cell's text with its *Notice*, which answers a prediction, folded; and whether the answer is to come."""
    if not text.startswith("*Notice"):
        return text, not text.startswith(("<details>", "## "))
    notice, *rest = text.split("\n\n")
    while rest and (notice.endswith(":") or rest[0].startswith("- ")):  # a list or a formula belongs to it
        notice = f"{notice}\n\n{rest.pop(0)}"
    if not any(part.startswith("#") for part in rest) and (not before_code or "\n\n- " in notice):
        next_step = rest[-1:] if before_code else []
        while rest[:1] != next_step and "**" not in rest[0]:  # comments on the answer, but nothing new
            notice = f"{notice}\n\n{rest.pop(0)}"
    start = f'<details class="answer prediction-{prediction}">\n<summary>What to notice</summary>'
    return "\n\n".join([start, notice, "</details>", *rest]), False


def _still(cell):
    """Return a cell whose widgets are the pictures of their first state, each with a line that says so."""
    outputs = []
    for output in cell.outputs:
        moves = output.get("data", {}).pop("application/vnd.jupyter.widget-view+json", None)
        outputs.append(output)
        if moves:
            outputs.append(nbformat.v4.new_output("display_data", {"text/markdown": STILL}))
    cell.outputs = outputs
    return cell


def _as_exercise(cell):
    """Mark the cell of an exercise, and leave out that nobody has attempted it."""
    _tag(cell, "exercise")
    cell.outputs = [output for output in cell.outputs if "not attempted yet" not in str(output.get("data"))]


def _tag(cell, *tags):
    cell.metadata["tags"] = [*cell.metadata.get("tags", []), *tags]
