"""What a machine must have to run the course, apart from TensorFlow: memory, disk, network inside, JupyterLab.

Each function looks at one thing and returns a `Finding`, or several, whose line says what to do if it is not well.
"""

import contextlib
import importlib.metadata
import json
import os
import platform
import shutil
import socket
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

import psutil

from utils import assets
from utils.assets import AssetError
from utils.data import load_mnist
from utils.runtime import device_in_words
from utils.storage import course_folder

GIGABYTE = 2**30
WIDGETS_FOR_LAB = Path("labextensions", "@jupyter-widgets", "jupyterlab-manager", "package.json")


class Finding(NamedTuple):
    """One line about the machine: is it well, what was looked at, and what to do otherwise."""

    well: bool
    what: str
    remedy: str = ""

    def __str__(self):
        return f"✓ {self.what}" if self.well else f"✗ {self.what}: {self.remedy}"


def memory_in_gigabytes():
    """Return (all, free): the memory this process may have in GB, and what is free of it now.

    Inside a container, or on a shared server that gives each user a share, all is that share.
    """
    memory = psutil.virtual_memory()
    everything, free = memory.total, memory.available
    for limit, used in _memory_limits():
        everything, free = min(everything, limit), min(free, max(limit - used, 0))
    return everything / GIGABYTE, free / GIGABYTE


def _memory_limits(memberships=Path("/proc/self/cgroup"), root=Path("/sys/fs/cgroup")):
    """Yield (limit, used) in bytes of every control group around this process that has a limit. Linux only."""
    try:
        lines = memberships.read_text().splitlines()
    except OSError:
        return
    for _, controllers, group in (line.split(":", 2) for line in lines):
        if controllers == "":  # version 2
            start, names, cache = root, ("memory.max", "memory.current"), "inactive_file"
        elif "memory" in controllers.split(","):  # version 1
            start, names = root / "memory", ("memory.limit_in_bytes", "memory.usage_in_bytes")
            cache = "total_inactive_file"
        else:
            continue
        group = Path(group.lstrip("/"))
        for place in (start / group, *(start / parent for parent in group.parents)):
            with contextlib.suppress(OSError, ValueError, KeyError):  # "max" is no number: no limit
                limit, used = (int((place / name).read_text()) for name in names)
                statistics = dict(line.split() for line in (place / "memory.stat").read_text().splitlines())
                yield limit, used - int(statistics[cache])  # files kept in memory make room when asked


def free_memory(needed=2.0):
    """Return a Finding: is there as much memory free, in GB, as a lesson needs?"""
    free = memory_in_gigabytes()[1]
    return Finding(free >= needed, f"{free:.1f} GB of memory free now",
                   f"a lesson needs up to {needed:g} GB: close other programs and notebooks")


def idle_processor(seconds=1.0, most=50):
    """Return a Finding: do other programs leave most of the processor free? Else no time measured now counts."""
    busy = psutil.cpu_percent(interval=seconds)
    return Finding(busy <= most, f"other programs use {busy:.0f}% of the processor",
                   "they slow the lessons down, and the times below: close what you can, and try again")


def free_disk(folder, needed=0.5):
    """Return a Finding: is there as much disk free, in GB, where `folder` is or will be?"""
    place = Path(folder).absolute()
    while not place.exists():
        place = place.parent
    free = shutil.disk_usage(place).free / GIGABYTE
    return Finding(free >= needed, f"{free:.1f} GB of disk free for progress and backups",
                   f"they need up to {needed:g} GB: delete something, or set COURSE_HOME to a folder on another disk")


def intact_assets():
    """Return Findings about the files of utils/assets: one line if all are as shipped, else one for each bad one."""
    try:
        names = [line.split()[1] for line in assets.CHECKSUMS.read_text(encoding="ascii").splitlines()]
    except (OSError, IndexError, UnicodeDecodeError):
        return [Finding(False, "the list of checksums", "utils/assets/SHA256SUMS is missing or damaged. Fetch the "
                        "course's files again (`git checkout -- utils/assets`, or a new clone).")]
    findings = []
    for name in names:
        try:
            assets.asset(name)
        except assets.AssetError as error:
            findings.append(Finding(False, name, str(error)))
    return findings or [Finding(True, f"{len(names)} files that ship with the course, verified: {', '.join(names)}")]


def writable_folder(folder, what, remedy):
    """Return a Finding: can a file be written into `folder`, which is made if it is not there?"""
    return Finding(can_write(folder), what, remedy)


def can_write(folder):
    """Return whether a file can be written into `folder`, which is made if it is not there."""
    try:
        Path(folder).mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return True
    except OSError:
        return False


def free_port(first=8888, count=50):
    """Return a Finding: is there a port for JupyterLab, and can this machine reach itself there?

    JupyterLab and its kernels talk over 127.0.0.1 even when there is no network; some firewalls forbid it.
    """
    for port in range(first, first + count):
        with socket.socket() as server:
            if os.name == "posix":  # elsewhere the option would let two servers share the port
                server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                server.bind(("127.0.0.1", port))
                server.listen()
            except OSError:
                continue
            try:
                with socket.create_connection(("127.0.0.1", port), timeout=5):
                    taken = "" if port == first else f" ({first} is taken, perhaps by another JupyterLab)"
                    return Finding(True, f"JupyterLab can use port {port}{taken}")
            except OSError as error:
                return Finding(False, f"port {port} cannot be reached from this machine itself ({error})",
                               "let the firewall allow connections to 127.0.0.1")
    return Finding(False, f"no free port from {first} to {first + count - 1}",
                   "close other JupyterLabs, or start this one with --port and another number")


def matching_widgets():
    """Return a Finding: do JupyterLab and ipywidgets fit together, so that sliders appear?

    ipywidgets asks for its JupyterLab half (jupyterlab_widgets) in a certain version, and JupyterLab must find that
    half's files.
    """
    from jupyter_core.paths import jupyter_path
    from packaging.requirements import Requirement

    try:
        lab, widgets, half = (importlib.metadata.version(name)
                              for name in ("jupyterlab", "ipywidgets", "jupyterlab_widgets"))
    except importlib.metadata.PackageNotFoundError as error:
        return Finding(False, f"JupyterLab and ipywidgets ({error.name} is missing)",
                       'run "make lab" again; without make: pip install -c constraints.txt -e .')
    what = f"JupyterLab {lab} and ipywidgets {widgets} (with jupyterlab_widgets {half})"
    remedy = "sliders will not appear: pip install --force-reinstall -c constraints.txt ipywidgets jupyterlab_widgets"
    wanted = [requirement for requirement in map(Requirement, importlib.metadata.requires("ipywidgets") or [])
              if requirement.name.replace("-", "_") == "jupyterlab_widgets"]
    misfits = [str(requirement.specifier) for requirement in wanted
               if not requirement.specifier.contains(half, prereleases=True)]
    if int(widgets.split(".")[0]) == 7 and int(half.split(".")[0]) >= 3:
        misfits.append("<3")  # as 7.7.2 and later say; 7.7.1 does not know yet
    if misfits:
        return Finding(False, f"{what} do not fit: ipywidgets wants jupyterlab_widgets {misfits[0]}", remedy)
    found = [Path(folder, WIDGETS_FOR_LAB) for folder in jupyter_path() if Path(folder, WIDGETS_FOR_LAB).is_file()]
    if not found:
        return Finding(False, f"{what}, but JupyterLab does not find its half", remedy)
    used = json.loads(found[0].read_text(encoding="utf-8"))["version"]  # the first on the path is what JupyterLab uses
    own = Path(sys.prefix, "share", "jupyter", WIDGETS_FOR_LAB)
    if own in found and found[0] != own and json.loads(own.read_text(encoding="utf-8"))["version"] != used:
        return Finding(False, f"{what}, but another copy ({found[0].parent}) hides this one",
                       "move that folder away")
    return Finding(True, f"{what} fit together")


def check_machine():
    """Print what the course finds on this machine, a line each; a line that is not well says what to do."""
    for finding in machine_findings():
        print(finding)


def machine_findings():
    """Return what `check_machine` prints, as a list of `Finding`. `make doctor` says the same, and more."""
    import keras
    import tensorflow as tf

    memory = memory_in_gigabytes()[0]
    gpus = tf.config.list_physical_devices("GPU")
    rows = [
        (sys.version_info >= (3, 11), f"Python {platform.python_version()}",
         "the course needs 3.11 or newer: install it and make the environment anew"),
        (_version(tf) >= (2, 20), f"TensorFlow {tf.__version__}", 'run "make lab" again to install the tested version'),
        (_version(keras) >= (3, 13), f"Keras {keras.__version__}", 'run "make lab" again, as for TensorFlow'),
        (True, f"computing on {device_in_words()}" + ("" if gpus else "; no GPU is needed"), ""),
        (memory >= 3.5, f"{memory:.0f} GB of memory", "lessons need up to 2 GB: close other notebooks first"),
    ]
    try:
        mnist = load_mnist()
        rows.append((True, f"MNIST: {len(mnist.train_images):,} + {len(mnist.test_images):,} images, verified", ""))
    except AssetError as error:
        rows.append((False, "MNIST", str(error)))
    folder = writable_folder(course_folder(), "a folder for your progress and backups",
                             "it cannot be written: set COURSE_HOME to another folder, or go on without")
    return [Finding(*row) for row in rows] + [folder]


def _version(package):
    return tuple(int(part) for part in package.__version__.split(".")[:2])
