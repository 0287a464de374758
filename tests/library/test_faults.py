"""A full disk, a read-only folder: the course goes on and says in one sentence what is not kept.

`course.py test --faults` has the faults that take minutes. A damaged backup is in test_training.py, a damaged file of
the course in test_assets.py.
"""

import contextlib
import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.library.test_training import EPOCHS, Act, begun_epochs, interrupt, plain, resumed_after, train_tiny
from utils import storage

resource = pytest.importorskip("resource", reason="Windows has no limits on the size of files")
ROOT = Path(__file__).parents[2]
NOTE = "Note: the folder {} cannot be written, so progress and training backups are not kept. All else works; " \
       "set COURSE_HOME to another folder to keep them.\n"


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """A course folder of its own, and a kernel that has not said anything yet."""
    monkeypatch.setenv("COURSE_HOME", str(tmp_path / "course"))
    storage.say_once.cache_clear()
    return tmp_path / "course"


def limit(size):
    """Stands for a disk that is full, or is not: no file of this process may grow beyond so many bytes."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))


@contextlib.contextmanager
def disk_to_fill():
    """Yield a callback that fills the disk, which has room again at the end of the block.

    Not at the end of the test: pytest writes the result before it, and its standard output may be a file as well.
    """
    if resource.getrlimit(resource.RLIMIT_FSIZE)[1] != resource.RLIM_INFINITY:
        pytest.skip("the size of files is limited here already")
    try:
        yield lambda model=None: limit(1000)
    finally:
        limit(resource.RLIM_INFINITY)


def test_disk_that_fills_up_in_mid_training_costs_the_backups_and_one_sentence(folder, capsys):
    with disk_to_fill() as fill_disk:
        history = train_tiny(plain(), view=Act(1, fill_disk))
    assert len(history["loss"]) == EPOCHS
    assert capsys.readouterr().out == NOTE.format(folder)


def test_training_cut_off_after_the_disk_was_full_resumes_at_the_last_whole_backup(capsys):
    class FillThenStop(Act):
        def on_train_batch_end(self, batch, logs=None):
            [lambda: None, fill_disk, interrupt][self.begun[-1]]()

    with disk_to_fill() as fill_disk, pytest.raises(KeyboardInterrupt):  # in the third epoch; the second was not kept
        train_tiny(plain(), view=FillThenStop())
    capsys.readouterr()
    assert begun_epochs(plain()) == [1, 2]
    assert capsys.readouterr().out == resumed_after(1)


USE_BOTH = """
import contextlib, io, json, os, sys
sys.path.insert(0, ".")
from tests.library.test_training import plain, storage, train_tiny
from utils.exercises import remembering

def use(folder):
    os.environ["COURSE_HOME"] = folder
    storage.say_once.cache_clear()
    with contextlib.redirect_stdout(io.StringIO()) as said:
        remembering.remember("0.1", "passed")
        epochs = len(train_tiny(plain())["loss"])
    return [epochs, remembering.recall(), said.getvalue()]

print(json.dumps([use(folder) for folder in sys.argv[1:]]))
"""
MOUNT = """
mount -t tmpfs -o size=64k tmpfs "$1" && mount -t tmpfs -o size=64k tmpfs "$2" && mount -o remount,ro "$2" || exit 77
head -c 49152 /dev/zero > "$1/filled"  # room for the curves, but not for weights: where HDF5 ends the kernel
python="$3"; script="$4"; exec "$python" -c "$script" "$1" "$2"
"""


def test_full_and_read_only_disks_cost_the_backups_and_one_sentence(tmp_path):
    """Real ones: each is a file system in memory that only the process below sees."""
    folders = tmp_path / "full", tmp_path / "read-only"
    for each in folders:
        each.mkdir()
    namespace = ["unshare", "--map-root-user", "--mount"]
    if not shutil.which("unshare") or subprocess.run([*namespace, "true"], capture_output=True).returncode:
        pytest.skip("a file system of its own needs Linux and the right to make a namespace")
    done = subprocess.run([*namespace, "sh", "-c", MOUNT, "sh", *folders, sys.executable, USE_BOTH], cwd=ROOT,
                          capture_output=True, text=True)
    if done.returncode == 77:
        pytest.skip(f"no file system can be mounted here: {done.stderr.strip()}")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == [[EPOCHS, {"0.1": "passed"}, NOTE.format(each)] for each in folders]
