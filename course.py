"""Every command of the course. The first one installs the course, and later ones start at once.

    python3 course.py lab        (on Windows: py course.py lab; without a command: the list of all commands)

The course is installed into .venv beside this file, unless the active environment (conda, a hub, a venv) has it.
This file needs nothing but Python's standard library, and runs with Python 3.9 too: so a Python that is too old for the
course finds a newer one beside it, or says in a sentence what to install.
"""

import argparse
import hashlib
import json
import locale
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from urllib.parse import urlparse

ROOT = Path(__file__).absolute().parent
NAME = "from-neurons-to-generative-models"
ENV, COLAB_ENV, KIT = ROOT / ".venv", ROOT / ".venv-colab", ROOT.parent / "wheels"
WINDOWS = os.name == "nt"
ME = "py course.py" if WINDOWS else "python3 course.py"
VERSIONS = "3.13", "3.12", "3.11"  # those that TensorFlow is built for
GIGABYTES = 4  # of disk: 2.5 stay, the rest holds the packages while they are unpacked

PIP_FAILED = "pip, Python's installer, failed"
AGAIN = "then type the same command again."
COLAB = "Open the lessons on Colab instead, with the badge in the first cell of each: that needs nothing but a browser."
NO_NETWORK = ("The packages cannot be fetched: there is no network, or it breaks off. Nothing is lost. When it works "
              f"again, type the same command again. With a kit on a stick, type: {ME} lab --offline")
FAULTS = (  # what pip says, and what to do; the first that fits
    (r"No space left|Errno 28|WinError 112|Disk quota exceeded",
     f"The disk is full. Make room ({GIGABYTES} GB), {AGAIN}"),
    (r"Long Path support", "The path of this folder is too long for Windows. Move the course to a short one, such as "
                           f"C:\\course, {AGAIN}"),
    (r"UnicodeEncodeError|UnicodeDecodeError", "The path of this folder has letters that this system's settings do not "
                                               f"know. Move the course to another folder, or use Python 3.13, {AGAIN}"),
    (r"CERTIFICATE_VERIFY_FAILED", "Something between this machine and the packages, such as a company's proxy, puts "
                                   f"in certificates of its own. Use another network, {AGAIN}"),
    (r"NewConnectionError|ConnectTimeout|ReadTimeout|Connection (refused|reset|aborted)|ProxyError|getaddrinfo failed|"
     r"name resolution|nodename nor servname|Max retries exceeded|IncompleteRead|unreachable", NO_NETWORK),
    (r"No matching distribution found for tensorflow", f"There is no TensorFlow for this machine. {COLAB}"),
)


# Which Python ---------------------------------------------------------------------------------------------------

PROBE = """
import json, platform, struct, sys, sysconfig
try:
    import ensurepip, venv
except ImportError:
    venv = None
print(json.dumps(dict(
    version=platform.python_version(), kind=platform.python_implementation(), bits=8 * struct.calcsize("P"),
    platform=sysconfig.get_platform(), machine=platform.machine(), venv=bool(venv),
    free_threaded=bool(sysconfig.get_config_var("Py_GIL_DISABLED")))))
"""


def facts_of(python):
    """Return what PROBE says of a Python, given as a list of the words that start it, or None if it does not start."""
    try:
        answer = subprocess.run([*python, "-I", "-c", PROBE], capture_output=True, text=True, timeout=60)
        return json.loads(answer.stdout)
    except (OSError, ValueError, subprocess.TimeoutExpired):
        return None


def trouble_with(python, facts):
    """Return (rank, sentence) of what keeps the course from running on a Python, or None. A higher rank goes first."""
    wanted = "Python 3.11, 3.12 or 3.13"
    get = "install it from https://www.python.org/downloads/"
    if facts["platform"].startswith("macosx") and facts["machine"] == "x86_64":  # universal2: the machine decides
        if _on_apple_silicon():
            return 5, (f"{python} is made for Intel Macs, and this Mac has Apple's own processor: {get}, or with conda "
                       f"install Miniforge for arm64, {AGAIN}")
        return 6, f"This Mac has an Intel processor, and TensorFlow is no longer built for it. {COLAB}"
    if facts["platform"] == "win-arm64":
        return 4, (f"{python} is made for Windows on ARM, for which there is no TensorFlow. {COLAB} (A 64-bit Python "
                   "for Intel and AMD runs there too, emulated. Nobody has tried TensorFlow there for this course: "
                   "only newer versions of Windows 11 emulate the instructions, AVX, that it needs.)")
    if facts["bits"] != 64:
        return 3, f"{python} has 32 bits, and TensorFlow needs 64. The course needs a 64-bit {wanted}: {get}, {AGAIN}"
    version = ".".join(facts["version"].split(".")[:2])
    if version not in VERSIONS or facts["kind"] != "CPython" or facts["free_threaded"]:
        kind = "the free-threaded" if facts["free_threaded"] else facts["kind"].replace("CPython", "")
        name = "py -3.13" if WINDOWS else "python3.13"
        return 1, (f"The course needs {wanted}, and {python} is {(kind + ' ' + facts['version']).strip()}: install one "
                   f"of them from https://www.python.org/downloads/, then type: {name} {_typed()}")
    if not facts["venv"]:
        return 2, (f"{python} lacks the standard module venv: install it (Debian and Ubuntu: apt install "
                   f"python{version}-venv), {AGAIN}")
    return None


def _on_apple_silicon():
    answer = subprocess.run(["sysctl", "-n", "hw.optional.arm64"], capture_output=True, text=True)
    return answer.stdout.strip() == "1"


def _typed():
    return " ".join(["course.py", *sys.argv[1:]])


def choose_python(newest_first=False):
    """Return the words that start a Python on which the course runs: this one, or another that this system has."""
    this = [[getattr(sys, "_base_executable", None) or sys.executable]]  # not that of an environment
    if WINDOWS:
        others = [["py", f"-{version}"] for version in VERSIONS if shutil.which("py")]
    else:
        others = [[path] for path in map(shutil.which, [f"python{version}" for version in VERSIONS]) if path]
    troubles = []
    for python in others + this if newest_first else this + others:
        facts = facts_of(python)
        if facts is None:
            continue
        trouble = trouble_with(" ".join(python), facts)
        if not trouble:
            if facts["platform"] == "win-amd64" and "ARM" in os.environ.get("PROCESSOR_IDENTIFIER", ""):
                print("Note: this Python is emulated on an ARM processor, and TensorFlow may not start on it. If so: "
                      f"{COLAB}")
            return python
        troubles.append(trouble)
    sys.exit(max(troubles, key=lambda each: each[0])[1] if troubles else "This Python does not start a second time.")


# Which environment ----------------------------------------------------------------------------------------------

def python_in(prefix):
    """Return the path of an environment's Python, which may not be there."""
    if _same(prefix, sys.prefix):
        return Path(sys.executable)
    places = ["Scripts/python.exe", "python.exe"] if WINDOWS else ["bin/python"]  # the second is conda's
    paths = [Path(prefix, place) for place in places]
    return next(filter(os.path.exists, paths), paths[0])  # Path.exists fails where it may not look


def has_course(prefix):
    """Is the course of this very folder installed in an environment, so that a change in utils/ shows at once?"""
    if _same(prefix, sys.prefix):
        folders = [Path(entry) for entry in sys.path if entry]
    else:
        folders = [*Path(prefix).glob("lib/python3*/site-packages"), Path(prefix, "Lib", "site-packages")]
    for folder in folders:
        for origin in folder.glob(NAME.replace("-", "_") + "-*.dist-info/direct_url.json"):
            from urllib.request import url2pathname  # here, for it takes as long to import as all the rest

            address = urlparse(json.loads(origin.read_text(encoding="utf-8"))["url"])
            if _same(url2pathname(address.path), ROOT):
                return True
    return False


def _same(one, other):
    return Path(one).resolve() == Path(other).resolve()


def active_environment():
    """Return the folder of the active environment if the course is in it, or should be by the environment's name.

    Active is what runs this file, and what conda or a venv has switched on: Windows' `py` runs neither of them.
    """
    for prefix in sys.prefix, os.environ.get("CONDA_PREFIX"), os.environ.get("VIRTUAL_ENV"):
        if prefix and not _same(prefix, ENV) and (has_course(prefix) or Path(prefix).name == NAME):
            return prefix
    return None


# Installing -----------------------------------------------------------------------------------------------------

def ready(*extras, offline=False):
    """Return a Python that has the course and these extras of pyproject.toml; install what is missing."""
    active = active_environment()
    if active:
        python = python_in(active)
        if not has_course(active) or _lacks(python, extras):
            print("Installing what is missing into the active environment.", flush=True)
            _install(python, extras, offline)
        return python
    python, stamp = python_in(ENV), _read_stamp()
    wanted = {"fingerprint": _fingerprint(python), "root": str(ROOT)}
    if os.path.exists(python) and stamp["fingerprint"] == wanted["fingerprint"] and set(extras) <= set(stamp["extras"]):
        return python
    _check_folder(offline)
    there = os.path.exists(python)
    _make_environment()
    python = python_in(ENV)
    print("Installing what is new into .venv." if stamp["fingerprint"] else
          "Mending what is in .venv: its installation did not come to its end." if there else
          "Installing the course into .venv; this takes a few minutes, and only the first time.", flush=True)
    try:
        _install(python, sorted({*extras, *stamp["extras"]}), offline)
    except SystemExit as stop:
        usable = _stamp().exists() and stamp["root"] == str(ROOT) and set(extras) <= set(stamp["extras"])
        if str(stop) != NO_NETWORK or not usable:
            raise
        print("Without a network, the packages stay those of an earlier version of the course.", flush=True)
        return python
    wanted.update(fingerprint=_fingerprint(python), extras=sorted({*extras, *stamp["extras"]}))
    _stamp().write_text(json.dumps(wanted), encoding="utf-8")
    return python


def _stamp():
    """The file that says that an installation came to its end; pip's first change in the environment removes it."""
    return ENV / "course-installed.json"


def _read_stamp():
    try:
        return {"fingerprint": "", "root": "", "extras": [], **json.loads(_stamp().read_text(encoding="utf-8"))}
    except (OSError, ValueError):
        return {"fingerprint": "", "root": "", "extras": []}


def _fingerprint(python):
    """Return letters that change when the installation must: with the folder, the Python, or the lists of packages."""
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    lists = text[:text.index("[tool.")] + (ROOT / "constraints.txt").read_text(encoding="utf-8")
    return hashlib.sha256(f"{ROOT}\n{python.resolve().name}\n{lists}".encode()).hexdigest()


def _lacks(python, extras):
    """Return whether a Python lacks a package of these extras."""
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    names = []
    for extra in extras:
        names += re.findall(r'"([\w.-]+)', re.search(rf"\n{extra} = \[\n(.*?)\n\]", text, flags=re.DOTALL)[1])
    script = "import importlib.metadata, sys; [importlib.metadata.version(name) for name in sys.argv[1:]]"
    return bool(names) and _quietly(python, "-c", script, *names) != 0


def _check_folder(offline):
    """Stop with a sentence where nothing can be installed."""
    try:
        with tempfile.TemporaryFile(dir=ROOT):
            pass
    except OSError:
        sys.exit(f"The folder {ROOT} cannot be written, and the course installs itself into it: copy the folder to a "
                 f"place of your own, {AGAIN}")
    free = shutil.disk_usage(ROOT).free / 2**30
    if not ENV.exists() and free < GIGABYTES:
        sys.exit(f"The course needs {GIGABYTES} GB of disk, and {free:.1f} GB are free here: make room, {AGAIN}")
    if offline and not any(KIT.glob("*.whl")):
        sys.exit(f"There is no kit: --offline looked for wheels (*.whl) in {KIT}. Copy the folder wheels of the stick "
                 f"there, so that it lies beside the course's folder, {AGAIN}")


def _make_environment():
    """Make .venv, or mend one whose making was interrupted or whose Python has gone."""
    python = python_in(ENV)
    facts = facts_of([str(python)]) if os.path.exists(python) else None
    if facts:
        trouble = trouble_with(".venv", dict(facts, venv=True))
        if trouble:
            sys.exit(f"{trouble[1]}\n(That Python is in {ENV}. To have it made anew with another, remove the folder.)")
        if _has_pip(python) or (_quietly(python, "-m", "ensurepip") == 0 and _has_pip(python)):
            return
    chosen = choose_python()
    made = subprocess.run([*chosen, "-m", "venv", "--clear", ENV], capture_output=True, text=True, errors="replace",
                          env=_variables())
    if made.returncode:
        shutil.rmtree(ENV, ignore_errors=True)
        _stop_for((made.stdout + made.stderr).strip(), "Python could not make .venv")


def _has_pip(python):
    return _quietly(python, "-m", "pip", "--version") == 0


def _quietly(python, *arguments):
    return subprocess.run([python, *arguments], capture_output=True, env=_variables()).returncode


def _install(python, extras, offline):
    """Install the course into an environment: from a kit that lies beside it, else from the network."""
    kit = any(KIT.glob("*.whl"))
    for dist_info in ENV.glob("**/site-packages/*.dist-info"):  # pip would take a package that it half copied for whole
        if not (dist_info / "RECORD").exists():
            shutil.rmtree(dist_info, ignore_errors=True)
    what = f".[{','.join(extras)}]" if extras else "."
    command = [python, "-m", "pip", "install", "--progress-bar=off", "--constraint", "constraints.txt",
               "--editable", what]
    if kit:
        print(f"Taking the packages from {KIT}.", flush=True)
        code, said = _pip([*command, "--no-index", "--find-links", KIT])
        missing = re.search(r"No matching distribution found for (\S+)", said)
        if code == 0:
            return
        if not missing:
            _stop_for(said, PIP_FAILED)
        if offline:
            sys.exit(f"The kit in {KIT} has no {missing[1]} for this system and this Python. Ask for a kit that is "
                     "made for them, or go without --offline where there is a network.")
        print(f"The kit has no {missing[1]} for this machine: fetching the packages from the network.", flush=True)
    code, said = _pip(command)
    if code:
        _stop_for(said, PIP_FAILED)


def _pip(command):
    """Run pip and print the largest of its downloads, so that a slow network shows; return its exit code and words."""
    lines = []
    with subprocess.Popen(command, cwd=ROOT, env=_variables(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          encoding="utf-8", errors="replace") as process:
        try:
            for line in process.stdout:
                lines.append(line)
                fetched = re.match(r"\s*Downloading \S*?([^/\s]+?)-\d\S* \((\d+)(\.\d+)? MB\)", line)
                if fetched and int(fetched[2]) >= 10:
                    print(f"  fetching {fetched[1]}, {fetched[2]} MB", flush=True)
                if line.startswith("Installing collected packages") and command[0] == python_in(ENV):
                    print("  unpacking", flush=True)
                    _stamp().unlink(missing_ok=True)
        except BaseException:  # stopped by Ctrl-C or by the system: pip must not go on alone
            process.terminate()
            raise
    return process.returncode, "".join(lines)


def _stop_for(said, what):
    """Stop with the sentence that fits what a program said; for a fault that nobody foresaw, with its last lines."""
    for pattern, sentence in FAULTS:
        if re.search(pattern, said):
            sys.exit(sentence)
    last = "\n".join(said.splitlines()[-15:])
    sys.exit(f"{last}\n{what}; its last lines are above. Type the same command again. If it fails in the same way, "
             "remove the folder .venv first.")


# Running --------------------------------------------------------------------------------------------------------

def _variables(**more):
    """Return the environment variables for a program of the course, whatever this terminal's are."""
    variables = dict(os.environ, PIP_DISABLE_PIP_VERSION_CHECK="1", PIP_USER="0")
    variables["PYTHONUTF8"] = "1"  # Windows would read the course's files in another encoding
    for name in "PYTHONHOME", "PYTHONPATH", "PYTHONSAFEPATH":  # others' packages before the course's, or without it
        variables.pop(name, None)
    if sys.platform.startswith("linux") and not _letters_of_all_languages():
        variables["LC_ALL"] = "C.UTF-8"  # else Python does not find `mein Kurs – 神经`, where it is told of this folder
    home = os.path.expanduser("~")
    if not WINDOWS and not os.access(home, os.W_OK):  # JupyterLab and pip cannot do without
        variables["HOME"] = _home_for_the_homeless()
    return dict(variables, **more)


def _letters_of_all_languages():
    try:
        locale.setlocale(locale.LC_CTYPE, "")
    except locale.Error:  # a language that is named but not installed
        return False
    return locale.nl_langinfo(locale.CODESET).upper() == "UTF-8"


def _home_for_the_homeless():
    """Return a folder that stands for the home of an account without one, or with one that it cannot write."""
    home = ROOT / ".home"
    try:
        home.mkdir(exist_ok=True)
        if os.access(home, os.W_OK):
            return str(home)
    except OSError:
        pass
    home = Path(tempfile.gettempdir(), f"course-home-{os.getuid()}")
    home.mkdir(mode=0o700, exist_ok=True)
    return str(home)


def run(python, *arguments, **variables):
    """Run a program of the course to its end; return its exit code. Ctrl-C is the program's, which may ask back."""
    variables = _variables(**{name: text or "" for name, text in variables.items()})
    interrupt = signal.signal(signal.SIGINT, lambda *_: None)  # not SIG_IGN, which the program would inherit
    try:
        process = subprocess.Popen([str(python), *map(str, arguments)], cwd=ROOT, env=variables)
        terminate = signal.signal(signal.SIGTERM, lambda *_: process.terminate())
        code = process.wait()
        signal.signal(signal.SIGTERM, terminate)
        return code if code >= 0 else 128 - code  # as a shell says that a signal ended it
    finally:
        signal.signal(signal.SIGINT, interrupt)


# The commands ---------------------------------------------------------------------------------------------------

def lab(options):
    python = ready(offline=options.offline)
    root = ["--allow-root"] if hasattr(os, "getuid") and os.getuid() == 0 else []
    return run(python, "-m", "jupyterlab", "--LabApp.default_url=/lab/tree/notebooks/00_start_here.ipynb", *root)


def test(options):
    lesson = options.lesson or ""
    if options.colab:
        where = ["tests/colab"] if lesson else ["tests/colab", "tests"]
        return run(_colab_python(), "-m", "pytest", "--disable-warnings", "-rs", "--numprocesses=2", "--dist=loadfile",
                   "--no-loadscope-reorder", "-k", lesson, *where, PYTHONPATH=str(ROOT))
    if options.solved:
        return run(ready("test"), "-m", "pytest", "--numprocesses=2", "--dist=load", "-rP", "tests/solved",
                   ANSWERS=options.answers, PART=options.part, LESSON=lesson)
    if options.browser:
        return run(ready("test", "browser"), "-m", "pytest", "tests/browser", LESSON=lesson)
    if options.faults:
        return run(ready("test"), "-m", "pytest", "-s", "tests/faults", LESSON=lesson)
    if options.site:
        return run(ready("test", "browser", "site"), "-m", "pytest", "tests/site", LESSON=lesson)
    python = ready("test")
    where = ["notebooks", "tests"]
    if lesson:
        notebook = next(path for path in _lessons() if path.name.startswith(lesson))
        where = [notebook, f"tests/lessons/test_lesson_{lesson}.py"]
    # --no-loadscope-reorder: begin with the notebooks, which take longest; else a core waits for the last of them
    # Without the notebooks, which a learner changes: test_form.py asks ruff about those that git holds.
    return run(python, "-m", "ruff", "check", "--extend-exclude", "notebooks", ".") or run(
        python, "-m", "pytest", "--numprocesses=2", "--dist=loadfile", "--no-loadscope-reorder", *where)


def _colab_python():
    """Return the Python of .venv-colab, which has Colab's packages, and Colab's Python where there is one."""
    packages, stamp = ROOT / "tests" / "colab" / "preinstalled.txt", COLAB_ENV / "installed"
    wanted = hashlib.sha256(packages.read_bytes()).hexdigest()
    if not stamp.exists() or stamp.read_text(encoding="utf-8") != wanted:
        print("Installing Colab's packages into .venv-colab; this takes minutes, and only the first time.", flush=True)
        chosen = choose_python(newest_first=True)
        subprocess.run([*chosen, "-m", "venv", "--clear", COLAB_ENV], check=True, env=_variables())
        code, said = _pip([python_in(COLAB_ENV), "-m", "pip", "install", "--progress-bar=off", "--requirement",
                           packages, "nbval", "pytest-xdist", "prdc"])
        if code:
            _stop_for(said, PIP_FAILED)
        stamp.write_text(wanted, encoding="utf-8")
    return python_in(COLAB_ENV)


def bench(options):
    return run(ready("test"), "-m", "pytest", "-s", "tests/benchmarks", "-k", options.only, LESSON=options.lesson,
               SEEDS=options.seeds, CPU_SECONDS=options.cpu_seconds)


def grade(options):
    csv = Path(options.csv).absolute() if options.csv else None
    files = ["--csv", csv, "--page", csv.with_name("class.html")] if csv else []
    return run(ready(), "-m", "tools.grade", Path(options.folder).absolute(), *files, *_of_lesson(options))


def clear(options):
    return run(ready(), "-m", "tools.clear_outputs", *_of_lesson(options), *["--back"] * options.back)


def kit(options):
    chosen = [word for name in ("platform", "python") if getattr(options, name)
              for word in (f"--{name}", *getattr(options, name))]
    return run(ready("kit"), "-m", "tools.make_kit", Path(options.folder).absolute(), *chosen)


def update(options):
    python = python_in(active_environment() or ENV)  # it needs no package: an installation may be missing or broken
    return run(python if os.path.exists(python) else sys.executable, "-m", "tools.update")


def site(options):
    return run(ready("site"), "-m", "tools.build_site", *["--serve"] * options.serve)


def program(*arguments, extras=(), one_lesson=None):
    """Return a command that runs a program of the course; `one_lesson` makes its arguments of the option --lesson."""
    def command(options):
        return run(ready(*extras), *arguments, *(one_lesson(options) if one_lesson else []))
    return command


def _of_lesson(options):
    return ["--lesson", options.lesson] if options.lesson else []


def _number(options):
    return [options.lesson] if options.lesson else []


def _lessons():
    """Return the paths of the lessons, and not of a learner's own notebooks beside them, in order."""
    found = sorted(path for path in (ROOT / "notebooks").glob("*.ipynb")
                   if re.fullmatch(r"\d\d(_[a-z0-9]+)+", path.stem))
    try:
        held = subprocess.run(["git", "ls-files", "-z", "notebooks"], cwd=ROOT, capture_output=True).stdout.split(b"\0")
    except OSError:
        return found
    return [path for path in found if b"notebooks/" + path.name.encode() in held] or found


def _lesson(text):
    number = text.zfill(2)
    numbers = [path.name[:2] for path in _lessons()]
    if number not in numbers:
        raise argparse.ArgumentTypeError(f"there is no lesson {text} in {ROOT / 'notebooks'}; the lessons are "
                                         f"{' to '.join(numbers[:1] + numbers[-1:]) or 'missing'}")
    return number


def _part(text):
    found = re.fullmatch(r"(\d+)/(\d+)", text)
    if not found or not 1 <= int(found[1]) <= int(found[2]):
        raise argparse.ArgumentTypeError(f"{text} is no part: 1/4 is the first of four, 4/4 the last")
    return text


def options_of(arguments):
    """Return what was typed: a command's function as `command`, and its options."""
    parser = argparse.ArgumentParser(
        prog=ME, description="Every command of the course. The first one installs the course into .venv.",
        epilog=f"The options of a command: {ME} test --help")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")

    def add(name, command, text, lesson=""):
        sub = commands.add_parser(name, help=text, description=text[0].upper() + text[1:] + ".", allow_abbrev=False)
        sub.set_defaults(command=command)
        if lesson:
            sub.add_argument("--lesson", type=_lesson, metavar="06", required=name == "clear", help=lesson)
        return sub

    alone = "this lesson alone"
    add("lab", lab, "open the course in JupyterLab, on lesson 0").add_argument(
        "--offline", action="store_true", help=f"install from a kit without the network: wheels in {KIT}")
    add("doctor", program("-m", "utils.lesson_00.doctor"),
        "check this machine: versions, memory, files, training steps, time for each lesson")
    tests = add("test", test, "check the code, run the unit tests and every notebook; or one longer test", alone)
    tests.add_argument("--answers", choices=["loops", "ops"], default="", help="with --solved: one set of answers")
    tests.add_argument("--part", type=_part, metavar="1/4", help="with --solved: the first quarter of the notebooks")
    which = tests.add_mutually_exclusive_group()
    for name, text in {
            "solved": "run every notebook with its exercises solved in two ways",
            "browser": "run lessons in JupyterLab in headless Chromium, as a reader",
            "colab": "open and run each lesson from its badge, with Colab's versions, and the unit tests",
            "faults": "kill kernels, cut the network, install in odd places, grade a hostile class",
            "site": "read the course's pages in headless Chromium"}.items():
        which.add_argument(f"--{name}", action="store_true", help=text)
    add("update", update, "fetch the newest course; your notebooks and your progress stay")

    teaching = add("grade", grade, "say who solved what: marks.csv and class.html of the notebooks in a folder", alone)
    teaching.add_argument("folder", metavar="FOLDER", help="where the learners' notebooks are, also in sub-folders")
    teaching.add_argument("--csv", metavar="FILE", help="where the marks go, and class.html beside them")
    add("clear", clear, "clear the outputs of a lesson for the room, or bring them back", "the lesson").add_argument(
        "--back", action="store_true", help="bring the outputs back")
    add("slides", program("-m", "tools.make_slides", extras=["slides"], one_lesson=_of_lesson),
        "make slides of each lesson's core in slides/", alone)
    stick = add("kit", kit, "gather the course and its packages for a stick, for machines without a network")
    stick.add_argument("folder", metavar="DIR", help="where the kit goes")
    stick.add_argument("--platform", nargs="+", metavar="NAME",
                       help="windows, macos, linux, linux-arm; otherwise: all but linux-arm")
    stick.add_argument("--python", nargs="+", metavar="3.12", help="3.11, 3.12, 3.13; otherwise: all")

    add("notebooks", program("tools/execute_notebooks.py", extras=["test"], one_lesson=_number),
        "run all notebooks and save their outputs", alone)
    add("minutes", program("-m", "tools.count_minutes", extras=["test"], one_lesson=_number),
        "print how long each lesson takes to work through, core and whole", alone)
    benches = add("bench", bench, "print tables: speed, quality for seconds, notebooks' costs, figures", alone)
    benches.add_argument("--only", metavar="WORD", default="", help="tables whose name has this word, such as speed")
    benches.add_argument("--seeds", metavar="N", help="how many seeds; otherwise: 3")
    benches.add_argument("--cpu-seconds", metavar="S", help="how long each model of a table trains")
    add("site", site, "build the readable course in site/_build/html").add_argument(
        "--serve", action="store_true", help="show it on this machine, and nowhere else")
    add("release", program("-m", "tools.check_release", extras=["test"]),
        "check what a published commit must look like")
    add("badges", program("tools/write_badges.py"), "write the course's address into badges and set-up cells")
    add("judge", program("tools/train_judge.py"), "train the judge and write its weights into utils/assets")
    add("changes", program("-m", "tools.train_six_changes"),
        "train lesson 9's table of six changes, 45 minutes: utils/assets/six_changes.json")
    add("models", program("-m", "tools.train_four_models", extras=["test"]),
        "train lesson 13's table of four models, an hour: utils/assets/four_models.json")
    add("pictures", program("-m", "tools.make_pictures", extras=["test"]),
        "train lessons 6 and 13, and draw the pictures of the README and of lesson 0")

    options = parser.parse_args(arguments)
    if not hasattr(options, "command"):
        parser.print_help()
        sys.exit(0)
    if (getattr(options, "answers", "") or getattr(options, "part", "")) and not options.solved:
        tests.error("--answers and --part go with --solved")
    return options


def main(arguments=None):
    for stream in sys.stdout, sys.stderr:
        if hasattr(stream, "reconfigure"):  # a letter that a terminal cannot show must not end a command
            stream.reconfigure(errors="replace")
    try:
        options = options_of(arguments)
        return options.command(options)
    except KeyboardInterrupt:
        print("\nStopped. The same command goes on from here.", file=sys.stderr)
        return 130


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))  # as from Ctrl-C: what was begun is ended
    sys.exit(main())
