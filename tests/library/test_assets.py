"""Files that ship with the course: missing or damaged ones are named in a sentence, with what to do."""

import os
import re
import shutil
import subprocess

import pytest

from utils import assets, plots
from utils.assets import CHECKSUMS, FOLDER, AssetError, asset, record_checksums, sha256
from utils.data import load_mnist
from utils.evaluation import load_judge
from utils.lesson_09.study import six_changes
from utils.lesson_13.study import four_models

SHIPPED = sorted(path.name for path in FOLDER.iterdir() if path.suffix in {".npz", ".keras", ".json", ".png"})
USES = {"mnist.npz": load_mnist, "judge.keras": load_judge.__wrapped__,  # the judge is kept once it is loaded
        "six_changes.json": six_changes, "four_models.json": four_models}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A copy of the shipped files, which the course takes for its own."""
    for name in [*SHIPPED, CHECKSUMS.name]:
        shutil.copy(FOLDER / name, tmp_path)
    monkeypatch.setattr(assets, "FOLDER", tmp_path)
    monkeypatch.setattr(assets, "CHECKSUMS", tmp_path / CHECKSUMS.name)
    return tmp_path


def test_git_leaves_the_ends_of_lines_as_they_are(tmp_path):
    """On Windows git usually changes them, and then no checksum of a text would fit."""
    (tmp_path / "utils").mkdir()
    shutil.copytree(FOLDER, tmp_path / "utils" / "assets", ignore=shutil.ignore_patterns("__pycache__"))
    if (attributes := FOLDER.parents[1] / ".gitattributes").exists():
        shutil.copy(attributes, tmp_path)
    for command in ("init", "add --all", "rm -r -q --cached utils", "add --all",
                    "-c user.name=a -c user.email=a@b commit --message=All", "rm -r -q utils", "reset --hard"):
        subprocess.run(["git", "-c", "core.autocrlf=true", *command.split()], cwd=tmp_path, check=True,
                       capture_output=True)
    assert [name for name in SHIPPED if sha256(tmp_path / "utils" / "assets" / name) != sha256(FOLDER / name)] == []


def cut_off(path):
    path.write_bytes(path.read_bytes()[:path.stat().st_size // 2])


def flip_a_bit(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def write(content):
    return lambda path: path.write_bytes(content)


@pytest.mark.parametrize(("damage", "words"), [
    (cut_off, "is damaged: its [0-9,]+ bytes are not those that were shipped"), (flip_a_bit, "is damaged: its "),
    (write(b""), "is damaged: its 0 bytes"), (os.unlink, "is missing")])
@pytest.mark.parametrize("name", SHIPPED)
def test_damaged_file_is_named_with_what_to_do(name, damage, words, folder):
    use = USES.get(name, lambda: plots.asset(name))
    use()  # whole, it is good
    damage(folder / name)
    with pytest.raises(AssetError) as caught:
        use()
    assert re.match(f"The course's file utils/assets/{re.escape(name)} {words}", str(caught.value))
    assert str(caught.value).endswith(
        f"Fetch the course's files again (`git checkout -- utils/assets/{name}`, or a new clone).")


@pytest.mark.parametrize("damage", [cut_off, os.unlink, write(b""), write(b"\xff\xfe")])
def test_damaged_list_of_checksums_is_named_with_what_to_do(damage, folder):
    damage(folder / "SHA256SUMS")
    with pytest.raises(AssetError, match=r"SHA256SUMS( is (damaged|missing))?\. Fetch .*-- utils/assets/SHA256SUMS`"):
        asset("vae_plane.png")


def test_unlisted_file_is_refused(folder):
    (folder / "stray.npz").write_bytes(b"stray")
    with pytest.raises(AssetError, match=r"stray\.npz has no checksum in utils/assets/SHA256SUMS"):
        asset("stray.npz")


def test_recorded_checksums_accept_the_files_of_the_folder_in_the_format_of_sha256sum(folder):
    (folder / "mnist.npz").write_bytes(b"made anew")
    (folder / "weights.keras").write_bytes(b"also new")
    record_checksums()
    assert asset("mnist.npz") == folder / "mnist.npz" and asset("weights.keras") == folder / "weights.keras"
    lines = (folder / "SHA256SUMS").read_text(encoding="ascii").splitlines()
    assert len(lines) == len(SHIPPED) + 1 and all(re.fullmatch(r"[0-9a-f]{64}  [\w.]+", line) for line in lines)


def test_every_shipped_file_is_listed_and_intact():
    listed = dict(reversed(line.split()) for line in CHECKSUMS.read_text(encoding="ascii").splitlines())
    assert {name: sha256(FOLDER / name) for name in SHIPPED} == listed
