"""course.py: which Python and environment it takes, what it runs, and a sentence for each thing that may be amiss.

No test here installs anything: pip and the Pythons are played. tests/faults/test_course.py installs in earnest.
"""

import ast
import importlib.metadata
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import tomllib
from pathlib import Path
from types import SimpleNamespace

import pytest

import course

ROOT = Path(__file__).parents[2]
SOURCE = (ROOT / "course.py").read_text(encoding="utf-8")
PYTHON = dict(version="3.12.4", kind="CPython", bits=64, platform="linux-x86_64", machine="x86_64", venv=True,
              free_threaded=False)
MAC = dict(PYTHON, platform="macosx-11.0-universal2")
RAN = "ran:"  # how a played program begins the line with its arguments


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A copy of what course.py needs of the course, in an awkward place; course.py works in it."""
    folder = tmp_path / "mein Kurs – 神经"
    (folder / "notebooks").mkdir(parents=True)
    for name in "pyproject.toml", "constraints.txt":
        shutil.copy(ROOT / name, folder)
    for path, name in dict(ROOT=folder, ENV=folder / ".venv", KIT=tmp_path / "wheels").items():
        monkeypatch.setattr(course, path, name)
    monkeypatch.setattr(sys, "prefix", str(tmp_path / "some other Python"))
    for name in "CONDA_PREFIX", "VIRTUAL_ENV":
        monkeypatch.delenv(name, raising=False)
    return folder


@pytest.fixture
def environment(folder, monkeypatch):
    """A .venv that stands there, and pip played by the test: it answers `answers` in turn, and `calls` are its own."""
    python = folder / ".venv" / ("Scripts/python.exe" if course.WINDOWS else "bin/python")
    python.parent.mkdir(parents=True)
    python.touch()
    played = SimpleNamespace(python=python, calls=[], answers=[])

    def pip(command):
        played.calls.append([str(word) for word in command])
        code, said = played.answers.pop(0) if played.answers else (0, "")
        if "Installing collected packages" in said:
            course._stamp().unlink(missing_ok=True)
        return code, said
    monkeypatch.setattr(course, "_pip", pip)
    monkeypatch.setattr(course, "_make_environment", lambda: None)
    return played


def environment_with_course(prefix, of=ROOT, name=course.NAME):
    """Make a folder that looks like an environment with the course installed from the folder `of`."""
    packages = prefix / ("Lib/site-packages" if course.WINDOWS else "lib/python3.12/site-packages")
    info = packages / f"{name.replace('-', '_')}-1.0.0.dist-info"
    info.mkdir(parents=True)
    (info / "direct_url.json").write_text(json.dumps({"dir_info": {"editable": True}, "url": of.as_uri()}))
    return prefix


def stopped(function, *arguments, **options):
    """Return the sentence with which course.py stops."""
    with pytest.raises(SystemExit) as stop:
        function(*arguments, **options)
    assert isinstance(stop.value.code, str), stop.value.code  # that is: printed on stderr, exit code 1
    return stop.value.code


# Any Python can read it, and people too ------------------------------------------------------------------------------

def test_python_3_9_can_read_what_runs_before_the_installation():
    for name in "course.py", "tools/update.py":
        ast.parse((ROOT / name).read_text(encoding="utf-8"), feature_version=(3, 9))


def test_only_the_standard_library_is_imported():
    names = [alias.name for node in ast.walk(ast.parse(SOURCE)) if isinstance(node, ast.Import) for alias in node.names]
    names += [node.module for node in ast.walk(ast.parse(SOURCE)) if isinstance(node, ast.ImportFrom)]
    assert {name.partition(".")[0] for name in names} <= sys.stdlib_module_names


def commands():
    text = subprocess.run([sys.executable, ROOT / "course.py"], capture_output=True, text=True, check=True).stdout
    return re.findall(r"^    ([a-z]+)\b", text.partition("COMMAND\n")[2], flags=re.MULTILINE)


def test_every_command_says_what_it_does_without_installing(folder, capsys):
    assert len(commands()) == 18
    for name in commands():
        with pytest.raises(SystemExit) as stop:
            course.options_of([name, "--help"])
        assert stop.value.code == 0 and name in capsys.readouterr().out
    assert not (folder / ".venv").exists()


@pytest.mark.parametrize("name", [
    "README.md", "CONTRIBUTING.md", "environment.yml", ".ci/run", ".github/workflows/test.yml"])
def test_commands_that_the_texts_name_exist(name, monkeypatch):
    monkeypatch.setattr(course, "_lesson", str)
    text = (ROOT / name).read_text(encoding="utf-8")
    typed = re.findall(r"(?:python3? |py |`)course\.py((?: +(?:--)?[a-z0-9][\w.-]*(?<!\.))+)", text)
    assert typed
    for words in typed:
        words = words.split()
        while words:  # what follows may be the text's own words
            try:
                course.options_of(words)
                break
            except SystemExit:
                words.pop()
        assert words, f"no command: {typed}"


def test_the_makefile_forwards_every_command():
    if not shutil.which("make"):
        pytest.skip("there is no make")
    for name in commands():
        shown = subprocess.run(["make", "-n", name], cwd=ROOT, capture_output=True, text=True, check=True).stdout
        assert shown.split() == ["python3", "course.py", name]
    shown = subprocess.run(["make", "-n", "test-solved", "ANSWERS=ops", "LESSON=06", "PYTHON=python3.13"], cwd=ROOT,
                           capture_output=True, text=True, check=True).stdout
    assert shown.split() == ["python3.13", "course.py", "test", "--solved", "--lesson", "06", "--answers", "ops"]


# Which Python --------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize(("facts", "words"), [
    (dict(PYTHON, version="3.9.18"), "needs Python 3.11, 3.12 or 3.13, and python is 3.9.18: install one"),
    (dict(PYTHON, version="3.14.0"), "and python is 3.14.0: install one"),
    (dict(PYTHON, kind="PyPy", version="3.11.9"), "and python is PyPy 3.11.9: install"),
    (dict(PYTHON, free_threaded=True, version="3.13.0"), "and python is the free-threaded 3.13.0: install"),
    (dict(PYTHON, venv=False), "python lacks the standard module venv: install it (Debian and Ubuntu: apt install "
                               "python3.12-venv), then type the same command again."),
    (dict(PYTHON, bits=32, platform="win32"), "python has 32 bits, and TensorFlow needs 64. The course needs a 64-b"),
    (dict(PYTHON, platform="win-arm64", machine="ARM64"), "Windows on ARM, for which there is no TensorFlow. Open the"),
    (MAC, "This Mac has an Intel processor, and TensorFlow is no longer built for it. Open the lessons on"),
    (dict(MAC, version="3.9.6"), "Intel processor"),  # to install a newer Python would help nobody
])
def test_python_that_cannot_run_the_course_gets_a_sentence(facts, words, monkeypatch):
    monkeypatch.setattr(course, "_on_apple_silicon", lambda: False)
    assert words in course.trouble_with("python", facts)[1]


@pytest.mark.parametrize("facts", [
    PYTHON, dict(PYTHON, version="3.11.0"), dict(PYTHON, version="3.13.12"), dict(PYTHON, platform="win-amd64"),
    dict(MAC, machine="arm64"), dict(PYTHON, platform="linux-aarch64")], ids=lambda facts: facts["platform"])
def test_python_that_can_run_the_course_has_no_trouble(facts):
    assert course.trouble_with("python", facts) is None


def test_python_for_intel_on_apples_processor_is_told_to_take_the_other_one(monkeypatch):
    monkeypatch.setattr(course, "_on_apple_silicon", lambda: True)
    assert "made for Intel Macs, and this Mac has Apple's own processor: install" in course.trouble_with("py", MAC)[1]


def shim(folder, name, **facts):
    """Write a program that answers as a Python does of which these facts hold."""
    path = folder / name
    path.write_text(f"#!{sys.executable}\nprint('''{json.dumps(dict(PYTHON, **facts))}''')\n")
    path.chmod(0o755)
    return str(path)


@pytest.fixture
def pythons(tmp_path, monkeypatch):
    """An empty folder in which programs are looked for, and a Python 3.9 that runs course.py."""
    if course.WINDOWS:
        pytest.skip("a file with #! is no program on Windows")
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(sys, "_base_executable", shim(tmp_path, "python-of-today", version="3.9.2"))
    return tmp_path


def test_newer_python_beside_one_that_is_too_old_is_found(pythons):
    right = shim(pythons, "python3.12")
    shim(pythons, "python3.11", version="3.11.2")
    assert course.choose_python() == [right]


def test_python_without_venv_is_passed_over_for_one_that_has_it(pythons):
    shim(pythons, "python3.13", version="3.13.1", venv=False)
    right = shim(pythons, "python3.11", version="3.11.2")
    assert course.choose_python() == [right]


def test_what_is_easiest_to_mend_is_said_when_no_python_fits(pythons):
    shim(pythons, "python3.13", version="3.13.1", venv=False)
    assert "python3.13 lacks the standard module venv" in stopped(course.choose_python)


def test_program_that_is_no_python_is_passed_over(pythons):
    (pythons / "python3.13").write_text("#!/bin/sh\necho 'no such version is installed'; exit 127\n")
    (pythons / "python3.13").chmod(0o755)
    right = shim(pythons, "python3.11", version="3.11.2")
    assert course.choose_python() == [right]


def test_windows_launcher_is_asked_for_each_version(monkeypatch):
    asked = []

    def facts_of(python):
        asked.append(python[1:])
        return dict(PYTHON, platform="win-amd64") if python == ["py", "-3.12"] else None
    monkeypatch.setattr(course, "WINDOWS", True)
    monkeypatch.setattr(course, "facts_of", facts_of)
    monkeypatch.setattr(course.shutil, "which", lambda name: name)
    assert course.choose_python() == ["py", "-3.12"] and asked == [[], ["-3.13"], ["-3.12"]]


def test_emulated_python_on_windows_on_arm_gets_a_note_and_goes_on(monkeypatch, capsys):
    monkeypatch.setattr(course, "facts_of", lambda python: dict(PYTHON, platform="win-amd64"))
    monkeypatch.setenv("PROCESSOR_IDENTIFIER", "ARMv8 (64-bit) Family 8 Model 1 Revision 201, Qualcomm")
    assert course.choose_python() and "emulated on an ARM processor" in capsys.readouterr().out


def test_facts_are_those_of_this_python():
    facts = course.facts_of([sys.executable])
    assert facts["version"] == ".".join(map(str, sys.version_info[:3])) and facts["bits"] == 64 and facts["venv"]


# Which environment ---------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("variable", ["CONDA_PREFIX", "VIRTUAL_ENV"])
def test_active_environment_that_has_the_course_is_used_without_installing(variable, folder, tmp_path, monkeypatch):
    prefix = environment_with_course(tmp_path / "envs" / "mine", of=folder)
    monkeypatch.setenv(variable, str(prefix))
    monkeypatch.setattr(course, "_install", lambda *arguments: pytest.fail("it installs"))
    assert course.ready() == course.python_in(prefix) and not (folder / ".venv").exists()


def test_python_that_runs_the_file_is_used_if_it_has_the_course(folder, tmp_path, monkeypatch):
    prefix = environment_with_course(tmp_path / "hub", of=folder)
    monkeypatch.setattr(sys, "path", [str(folder), str(next(prefix.glob("[Ll]ib/**/site-packages")))])
    assert course.ready() == Path(sys.executable)


def test_environment_with_the_course_of_another_folder_is_not_used(folder, tmp_path, monkeypatch):
    monkeypatch.setenv("CONDA_PREFIX", str(environment_with_course(tmp_path / "conda", of=tmp_path / "older copy")))
    assert course.active_environment() is None


def test_environment_without_the_course_is_not_used(folder, tmp_path, monkeypatch):
    monkeypatch.setenv("CONDA_PREFIX", str(tmp_path / "base"))
    assert course.active_environment() is None


def test_conda_environment_of_the_courses_name_gets_the_course_and_no_second_one_is_made(
        folder, environment, tmp_path, monkeypatch):
    shutil.rmtree(folder / ".venv")
    prefix = tmp_path / "envs" / course.NAME
    monkeypatch.setenv("CONDA_PREFIX", str(prefix))
    assert course.ready() == course.python_in(prefix)
    assert environment.calls[0][:4] == [str(course.python_in(prefix)), "-m", "pip", "install"]
    assert not (folder / ".venv").exists()


def test_extra_that_the_active_environment_lacks_is_installed_into_it(folder, environment, tmp_path, monkeypatch):
    monkeypatch.setenv("CONDA_PREFIX", str(environment_with_course(tmp_path / "mine", of=folder)))
    monkeypatch.setattr(course, "_quietly", lambda python, *arguments: "pytest-xdist" in arguments)  # 1: it is missing
    course.ready("test")
    course.ready("browser")
    assert [call[-1] for call in environment.calls] == [".[test]"]


# Installing ----------------------------------------------------------------------------------------------------------

def test_second_start_installs_nothing(environment):
    assert course.ready("test") == environment.python == course.ready("test") == course.ready()
    assert len(environment.calls) == 1 and environment.calls[0][-2:] == ["--editable", ".[test]"]


def test_extra_that_is_not_there_yet_is_installed_once(environment):
    course.ready()
    course.ready("test")
    course.ready("test")
    assert [call[-1] for call in environment.calls] == [".", ".[test]"]


@pytest.mark.parametrize("change", ["pyproject.toml", "constraints.txt", "folder", "python"])
def test_installation_is_renewed_when_packages_folder_or_python_change(change, folder, environment, monkeypatch):
    course.ready("test")
    if change == "folder":
        monkeypatch.setattr(course, "ROOT", folder.rename(folder.parent / "moved"))
        monkeypatch.setattr(course, "ENV", course.ROOT / ".venv")
    elif change == "python":
        environment.python.unlink()
        (environment.python.parent / "python3.14").touch()
        environment.python.symlink_to("python3.14")
    else:
        path = folder / change
        path.write_text(path.read_text(encoding="utf-8").replace("tensorflow>=", "tensorflow>=9").replace(
            "tensorflow==", "tensorflow==9"), encoding="utf-8")
    course.ready()
    assert [call[-1] for call in environment.calls] == [".[test]", ".[test]"]  # the extras that were there stay


def test_address_of_the_course_may_change_without_an_installation(folder, environment):
    course.ready()
    path = folder / "pyproject.toml"
    path.write_text(path.read_text(encoding="utf-8").replace('branch = "main"', 'branch = "spring"'), encoding="utf-8")
    course.ready()
    assert len(environment.calls) == 1


def test_installation_that_was_interrupted_is_taken_up_again(environment):
    environment.answers = [(1, "Installing collected packages: tensorflow\nsomething happened")]
    stopped(course.ready)
    course.ready()
    course.ready()
    assert len(environment.calls) == 2


def test_package_that_was_half_copied_is_not_taken_for_installed(folder, environment):
    packages = folder / ".venv" / "lib" / "site-packages"
    for name in "half-1.0.dist-info", "whole-1.0.dist-info":
        (packages / name).mkdir(parents=True)
        (packages / name / "METADATA").touch()
    (packages / "whole-1.0.dist-info" / "RECORD").touch()
    course.ready()
    assert [path.name for path in packages.iterdir()] == ["whole-1.0.dist-info"]


@pytest.mark.parametrize(("said", "words"), [
    ("OSError: [Errno 28] No space left on device", "The disk is full. Make room (4 GB), then type the same"),
    ("NewConnectionError('<…>: Failed to connect: [Errno -3] Temporary failure in name resolution')\n"
     "ERROR: No matching distribution found for setuptools>=77", "there is no network, or it breaks off. Nothing is"),
    ("ReadTimeoutError(\"HTTPSConnectionPool(host='…'): Read timed out.\")", "there is no network, or it breaks off"),
    ("[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed", "certificates of its own"),
    ("HINT: This error might have occurred since this system does not have Windows Long Path support enabled.",
     "too long for Windows. Move the course to a short one"),
    ("UnicodeEncodeError: 'charmap' codec can't encode", "Move the course to another folder, or use Python 3.13"),
    ("ERROR: No matching distribution found for tensorflow>=2.20", "no TensorFlow for this machine. Open the lessons"),
    ("ERROR: a fault\nthat nobody foresaw", "ERROR: a fault\nthat nobody foresaw\npip, Python's installer, failed"),
])
def test_what_pip_says_becomes_a_sentence(said, words, environment):
    environment.answers = [(1, said)]
    assert words in stopped(course.ready)


def test_older_packages_serve_where_there_is_no_network_for_newer_ones(folder, environment, capsys):
    course.ready()
    (folder / "constraints.txt").write_text("numpy==99\n")
    environment.answers = [(1, "NewConnectionError")]
    assert course.ready() == environment.python
    assert "Without a network, the packages stay those of an earlier version" in capsys.readouterr().out
    environment.answers = [(1, "NewConnectionError")]
    assert "no network" in stopped(course.ready, "test")  # which needs packages that are not there


def test_folder_that_cannot_be_written_is_named(folder, monkeypatch):
    def refuse(**where):
        raise PermissionError(30, "Read-only file system")
    monkeypatch.setattr(course.tempfile, "TemporaryFile", refuse)
    said = stopped(course.ready)
    assert f"{folder} cannot be written" in said and "copy the folder to a place of your own" in said


def test_disk_without_room_is_named_before_anything_is_fetched(folder, monkeypatch):
    monkeypatch.setattr(course.shutil, "disk_usage", lambda path: SimpleNamespace(free=1.26 * 2**30))
    assert "needs 4 GB of disk, and 1.3 GB are free here: make room" in stopped(course.ready)
    assert not (folder / ".venv").exists()


def test_environment_with_a_python_that_does_not_fit_is_left_alone_and_named(folder, monkeypatch):
    (folder / ".venv" / "bin").mkdir(parents=True)
    course.python_in(folder / ".venv").parent.mkdir(exist_ok=True)
    course.python_in(folder / ".venv").touch()
    monkeypatch.setattr(course, "facts_of", lambda python: dict(PYTHON, version="3.14.1"))
    said = stopped(course.ready)
    assert "3.14.1" in said and f"That Python is in {folder / '.venv'}" in said and (folder / ".venv").exists()


# A kit ---------------------------------------------------------------------------------------------------------------

@pytest.fixture
def kit(tmp_path):
    (tmp_path / "wheels").mkdir()
    (tmp_path / "wheels" / "keras-3.15.1-py3-none-any.whl").touch()
    return str(tmp_path / "wheels")


def test_kit_beside_the_course_is_installed_without_the_network(environment, kit):
    course.ready(offline=True)
    assert [call[-3:] for call in environment.calls] == [["--no-index", "--find-links", kit]]


def test_kit_is_used_without_being_asked_for(environment, kit):
    course.ready()
    assert [call[-3:] for call in environment.calls] == [["--no-index", "--find-links", kit]]


def test_what_the_kit_lacks_comes_from_the_network(environment, kit, capsys):
    environment.answers = [(1, "ERROR: No matching distribution found for pytest>=8")]
    course.ready("test")
    assert [call[-1] for call in environment.calls] == [kit, ".[test]"]
    assert "has no pytest>=8 for this machine: fetching" in capsys.readouterr().out


def test_offline_says_what_the_kit_lacks(environment, kit):
    environment.answers = [(1, "ERROR: No matching distribution found for tensorflow>=2.20")]
    assert f"The kit in {kit} has no tensorflow>=2.20 for this system and this Python." in stopped(
        course.ready, offline=True)
    assert len(environment.calls) == 1


def test_offline_says_where_it_looked_for_a_kit(folder, tmp_path):
    assert f"looked for wheels (*.whl) in {tmp_path / 'wheels'}." in stopped(course.ready, offline=True)
    assert not (folder / ".venv").exists()


# What is run ---------------------------------------------------------------------------------------------------------

@pytest.fixture
def ran(monkeypatch):
    """A function of what is typed that returns the programs that are run: (extras, arguments, variables)."""
    def typed(*words):
        programs, extras = [], []
        monkeypatch.setattr(course, "ready", lambda *wanted, offline=False: extras.append(wanted) or "python")
        monkeypatch.setattr(course, "_colab_python", lambda: "python")
        monkeypatch.setattr(course, "run", lambda python, *arguments, **variables: programs.append(
            (" ".join(map(str, arguments)), {name: text for name, text in variables.items() if text})) or 0)
        assert course.main(list(words)) == 0
        return sorted({extra for wanted in extras for extra in wanted}), programs
    return typed


PYTEST = "-m pytest --numprocesses=2 --dist=loadfile --no-loadscope-reorder"


@pytest.mark.parametrize(("typed", "extras", "programs"), [
    ("test", ["test"], [("-m ruff check --extend-exclude notebooks .", {}), (f"{PYTEST} notebooks tests", {})]),
    ("test --solved --answers loops --lesson 6", ["test"], [
        ("-m pytest --numprocesses=2 --dist=load -rP tests/solved", {"ANSWERS": "loops", "LESSON": "06"})]),
    ("test --browser --lesson 01", ["browser", "test"], [("-m pytest tests/browser", {"LESSON": "01"})]),
    ("test --faults", ["test"], [("-m pytest -s tests/faults", {})]),
    ("test --site", ["browser", "site", "test"], [("-m pytest tests/site", {})]),
    ("notebooks --lesson 06", ["test"], [("tools/execute_notebooks.py 06", {})]),
    ("minutes", ["test"], [("-m tools.count_minutes", {})]),
    ("bench --only speed --seeds 1", ["test"], [("-m pytest -s tests/benchmarks -k speed", {"SEEDS": "1"})]),
    ("doctor", [], [("-m utils.lesson_00.doctor", {})]),
    ("clear --lesson 8 --back", [], [("-m tools.clear_outputs --lesson 08 --back", {})]),
    ("site --serve", ["site"], [("-m tools.build_site --serve", {})]),
])
def test_command_runs_its_program(typed, extras, programs, ran):
    assert ran(*typed.split()) == (extras, programs)


def test_one_lesson_is_tested_alone(ran):
    programs = ran("test", "--lesson", "09")[1]
    assert programs[1][0] == f"{PYTEST} {ROOT / 'notebooks/09_stabilising_gans.ipynb'} tests/lessons/test_lesson_09.py"


def test_a_learners_own_notebook_is_not_tested_in_a_lessons_place(folder):
    for name in "06_lesson.ipynb", "06_a_note.ipynb":
        (folder / "notebooks" / name).touch()
    subprocess.run(["git", "init", "--quiet"], cwd=folder, check=True)
    subprocess.run(["git", "add", "notebooks/06_lesson.ipynb"], cwd=folder, check=True)
    assert course._lessons() == [folder / "notebooks" / "06_lesson.ipynb"]


def test_a_course_without_its_lessons_says_so(folder, capsys):
    with pytest.raises(SystemExit, match="2"):
        course.options_of(["test", "--lesson", "6"])
    assert "the lessons are missing" in " ".join(capsys.readouterr().err.split())


def test_colabs_tests_are_run_with_the_course_on_their_path(ran):
    assert ran("test", "--colab")[1] == [(
        f"{PYTEST.replace('pytest', 'pytest --disable-warnings -rs')} -k  tests/colab tests",
        {"PYTHONPATH": str(ROOT)})]


def test_folders_are_those_of_the_terminal_from_which_it_is_typed(ran, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert ran("grade", "hand-ins", "--csv", "marks.csv")[1] == [(
        f"-m tools.grade {tmp_path / 'hand-ins'} --csv {tmp_path / 'marks.csv'} --page {tmp_path / 'class.html'}", {})]
    assert ran("kit", "usb", "--platform", "windows", "linux")[1] == [(
        f"-m tools.make_kit {tmp_path / 'usb'} --platform windows linux", {})]


def test_lab_opens_lesson_0(ran):
    arguments = ran("lab", "--offline")[1][0][0]
    assert arguments.startswith("-m jupyterlab --LabApp.default_url=/lab/tree/notebooks/00_start_here.ipynb")
    assert (ROOT / "notebooks" / "00_start_here.ipynb").exists()


def test_update_needs_no_installation(folder, ran):
    assert ran("update") == ([], [("-m tools.update", {})])


@pytest.mark.parametrize("typed", [
    "test --answers loops", "test --solved --browser", "test --lesson 99", "clear", "lap"])
def test_what_makes_no_sense_is_refused(typed, capsys):
    with pytest.raises(SystemExit, match="2"):
        course.options_of(typed.split())
    assert "usage: " in capsys.readouterr().err


def test_extras_that_the_commands_name_exist():
    named = set(re.findall(r'extras=\["(\w+)"\]', SOURCE)) | {
        name for names in re.findall(r"ready\(([\w\", ]*)\)", SOURCE) for name in re.findall(r'"(\w+)"', names)}
    there = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    assert {"test", "browser", "site", "kit", "slides"} <= named <= set(there)


def test_packages_of_an_extra_are_found_in_an_environment(monkeypatch):
    def missing(name):
        raise importlib.metadata.PackageNotFoundError(name)
    asked = []
    monkeypatch.setattr(course, "_quietly", lambda python, *arguments: asked.extend(arguments[2:]) or 0)
    assert course._lacks("python", ["test", "browser"]) is False
    wanted = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    assert asked == [re.match(r"[\w.-]+", line)[0] for line in wanted["test"] + wanted["browser"]]


# Running -------------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize(("code", "shown"), [(0, 0), (3, 3)])
def test_exit_code_is_the_programs(code, shown):
    assert course.run(sys.executable, "-c", f"raise SystemExit({code})") == shown


def test_program_runs_in_the_courses_folder_with_its_letters(folder, capfd, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", "elsewhere")
    monkeypatch.setenv("PYTHONSAFEPATH", "1")
    script = ("import os, sys; print(os.getcwd(), sys.flags.utf8_mode, os.environ['LESSON'], "
              "bool({*os.environ} & {'PYTHONPATH', 'PYTHONSAFEPATH'}))")
    assert course.run(sys.executable, "-c", script, LESSON="06") == 0
    assert capfd.readouterr().out == f"{folder} 1 06 False\n"


def test_c_locale_does_not_reach_a_program(monkeypatch, capfd):
    if not sys.platform.startswith("linux"):
        pytest.skip("only Linux has other locales than UTF-8")
    script = f"import course; course.run({sys.executable!r}, '-c', 'import locale; print(locale.getencoding())')"
    subprocess.run([sys.executable, "-c", script], cwd=ROOT, env=dict(os.environ, LC_ALL="C"), check=True)
    assert capfd.readouterr().out.upper() == "UTF-8\n"


def test_account_without_a_home_gets_a_folder_that_can_be_written(folder, monkeypatch):
    if course.WINDOWS:
        pytest.skip("Windows has no HOME")
    monkeypatch.setenv("HOME", "/nonexistent")
    home = Path(course._variables()["HOME"])
    assert home == folder / ".home" and os.access(home, os.W_OK)
    monkeypatch.setattr(course, "ROOT", folder / "read-only")
    assert Path(course._variables()["HOME"]).is_dir()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda number: number.name)
def test_signal_ends_the_program_and_its_answer_is_the_exit_code(number):
    if course.WINDOWS:
        pytest.skip("Windows has no such signals")
    program = ("import signal, sys, time\n"
               "signal.signal(signal.SIGTERM, lambda *_: sys.exit(40 + signal.SIGTERM))\n"
               "try:\n    print('ready', flush=True)\n    time.sleep(30)\n"
               "except KeyboardInterrupt: sys.exit(40 + signal.SIGINT)")
    caller = f"import course, sys; sys.exit(course.run(sys.executable, '-c', {program!r}))"
    process = subprocess.Popen([sys.executable, "-c", caller], cwd=ROOT, stdout=subprocess.PIPE, process_group=0)
    assert process.stdout.readline() == b"ready\n"
    if number == signal.SIGINT:
        os.killpg(process.pid, number)  # as a terminal does: to all of its programs
    else:
        process.send_signal(number)
    assert process.wait(timeout=20) == 40 + number


def test_ctrl_c_during_an_installation_ends_with_a_sentence(monkeypatch, capsys):
    def interrupted(*extras, offline=False):
        raise KeyboardInterrupt
    monkeypatch.setattr(course, "ready", interrupted)
    assert course.main(["lab"]) == 130
    assert capsys.readouterr().err == "\nStopped. The same command goes on from here.\n"


def test_second_start_takes_under_a_second(environment, folder):
    shutil.copy(ROOT / "course.py", folder)
    course.ready()
    started = time.perf_counter()
    answer = subprocess.run([sys.executable, "-S", "-c", "import course; course.ready(); print('ready')"], cwd=folder,
                            capture_output=True, text=True, check=True)
    assert answer.stdout == "ready\n" and time.perf_counter() - started < 1
