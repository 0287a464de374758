"""Look at this machine and say whether the course will run on it, in under a minute and without the network.

    python3 course.py doctor        (or: python -m utils.lesson_00.doctor)

One line a finding; a line with ✗ says what to do, and then the exit code is 1. Two trainings of the course, the VAE of
lesson 6 and the GAN of lesson 8, make a few steps, and from their speed it estimates how long each lesson computes.
Lesson 0 shows a part of this, `check_machine`. Packages are imported where they are used, for they may be missing.
What keeps TensorFlow itself from running is in utils/machine.py.
"""

import contextlib
import importlib.metadata
import json
import platform
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import timeit
from pathlib import Path
from typing import NamedTuple

from utils import assets, machine
from utils.storage import course_folder

ROOT = Path(__file__).resolve().parents[2]
GIGABYTE = 2**30
CONTROL_GROUPS = {  # controller in versions 2 and 1 → folder, files of limit and usage, name of the cache
    "": ("", "memory.max", "memory.current", "inactive_file"),
    "memory": ("memory", "memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")}
WIDGETS_FOR_LAB = Path("labextensions", "@jupyter-widgets", "jupyterlab-manager", "package.json")

# Milliseconds that each measurement took on the machine whose seconds stand in README's table, and which lessons are
# most like it. Measured with nothing else running.
REFERENCE = {"arrays": 26.0, "VAE": 12.5, "GAN": 8.6}
ALIKE = {"arrays": (0, 1, 2), "VAE": (4, 5, 6, 7, 11), "GAN": (3, 8, 9, 10, 12, 13)}
TOO_LONG = 15 * 60  # seconds of computing in one lesson
STEPS = 50  # of one short training
LONGEST = 10  # seconds after which a model is not trained again, so that a slow machine knows within a minute too


class Finding(NamedTuple):
    """One line about the machine: is it well, what was looked at, and what to do otherwise."""

    well: bool
    what: str
    remedy: str = ""

    def __str__(self):
        return f"✓ {self.what}" if self.well else f"✗ {self.what}: {self.remedy}"


def check_machine():
    """Print what the course finds on this machine, a line each; a line that is not well says what to do."""
    print(*machine_findings(), sep="\n")


def machine_findings():
    """Return what `check_machine` prints, as a list of Findings. The doctor says the same, and more."""
    from utils.data import load_mnist
    from utils.runtime import device_in_words, keras, tf  # from there, for it keeps their start-up messages away

    memory = memory_in_gigabytes()[0]
    gpus = tf.config.list_physical_devices("GPU")
    try:
        mnist = load_mnist()
        data = Finding(True, f"MNIST: {len(mnist.train_images):,} + {len(mnist.test_images):,} images, verified")
    except assets.AssetError as error:
        data = Finding(False, "MNIST", str(error))
    return [
        Finding(sys.version_info >= (3, 11), f"Python {platform.python_version()}",
                "the course needs 3.11 or newer: install it and make the environment anew"),
        Finding(_version(tf) >= (2, 20), f"TensorFlow {tf.__version__}",
                machine.mend()),
        Finding(_version(keras) >= (3, 13), f"Keras {keras.__version__}", machine.mend()),
        Finding(True, f"computing on {device_in_words()}" + ("" if gpus else unused_gpu() or "; no GPU is needed")),
        Finding(memory >= 3.5, f"{memory:.0f} GB of memory", "lessons need up to 2 GB: close other notebooks first"),
        data,
        writable_folder(course_folder(), "a folder for your progress and backups",
                        "it cannot be written: set COURSE_HOME to another folder, or go on without"),
    ]


def _version(package):
    return tuple(int(part) for part in package.__version__.split(".")[:2])


def unused_gpu():
    """Return words about an NVIDIA GPU that TensorFlow does not see, with what would help; "" if there is none."""
    tool = shutil.which("nvidia-smi")  # comes with NVIDIA's driver
    try:
        gpus = subprocess.run([tool, "-L"], capture_output=True, text=True, timeout=20).stdout if tool else ""
    except (OSError, subprocess.TimeoutExpired):
        return ""
    if "GPU 0" not in gpus:
        return ""
    use = f'type "{machine.module("pip install -c constraints.txt -e .[gpu]")}"'
    if sys.platform == "win32":
        use = 'type "wsl --install" and install the course in WSL2, for TensorFlow cannot use it on Windows itself'
    return f"; no GPU is needed, and the NVIDIA GPU is not used (to use it, {use})"


# Memory, disk, files ----------------------------------------------------------------------------------------

def memory_in_gigabytes():
    """Return (all, free) GB of memory for this process; in a container, or on a shared server, that is its share."""
    import psutil

    memory = psutil.virtual_memory()
    everything, free = memory.total, memory.available
    for limit, used in _memory_limits():
        everything, free = min(everything, limit), min(free, max(limit - used, 0))
    return everything / GIGABYTE, free / GIGABYTE


def _memory_limits(memberships=Path("/proc/self/cgroup"), root=Path("/sys/fs/cgroup")):
    """Yield (limit, used) in bytes of every control group around this process that has a limit. Linux only."""
    try:
        groups = memberships.read_text().splitlines()
    except OSError:
        return
    for _, controllers, group in (line.split(":", 2) for line in groups):
        for controller in CONTROL_GROUPS.keys() & controllers.split(","):
            folder, *names, cache = CONTROL_GROUPS[controller]
            group = Path(group.lstrip("/"))
            for place in (root / folder / each for each in (group, *group.parents)):
                with contextlib.suppress(OSError, ValueError, KeyError):  # "max" is no number: no limit
                    limit, used = (int((place / name).read_text()) for name in names)
                    statistics = dict(line.split() for line in (place / "memory.stat").read_text().splitlines())
                    yield limit, used - int(statistics[cache])  # files kept in memory make room when asked


def free_memory(needed=2.0):
    """Return a Finding: is there as much memory free, in GB, as a lesson needs?"""
    free = memory_in_gigabytes()[1]
    return Finding(free >= needed, f"{free:.1f} GB of memory free now",
                   f"a lesson needs up to {needed:g} GB: close other programs and notebooks")


def load_meter():
    """Return a function that returns a Finding: how much of the processor did other programs use since this call?"""
    import psutil

    own = psutil.Process()

    def busy():
        """Return the percentages of all cores that everything and we ourselves used since the call before."""
        return psutil.cpu_percent(), own.cpu_percent() / psutil.cpu_count()

    def read(most=25):
        everything, ours = busy()
        others = max(everything - ours, 0)
        return Finding(others <= most, f"other programs used {others:.0f}% of the processor during these steps",
                       "the times below are too long because of them: close what you can, and run the doctor again")

    busy()
    return read


def free_disk(folder, needed=0.5):
    """Return a Finding: is there as much disk free, in GB, where `folder` is or will be?"""
    place = Path(folder).absolute()
    free = shutil.disk_usage(next(each for each in (place, *place.parents) if each.exists())).free / GIGABYTE
    return Finding(free >= needed, f"{free:.1f} GB of disk free for progress and backups",
                   f"they need up to {needed:g} GB: delete something, or set COURSE_HOME to a folder on another disk")


def intact_assets():
    """Return Findings about the files of utils/assets: one line if all are as shipped, else one for each bad one."""
    try:
        names = [line.split()[1] for line in assets.CHECKSUMS.read_text(encoding="ascii").splitlines()]
    except (OSError, IndexError, UnicodeDecodeError):
        return [Finding(False, "the list of checksums", "utils/assets/SHA256SUMS is missing or damaged. Fetch the "
                        "course's files again (`git checkout -- utils/assets`, or a new clone).")]
    bad = []
    for name in names:
        try:
            assets.asset(name)
        except assets.AssetError as error:
            bad.append(Finding(False, name, str(error)))
    return bad or [Finding(True, f"{len(names)} files that ship with the course, verified: {', '.join(names)}")]


def writable_folder(folder, what, remedy):
    """Return a Finding: can a file be written into `folder`, which is made if it is not there?"""
    try:
        Path(folder).mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return Finding(True, what)
    except OSError:
        return Finding(False, what, remedy)


def public_address():
    """Return a Finding: does the course know where it is on GitHub, so that its badges open Colab?"""
    from tools.write_badges import files_without_address  # beside utils in every copy from which the doctor runs

    lacking = files_without_address()
    return Finding(not lacking, "the course's public address" if lacking else "the course has its public address",
                   f"OWNER stands for it in {len(lacking)} files, so no badge opens Colab. Learners can go on; who "
                   f"teaches puts the course on GitHub and types `{machine.command('badges')}`")


# Packages, TensorFlow, JupyterLab ---------------------------------------------------------------------------

def packages():
    """Return Findings about the packages that pyproject.toml asks for: a line for each bad one, one for all good ones.

    Needs nothing but the standard library and `packaging`, so that it can say what is missing.
    """
    import tomllib  # Python 3.11 has it

    mend = machine.mend()
    try:
        from packaging.requirements import Requirement
    except ModuleNotFoundError:
        return [Finding(False, f"the course's packages are not installed for {sys.executable}", mend)]
    wanted = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["dependencies"]
    tried = dict(re.findall(r"^(.+)==(.+)$", (ROOT / "constraints.txt").read_text(encoding="utf-8"), re.MULTILINE))
    bad, good = [], []
    for requirement in map(Requirement, wanted):
        name = requirement.name
        try:
            version = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            bad.append(Finding(False, f"{name} is not installed", mend))
            continue
        if not requirement.specifier.contains(version, prereleases=True):
            bad.append(Finding(False, f"{name} {version}, but the course needs {requirement.specifier}", mend))
        elif name not in ("tensorflow", "keras"):  # lesson 0's rows, which follow, name these
            other = tried.get(name, version)
            good.append(f"{name} {version}" + (f" (tried with {other})" if other != version else ""))
    if plug_in := machine.metal():
        bad.append(Finding(False, *plug_in))
    return [*bad, Finding(True, ", ".join(good))] if good else bad


def tensorflow_starts():
    """Return a Finding: can another Python import TensorFlow? Here, a processor that it cannot use would end us."""
    began = time.perf_counter()
    child = subprocess.run([sys.executable, "-c", "import utils.runtime"], cwd=ROOT, capture_output=True, text=True)
    if child.returncode == 0:
        return Finding(True, f"TensorFlow starts, in {time.perf_counter() - began:.0f} s")
    reason = (child.stderr.strip().splitlines() or ["no message"])[-1]
    fault = machine.why_ended(child.returncode) or machine.why_not(child.stderr)
    fault = fault or machine.Fault(reason, machine.mend())
    return Finding(False, f"TensorFlow does not start ({fault.what})", fault.remedy)


def matching_widgets():
    """Return a Finding: has ipywidgets the JupyterLab half (jupyterlab_widgets) that it asks for, and is it found?"""
    from jupyter_core.paths import jupyter_path
    from packaging.requirements import Requirement

    try:
        lab, widgets, half = (importlib.metadata.version(name)
                              for name in ("jupyterlab", "ipywidgets", "jupyterlab_widgets"))
    except importlib.metadata.PackageNotFoundError as error:
        return Finding(False, f"JupyterLab and ipywidgets ({error.name} is missing)", machine.mend())
    what = f"JupyterLab {lab} and ipywidgets {widgets} (with jupyterlab_widgets {half})"
    again = machine.module("pip install --force-reinstall -c constraints.txt ipywidgets jupyterlab_widgets")
    remedy = f'sliders will not appear: type "{again}"'
    misfits = [wanted.specifier for wanted in map(Requirement, importlib.metadata.requires("ipywidgets") or [])
               if wanted.name.replace("-", "_") == "jupyterlab_widgets"
               and not wanted.specifier.contains(half, prereleases=True)]
    if int(widgets.split(".")[0]) == 7 and int(half.split(".")[0]) >= 3:
        misfits.append("<3")  # as 7.7.2 and later say; 7.7.1 does not know yet
    if misfits:
        return Finding(False, f"{what} do not fit: ipywidgets wants jupyterlab_widgets {misfits[0]}", remedy)
    found = [path for path in (Path(folder, WIDGETS_FOR_LAB) for folder in jupyter_path()) if path.is_file()]
    if not found:
        return Finding(False, f"{what}, but JupyterLab does not find its half", remedy)
    used = json.loads(found[0].read_text(encoding="utf-8"))["version"]  # the first on the path is what JupyterLab uses
    own = Path(sys.prefix, "share", "jupyter", WIDGETS_FOR_LAB)
    if own in found and found[0] != own and json.loads(own.read_text(encoding="utf-8"))["version"] != used:
        return Finding(False, f"{what}, but another copy ({found[0].parent}) hides this one", "move that folder away")
    return Finding(True, f"{what} fit together")


def free_port(first=8888, count=50):
    """Return a Finding: is there a port for JupyterLab, and can this machine reach itself there, as kernels must?"""
    for port in range(first, first + count):
        try:
            server = socket.create_server(("127.0.0.1", port))
        except OSError:
            continue
        with server:
            try:
                socket.create_connection(("127.0.0.1", port), timeout=5).close()
            except OSError as error:
                return Finding(False, f"port {port} cannot be reached from this machine itself ({error})",
                               "let the firewall allow connections to 127.0.0.1")
        taken = "" if port == first else f" ({first} is taken, perhaps by another JupyterLab)"
        return Finding(True, f"JupyterLab can use port {port}{taken}")
    return Finding(False, f"no free port from {first} to {first + count - 1}",
                   "close other JupyterLabs, or start this one with --port and another number")


def kernel_starts(timeout=60):
    """Return a Finding: does a notebook's kernel start, with the Python that this is?"""
    from jupyter_client.manager import run_kernel

    said, began = [], time.perf_counter()
    try:
        with run_kernel(startup_timeout=timeout, kernel_name="python3", stderr=subprocess.DEVNULL) as client:
            client.execute_interactive("import sys; print(sys.prefix)", timeout=timeout,
                                       output_hook=lambda message: said.append(message["content"].get("text", "")))
    except Exception as error:  # whatever it is, the line must say it
        return Finding(False, f"a notebook kernel does not start ({_first_line(error)})",
                       f'type "{machine.module("pip install --force-reinstall ipykernel")}", then look at '
                       f'"{machine.module("jupyter kernelspec list")}"')
    prefix = "".join(said).strip()
    other = "" if prefix == sys.prefix else f", but with another Python ({prefix})"
    return Finding(not other, f"a notebook kernel starts, in {time.perf_counter() - began:.0f} s{other}",
                   "a kernel python3 that was installed for other work hides the course's own: remove it with "
                   f'"{machine.module("jupyter kernelspec uninstall python3")}"')


# Training steps, and the time that lessons will take --------------------------------------------------------

def training_steps(kind, repeats=8):
    """Return (Finding, milliseconds a step): the "VAE" of lesson 6 or the "GAN" of lesson 8 trains, and how fast."""
    from utils import data, models
    from utils.runtime import keras

    keras.utils.set_random_seed(0)
    if kind == "VAE":
        model = models.VAE(models.build_encoder(), models.build_decoder())
        model.compile(keras.optimizers.Adam(1e-3), steps_per_execution=STEPS)
        batch_size, to_range, lesson, figure, metric = 200, data.to_unit_range, 6, "ELBO", "elbo"
    else:
        model = models.R1GAN(models.build_generator(), models.build_tile_discriminator(), latent_dim=100)
        model.compile(*(keras.optimizers.Adam(3e-3, beta_1=0.0, beta_2=0.99) for _ in range(2)),
                      steps_per_execution=STEPS)
        batch_size, to_range, lesson = 64, data.to_symmetric_range, 8
        figure, metric = "discriminator's loss", "discriminator_loss"

    def fit(images):
        figures.extend(model.fit(images, batch_size=batch_size, verbose=0).history[metric])

    figures, images = [], to_range(data.flatten(data.load_mnist().train_images[:STEPS * batch_size]))
    fit(images[:batch_size])
    seconds, began = [], time.perf_counter()
    while len(seconds) <= repeats and (len(seconds) < 3 or time.perf_counter() - began < LONGEST):
        seconds += timeit.repeat(lambda: fit(images), number=1, repeat=1)
    speed = 1000 * min(seconds[1:]) / STEPS  # in the first training the model compiles; others may be at work in some
    first, last = figures[0], figures[-1]
    return Finding(last > first + 100 if kind == "VAE" else 0 < last < 1.3,
                   f"{kind} of lesson {lesson} learns: {figure} from {first:.1f} to {last:.1f} nats, {speed:.1f} ms a "
                   "step", f"it should have changed more in a few hundred steps: {machine.mend()}"), speed


def array_speed(repeats=20):
    """Return the milliseconds of a forward and backward pass in NumPy, as in lesson 2; the fastest of several."""
    import numpy as np

    random = np.random.default_rng(0)
    images, weights = random.random((1000, 784), np.float32), random.random((784, 1000), np.float32)

    def passes():
        hidden = np.maximum(images @ weights, 0)
        images.T @ (hidden * np.exp(-hidden))

    return 1000 * min(timeit.repeat(passes, number=1, repeat=repeats))


def estimate(measured=REFERENCE):
    """Return {number: (title, seconds)} of README's table, for the machine that these milliseconds were measured on."""
    row = re.compile(r"^\| (\d+) \| \[(.+?)\]\(notebooks/.*\| \d+ \| (\d+) \|$", re.MULTILINE)
    factor = {number: measured[kind] / REFERENCE[kind] for kind, numbers in ALIKE.items() for number in numbers}
    return {int(number): (title, int(seconds) * factor[int(number)])
            for number, title, seconds in row.findall((ROOT / "README.md").read_text(encoding="utf-8"))}


def time_finding(times):
    """Return a Finding about how long the lessons will compute here, all of them and the longest, from `estimate`.

    The factor is a range, because no single one fits all lessons: other programs slow down lesson 2, which computes
    with NumPy, several times as much as the lessons that train with TensorFlow.
    """
    total, longest = sum(seconds for _, seconds in times.values()), max(times, key=lambda number: times[number][1])
    factors = [times[number][1] / seconds for number, (_, seconds) in estimate().items()]
    least, most = f"{min(factors):.1f}", f"{max(factors):.1f}"
    return Finding(times[longest][1] <= TOO_LONG,
                   f"computing takes {least if least == most else f'{least} to {most}'} times the README's seconds, "
                   f"roughly: all lessons about {in_words(total)}, the longest (lesson {longest}) about "
                   f"{in_words(times[longest][1])}",
                   "too slow for a room: close what else runs and try again; else let two learners share a faster "
                   "machine, or use Colab")


def in_words(seconds):
    """Return seconds as people say them: "45 s" below two minutes, "7 min" above."""
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"


def _first_line(error):
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


def examine():
    """Yield Findings, and sentences to print, one after the other; what comes later may need what came before."""
    found = packages()
    if not all(finding.well for finding in found) and (fault := machine.without_tensorflow()):
        found = [Finding(False, *fault)]  # the packages that are missing cannot be installed here
    yield from found
    started = [tensorflow_starts()] if all(finding.well for finding in found) else []
    yield from started
    files = intact_assets()
    if not (started and started[0].well):
        with contextlib.suppress(ModuleNotFoundError):  # psutil may be what is missing
            yield free_memory()
        yield from (free_disk(course_folder()), *files)
        yield "Mend this first; then run the doctor again for the rest."
        return
    yield from machine_findings()
    yield from (finding for finding in files if finding.what != "mnist.npz")  # the row of MNIST has said so
    yield from (free_memory(), free_disk(course_folder()),
                writable_folder(ROOT / "notebooks", "notebooks can be saved", "the course lies in a folder that "
                                "cannot be written: copy it to one of your own"),
                public_address(), matching_widgets(), free_port(), kernel_starts())
    if not all(finding.well for finding in files):
        yield "No training step is tried before the files are mended."
        return
    others_at_work, arrays, measured = load_meter(), [array_speed()], {}
    for kind in ("VAE", "GAN"):
        try:
            finding, measured[kind] = training_steps(kind)
            yield finding
        except Exception as error:  # a doctor does not fall ill
            yield Finding(False, f"a training step of the {kind} fails ({type(error).__name__}: {_first_line(error)})",
                          machine.mend())
        arrays.append(array_speed())  # some seconds apart: others may be at work in one of them
    yield others_at_work()
    if measured.keys() == {"VAE", "GAN"}:
        times = estimate({**measured, "arrays": min(arrays)})
        yield time_finding(times)
        yield "\n".join(f"    {number:>2} {title:36}{in_words(seconds):>7}"
                        for number, (title, seconds) in times.items())


def main():
    """Print what `examine` finds, and return the exit code: 1 if something must be mended."""
    began, ill = time.perf_counter(), 0
    for line in examine():
        print(line, flush=True)
        ill += isinstance(line, Finding) and not line.well
    took = f"({time.perf_counter() - began:.0f} s)"
    print(f"\n{ill} thing{'s' * (ill != 1)} to mend, marked with ✗ {took}" if ill else
          f"\nThis machine is ready for the course {took}. In VS Code, choose the kernel {sys.executable}")
    return 1 if ill else 0


if __name__ == "__main__":
    if sys.version_info < (3, 11):  # noqa: UP036 (the one file that an older Python may meet)
        sys.exit("✗ Python 3.11 or newer is needed: make the environment anew with it.")
    sys.stdout.reconfigure(encoding="utf-8")  # ✓ on consoles that think otherwise
    sys.exit(main())
