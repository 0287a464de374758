"""The learner's record: which exercises were passed or tried, in one small file on the learner's own disk."""

import json
import os
import tempfile
from pathlib import Path

from utils.storage import course_folder, say_folder_is_unwritable, say_once

STATES = ("tried", "passed")  # in this order: a later state is never taken back
_of_this_kernel: dict[Path, dict[str, str]] = {}  # kept beside the file, for when it cannot be written


def remember(identifier: str, state: str) -> None:
    """Record that an exercise was "tried" or "passed". A pass once recorded stays."""
    path = _file()
    known = _of_this_kernel.setdefault(path, {})
    known[identifier] = _better(known.get(identifier), state)
    stored = _read(path)  # again at every write, for another kernel may have written since
    merged = _merge(stored, known)
    if merged != stored:
        try:
            _write(path, merged)
        except OSError:  # a read-only folder, a full disk
            say_folder_is_unwritable()


def recall() -> dict[str, str]:
    """Return the state of every exercise that was ever tried, by identifier."""
    path = _file()
    return _merge(_read(path), _of_this_kernel.get(path, {}))


def _file() -> Path:
    return course_folder() / "progress.json"


def _better(one: str | None, other: str | None) -> str:
    return max((state for state in (one, other) if state), key=STATES.index)


def _merge(one: dict[str, str], other: dict[str, str]) -> dict[str, str]:
    return {each: _better(one.get(each), other.get(each)) for each in sorted({*one, *other})}


def _read(path: Path) -> dict[str, str]:
    """Return what the file holds; a damaged one is put aside as `progress.json.bak` and counts as empty."""
    try:
        content = path.read_bytes()
    except OSError:  # none yet; or a folder that cannot be read, and that is said when writing fails too
        return {}
    try:
        states = json.loads(content)
        if not (isinstance(states, dict) and all(state in STATES for state in states.values())):
            raise ValueError("not a record of exercises")
        return states
    except (ValueError, RecursionError):
        backup = path.with_name(path.name + ".bak")
        try:
            os.replace(path, backup)
        except OSError:
            pass  # in a read-only folder it stays where it is
        say_once(f"Note: the file with your progress was damaged. It is kept as {backup.name}; "
                 "a new one is begun.")
        return {}


def _write(path: Path, states: dict[str, str]) -> None:
    """Replace the file in one step, so that no reader and no crash ever sees half of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=path.name, suffix=".tmp")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            json.dump(states, file, indent=1)
        os.replace(temporary, path)
    except BaseException:  # also the learner's interrupt: leave no debris
        os.unlink(temporary)
        raise
