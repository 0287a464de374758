import json
import subprocess
import sys

import pytest

from tools import lessons, write_badges

OLD = ("https://github.com/ada/old-course", "main")
NEW = ("https://github.com/grace/new-course", "spring")
NONE = ("https://github.com/OWNER/some-course", "main")


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


@pytest.mark.of_a_commit
@pytest.mark.parametrize("path", [path for path in write_badges.addressed_files() if path.suffix != ".ipynb"
                                  or path in lessons.paths()], ids=lambda path: path.name)
def test_badges_and_set_up_cells_hold_the_address_in_pyproject(path):
    text = lessons.text(path) if path.suffix == ".ipynb" else path.read_text(encoding="utf-8")
    assert write_badges.rewritten(path, text, *write_badges.address()) == text, "run `course.py badges`"


def test_only_the_address_is_rewritten():
    notebook = ('{"source": ["# 6 \\u00b7 Title\\r\\n",  "%s"],\t "other": "https://github.com/ada/old-course"}\n'
                '{"source": ["REPOSITORY = \\"%s\\"\\n", "BRANCH = \\"%s\\"\\n"]}')
    before, after = (notebook % (write_badges.badge("06_x.ipynb", *where), *where) for where in (OLD, NEW))
    assert write_badges.with_address(before, *NEW) == after


@pytest.mark.parametrize(("text", "after"), [
    ("The course is at <https://github.com/ada/old-course>.", f"The course is at <{NEW[0]}>."),
    ("`git clone https://github.com/OWNER/some-course`", f"`git clone {NEW[0]}`"),
    ("See https://github.com/OWNER/some-course/issues.", f"See {NEW[0]}/issues."),
    ("https://github.com/ada/old-course-2 and https://github.com/keras-team/keras", None)])
def test_a_text_names_the_new_address_instead_of_the_old_one_or_of_none(text, after):
    assert write_badges.with_address(text, *NEW, before=OLD[0]) == (after or text)


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


def test_the_set_up_cell_of_a_course_without_address_says_that_it_needs_one(colab, monkeypatch):
    for name, value in {"COUNT": "1", "KEY_0": "url.file:///gone.insteadOf", "VALUE_0": NONE[0]}.items():
        monkeypatch.setenv(f"GIT_CONFIG_{name}", value)
    with pytest.raises(RuntimeError, match="write the course's public address into REPOSITORY above and run"):
        colab(NONE[0])


def test_the_set_up_cell_does_nothing_elsewhere(colab, monkeypatch):
    monkeypatch.delenv("COLAB_RELEASE_TAG")
    before = list(sys.path)
    assert not colab().exists()
    assert sys.path == before


# Where the address comes from -----------------------------------------------------------------------------

def git(folder, *command):
    subprocess.run(["git", *command], cwd=folder, check=True)


@pytest.fixture
def course(tmp_path, monkeypatch):
    """Return a function that makes a course of one notebook, with an address and git's `origin`."""
    def make(address, remote=None):
        title, set_up = f"# 6\n\n{write_badges.badge('06_x.ipynb', *address)}", write_badges.set_up_cell(*address)
        notebook = {"cells": [{"cell_type": "markdown", "source": [title]},
                              {"cell_type": "code", "source": set_up.splitlines(keepends=True)}]}
        for name, text in {
                "pyproject.toml": f'[tool.course]\nrepository = "{address[0]}"\nbranch = "{address[1]}"\n',
                "TEACHING.md": f"Clone {address[0]}, please.",
                "notebooks/06_x.ipynb": json.dumps(notebook, indent=1, ensure_ascii=False) + "\n"}.items():
            (tmp_path / name).parent.mkdir(exist_ok=True)
            (tmp_path / name).write_text(text, encoding="utf-8")
        git(tmp_path, "init", "--quiet")
        if remote:
            git(tmp_path, "remote", "add", "origin", remote)
        return tmp_path

    monkeypatch.setattr(write_badges, "ROOT", tmp_path)
    return make


@pytest.mark.parametrize("remote", [
    "https://github.com/grace/new-course", "https://github.com/grace/new-course.git", "https://github.com/grace/new-course/",
    "git@github.com:grace/new-course.git", "ssh://git@github.com/grace/new-course.git", "https://GitHub.com/grace/new-course",
    "https://grace:secret@github.com/grace/new-course.git", "https://secret@github.com/grace/new-course"])
def test_a_course_without_address_takes_that_of_origin_and_says_so(remote, course, capsys):
    folder = course(NONE, remote)
    git(folder, "symbolic-ref", "refs/remotes/origin/HEAD", "refs/remotes/origin/spring")
    write_badges.main()
    assert f"has no address: the course takes that of git's `origin`, {NEW[0]}" in (said := capsys.readouterr().out)
    assert write_badges.address() == NEW
    written = {path.name: path.read_text(encoding="utf-8") for path in write_badges.addressed_files()}
    assert written["TEACHING.md"] == f"Clone {NEW[0]}, please."
    assert write_badges.badge("06_x.ipynb", *NEW) in written["06_x.ipynb"]
    assert "secret" not in said + "".join(written.values())
    assert write_badges.files_without_address() == []


@pytest.mark.parametrize("remote", [None, "https://gitlab.com/grace/new-course", "../course", "https://github.com/grace",
                                    "https://evil.example/github.com/grace/new-course",
                                    "https://github.com/OWNER/some-course"])
def test_a_course_without_any_address_says_so_in_the_place_of_its_badges(remote, course, capsys):
    folder = course(NONE, remote)
    write_badges.main()
    assert "The course has no public address" in capsys.readouterr().out
    assert write_badges.address() == NONE
    title = json.loads((folder / "notebooks" / "06_x.ipynb").read_text(encoding="utf-8"))["cells"][0]["source"]
    assert "colab.research" not in "".join(title) and "type `python3 course.py badges`" in "".join(title)
    lacking = {path.name for path in write_badges.files_without_address()}
    assert lacking == {"pyproject.toml", "TEACHING.md", "06_x.ipynb"}


def test_an_address_in_pyproject_is_kept_whatever_origin_is(course):
    folder = course(OLD, "https://github.com/grace/new-course")
    before = {path: path.read_bytes() for path in write_badges.addressed_files()}
    write_badges.main()
    assert {path: path.read_bytes() for path in write_badges.addressed_files()} == before
    pyproject = folder / "pyproject.toml"
    pyproject.write_text(pyproject.read_text().replace(OLD[0], NEW[0]))
    write_badges.main()
    assert not [path for path in before if OLD[0] in path.read_text(encoding="utf-8")]


def test_a_set_up_cell_of_another_time_is_written_anew_and_nothing_else():
    cells = [{"cell_type": "markdown", "source": ["# 6 · é\n"]}, {"cell_type": "code", "source": ["%s"], "id": "x"},
             {"cell_type": "code", "source": ["a = 1"]}]
    text = json.dumps({"cells": cells}, indent=1, ensure_ascii=False) + "\n"
    first, wanted = write_badges.SET_UP.split("\n")[0], write_badges.set_up_cell(*NEW).splitlines(keepends=True)
    after = json.loads(write_badges.with_cells(text.replace("%s", f"{first}\\nold()"), "06_x.ipynb", *NEW))
    assert after["cells"] == [cells[0], {"cell_type": "code", "source": wanted, "id": "x"}, cells[2]]
    assert write_badges.with_cells(text, "06_x.ipynb", *NEW) == text  # another cell at its place is not touched


def test_the_set_up_cell_fits_into_a_lesson():
    lines = write_badges.set_up_cell("https://github.com/a-rather-long-name/from-neurons-to-generative-models", "main")
    assert max(map(len, lines.splitlines())) <= 88 and len(lines.splitlines()) <= 25
