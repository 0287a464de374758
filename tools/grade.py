"""Say who of a class has solved what: run the course's own check on the notebooks that learners hand in.

    python -m tools.grade FOLDER --csv marks.csv --page class.html      (or: python3 course.py grade FOLDER)

FOLDER holds the notebooks of one lesson, in any sub-folders and under any names. From each, the command takes every
exercise's function with what it needs from other cells (imports, definitions, simple assignments), not the rest of the
notebook, and calls `check`. Of several checks of one exercise, the last that is not of the stub counts. The CSV file
has a row for each learner and exercise: passed, tried (and the mistake in the words of the check) or open. The page
draws the class as a map, and names each exercise's commonest mistakes. A file that cannot be graded costs a row with
the reason.

**Learners can copy answers**, from each other and from `solution`; marks say what was handed in, not who understood it.
What runs is code of others. It runs in a process of its own with limits, of which some hold on Linux only:
`tools/grading/limits.py` lists them. A learner's function runs in the same process as the check, so code written to
cheat can also claim that it passed.
"""

import argparse
import csv
import itertools
import os
import sys
import time
from pathlib import Path

from tools.grading import handed_in, page, running

COLUMNS = ("learner", "file", "lesson", "exercise", "function", "state", "words")


def main(arguments=None):
    """Grade a folder, write both files and print a summary."""
    options = _options(arguments)
    found = handed_in.find(options.folder)
    lesson = options.lesson or handed_in.lesson_of_class(found)
    if lesson is None:
        names = "".join(f"\n  {each.file}: {each.trouble}" for each in found) or " It has no file *.ipynb."
        sys.exit(f"No notebook of the course is in {options.folder}.{names}")
    try:
        exercises = handed_in.exercises(lesson)
    except FileNotFoundError as error:
        sys.exit(str(error))
    began = time.monotonic()
    learners, holds = grade(found, lesson, exercises, options.processes, not options.fresh, options.seconds)
    _write(options.csv, lambda file: _write_rows(file, found, lesson, exercises, learners), encoding="utf-8-sig")
    text = page.page(lesson, exercises, learners, time.strftime("%d %B %Y, %H:%M"), holds)
    _write(options.page, lambda file: file.write(text), encoding="utf-8")
    print(_summary(lesson, exercises, learners))
    print(f"{len(found)} notebooks in {time.monotonic() - began:.0f} s: {options.csv}, {options.page}. Limits: "
          f"{', '.join(holds) or 'not known, for nothing was run'}.")


def grade(found, lesson, exercises, processes, forks=running.FORKS, seconds=running.SECONDS):
    """Return ({learner: {identifier: (state, words)} or words}, which limits held) in the order of `found`."""
    graded = [each for each in found if not each.trouble and each.lesson == lesson]
    verdicts, holds = running.grade([each.cells for each in graded], lesson, exercises, processes, forks, seconds,
                                    _progress(len(graded)))
    learners = {}
    for each in found:
        other = each.lesson and f"it is of lesson {int(each.lesson)}; --lesson {each.lesson} grades that"
        learners[each.learner] = each.trouble or other
    learners |= {each.learner: verdict for each, verdict in zip(graded, verdicts, strict=True)}
    return learners, holds


def _options(arguments):
    parser = argparse.ArgumentParser(prog="python -m tools.grade", description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=_folder, help="with the notebooks, which may be in sub-folders")
    parser.add_argument("--csv", type=Path, default=Path("marks.csv"), metavar="FILE", help="default: marks.csv")
    parser.add_argument("--page", type=Path, default=Path("class.html"), metavar="FILE", help="default: class.html")
    parser.add_argument("--lesson", metavar="NN", help="two digits; default: the one of most notebooks")
    parser.add_argument("--processes", type=int, default=_processes(), metavar="N", help="notebooks at a time")
    parser.add_argument("--seconds", type=float, default=running.SECONDS, metavar="S",
                        help=f"by the clock, for one exercise; default: {running.SECONDS}")
    parser.add_argument("--fresh", action="store_true", default=not running.FORKS,
                        help="a fresh Python for each notebook, as where it cannot be forked; much slower")
    return parser.parse_args(arguments)


def _folder(text):
    if not text or not Path(text).is_dir():
        raise argparse.ArgumentTypeError(f"{text!r} is no folder; say where the notebooks are: "
                                         "python3 course.py grade FOLDER")
    return Path(text)


def _processes():
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(cores, 8)  # each takes about half a gigabyte


def _progress(count):
    numbers = itertools.count(1)

    def told():
        done = next(numbers)
        if sys.stderr.isatty():
            print(f"\r{done} of {count}", end="\n" * (done == count), file=sys.stderr, flush=True)

    return told


def _write(path, write, encoding):
    try:
        with open(path, "w", encoding=encoding, errors="replace", newline="") as file:
            write(file)
    except OSError as error:
        sys.exit(f"{path} cannot be written: {error.strerror}. Choose another place with --csv and --page.")


def _write_rows(file, found, lesson, exercises, learners):
    table = csv.writer(file)
    table.writerow(COLUMNS)
    for each in found:
        verdicts = learners[each.learner]
        if isinstance(verdicts, str):
            rows = [(each.lesson, "", "", running.UNJUDGED, verdicts)]
        else:
            rows = [(lesson, identifier, name, *verdicts[identifier]) for identifier, name in exercises.items()]
        table.writerows([_cell(value) for value in (each.learner, each.file, *row)] for row in rows)


def _cell(text):
    """Return the text so that no spreadsheet takes it for a formula."""
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text


def _summary(lesson, exercises, learners):
    judged = [each for each in learners.values() if isinstance(each, dict)]
    lines = [f"Lesson {int(lesson)}: {len(judged)} notebooks judged, {len(learners) - len(judged)} not."]
    for identifier, name in exercises.items():
        states = [each[identifier][0] for each in judged]
        counts = ", ".join(f"{states.count(state)} {state}" for state in running.STATES if state in states)
        lines.append(f"  {identifier} {name}: {counts}")
    lines += [f"  {learner}: {words}" for learner, words in learners.items() if isinstance(words, str)]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
