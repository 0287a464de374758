"""The doctor on a machine at fault, from the command to its exit code: each line says what is the matter and helps.

The faults are played: a package that stands for a broken one, another Python, an environment variable, a busy core.
"""

import os
import re
import subprocess
import sys
import time
import venv
from pathlib import Path

import psutil
import pytest

ROOT = Path(__file__).parents[2]
DOCTOR = ["-m", "utils.lesson_00.doctor"]


def python(arguments, python=sys.executable, **environment):
    """Run a Python in the course's folder and return what became of it."""
    return subprocess.run([python, *arguments], cwd=ROOT, env=os.environ | {"PYTHONUTF8": "1"} | environment,
                          capture_output=True, encoding="utf-8")


def seconds_said(said):
    return int(re.findall(r"\((\d+) s\)", said)[-1])


def faults(said):
    return [line for line in said.splitlines() if line.startswith("✗")]


def test_doctor_takes_less_than_a_minute():
    began = time.perf_counter()
    doctor = python(DOCTOR)
    took = time.perf_counter() - began
    assert "times the README's seconds" in doctor.stdout and doctor.stderr == ""
    if "✗ other programs used" in doctor.stdout:
        pytest.skip(f"other programs are at work, and it took {took:.0f} s")
    assert took < 60 and seconds_said(doctor.stdout) < 60


@pytest.fixture
def shim(tmp_path):
    """Return a function that puts a package before the installed one, and returns the environment that finds it."""
    def put(package, content):
        (tmp_path / f"{package}.py").write_text(content, encoding="utf-8")
        return {"PYTHONPATH": str(tmp_path)}
    return put


DLL_LOAD_FAILED = """
raise ImportError('''Traceback (most recent call last):
ImportError: DLL load failed while importing _pywrap_tensorflow_internal: The specified module could not be found.

Failed to load the native TensorFlow runtime.
If you need help, create an issue and include the entire stack trace above this error message.''')
"""
METAL = """
class NotFoundError(Exception): "an error of TensorFlow's own"
raise NotFoundError("dlopen(/lib/tensorflow-plugins/libmetal_plugin.dylib, 0x0006): Symbol not found: __ZN3tsl8")
"""
PLUG_IN = "Name: tensorflow-metal\nVersion: 1.2.0\nMetadata-Version: 2.1\n"


@pytest.mark.parametrize(("tensorflow", "what", "remedy"), [
    (DLL_LOAD_FAILED, "(DLL load failed while importing _pywrap_tensorflow_internal: The specified module could not be "
     "found)", "Microsoft Visual C++ Redistributable"),
    ("import os, signal; os.kill(os.getpid(), signal.SIGILL)", "lacks an instruction that TensorFlow uses", "Colab"),
    ("import no_such_package", "no_such_package is not installed", "course.py lab"),
    ("raise RuntimeError('something new')", "something new", "course.py lab")])
def test_tensorflow_that_does_not_start_has_its_cause_and_its_remedy_in_a_line(tensorflow, what, remedy, shim):
    doctor = python(DOCTOR, **shim("tensorflow", tensorflow))
    fault, = faults(doctor.stdout)
    assert fault.startswith("✗ TensorFlow does not start (") and what in fault and remedy in fault
    assert "stack trace" not in fault and "einstall" not in fault
    assert (doctor.returncode, doctor.stderr) == (1, "") and "Mend this first" in doctor.stdout


ILLEGAL_ON_WINDOWS = """
import subprocess, sys
real = subprocess.run
def run(command, **options):
    done = real(command, **options)
    return subprocess.CompletedProcess(command, 0xC000001D, "", "") if "import utils.runtime" in command else done
subprocess.run = run
sys.argv = ["doctor"]
"""


def test_exit_code_of_an_illegal_instruction_on_windows_is_understood():
    """It is a positive number; no process of another system can end with it."""
    doctor = python(["-c", f"{ILLEGAL_ON_WINDOWS}from utils.lesson_00 import doctor; sys.exit(doctor.main())"])
    fault, = faults(doctor.stdout)
    assert doctor.returncode == 1 and "lacks an instruction that TensorFlow uses, probably AVX): use Colab" in fault


def test_plug_in_of_apple_is_to_be_removed(shim, tmp_path):
    environment = shim("tensorflow", METAL)
    (tmp_path / "tensorflow_metal-1.2.0.dist-info").mkdir()
    (tmp_path / "tensorflow_metal-1.2.0.dist-info" / "METADATA").write_text(PLUG_IN)
    doctor, lesson = python(DOCTOR, **environment), python(["-c", "import utils.runtime"], **environment)
    for said in faults(doctor.stdout)[0], lesson.stderr.splitlines()[-1]:
        assert "tensorflow-metal 1.2.0 is installed" in said and "pip uninstall tensorflow-metal" in said
    assert (doctor.returncode, doctor.stderr) == (1, "")


@pytest.mark.parametrize(("build", "made_up", "what", "remedy"), [
    ("win-arm64", "", "no TensorFlow for Windows on ARM", "Colab"),
    ("win32", "sys.maxsize = 2**31 - 1", "32 bits", "Python for 64 bits"),
    ("macosx-11.0-universal2", "sys.platform, platform.machine = 'darwin', lambda: 'x86_64'", "Macs with Intel",
     "Colab")])
def test_machine_without_a_tensorflow_is_told_so_in_one_line(build, made_up, what, remedy):
    """With a Python that has nothing but the standard library, as where the installation has stopped."""
    bare = f"import sys, sysconfig, platform, shutil; sysconfig.get_platform = lambda: {build!r}; {made_up}\n"
    doctor = python(["-I", "-S", "-c", f"{bare}sys.path.insert(0, '.'); from utils.lesson_00 import doctor\n"
                                       "sys.stdout.reconfigure(encoding='utf-8'); sys.exit(doctor.main())"])
    fault, = faults(doctor.stdout)
    assert what in fault and remedy in fault and (doctor.returncode, doctor.stderr) == (1, "")


@pytest.fixture(scope="module")
def other_python(tmp_path_factory):
    """A Python without the course's packages, as VS Code or another Jupyter may choose for a notebook."""
    folder = tmp_path_factory.mktemp("other")
    venv.create(folder)
    return str(next(path for path in (folder / "bin" / "python", folder / "Scripts" / "python.exe") if path.exists()))


@pytest.mark.skipif(not (ROOT / ".venv" / "pyvenv.cfg").exists(), reason="the course is not installed into .venv")
@pytest.mark.parametrize("arguments", [["-c", "from utils.runtime import start"], DOCTOR], ids=["lesson", "doctor"])
def test_python_without_the_course_is_told_which_kernel_to_choose(arguments, other_python):
    done = python(arguments, other_python)
    said = faults(done.stdout)[0] if done.stdout else done.stderr.splitlines()[-1]
    assert done.returncode == 1 and f"choose the kernel {ROOT / '.venv'}" in said and "VS Code: Select Kernel" in said


def test_busy_machine_is_named_beside_its_times():
    """As many programs as there are cores compute beside the doctor."""
    busy = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(psutil.cpu_count())]
    try:
        said = python(DOCTOR).stdout
    finally:
        for each in busy:
            each.kill()
            each.wait()
    [others] = re.findall(r"^✗ other programs used (\d+)% of the processor during these steps: ", said, re.MULTILINE)
    assert int(others) > 25
    table = {int(number): float(time) * (60 if unit == "min" else 1)
             for number, time, unit in re.findall(r"^ +(\d+) .* (\d+) (s|min)$", said, re.MULTILINE)}
    readme = {int(number): int(seconds) for number, seconds in re.findall(
        r"^\| (\d+) \| \[.*\| (\d+) \|$", (ROOT / "README.md").read_text(encoding="utf-8"), re.MULTILINE)}
    factors = sorted(table[number] / readme[number] for number in readme)
    least, most = re.search(r"takes ([\d.]+)(?: to ([\d.]+))? times the README's seconds", said).groups()
    assert factors[0] == pytest.approx(float(least), rel=0.25)
    assert factors[-1] == pytest.approx(float(most or least), rel=0.25)
