"""Write the public address of the course, kept in pyproject.toml, into every badge, set-up cell and text.

    python tools/write_badges.py        (or: python3 course.py badges)

While pyproject.toml has none (its owner is OWNER), the address is that of git's `origin`, and is written there too.
Everything else in the files stays as it is, byte for byte.
"""

import json
import re
import subprocess
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
NOBODY = "OWNER"  # stands where the course has no public address

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
            cause = ("write the course's public address into REPOSITORY above"
                     if "/OWNER/" in REPOSITORY else "check the network")
            raise RuntimeError(
                f"The course could not be fetched from {{REPOSITORY}}: {{cause}} "
                f"and run this cell again. git says: {{fetched.stderr.strip()}}")
    if FOLDER not in sys.path:
        sys.path.insert(0, FOLDER)'''

SET_UP_METADATA = {"cellView": "form", "jupyter": {"source_hidden": True}}

NO_BADGE = ("*This copy cannot be opened on Colab yet: put the course on GitHub and type "
            "`python3 course.py badges` in its folder.*")
# Of a notebook, with its address in Colab if it has one.
BADGE = re.compile(rf"\[!\[Open in Colab\]\([^)]*\)\]\(([^)\s]*)\)|{re.escape(NO_BADGE)}")


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


def is_public(repository):
    """Return whether the address is one that somebody can open, and not the one that stands for none."""
    return f"/{NOBODY}/" not in repository


def origin():
    """Return (repository, branch) of git's `origin`, the branch as far as git knows it; None if it is not on GitHub.

    Only the names of owner and course are read from it: neither a user's name nor a token gets any further.
    """
    match = re.fullmatch(r"(?:(?:https?|ssh|git)://)?(?:[^@/\s]+@)?github\.com(?::\d+)?[:/]/*([\w.-]+)/([\w.-]+?)"
                         r"(?:\.git)?/*", _git("remote", "get-url", "origin"), re.IGNORECASE)
    if not match or match[1] == NOBODY:
        return None
    branch = _git("symbolic-ref", "--short", "refs/remotes/origin/HEAD").removeprefix("origin/")
    return f"https://github.com/{match[1]}/{match[2]}", branch


def set_up_cell(repository, branch):
    """Return the source of the first code cell, which is the same in every notebook."""
    return SET_UP.format(repository=repository, branch=branch)


def badge(notebook_name, repository, branch):
    """Return the Markdown of the Colab badge of one notebook, such as "06_variational_autoencoders.ipynb"."""
    if not is_public(repository):
        return NO_BADGE
    return (
        "[![Open in Colab](https://colab.research.google.com/assets/colab-badge.svg)]"
        f"({_colab_folder(repository, branch)}{notebook_name})"
    )


def with_address(text, repository, branch, before=None):
    """Return the content of a file with the address of the course replaced everywhere.

    Args:
        text: of a notebook's file, or of README.md or another text.
        repository, branch: the address from now on.
        before: a repository whose address is replaced, beside the one that stands for none.
    """
    replacements = {
        rf"https://github\.com/{NOBODY}/[\w.-]*\w": repository,
        r"https://colab\.research\.google\.com/github/[^\s()\"]*?/notebooks/": _colab_folder(repository, branch),
        r'REPOSITORY = \\"[^"]*\\"': rf'REPOSITORY = \"{repository}\"',  # as it stands in a notebook's JSON
        r'BRANCH = \\"[^"]*\\"': rf'BRANCH = \"{branch}\"',
    }
    if before:
        replacements[rf"{re.escape(before)}(?![\w-])"] = repository
    for pattern, replacement in replacements.items():
        text = re.sub(pattern, lambda _, replacement=replacement: replacement, text)
    return text


def with_cells(text, name, repository, branch):
    """Return the content of a notebook's file with its badge, and its set-up cell where that is another one.

    Args:
        text: of the file.
        name: of the file, to which the badge leads.
        repository, branch: the address of the course.
    """
    text = BADGE.sub(lambda _: badge(name, repository, branch), text)
    notebook, wanted = json.loads(text), set_up_cell(repository, branch)
    for cell in notebook["cells"]:
        source = "".join(cell["source"])
        if source.startswith(wanted.split("\n")[0]) and source != wanted:
            cell["source"] = wanted.splitlines(keepends=True)
            return json.dumps(notebook, indent=1, ensure_ascii=False) + "\n"  # as Jupyter writes it
    return text


def rewritten(path, text, repository, branch, before=None):
    """Return what `text`, the content of one of the `addressed_files`, should be."""
    text = with_address(text, repository, branch, before)
    return with_cells(text, path.name, repository, branch) if path.suffix == ".ipynb" else text


def addressed_files():
    """Return the paths of all files that hold the address, or may hold it."""
    places = ("notebooks/[0-9][0-9]_*.ipynb", "*.md", "environment.yml", "pyproject.toml", "site/*.md", "site/*.py")
    return [path for place in places for path in sorted(ROOT.glob(place))]


def files_without_address():
    """Return the paths of the files in which OWNER, or a sentence in a badge's place, stands for the address."""
    lacking = re.compile(rf"github(?:\.com)?/{NOBODY}/|{re.escape(NO_BADGE)}")
    return [path for path in addressed_files() if lacking.search(path.read_text(encoding="utf-8"))]


def main():
    (repository, branch), before = address(), _written_before()
    if not is_public(repository):
        if not (found := origin()):
            print(f"The course has no public address: pyproject.toml names {repository}, and git has no `origin` on "
                  "GitHub. Put the course on GitHub and clone it from there, or write its address into pyproject.toml; "
                  "then type this again.")
        else:
            repository, branch = found[0], found[1] or branch
            print(f"pyproject.toml has no address: the course takes that of git's `origin`, {repository}.")
    for path in addressed_files():
        old = path.read_bytes().decode("utf-8")
        new = rewritten(path, old, repository, branch, before)
        if path.name == "pyproject.toml":
            new = re.sub(r'^branch = ".*"', f'branch = "{branch}"', new, flags=re.MULTILINE)
        if new != old:
            path.write_bytes(new.encode("utf-8"))
            print(f"{path.relative_to(ROOT).as_posix()}: now {repository}, branch {branch}")


def _written_before():
    """Return the repository that the set-up cells name, if they name one."""
    found = re.search(r'REPOSITORY = \\"([^"\\]+)', addressed_files()[0].read_text(encoding="utf-8"))
    return found[1] if found and is_public(found[1]) else None


def _colab_folder(repository, branch):
    owner_and_name = repository.removeprefix("https://github.com/")
    return f"https://colab.research.google.com/github/{owner_and_name}/blob/{branch}/notebooks/"


def _git(*command):
    """Return what a git command prints, nothing if it fails or there is no git."""
    try:
        return subprocess.run(["git", *command], cwd=ROOT, capture_output=True, text=True).stdout.strip()
    except OSError:
        return ""


if __name__ == "__main__":
    main()
