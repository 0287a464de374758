"""Every notebook from top to bottom as its learner leaves it: all exercises solved, in ways that are not the reference.

    course.py test --solved --answers loops --lesson 06        (without them: both sets, all lessons)
    course.py test --solved --part 1/4                         (the first of four days, which share the work)
"""

import ast
import os
import time

import nbformat
import pytest

from tests.answers import answers
from tools import lessons
from tools.execute_notebooks import execute
from tools.measure_notebook import notebooks
from utils.exercises import engine

SETS = [os.environ["ANSWERS"]] if os.environ.get("ANSWERS") else ["loops", "ops"]
PART, PARTS = map(int, (os.environ.get("PART") or "1/1").split("/"))
RUNS = [(path, chosen) for chosen in SETS for path in notebooks(os.environ.get("LESSON") or "")][PART - 1::PARTS]


def solve(notebook, answers):
    """Put the learner's answers into the notebook's stubs; `answers` are by the function's name."""
    left = dict(answers)
    for cell in notebook.cells:
        if cell.cell_type != "code" or "check(" not in cell.source:
            continue
        lines = cell.source.splitlines()
        for node in reversed(ast.parse(cell.source).body):
            if isinstance(node, ast.FunctionDef) and node.name in left:
                lines[node.lineno - 1:node.end_lineno] = left.pop(node.name).cell.splitlines()
        cell.source = "\n".join(lines)
    assert not left, f"no stub stands for {', '.join(left)}"


@pytest.mark.parametrize(("path", "chosen"), RUNS, ids=[f"{path.stem}-{chosen}" for path, chosen in RUNS])
def test_notebook_solved_another_way_goes_to_its_end(path, chosen):
    number = int(path.name[:2])
    mine = {engine.find(each.identifier).name: each for each in answers(number) if each.right and each.title == chosen}
    assert len(mine) == len(engine.lesson_module(number).EXERCISES)
    notebook = nbformat.reads(lessons.text(path), as_version=4)
    solve(notebook, mine)
    started = time.monotonic()
    execute(notebook, path.parent)  # raises where a cell does, and `expect` does
    said = [output.data["text/plain"] for cell in notebook.cells for output in cell.get("outputs", [])
            if output.output_type == "display_data" and output.data.get("text/plain", "")[:1] in ("✓", "✗", "○")]
    assert len(said) == len(mine) and all(each.startswith("✓") for each in said), "\n".join(said)
    print(f"\n{path.stem} with {chosen}: {time.monotonic() - started:.0f} s")
