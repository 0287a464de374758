"""`make doctor`: a fault of the machine gets a line that says what to do, and the exit code says that there is one."""

import importlib.metadata
import json
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from tools import doctor
from utils import assets
from utils.lesson_00 import doctor as machine
from utils.lesson_00.doctor import GIGABYTE, Finding

ROOT = Path(__file__).parents[2]


def test_line_begins_with_the_verdict_and_only_a_fault_is_followed_by_a_remedy():
    assert str(Finding(True, "memory", "buy some")) == "✓ memory"
    assert str(Finding(False, "memory", "buy some")) == "✗ memory: buy some"


# Memory and disk --------------------------------------------------------------------------------------------

def set_memory(monkeypatch, total, free):
    monkeypatch.setattr(machine.psutil, "virtual_memory",
                        lambda: SimpleNamespace(total=total * GIGABYTE, available=free * GIGABYTE))


def set_limits(monkeypatch, *limits):
    monkeypatch.setattr(machine, "_memory_limits", lambda: [(GIGABYTE * limit, GIGABYTE * used)
                                                            for limit, used in limits])


@pytest.mark.parametrize(("free", "well"), [(1.9, False), (2.1, True)])
def test_little_free_memory_is_a_fault(free, well, monkeypatch):
    set_memory(monkeypatch, 8, free)
    set_limits(monkeypatch)
    finding = machine.free_memory()
    assert finding.well is well
    assert str(finding).startswith(f"{'✓' if well else '✗'} {free} GB of memory free now")
    assert "close other programs" in finding.remedy


@pytest.mark.parametrize(("limits", "seen"), [
    ([], (64, 32)), ([(4, 1)], (4, 3)), ([(128, 100)], (64, 28)), ([(8, 2), (4, 3.5)], (4, 0.5)), ([(2, 3)], (2, 0))])
def test_share_of_a_server_counts_as_all_there_is(limits, seen, monkeypatch):
    set_memory(monkeypatch, 64, 32)
    set_limits(monkeypatch, *limits)
    assert machine.memory_in_gigabytes() == seen


def write(folder, **files):
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        Path(folder, name.replace("__", ".")).write_text(f"{text}\n")


def limits_of(tmp_path, membership):
    (tmp_path / "cgroup").write_text(membership)
    return sorted(machine._memory_limits(tmp_path / "cgroup", tmp_path))


def test_limits_of_control_groups_version_2_are_those_of_the_group_and_of_all_around_it(tmp_path):
    write(tmp_path / "user" / "ada", memory__max=3000, memory__current=900, memory__stat="anon 1\ninactive_file 500")
    write(tmp_path / "user", memory__max=2000, memory__current=1500, memory__stat="inactive_file 0")
    write(tmp_path, memory__max="max", memory__current=7, memory__stat="inactive_file 0")
    assert limits_of(tmp_path, "0::/user/ada\n") == [(2000, 1500), (3000, 400)]


def test_limits_of_control_groups_version_1_are_found_where_a_container_has_them(tmp_path):
    write(tmp_path / "memory", memory__limit_in_bytes=2000, memory__usage_in_bytes=700,
          memory__stat="inactive_file 1\ntotal_inactive_file 100")
    assert limits_of(tmp_path, "3:cpu,cpuacct:/docker/1\n2:memory:/docker/1\n") == [(2000, 600)]


def test_no_control_groups_no_limits(tmp_path):
    assert list(machine._memory_limits(tmp_path / "not there", tmp_path)) == []


@pytest.mark.parametrize(("busy", "line"), [(12.4, "✓ other programs use 12% of the processor"),
                                            (91.0, "✗ other programs use 91% of the processor: they slow")])
def test_busy_processor_is_a_fault(busy, line, monkeypatch):
    monkeypatch.setattr(machine.psutil, "cpu_percent", lambda interval: busy)
    assert str(machine.idle_processor()).startswith(line)


@pytest.mark.parametrize(("free", "well"), [(0.4, False), (0.6, True)])
def test_full_disk_is_a_fault_also_where_the_folder_is_not_there_yet(free, well, monkeypatch, tmp_path):
    asked = []
    monkeypatch.setattr(machine.shutil, "disk_usage",
                        lambda place: asked.append(place) or SimpleNamespace(free=free * GIGABYTE))
    finding = machine.free_disk(tmp_path / "new" / "folder")
    assert finding.well is well and asked == [tmp_path]
    assert "COURSE_HOME" in finding.remedy


# Files ------------------------------------------------------------------------------------------------------

@pytest.fixture
def course_files(tmp_path, monkeypatch):
    """A folder of assets of its own with two files."""
    monkeypatch.setattr(assets, "FOLDER", tmp_path)
    monkeypatch.setattr(assets, "CHECKSUMS", tmp_path / "SHA256SUMS")
    (tmp_path / "digits.npz").write_bytes(b"0123456789" * 100)
    (tmp_path / "judge.keras").write_bytes(b"weights")
    assets.record_checksums()
    return tmp_path


def test_intact_files_share_a_line(course_files):
    assert [str(finding) for finding in machine.intact_assets()] == [
        "✓ 2 files that ship with the course, verified: digits.npz, judge.keras"]


def test_each_damaged_or_missing_file_has_a_line_of_its_own(course_files):
    (course_files / "digits.npz").write_bytes(b"0123")
    (course_files / "judge.keras").unlink()
    damaged, missing = map(str, machine.intact_assets())
    assert damaged.startswith("✗ digits.npz: ") and "is damaged: its 4 bytes" in damaged and "git checkout" in damaged
    assert missing.startswith("✗ judge.keras: ") and "is missing" in missing and "git checkout" in missing


@pytest.mark.parametrize("content", [None, b"only-one-word\n", b"\xff\xfe"])
def test_unreadable_list_of_checksums_is_a_fault(content, course_files):
    if content is None:
        (course_files / "SHA256SUMS").unlink()
    else:
        (course_files / "SHA256SUMS").write_bytes(content)
    (finding,) = machine.intact_assets()
    assert not finding.well and "git checkout" in finding.remedy


def test_folder_is_made_and_leaves_nothing_behind(tmp_path):
    assert machine.writable_folder(tmp_path / "a" / "b", "folder", "").well
    assert list((tmp_path / "a" / "b").iterdir()) == []


def test_folder_that_cannot_be_written_is_a_fault(tmp_path):
    (tmp_path / "file").write_text("a file, where a folder is wanted")
    assert str(machine.writable_folder(tmp_path / "file" / "a", "folder", "copy it")) == "✗ folder: copy it"


def test_read_only_folder_is_a_fault(tmp_path, monkeypatch):
    def refuse(dir):  # what the system says; root may write even where it is forbidden, so no chmod here
        raise PermissionError(13, "Permission denied")
    monkeypatch.setattr(machine.tempfile, "TemporaryFile", refuse)
    assert not machine.can_write(tmp_path)


# Ports ------------------------------------------------------------------------------------------------------

@pytest.fixture
def taken_port():
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        yield server.getsockname()[1]


def test_taken_port_is_passed_over(taken_port):
    finding = machine.free_port(first=taken_port)
    assert finding.well
    assert re.fullmatch(rf"JupyterLab can use port \d+ \({taken_port} is taken, perhaps by another JupyterLab\)",
                        finding.what)
    assert f"port {taken_port} " not in finding.what


def test_no_free_port_is_a_fault(taken_port):
    assert str(machine.free_port(first=taken_port, count=1)) == (
        f"✗ no free port from {taken_port} to {taken_port}: close other JupyterLabs, or start this one with --port and "
        "another number")


def test_firewall_around_this_machine_is_a_fault(monkeypatch):
    def refuse(*_, **__):
        raise TimeoutError("timed out")
    monkeypatch.setattr(machine.socket, "create_connection", refuse)
    finding = machine.free_port()
    assert not finding.well and "(timed out)" in finding.what and "127.0.0.1" in finding.remedy


# JupyterLab and its widgets ---------------------------------------------------------------------------------

def set_versions(monkeypatch, **versions):
    """Pretend that packages are installed in other versions; None: not at all."""
    real = importlib.metadata.version

    def version(name):
        if versions.get(name, "") is None:
            raise importlib.metadata.PackageNotFoundError(name)
        return versions.get(name) or real(name)
    monkeypatch.setattr(importlib.metadata, "version", version)


@pytest.mark.skipif(importlib.metadata.version("ipywidgets").startswith("7."), reason="Colab has no JupyterLab")
def test_widgets_of_this_environment_fit():
    assert machine.matching_widgets().well, machine.matching_widgets()


@pytest.mark.parametrize("versions", [{"jupyterlab_widgets": "0.1"},
                                      {"ipywidgets": "7.7.1", "jupyterlab_widgets": "3.0.17"}])
def test_jupyterlabs_half_of_another_version_is_a_fault(versions, monkeypatch):
    set_versions(monkeypatch, **versions)
    finding = machine.matching_widgets()
    assert not finding.well and "do not fit: ipywidgets wants jupyterlab_widgets" in finding.what


@pytest.fixture
def newest_widgets(monkeypatch):
    set_versions(monkeypatch, ipywidgets="8.1.9", jupyterlab_widgets="3.0.17")


def test_missing_half_is_a_fault(monkeypatch):
    set_versions(monkeypatch, jupyterlab_widgets=None)
    assert "(jupyterlab_widgets is missing)" in str(machine.matching_widgets())


def test_half_that_jupyterlab_does_not_find_is_a_fault(newest_widgets, monkeypatch, tmp_path):
    monkeypatch.setattr("jupyter_core.paths.jupyter_path", lambda: [str(tmp_path)])
    assert "does not find its half" in str(machine.matching_widgets())


def test_older_copy_that_hides_the_half_is_a_fault(newest_widgets, monkeypatch, tmp_path):
    hiding = tmp_path / machine.WIDGETS_FOR_LAB
    hiding.parent.mkdir(parents=True)
    hiding.write_text(json.dumps({"version": "3.0.0"}))
    monkeypatch.setattr("jupyter_core.paths.jupyter_path", lambda: [str(tmp_path), f"{sys.prefix}/share/jupyter"])
    finding = machine.matching_widgets()
    assert not finding.well and f"another copy ({hiding.parent}) hides this one" in finding.what


# Packages and TensorFlow ------------------------------------------------------------------------------------

def test_packages_of_this_environment_are_well():
    (finding,) = doctor.packages()
    assert finding.well and f"numpy {importlib.metadata.version('numpy')}" in finding.what


def test_old_and_missing_packages_have_a_line_each(monkeypatch):
    set_versions(monkeypatch, keras="2.15.0", scipy=None, numpy="2.1.3")
    old, missing, good = map(str, doctor.packages())
    assert old.startswith("✗ keras 2.15.0, but the course needs >=3.13: ") and "pip install" in old
    assert missing.startswith("✗ scipy is not installed: ")
    assert "numpy 2.1.3 (tried with " in good and "keras" not in good


@pytest.mark.parametrize(("code", "stderr", "says"), [
    (1, "Traceback\nImportError: DLL load failed\n", "(ImportError: DLL load failed): run \"make lab\" again"),
    (1, "", "(no message)"), (-signal.SIGILL, "", "signal 4): this processor may be too old")])
def test_tensorflow_that_does_not_start_is_a_fault(code, stderr, says, monkeypatch):
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: SimpleNamespace(returncode=code, stderr=stderr))
    finding = doctor.tensorflow_starts()
    assert not finding.well and says in str(finding)


def test_without_a_package_the_doctor_still_looks_at_the_machine_and_says_what_comes_first(monkeypatch, capsys):
    set_versions(monkeypatch, tensorflow=None)
    monkeypatch.setattr(doctor, "tensorflow_starts", lambda: pytest.fail("there is no TensorFlow to start"))
    assert doctor.main() == 1
    said = capsys.readouterr().out
    assert "✗ tensorflow is not installed" in said and "GB of disk free" in said and "Mend this first" in said


def test_python_without_packages_gets_a_sentence_and_no_trace():
    code = "import sys; sys.modules['packaging.requirements'] = None; from tools import doctor; " \
           "print(*doctor.packages())"
    child = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert child.stdout.startswith("✗ the course's packages: they are not installed for ") and child.stderr == ""


# The kernel -------------------------------------------------------------------------------------------------

def test_kernel_of_this_environment_starts():
    assert doctor.kernel_starts().well, doctor.kernel_starts()


def test_kernel_that_does_not_start_is_a_fault(monkeypatch):
    def fail(*_, **__):
        raise RuntimeError("Kernel died before replying to kernel_info\nand more")
    monkeypatch.setattr("jupyter_client.manager.start_new_kernel", fail)
    assert "✗ a notebook kernel does not start (Kernel died before replying to kernel_info): pip" in str(
        doctor.kernel_starts())


def test_kernel_with_another_python_is_a_fault(monkeypatch):
    client = SimpleNamespace(stop_channels=lambda: None, execute_interactive=lambda code, timeout, output_hook:
                             output_hook({"content": {"text": "/opt/other\n"}}))
    manager = SimpleNamespace(shutdown_kernel=lambda now: None)
    monkeypatch.setattr("jupyter_client.manager.start_new_kernel", lambda *_, **__: (manager, client))
    finding = doctor.kernel_starts()
    assert not finding.well and "with another Python (/opt/other)" in finding.what
    assert "kernelspec" in finding.remedy


# Training steps and time ------------------------------------------------------------------------------------

@pytest.mark.parametrize("steps", [doctor.vae_steps, doctor.gan_steps])
def test_models_of_the_course_learn_and_are_timed(steps):
    finding, speed = steps(repeats=1)
    assert finding.well, finding
    assert 0.1 < speed < 2000


def test_model_that_does_not_learn_is_a_fault(monkeypatch):
    monkeypatch.setattr(doctor, "_fastest", lambda *_: (5.0, {"elbo": -500.0}))
    finding, _ = doctor.vae_steps()
    assert not finding.well and "to -500.0 nats" in finding.what


def test_step_that_raises_is_a_fault_and_no_trace():
    def fail():
        raise MemoryError("no room for it\nsecond line")
    finding, speed = doctor._safely("a step", fail)
    assert str(finding).startswith("✗ a step fails (MemoryError: no room for it): ") and speed is None


def test_every_lesson_of_the_readme_is_estimated():
    notebooks = {int(path.name[:2]) for path in (ROOT / "notebooks").glob("[0-9][0-9]_*.ipynb")}
    listed = set(doctor.lessons())
    assert notebooks <= listed
    numbers = [number for kind in doctor.REFERENCE for number in doctor.ALIKE[kind]]
    assert sorted(numbers) == list(range(13))


def test_machine_of_the_readme_gets_the_readmes_seconds():
    assert doctor.estimate(doctor.REFERENCE) == doctor.lessons()


def test_estimate_follows_the_measurement_that_a_lesson_is_like():
    times, usual = doctor.estimate({**doctor.REFERENCE, "VAE": 3 * doctor.REFERENCE["VAE"]}), doctor.lessons()
    assert times[6][1] == pytest.approx(3 * usual[6][1]) and times[8] == usual[8] and times[1] == usual[1]


@pytest.mark.parametrize(("factor", "well"), [(0.5, True), (1, True), (10, False)])
def test_too_slow_a_machine_is_a_fault(factor, well):
    finding = doctor.time_finding({kind: factor * speed for kind, speed in doctor.REFERENCE.items()})
    assert finding.well is well and f"{factor:.1f} times the README's seconds" in finding.what
    assert "Colab" in finding.remedy


@pytest.mark.parametrize(("seconds", "words"), [(9.6, "10 s"), (119, "119 s"), (120, "2 min"), (270, "4 min"),
                                                 (1500, "25 min")])
def test_time_in_words(seconds, words):
    assert doctor.in_words(seconds) == words


# The whole --------------------------------------------------------------------------------------------------

@pytest.fixture
def quick(monkeypatch):
    """Replace what takes seconds."""
    monkeypatch.setattr(doctor, "tensorflow_starts", lambda: Finding(True, "TensorFlow starts"))
    monkeypatch.setattr(doctor, "kernel_starts", lambda: Finding(True, "kernel"))
    monkeypatch.setattr(machine, "matching_widgets", lambda: Finding(True, "widgets"))
    monkeypatch.setattr(machine, "idle_processor", lambda: Finding(True, "processor"))
    for kind, name in (("VAE", "vae_steps"), ("GAN", "gan_steps")):
        monkeypatch.setattr(doctor, name, lambda kind=kind: (Finding(True, kind), doctor.REFERENCE[kind]))
    monkeypatch.setattr(doctor, "array_speed", lambda: doctor.REFERENCE["arrays"])
    monkeypatch.setattr("utils.runtime.memory_in_gigabytes", lambda: (8.0, 4.0))
    monkeypatch.setattr(machine, "memory_in_gigabytes", lambda: (8.0, 4.0))


def test_sound_machine_has_ticks_only_and_exit_code_0(quick, capsys):
    assert doctor.main() == 0
    said = capsys.readouterr().out
    assert "✗" not in said and "This machine is ready for the course" in said
    assert re.search(r"^ +6 Variational autoencoders +4 min$", said, re.MULTILINE)


def test_one_fault_gives_exit_code_1_and_the_rest_is_examined_all_the_same(quick, monkeypatch, capsys):
    monkeypatch.setattr(machine, "memory_in_gigabytes", lambda: (8.0, 1.0))
    assert doctor.main() == 1
    said = capsys.readouterr().out
    assert "✗ 1.0 GB of memory free now" in said and "1 thing to mend" in said and "times the README's seconds" in said


def test_damaged_files_are_named_and_no_training_is_tried_on_them(quick, course_files, monkeypatch, capsys):
    (course_files / "digits.npz").write_bytes(b"0123")
    monkeypatch.setattr(doctor, "vae_steps", lambda: pytest.fail("there are no images to train on"))
    assert doctor.main() == 1
    said = capsys.readouterr().out
    assert "✗ digits.npz: The course's file" in said and "No training step is tried" in said


def test_lines_of_lesson_0_are_part_of_the_examination(quick, capsys):
    from utils.lesson_00.doctor import machine_findings

    doctor.main()
    said = capsys.readouterr().out.splitlines()
    assert all(str(finding) in said for finding in machine_findings())
