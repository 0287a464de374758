"""The house: one room a lesson, a library for what two of them use, and nobody in another's room."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

UTILS = Path(__file__).parents[2] / "utils"
ROOMS = sorted(UTILS.glob("lesson_[0-9][0-9]"))
LIBRARY = [path for path in UTILS.rglob("*.py") if not path.parent.name.startswith("lesson_")]
name_of_file = {"ids": lambda path: str(path.relative_to(UTILS))}


def imported(path):
    """Return the dotted names of all that a file imports, such as "utils.lesson_09.pictures"."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def rooms_entered(path):
    return {room for name in imported(path) for room in re.findall(r"^utils\.(lesson_\d\d)", name)}


@pytest.mark.parametrize("path", [path for room in ROOMS for path in room.glob("*.py")], **name_of_file)
def test_room_enters_no_other_room(path):
    assert rooms_entered(path) <= {path.parent.name}


@pytest.mark.parametrize("path", LIBRARY, **name_of_file)
def test_library_enters_no_room(path):
    assert not rooms_entered(path)


@pytest.mark.parametrize("room", ROOMS, **name_of_file)
def test_rooms_have_the_same_furniture_and_none_is_crowded(room):
    files = {path.name for path in room.glob("*.py")}
    assert files <= {"__init__.py", "exercises.py", "pictures.py", "explorers.py", "study.py", "doctor.py"}
    lines = sum(path.read_text(encoding="utf-8").count("\n") for path in room.glob("*.py"))
    assert lines <= 1000


def test_pictures_data_and_scratch_do_without_tensorflow():
    pictures = [f"utils.{path.parent.name}.pictures" for path in UTILS.glob("lesson_*/pictures.py")]
    command = (f"import sys, utils.plots, utils.data, utils.scratch, {', '.join(pictures)}\n"
               "sys.exit('tensorflow' in sys.modules or 'keras' in sys.modules)")
    assert subprocess.run([sys.executable, "-c", command], cwd=UTILS.parent).returncode == 0


def names_used(tree):
    return {getattr(node, "attr", getattr(node, "id", None)) for node in ast.walk(tree)}


@pytest.mark.parametrize("room", ROOMS, **name_of_file)
def test_every_picture_and_explorer_of_a_room_is_drawn_in_its_lessons_test(room):
    """By its name, or as a part of another that is: what stands in a comment or a docstring does not count."""
    definitions = {node.name: node for path in room.glob("*.py") if path.stem in ("pictures", "explorers")
                   for node in ast.parse(path.read_text(encoding="utf-8")).body if isinstance(node, ast.FunctionDef)}
    test = (Path(__file__).parent / f"test_{room.name}.py").read_text(encoding="utf-8")
    drawn = names_used(ast.parse(test)) & definitions.keys()
    while more := {name for each in drawn for name in names_used(definitions[each])} & definitions.keys() - drawn:
        drawn |= more
    assert {name for name in definitions if not name.startswith("_")} <= drawn
