"""The lessons' notebooks as git holds them: as they were committed, or as `git add` has put them there since.

A learner solves exercises, adds cells and clears outputs. These are changes of a file, and no fault of the course: what
only a commit must look like is asked of what git holds. A copy without git, from a zip file or a stick, has its files
alone.
"""

import functools
import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
NOTEBOOKS = ":(glob)notebooks/*.ipynb"


def paths(root=ROOT):
    """Return the paths of all lessons, in order: the notebooks in git, and not a learner's own beside them."""
    return list(_in_git(root)) or sorted(path for path in (root / "notebooks").glob("*.ipynb")
                                         if re.fullmatch(r"\d\d(_[a-z0-9]+)+", path.stem))


def in_git(root=ROOT):
    """Return whether git holds the lessons; else nobody can tell a learner's change from the course's own text."""
    return bool(_in_git(root))


def changed(root=ROOT):
    """Return the paths of the lessons whose files differ from what git holds."""
    return [path for path, differs in _in_git(root).items() if differs]


def text(path):
    """Return the JSON of the lesson in the file `path` as git holds it; without git, as it is."""
    root = path.parent.parent
    name = path.relative_to(root).as_posix()
    held = _in_git(root).get(path) and (git(root, "show", f":./{name}")
                                        or git(root, "show", f"HEAD:./{name}"))  # while a merge waits for a decision
    return held or path.read_text(encoding="utf-8")


@functools.cache
def _in_git(root):
    """Return {path: whether its file differs} of the notebooks that git holds, none where there is no git."""
    held, differing = (set((git(root, *command, "-z", "--", NOTEBOOKS) or "").split("\0")) - {""}
                       for command in (["ls-files"], ["diff", "--name-only", "--relative"]))
    return {root / name: name in differing for name in sorted(held)}


def git(root, *command):
    """Return what a git command prints, None if it fails or there is no git."""
    try:
        done = subprocess.run(["git", *command], cwd=root, capture_output=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return done.stdout.decode("utf-8")
