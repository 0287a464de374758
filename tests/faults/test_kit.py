"""A kit for a stick: real packages, installed with the network cut, and complete for each system and Python.

Nothing here runs Windows or macOS. What is shown for them: the wheels that pip takes for that system are all that the
course asks for there, with the markers and the tags of that system.
"""

import json
import os
import shutil
import subprocess
import sys
import tomllib

import pytest
from packaging import tags, utils
from packaging.markers import default_environment
from packaging.requirements import Requirement

from tests.faults.test_whole_notebooks import LOOPBACK_UP
from tools import make_kit

NAMESPACE = ["unshare", "--map-root-user", "--net"]
GLIBC = [f"manylinux_2_{minor}" for minor in range(28, 4, -1)] + ["manylinux2014", "manylinux2010", "manylinux1"]
SYSTEMS = {  # what Python says of each system, which the markers of packages ask for; and the platforms of its wheels
    "windows": ({"sys_platform": "win32", "os_name": "nt", "platform_system": "Windows", "platform_machine": "AMD64"},
                ["win_amd64"]),
    "macos": ({"sys_platform": "darwin", "os_name": "posix", "platform_system": "Darwin", "platform_machine": "arm64"},
              list(tags.mac_platforms((12, 0), "arm64"))),
    "linux": ({"sys_platform": "linux", "os_name": "posix", "platform_system": "Linux", "platform_machine": "x86_64"},
              [f"{name}_x86_64" for name in GLIBC]),
    "linux-arm": ({"sys_platform": "linux", "os_name": "posix", "platform_system": "Linux",
                   "platform_machine": "aarch64"}, [f"{name}_aarch64" for name in GLIBC]),
}

# On the learner's machine: start the course from the kit, wait for JupyterLab, stop it, and run lesson 0.
LEARNER = """
import json, os, pathlib, resource, subprocess, sys, time, urllib.request
course, runtime = pathlib.Path.cwd(), pathlib.Path(os.environ["JUPYTER_RUNTIME_DIR"])
began, log = time.monotonic(), course.parent / "lab.log"
with log.open("w") as file:
    lab = subprocess.Popen([sys.executable, "course.py", "lab", "--offline"], stdout=file, stderr=file)
while not (files := list(runtime.glob("jpserver-*.json"))):
    if lab.poll() is not None:
        sys.exit(log.read_text())
    time.sleep(0.2)
server = json.loads(files[0].read_text())
page = urllib.request.urlopen(server["url"] + "lab?token=" + server["token"]).read()
seconds = {"until JupyterLab answers": time.monotonic() - began}
assert b"JupyterLab" in page, page[:500]
os.kill(server["pid"], 15)
lab.wait()
used = resource.getrusage(resource.RUSAGE_CHILDREN)
seconds["of which the processor works"] = used.ru_utime + used.ru_stime
began = time.monotonic()
subprocess.run([course / ".venv/bin/python", "-c", '''
import nbclient, nbformat
notebook = nbformat.read("notebooks/00_start_here.ipynb", 4)
nbclient.NotebookClient(notebook, timeout=600, resources={"metadata": {"path": "notebooks"}}).execute()
'''], check=True)
print(json.dumps({**seconds, "lesson 0": time.monotonic() - began}))
"""


@pytest.mark.skipif(not sys.platform.startswith("linux") or os.uname().machine != "x86_64",
                    reason="installs the kit for Linux with an Intel or AMD processor")
def test_course_starts_from_the_kit_and_lesson_0_runs_with_the_network_cut(tmp_path):
    if not shutil.which("unshare") or subprocess.run([*NAMESPACE, "true"], capture_output=True).returncode:
        pytest.skip("to cut the network for one process needs the right to make a namespace")
    stick, disk = tmp_path / "stick", tmp_path / "mein Kurs – 神经"
    python = f"{sys.version_info[0]}.{sys.version_info[1]}"
    make_kit.main([str(stick), "--platform", "linux", "--python", python])
    shutil.copytree(stick, disk)
    shutil.rmtree(stick)  # the learner gives it back
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PIP_", "VIRTUAL_ENV"))}
    environment |= {"JUPYTER_RUNTIME_DIR": str(tmp_path / "runtime"), "BROWSER": "true", "PIP_CONFIG_FILE": os.devnull,
                    "HOME": str(tmp_path)}
    base = sys._base_executable
    done = subprocess.run([*NAMESPACE, base, "-c", LOOPBACK_UP, base, "-c", LEARNER], cwd=disk / "course",
                          env=environment, stdout=subprocess.PIPE, text=True, timeout=1500)
    assert done.returncode == 0
    seconds = json.loads(done.stdout.splitlines()[-1])
    print("\nFrom the kit, without a network: " + ", ".join(f"{what} {s:.0f} s" for what, s in seconds.items()))
    assert seconds["of which the processor works"] < 120  # the clock's seconds also count what else runs here


@pytest.mark.parametrize("python", make_kit.PYTHONS)
@pytest.mark.parametrize("platform", make_kit.PLATFORMS)
def test_wheels_are_complete(platform, python, tmp_path):
    found = wheels_that_pip_takes(platform, python, tmp_path)
    for patch in ".0", ".99":  # some packages are needed for the first patches of a Python only
        assert missing(found, platform, python, python + patch) == set()
    if platform == "windows":
        del found["pywinpty"]
        assert missing(found, platform, python, python + ".0") == {"pywinpty"}


def wheels_that_pip_takes(platform, python, folder):
    """Return {name: metadata} of what pip would fetch for a system; it reads the metadata of each wheel, no more."""
    report = folder / "report.json"
    flags = [flag for tag in make_kit.PLATFORMS[platform].tags for flag in ("--platform", tag)]
    done = subprocess.run(
        [sys.executable, "-m", "pip", "install", "--quiet", "--dry-run", "--ignore-installed", "--no-deps",
         "--only-binary=:all:", "--target", folder / "nowhere", "--report", report, "--python-version", python, *flags,
         *make_kit.resolve(platform, python)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    runs = set(tags.cpython_tags(tuple(map(int, python.split("."))), platforms=SYSTEMS[platform][1]))
    runs |= set(tags.compatible_tags(tuple(map(int, python.split("."))), "cp" + python.replace(".", ""),
                                     SYSTEMS[platform][1]))
    found = {}
    for each in json.loads(report.read_text())["install"]:
        file = each["download_info"]["url"].split("/")[-1]
        assert runs & utils.parse_wheel_filename(file)[3], f"{file} does not run on {platform} with Python {python}"
        found[utils.canonicalize_name(each["metadata"]["name"])] = each["metadata"]
    return found


def missing(found, platform, python, full_version):
    """Return the names of what the course asks for on a system, and what that asks for, as far as it is not found."""
    project = tomllib.loads((make_kit.ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    environment = {**default_environment(), **SYSTEMS[platform][0], "python_version": python,
                   "python_full_version": full_version, "implementation_version": full_version,
                   "implementation_name": "cpython", "platform_python_implementation": "CPython"}
    asked = [*project["project"]["dependencies"], *project["build-system"]["requires"]]
    waiting, seen, lacking = [(Requirement(text), "") for text in asked], set(), set()
    while waiting:
        requirement, extra = waiting.pop()
        name = utils.canonicalize_name(requirement.name)
        if requirement.marker and not requirement.marker.evaluate({**environment, "extra": extra}):
            continue
        if name not in found or not requirement.specifier.contains(found[name]["version"], prereleases=True):
            lacking.add(name)
            continue
        for extra in {"", *requirement.extras}:
            if (name, extra) not in seen:
                seen.add((name, extra))
                waiting += [(Requirement(text), extra) for text in found[name].get("requires_dist", [])]
    assert len(seen) > 100  # TensorFlow and JupyterLab bring that many
    return lacking
