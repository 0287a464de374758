"""Write the public address of the course, kept in pyproject.toml, into every badge and set-up cell.

    python tools/write_badges.py        (or: make badges)

Everything else in the notebooks and in README.md stays as it is, byte for byte.
"""

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

SET_UP = '''\
# @title Set-up: fetches the course on Colab, does nothing elsewhere
import os
import subprocess
import sys

REPOSITORY = "{repository}"
BRANCH = "{branch}"
FOLDER = "/content/course"

if "COLAB_RELEASE_TAG" in os.environ:
    if not os.path.isdir(FOLDER):
        command = ["git", "clone", "--quiet", "--depth=1", "--branch", BRANCH,
                   REPOSITORY, FOLDER]
        fetched = subprocess.run(command, capture_output=True, text=True)
        if fetched.returncode:
            raise RuntimeError(
                f"The course could not be fetched from {{REPOSITORY}}: check the network "
                f"and run this cell again. git says: {{fetched.stderr.strip()}}")
    if FOLDER not in sys.path:
        sys.path.insert(0, FOLDER)'''

SET_UP_METADATA = {"cellView": "form", "jupyter": {"source_hidden": True}}


def address():
    """Return (repository, branch) from pyproject.toml, such as ("https://github.com/OWNER/NAME", "main").

    Raises:
        ValueError: if the repository is not a GitHub address: Colab opens notebooks from there only.
    """
    course = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["course"]
    if not re.fullmatch(r"https://github\.com/[\w.-]+/[\w.-]+", course["repository"]):
        raise ValueError(
            f"[tool.course] repository in pyproject.toml is {course['repository']!r}, but Colab needs an "
            "address like https://github.com/OWNER/NAME, without a slash or .git at the end."
        )
    return course["repository"], course["branch"]


def set_up_cell(repository, branch):
    """Return the source of the first code cell, which is the same in every notebook."""
    return SET_UP.format(repository=repository, branch=branch)


def badge(notebook_name, repository, branch):
    """Return the Markdown of the Colab badge of one notebook, such as "06_variational_autoencoders.ipynb"."""
    return (
        "[![Open in Colab](https://colab.research.google.com/assets/colab-badge.svg)]"
        f"({_colab_folder(repository, branch)}{notebook_name})"
    )


def with_address(text, repository, branch):
    """Return `text`, the content of a notebook file or of README.md, with its address replaced everywhere."""
    folder = _colab_folder(repository, branch)
    replacements = {
        r"https://colab\.research\.google\.com/github/[^\s()\"]*?/notebooks/": folder,
        r'REPOSITORY = \\"[^"]*\\"': rf'REPOSITORY = \"{repository}\"',  # as it stands in a notebook's JSON
        r'BRANCH = \\"[^"]*\\"': rf'BRANCH = \"{branch}\"',
        r"git clone https://[^\s`]+": f"git clone {repository}",
    }
    for pattern, replacement in replacements.items():
        text = re.sub(pattern, lambda _, replacement=replacement: replacement, text)
    return text


def addressed_files():
    """Return the paths of all files that hold the address."""
    return [*sorted((ROOT / "notebooks").glob("*.ipynb")), ROOT / "README.md"]


def main():
    repository, branch = address()
    for path in addressed_files():
        old = path.read_bytes().decode("utf-8")
        new = with_address(old, repository, branch)
        if new != old:
            path.write_bytes(new.encode("utf-8"))
            print(f"{path.relative_to(ROOT)}: now {repository}, branch {branch}")


def _colab_folder(repository, branch):
    owner_and_name = repository.removeprefix("https://github.com/")
    return f"https://colab.research.google.com/github/{owner_and_name}/blob/{branch}/notebooks/"


if __name__ == "__main__":
    main()
