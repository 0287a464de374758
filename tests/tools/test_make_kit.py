"""The kit for a stick, of a course of three packages whose wheels are made here: no network is needed."""

import base64
import hashlib
import os
import shutil
import stat
import subprocess
import zipfile
from types import SimpleNamespace

import pytest

from tools import make_kit, write_badges

pytest.importorskip("uv", reason="uv finds the packages of a kit: pip install -e '.[test]'")

TAGS = {"windows": "win_amd64", "macos": "macosx_11_0_arm64", "linux": "manylinux_2_27_x86_64",
        "linux-arm": "manylinux2014_aarch64"}
PYPROJECT = """
[build-system]
requires = ["setuptools>=77"]
[project]
name = "small-course"
version = "1.0"
dependencies = ["sun", "machine", "wind; sys_platform == 'win32'", "apple; sys_platform == 'darwin'"]
[tool.course]
repository = "https://github.com/OWNER/small-course"
branch = "main"
"""


def add_wheel(folder, name, version="1.0", tags="py3-none-any", requires=()):
    """Write a wheel without code; return its path."""
    home = f"{name}-{version}.dist-info"
    files = {
        f"{home}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
                            + "".join(f"Requires-Dist: {each}\n" for each in requires),
        f"{home}/WHEEL": f"Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: {tags}\n",
    }
    digests = {file: base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()
               for file, text in files.items()}
    record = "".join(f"{file},sha256={digests[file]},{len(files[file])}\n" for file in files)
    path = folder / f"{name}-{version}-{tags}.whl"
    with zipfile.ZipFile(path, "w") as wheel:
        for file, text in {**files, f"{home}/RECORD": f"{record}{home}/RECORD,,\n"}.items():
            wheel.writestr(file, text)
    return path


@pytest.fixture
def index(tmp_path, monkeypatch):
    """Return a folder of wheels, the only place where uv and pip look."""
    folder = tmp_path / "index"
    folder.mkdir()
    for version in "1.0", "2.0":
        add_wheel(folder, "sun", version)
    add_wheel(folder, "setuptools", "80.0")
    add_wheel(folder, "wind", requires=["breeze"])  # as pywinpty: a package that only Windows asks for
    add_wheel(folder, "breeze", tags="py3-none-win_amd64")
    add_wheel(folder, "apple")
    for tag in TAGS.values():
        for python in "cp311", "cp312":
            add_wheel(folder, "machine", tags=f"{python}-{python}-{tag}")
    for name in [name for name in os.environ if name.startswith(("PIP_", "UV_"))]:
        monkeypatch.delenv(name)
    (tmp_path / "settings.toml").write_text(f"no-index = true\nfind-links = ['{folder}']\n")
    for name, value in {"PIP_CONFIG_FILE": os.devnull, "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": folder,
                        "UV_CONFIG_FILE": tmp_path / "settings.toml", "UV_CACHE_DIR": tmp_path / "cache"}.items():
        monkeypatch.setenv(name, str(value))
    return folder


@pytest.fixture
def course(tmp_path, index, monkeypatch):
    """Return the folder of a small course that is kept by git, and make kits of it."""
    folder = tmp_path / "the course"
    folder.mkdir()
    (folder / "pyproject.toml").write_text(PYPROJECT)
    (folder / "constraints.txt").write_text("sun==1.0\n")
    (folder / "lesson.txt").write_text("as committed\n")
    author = ["-c", "user.name=Ada", "-c", "user.email=ada@example.org"]
    for command in ["init", "-q", "--initial-branch=main"], ["add", "."], [*author, "commit", "-qm", "First"]:
        subprocess.run(["git", *command], cwd=folder, check=True)
    for tool in make_kit, write_badges:
        monkeypatch.setattr(tool, "ROOT", folder)
    return folder


def git(folder, *arguments):
    done = subprocess.run(["git", *arguments], cwd=folder, capture_output=True, text=True)
    return done.stdout.strip()


def complaint(*arguments):
    """Return what the command says when it gives up."""
    with pytest.raises(SystemExit) as stopped:
        make_kit.main([str(argument) for argument in arguments])
    assert isinstance(stopped.value.code, str) and "Traceback" not in stopped.value.code
    return stopped.value.code


@pytest.mark.parametrize(("platform", "only_there"), [
    ("windows", {"wind-1.0-py3-none-any.whl", "breeze-1.0-py3-none-win_amd64.whl"}),
    ("macos", {"apple-1.0-py3-none-any.whl"}), ("linux", set()), ("linux-arm", set())])
def test_wheels_are_those_that_the_system_asks_for_whatever_this_machine_is(platform, only_there, course, tmp_path):
    make_kit.main([str(tmp_path / "kit"), "--platform", platform, "--python", "3.12"])
    assert {path.name for path in (tmp_path / "kit" / "wheels").iterdir()} == only_there | {
        "sun-1.0-py3-none-any.whl", "setuptools-80.0-py3-none-any.whl",  # 1.0, for constraints.txt says so
        f"machine-1.0-cp312-cp312-{TAGS[platform]}.whl"}


def test_kit_has_course_wheels_a_start_file_for_each_system_and_a_readme(course, tmp_path, capsys):
    kit = tmp_path / "Stick – 神经"
    make_kit.main([str(kit), "--python", "3.11", "3.12"])
    assert {path.name for path in kit.iterdir()} == {"course", "wheels", "README.txt", "start.cmd", "start.command",
                                                     "start.sh"}
    assert len(list((kit / "wheels").glob("machine-*.whl"))) == 6  # three systems, two Pythons
    assert "You need Python 3.11 or 3.12, 64-bit." in (kit / "README.txt").read_text(encoding="utf-8")
    assert "One laptop copies it in about" in capsys.readouterr().out


def test_kit_has_the_last_commit_and_says_that_later_changes_are_not_in_it(course, tmp_path, capsys):
    (course / "lesson.txt").write_text("with my own answers\n")
    make_kit.main([str(tmp_path / "kit"), "--platform", "linux", "--python", "3.12"])
    assert (tmp_path / "kit" / "course" / "lesson.txt").read_text() == "as committed\n"
    assert git(tmp_path / "kit" / "course", "rev-parse", "HEAD") == git(course, "rev-parse", "HEAD")
    assert "Changes since then, in 1 files, are not in it" in capsys.readouterr().out


def test_course_on_a_stick_that_keeps_no_permissions_counts_as_unchanged(course, tmp_path):
    make_kit.main([str(tmp_path / "kit"), "--platform", "linux", "--python", "3.12"])
    (tmp_path / "kit" / "course" / "lesson.txt").chmod(0o777)
    assert git(tmp_path / "kit" / "course", "status", "--porcelain") == ""


@pytest.mark.parametrize(("origin", "public"), [
    ("https://ada:secret@github.com/ada/small-course.git", "https://github.com/ada/small-course"),
    ("git@github.com:ada/small-course.git", "https://github.com/ada/small-course"),
    ("https://ada:secret@git.example.org/ada/small-course", "https://git.example.org/ada/small-course"),
    ("/home/ada/small-course", ""), (None, "")])
def test_learners_fetch_updates_from_the_public_address_and_see_no_password_or_path(origin, public, course, tmp_path):
    if origin:
        git(course, "remote", "add", "origin", origin)
    make_kit.main([str(tmp_path / "kit"), "--platform", "linux", "--python", "3.12"])
    copy = tmp_path / "kit" / "course"
    assert git(copy, "remote", "get-url", "origin") == public
    settings = (copy / ".git" / "config").read_text()
    assert "secret" not in settings and str(course) not in settings and "/home/ada" not in settings


def test_address_in_pyproject_comes_before_that_of_the_clone(course):
    git(course, "remote", "add", "origin", "https://github.com/ada/my-fork")
    (course / "pyproject.toml").write_text(PYPROJECT.replace("OWNER", "grace"))
    assert make_kit.address() == "https://github.com/grace/small-course"


@pytest.mark.skipif(os.name == "nt", reason="for the shell of Linux and macOS")
@pytest.mark.parametrize(("platform", "start"), [("linux", "start.sh"), ("macos", "start.command")])
def test_start_file_prefers_the_newest_python_that_the_kit_is_for(platform, start, course, tmp_path, monkeypatch):
    kit, programs = tmp_path / "my stick", tmp_path / "programs"
    make_kit.main([str(kit), "--platform", platform, "--python", "3.11", "3.12"])
    programs.mkdir()
    for name, line in {"python3": 'echo "$0"', "python3.11": 'echo "$0 $(basename "$PWD") $@"',
                       "python3.12": "exit 127", "python3.13": 'echo "$0"'}.items():  # 3.12: as pyenv's stand-ins do
        (programs / name).write_text(f"#!/bin/sh\n{line}\n")
        (programs / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
    said = subprocess.run([kit / start], cwd=tmp_path, capture_output=True, text=True).stdout
    assert said.splitlines()[-1] == f"{programs / 'python3.11'} course course.py lab --offline"


@pytest.mark.skipif(os.name == "nt", reason="for the shell of Linux and macOS")
def test_start_file_that_was_copied_alone_says_what_is_missing(course, tmp_path):
    make_kit.main([str(tmp_path / "kit"), "--platform", "linux", "windows", "--python", "3.12"])
    alone = shutil.copy(tmp_path / "kit" / "start.sh", tmp_path)
    done = subprocess.run(["sh", alone], capture_output=True, text=True)
    assert done.returncode == 1 and done.stdout.startswith("Copy the whole folder of the kit") and not done.stderr
    assert "2>nul || (echo Copy the whole folder" in (tmp_path / "kit" / "start.cmd").read_text()


def test_start_file_for_windows_has_the_line_ends_that_cmd_needs(course, tmp_path):
    make_kit.main([str(tmp_path / "kit"), "--platform", "windows", "--python", "3.11", "3.12"])
    text = (tmp_path / "kit" / "start.cmd").read_bytes()
    assert text.count(b"\n") == text.count(b"\r\n") > 3
    assert b"for %%v in (3.12 3.11) do py -%%v" in text and text.isascii()


def test_kit_that_was_stopped_goes_on_with_the_wheels_that_are_there(course, tmp_path):
    chosen = ["--platform", "linux", "--python", "3.12"]
    make_kit.main([str(tmp_path / "whole"), *chosen])
    for name in "sun-1.0-py3-none-any.whl", "setuptools-80.0-py3-none-any.whl":
        (tmp_path / "half" / "wheels").mkdir(parents=True, exist_ok=True)
        shutil.copy(tmp_path / "whole" / "wheels" / name, tmp_path / "half" / "wheels")
    make_kit.main([str(tmp_path / "half"), *chosen])
    assert {path.name for path in (tmp_path / "half" / "wheels").iterdir()} == {
        path.name for path in (tmp_path / "whole" / "wheels").iterdir()}


def test_full_folder_is_refused_and_left_as_it_is(course, tmp_path):
    (tmp_path / "stick").mkdir()
    (tmp_path / "stick" / "holiday.jpg").touch()
    assert "is not empty: holiday.jpg is in it. Name a new folder." in complaint(tmp_path / "stick")
    assert [path.name for path in (tmp_path / "stick").iterdir()] == ["holiday.jpg"]


def test_folder_inside_the_course_is_refused(course):
    assert "is inside the course" in complaint(course / "kit")
    assert "is inside the course" in complaint(course)
    assert not (course / "kit").exists()


def test_file_in_the_place_of_the_folder_is_named(course, tmp_path):
    (tmp_path / "kit").write_text("a file")
    assert f"The folder {tmp_path / 'kit'} cannot be used" in complaint(tmp_path / "kit")


@pytest.mark.parametrize(("option", "value", "words"), [
    ("--platform", "macos-intel", "macos-intel is not one of windows, macos, linux, linux-arm."),
    ("--python", "3.14", "3.14 is not one of 3.11, 3.12, 3.13. TensorFlow is built for these.")])
def test_unknown_system_or_python_is_named_with_those_that_there_are(option, value, words, tmp_path, capsys):
    with pytest.raises(SystemExit, match="2"):
        make_kit.main([str(tmp_path / "kit"), option, value])
    assert words in capsys.readouterr().err


def test_package_without_a_wheel_for_a_system_is_named_before_the_course_is_copied(course, index, tmp_path):
    (index / f"machine-1.0-cp312-cp312-{TAGS['macos']}.whl").unlink()
    said = complaint(tmp_path / "kit", "--python", "3.12")
    assert "There is no complete set of packages for macos with Python 3.12." in said and "machine" in said
    assert not (tmp_path / "kit" / "course").exists()


def test_wheel_that_gets_lost_on_the_way_is_noticed(course, tmp_path, monkeypatch):
    fetch = make_kit.download

    def lose(packages, wheels, platform, python):
        fetch(packages, wheels, platform, python)
        (wheels / "breeze-1.0-py3-none-win_amd64.whl").unlink()
    monkeypatch.setattr(make_kit, "download", lose)
    said = complaint(tmp_path / "kit", "--platform", "windows", "--python", "3.12")
    assert "There is no complete set of packages for windows with Python 3.12." in said and "breeze" in said


def test_disk_that_is_too_small_is_named_before_anything_is_fetched(course, tmp_path, monkeypatch):
    monkeypatch.setattr(make_kit, "resolve", lambda *_: {"machine==1.0": ("machine.whl", 700_000_000)})
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=400_000_000))
    said = complaint(tmp_path / "kit", "--platform", "linux", "--python", "3.12")
    assert "The kit needs 1.0 GB, and the disk with" in said and "has 0.4 GB free" in said
    assert list((tmp_path / "kit").iterdir()) == []


def test_pure_python_wheel_for_several_systems_is_counted_once_and_one_that_is_there_not(tmp_path):
    several = [{"sun==1.0": ("sun.whl", 10), "machine==1.0": ("machine-win.whl", 100)},
               {"sun==1.0": ("sun.whl", 10), "machine==1.0": ("machine-mac.whl", 1000)}]
    assert make_kit._bytes(several) == 1110
    (tmp_path / "machine-win.whl").touch()
    assert make_kit._bytes(several, there=tmp_path) == 1010


def test_network_that_is_cut_is_named(course, tmp_path, monkeypatch):
    monkeypatch.delenv("UV_CONFIG_FILE")
    for name, value in {"UV_DEFAULT_INDEX": "http://127.0.0.1:9/simple", "UV_HTTP_RETRIES": "0"}.items():
        monkeypatch.setenv(name, value)  # port 9 of this machine, where nobody listens
    said = complaint(tmp_path / "kit", "--platform", "linux", "--python", "3.12")
    assert said.startswith("The packages cannot be reached. Check the network")


@pytest.mark.parametrize(("words", "sentence"), [
    ("ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device\n", "The disk is full."),
    ("OSError: [WinError 112] There is not enough space on the disk", "The disk is full."),
    ("WARNING: Retrying … 'NewConnectionError('Failed to establish a new connection: [Errno 101]')'",
     "The packages cannot be reached."),
    ("ReadTimeoutError: Read timed out.", "The packages cannot be reached."),
    ("ERROR: No matching distribution found for machine==1.0", "There is no complete set of packages for macos.")])
def test_complaint_of_pip_or_uv_is_told_in_a_sentence_and_kept(words, sentence):
    said = make_kit.explained(words, "macos")
    assert said.startswith(sentence) and words.strip() in said


def test_course_that_is_no_clone_is_refused(course, tmp_path):
    def writable(function, path, _):  # git's files are read-only, which Windows does not delete
        os.chmod(path, stat.S_IWRITE)
        function(path)
    shutil.rmtree(course / ".git", onerror=writable)
    assert "is not a clone made by git" in complaint(tmp_path / "kit")


def test_missing_uv_is_named_with_the_command_that_brings_it(course, tmp_path, monkeypatch):
    monkeypatch.setattr(make_kit.importlib.util, "find_spec", lambda _: None)
    said = complaint(tmp_path / "kit")
    assert "The package uv is missing." in said and "pip install -c constraints.txt -e '.[kit]'" in said
