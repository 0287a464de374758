"""TEACHING.md quotes headings, exercises and numbers of lessons: they must be those that the saved notebooks show.

Its plans are walked through with the minutes of `tools.count_minutes`. Run as a program, this file prints for each row
of the plans what was planned and what is counted.
"""

import itertools
import json
import re
from pathlib import Path
from typing import NamedTuple

import nbformat
import pytest

from tools import lessons
from tools.count_minutes import count

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "TEACHING.md").read_text(encoding="utf-8")
PATHS = {int(path.name[:2]): path for path in lessons.paths()}
NOTEBOOKS = {number: json.loads(lessons.text(path)) for number, path in PATHS.items()}
START = re.compile(r"^### (\d+) · (.+)$", re.MULTILINE)
EXERCISE = re.compile(r"(?<![\d.])(\d{1,2}\.\d)(?!\d)")
ENDS = {"Key points", "The answer"}  # what a lesson begins its end with; that is for home


def sections():
    """Return {number: (title, text)} of the lessons in TEACHING.md."""
    matches = list(START.finditer(TEXT))
    ends = [match.start() for match in matches[1:]] + [TEXT.index("\n## Who solved what")]
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


def skipped(number):
    """Return the headings that the *Skip* of a lesson drops: those before its first full stop."""
    skip = re.search(r"\*\*Skip\.\*\* (.+?\.)(?:\s|$)", sections()[number][1], re.DOTALL)[1]
    return quoted(skip)


class Section(NamedTuple):
    heading: str
    further: bool
    minutes: float  # to read, without exercises
    exercises: frozenset


def course_sections(number):
    """Return the `Section`s of a lesson, in order. Cells are cut at their headings."""
    parts = []
    for cell in nbformat.reads(lessons.text(PATHS[number]), as_version=4).cells:
        pieces = re.split(r"^(?=#{1,3} )", cell.source, flags=re.MULTILINE) if cell.cell_type == "markdown" else [
            cell.source]
        for piece in filter(str.strip, pieces):
            if cell.cell_type == "markdown" and piece.startswith("#"):
                parts.append((piece.splitlines()[0].lstrip("# "), "further" in cell.metadata.get("tags", []), []))
            parts[-1][2].append(nbformat.from_dict({**cell, "source": piece}))
    found = []
    for heading, further, cells in parts:
        counts = count(cells)
        code = "\n".join(cell.source for cell in cells if cell.cell_type == "code")
        minutes = counts.words / 180 + counts.lines / 10 + counts.pictures / 2 + counts.predictions
        found.append(Section(heading, further, minutes, frozenset(re.findall(r'check\("([\d.]+)"', code))))
    return found


class Row(NamedTuple):
    """A row of a plan, and what it has people read and do."""

    plan: str
    start: int  # minutes
    planned: int
    what: str
    lesson: int | None
    chosen: list  # of `Section`s
    exercises: list
    opens: bool  # a lesson: one minute more

    @property
    def counted(self):
        return sum(section.minutes for section in self.chosen) + 5 * len(self.exercises) + self.opens


def rows_of_plans():
    """Return the `Row`s of the tables under *Plans*."""
    rows, plan, lesson, opened = [], "", None, set()
    text = TEXT.split("\n## Plans\n")[1].split("\n## Prepare the room\n")[0]
    for line in text.splitlines():
        if line.startswith("### "):
            plan, lesson, opened = line[4:], None, set()
        first = re.match(r"\| (from|day \d) \|", line)
        if first:
            name = f"{plan}, {first[1]}"
        cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
        at = re.fullmatch(r"(\d+):(\d\d)", cells[0]) if len(cells) > 2 else None
        if not at:
            continue
        what = cells[2]
        named = re.search(r"Lesson (\d+)", what)
        lesson = int(named[1]) if named else lesson
        breaks = re.search(r"\*\*(Break|Lunch)|\*Slack", what)
        chosen = [] if breaks or lesson is None else chosen_sections(what, lesson)
        done = [] if breaks else EXERCISE.findall(re.sub(r"`.*?`", "", what))
        rows.append(Row(name, 60 * int(at[1]) + int(at[2]), int(cells[1]), what, lesson, chosen, done,
                        bool(named) and lesson not in opened))
        opened.add(lesson)
    return rows


def chosen_sections(what, lesson):
    """Return the sections of a lesson that a row of a plan names."""
    every, names = course_sections(lesson), quoted(what)
    if "in short" not in what:
        return [section for section in every if section.heading in names]
    headings = [section.heading for section in every]
    last = next(index for index, heading in enumerate(headings) if heading in ENDS)
    first = 0
    if "through “" in what:
        last = headings.index(names[0]) + 1
    if "from “" in what:
        first = headings.index(names[0])
    return [section for section in every[first:last]
            if not section.further and section.heading not in skipped(lesson)]


ROWS = rows_of_plans()


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
def test_every_prediction_has_an_answer_in_its_order(number):
    asked = ["further" in cell["metadata"].get("tags", []) for cell in NOTEBOOKS[number]["cells"]
             if cell["cell_type"] == "markdown" for _ in re.findall(r"\*\*Predict", "".join(cell["source"]))]
    table = re.search(r"\| Predict \| Answer \|\n\|---\|---\|\n((?:\|.*\n)+)", sections()[number][1])[1]
    assert [line.startswith("| (further)") for line in table.splitlines()] == asked


@pytest.mark.parametrize("number", NOTEBOOKS)
def test_every_exercise_has_its_stumbles(number):
    named = re.findall(r"^\| (\d+\.\d) \|", sections()[number][1], re.MULTILINE)
    assert set(named) == exercises(number)


def test_exercises_of_the_plans_are_in_the_sections_of_their_row():
    assert [(row.plan, row.what) for row in ROWS
            if not set(row.exercises) <= set().union(*(section.exercises for section in row.chosen))] == []


@pytest.mark.parametrize("number", NOTEBOOKS)
def test_skip_drops_sections_of_the_core_that_are_there(number):
    core = {section.heading for section in course_sections(number) if not section.further}
    assert set(skipped(number)) <= core


def test_no_plan_assigns_what_skip_drops():
    dropped = {number: skipped(number) for number in NOTEBOOKS}
    lost = {number: set().union(*(section.exercises for section in course_sections(number)
                                  if section.heading in dropped[number])) for number in NOTEBOOKS}
    days = [row for row in ROWS if row.plan.startswith("Two days")]
    assert [row.what for row in days if row.lesson in lost and set(row.exercises) & lost[row.lesson]] == []


def test_rows_that_name_sections_are_read_as_such():
    assert [row.what for row in ROWS if quoted(row.what) and "*Slack" not in row.what and not row.chosen] == []


@pytest.mark.parametrize("plan", dict.fromkeys(row.plan for row in ROWS))
def test_rows_follow_each_other_without_a_gap(plan):
    rows = [row for row in ROWS if row.plan == plan]
    assert [before.what for before, after in itertools.pairwise(rows)
            if before.start + before.planned != after.start] == []


@pytest.mark.parametrize(("plan", "minutes"), [("Three hours, from", 180), ("One day, from", 480),
                                               ("Two days, day 1", 480), ("Two days, day 2", 480)])
def test_plans_add_up_to_their_hours(plan, minutes):
    assert sum(row.planned for row in ROWS if row.plan == plan) == minutes


@pytest.mark.parametrize("plan", dict.fromkeys(row.plan for row in ROWS))
def test_plans_have_slack(plan):
    assert sum(row.planned for row in ROWS if row.plan == plan and "*Slack" in row.what) >= 15


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.plan} {row.start // 60}:{row.start % 60:02}")
def test_a_row_has_the_minutes_that_are_counted(row):
    assert row.planned >= row.counted


def test_two_days_open_every_lesson():
    assert {row.lesson for row in ROWS if row.plan.startswith("Two days")} >= set(NOTEBOOKS)


@pytest.mark.parametrize("number", NOTEBOOKS)
def test_a_lesson_run_in_a_break_ends_in_it(number):
    seconds = int(re.search(rf"\]\(notebooks/{PATHS[number].name}\).* (\d+) \|$",
                            (ROOT / "README.md").read_text(encoding="utf-8"), re.MULTILINE)[1])
    breaks = re.findall(rf"\| (\d+) \| \*\*(?:Break|Lunch)\*\* \| run lesson {number} hidden", TEXT)
    assert [minutes for minutes in breaks if 60 * int(minutes) < seconds] == []


if __name__ == "__main__":
    for each in ROWS:
        print(f"{each.plan:18} {each.start // 60:2}:{each.start % 60:02}  {each.planned:3}  {each.counted:5.1f}  "
              f"{each.what[:70]}")
