"""One command from a copy of the course to lesson 0, in earnest, where it is hard: an odd path, no HOME, no network.

It fetches about 700 MB, unless pip has them in its cache. How a kit is installed, test_kit.py tries.
"""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from tests.faults.test_whole_notebooks import LOOPBACK_UP
from tools.lessons import ROOT

if os.name == "nt":
    pytest.skip("these faults are made with tools that Windows does not have", allow_module_level=True)

FILES = "course.py pyproject.toml constraints.txt README.md LICENSE NOTICE utils notebooks tools".split()
ANSWER, MINUTES = 1800, 2  # seconds to wait for JupyterLab; what one command may take, with the packages in pip's cache
CUT_OFF = ["unshare", "--map-root-user", "--net"]
READ_ONLY = ["unshare", "--map-root-user", "--mount", "sh", "-c",
             'mount --bind "$0" "$0" && mount -o remount,bind,ro "$0" && cd "$0" && exec "$@"']


def copy_to(folder):
    """Return a new folder with the course in it, as a clone has it: without an environment."""
    for name in FILES:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__", ".ipynb*"))
        else:
            folder.mkdir(exist_ok=True)
            shutil.copy(ROOT / name, folder)
    return folder


def bare(**more):
    """Return an environment without HOME, of the C locale, in which no other Python's environment is active."""
    without = "HOME", "LANG", "LC_CTYPE", "VIRTUAL_ENV", "CONDA_PREFIX", "COURSE_HOME", "IPYTHONDIR", "PYTHONUTF8"
    kept = {name: text for name, text in os.environ.items() if name not in without}
    return dict(kept, LC_ALL="C", BROWSER="true", **more)


def base_python():
    return getattr(sys, "_base_executable", sys.executable)


def start_lab(folder):
    """Return the process of `course.py lab` in a terminal's group of its own, and its address once it answers."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = subprocess.Popen([base_python(), "course.py", "lab"], cwd=folder, process_group=0, text=True,
                               stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                               env=bare(JUPYTER_PORT=str(port), JUPYTER_TOKEN="course"))
    address = f"http://127.0.0.1:{port}"
    for _ in range(ANSWER):
        try:
            urllib.request.urlopen(f"{address}/api")
            return process, address
        except (urllib.error.URLError, OSError):
            assert process.poll() is None, process.stdout.read()
            time.sleep(1)
    os.killpg(process.pid, signal.SIGKILL)
    pytest.fail(f"JupyterLab does not answer after {ANSWER} seconds: {process.stdout.read()}")


def ready(folder, wrapper=()):
    """Run `ready` of the folder's course.py, as every command does; return what it says, and the process."""
    script = "import course; python = course.ready(); print('ready', flush=True); " \
             "raise SystemExit(course.run(python, '-c', 'import utils.plots, numpy.lib; print(utils.__path__[0])'))"
    command = [*wrapper, base_python(), "-c", script]
    return subprocess.run(command, cwd=folder, env=bare(), text=True, capture_output=True)


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """The course, installed by its own command in a folder whose name has spaces and letters of several alphabets."""
    folder = copy_to(tmp_path_factory.mktemp("course") / "mein Kurs – 神经")
    started = time.monotonic()
    process, address = start_lab(folder)
    print(f"\nfrom a copy of the course to an answer of JupyterLab: {time.monotonic() - started:.0f} s; wanted: "
          f"{60 * MINUTES}")
    yield folder, process, address
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)


def test_lab_serves_lesson_0(installed):
    _, _, address = installed
    with urllib.request.urlopen(f"{address}/api/contents/notebooks/00_start_here.ipynb?token=course") as answer:
        assert "Start here" in json.load(answer)["content"]["cells"][0]["source"]
    assert urllib.request.urlopen(f"{address}/lab/tree/notebooks/00_start_here.ipynb?token=course").status == 200


def test_ctrl_c_twice_ends_jupyterlab_and_the_command(installed):
    _, process, address = installed
    for _ in range(30):  # a busy machine may see two of them as one
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGINT)
            time.sleep(1)
    assert process.wait(timeout=30) in (0, 130)  # JupyterLab's own, by what it was doing
    assert "course.py" not in process.stdout.read()  # no traceback
    with pytest.raises(urllib.error.URLError):
        urllib.request.urlopen(f"{address}/api")


def test_lesson_0_runs_in_the_new_environment(installed):
    folder, *_ = installed
    done = subprocess.run([folder / ".venv/bin/python", "tools/execute_notebooks.py", "00"], cwd=folder, env=bare(),
                          capture_output=True, text=True)
    assert done.returncode == 0 and done.stdout.startswith("00_start_here.ipynb: "), done.stderr


def test_second_start_installs_nothing(installed):
    folder, *_ = installed
    done = ready(folder)
    assert (done.returncode, done.stdout) == (0, f"ready\n{folder / 'utils'}\n"), done.stderr


def test_course_that_is_read_only_runs_where_it_is_installed(installed):
    folder, *_ = installed
    if subprocess.run([*READ_ONLY, folder, "true"], capture_output=True).returncode:
        pytest.skip("to make a folder read-only for one process needs Linux and the right to make a namespace")
    assert ready(folder, wrapper=[*READ_ONLY, folder]).stdout == f"ready\n{folder / 'utils'}\n"
    assert subprocess.run([*READ_ONLY, folder, "touch", "new"], capture_output=True).returncode  # it was read-only


def test_installation_that_was_killed_is_mended_by_the_next_command(installed):
    folder, *_ = installed
    packages = next(folder.glob(".venv/lib/python3*/site-packages"))
    (folder / ".venv" / "course-installed.json").unlink()  # as if pip had been killed while it copied NumPy
    next(packages.glob("numpy-*.dist-info/RECORD")).unlink()
    shutil.rmtree(packages / "numpy" / "lib")
    done = ready(folder)
    assert done.stdout.startswith("Mending what is in .venv") and done.stdout.endswith(f"ready\n{folder / 'utils'}\n")
    assert ready(folder).stdout.startswith("ready")


def test_environment_without_pip_is_made_anew(installed):
    folder, *_ = installed
    (folder / ".venv" / "course-installed.json").unlink()
    shutil.rmtree(next(folder.glob(".venv/lib/python3*/site-packages")) / "pip")
    assert ready(folder).stdout.endswith(f"ready\n{folder / 'utils'}\n")


def test_course_that_has_moved_uses_its_own_files(installed):
    folder, *_ = installed
    moved = folder.rename(folder.with_name("moved"))
    done = ready(moved)
    moved.rename(folder)
    assert done.stdout.endswith(f"ready\n{moved / 'utils'}\n"), done.stderr


def test_without_a_network_a_sentence_says_what_to_do(tmp_path):
    if not shutil.which("unshare") or subprocess.run([*CUT_OFF, "true"], capture_output=True).returncode:
        pytest.skip("to cut the network for one process needs Linux and the right to make a namespace")
    folder = copy_to(tmp_path / "course")
    done = subprocess.run([*CUT_OFF, sys.executable, "-c", LOOPBACK_UP, base_python(), "course.py", "lab"], cwd=folder,
                          env=bare(PIP_NO_CACHE_DIR="1"), text=True, capture_output=True)
    assert done.returncode == 1 and done.stderr.startswith("The packages cannot be fetched: there is no network")
    assert len(done.stderr.splitlines()) == 1 and not (Path(folder) / ".venv" / "course-installed.json").exists()
