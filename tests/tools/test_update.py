"""`course.py update` in real repositories: a course, and a learner's clone of it."""

import json
import shutil
import subprocess
import sys

import pytest

from tools import update

STUB = 'def half(number):\n    """Return half of a number."""\n    ...  # your code\n\nhalf = check("6.1", half)'
ANSWER = STUB.replace("...  # your code", "return number / 2")
NAME = "notebooks/06_lesson.ipynb"


def cell(name, source, kind="code", **fields):
    outputs = {"outputs": [], "execution_count": None} if kind == "code" else {}
    lines = source.splitlines(keepends=True)
    return {"cell_type": kind, "id": name, "metadata": {}, "source": lines} | outputs | fields


def lesson(*changes):
    """Return a lesson of four cells; `changes` are (identifier, source), or whole cells for its end."""
    cells = [cell("title", "# 6 · A lesson", "markdown"), cell("import", "epochs = 9"), cell("stub", STUB),
             cell("train", "train(epochs)", outputs=[{"output_type": "stream", "name": "stdout", "text": ["course\n"]}],
                  execution_count=3)]
    for change in changes:
        if isinstance(change, dict):
            cells.append(change)
        else:
            next(each for each in cells if each["id"] == change[0])["source"] = [change[1]]
    return {"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}


def sources(notebook):
    return {each["id"]: "".join(each["source"]) for each in notebook["cells"]}


# One notebook ---------------------------------------------------------------------------------------------

@pytest.mark.parametrize(("mine", "new", "expected", "counts"), [
    ([("stub", ANSWER)], [("train", "fit()")], {"stub": ANSWER, "train": "fit()"}, (["6.1"], 0, 0)),
    ([("stub", ANSWER)], [("stub", STUB.replace("half of", "one half of"))], {"stub": ANSWER}, (["6.1"], 0, 0)),
    ([("import", "epochs = 1")], [("train", "fit()")], {"import": "epochs = 1", "train": "fit()"}, ([], 1, 0)),
    ([("import", "epochs = 1")], [("import", "epochs = 8")], {"import": "epochs = 8"}, ([], 0, 1)),
    ([("import", "epochs = 8")], [("import", "epochs = 8")], {"import": "epochs = 8"}, ([], 0, 0)),
    ([cell("own", "1 +")], [("train", "fit()")], {"train": "fit()", "own": "1 +"}, ([], 1, 0)),
    ([], [cell("more", "new")], {"stub": STUB, "more": "new"}, ([], 0, 0)),
], ids=["an answer", "an answer whose stub is new, too", "a cell that only the learner changed",
        "a cell that both changed", "a cell that both changed alike", "a cell of the learner's",
        "a cell of the course's"])
def test_a_learners_work_is_put_into_the_new_lesson(mine, new, expected, counts):
    result, *said = update.joined(lesson(*mine), lesson(), lesson(*new))
    assert sources(result) == sources(lesson()) | expected
    assert tuple(said) == counts


def test_own_cells_stay_behind_the_cell_that_they_follow():
    mine = lesson()
    mine["cells"][3:3] = [cell("one", 'hint("6.1")'), cell("two", "half(4)")]
    mine["cells"].insert(0, cell("first", "mine"))
    new = lesson(cell("end", "end"))
    new["cells"].insert(1, cell("new", "new"))
    result, *_ = update.joined(mine, lesson(), new)
    assert [*sources(result)] == ["first", "title", "new", "import", "stub", "one", "two", "train", "end"]


def test_a_changed_cell_that_the_course_no_longer_has_is_counted_as_lost():
    new = lesson()
    del new["cells"][1]
    assert update.joined(lesson(("import", "epochs = 1")), lesson(), new)[1:] == ([], 0, 1)
    assert update.joined(lesson(), lesson(), new)[1:] == ([], 0, 0)


def test_outputs_are_the_learners_where_the_code_is():
    mine, new = lesson(("stub", ANSWER)), lesson(("import", "epochs = 8"))
    for count, each in enumerate(mine["cells"][1:], start=11):
        each.update(execution_count=count, outputs=[{"of": "the learner"}])
    result, *_ = update.joined(mine, lesson(), new)
    assert [each["execution_count"] for each in result["cells"][1:]] == [None, 12, 13]
    assert result["cells"][3]["outputs"] == [{"of": "the learner"}]


def test_cells_that_colab_has_named_are_found_again():
    mine = lesson(("stub", ANSWER), cell("own", "half(3)"))
    for each in mine["cells"]:
        each["metadata"]["id"] = each.pop("id")
    result, *_ = update.joined(mine, lesson(), lesson(("train", "fit()")))
    assert sources(result) == sources(lesson(("stub", ANSWER), ("train", "fit()"))) | {"own": "half(3)"}


@pytest.mark.parametrize(("counts", "said"), [
    (([], 0, 0), "the new lesson"),
    ((["6.1"], 0, 0), "the new lesson with your answer to 6.1"),
    ((["6.1", "6.2"], 1, 0), "the new lesson with your answers to 6.1, 6.2 and 1 cell of yours"),
    (([], 2, 1), "the new lesson with 2 cells of yours; 1 cell that you have changed is as in the course, which has "
                 "changed, too")])
def test_what_was_kept_is_said(counts, said):
    assert update.sentence(*counts) == said


# Repositories ---------------------------------------------------------------------------------------------

def git(folder, *command):
    author = ["-c", "user.name=Ada", "-c", "user.email=ada@example.org", "-c", "commit.gpgsign=false"]
    return subprocess.run(["git", *author, *command], cwd=folder, capture_output=True, check=True, text=True).stdout


def write(folder, **files):
    """Write files into a folder and commit them; names are those of NAMES."""
    for name, content in files.items():
        path = folder / NAMES[name]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message=Some")


NAMES = {"lesson": NAME, "other": "notebooks/07_other.ipynb", "readme": "README.md", "code": "utils/code.py",
         "new": "notebooks/14_new.ipynb"}


@pytest.fixture
def teacher(tmp_path):
    """Return a folder with the course, whose commits `update` brings."""
    folder = tmp_path / "mein Kurs – 神经"
    folder.mkdir()
    git(folder, "init", "--quiet", "--initial-branch=main")
    write(folder, lesson=lesson(), other=lesson(), readme="old", code="old")
    return folder


@pytest.fixture
def learner(teacher, tmp_path, monkeypatch):
    """Return a clone of the course, which `update` takes for its own."""
    git(tmp_path, "clone", "--quiet", teacher, "clone")
    monkeypatch.setattr(update, "ROOT", tmp_path / "clone")
    return tmp_path / "clone"


def change(path, *changes):
    path.write_text(json.dumps(lesson(*changes)), encoding="utf-8")


def read(path):
    return json.loads(path.read_text(encoding="utf-8"))


def everything(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file() and ".git" not in path.parts}


def test_a_learner_gets_the_new_course_with_the_old_answers(teacher, learner):
    change(learner / NAME, ("stub", ANSWER))
    before = (learner / NAME).read_bytes()
    write(teacher, lesson=lesson(("train", "fit()")), code="new")
    said = "\n".join(update.update())
    assert sources(read(learner / NAME)) == sources(lesson(("stub", ANSWER), ("train", "fit()")))
    assert (learner / "utils/code.py").read_text() == "new"
    assert git(learner, "rev-parse", "HEAD") == git(teacher, "rev-parse", "HEAD")
    copy, = (learner / "notebooks" / "mine").rglob("*.ipynb")
    assert copy.read_bytes() == before
    assert f"{NAME}: the new lesson with your answer to 6.1." in said and copy.parent.name in said


def test_what_the_course_has_not_changed_stays(teacher, learner):
    change(learner / NAME, ("stub", ANSWER))
    (learner / "README.md").write_text("my notes")
    (learner / "notebooks" / "own.ipynb").write_text("{}")
    before = everything(learner)
    write(teacher, code="new")
    update.update()
    assert everything(learner) == before | {learner / "utils" / "code.py": b"new"}


def test_two_updates_of_a_day_keep_both_copies(teacher, learner):
    for count in (1, 2):
        change(learner / NAME, ("stub", ANSWER), ("import", f"epochs = {count}"))
        write(teacher, lesson=lesson(("train", f"fit({count})")))
        update.update()
    assert len([*(learner / "notebooks" / "mine").glob("*/06_lesson.ipynb")]) == 2


def test_a_lesson_that_the_learner_deleted_comes_back(teacher, learner):
    (learner / NAME).unlink()
    write(teacher, lesson=lesson(("train", "fit()")))
    update.update()
    assert sources(read(learner / NAME)) == sources(lesson(("train", "fit()")))


def test_a_lesson_with_a_new_title_gets_the_answers(teacher, learner):
    change(learner / NAME, ("stub", ANSWER))
    git(teacher, "mv", NAME, "notebooks/06_better.ipynb")
    write(teacher)
    update.update()
    assert sources(read(learner / "notebooks" / "06_better.ipynb"))["stub"] == ANSWER
    assert not (learner / NAME).exists()


@pytest.mark.parametrize("broken", ["half a notebook", "[]", '{"cells": [{"cell_type": "code", "source": "1"}]}', ""])
def test_a_notebook_that_cannot_be_read_is_kept_as_it_was(teacher, learner, broken):
    (learner / NAME).write_text(broken)
    write(teacher, lesson=lesson(("train", "fit()")))
    assert "kept as it was" in "\n".join(update.update())
    assert sources(read(learner / NAME)) == sources(lesson(("train", "fit()")))
    assert next((learner / "notebooks" / "mine").rglob("*.ipynb")).read_text() == broken


def test_a_course_whose_history_was_written_anew_is_fetched(teacher, learner):
    git(teacher, "commit", "--quiet", "--amend", "--message=Other")
    write(teacher, code="new")
    change(learner / NAME, ("stub", ANSWER))
    update.update()
    assert (learner / "utils" / "code.py").read_text() == "new"
    assert sources(read(learner / NAME))["stub"] == ANSWER


def test_the_newest_course_stays_as_it_is(learner):
    change(learner / NAME, ("stub", ANSWER))
    before = everything(learner)
    assert "nothing has changed" in " ".join(update.update())
    assert everything(learner) == before


def commit(learner):
    write(learner, readme="mine")


def make_a_file_of_the_same_name(learner):
    (learner / "notebooks" / "14_new.ipynb").write_text("mine")


STOPPED = {
    "no git": (lambda learner: (learner / ".git").rename(learner / "renamed"), "came without git"),
    "own commits": (commit, "1 commit here that the course does not have: type `git merge`"),
    "a fixed version": (lambda learner: git(learner, "checkout", "--quiet", "--detach"), "type `git switch main`"),
    "another branch": (lambda learner: git(learner, "checkout", "--quiet", "-b", "mine"), "--set-upstream-to=origin"),
    "no network": (lambda learner: git(learner, "remote", "set-url", "origin", "https://ada:secret@127.0.0.1:9/x.git"),
                   "cannot be fetched from https://127.0.0.1:9/x.git: is there a network?"),
    "no address": (lambda learner: git(learner, "remote", "remove", "origin"), "type `git remote add origin ADDRESS`"),
    "a changed file": (lambda learner: (learner / "utils" / "code.py").write_text("mine"), ": utils/code.py. Move"),
    "a file in the way": (make_a_file_of_the_same_name, ": notebooks/14_new.ipynb. Move"),
}


@pytest.mark.parametrize(("act", "says"), STOPPED.values(), ids=STOPPED)
def test_what_stands_in_the_way_is_named_and_nothing_changes(teacher, learner, act, says):
    change(learner / NAME, ("stub", ANSWER))
    act(learner)
    change(learner / NAME, ("stub", ANSWER), ("import", "epochs = 1"))
    write(teacher, lesson=lesson(("train", "fit()")), code="new", new=lesson())
    before = everything(learner)
    with pytest.raises(update.NotUpdated) as error:
        update.update()
    assert says in str(error.value) and "secret" not in str(error.value)
    assert everything(learner) == before


def test_a_merge_that_was_begun_is_named(teacher, learner):
    write(teacher, readme="theirs")
    write(learner, readme="mine")
    git(learner, "fetch", "--quiet")
    with pytest.raises(subprocess.CalledProcessError):
        git(learner, "merge", "origin/main")
    with pytest.raises(update.NotUpdated, match="git merge --abort"):
        update.update()


def test_a_step_that_fails_puts_the_notebooks_back(teacher, learner, monkeypatch):
    change(learner / NAME, ("stub", ANSWER))
    before = (learner / NAME).read_bytes()
    write(teacher, lesson=lesson(("train", "fit()")))

    def fails(*command):
        if command[0] == "reset":
            raise update.NotUpdated("no")
        return real(*command)

    real = update.git
    monkeypatch.setattr(update, "git", fails)
    with pytest.raises(update.NotUpdated):
        update.update()
    assert (learner / NAME).read_bytes() == before


def test_a_machine_without_git_is_told_where_to_get_it(learner, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(update.NotUpdated, match="not installed here"):
        update.update()


def test_it_runs_with_the_standard_library_alone(teacher, learner):
    (learner / "tools").mkdir()
    shutil.copy(update.__file__, learner / "tools")
    write(teacher, code="new")
    done = subprocess.run([sys.executable, "-I", "-S", "tools/update.py"], cwd=learner, capture_output=True, text=True)
    assert done.returncode == 0 and "newest version" in done.stdout, done.stderr
    (learner / "utils" / "code.py").write_text("mine")
    write(teacher, code="newer")
    done = subprocess.run([sys.executable, "-I", "-S", "tools/update.py"], cwd=learner, capture_output=True, text=True)
    assert done.returncode == 1 and done.stderr.endswith("Nothing has changed here.\n")


def test_ctrl_c_puts_the_notebooks_back(teacher, learner, monkeypatch):
    change(learner / NAME, ("stub", ANSWER))
    before = (learner / NAME).read_bytes()
    write(teacher, lesson=lesson(("train", "fit()")))

    def stopped(*command):
        if command[0] == "reset":
            raise KeyboardInterrupt
        return real(*command)

    real = update.git
    monkeypatch.setattr(update, "git", stopped)
    with pytest.raises(SystemExit, match="notebooks/mine"):
        update.main()
    assert (learner / NAME).read_bytes() == before


def test_an_ignored_file_where_the_course_has_a_folder_now_is_in_the_way(teacher, learner):
    (learner / ".git" / "info" / "exclude").write_text("slides\n")
    (learner / "slides").write_text("mine")
    (teacher / "slides").mkdir()
    (teacher / "slides" / "new.txt").write_text("new")
    write(teacher)
    with pytest.raises(update.NotUpdated, match=r": slides\. Move"):
        update.update()
    assert (learner / "slides").read_text() == "mine"


def test_a_file_of_the_course_may_become_a_folder(teacher, learner):
    (teacher / "utils" / "code.py").unlink()
    (teacher / "utils" / "code.py").mkdir()
    (teacher / "utils" / "code.py" / "new.txt").write_text("new")
    write(teacher)
    update.update()
    assert (learner / "utils" / "code.py" / "new.txt").read_text() == "new"


def test_answers_follow_their_lesson_to_another_number(teacher, learner):
    change(learner / NAME, ("stub", ANSWER), cell("own", "half(3)"))
    git(teacher, "mv", NAME, "notebooks/08_lesson.ipynb")
    inserted = {"cells": [cell("else", "# 6", "markdown")], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    (teacher / "notebooks" / "06_inserted.ipynb").write_text(json.dumps(inserted))
    write(teacher)
    assert "notebooks/08_lesson.ipynb: the new lesson with your answer to 6.1 and 1 cell" in "\n".join(update.update())
    assert sources(read(learner / "notebooks" / "08_lesson.ipynb"))["stub"] == ANSWER
    assert read(learner / "notebooks" / "06_inserted.ipynb") == inserted


def test_a_lesson_that_the_course_has_no_more_is_kept_beside_the_others(teacher, learner):
    change(learner / NAME, ("stub", ANSWER))
    before = (learner / NAME).read_bytes()
    git(teacher, "rm", "--quiet", NAME)
    git(teacher, "rm", "--quiet", NAMES["other"])
    write(teacher, new={"cells": []}, readme="new")
    assert "has this lesson no more" in "\n".join(update.update())
    assert next((learner / "notebooks" / "mine").rglob("*.ipynb")).read_bytes() == before


def test_a_folder_of_another_account_is_named_with_the_command_that_helps(learner, monkeypatch):
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")
    with pytest.raises(update.NotUpdated, match=r"another account.*git config --global --add safe\.directory"):
        update.update()
