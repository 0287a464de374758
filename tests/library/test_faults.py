"""A full disk, a read-only folder, damaged files: the course goes on or says in a sentence what to do.

`make test-faults` has the faults that take minutes. A damaged backup is in test_training.py.
"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from test_training import EPOCHS, Act, begun_epochs, plain, train_tiny, weights

from utils import assets, plots, storage
from utils.assets import AssetError
from utils.data import load_mnist
from utils.evaluation import load_judge
from utils.exercises import remembering as record
from utils.training import load_weights, save_weights

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


# The disk is full -------------------------------------------------------------------------------------------

class Disk:
    """Stands for a disk that can be filled: no file may grow beyond a kilobyte."""

    def fill(self, model=None):
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, resource.RLIM_INFINITY))

    def empty(self):
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))


@pytest.fixture
def disk():
    if resource.getrlimit(resource.RLIMIT_FSIZE)[1] != resource.RLIM_INFINITY:
        pytest.skip("the size of files is limited here already")
    yield Disk()
    Disk().empty()


def test_disk_that_fills_up_in_mid_training_costs_the_backups_and_one_sentence(disk, folder, capsys):
    history = train_tiny(plain(), view=Act(1, disk.fill))
    assert len(history["loss"]) == EPOCHS
    assert capsys.readouterr().out == NOTE.format(folder)


def test_training_cut_off_after_the_disk_was_full_resumes_at_the_last_whole_backup(disk, capsys):
    def fill_then_stop(model):
        disk.fill()
        train_on.epochs_left -= 1
        if not train_on.epochs_left:
            raise KeyboardInterrupt

    class TrainOn(Act):
        def on_train_batch_end(self, batch, logs=None):
            if self.begun[-1] >= 1 and batch == 0:
                self.act(self.model)

    train_on = TrainOn(act=fill_then_stop)
    train_on.epochs_left = 2
    with pytest.raises(KeyboardInterrupt):  # in the third epoch; the second could not be kept
        train_tiny(plain(), view=train_on)
    disk.empty()
    capsys.readouterr()
    assert begun_epochs(plain()) == [1, 2]
    assert capsys.readouterr().out == "Resuming the interrupted training after epoch 1 of 3.\n"


def test_full_disk_leaves_the_weights_that_were_kept_before(disk, folder, capsys):
    kept, later = plain(seed=3), plain(seed=4)
    assert save_weights(kept, "tiny")
    disk.fill()
    assert not save_weights(later, "tiny")
    disk.empty()
    load_weights(later, "tiny")
    np.testing.assert_array_equal(weights(later), weights(kept))
    assert capsys.readouterr().out == NOTE.format(folder)


FULL_AND_LOCKED = """
import contextlib, io, json, os, sys
sys.path[:0] = ["tests", "."]
from test_training import plain, save_weights, storage, train_tiny
from utils.exercises import record

def use(folder):
    os.environ["COURSE_HOME"] = folder
    storage.say_once.cache_clear()
    with contextlib.redirect_stdout(io.StringIO()) as said:
        record.remember("0.1", "passed")
        epochs = len(train_tiny(plain())["loss"])
        kept = save_weights(plain(), "tiny")
    return [epochs, kept, record.recall(), said.getvalue()]

print(json.dumps([use(folder) for folder in sys.argv[1:]]))
"""
MOUNT = """
mount -t tmpfs -o size=64k tmpfs "$1" && mount -t tmpfs -o size=64k tmpfs "$2" && mount -o remount,ro "$2" || exit 77
cat /dev/zero > "$1/filled" 2> /dev/null
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
    done = subprocess.run([*namespace, "sh", "-c", MOUNT, "sh", *folders, sys.executable, FULL_AND_LOCKED], cwd=ROOT,
                          capture_output=True, text=True)
    if done.returncode == 77:
        pytest.skip(f"no file system can be mounted here: {done.stderr.strip()}")
    assert done.returncode == 0, done.stderr
    for each, (epochs, kept, states, said) in zip(folders, json.loads(done.stdout), strict=True):
        assert (epochs, kept, states) == (EPOCHS, False, {"0.1": "passed"})
        assert said == NOTE.format(each)


def test_file_where_the_folder_should_be_costs_the_progress_and_one_sentence(folder, capsys):
    folder.write_text("not a folder")
    record.remember("0.1", "tried")
    record.remember("0.1", "passed")
    assert record.recall() == {"0.1": "passed"}
    assert capsys.readouterr().out == NOTE.format(folder)


# The files of the course are damaged ------------------------------------------------------------------------

USES = {"mnist.npz": load_mnist, "judge.keras": load_judge.__wrapped__}  # the judge is kept once it is loaded


def cut_off_file(path):
    content = path.read_bytes()
    path.unlink()  # it is a link to the real one
    path.write_bytes(content[:len(content) // 2])


def flip_a_byte(path):
    content = bytearray(path.read_bytes())
    path.unlink()
    content[len(content) // 2] ^= 0xFF
    path.write_bytes(content)


def replace_by_an_empty_file(path):
    path.unlink()
    path.touch()


DAMAGES = {"cut off": (cut_off_file, "is damaged: its "), "a byte flipped": (flip_a_byte, "is damaged: its "),
           "emptied": (replace_by_an_empty_file, "is damaged: its "), "deleted": (os.unlink, "is missing")}


@pytest.fixture
def links(tmp_path, monkeypatch):
    """A folder of links to the shipped assets, which the course takes for its own."""
    place = tmp_path / "assets"
    place.mkdir()
    for path in assets.FOLDER.iterdir():
        if path.suffix in {".npz", ".keras", ".png"} or path == assets.CHECKSUMS:
            (place / path.name).symlink_to(path)
    monkeypatch.setattr(assets, "FOLDER", place)
    monkeypatch.setattr(assets, "CHECKSUMS", place / assets.CHECKSUMS.name)
    return place


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("name", sorted(path.name for path in assets.FOLDER.iterdir()
                                        if path.suffix in {".npz", ".keras", ".png"}))
def test_damaged_file_of_the_course_is_named_with_what_to_do(name, damage, links):
    act, words = DAMAGES[damage]
    use = USES.get(name, lambda: plots.asset(name))
    use()  # whole, it is good
    act(links / name)
    with pytest.raises(AssetError) as caught:
        use()
    said = str(caught.value)
    assert said.startswith(f"The course's file utils/assets/{name} {words}")
    assert said.endswith(f"Fetch the course's files again (`git checkout -- utils/assets/{name}`, or a new clone).")


def write_bytes_that_are_no_text(path):
    path.unlink()
    path.write_bytes(b"\xff\xfe")


@pytest.mark.parametrize("damage", [cut_off_file, replace_by_an_empty_file, write_bytes_that_are_no_text, os.unlink])
def test_damaged_list_of_checksums_is_named_with_what_to_do(damage, links):
    damage(links / "SHA256SUMS")
    with pytest.raises(AssetError, match=r"SHA256SUMS( is (damaged|missing))?\. Fetch .*-- utils/assets/SHA256SUMS`"):
        plots.asset("vae_plane.png")
