"""What `course.py grade` makes of a class: right, wrong and open answers, and files and code of every bad kind."""

import csv
import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import psutil
import pytest

from tools import grade
from tools.grading import answers, handed_in, limits, page, running

LINUX = sys.platform == "linux"
IDENTIFIERS = ("1.1", "1.2", "1.3", "1.4", "1.5")
SET_UP = """from utils.runtime import start
import numpy as np
from utils.exercises import check, hint, solution
from utils.scratch import require_labels
lesson = start("01")"""
ONES = np.ones(3)
STUB = 'def neuron(inputs, weights, bias):\n    """Return."""\n    ...  # your code\n\nneuron = check("1.1", neuron)'
RIGHT = 'def neuron(inputs, weights, bias):\n    return inputs @ weights + bias\n\nneuron = check("1.1", neuron)'
NO_BIAS = RIGHT.replace(" + bias", "")
SLOPE = """def sigmoid(sums):
    return np.exp(-np.logaddexp(0, -np.asarray(sums, float)))

def sigmoid_derivative(sums):
    return sigmoid(sums) * sigmoid(-np.asarray(sums, float))

sigmoid_derivative = check("1.2", sigmoid_derivative)"""


def does(line):
    """Return the source of a `neuron` that does something else before it answers rightly."""
    return RIGHT.replace("    return", "".join(f"    {each}\n" for each in line.splitlines()) + "    return")


def write(path, *cells):
    """Write a notebook of code cells with outputs, as JupyterLab does."""
    path.parent.mkdir(parents=True, exist_ok=True)
    made = [{"cell_type": "code", "source": cell.splitlines(keepends=True), "outputs": [], "metadata": {},
             "execution_count": 1} for cell in cells]
    path.write_text(json.dumps({"cells": made, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}), encoding="utf-8")


# Which files are found, whose they are and of which lesson


def test_learners_are_named_by_their_file_or_by_the_folder_with_the_course_s_own_name(tmp_path):
    for name in ("ada.ipynb", "Grace Hopper/01_neurons.ipynb", "mail/alan (2).ipynb.txt", "KURT.IPYNB"):
        write(tmp_path / name, SET_UP)
    for name in (".ipynb_checkpoints/ada-checkpoint.ipynb", "__MACOSX/._ada.ipynb", "notes.txt"):
        write(tmp_path / name, SET_UP)
    assert [each.learner for each in handed_in.find(tmp_path)] == ["ada", "Grace Hopper", "KURT", "mail/alan (2)"]


def test_two_files_of_one_name_stay_apart(tmp_path):
    write(tmp_path / "ada.ipynb", SET_UP)
    write(tmp_path / "ada" / "01_neurons.ipynb", SET_UP)
    assert [each.learner for each in handed_in.find(tmp_path)] == ["ada.ipynb", "ada/01_neurons.ipynb"]


@pytest.mark.parametrize("content, words", [
    (b"", "empty"), (b'{"cells": [', "no JSON"), (b"\xff\xfe{", "no UTF-8"), (b"[1, 2]", "no list of cells"),
    (b"[" * 100_000, ""), (b'{"cells": []}', "lesson cannot be told"),
    (b'{"cells": [1, {"cell_type": "code"}]}', "lesson cannot be told"),
], ids=lambda value: value[:12])
def test_files_that_are_no_notebooks_of_the_course_say_why(content, words, tmp_path):
    (tmp_path / "ada.ipynb").write_bytes(content)
    found, = handed_in.find(tmp_path)
    assert found.trouble and words in found.trouble and not found.lesson


@pytest.mark.parametrize("cells, lesson", [
    ([SET_UP], "01"), ([STUB], "01"), ([SET_UP.replace("01", "99"), STUB], "01"), ([SET_UP, 'check("6.2", kl)'], "06"),
    (["# start('02')\nstart('01')"], "01"), (['check("13.1", a)', 'check("13.2", a)', 'check("6.1", a)'], "13"),
])
def test_lesson_is_told_by_start_and_by_the_checks(cells, lesson, tmp_path):
    write(tmp_path / "ada.ipynb", *cells)
    assert [each.lesson for each in handed_in.find(tmp_path)] == [lesson]


def test_exercises_are_those_of_the_course_s_notebook():
    assert list(handed_in.exercises("01")) == list(IDENTIFIERS) and handed_in.exercises("01")["1.1"] == "neuron"
    with pytest.raises(FileNotFoundError, match="no lesson '99'"):
        handed_in.exercises("99")


# What an answer takes from its notebook


def taken(*cells, identifier="1.1"):
    """Return what the last check of an exercise takes: the names it binds in order, and those left out."""
    notebook = answers.read(cells, IDENTIFIERS)
    statements, left_out = answers.program(notebook, notebook.calls_of(identifier)[0])
    return [name for each in statements for name in sorted(each.binds)], left_out


def made(*cells, identifier="1.1", results=None):
    notebook = answers.read(cells, IDENTIFIERS)
    call = notebook.calls_of(identifier)[0]
    return answers.run(answers.program(notebook, call)[0], call, results or {})


def test_function_brings_its_helpers_and_constants_and_nothing_else():
    cells = ["import math, os\nimport json\nSCALE = 2.0\nOTHER = 3\n1 / 0",
             "def helper(x):\n    return math.sqrt(SCALE) * x", RIGHT.replace("bias\n", "helper(bias)\n")]
    assert taken(*cells) == (["math", "os", "SCALE", "helper", "neuron"], set())
    assert made(*cells)(ONES, ONES, 1) == 3 + 2 ** 0.5


def test_what_a_notebook_computes_is_left_out_and_named():
    cells = ["model = build()\nhistory = model.fit(1)",
             "from utils.training import train\nlosses = train(2)\nn = len('ab')",
             RIGHT.replace("+ bias", "+ history + losses + n")]
    assert taken(*cells) == (["n", "neuron"], {"history", "losses"})


def test_helper_may_stand_below_and_the_last_binding_above_counts():
    assert made("K = 1", "K = 5", RIGHT.replace("bias\n", "K + late()\n"),
                "def late(): return 7\nK = 9")(ONES, ONES, 0) == 15


def test_function_that_is_wrapped_again_is_taken_with_its_wrapping():
    source = RIGHT.replace("neuron = check", "neuron = twice(neuron)\nneuron = check")
    assert made("def twice(f):\n    return lambda *a: 2 * f(*a)", source)(ONES, ONES, 1) == 8


@pytest.mark.parametrize("source, value", [
    ("neuron = check('1.1', lambda inputs, weights, bias: 4)", 4), ("check(identifier='1.1', function=max)", 3),
    ("def mine(a, b, c):\n    return 5\nneuron = check('1.1', mine)", 5),
    ("%matplotlib inline\n!ls\nhint?\nneuron = check('1.1', lambda a, b, c: 6)", 6),
    ("try:\n    import gone\nexcept ImportError:\n    gone = None\ncheck('1.1', lambda a, b, c: gone or 8)", 8),
])
def test_checks_are_found_in_every_form(source, value):
    assert made(source)(1, 2, 3) == value


def test_function_of_another_exercise_is_what_its_check_gave_to_go_on_with():
    cells = [RIGHT, 'def slope(x):\n    return neuron(x, 1, 0)\n\nslope = check("1.2", slope)']
    assert made(*cells, identifier="1.2", results={"1.1": lambda *a: "the reference"})(3) == "the reference"


def test_cell_that_is_no_python_is_named_by_its_line():
    call, = answers.read(["x = 1", RIGHT.replace("return", "retrun")], IDENTIFIERS).calls_of("1.1")
    assert call.trouble == "Python cannot read the cell in line 2: invalid syntax"


# The limits


def test_process_without_an_end_is_stopped_with_all_below_it():
    code = "import subprocess, sys; subprocess.Popen([sys.executable, '-c', 'while True: pass']).wait()"
    child = subprocess.Popen([sys.executable, "-c", code])
    process = psutil.Process(child.pid)
    began = time.monotonic()
    while not (below := process.children()) and time.monotonic() - began < 60:
        time.sleep(0.05)
    said = limits.watch(process, lambda: child.poll() is not None, lambda: 0, seconds=0.2)
    child.wait()
    assert "stopped after 0 seconds" in said and not any(limits._is_alive(each) for each in below)


def test_process_that_starts_many_is_stopped_before_its_time(monkeypatch):
    monkeypatch.setattr(limits, "PROCESSES", 3)
    code = ("import subprocess, sys\nfor _ in range(5):\n"
            "    subprocess.Popen([sys.executable, '-c', 'input()'], stdin=subprocess.PIPE)\ninput()")
    child = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE)
    said = limits.watch(psutil.Process(child.pid), lambda: child.poll() is not None, lambda: 0, seconds=300)
    child.communicate()
    assert said == "it starts one process after the other and was stopped"


def test_process_that_gets_on_is_left_alone():
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(1)"])
    assert limits.watch(psutil.Process(child.pid), lambda: child.poll() is not None, time.monotonic, 0.1) is None


# A class of thirty, some of it hostile

DELETES = "import shutil\nshutil.rmtree({!r}, ignore_errors=True)"
DELETES_BY_C = "import ctypes\nctypes.CDLL(None).unlink({!r})"
BY_C = """import ctypes
for _ in range(7):  # 128 processes, if nothing stops them
    ctypes.CDLL(None).fork()
while True:
    __import__("time").sleep(1)"""
HOSTILE = {  # what stands in exercise 1.1: the state, and words of its row
    "endless": (does("while True: pass"), "tried", "Is there a loop that never ends|did not come to an end"),
    "deaf": (does("import signal\nif hasattr(signal, 'setitimer'): signal.setitimer(signal.ITIMER_REAL, 0)\n"
                  "while True: pass"), "tried", "did not come to an end"),
    "endless cell": ("x = [1 for _ in iter(int, 1)]\n" + RIGHT.replace("bias\n", "len(x)\n"), "tried",
                     "do not come to an end"),
    "exit": (does("import os\nos._exit(0)"), "tried", "ended its own process"),
    "exit cell": (RIGHT.replace("neuron = ", "E = __import__('os')._exit(3)\nneuron = ").replace("bias\n", "E\n"),
                  "tried", "ended its own process"),
    "sys.exit": (does("import sys\nsys.exit()"), "tried", "SystemExit"),
    "crash": (does("import ctypes\nctypes.string_at(0)"), "tried", "crashed|stopped by the system"),
    "fork bomb": (does("import os\nwhile True: os.fork()"), "tried", "may not call os.fork"),
    "program": (does("import os\nos.system('echo')"), "tried", "may not call os.system"),
    "kills": (does("import os\nos.kill(os.getppid(), 9)"), "tried", "may not call os.kill"),
    "network": (does("import socket\nsocket.create_connection(('127.0.0.1', 9))"), "tried", "may not call socket"),
    "prints": (does("for _ in range(100): print('x' * 10**6)"), "passed", "^$|slow"),
    "import": ("import torch_of_mine\n" + RIGHT.replace("bias\n", "torch_of_mine.x\n"), "tried", "No module named"),
    "training": ("h = model.fit()\n" + RIGHT.replace("bias\n", "h\n"), "tried", "the notebook computes `h`"),
}
if LINUX:
    HOSTILE["memory"] = (does("import numpy\nnumpy.ones(10**9)"), "tried", "Memory")
    HOSTILE["fork bomb in C"] = (does(BY_C), "tried", "one process after the other|did not come to an end")
ORDINARY = {"right": (RIGHT, "passed", ""), "bias": (NO_BIAS, "tried", "bias"),
            "bias again": (NO_BIAS, "tried", "bias"), "bias too": (NO_BIAS, "tried", "bias"),
            "stub": (STUB, "open", ""), "syntax": (RIGHT.replace("return", "retrun"), "tried", "Python cannot read"),
            "first wrong": (NO_BIAS + "\n" + RIGHT + "\n" + STUB, "passed", ""),
            "=cmd|' /C calc'!A0": (RIGHT, "passed", "")}


@pytest.fixture(scope="module")
def graded(tmp_path_factory):
    """Grade a class of thirty by the command, and return what it wrote, what it took, and a file that stood near."""
    place = tmp_path_factory.mktemp("class")
    precious = place / "precious"
    precious.mkdir()
    for name in ("file", "for C"):
        (precious / name).write_text("mine")
    kinds = {**HOSTILE, **ORDINARY,
             "deletes": (does(DELETES.format(str(precious))), "tried", "may not call shutil.rmtree")}
    if LINUX:
        kinds["deletes in C"] = (does(DELETES_BY_C.format(os.fsencode(precious / "for C"))), "passed", "")
    for name, (cell, *_) in kinds.items():
        write(place / "in" / name / "01_neurons.ipynb", SET_UP, "%%bash\nrm -rf /", cell, SLOPE)
    write(place / "in" / "other.ipynb", 'start("06")', 'check("6.1", x)')
    (place / "in" / "broken.ipynb").write_text('{"cells": ')
    (place / "in" / "empty.ipynb").write_text("")
    for number in range(30 - len(kinds) - 3):
        write(place / "in" / f"learner {number}.ipynb", SET_UP, RIGHT, SLOPE)
    home, cpu, began = os.environ.get("COURSE_HOME"), _cpu_of_children(), time.monotonic()
    before = sorted(Path(home).rglob("*")) if home else None
    grade.main([str(place / "in"), "--csv", str(place / "marks.csv"), "--page", str(place / "class.html"),
                "--processes", "2", "--seconds", "8"])
    seconds, cpu = time.monotonic() - began, _cpu_of_children() - cpu
    print(f"\nthirty notebooks, half of them hostile: {seconds:.0f} s by the clock, {cpu:.0f} s of the processor")
    assert not home or sorted(Path(home).rglob("*")) == before, "the instructor's own progress was touched"
    with open(place / "marks.csv", encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    return {"rows": rows, "page": (place / "class.html").read_text(encoding="utf-8"), "kinds": kinds, "cpu": cpu,
            "precious": precious}


def _cpu_of_children():
    times = os.times()
    return times.children_user + times.children_system


def row(graded, learner, exercise="1.1"):
    found, = (each for each in graded["rows"] if each["learner"] == learner and each["exercise"] == exercise)
    return found


@pytest.mark.parametrize("kind", [*HOSTILE, "deletes", *[name for name in ORDINARY if name[0] != "="]])
def test_each_kind_of_answer_has_its_row_and_the_other_exercises_theirs(kind, graded):
    _, state, words = graded["kinds"][kind]
    found = row(graded, kind)
    assert found["state"] == state and (re.search(words, found["words"]) if words else not found["words"]), found
    assert row(graded, kind, "1.2")["state"] == "passed"
    assert row(graded, kind, "1.3") | {"learner": ""} == {
        "learner": "", "file": f"{kind}/01_neurons.ipynb", "lesson": "01", "exercise": "1.3",
        "function": "perceptron_update", "state": "open", "words": "the notebook has no check of it"}


@pytest.mark.parametrize("learner, words", [("broken", "no JSON"), ("empty", "empty"), ("other", "it is of lesson 6")])
def test_file_that_cannot_be_graded_costs_a_row_with_the_reason(learner, words, graded):
    found = row(graded, learner, "")
    assert found["state"] == "not judged" and words in found["words"]


def test_nothing_of_the_instructor_s_is_deleted(graded):
    assert (graded["precious"] / "file").read_text() == "mine"


def test_nothing_is_deleted_behind_python_s_back_either_where_the_disk_is_read_only(graded):
    if "a read-only disk" not in graded["page"]:
        pytest.skip("needs Linux and the right to make a namespace")
    assert (graded["precious"] / "for C").read_text() == "mine"


def test_every_learner_of_thirty_has_rows(graded):
    assert len({each["learner"] for each in graded["rows"]}) == 30
    assert len(graded["rows"]) == 27 * len(IDENTIFIERS) + 3


def test_thirty_notebooks_take_two_cores_less_than_two_minutes(graded):
    assert graded["cpu"] / 2 < 120  # of the processor's time, for the clock's depends on what else runs


def test_no_name_of_a_file_is_a_formula_for_a_spreadsheet(graded):
    assert row(graded, "'=cmd|' /C calc'!A0")["state"] == "passed"


def test_page_of_the_class_names_the_commonest_mistake_first_and_says_that_answers_can_be_copied(graded):
    section = graded["page"].split("<code>neuron</code>")[1].split("<h3>")[0]
    assert re.findall(r"(\d+)×", section)[0] == "3" and "bias" in section.split("</li>")[0]
    assert "Learners can copy answers" in graded["page"]


def test_fresh_process_gives_the_same_verdicts_where_python_cannot_be_forked():
    cells = [SET_UP, NO_BIAS, SLOPE]
    verdicts, holds = running.grade([cells], "01", IDENTIFIERS, 1, forks=False)
    assert {each: state for each, (state, _) in verdicts[0].items()} == dict(
        zip(IDENTIFIERS, ["tried", "passed", "open", "open", "open"]))
    assert any("refused by Python" in each for each in holds)


# The page


def classes(html):
    return re.findall(r'<td class="cell (\w+)"', html)


def test_page_draws_each_state_with_a_sign_and_a_colour_and_counts_who_passed():
    drawn = page.page("06", {"6.1": "f", "6.2": "g"}, {
        "Ada": {"6.1": ("passed", ""), "6.2": ("tried", "half")},
        "Grace": {"6.1": ("open", ""), "6.2": ("not judged", "x")}, "Kurt": "it is no notebook"})
    assert classes(drawn) == ["passed", "tried", "open", "unjudged"]
    assert re.findall(r">(.)</td>", drawn.split("<tbody>")[1].split("</tbody>")[0])[:4] == ["✓", "✗", "○", "?"]
    assert '<th scope="row">passed, of 2</th><td>1</td><td>0</td>' in drawn
    assert '<td class="reason" colspan="2">it is no notebook</td>' in drawn


def test_page_shows_three_mistakes_and_counts_the_rest():
    words = ["a"] * 3 + ["b"] * 2 + ["c", "d", "e"]
    drawn = page.page("06", {"6.1": "f"}, {str(number): {"6.1": ("tried", each)} for number, each in enumerate(words)})
    assert re.findall(r"(\d)×</span><span>(\w)", drawn) == [("3", "a"), ("2", "b"), ("1", "c")]
    assert "and 2 with others" in drawn


def test_page_escapes_all_that_learners_write_and_asks_nothing_of_a_network():
    evil = '<script src="https://x">"\'&\ud800'
    drawn = page.page("06", {"6.1": "f"}, {evil: {"6.1": ("tried", evil + "`<b>`")}, "2": evil})
    drawn.encode()  # no half of a character, which no file can hold
    assert "<script" not in drawn and "<b>" not in drawn and "<code>&lt;b&gt;</code>" in drawn
    assert not re.search(r"\b(src|href|url|@import)\b\s*[=(]", drawn.replace(page._e(evil), ""))


# The command


def test_command_says_what_to_do_where_it_finds_nothing(tmp_path, capsys):
    with pytest.raises(SystemExit, match=r"has no file \*.ipynb"):
        grade.main([str(tmp_path)])
    (tmp_path / "ada.ipynb").write_text("{}")
    with pytest.raises(SystemExit, match=r"ada\.ipynb: it is no notebook"):
        grade.main([str(tmp_path)])
    with pytest.raises(SystemExit):
        grade.main([""])
    assert "course.py grade FOLDER" in capsys.readouterr().err
