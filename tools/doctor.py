"""Look at this machine and say whether the course will run on it, in under a minute and without the network.

    python tools/doctor.py        (or: make doctor)

One line a finding; a line with ✗ says what to do, and then the exit code is 1. Two trainings of the course, the VAE of
lesson 6 and the GAN of lesson 8, make a few steps, and from their speed it estimates how long each lesson computes.
"""

import contextlib
import importlib.metadata
import os
import re
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
INSTALL = 'run "make lab" again; without make: pip install -c constraints.txt -e .'

# Milliseconds that each measurement took on the machine whose seconds stand in README's table, and which lessons are
# most like it. Measured with nothing else running.
REFERENCE = {"arrays": 26.0, "VAE": 12.5, "GAN": 8.6}
ALIKE = {"arrays": (0, 1, 2), "VAE": (4, 5, 6, 7, 11), "GAN": (3, 8, 9, 10, 12)}
TOO_LONG = 15 * 60  # seconds of computing in one lesson


def packages():
    """Return Findings about the packages that pyproject.toml asks for: a line for each bad one, one for all good ones.

    Needs nothing but the standard library and `packaging`, so that it can say what is missing.
    """
    import tomllib  # Python 3.11 has it

    from utils.lesson_00.doctor import Finding

    try:
        from packaging.requirements import Requirement
    except ModuleNotFoundError:
        return [Finding(False, "the course's packages", f"they are not installed for {sys.executable}: {INSTALL}")]
    wanted = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["dependencies"]
    tried = dict(line.split("==") for line in (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
                 if "==" in line)
    bad, good = [], []
    for requirement in map(Requirement, wanted):
        try:
            version = importlib.metadata.version(requirement.name)
        except importlib.metadata.PackageNotFoundError:
            bad.append(Finding(False, f"{requirement.name} is not installed", INSTALL))
            continue
        if not requirement.specifier.contains(version, prereleases=True):
            bad.append(Finding(False, f"{requirement.name} {version}, but the course needs {requirement.specifier}",
                               INSTALL))
        elif requirement.name not in ("tensorflow", "keras"):  # lesson 0's rows, which follow, name these
            other = tried.get(requirement.name, version)
            good.append(f"{requirement.name} {version}" + (f" (tried with {other})" if other != version else ""))
    return [*bad, Finding(True, ", ".join(good))] if good else bad


def tensorflow_starts():
    """Return a Finding: can another Python import TensorFlow? Here, a processor that it cannot use would end us."""
    from utils.lesson_00.doctor import Finding

    began = time.perf_counter()
    child = subprocess.run([sys.executable, "-c", "import utils.runtime"], cwd=ROOT, capture_output=True, text=True)
    if child.returncode == 0:
        return Finding(True, f"TensorFlow starts, in {time.perf_counter() - began:.0f} s")
    if child.returncode < 0:
        return Finding(False, f"TensorFlow does not start (the system ended it with signal {-child.returncode})",
                       "this processor may be too old for TensorFlow (it needs AVX): use Colab on this machine")
    reason = (child.stderr.strip().splitlines() or ["no message"])[-1]
    return Finding(False, f"TensorFlow does not start ({reason})", INSTALL)


def kernel_starts(timeout=60):
    """Return a Finding: does a notebook's kernel start, with the Python that this is?"""
    from jupyter_client.manager import start_new_kernel

    from utils.lesson_00.doctor import Finding

    said, began = [], time.perf_counter()
    try:
        manager, client = start_new_kernel(timeout, "python3", stderr=subprocess.DEVNULL)
        try:
            client.execute_interactive("import sys; print(sys.prefix)", timeout=timeout,
                                       output_hook=lambda message: said.append(message["content"].get("text", "")))
        finally:
            client.stop_channels()
            manager.shutdown_kernel(now=True)
    except Exception as error:  # whatever it is, the line must say it
        return Finding(False, f"a notebook kernel does not start ({_first_line(error)})",
                       "pip install --force-reinstall ipykernel, then look at `jupyter kernelspec list`")
    prefix = "".join(said).strip()
    return Finding(prefix == sys.prefix, f"a notebook kernel starts, in {time.perf_counter() - began:.0f} s"
                   + ("" if prefix == sys.prefix else f", but with another Python ({prefix})"),
                   "the kernel python3 of `jupyter kernelspec list` hides the course's own: "
                   "`jupyter kernelspec uninstall python3`")


def vae_steps(steps=50, repeats=8):
    """Return (Finding, milliseconds a step): the VAE of lesson 6 trains, and how fast."""
    import keras

    from utils.data import flatten, load_mnist, to_unit_range
    from utils.models import VAE, build_decoder, build_encoder

    keras.utils.set_random_seed(0)
    images = to_unit_range(flatten(load_mnist().train_images[:steps * 200]))
    vae = VAE(build_encoder(), build_decoder())
    vae.compile(keras.optimizers.Adam(1e-3), steps_per_execution=50)
    first = vae.fit(images[:200], batch_size=200, verbose=0).history["elbo"][0]
    speed, last = _fastest(vae, images, 200, steps, repeats)
    return _trained("VAE of lesson 6", "ELBO", first, last["elbo"], last["elbo"] > first + 100, speed)


def gan_steps(steps=50, repeats=8):
    """Return (Finding, milliseconds a step): the GAN of lesson 8 trains, and how fast."""
    import keras

    from utils.data import flatten, load_mnist, to_symmetric_range
    from utils.models import R1GAN, build_tile_discriminator, build_generator

    keras.utils.set_random_seed(0)
    images = to_symmetric_range(flatten(load_mnist().train_images[:steps * 64]))
    gan = R1GAN(build_generator(), build_tile_discriminator(), latent_dim=100)
    gan.compile(*(keras.optimizers.Adam(3e-3, beta_1=0.0, beta_2=0.99) for _ in range(2)), steps_per_execution=50)
    first = gan.fit(images[:64], batch_size=64, verbose=0).history["discriminator_loss"][0]
    speed, last = _fastest(gan, images, 64, steps, repeats)
    loss = last["discriminator_loss"]
    return _trained("GAN of lesson 8", "discriminator's loss", first, loss, 0 < loss < 1.3, speed)


def _fastest(model, images, batch_size, steps, repeats):
    """Return milliseconds a step in the fastest of several short trainings (others may be at work), and the last logs.

    The first training is not counted: it compiles.
    """
    seconds = []
    for _ in range(repeats + 1):
        began = time.perf_counter()
        logs = model.fit(images, batch_size=batch_size, verbose=0).history
        seconds.append(time.perf_counter() - began)
    return 1000 * min(seconds[1:]) / steps, {name: values[-1] for name, values in logs.items()}


def _trained(model, figure, first, last, learnt, speed):
    from utils.lesson_00.doctor import Finding

    return Finding(bool(learnt), f"{model} learns: {figure} from {first:.1f} to {last:.1f} nats, {speed:.1f} ms a step",
                   f"it should have changed more in a few hundred steps: {INSTALL}"), speed


def array_speed(repeats=20):
    """Return the milliseconds of a forward and backward pass in NumPy, as in lesson 2; the fastest of several."""
    import numpy as np

    random = np.random.default_rng(0)
    images, weights = random.random((1000, 784), np.float32), random.random((784, 1000), np.float32)
    seconds = []
    for _ in range(repeats):
        began = time.perf_counter()
        hidden = np.maximum(images @ weights, 0)
        images.T @ (hidden * np.exp(-hidden))
        seconds.append(time.perf_counter() - began)
    return 1000 * min(seconds)


def lessons():
    """Return {number: (title, seconds)} of the lessons in README's table."""
    row = re.compile(r"^\| (\d+) \| \[(.+?)\]\(notebooks/.*\| \d+ \| (\d+) \|$", re.MULTILINE)
    found = row.findall((ROOT / "README.md").read_text(encoding="utf-8"))
    return {int(number): (title, int(seconds)) for number, title, seconds in found}


def estimate(measured):
    """Return {number: (title, seconds)} for this machine, from milliseconds measured as REFERENCE has them."""
    factor = {number: measured[kind] / REFERENCE[kind] for kind, numbers in ALIKE.items() for number in numbers}
    return {number: (title, seconds * factor[number]) for number, (title, seconds) in lessons().items()}


def time_finding(measured):
    """Return a Finding about how long the lessons will compute here, all of them and the longest."""
    from utils.lesson_00.doctor import Finding

    times = estimate(measured)
    total, longest = sum(seconds for _, seconds in times.values()), max(times, key=lambda number: times[number][1])
    usual = sum(seconds for _, seconds in lessons().values())
    what = (f"computing takes {total / usual:.1f} times the README's seconds: all lessons about {in_words(total)}, the "
            f"longest (lesson {longest}) about {in_words(times[longest][1])}")
    return Finding(times[longest][1] <= TOO_LONG, what, "too slow for a room: close what else runs and try again; "
                   "else let two learners share a faster machine, or use Colab")


def in_words(seconds):
    """Return seconds as people say them: "45 s" below two minutes, "7 min" above."""
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"


def _first_line(error):
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


def _safely(what, check):
    """Return what `check` returns; if it raises, a Finding that says so, and None for its measurement."""
    from utils.lesson_00.doctor import Finding

    try:
        return check()
    except Exception as error:  # a doctor does not fall ill
        return Finding(False, f"{what} fails ({type(error).__name__}: {_first_line(error)})", INSTALL), None


def examine():
    """Yield a list of Findings, or a str to print, one after the other; what comes later may need what came before."""
    from utils.lesson_00 import doctor as machine
    from utils.storage import course_folder

    found = packages()
    yield found
    started = tensorflow_starts() if all(finding.well for finding in found) else None
    if started is None or not started.well:
        yield [started] if started else []
        yield [machine.free_memory(), machine.free_disk(course_folder()), *machine.intact_assets()]
        yield "Mend this first; then run the doctor again for the rest."
        return
    from utils.lesson_00.doctor import machine_findings

    rows = [*machine_findings(), *(finding for finding in machine.intact_assets() if finding.what != "mnist.npz")]
    yield [started, *rows]  # lesson 0's rows speak of MNIST already
    yield [machine.free_memory(), machine.idle_processor(), machine.free_disk(course_folder()),
           machine.writable_folder(ROOT / "notebooks", "notebooks can be saved", "the course lies in a folder that "
                                   "cannot be written: copy it to one of your own"),
           machine.matching_widgets(), machine.free_port(), kernel_starts()]
    if not all(finding.well for finding in machine.intact_assets()):
        yield "No training step is tried before the files are mended."
        return
    vae, vae_speed = _safely("a training step of the VAE", vae_steps)
    gan, gan_speed = _safely("a training step of the GAN", gan_steps)
    yield [vae, gan]
    if vae_speed and gan_speed:
        measured = {"arrays": array_speed(), "VAE": vae_speed, "GAN": gan_speed}
        yield [time_finding(measured)]
        yield "".join(f"    {number:>2} {title:36}{in_words(seconds):>7}\n"
                      for number, (title, seconds) in estimate(measured).items()).rstrip()


def main():
    """Print the findings, and return the exit code: 1 if something must be mended."""
    began, ill = time.perf_counter(), 0
    for part in examine():
        if isinstance(part, str):
            print(part, flush=True)
            continue
        for finding in part:
            print(finding, flush=True)
            ill += not finding.well
    took = f"({time.perf_counter() - began:.0f} s)"
    print(f"\n{ill} thing{'s' * (ill != 1)} to mend, marked with ✗ {took}" if ill
          else f"\nThis machine is ready for the course {took}")
    return 1 if ill else 0


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    if sys.version_info < (3, 11):  # noqa: UP036 (the one file that an older Python may meet)
        sys.exit("✗ Python 3.11 or newer is needed: make the environment anew with it.")
    with contextlib.suppress(AttributeError):
        sys.stdout.reconfigure(encoding="utf-8")  # ✓ on consoles that think otherwise
    os.environ.setdefault("KERAS_BACKEND", "tensorflow")
    sys.exit(main())
