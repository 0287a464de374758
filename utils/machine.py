"""Can TensorFlow run on this machine, under this Python? If it cannot, what is the matter, and what helps?

Asked before TensorFlow is imported, because on some machines that import ends the kernel without a word, and before it
is installed. So this file needs the standard library only, and Python 3.9.
"""

import ctypes
import importlib.metadata
import os
import platform
import re
import signal
import sys
import sysconfig
from pathlib import Path
from typing import NamedTuple

OWN = Path(__file__).resolve().parents[1] / ".venv"  # where course.py installs the course
PYTHON = ("Scripts", "python") if os.name == "nt" else ("bin", "python")
CPUINFO = Path("/proc/cpuinfo")  # Linux only
AVX_AVAILABLE, AVX_ENABLED = 39, 1 << 2  # Windows' PF_AVX_INSTRUCTIONS_AVAILABLE, and the bit of an XState mask


class Fault(NamedTuple):
    """What is the matter with this machine, and what to do."""

    what: str
    remedy: str

    def __str__(self):
        return f"{self.what}: {self.remedy}"


def command(name):
    """Return how a command of the course is typed on this system, such as "python3 course.py lab"."""
    return f"{'py' if os.name == 'nt' else 'python3'} course.py {name}"


def module(arguments):
    """Return how a module is run with this Python, in the course's folder, such as ".venv/bin/python -m pip …".

    Without quotation marks around the path, which PowerShell would take for a text to print.
    """
    python = Path(OWN.name, *PYTHON) if _is_own() else "python"
    return f"{python} -m {arguments}"


def _is_own():
    return Path(sys.prefix).resolve() == OWN.resolve()


COLAB = "use Colab on this machine: each lesson opens there with the badge in its first cell"
NO_AVX = Fault("this computer's processor has no AVX, whose instructions TensorFlow needs",
               f"{COLAB}; if it is a virtual machine, let it have its host's processor")
ILLEGAL_INSTRUCTION = Fault("the processor lacks an instruction that TensorFlow uses, probably AVX", NO_AVX.remedy)
NO_LIBRARY = Fault("Windows cannot load a library that TensorFlow needs", "install the newest Microsoft Visual C++ "
                   "Redistributable for x64, https://aka.ms/vs/17/release/vc_redist.x64.exe, and restart Windows")
NO_MEMORY = Fault("the system ended it, probably because memory ran out", "close other programs and notebooks")
ENDS = {  # exit code of a process → what ended it; minus the signal's number, but on Windows a code of its own
    -signal.SIGILL: ILLEGAL_INSTRUCTION, 0xC000001D: ILLEGAL_INSTRUCTION, 0xC0000135: NO_LIBRARY, -9: NO_MEMORY}


def has_avx():
    """Return whether the processor has AVX, which TensorFlow's packages need; True as well where that is unknown.

    Only processors of Intel's kind (x86-64) can lack it. Macs are not asked: all with macOS 10.15 or newer have it.
    """
    if not sysconfig.get_platform().endswith(("x86_64", "amd64")):
        return True
    if os.name == "nt":  # older Windows does not know the first question, and either yes counts
        kernel = ctypes.windll.kernel32
        kernel.GetEnabledXStateFeatures.restype = ctypes.c_uint64
        return bool(kernel.IsProcessorFeaturePresent(AVX_AVAILABLE)
                    or kernel.GetEnabledXStateFeatures() & AVX_ENABLED)
    try:
        with open(CPUINFO, encoding="utf-8") as file:  # its first processor only: a server has hundreds
            return "avx" in next((line for line in file if line.startswith("flags")), "avx").split()
    except OSError:
        return True


def without_tensorflow():
    """Return the Fault of a machine, or a Python, that no TensorFlow of the course's versions is made for, or None."""
    build, processor = sysconfig.get_platform(), platform.machine()
    if sys.maxsize < 2**32:
        return Fault("this Python has 32 bits, and TensorFlow needs 64", "install Python for 64 bits from python.org, "
                     f'then type "{command("lab")}"; if the system itself has 32 bits, {COLAB}')
    if build == "win-arm64":
        return Fault("there is no TensorFlow for Windows on ARM processors", COLAB)
    if sys.platform == "darwin" and processor == "x86_64":
        if "ARM64" in platform.version():  # of the system, which tells the truth to translated programs too
            return Fault("this Python is made for Intel processors, but this Mac has one of Apple's", "install Python "
                         f'for Apple silicon from python.org or with conda, then type "{command("lab")}"')
        return Fault("there is no TensorFlow newer than 2.16 for Macs with Intel processors", COLAB)
    if sys.platform == "linux" and processor not in ("x86_64", "aarch64"):
        return Fault(f"there is no TensorFlow for {processor} processors", COLAB)
    return None


def another_python():
    """Return a Fault if the course has a Python of its own and this is another: a notebook's kernel, perhaps."""
    if _is_own() or not (OWN / "pyvenv.cfg").is_file():
        return None
    return Fault(f"this is another Python ({sys.executable}) than the one that the course is installed in",
                 f"in a notebook, choose the kernel {OWN.joinpath(*PYTHON)} (in VS Code: Select Kernel, at the top "
                 f'right), or open it with "{command("lab")}"; in a terminal, type "{command("doctor")}"')


def mend():
    """Return what helps when a package is missing or too old: the course's own Python, or to install it again."""
    other = another_python()
    return str(other) if other else (f'type "{command("lab")}" again; if that is not enough, '
                                     f'"{module("pip install -c constraints.txt -e .")}"')


def metal():
    """Return a Fault if Apple's plug-in for TensorFlow is installed, else None."""
    try:
        version = importlib.metadata.version("tensorflow-metal")
    except importlib.metadata.PackageNotFoundError:
        return None
    return Fault(f"tensorflow-metal {version} is installed, but it does not fit the TensorFlow of this course",
                 f'type "{module("pip uninstall tensorflow-metal")}"; the lessons need no GPU')


def why_ended(code):
    """Return the Fault that ended a process in mid-import with this exit code, or None if it was not the system."""
    if code in ENDS:
        return ENDS[code]
    if code < 0 or code >= 0xC0000000:
        return Fault(f"the system ended it with {f'signal {-code}' if code < 0 else f'code {code:#x}'}", mend())
    return None


def why_not(said):
    """Return the Fault that kept TensorFlow from being imported, or None if it is unknown.

    Args:
        said: what Python said about it: the error, or all that it wrote to stderr.
    """
    if not has_avx():
        return NO_AVX
    cause = re.search(r"DLL load failed.*|Could not find the DLL\S* \S+", said)
    if cause:
        return Fault(f"{NO_LIBRARY.what} ({cause[0].strip().rstrip('.')})", NO_LIBRARY.remedy)
    if "libmetal_plugin" in said:
        return metal()
    missing = re.search(r"No module named '(\w+)", said)
    if missing:
        return without_tensorflow() or Fault(f"{missing[1]} is not installed for {sys.executable}", mend())
    return None
