"""Clear the outputs of a lesson for the room, so that no answer stands below a prediction; or bring them back.

    python -m tools.clear_outputs --lesson 08           (or: course.py clear --lesson 08)
    python -m tools.clear_outputs --lesson 08 --back

What was written stays: text, code, the answers of learners, the ids and metadata of cells. `--back` takes the outputs
from git's last commit, cell by cell. A cell whose code is another one now has no saved output that would fit it, so it
stays as it is.
"""

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path

from tools.measure_notebook import notebooks
from tools.write_badges import ROOT


def clear(notebook):
    """Take the outputs out of a notebook (a dict, changed in place). Return how many cells had some."""
    cells = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    cleared = sum(bool(cell["outputs"]) for cell in cells)
    for cell in cells:
        cell.update(outputs=[], execution_count=None)
    return cleared


def bring_back(notebook, saved):
    """Give the cells of a notebook (a dict, changed in place) the outputs of the saved notebook.

    Returns:
        How many cells have their saved outputs now, and how many did not get any because their code has changed.
    """
    before = {cell["id"]: cell for cell in saved["cells"] if cell["cell_type"] == "code"}
    back = changed = 0
    for cell in notebook["cells"]:
        old = before.get(cell.get("id")) if cell["cell_type"] == "code" else None
        if old is None:
            continue
        if "".join(cell["source"]) == "".join(old["source"]):
            cell.update(outputs=old["outputs"], execution_count=old["execution_count"])
            back += bool(old["outputs"])
        else:
            changed += 1
    return back, changed


def saved_notebook(path):
    """Return a notebook as git's last commit has it.

    Raises:
        SystemExit: in words, where git cannot say.
    """
    try:
        shown = subprocess.run(["git", "show", f"HEAD:./{path.name}"], cwd=path.parent, capture_output=True, check=True)
    except (OSError, subprocess.CalledProcessError) as error:
        told = getattr(error, "stderr", b"") or str(error).encode()
        raise SystemExit(
            f"Outputs come back from git's last commit, and git does not have {path.name}: "
            f"{told.decode(errors='replace').strip()}\nWithout git, take this notebook from a fresh copy of the "
            "course, or run it again.") from None
    return json.loads(shown.stdout)


def read(path):
    """Return the notebook of a file, a dict.

    Raises:
        SystemExit: in words, where the file is not there or is no notebook.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        sys.exit(f"{path.name} has been deleted here. To have the course's again, type in the folder notebooks: git "
                 f"checkout HEAD -- {path.name}")
    except ValueError:
        sys.exit(f"{path.name} is damaged, and stays as it is: it is no notebook. Copy it to another folder if there "
                 "is work of yours in it. To have the course's again, type in the folder notebooks: git checkout HEAD "
                 f"-- {path.name}")


def write(notebook, path):
    """Write a notebook as JupyterLab does, so that nothing but its outputs differs; on a full disk, leave it whole.

    Raises:
        SystemExit: in words, where the file cannot be written.
    """
    text = json.dumps(notebook, indent=1, ensure_ascii=False) + "\n"
    half = Path(f"{path}.tmp")
    try:
        half.write_bytes(text.encode("utf-8"))  # bytes: on Windows, text would get other ends of lines
        os.replace(half, path)
    except OSError as error:
        half.unlink(missing_ok=True)
        sys.exit(f"{path.name} could not be written, and is as it was: {error.strerror}. Is the disk full, or the "
                 "folder not yours to write?")


def main(arguments=None):
    parser = argparse.ArgumentParser(prog="course.py clear", description=__doc__.partition("\n")[0])
    parser.add_argument("--lesson", required=True, help="such as 08")
    parser.add_argument("--back", action="store_true", help="bring back the outputs that git has")
    options = parser.parse_args(arguments)
    try:
        paths = notebooks(options.lesson.zfill(2))
    except FileNotFoundError as error:
        parser.error(str(error))
    for path in paths:
        notebook, name = read(path), path.relative_to(ROOT)
        if options.back:
            back, changed = bring_back(notebook, saved_notebook(path))
            kept = f"; {changed} whose code you changed stay as they are" if changed else ""
            print(f"{name}: {back} cells have their saved outputs again{kept}.")
        else:
            print(f"{name}: the outputs of {clear(notebook)} cells are cleared. "
                  f"Bring them back with: course.py clear --lesson {path.name[:2]} --back")
        write(notebook, path)
    print("If it is open in JupyterLab, choose File > Reload Notebook from Disk there.")


if __name__ == "__main__":
    main()
