"""`course.py release` names what must not be published; the rules of form have tests of their own."""

import json
import subprocess

import pytest
from PIL import Image

from tests.notebooks import form
from tools import check_release, lessons, write_badges

LESSON = lessons.paths()[0]


@pytest.fixture
def course(tmp_path):
    """Return a folder with a commit of a README, a TEACHING and a picture."""
    Image.new("L", (2, 2)).save(tmp_path / "digits.png")
    (tmp_path / "README.md").write_text("![Two digits](digits.png)")
    (tmp_path / "TEACHING.md").write_text("No picture")
    git(tmp_path, "init", "--quiet")
    git(tmp_path, "add", "--all")
    git(tmp_path, "-c", "user.name=Ada", "-c", "user.email=ada@example.org", "-c", "commit.gpgsign=false", "commit",
        "--quiet", "--message=All")
    return tmp_path


def git(folder, *command):
    subprocess.run(["git", *command], cwd=folder, check=True)


def test_a_clean_commit_has_no_complaint(course):
    assert check_release.not_committed(course) == check_release.pictures_missing(course) == []


def test_files_that_are_not_as_in_the_commit_are_named(course):
    (course / "README.md").write_text("other")
    (course / "new.txt").write_text("new")
    assert check_release.not_committed(course) == ["README.md is not as in the last commit", "new.txt is not in git"]


def test_a_folder_without_git_is_named(tmp_path):
    assert check_release.not_committed(tmp_path) == ["there is no git here"]


@pytest.mark.parametrize(("text", "complaints"), [
    ("![](digits.png)", ["README.md: digits.png has no alternative text"]),
    ("![Two](none.png)", ["README.md: none.png is not in git", "README.md: none.png is no picture"]),
    ("![Two](own.png)", ["README.md: own.png is not in git"]),
    ("![Two](TEACHING.md)", ["README.md: TEACHING.md is no picture"])])
def test_a_picture_that_others_will_not_see_is_named(course, text, complaints):
    Image.new("L", (2, 2)).save(course / "own.png")
    (course / "README.md").write_text(text)
    assert check_release.pictures_missing(course) == complaints


@pytest.fixture
def lesson(tmp_path, monkeypatch):
    """Return a function that writes lesson 0 with a change and returns its complaints, links apart."""
    monkeypatch.setattr(form, "RULES", [rule for rule in form.RULES if rule is not form.links_lead_somewhere])

    def faults(old="", new=""):
        text = write_badges.rewritten(LESSON, lessons.text(LESSON), *write_badges.address())
        assert old in text
        path = tmp_path / "notebooks" / LESSON.name
        path.parent.mkdir()
        path.write_text(text.replace(old, new), encoding="utf-8")
        return check_release.faults_of_lesson(path)

    return faults


@pytest.mark.of_a_commit
def test_a_lesson_as_it_is_published_has_no_fault(lesson):
    assert lesson() == []


@pytest.mark.parametrize(("old", "new", "says"), [
    ("...  # your code", "return images / 255", "wants a body of a docstring and `...`"),
    ('"execution_count": 5', '"execution_count": null', "execution counts"),
    ('"cells"', '"cell', "no lesson"),
    ("def to_unit_range", "deff to_unit_range", "not plain Python")])
def test_a_used_or_broken_lesson_is_named(lesson, old, new, says):
    assert says in "\n".join(lesson(old, new))


def test_files_without_address_and_with_another_one_are_named(tmp_path, monkeypatch):
    monkeypatch.setattr(write_badges, "ROOT", tmp_path)
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "README.md").write_text("https://github.com/OWNER/course")
    (tmp_path / "pyproject.toml").write_text('[tool.course]\nrepository = "https://github.com/ada/course"\n'
                                             'branch = "main"\n')
    title = write_badges.badge("06_x.ipynb", "https://github.com/ada/old", "main")
    (tmp_path / "notebooks" / "06_x.ipynb").write_text(json.dumps({"cells": [
        {"cell_type": "markdown", "source": [title]}]}))
    assert [complaint.split(";")[0] for complaint in check_release.without_address()] == [
        "README.md has no public address", "06_x.ipynb has another address, badge or set-up cell"]


@pytest.mark.parametrize(("complaints", "status", "says"), [
    ([], False, "✓ This\nReady to be published.\n"),
    (["one", "two"], True, "✗ This\n    one\n    two\nNot ready to be published.\n"),
    (20 * ["one"], True, "✗ This" + 12 * "\n    one" + "\n    … and 8 more\nNot ready to be published.\n")])
def test_the_exit_status_and_the_last_line_say_whether_all_is_well(complaints, status, says, monkeypatch, capsys):
    monkeypatch.setattr(check_release, "checks", lambda: [("This", complaints)])
    with pytest.raises(SystemExit) as end:
        check_release.main()
    assert (end.value.code, capsys.readouterr().out) == (status, says)
