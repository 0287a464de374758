"""Every notebook twice without a network, and one eight times at once. Another: course.py test --faults --lesson 06."""

import contextlib
import difflib
import json
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

import psutil
import pytest

from tests.benchmarks.tables import print_table
from tools.lessons import ROOT
from tools.measure_notebook import Measured, kernels_of

KERNELS, MOST_MEGABYTES = 8, 2000
MEASURED = re.compile(r"\d[\d.,]* ?(µs|ms|s|seconds|minutes|min|times|MB)\b")  # of the machine: two runs may differ

LOOPBACK_UP = """
import fcntl, os, socket, struct, sys
with socket.socket() as any_socket:  # a new network has a loopback device, but it is switched off
    fcntl.ioctl(any_socket, 0x8914, struct.pack("16sh14x", b"lo", 0x1 | 0x40))  # SIOCSIFFLAGS: IFF_UP, IFF_RUNNING
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
    try:
        any_socket.connect(("192.0.2.1", 9))  # an address that is kept for documentation; nothing is sent
        sys.exit("the network is not cut off")
    except OSError:
        os.execv(sys.argv[1], sys.argv[1:])
"""


def start(path, home=None, wrapper=()):
    """Measure a notebook in another process; return it and the files for its result and its complaints."""
    arguments = json.dumps([str(path), home and str(home)])
    files = tempfile.TemporaryFile("w+"), tempfile.TemporaryFile("w+")  # a pipe would fill up, and it would wait
    command = [*wrapper, sys.executable, "-m", "tools.measure_notebook", "--json", arguments]
    return subprocess.Popen(command, cwd=ROOT, stdout=files[0], stderr=files[1]), *files


def finish(process, result, complaints):
    """Return the `Measured` of a process that `start` has started."""
    code = process.wait()
    result.seek(0)
    complaints.seek(0)
    assert code == 0, complaints.read()
    return Measured(*json.load(result))


def test_notebook_needs_no_network_and_prints_the_same_twice(notebook_path):
    namespace = ["unshare", "--map-root-user", "--net"]
    if not shutil.which("unshare") or subprocess.run([*namespace, "true"], capture_output=True).returncode:
        pytest.skip("to cut the network for one process needs Linux and the right to make a namespace")
    runs = [start(notebook_path, wrapper=[*namespace, sys.executable, "-c", LOOPBACK_UP]) for _ in range(2)]
    results = [finish(*run) for run in runs]
    peak = max(result.peak_megabytes for result in results)
    print(f"\n{notebook_path.name} without a network, two at once: {max(result.seconds for result in results):.0f} s, "
          f"{results[0].cpu_seconds:.0f} and {results[1].cpu_seconds:.0f} processor s, at most {peak:.0f} MB")
    assert differences(*results) == ""


def test_eight_kernels_at_once_share_one_folder_and_the_memory(crowded_path, tmp_path):
    """As when eight tabs, or eight learners with one account, run the same lesson: none may disturb another."""
    processes, most, samples = [start(crowded_path, home=tmp_path) for _ in range(KERNELS)], 0, 0
    while any(process.poll() is None for process, *_ in processes):
        together = 0
        for kernel in kernels_of():
            with contextlib.suppress(psutil.Error, AttributeError):  # it has ended; or this is no Linux
                together += kernel.memory_full_info().pss / 2**20
        most, samples = max(most, together), samples + 1
        time.sleep(1)
    results = [finish(*each) for each in processes]
    rows = {f"kernel {place}": result[:4] for place, result in enumerate(results, start=1)}
    rows["mean"] = map(statistics.mean, zip(*rows.values()))
    print_table(f"{crowded_path.name}, {KERNELS} kernels at once, all they hold together: {most:.0f} MB at most (PSS, "
                f"{samples} samples)", ["seconds", "processor s", "peak MB", "PSS MB, end"], rows)
    assert max(result.peak_megabytes for result in results) <= MOST_MEGABYTES
    for result in results[1:]:
        assert differences(results[0], result) == ""


def differences(one, other):
    """Return the lines in which the texts of two runs differ, times and memory apart; an empty string if none does."""
    texts = [MEASURED.sub(r"… \1", "\n".join(result.texts)).splitlines() for result in (one, other)]
    return "\n".join(difflib.unified_diff(*texts, "one run", "another", lineterm="", n=0))
