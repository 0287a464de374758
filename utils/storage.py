"""Where the course keeps the learner's progress and training backups, and what it says if it cannot."""

import functools
import os
import tempfile
from pathlib import Path

FOLDER = ".from-neurons-to-generative-models"


def course_folder() -> Path:
    """Return the learner's own folder, which may not exist: `$COURSE_HOME` or else one in the home folder."""
    chosen = os.environ.get("COURSE_HOME")
    if chosen:
        return Path(os.path.expanduser(chosen))
    home = os.path.expanduser("~")  # stays "~" for a user without a home, as on some shared servers
    return Path(tempfile.gettempdir() if home == "~" else home) / FOLDER


@functools.cache
def say_once(message: str) -> None:
    """Print the sentence, unless this kernel has printed it before."""
    print(message)


def say_folder_is_unwritable() -> None:
    """Say, once in a kernel, that nothing can be kept; whoever calls this goes on without."""
    folder = str(course_folder()).replace(os.path.expanduser("~"), "~", 1)
    say_once(f"Note: the folder {folder} cannot be written, so progress and training backups are not kept. "
             "All else works; set COURSE_HOME to another folder to keep them.")
