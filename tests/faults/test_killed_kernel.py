"""A kernel that is killed while lesson 6 trains its VAE, as Colab or a full memory does, and the one that goes on."""

import contextlib
import json
import os
import re
import signal
import subprocess
import time

import nbformat
import pytest
from jupyter_client.manager import start_new_kernel

from tools.measure_notebook import notebooks

TOLERANCE = 2.0  # nats; three whole trainings with other seeds ended 1.6 nats apart
LONGEST = 500  # seconds that one kernel may take


class Kernel:
    """A kernel that runs the lesson's cells one after the other and keeps what they print."""

    def __init__(self, home):
        environment = os.environ | {"COURSE_HOME": str(home), "IPYTHONDIR": str(home / "ipython")}
        self.manager, self.client = start_new_kernel(60, "python3", env=environment, cwd=notebooks("06")[0].parent,
                                                     stderr=subprocess.DEVNULL)
        self.pid = self.manager.provisioner.process.pid

    def run(self, source):
        """Run a cell; return what it printed. Fails where the cell fails."""
        said = []
        reply = self.client.execute_interactive(source, timeout=LONGEST, output_hook=lambda message: said.append(
            message["content"].get("text", "") if message["msg_type"] == "stream" else ""))
        assert reply["content"]["status"] == "ok", reply["content"]
        return "".join(said)

    def stop(self):
        self.client.stop_channels()
        self.manager.shutdown_kernel(now=True)


@pytest.fixture
def start_kernel(tmp_path, lesson):
    """Return a function that starts a kernel and runs the cells that the training needs."""
    with contextlib.ExitStack() as kernels:
        def start():
            kernel = Kernel(tmp_path)
            kernels.callback(kernel.stop)
            for source in lesson[0]:
                kernel.run(source)
            return kernel

        yield start


@pytest.fixture(scope="module")
def lesson():
    """The code of lesson 6: the cells that the training needs, the training, and the cell that scores it."""
    cells = [cell for cell in nbformat.read(notebooks("06")[0], as_version=4).cells if cell.cell_type == "code"]
    [place] = [number for number, cell in enumerate(cells) if re.search(r"^history = train\(", cell.source, re.M)]
    before, training, scoring = cells[:place], cells[place], cells[place + 1]
    return [cell.source for cell in before], training.source, scoring.source, elbo(scoring.outputs[0].text)


def elbo(said):
    [bound] = re.findall(r"✓ test ELBO: (-[\d.]+) nats", said)
    return float(bound)


def wait_for_backups(home, count):
    """Return as soon as a training has kept the history of so many epochs and Keras' backup of them."""
    deadline = time.monotonic() + LONGEST
    while time.monotonic() < deadline:
        time.sleep(0.05)
        with contextlib.suppress(OSError, ValueError):  # not there yet, or half written
            [folder] = (home / "training").iterdir()
            state = json.loads((folder / "backup" / "training_metadata.json").read_text())
            if state["epoch"] >= count and json.loads((folder / "history.json").read_text()):
                return
    raise TimeoutError("no backup appeared")


def test_new_kernel_goes_on_where_a_killed_one_was_and_ends_as_good(lesson, tmp_path, start_kernel):
    _, training, scoring, stored = lesson
    first = start_kernel()
    first.client.execute(training)
    wait_for_backups(tmp_path, 3)
    os.kill(first.pid, signal.SIGKILL)
    while first.manager.provisioner.process.poll() is None:
        time.sleep(0.01)
    [folder] = (tmp_path / "training").iterdir()
    kept = json.loads((folder / "history.json").read_text())

    second = start_kernel()
    said = second.run(training)
    [done, whole] = map(int, re.findall(r"Resuming the interrupted training after epoch (\d+) of (\d+)\.", said)[0])
    assert 3 <= done <= len(kept) < whole
    history = json.loads(second.run("import json; print(json.dumps(history))"))
    assert {len(values) for values in history.values()} == {whole}
    for name, values in history.items():
        assert values[:done] == [epoch[name] for epoch in kept[:done]]
    bound = elbo(second.run(scoring))
    print(f"\nkilled after epoch {done} of {whole}; test ELBO {bound:.1f} nats, uninterrupted {stored:.1f} nats")
    assert abs(bound - stored) <= TOLERANCE
    assert list((tmp_path / "training").iterdir()) == []
