import subprocess
import sys

import pytest

from tools import write_badges

OLD = ("https://github.com/ada/old-course", "main")
NEW = ("https://github.com/grace/new-course", "spring")


@pytest.fixture
def colab(tmp_path, monkeypatch):
    """Return a function that runs the set-up cell as on Colab and returns the folder it fetches to."""
    monkeypatch.setenv("COLAB_RELEASE_TAG", "release")
    monkeypatch.setattr(sys, "path", list(sys.path))
    folder = tmp_path / "course"

    def run(repository="file:///gone"):
        exec(write_badges.set_up_cell(repository, "main").replace("/content/course", str(folder)), {})
        return folder

    return run


@pytest.fixture
def repository(tmp_path):
    """Return the address of a repository on this machine that holds one package."""
    folder = tmp_path / "repository"
    (folder / "utils").mkdir(parents=True)
    (folder / "utils" / "__init__.py").write_text("")
    author = ["-c", "user.name=Ada", "-c", "user.email=ada@example.org"]
    for command in ["init", "-q", "--initial-branch=main"], ["add", "."], [*author, "commit", "-qm", "First"]:
        subprocess.run(["git", *command], cwd=folder, check=True)
    return folder.as_uri()


@pytest.mark.parametrize("path", write_badges.addressed_files(), ids=lambda path: path.name)
def test_badges_and_set_up_cells_hold_the_address_in_pyproject(path):
    text = path.read_text(encoding="utf-8")
    assert write_badges.with_address(text, *write_badges.address()) == text, "run `make badges`"


def test_only_the_address_is_rewritten():
    notebook = ('{"source": ["# 6 \\u00b7 Title\\r\\n",  "%s"],\t "other": "https://github.com/ada/old-course"}\n'
                '{"source": ["REPOSITORY = \\"%s\\"\\n", "BRANCH = \\"%s\\"\\n"]}')
    before, after = (notebook % (write_badges.badge("06_x.ipynb", *where), *where) for where in (OLD, NEW))
    assert write_badges.with_address(before, *NEW) == after


def test_the_readme_clones_from_the_new_address():
    assert write_badges.with_address("`git clone https://a.b/c` it", *NEW) == f"`git clone {NEW[0]}` it"


def test_the_badge_opens_the_notebook_on_the_branch():
    assert write_badges.badge("06_x.ipynb", *NEW).endswith(
        "(https://colab.research.google.com/github/grace/new-course/blob/spring/notebooks/06_x.ipynb)")


@pytest.mark.parametrize("wrong", ["https://gitlab.com/ada/course", "https://github.com/ada/course/",
                                   "github.com/ada/course"])
def test_an_address_that_colab_cannot_open_is_named(wrong, tmp_path, monkeypatch):
    (tmp_path / "pyproject.toml").write_text(f'[tool.course]\nrepository = "{wrong}"\nbranch = "main"\n')
    monkeypatch.setattr(write_badges, "ROOT", tmp_path)
    with pytest.raises(ValueError, match="OWNER/NAME"):
        write_badges.address()


def test_the_set_up_cell_fetches_the_course_on_colab(colab, repository):
    folder = colab(repository)
    assert (folder / "utils" / "__init__.py").is_file()
    assert sys.path[0] == str(folder)


def test_the_set_up_cell_runs_again_from_another_folder(colab, repository, tmp_path, monkeypatch):
    folder = colab(repository)
    monkeypatch.chdir(tmp_path)
    colab()  # what is there is not fetched again
    assert sys.path.count(str(folder)) == 1


def test_the_set_up_cell_says_what_to_do_when_the_course_cannot_be_fetched(colab):
    with pytest.raises(RuntimeError, match=r"could not be fetched from file:///gone: check the network"):
        colab()


def test_the_set_up_cell_does_nothing_elsewhere(colab, monkeypatch):
    monkeypatch.delenv("COLAB_RELEASE_TAG")
    before = list(sys.path)
    assert not colab().exists()
    assert sys.path == before
