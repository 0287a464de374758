"""Find the notebooks of a class in a folder, and tell whose each is and of which lesson. Nothing of them is run."""

import json
import os
import re
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path

NOTEBOOKS = Path(__file__).resolve().parents[2] / "notebooks"
SUFFIX = re.compile(r"\.ipynb(\.txt|\.json)?$", re.IGNORECASE)  # some browsers and mail programs add the second
LARGEST = 64 * 2**20  # bytes; a lesson with its pictures takes one or two million


@dataclass(frozen=True)
class HandedIn:
    """A file that was handed in: whose, of which lesson, its code cells; or why it cannot be graded."""

    learner: str
    file: str
    lesson: str = ""
    cells: tuple[str, ...] = ()
    trouble: str = ""


def find(folder):
    """Return what is in the folder and below it, in the order of the learners' names.

    A learner is named by the path without its ending; by the sub-folder alone where the file has the course's own name.
    """
    files = [Path(place, name) for place, folders, names in os.walk(folder) for name in names
             if SUFFIX.search(name) and not name.startswith(".")
             and not any(part.startswith((".", "__MACOSX")) for part in Path(place).relative_to(folder).parts)]
    found = [_read(path, path.relative_to(folder)) for path in files]
    twice = Counter(each.learner for each in found)
    found = [replace(each, learner=each.file) if twice[each.learner] > 1 else each for each in found]
    return sorted(found, key=lambda each: (each.learner.casefold(), each.file))


def lesson_of_class(found):
    """Return the lesson that most of the notebooks are of, as two digits; None if none is of any."""
    counted = Counter(each.lesson for each in found if each.lesson)
    return min(counted, key=lambda lesson: (-counted[lesson], lesson), default=None)


def exercises(lesson):
    """Return the exercises of a lesson's own notebook as {identifier: name of the function}.

    Raises:
        FileNotFoundError: if the course has no such lesson.
    """
    path = next(NOTEBOOKS.glob(f"{lesson}_*.ipynb"), None) if re.fullmatch(r"\d\d", lesson) else None
    if path is None:
        raise FileNotFoundError(f"The course has no lesson {lesson!r}: two digits are wanted, such as 06.")
    source = "\n".join(_cells(json.loads(path.read_text(encoding="utf-8"))))
    return {identifier: name for name, identifier in re.findall(r'^(\w+) = check\("(\d+\.\d+)"', source, re.MULTILINE)}


def _read(path, shown):
    name, names_of_lessons = SUFFIX.sub("", shown.name), {each.stem for each in NOTEBOOKS.glob("*.ipynb")}
    folder = shown.parent.as_posix()
    is_courses = name in names_of_lessons and folder != "."
    handed_in = HandedIn(folder if is_courses else (shown.parent / name).as_posix(), shown.as_posix())
    try:
        if not path.is_file():
            raise ValueError("it is no ordinary file")
        if path.stat().st_size > LARGEST:
            raise ValueError(f"it is larger than {LARGEST // 2**20} MB; clear its outputs and hand it in again")
        if not (content := path.read_bytes()).strip():
            raise ValueError("the file is empty")
        cells = _cells(json.loads(content.decode("utf-8-sig")))
        return replace(handed_in, cells=tuple(cells), lesson=_lesson("\n".join(cells)))
    except json.JSONDecodeError as error:
        return replace(handed_in, trouble=f"it is no notebook, or a damaged one: no JSON in line {error.lineno}")
    except UnicodeDecodeError:
        return replace(handed_in, trouble="it is no notebook, or a damaged one: no UTF-8")
    except (OSError, ValueError, RecursionError) as error:
        return replace(handed_in, trouble=str(error))


def _cells(notebook):
    """Return the sources of a notebook's code cells.

    Raises:
        ValueError: if it is none of the course's.
    """
    cells = notebook.get("cells") if isinstance(notebook, dict) else None
    if not isinstance(cells, list):
        raise ValueError("it is no notebook: it has no list of cells")
    sources = [each.get("source", "") for each in cells if isinstance(each, dict) and each.get("cell_type") == "code"]
    return ["".join(map(str, source)) if isinstance(source, list) else str(source) for source in sources]


def _lesson(source):
    """Return the lesson as two digits, by `start` and, where that is gone or changed, by most of the checks.

    Raises:
        ValueError: if there is neither.
    """
    started = re.findall(r"""^[^#\n]*\bstart\(\s*["'](\d\d)["']""", source, re.MULTILINE)
    checked = Counter(f"{int(each):02d}" for each in re.findall(r"""\bcheck\(\s*["'](\d{1,2})\.\d""", source))
    most = [each for each, _ in checked.most_common(1)]
    candidates = [each for each in started if each in checked] or most or started
    if not candidates:
        raise ValueError('its lesson cannot be told: there is neither `start("…")` nor a `check("…", …)` in its cells')
    return candidates[0]
