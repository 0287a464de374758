"""The formula of minutes counts what a learner reads and does; README's table promises what it counts."""

import re

import nbformat
import pytest

from tools import lessons
from tools.count_minutes import Counts, core_and_whole, count
from tools.write_badges import ROOT

markdown, code = nbformat.v4.new_markdown_cell, nbformat.v4.new_code_cell
PICTURE = nbformat.v4.new_output("display_data", {"image/png": "iVBORw0KGgo="})


@pytest.mark.parametrize(("cells", "expected"), [
    ([markdown("Two *words*\n\n$$\na = b + c\n$$\n\nand two\n<details>no answer</details>")], Counts(4, 0, 0, 0, 0)),
    ([markdown("**Predict:** which?"), markdown("**Predict:** how many?")], Counts(5, 0, 0, 0, 2)),
    ([code("a = 1\n\n# why\nb = 2", outputs=[PICTURE, PICTURE])], Counts(0, 3, 0, 1, 0)),
    ([code("import os\nstart()", metadata={"cellView": "form"})], Counts(0, 0, 0, 0, 0)),
    ([code('a = check("6.1", a)\nb = check("6.2", b)')], Counts(0, 2, 2, 0, 0)),
], ids=["words", "predictions", "lines and a picture", "set-up", "exercises"])
def test_what_is_read_and_done_is_counted(cells, expected):
    assert count(cells) == expected


def test_minutes_are_those_of_the_formula():
    assert Counts(words=900, lines=40, exercises=3, pictures=5, predictions=2).minutes == round(5 + 4 + 15 + 2.5 + 2)


def test_cells_that_go_further_belong_to_the_whole_alone():
    lesson = nbformat.v4.new_notebook(cells=[markdown("one two"), markdown("three", metadata={"tags": ["further"]})])
    core, whole = core_and_whole(lesson)
    assert (core.words, whole.words) == (2, 3)


@pytest.mark.of_a_commit
@pytest.mark.parametrize("path", lessons.paths(), ids=lambda path: path.stem)
def test_readme_promises_what_is_counted(path):
    row = re.search(rf"\]\(notebooks/{path.name}\).* (\d+) \| (\d+) \| \d+ \|$",
                    (ROOT / "README.md").read_text(encoding="utf-8"), flags=re.MULTILINE)
    core, whole = core_and_whole(nbformat.reads(lessons.text(path), as_version=4))
    assert (int(row[1]), int(row[2])) == (core.minutes, whole.minutes)
