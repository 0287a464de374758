"""Say whether the course can be published as it is here: what only a commit must look like, and a used copy need not.

    python -m tools.check_release        (or: python3 course.py release)

`course.py test` asks the same of the notebooks that git holds. Here it is asked of the files, before they are
committed, and with it what must be right only where others get the course: its address, and nothing left out of git.
"""

import re
import sys
from pathlib import Path

import utils.runtime  # noqa: F401 (first of all: it keeps TensorFlow's start-up messages away)
import nbformat
from PIL import Image

from tests.exercises.test_contract import complaints as complaints_about_stubs
from tests.notebooks import form
from tools import lessons, write_badges
from utils.exercises import engine

ROOT, SHOWN = lessons.ROOT, 12  # complaints of one kind


def not_committed(root=ROOT):
    """Return a complaint about each file that is not as in the last commit."""
    status = lessons.git(root, "status", "--porcelain", "--untracked-files=all")
    if status is None:
        return ["there is no git here"]
    return [f"{line[3:]} is {'not in git' if line.startswith('??') else 'not as in the last commit'}"
            for line in status.splitlines()]


def without_address():
    """Return a complaint about each file in which the course's public address is missing, or is another one."""
    again = "`python3 course.py badges` writes the address into it"
    lacking = write_badges.files_without_address()
    texts = {path: path.read_text(encoding="utf-8") for path in write_badges.addressed_files() if path not in lacking}
    other = [path for path, text in texts.items()
             if write_badges.rewritten(path, text, *write_badges.address()) != text]
    return [f"{path.name} {says}; {again}" for paths, says in (
        (lacking, "has no public address"), (other, "has another address, badge or set-up cell")) for path in paths]


def pictures_missing(root=ROOT):
    """Return a complaint about each picture of README.md and TEACHING.md that others will not see."""
    held = set((lessons.git(root, "ls-files", "-z") or "").split("\0"))
    found = []
    for text in ("README.md", "TEACHING.md"):
        for words, name in re.findall(r"!\[(.*?)\]\(([^)\s]+)\)", (root / text).read_text(encoding="utf-8")):
            faults = {"has no alternative text": not words.strip(), "is not in git": name not in held,
                      "is no picture": not _is_picture(root / name)}
            found += [f"{text}: {name} {fault}" for fault, wrong in faults.items() if wrong]
    return found


def _is_picture(path):
    try:
        with Image.open(path) as image:
            image.verify()
    except (OSError, SyntaxError):  # as Pillow says it of a damaged PNG
        return False
    return True


def faults_of_lesson(path):
    """Return all complaints of the rules of form, and about the stubs of the exercises, in a notebook's file."""
    try:
        lesson = form.read(path)
        number = int(path.stem[:2])
        exercises = engine.lesson_module(number).EXERCISES if number in engine.lessons() else ()
    except (ValueError, nbformat.reader.NotJSONError) as error:
        return [f"this is no lesson: {error}"]
    code = [cell.source for _, cell in form.cells(lesson, "code")]
    found = [complaint for rule in form.RULES for complaint in rule(lesson, path)]
    if not form.code_cells_are_plain_python(lesson, path):  # else no stub can be read
        found += complaints_about_stubs(code, {each.identifier: each for each in exercises})
    return found


def checks():
    """Yield (what should be so, complaints) of everything that is looked at."""
    yield "Everything is committed", not_committed()
    yield "The public address of the course is in all files", without_address()
    yield "The pictures of README.md and TEACHING.md are there", pictures_missing()
    for path in sorted(Path(ROOT, "notebooks").glob("*.ipynb")):
        yield f"{path.name}: its form, its outputs and its exercises", faults_of_lesson(path)


def main():
    ready = True
    for what, complaints in checks():
        more = [f"… and {len(complaints) - SHOWN} more"] if len(complaints) > SHOWN else []
        print("\n    ".join([f"{'✗' if complaints else '✓'} {what}", *complaints[:SHOWN], *more]), flush=True)
        ready &= not complaints
    print("Ready to be published." if ready else "Not ready to be published.")
    sys.exit(not ready)


if __name__ == "__main__":
    main()
