"""What a click on a lesson's badge comes to: one notebook alone on a machine that has what Colab has, and no more.

Run by `course.py test --colab`, with the packages of preinstalled.txt and without the course.
"""

import ast
import importlib.metadata
import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from tools.write_badges import ROOT, address

CONTENT, COURSE = Path("/content"), Path("/content/course")  # where Colab's set-up cell puts the course
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))


@pytest.fixture(scope="module")
def origin(tmp_path_factory):
    """Return the address of a repository with one commit of all files of the course, as they are now."""
    folder = tmp_path_factory.mktemp("origin")
    author = ["-c", "user.name=Ada", "-c", "user.email=ada@example.org"]
    subprocess.run(["git", "init", "--quiet", "--bare", f"--initial-branch={address()[1]}", folder], check=True)
    for command in ["add", "--all", "."], [*author, "commit", "--quiet", "--message=All"]:
        subprocess.run(["git", f"--git-dir={folder}", f"--work-tree={ROOT}", *command], cwd=ROOT, check=True)
    return folder.as_uri()


@pytest.fixture
def colab(origin, tmp_path):
    """Return a function that runs a notebook as Colab does, in a folder with nothing else, and gives its outputs.

    Git fetches the course from `origin` instead of from its public address, which no cell has to know.
    """
    if COURSE.exists():
        pytest.fail(f"{COURSE} exists already, and the set-up cell would take the course from there: remove it.")
    made = not CONTENT.exists()
    try:
        COURSE.mkdir(parents=True)
    except OSError:
        pytest.skip(f"Colab's folder {CONTENT} cannot be made here: run this as an administrator, or in a container.")
    COURSE.rmdir()
    home, working = tmp_path / "home", tmp_path / "working"
    home.mkdir()
    working.mkdir()
    environment = {name: value for name, value in os.environ.items()
                   if name not in ("COURSE_HOME", "IPYTHONDIR", "PYTHONPATH")}
    environment |= {"COLAB_RELEASE_TAG": "release-colab", "HOME": str(home), "GIT_CONFIG_COUNT": "1",
                    "GIT_CONFIG_KEY_0": f"url.{origin}.insteadOf", "GIT_CONFIG_VALUE_0": address()[0]}

    def run(notebook):
        NotebookClient(notebook, kernel_name="python3", resources={"metadata": {"path": str(working)}}).execute(
            env=environment)
        return [output for cell in notebook.cells for output in cell.get("outputs", [])]

    yield run
    shutil.rmtree(CONTENT if made else COURSE, ignore_errors=True)


def installed():
    packages = importlib.metadata.distributions(path=[sysconfig.get_path("purelib")])
    return sorted(f"{each.name} {each.version}" for each in packages)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_lesson_fetches_the_course_and_runs_to_its_end_from_an_empty_folder(path, colab):
    notebook = nbformat.read(path, as_version=4)
    notebook.cells.append(nbformat.v4.new_code_cell("import utils\n\nprint(utils.__file__)"))
    before = installed()
    outputs = colab(notebook)  # raises the error of a cell that fails
    assert [output.text for output in outputs if output.get("name") == "stderr"] == []
    assert outputs[-1].text == f"{COURSE}/utils/__init__.py\n"
    assert installed() == before, "a cell has installed, removed or replaced a package"


def test_the_course_needs_nothing_that_colab_lacks():
    listed = {line.split("==")[0].lower() for line in Path(__file__).with_name("preinstalled.txt").read_text().split()
              if "==" in line}
    packages = importlib.metadata.packages_distributions()
    sources = [path.read_text(encoding="utf-8") for path in (ROOT / "utils").rglob("*.py")]
    sources += [cell.source for path in NOTEBOOKS for cell in nbformat.read(path, as_version=4).cells
                if cell.cell_type == "code"]
    missing = {name for source in sources for name in imported(source)
               if not {package.lower() for package in packages.get(name, [])} & listed}
    assert missing == set()


def imported(source):
    """Return the packages that Python code imports, without those of the standard library and of the course."""
    names = {name for node in ast.walk(ast.parse(source)) for name in
             ([alias.name for alias in node.names] if isinstance(node, ast.Import) else
              [node.module] if isinstance(node, ast.ImportFrom) and not node.level else [])}
    return {name.split(".")[0] for name in names} - set(sys.stdlib_module_names) - {"utils"}
