"""Lesson 0: a fault of the machine gets a line that says what to do, and grey values become coins."""

import importlib.metadata
import re
import socket
import subprocess
import sys
from unittest.mock import Mock

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.drawing import DIGITS, ExplorerContract, words_when_redrawn
from tools import lessons
from utils import assets, machine, plots
from utils.lesson_00 import doctor, explorers
from utils.lesson_00.doctor import GIGABYTE, ROOT, Finding


@pytest.mark.parametrize(("name", "made_up", "examination", "line"), [
    ("utils.lesson_00.doctor.memory_in_gigabytes", lambda: (8, 2.1), doctor.free_memory, "✓ 2.1 GB of memory free now"),
    ("utils.lesson_00.doctor.memory_in_gigabytes", lambda: (8, 1.9), doctor.free_memory,
     "✗ 1.9 GB of memory free now: a lesson needs up to 2 GB: close other programs and notebooks"),
    ("shutil.disk_usage", lambda place: {ROOT: Mock(free=0.6 * GIGABYTE)}[place],
     lambda: doctor.free_disk(ROOT / "a" / "b"), "✓ 0.6 GB of disk free for progress and backups"),
    ("shutil.disk_usage", Mock(return_value=Mock(free=0.4 * GIGABYTE)), lambda: doctor.free_disk(ROOT),
     "✗ 0.4 GB of disk free for progress and backups: they need up to 0.5 GB: delete something, or set COURSE_HOME"),
    # What the system says of a folder to read only; root may write even where it is forbidden, so no chmod here.
    ("tempfile.TemporaryFile", Mock(side_effect=PermissionError(13, "Permission denied")),
     lambda: doctor.writable_folder(ROOT, "folder", "copy it"), "✗ folder: copy it"),
    ("subprocess.run", Mock(return_value=Mock(returncode=1, stderr="Trace\nValueError: unknown\n")),
     doctor.tensorflow_starts, f"✗ TensorFlow does not start (ValueError: unknown): {machine.mend()}"),
    ("subprocess.run", Mock(return_value=Mock(returncode=1, stderr="")),
     doctor.tensorflow_starts, f"✗ TensorFlow does not start (no message): {machine.mend()}"),
    ("subprocess.run", Mock(return_value=Mock(
        returncode=1, stderr="Trace\nImportError: DLL load failed while importing x: not found.\nand so on\n")),
     doctor.tensorflow_starts, "✗ TensorFlow does not start (Windows cannot load a library that TensorFlow needs (DLL "
     "load failed while importing x: not found)): install the newest Microsoft Visual C++ Redistributable for x64"),
    ("subprocess.run", Mock(return_value=Mock(returncode=-4, stderr="")), doctor.tensorflow_starts,
     "✗ TensorFlow does not start (the processor lacks an instruction that TensorFlow uses, probably AVX): use Colab"),
    ("subprocess.run", Mock(return_value=Mock(returncode=0xC000001D, stderr="")), doctor.tensorflow_starts,
     "✗ TensorFlow does not start (the processor lacks an instruction that TensorFlow uses, probably AVX): use Colab"),
    ("socket.create_connection", Mock(side_effect=TimeoutError("timed out")), lambda: doctor.free_port(18888),
     "✗ port 18888 cannot be reached from this machine itself (timed out): let the firewall allow"),
    ("jupyter_client.manager.start_new_kernel", Mock(side_effect=RuntimeError("Kernel died before replying\nand more")),
     doctor.kernel_starts, "✗ a notebook kernel does not start (Kernel died before replying): type "),
])
def test_what_the_machine_answers_becomes_a_line(name, made_up, examination, line, monkeypatch):
    monkeypatch.setattr(name, made_up)
    said = str(examination())
    assert said.startswith(line) and (": " in said) is (line[0] == "✗")


def test_sound_machine_gets_a_tick_on_every_line(capsys, monkeypatch, tmp_path):
    monkeypatch.setenv("COURSE_HOME", str(tmp_path / "new" / "folder"))
    monkeypatch.setattr(doctor, "memory_in_gigabytes", lambda: (8.0, 4.0))
    monkeypatch.setattr("utils.runtime.device_in_words", lambda: "2 CPU cores")
    doctor.check_machine()
    assert capsys.readouterr().out.splitlines() == [
        f"✓ Python {sys.version.split()[0]}", f"✓ TensorFlow {tf.__version__}", f"✓ Keras {keras.__version__}",
        "✓ computing on 2 CPU cores; no GPU is needed", "✓ 8 GB of memory",
        "✓ MNIST: 60,000 + 10,000 images, verified", "✓ a folder for your progress and backups"]
    assert list((tmp_path / "new" / "folder").iterdir()) == []


def test_every_fault_gets_a_line_that_says_what_to_do(monkeypatch, tmp_path):
    (tmp_path / "mnist.npz").write_bytes((assets.FOLDER / "mnist.npz").read_bytes()[:1000])
    monkeypatch.setattr(assets, "FOLDER", tmp_path)
    monkeypatch.setenv("COURSE_HOME", str(tmp_path / "mnist.npz" / "course"))
    monkeypatch.setattr(doctor, "memory_in_gigabytes", lambda: (2.0, 1.0))
    monkeypatch.setattr(tf, "__version__", "2.9.3")
    monkeypatch.setattr(keras, "__version__", "3.12.9")
    _, *packages, _, memory, data, folder = map(str, doctor.machine_findings())
    assert packages == [f"✗ TensorFlow 2.9.3: {machine.mend()}", f"✗ Keras 3.12.9: {machine.mend()}"]
    assert "course.py lab" in packages[0]
    assert memory == "✗ 2 GB of memory: lessons need up to 2 GB: close other notebooks first"
    assert data.startswith("✗ MNIST: The course's file utils/assets/mnist.npz is damaged: its 1,000 bytes are not")
    assert folder == ("✗ a folder for your progress and backups: it cannot be written: set COURSE_HOME to another "
                      "folder, or go on without")


@pytest.mark.parametrize(("limits", "seen"), [
    ([], (64, 32)), ([(4, 1)], (4, 3)), ([(128, 100)], (64, 28)), ([(8, 2), (4, 3.5)], (4, 0.5)), ([(2, 3)], (2, 0))])
def test_share_of_a_server_counts_as_all_there_is(limits, seen, monkeypatch):
    monkeypatch.setattr("psutil.virtual_memory", lambda: Mock(total=64 * GIGABYTE, available=32 * GIGABYTE))
    monkeypatch.setattr(doctor, "_memory_limits", lambda: [[GIGABYTE * size for size in both] for both in limits])
    assert doctor.memory_in_gigabytes() == seen


@pytest.mark.parametrize(("files", "limits"), [
    ({"cgroup": "0::/a/b", "a/b/memory.max": 3000, "a/b/memory.current": 900, "memory.max": "max", "memory.current": 7,
      "a/b/memory.stat": "anon 1\ninactive_file 500", "a/memory.max": 2000, "a/memory.current": 1500,
      "a/memory.stat": "inactive_file 0", "memory.stat": "inactive_file 0"}, [(3000, 400), (2000, 1500)]),
    ({"cgroup": "3:cpu,cpuacct:/docker/1\n2:memory:/docker/1", "memory/memory.limit_in_bytes": 2000,
      "memory/memory.usage_in_bytes": 700, "memory/memory.stat": "inactive_file 1\ntotal_inactive_file 100"},
     [(2000, 600)]),
    ({}, [])], ids=["version 2, the group and all around it", "version 1, where a container has them", "none"])
def test_limits_of_control_groups(files, limits, tmp_path):
    for path, content in files.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(f"{content}\n")
    assert list(doctor._memory_limits(tmp_path / "cgroup", tmp_path)) == limits


@pytest.fixture
def course_files(tmp_path, monkeypatch):
    monkeypatch.setattr(assets, "FOLDER", tmp_path)
    monkeypatch.setattr(assets, "CHECKSUMS", tmp_path / "SHA256SUMS")
    (tmp_path / "digits.npz").write_bytes(b"0123456789" * 100)
    (tmp_path / "judge.keras").write_bytes(b"weights")
    assets.record_checksums()
    return tmp_path


def test_intact_files_share_a_line_and_each_fault_has_its_own(course_files):
    sound, = map(str, doctor.intact_assets())
    assert sound == "✓ 2 files that ship with the course, verified: digits.npz, judge.keras"
    (course_files / "digits.npz").write_bytes(b"0123")
    (course_files / "judge.keras").unlink()
    damaged, missing = map(str, doctor.intact_assets())
    assert damaged.startswith("✗ digits.npz: ") and "is damaged: its 4 bytes" in damaged and "git checkout" in damaged
    assert missing.startswith("✗ judge.keras: ") and "is missing" in missing and "git checkout" in missing
    for content in (None, b"only-one-word\n", b"\xff\xfe"):
        assets.CHECKSUMS.unlink(missing_ok=True)
        if content:
            assets.CHECKSUMS.write_bytes(content)
        unreadable, = doctor.intact_assets()
        assert not unreadable.well and "git checkout" in unreadable.remedy


def set_versions(monkeypatch, **versions):
    """Pretend that packages are installed in other versions; None: not at all."""
    real = importlib.metadata.version

    def version(name):
        if versions.get(name, "") is None:
            raise importlib.metadata.PackageNotFoundError(name)
        return versions.get(name) or real(name)
    monkeypatch.setattr(importlib.metadata, "version", version)


@pytest.mark.parametrize("examination", [
    lambda: doctor.packages()[0], doctor.kernel_starts, pytest.param(doctor.matching_widgets, marks=pytest.mark.skipif(
        importlib.metadata.version("ipywidgets").startswith("7."), reason="Colab has no JupyterLab"))])
def test_this_environment_is_well(examination):
    assert str(examination()).startswith("✓ ")


def test_old_missing_and_no_packages_have_a_line_each_and_no_trace(monkeypatch):
    set_versions(monkeypatch, keras="2.15.0", scipy=None, numpy="2.1.3")
    old, missing, good = map(str, doctor.packages())
    assert old == f"✗ keras 2.15.0, but the course needs >=3.13: {machine.mend()}" and "course.py lab" in old
    assert missing.startswith("✗ scipy is not installed: ") and "numpy 2.1.3 (tried with " in good
    assert "keras" not in good
    none = dict.fromkeys(["packaging.requirements", "numpy", "psutil", "keras", "tensorflow"])
    code = f"import sys; sys.modules |= {none}; from utils.lesson_00.doctor import packages; print(*packages())"
    child = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert child.stdout.startswith("✗ the course's packages are not installed for ") and child.stderr == ""


@pytest.mark.parametrize(("versions", "copies", "says"), [
    ({"jupyterlab_widgets": None}, 1, "(jupyterlab_widgets is missing)"),
    ({"jupyterlab_widgets": "0.1"}, 1, "do not fit: ipywidgets wants jupyterlab_widgets"),
    ({"ipywidgets": "7.7.1"}, 1, "do not fit: ipywidgets wants jupyterlab_widgets"),
    ({}, 0, "does not find its half"), ({}, 2, "another copy ({folder}) hides this one")])
def test_widgets_without_the_jupyterlab_half_that_fits_are_a_fault(versions, copies, says, monkeypatch, tmp_path):
    set_versions(monkeypatch, **{"ipywidgets": "8.1.9", "jupyterlab_widgets": "3.0.17"} | versions)
    monkeypatch.setattr(sys, "prefix", str(tmp_path / "own"))
    monkeypatch.setattr("jupyter_core.paths.jupyter_path", lambda: [tmp_path / "older", tmp_path / "own/share/jupyter"])
    own, older = (tmp_path / place / doctor.WIDGETS_FOR_LAB for place in ("own/share/jupyter", "older"))
    for copy, content in ((own, '{"version": "3.0.17"}'), (older, '{"version": "3.0.0"}'))[:copies]:
        copy.parent.mkdir(parents=True)
        copy.write_text(content)
    finding = doctor.matching_widgets()
    assert not finding.well and says.format(folder=older.parent) in finding.what


def test_taken_port_is_passed_over_and_where_there_is_no_other_it_is_a_fault():
    with socket.create_server(("127.0.0.1", 0)) as server:
        taken = server.getsockname()[1]
        well, what, _ = doctor.free_port(first=taken)
        none = str(doctor.free_port(first=taken, count=1))
    said = re.fullmatch(rf"JupyterLab can use port (\d+) \({taken} is taken, perhaps by another JupyterLab\)", what)
    assert well and int(said[1]) > taken
    assert none.startswith(f"✗ no free port from {taken} to {taken}: close other JupyterLabs, or start this one with ")


def test_kernel_with_another_python_is_a_fault(monkeypatch):
    monkeypatch.setattr(sys, "prefix", "/opt/course")
    well, what, remedy = doctor.kernel_starts()
    assert not well and "with another Python (/" in what and "kernelspec" in remedy


@pytest.mark.parametrize(("kind", "metric", "first", "too_little"), [
    ("VAE", "elbo", -543.5, [-500]), ("GAN", "discriminator_loss", 1.4, [1.35, np.nan])])
def test_models_of_the_course_learn_and_are_timed_or_it_is_a_fault(kind, metric, first, too_little, monkeypatch):
    finding, speed = doctor.training_steps(kind, repeats=1)
    assert finding.well and 0.1 < speed < 2000, finding
    for last in too_little:
        monkeypatch.setattr(keras.Model, "fit", lambda model, images, last=last, **_: Mock(
            history={metric: [last if len(images) > 200 else first]}))
        finding, _ = doctor.training_steps(kind, repeats=1)
        assert not finding.well and f"from {first:.1f} to {last:.1f} nats" in finding.what


def test_every_lesson_of_the_readme_is_estimated_by_the_measurement_that_it_is_like():
    rows = re.findall(r"^\| *(\d+) .*\]\(notebooks/.* (\d+) \|$", (ROOT / "README.md").read_text("utf-8"), re.MULTILINE)
    seconds = {int(number): int(seconds) for number, seconds in rows}
    assert list(seconds) == [int(path.name[:2]) for path in lessons.paths()]
    usual, slow = doctor.estimate(), doctor.estimate({**doctor.REFERENCE, "VAE": 3 * doctor.REFERENCE["VAE"]})
    assert {number: here for number, (_, here) in usual.items()} == seconds
    assert [slow[number][1] / seconds[number] for number in (1, 6, 8)] == pytest.approx([1, 3, 1])


def times_at(**factors):
    """Return the estimated times on a machine that is so many times slower than the README's, by kind."""
    return doctor.estimate({kind: factors.get(kind, 1) * speed for kind, speed in doctor.REFERENCE.items()})


@pytest.mark.parametrize(("factor", "well"), [(0.5, True), (1, True), (10, False)])
def test_too_slow_a_machine_is_a_fault(factor, well):
    here = doctor.time_finding(times_at(arrays=factor, VAE=factor, GAN=factor))
    assert here.well is well and f"takes {factor:.1f} times the README's seconds" in here.what
    assert "Colab" in here.remedy


def test_lesson_that_takes_four_times_as_long_is_not_hidden_in_an_average():
    """NumPy's products wait for a core that another program has: lesson 2 took minutes, and that was "1.0 times"."""
    times = times_at(arrays=4.5, GAN=0.9)
    assert times[2][1] == 4.5 * 80 and "takes 0.9 to 4.5 times the README's seconds" in doctor.time_finding(times).what


def test_times_are_said_in_words():
    assert [doctor.in_words(seconds) for seconds in (9.6, 119, 120, 1500)] == ["10 s", "119 s", "2 min", "25 min"]


@pytest.mark.parametrize(("everything", "own", "said"), [
    (60, 96, "✓ other programs used 12% of the processor during these steps"), (30, 80, "✓ other programs used 0% of"),
    (99, 120, "✗ other programs used 39% of the processor during these steps: the times below are too long")])
def test_load_is_what_others_used_of_all_cores(everything, own, said, monkeypatch):
    """`own` is in percent of one core, as psutil counts a process's, and there are two."""
    monkeypatch.setattr("psutil.cpu_count", lambda: 2)
    monkeypatch.setattr("psutil.cpu_percent", Mock(side_effect=[7, everything]))
    monkeypatch.setattr("psutil.Process", lambda: Mock(cpu_percent=Mock(side_effect=[0, own])))
    assert str(doctor.load_meter()()).startswith(said)


@pytest.mark.parametrize(("system", "use"), [("win32", 'type "wsl --install"'), ("linux", "-e .[gpu]")])
def test_nvidia_gpu_that_is_not_used_is_named_with_what_would_help(system, use, monkeypatch):
    monkeypatch.setattr("shutil.which", lambda name: name)
    monkeypatch.setattr("subprocess.run", lambda command, **_: Mock(stdout="GPU 0: NVIDIA T4 (UUID: GPU-1)\n"))
    monkeypatch.setattr(sys, "platform", system)
    said = doctor.unused_gpu()
    assert "the NVIDIA GPU is not used" in said and use in said and "no GPU is needed" in said


@pytest.mark.parametrize("tool", [Mock(return_value=Mock(stdout="NVIDIA-SMI has failed")), Mock(side_effect=OSError),
                                  Mock(side_effect=subprocess.TimeoutExpired("nvidia-smi", 20))])
def test_driver_without_a_gpu_is_not_taken_for_one(tool, monkeypatch):
    monkeypatch.setattr("shutil.which", lambda name: name)
    monkeypatch.setattr("subprocess.run", tool)
    assert doctor.unused_gpu() == ""


def test_course_without_a_public_address_is_named(monkeypatch):
    monkeypatch.setattr("tools.write_badges.files_without_address", lambda: [])
    assert str(doctor.public_address()) == "✓ the course has its public address"
    monkeypatch.setattr("tools.write_badges.files_without_address", lambda: ["README.md"] * 3)
    assert not doctor.public_address().well and "OWNER stands for it in 3 files" in doctor.public_address().remedy


@pytest.fixture
def examined(monkeypatch, capsys):
    """A function that runs the doctor, without what takes seconds, and returns the exit code and what was printed."""
    for name in ("tensorflow_starts", "kernel_starts", "matching_widgets", "public_address"):
        monkeypatch.setattr(doctor, name, lambda name=name: Finding(True, name))
    monkeypatch.setattr(doctor, "load_meter", lambda: lambda: Finding(True, "load_meter"))
    monkeypatch.setattr(doctor, "training_steps", lambda kind: (Finding(True, kind), doctor.REFERENCE[kind]))
    monkeypatch.setattr(doctor, "array_speed", lambda: doctor.REFERENCE["arrays"])
    monkeypatch.setattr(doctor, "memory_in_gigabytes", lambda: (8.0, 4.0))
    return lambda: (doctor.main(), capsys.readouterr().out)


def test_sound_machine_has_ticks_only_and_exit_code_0(examined):
    code, said = examined()
    assert code == 0 and "✗" not in said and "This machine is ready for the course" in said
    assert re.search(r"^ +6 Variational autoencoders +4 min$", said, re.MULTILINE)
    assert all(str(finding) in said.splitlines() for finding in doctor.machine_findings())  # lesson 0's lines


@pytest.mark.parametrize(("name", "made_up", "fault", "count", "estimated"), [
    ("memory_in_gigabytes", lambda: (8.0, 1.0), "✗ 1.0 GB of memory free now", "1 thing to mend", True),
    ("training_steps", Mock(side_effect=MemoryError("no room for it\nsecond line")),
     "✗ a training step of the GAN fails (MemoryError: no room for it): ", "2 things to mend", False)])
def test_fault_gives_exit_code_1_and_no_trace(name, made_up, fault, count, estimated, examined, monkeypatch):
    monkeypatch.setattr(doctor, name, made_up)
    code, said = examined()
    assert code == 1 and fault in said and count in said and ("times the README's seconds" in said) is estimated


def test_damaged_files_are_named_and_no_training_is_tried_on_them(examined, course_files, monkeypatch):
    (course_files / "digits.npz").write_bytes(b"0123")
    monkeypatch.setattr(doctor, "training_steps", lambda kind: pytest.fail("there are no images to train on"))
    code, said = examined()
    assert code == 1 and "✗ digits.npz: The course's file" in said and "No training step is tried" in said


@pytest.mark.parametrize("missing", ["tensorflow", "psutil"])
def test_without_a_package_the_machine_is_examined_all_the_same(missing, examined, monkeypatch):
    set_versions(monkeypatch, **{missing: None})
    monkeypatch.setitem(sys.modules, missing, None)
    monkeypatch.setattr(doctor, "tensorflow_starts", lambda: pytest.fail("it cannot start"))
    code, said = examined()
    assert code == 1 and f"✗ {missing} is not installed" in said
    assert "GB of disk free" in said and "Mend this first" in said


@pytest.mark.parametrize("missing", ["tensorflow", None])
def test_machine_without_a_tensorflow_is_named_instead_of_packages_unless_one_is_there(missing, examined, monkeypatch):
    if missing:
        set_versions(monkeypatch, **{missing: None})
    monkeypatch.setattr(machine, "without_tensorflow", lambda: machine.Fault("this Mac has another processor", "Colab"))
    code, said = examined()
    assert code == bool(missing) and ("✗ this Mac has another processor: Colab" in said) is bool(missing)
    assert "is not installed" not in said


def test_plug_in_of_apple_is_a_fault(examined, monkeypatch):
    set_versions(monkeypatch, **{"tensorflow-metal": "1.2.0"})
    code, said = examined()
    assert code == 1 and "✗ tensorflow-metal 1.2.0 is installed" in said


class TestBinarisationExplorer(ExplorerContract):
    make = staticmethod(lambda: explorers.binarisation_explorer(DIGITS[:12]))

    def test_draws_follow_the_grey_values_and_their_average_comes_close(self, explorer, monkeypatch):
        drawn, png = [], plots.MovingPicture.png
        monkeypatch.setattr(plots.MovingPicture, "png", lambda moving: drawn.append(moving) or png(moving))
        assert words_when_redrawn(explorer, image=7, draws=1) == ["draw number 1", "average of 1 draw"]
        assert words_when_redrawn(explorer, draws=200) == ["draw number 200", "average of 200 draws"]
        grey, draw, average = (artist.get_array().data[1:-1, 1:-1] for artist in drawn[-1].artists[:3])
        np.testing.assert_allclose(grey, DIGITS[7].reshape(28, 28), atol=1e-6)
        assert set(np.unique(draw)) == {0, 1}
        assert np.std(average - grey) == pytest.approx(np.sqrt(1 / 6 / 200), rel=0.1)  # of 200 tosses of each coin
