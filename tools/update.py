"""Fetch the newest version of the course with git, and keep what its learner has done.

    python -m tools.update        (or: python3 course.py update)

A lesson that the learner has changed, and the course too, is put together cell by cell: it is the new lesson, with the
learner's answers and own cells in it. How it was before is kept in notebooks/mine. Where anything else stands in the
way, a sentence says what, and nothing changes. Standard library only: this also runs where no package is installed.
"""

import copy
import datetime
import json
import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
MINE = "notebooks/mine"


class NotUpdated(Exception):
    """The course stays as it is; the message says why, and what to do."""


# Git ------------------------------------------------------------------------------------------------------

def git(*command):
    """Return what a git command prints, and raise `NotUpdated` with its complaint if it fails."""
    patience = ["-c", "http.lowSpeedLimit=100", "-c", "http.lowSpeedTime=30"]
    try:
        done = subprocess.run(["git", *patience, *command], cwd=ROOT, capture_output=True,
                              env={**os.environ, "GIT_TERMINAL_PROMPT": "0"})  # nobody may be there to answer
    except OSError:
        raise NotUpdated("git, with which the newest course comes, is not installed here: get it from "
                         "https://git-scm.com, then type this again.") from None
    if done.returncode:
        lines = done.stderr.decode("utf-8", "replace").strip().splitlines() or ["nothing"]
        if allowed := next((line.strip() for line in lines if "--add safe.directory" in line), None):
            raise NotUpdated("This folder belongs to another account of this machine, and git does not trust it. If "
                             f"it is your course, type `{allowed}`, then this again.")
        said = next((line for line in lines if line.startswith(("fatal", "error"))), lines[-1])
        raise NotUpdated(f"git says: {without_secrets(said)}")
    return done.stdout.decode("utf-8", "surrogateescape")


def without_secrets(text):
    """Return a text without the names and tokens in its addresses."""
    return re.sub(r"//[^/@\s]+@", "//", text)


def names(command, *arguments):
    """Return the file names that a git command prints."""
    return [name for name in git(command, "-z", *arguments).split("\0") if name]


def newest():
    """Return the commit that is here and the newest one of the course, None if it is here already.

    Raises:
        NotUpdated: if git cannot tell, or cannot go from the one to the other.
    """
    git("--version")
    if not (ROOT / ".git").exists():
        raise NotUpdated("This copy of the course came without git, so it cannot be updated in its place: get the new "
                         f"course into another folder. Your notebooks stay here, in {ROOT / 'notebooks'}, and your "
                         "progress, which is kept outside of the course, goes on there.")
    here = git("rev-parse", "HEAD").strip()
    if names("diff", "--name-only", "--diff-filter=U"):
        raise NotUpdated("A merge that was begun here has not ended: end it (`git merge --abort` goes back to where "
                         "it began), then type this again.")
    if not _asked("symbolic-ref", "HEAD"):
        raise NotUpdated("This copy holds on to one version of the course (git calls that a detached HEAD): type "
                         "`git switch main`, then this again.")
    if not _asked("remote"):
        raise NotUpdated("git does not know the address of the course, which may not have had one when this copy was "
                         "made: type `git remote add origin ADDRESS`, `git fetch` and `git branch "
                         "--set-upstream-to=origin/main`, then this again.")
    before = _asked("rev-parse", "HEAD@{upstream}")
    if not before:
        raise NotUpdated("git does not know where the new course comes from: type `git branch "
                         "--set-upstream-to=origin/main`, then this again.")
    try:
        git("fetch", "--quiet")
    except NotUpdated as error:
        address = without_secrets(_asked("remote", "get-url", "origin"))
        raise NotUpdated(f"The newest course cannot be fetched from {address}: is there a network? {error}\nIf this "
                         "copy came on a stick, tell git the address of the course: `git remote set-url origin "
                         "ADDRESS`.") from None
    new = _asked("rev-parse", "HEAD@{upstream}")
    if git("rev-list", "--count", f"{here}..{new}").strip() == "0":
        return here, None
    if own := int(git("rev-list", "--count", here, f"^{new}", f"^{before}")):
        raise NotUpdated(f"You have made {own} commit{'s' * (own > 1)} here that the course does not have: type "
                         "`git merge`, and decide where git asks you to.")
    return here, new


def _asked(*command):
    """Return what a git command prints, nothing if it fails."""
    try:
        return git(*command).strip()
    except NotUpdated:
        return ""


# One notebook ---------------------------------------------------------------------------------------------

def identifier(cell):
    """Return the name by which a cell is the same one in every version; Colab keeps it in the metadata."""
    return cell.get("id") or cell["metadata"]["id"]


def source(cell):
    return "".join(cell["source"])


def answers(notebook):
    """Return {identifier of a cell: numbers of the exercises that are to be solved in it}."""
    everything = "\n".join(source(cell) for cell in notebook["cells"])
    numbers = dict(re.findall(r'^(\w+) = check\("([\d.]+)"', everything, flags=re.MULTILINE))
    found = {identifier(cell): [numbers[name] for name in re.findall(r"^def (\w+)", source(cell), flags=re.MULTILINE)
                                if name in numbers] for cell in notebook["cells"] if cell["cell_type"] == "code"}
    return {name: exercises for name, exercises in found.items() if exercises}


def joined(mine, old, new):
    """Put a learner's work into the new version of a lesson.

    A cell that only the learner has changed is the learner's. One that the course has changed too is the course's,
    unless it is the answer to an exercise. Own cells stay behind the cell that they follow. Outputs are the learner's
    where the code is.

    Args:
        mine, old, new: the learner's notebook, the lesson from which it was made, and the new one, as in their files.

    Returns:
        (notebook, exercises whose answers were kept, number of other cells kept, number of changed cells not kept)
    """
    result, olds, to_solve = copy.deepcopy(new), {identifier(cell): cell for cell in old["cells"]}, answers(old)
    news, kept, others, lost, above = {identifier(cell): cell for cell in result["cells"]}, [], 0, 0, None
    for cell in mine["cells"]:
        name, kind, text = identifier(cell), cell["cell_type"], source(cell)
        before, there = olds.get(name), news.get(name)
        if not before and not there:
            place = next((place for place, each in enumerate(result["cells"], 1) if each is above), 0)
            result["cells"].insert(place, there := {"id": name, **copy.deepcopy(cell)})  # Colab's have it elsewhere
            others += 1
        elif before and there and kind == before["cell_type"] == there["cell_type"] and text != source(before) and (
                name in to_solve or source(there) == source(before)):
            there["source"] = cell["source"]
            there.update({key: cell[key] for key in ("attachments",) if key in cell})  # pictures in a text
            kept += to_solve.get(name, [])
            others += name not in to_solve
        elif (kind, text) not in [(each["cell_type"], source(each)) for each in (before, there) if each]:
            lost += 1
        if there and kind == there["cell_type"] == "code" and text == source(there):
            there.update(outputs=cell["outputs"], execution_count=cell["execution_count"])
        above = there or above
    return result, kept, others, lost


def sentence(kept, others, lost):
    """Say what of a learner's work is in the new lesson."""
    parts = [f"your answer{'s' * (len(kept) > 1)} to {', '.join(kept)}"] * bool(kept) + [
        f"{others} cell{'s' * (others > 1)} of yours"] * bool(others)
    said = " with ".join(["the new lesson", " and ".join(parts)] if parts else ["the new lesson"])
    cells = f"{lost} cells that you have changed are" if lost > 1 else "1 cell that you have changed is"
    return said + f"; {cells} as in the course, which has changed, too" * bool(lost)


# The course -----------------------------------------------------------------------------------------------

def update():
    """Bring the newest course, and return sentences about what is new and what was kept."""
    here, new = newest()
    if not new:
        return ["This is the newest version of the course; nothing has changed."]
    incoming = names("diff", "--name-only", "--no-renames", here, new)
    changed = {*names("diff", "--name-only", "--no-renames", "HEAD")} & {*incoming}
    lessons = sorted(name for name in changed if re.fullmatch(r"notebooks/[^/]+\.ipynb", name))
    own = [name for name in names("diff", "--name-only", "--no-renames", "--diff-filter=A", here, new)
           if (ROOT / name).exists()]
    own += {each for name in incoming for each in map(Path.as_posix, Path(name).parents)
            if (ROOT / each).is_file() and each not in incoming}  # git would delete it, if it is an ignored one
    if in_the_way := sorted(changed - {*lessons} | {*own}):
        raise NotUpdated(f"These files are yours or changed by you, and the new course has them, too: "
                         f"{', '.join(in_the_way)}. Move your own ones to another folder; copy changed ones there and "
                         "take them back here with `git checkout HEAD` and their names. Then type this again.")
    present = [name for name in lessons if (ROOT / name).exists()]  # one that was deleted comes back
    place = {name: _place(name, here, new) for name in present}
    together = {name: _together(name, here, new, place[name]) for name in present}
    folder = _copied(present)
    try:
        if lessons:
            git("checkout", "--quiet", "HEAD", "--", *lessons)
        git("reset", "--quiet", "--keep", new)  # refuses to touch what has changed here
    except BaseException:  # Ctrl-C too
        for name in present:
            (ROOT / name).write_bytes((folder / Path(name).name).read_bytes())
        raise
    for name, (content, _) in together.items():
        if content:
            (ROOT / place[name]).write_bytes(content)
    said = [f"This is the newest version of the course now; files that are new or changed: {len(incoming)}."]
    said += [f"{place[name] or name}: {what}." for name, (_, what) in together.items()]
    if present:
        said += [f"Your notebooks as they were: {folder.relative_to(ROOT).as_posix()}",
                 "If a lesson is open in JupyterLab, choose File > Reload Notebook from Disk there."]
    return [*said, "Your progress is kept outside of the course, and is as it was."]


def _place(name, here, new):
    """Return the name of a lesson in the new version, where it may have another title, None if it is not there.

    It is the new one that has most of its cells: its number may be another one's now.
    """
    before, there = (names("ls-tree", "--name-only", commit, "notebooks/") for commit in (here, new))
    if name in there:
        return name
    cells = _identifiers(here, name)
    common = {each: len(cells & _identifiers(new, each)) for each in there if each not in before}
    best = max(common, key=common.get, default=None)
    return best if common.get(best) else None


def _identifiers(commit, name):
    """Return the names of all cells of a lesson in a commit, as far as they have any."""
    try:
        return {identifier(cell) for cell in json.loads(git("show", f"{commit}:{name}"))["cells"]}
    except (ValueError, LookupError, TypeError):
        return set()


def _together(name, here, new, there):
    """Return (content of the new lesson with the learner's work, None if it has none of it; a sentence about it)."""
    if not there:
        return None, "the course has this lesson no more; yours is kept, as it was"
    try:
        mine = json.loads((ROOT / name).read_text(encoding="utf-8"))
        notebook, *counts = joined(mine, json.loads(git("show", f"{here}:{name}")),
                                   json.loads(git("show", f"{new}:{there}")))
        return (json.dumps(notebook, indent=1, ensure_ascii=False) + "\n").encode("utf-8"), sentence(*counts)
    except (ValueError, LookupError, TypeError, AttributeError):  # no notebook, or one without names of cells
        return None, "the new lesson; yours cannot be put into it, and is kept as it was"


def _copied(lessons):
    """Copy the learner's notebooks to a new folder, named by the day, and return it."""
    today = f"{MINE}/{datetime.date.today().isoformat()}"
    candidates = [ROOT / today, *(ROOT / f"{today} ({count})" for count in range(2, 1000))]
    folder = next(each for each in candidates if not each.exists())
    for name in lessons:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / Path(name).name).write_bytes((ROOT / name).read_bytes())
    return folder


def main():
    try:
        print("\n".join(update()))
    except NotUpdated as error:
        sys.exit(f"{error}\nNothing has changed here.")
    except OSError as error:
        sys.exit(f"{error}. Is the disk full, or the folder not yours to write? What is no longer in its place is in "
                 f"{MINE}.")
    except KeyboardInterrupt:
        sys.exit(f"\nStopped. Type the same command again. What is not in its place is in {MINE}.")


if __name__ == "__main__":
    main()
