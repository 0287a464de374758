"""Outputs are cleared and come back; what was written into a notebook is never touched."""

import json
import os
import shutil
import subprocess
import sys

import nbformat
import pytest

from tools import clear_outputs
from tools.clear_outputs import bring_back, clear, main
from tools.measure_notebook import notebooks
from tools.write_badges import ROOT

ORIGINAL = notebooks("01")[0]


def git(folder, *words):
    subprocess.run(["git", "-c", "user.name=a", "-c", "user.email=a@b", *words], cwd=folder, check=True,
                   capture_output=True)


@pytest.fixture
def copy(tmp_path, monkeypatch):
    """Return a copy of lesson 1, committed in a repository of its own, on which the command works."""
    path = tmp_path / "notebooks" / ORIGINAL.name
    path.parent.mkdir()
    shutil.copyfile(ORIGINAL, path)
    git(tmp_path, "init")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-m", "the course")
    monkeypatch.setattr(clear_outputs, "ROOT", tmp_path)
    monkeypatch.setattr(clear_outputs, "notebooks", lambda lesson: sorted(path.parent.glob(f"{lesson}*.ipynb")))
    return path


def test_no_cell_has_an_output_after_clearing(copy):
    main(["--lesson", "01"])
    code = [cell for cell in nbformat.read(copy, as_version=4).cells if cell.cell_type == "code"]
    assert [cell.id for cell in code if cell.outputs or cell.execution_count is not None] == []


def test_nothing_but_outputs_differs_after_clearing(copy):
    before = json.loads(copy.read_text(encoding="utf-8"))
    main(["--lesson", "01"])
    after = json.loads(copy.read_text(encoding="utf-8"))
    for old, new in zip(before["cells"], after["cells"], strict=True):
        for cell in old, new:
            cell.pop("outputs", None)
            cell.pop("execution_count", None)
    assert before == after


def test_cleared_and_brought_back_is_the_same_file_byte_for_byte(copy):
    main(["--lesson", "01"])
    assert copy.read_bytes() != ORIGINAL.read_bytes()
    main(["--lesson", "1", "--back"])
    assert copy.read_bytes() == ORIGINAL.read_bytes()


def test_answers_and_cells_of_a_learner_stay_when_outputs_come_back(copy, capsys):
    main(["--lesson", "01"])
    notebook = nbformat.read(copy, as_version=4)
    stub = next(cell for cell in notebook.cells if 'check("1.1"' in cell.source)
    stub.source = stub.source.replace("...  # your code", "return inputs @ weights + bias")
    own = nbformat.v4.new_code_cell('hint("1.1")', outputs=[nbformat.v4.new_output("stream", text="Which axis?")])
    notebook.cells.insert(3, own)
    nbformat.write(notebook, copy)
    main(["--lesson", "01", "--back"])
    after = nbformat.read(copy, as_version=4)
    assert after.cells[3] == own
    assert next(cell for cell in after.cells if cell.id == stub.id) == stub
    assert "1 whose code you changed" in capsys.readouterr().out


def test_a_cell_that_moved_gets_its_own_output():
    output = {"output_type": "stream", "name": "stdout", "text": ["first\n"]}
    saved = {"cells": [{"cell_type": "code", "id": name, "source": name, "outputs": [output] * (name == "first"),
                        "execution_count": 1} for name in ("first", "second")]}
    moved = json.loads(json.dumps({"cells": saved["cells"][::-1]}))
    clear(moved)
    assert bring_back(moved, saved) == (1, 0)
    assert [cell["outputs"] for cell in moved["cells"]] == [[], [output]]


def test_without_git_the_command_says_what_to_do(copy):
    shutil.rmtree(copy.parents[1] / ".git")
    with pytest.raises(SystemExit, match="fresh copy of the course"):
        main(["--lesson", "01", "--back"])


@pytest.mark.skipif(os.name == "nt", reason="plays a full disk with a limit on the size of files")
def test_a_full_disk_costs_no_answer(copy):
    before = copy.read_bytes()
    script = f"""import pathlib, resource, signal
from tools import clear_outputs
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000))
path = pathlib.Path({str(copy)!r})
clear_outputs.write(clear_outputs.read(path), path)"""
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 1 and "could not be written, and is as it was" in done.stderr, done.stderr
    assert copy.read_bytes() == before and [*copy.parent.iterdir()] == [copy]


@pytest.mark.parametrize("options", [[], ["--back"]])
def test_a_notebook_that_is_damaged_or_deleted_is_said_in_a_sentence(copy, options, monkeypatch):
    monkeypatch.setattr(clear_outputs, "notebooks", lambda lesson: [copy])
    copy.write_text('{"cells": [')
    with pytest.raises(SystemExit, match="is damaged, and stays as it is"):
        main(["--lesson", "01", *options])
    assert copy.read_text() == '{"cells": ['
    copy.unlink()
    with pytest.raises(SystemExit, match=r"git checkout HEAD -- 01_neurons\.ipynb"):
        main(["--lesson", "01", *options])


def test_a_lesson_that_is_not_there_is_said_in_a_sentence(capsys):
    with pytest.raises(SystemExit):
        main(["--lesson", "77"])
    assert "There is no" in capsys.readouterr().err
