"""TEACHING.md quotes headings, exercises and numbers of lessons: they must be those that the saved notebooks show."""

import json
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "TEACHING.md").read_text(encoding="utf-8")
NOTEBOOKS = {int(path.name[:2]): json.loads(path.read_text(encoding="utf-8"))
             for path in sorted((ROOT / "notebooks").glob("[0-9][0-9]_*.ipynb"))}
START = re.compile(r"^### (\d+) · (.+)$", re.MULTILINE)


def sections():
    """Return {number: (title, text)} of the lessons in TEACHING.md."""
    matches = list(START.finditer(TEXT))
    ends = [match.start() for match in matches[1:]] + [TEXT.index("\n## One server for thirty")]
    return {int(match[1]): (match[2], TEXT[match.end():end]) for match, end in zip(matches, ends, strict=True)}


def headings(number):
    """Return the headings of a notebook, its title first."""
    cells = ["".join(cell["source"]) for cell in NOTEBOOKS[number]["cells"] if cell["cell_type"] == "markdown"]
    return [line.lstrip("# ").strip() for line in "\n".join(cells).splitlines() if re.match(r"#{1,3} ", line)]


def everything(number):
    """Return all text of a notebook: its cells and what they printed."""
    cells = NOTEBOOKS[number]["cells"]
    printed = [output.get("text", "") for cell in cells for output in cell.get("outputs", [])]
    return "\n".join("".join(part) for part in [*(cell["source"] for cell in cells), *printed]).replace("−", "-")


def quoted(text):
    return [" ".join(words.split()).replace(r"\|", "|") for words in re.findall("“([^”]+)”", text)]


def exercises(number):
    return set(re.findall(rf'check\("({number}\.\d)"', everything(number)))


def test_every_lesson_has_its_place_in_order():
    assert set(NOTEBOOKS) <= set(sections()) and list(sections()) == sorted(sections())


def test_titles_are_the_lessons():
    titles = [f"{number} · {sections()[number][0]}" for number in NOTEBOOKS]
    assert titles == [headings(number)[0] for number in NOTEBOOKS]


@pytest.mark.parametrize("number", NOTEBOOKS)
def test_quoted_headings_are_in_the_lesson(number):
    assert [heading for heading in quoted(sections()[number][1]) if heading not in headings(number)] == []


def test_headings_quoted_elsewhere_are_in_some_lesson():
    known = {heading for number in NOTEBOOKS for heading in headings(number)}
    assert [heading for heading in quoted(TEXT.split("## The lessons")[0]) if heading not in known] == []


@pytest.mark.parametrize("number", NOTEBOOKS)
def test_numbers_are_those_of_the_saved_notebook(number):
    said = re.findall(r"(?<![\w.])-?\d+\.\d+(?:e-?\d+)?(?![\w.])", sections()[number][1].replace("−", "-"))
    known = everything(number)
    assert [figure for figure in said if figure not in exercises(number)
            and not re.search(rf"(?<![\d.]){re.escape(figure)}(?![\d.]*\d)", known)] == []


@pytest.mark.parametrize("number", NOTEBOOKS)
def test_exercises_with_stumbles_are_in_the_lesson(number):
    named = set(re.findall(r"^\| (\d+\.\d) \|", sections()[number][1], re.MULTILINE))
    assert named and named <= exercises(number)


def test_exercises_of_the_plans_are_in_the_lessons():
    known = set().union(*map(exercises, NOTEBOOKS))
    plans = TEXT.split("## Plans")[1].split("## Prepare the room")[0]
    assert set(re.findall(r"(?<![\d.])(\d{1,2}\.\d)(?!\d)", plans)) - {"3.11", "3.12", "3.13"} <= known
