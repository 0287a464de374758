"""Fill a folder for a stick: the course, all its packages and a start file, for laptops on bad Wi-Fi.

    python -m tools.make_kit DIR --platform windows macos --python 3.13        (or: python3 course.py kit DIR …)

DIR then has course/ (a clone of the last commit), wheels/ (packages, for all chosen systems in one folder: pip takes
what fits), a start file for each system and README.txt for the learner. Python itself is not in it.

Which packages the course needs depends on the system: pywinpty on Windows, appnope on macOS. pip asks this of the
machine that it runs on. So uv finds the packages, for each system and Python, and pip fetches exactly those. At the
end uv resolves once more, from wheels/ alone. uv does not read pip's settings: if your packages come from a mirror,
set UV_DEFAULT_INDEX too.
"""

import argparse
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import time
import tomllib
from dataclasses import dataclass
from pathlib import Path

from tools import write_badges

ROOT = Path(__file__).resolve().parent.parent
PYTHONS = ("3.11", "3.12", "3.13")  # those that TensorFlow is built for
NOT_BUILT = "TensorFlow, which the course uses, is not built for Macs with Intel processors or for Windows on ARM."
RESERVE = 300_000_000  # bytes beside the packages: the clone, and air
STICKS = {"USB 2": 30e6, "USB 3": 100e6}  # bytes a second that a usual stick reads


@dataclass(frozen=True)
class Platform:
    """A system: its name for people and for uv, the tags of wheels that run on it, and its start file."""

    words: str
    for_uv: str
    tags: tuple
    start: str


def _linux(processor):
    # A wheel names the oldest C library that it runs with, and pip takes these names literally: so all up to 2.28,
    # which Debian 10, Ubuntu 20.04 and everything newer have. TensorFlow needs 2.27.
    return *(f"manylinux_2_{minor}_{processor}" for minor in range(28, 16, -1)), f"manylinux2014_{processor}"


PLATFORMS = {
    "windows": Platform("Windows (64-bit, Intel or AMD)", "x86_64-pc-windows-msvc", ("win_amd64",), "start.cmd"),
    "macos": Platform("macOS 12 or newer on Apple's processors (M1, M2, …)", "aarch64-apple-darwin",
                      ("macosx_12_0_arm64",), "start.command"),
    "linux": Platform("Linux (64-bit, Intel or AMD)", "x86_64-manylinux_2_28", _linux("x86_64"), "start.sh"),
    "linux-arm": Platform("Linux (64-bit, ARM)", "aarch64-manylinux_2_28", _linux("aarch64"), "start.sh"),
}

# The start files try the Pythons that the kit has packages for, before any other that a machine may have.
START_CMD = """\
@echo off
cd /d "%~dp0course" 2>nul || (echo Copy the whole folder of the kit to your disk, and start this file there. & goto end)
for %%v in ({pythons}) do py -%%v -c "" 2>nul && (py -%%v course.py lab --offline & goto end)
python course.py lab --offline
if errorlevel 1 echo If Python is missing: README.txt, beside this file, says what to install.
:end
pause
"""
START_SH = """\
#!/bin/sh
cd "$(dirname "$0")/course" 2>/dev/null || {{
    echo "Copy the whole folder of the kit to your disk, and start this file there."
    exit 1
}}
for python in {pythons} python3; do
    "$python" -c "" 2>/dev/null && exec "$python" course.py lab --offline
done
echo "Python is missing: README.txt, beside this file, says what to install."
exit 1
"""

README = """\
From Neurons to Generative Models: the course for a laptop without a network
============================================================================

1. Copy this whole folder from the stick to your own disk ({size}). Do not start it on the stick.

2. You need Python {pythons}, 64-bit. It is not in this folder.
   If you do not have it, get it from python.org. On Debian and Ubuntu, also: apt install python3-venv

3. In the copy on your disk, start the course:

{start}
   The first time, this installs the course into the folder course (about two minutes, no network needed).
   Then JupyterLab opens on lesson 0 in your browser. To come back another day, start it in the same way.

This kit is for:
{systems}
It is not for Macs with Intel processors or for Windows on ARM: TensorFlow, which the course uses,
is not built for them. There, open the lessons on Colab in a browser: course/README.md has the way.

If something does not work, type in the folder course:   python3 course.py doctor
When a newer course is out and you have a network:       python3 course.py update
(On Windows, type py instead of python3.)

Made on {date} from commit {commit}.
"""
START_WORDS = {
    "windows": "   Windows:  double-click start.cmd. Or type, in the folder course:  py course.py lab --offline\n",
    "macos": "   macOS:    double-click start.command. Or, if macOS refuses, in a terminal, in the folder course:\n"
             "             python3 course.py lab --offline\n",
    "linux": "   Linux:    type in a terminal, in this folder:  sh start.sh\n",
}
START_WORDS["linux-arm"] = START_WORDS["linux"]


class KitError(Exception):
    """Something that keeps the kit from being made, in words for the person who makes it."""


def main(arguments=None):
    """Make the kit, and say how large it is and how long it takes to copy."""
    options = _options(arguments)
    try:
        make(options.folder, list(dict.fromkeys(options.platform)), list(dict.fromkeys(options.python)))
    except KitError as error:
        sys.exit(str(error))
    except KeyboardInterrupt:
        sys.exit("\nStopped. The same command goes on from here; what is fetched stays.")


def make(folder, platforms, pythons):
    """Fill `folder` for these names of PLATFORMS and these Pythons.

    Raises:
        KitError: if the folder, the course, the network or the disk does not allow it.
    """
    folder = checked_folder(folder)
    _check_course()
    wheels = folder / "wheels"
    chosen = [(platform, python) for platform in platforms for python in pythons]
    print("Looking up which packages each system needs …", flush=True)
    packages = {each: resolve(*each) for each in chosen}
    _check_space(folder, _bytes(packages.values(), there=wheels))
    for (platform, python), found in packages.items():
        print(f"{platform}, Python {python}: {len(found)} packages, {_bytes([found]) / 1e6:.0f} MB …", flush=True)
        download(found, wheels, platform, python)
    for platform, python in chosen:
        if set(resolve(platform, python, wheels)) != set(packages[platform, python]):
            raise KitError(f"{wheels} holds other versions than those chosen for {platform} with Python {python}. "
                           "Delete it and type the same command again.")
    print("Complete: the course resolves from these wheels alone, on each system with each Python.")
    _clone(folder / "course")
    _write_words(folder, platforms, pythons)
    print(_summary(folder, packages))


def checked_folder(folder):
    """Return the folder, made and resolved: empty, or with wheels that an earlier try left, outside the course."""
    folder = Path(folder).expanduser().resolve()
    if folder.is_relative_to(ROOT):
        raise KitError(f"{folder} is inside the course, which would then be in its own kit. Name a folder outside.")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        there = [path.name for path in folder.iterdir() if path.name != "wheels"]
    except OSError as error:
        raise KitError(f"The folder {folder} cannot be used: {error.strerror}.") from None
    if there:
        raise KitError(f"{folder} is not empty: {there[0]} is in it. Name a new folder.")
    return folder


def resolve(platform, python, wheels=None):
    """Return {"name==version": (file, bytes)} of what the course needs on a system: the largest wheel that fits.

    It is what `pip install --editable .` installs there, with the versions of constraints.txt, and what this builds
    with. With `wheels`, a folder, only what is in there counts, whatever uv's own settings say.
    """
    build = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["build-system"]["requires"]
    command = [sys.executable, "-m", "uv", "pip", "compile", "--quiet", "--format", "pylock.toml",
               "--python", sys.executable,  # else uv searches this machine for the Python in question, for seconds
               "--only-binary", ":all:", "--constraint", "constraints.txt", "--python-version", python,
               "--python-platform", PLATFORMS[platform].for_uv, "pyproject.toml", "-"]
    environment = {name: value for name, value in os.environ.items() if not (wheels and name.startswith("UV_"))}
    environment["MACOSX_DEPLOYMENT_TARGET"] = "12.0"  # as in PLATFORMS; uv takes 13 otherwise
    if wheels:
        command += ["--no-config", "--no-index", "--find-links", str(wheels)]
    lock = tomllib.loads(_run(command, f"{platform} with Python {python}", input="\n".join(build), env=environment))
    return {f"{each['name']}=={each['version']}": max(map(_file_and_bytes, each["wheels"]), key=lambda pair: pair[1])
            for each in lock["packages"]}


def download(packages, wheels, platform, python):
    """Fetch the wheels of {"name==version": …}, as far as they are not in the folder yet."""
    tags = [flag for tag in PLATFORMS[platform].tags for flag in ("--platform", tag)]
    _run([sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps",
          "--only-binary=:all:", "--dest", str(wheels), "--python-version", python, *tags, *packages],
         f"{platform} with Python {python}")


def address():
    """Return the public address of the course, without anybody's password, or None if there is none yet."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    repository = settings["tool"]["course"]["repository"]
    if write_badges.is_public(repository):
        return repository
    if write_badges.origin():
        return write_badges.origin()[0]
    origin = _git("remote", "get-url", "origin", check=False)  # of another host than GitHub
    return re.sub(r"(?<=://)[^/@]*@", "", origin) if origin.startswith("https://") else None


def _options(arguments):
    parser = argparse.ArgumentParser(prog="python -m tools.make_kit", description=__doc__.splitlines()[0],
                                     epilog=f"Each system has its own packages: about 510 MB for Windows, 390 MB for "
                                            f"macOS, 740 MB for Linux, for each Python. {NOT_BUILT}")
    parser.add_argument("folder", type=Path, metavar="DIR", help="a new folder, on the stick or on the disk")
    parser.add_argument("--platform", nargs="+", type=_one_of(PLATFORMS, NOT_BUILT), metavar="NAME",
                        default=["windows", "macos", "linux"],
                        help=f"of {', '.join(PLATFORMS)}; default: all but linux-arm")
    parser.add_argument("--python", nargs="+", type=_one_of(PYTHONS, "TensorFlow is built for these."),
                        metavar="3.X", default=list(PYTHONS), help=f"of {', '.join(PYTHONS)}; default: all")
    return parser.parse_args(arguments)


def _one_of(known, reason):
    def check(text):
        if text not in known:
            raise argparse.ArgumentTypeError(f"{text} is not one of {', '.join(known)}. {reason}")
        return text
    return check


def _check_course():
    if importlib.util.find_spec("uv") is None:
        raise KitError(f"The package uv is missing. Type in {ROOT}: "
                       f"{sys.executable} -m pip install -c constraints.txt -e '.[kit]'")
    if not shutil.which("git"):
        raise KitError("The program git is missing: it copies the course. Install it from git-scm.com.")
    if not (ROOT / ".git").exists():
        raise KitError(f"{ROOT} is not a clone made by git, so learners could not update their copy. Make the kit "
                       "from a clone: git clone ADDRESS")


def _check_space(folder, missing):
    free, needed = shutil.disk_usage(folder).free, missing + RESERVE
    if free < needed:
        raise KitError(f"The kit needs {needed / 1e9:.1f} GB, and the disk with {folder} has {free / 1e9:.1f} GB "
                       "free. Choose another disk, fewer systems (--platform) or one Python (--python 3.13).")


def _run(command, subject, **options):
    """Return what a command of uv or pip prints; its troubles come as a KitError about the subject."""
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, encoding="utf-8", errors="replace",
                          **options)
    if done.returncode:
        raise KitError(explained(done.stderr, subject))
    return done.stdout


def explained(words, subject):
    """Return a sentence for the complaints of uv or pip, followed by the last lines of them."""
    if re.search(r"No space left|not enough space|Disk quota exceeded", words):
        sentence = "The disk is full. Make room, or choose another disk, and type the same command again."
    elif re.search(r"Failed to fetch|Could not connect|error sending request|dns error|NewConnectionError|"
                   r"Connection|timed out|Temporary failure", words):
        sentence = ("The packages cannot be reached. Check the network (and the proxy) and type the same command "
                    "again; what is fetched stays.")
    else:
        sentence = f"There is no complete set of packages for {subject}."
    return f"{sentence}\n" + "\n".join(f"  {line}" for line in words.strip().splitlines()[-8:])


def _git(*arguments, folder=None, check=True):
    done = subprocess.run(["git", "-C", str(folder or ROOT), *arguments], capture_output=True, text=True,
                          encoding="utf-8", errors="replace")
    if check and done.returncode:
        raise KitError(f"git could not copy the course:\n  {done.stderr.strip()}")
    return done.stdout.strip()


def _clone(course):
    """Clone the last commit, with the public address as origin: learners must never ask the instructor's disk."""
    # On a stick files lose their permissions, and git on Windows may change line ends: neither is a change to report.
    _git("clone", "--quiet", "--no-hardlinks", "--single-branch", "--config", "core.fileMode=false",
         "--config", "core.autocrlf=false", str(ROOT), str(course))
    if address():
        _git("remote", "set-url", "origin", address(), folder=course)
    else:
        _git("remote", "remove", "origin", folder=course)
        print("The course has no public address yet, so learners will not be able to update this copy: write it into "
              "pyproject.toml, at [tool.course], before you make the kit.")
    changed = len(_git("status", "--porcelain").splitlines())
    if changed:
        print(f"The kit has the last commit. Changes since then, in {changed} files, are not in it.")


def _write_words(folder, platforms, pythons):
    newest = sorted(pythons, reverse=True)
    for platform in platforms:
        path = folder / PLATFORMS[platform].start
        if path.suffix == ".cmd":  # cmd does not find labels behind the line ends of Unix, nor sh a `done` with others
            path.write_text(START_CMD.format(pythons=" ".join(newest)), encoding="ascii", newline="\r\n")
        else:
            names = " ".join(f"python{version}" for version in newest)
            path.write_text(START_SH.format(pythons=names), encoding="ascii", newline="\n")
        path.chmod(0o755)
    (folder / "README.txt").write_text(README.format(
        size=f"{_size(folder) / 1e9:.1f} GB", pythons=" or ".join(sorted(pythons)),
        start="".join(dict.fromkeys(START_WORDS[platform] for platform in platforms)),
        systems="".join(f"   {PLATFORMS[platform].words}\n" for platform in platforms),
        date=time.strftime("%d %B %Y"), commit=_git("rev-parse", "--short", "HEAD")), encoding="utf-8")


def _file_and_bytes(wheel):
    return re.split(r"[/\\]", wheel.get("url") or wheel["path"])[-1], wheel.get("size", 0)


def _bytes(several, there=None):
    """Return how large the wheels of several resolutions are together, less those that the folder `there` has."""
    files = dict(pair for packages in several for pair in packages.values())
    return sum(size for file, size in files.items() if there is None or not (there / file).exists())


def _size(folder):
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def _summary(folder, packages):
    size = _size(folder)
    copying = ", ".join(f"{size / rate / 60:.1f} min from a {stick} stick" for stick, rate in STICKS.items())
    lines = [f"{platform}, Python {python}: {_bytes([found]) / 1e6:.0f} MB"
             for (platform, python), found in packages.items()]
    return "\n".join([*lines, f"{folder}: {size / 1e6:.0f} MB in all. One laptop copies it in about {copying}."])


if __name__ == "__main__":
    main()
