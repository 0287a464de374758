"""What keeps TensorFlow from running is named with what to do, before and after it is imported.

The systems and processors that are not here are played: what Python would say of them is made up.
"""

import ctypes
import importlib.metadata
import platform
import subprocess
import sys
import sysconfig
from types import SimpleNamespace

import pytest

from utils import machine

ROOT = machine.OWN.parent
FLAGS = "processor\t: 0\nflags\t\t: fpu sse4_2 {} xsave\n\nprocessor\t: 1\nflags\t\t: fpu sse4_2 avx xsave\n"


def play(monkeypatch, build="linux-x86_64", processor="x86_64", system="linux", bits=64, version=""):
    """Let Python say that it is another one, on another machine."""
    monkeypatch.setattr(sysconfig, "get_platform", lambda: build)
    monkeypatch.setattr(platform, "machine", lambda: processor)
    monkeypatch.setattr(platform, "version", lambda: version)
    monkeypatch.setattr(sys, "platform", system)
    monkeypatch.setattr(machine, "os", SimpleNamespace(name="nt" if system == "win32" else "posix"))
    monkeypatch.setattr(sys, "maxsize", 2**(bits - 1) - 1)


@pytest.fixture
def no_avx(monkeypatch, tmp_path):
    (tmp_path / "cpuinfo").write_text(FLAGS.format("sse4_1"))
    monkeypatch.setattr(machine, "CPUINFO", tmp_path / "cpuinfo")
    play(monkeypatch)


@pytest.mark.parametrize(("cpuinfo", "build", "has"), [
    (FLAGS.format("avx"), "linux-x86_64", True), (FLAGS.format("avxtail"), "linux-x86_64", False),
    ("processor : 0\n", "linux-x86_64", True), (None, "linux-x86_64", True), (FLAGS.format(""), "linux-aarch64", True)])
def test_avx_is_read_from_linux(cpuinfo, build, has, monkeypatch, tmp_path):
    monkeypatch.setattr(machine, "CPUINFO", tmp_path / "cpuinfo")
    if cpuinfo:
        (tmp_path / "cpuinfo").write_text(cpuinfo)
    play(monkeypatch, build)
    assert machine.has_avx() is has


@pytest.mark.parametrize(("feature", "mask", "has"), [(0, 0b011, False), (1, 0b011, True), (0, 0b111, True)])
def test_avx_is_asked_of_windows_in_two_ways(feature, mask, has, monkeypatch):
    def enabled():
        return mask

    kernel = SimpleNamespace(IsProcessorFeaturePresent={39: feature}.get, GetEnabledXStateFeatures=enabled)
    monkeypatch.setattr(ctypes, "windll", SimpleNamespace(kernel32=kernel), raising=False)
    play(monkeypatch, "win-amd64", "AMD64", "win32")
    assert machine.has_avx() is has


@pytest.mark.parametrize(("python", "what", "remedy"), [
    (dict(), None, None), (dict(build="linux-aarch64", processor="aarch64"), None, None),
    (dict(build="win-amd64", processor="AMD64", system="win32"), None, None),
    (dict(build="macosx-11.0-universal2", processor="arm64", system="darwin"), None, None),
    (dict(build="win32", processor="AMD64", system="win32", bits=32), "this Python has 32 bits", "course.py lab"),
    (dict(build="win-arm64", processor="ARM64", system="win32"), "no TensorFlow for Windows on ARM", "Colab"),
    (dict(build="macosx-11.0-universal2", processor="x86_64", system="darwin", version="xnu-1/RELEASE_X86_64"),
     "for Macs with Intel processors", "Colab"),
    (dict(build="macosx-11.0-universal2", processor="x86_64", system="darwin", version="xnu-1/RELEASE_ARM64_T8112"),
     "made for Intel processors, but this Mac has one of Apple's", "Python for Apple silicon"),
    (dict(build="linux-riscv64", processor="riscv64"), "no TensorFlow for riscv64 processors", "Colab")])
def test_machines_that_no_tensorflow_is_made_for_are_told_what_to_do(python, what, remedy, monkeypatch):
    play(monkeypatch, **python)
    fault = machine.without_tensorflow()
    assert fault is None if what is None else what in fault.what and remedy in fault.remedy


# What TensorFlow 2.21 says on Windows: the cause is not in its last sentence.
DLL_LOAD_FAILED = """Traceback (most recent call last):
  File "C:\\course\\.venv\\Lib\\site-packages\\tensorflow\\python\\pywrap_tensorflow.py", line 73, in <module>
    from tensorflow.python._pywrap_tensorflow_internal import *
ImportError: DLL load failed while importing _pywrap_tensorflow_internal: The specified module could not be found.


Failed to load the native TensorFlow runtime.
See https://www.tensorflow.org/install/errors for some common causes and solutions.
If you need help, create an issue at https://github.com/tensorflow/tensorflow/issues and include the entire stack trace
above this error message."""


@pytest.mark.parametrize(("said", "what", "remedy"), [
    (DLL_LOAD_FAILED, "(DLL load failed while importing _pywrap_tensorflow_internal: The specified module could not be "
     "found)", "Microsoft Visual C++ Redistributable"),
    ("ImportError: Could not find the DLL(s) 'msvcp140_1.dll'. TensorFlow requires", "'msvcp140_1.dll'", "Visual C++"),
    ("ModuleNotFoundError: No module named 'keras.src'", f"keras is not installed for {sys.executable}", "course.py")])
def test_cause_of_a_failed_import_is_found_in_what_was_said(said, what, remedy):
    fault = machine.why_not(said)
    assert what in fault.what and remedy in fault.remedy and "reinstall" not in str(fault)


def test_unknown_cause_is_not_guessed():
    assert machine.why_not("ValueError: something else") is None


@pytest.mark.parametrize("said", [DLL_LOAD_FAILED, ""])
def test_processor_without_avx_comes_before_what_tensorflow_says(said, no_avx):
    assert machine.why_not(said) is machine.NO_AVX and "Colab" in machine.NO_AVX.remedy


@pytest.mark.parametrize(("code", "what"), [
    (-4, "lacks an instruction"), (0xC000001D, "lacks an instruction"), (0xC0000135, "Windows cannot load a library"),
    (-9, "memory ran out"), (-11, "ended it with signal 11"), (0xC0000005, "ended it with code 0xc0000005")])
def test_exit_code_says_what_ended_a_process(code, what):
    assert what in machine.why_ended(code).what


def test_process_that_ended_by_itself_was_not_ended():
    assert machine.why_ended(1) is None


@pytest.fixture
def metal_installed(monkeypatch):
    real = importlib.metadata.version
    monkeypatch.setattr(importlib.metadata, "version",
                        lambda name: "1.2.0" if name == "tensorflow-metal" else real(name))


def test_plug_in_of_apple_is_named_with_the_command_that_removes_it(metal_installed):
    fault = machine.why_not("tensorflow.python.framework.errors_impl.NotFoundError: dlopen(/a/tensorflow-plugins/"
                            "libmetal_plugin.dylib, 0x0006): Symbol not found: __ZN3tsl8internal10LogMessageC1EPKcii")
    assert "tensorflow-metal 1.2.0" in fault.what and 'pip uninstall tensorflow-metal"' in fault.remedy


def test_without_the_plug_in_of_apple_there_is_no_fault():
    assert machine.metal() is None


@pytest.fixture
def own(monkeypatch, tmp_path):
    """The folder .venv of a course, whose environment another Python is not."""
    monkeypatch.setattr(machine, "OWN", tmp_path / ".venv")
    (tmp_path / ".venv").mkdir()
    (tmp_path / ".venv" / "pyvenv.cfg").touch()
    return tmp_path / ".venv"


def test_kernel_of_another_python_is_named_with_the_one_to_choose(own):
    said = machine.mend()
    assert sys.executable in said and f"choose the kernel {own.joinpath(*machine.PYTHON)} (in VS Code: " in said


def test_course_that_is_installed_elsewhere_is_no_other_python(own):
    (own / "pyvenv.cfg").unlink()
    assert machine.another_python() is None and machine.mend().startswith('type "')


@pytest.mark.parametrize(("prefix", "calls"), [(".venv", str(machine.Path(".venv", *machine.PYTHON))), ("", "python")])
def test_module_is_called_without_a_path_that_would_need_quotation_marks(prefix, calls, own, monkeypatch):
    monkeypatch.setattr(sys, "prefix", str(own.parent / prefix))
    assert machine.module("pip list") == f"{calls} -m pip list"


@pytest.mark.parametrize(("system", "typed"), [("posix", "python3 course.py lab"), ("nt", "py course.py lab")])
def test_command_is_typed_as_the_system_wants_it(system, typed, monkeypatch):
    monkeypatch.setattr(machine, "os", SimpleNamespace(name=system))
    assert machine.command("lab") == typed


def test_only_the_standard_library_is_needed():
    command = [sys.executable, "-S", "-c", "from utils import machine; print(machine.has_avx())"]
    assert subprocess.run(command, cwd=ROOT, capture_output=True, text=True).stdout == "True\n"
