"""Files that ship with the course: missing or damaged ones are named in a sentence, with what to do."""

import hashlib
import re

import pytest

from utils import assets
from utils.assets import CHECKSUMS, FOLDER, AssetError, asset, record_checksums, sha256


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder of assets of its own with one file, so that damage done to it harms nothing."""
    content = bytes(range(256)) * 40
    (tmp_path / "digits.npz").write_bytes(content)
    checksum = hashlib.sha256(content).hexdigest()
    (tmp_path / "SHA256SUMS").write_text(f"{checksum}  digits.npz\n", encoding="ascii")
    monkeypatch.setattr(assets, "FOLDER", tmp_path)
    monkeypatch.setattr(assets, "CHECKSUMS", tmp_path / "SHA256SUMS")
    return tmp_path


def test_intact_asset_is_found(folder):
    assert asset("digits.npz") == folder / "digits.npz"


def test_missing_asset_is_named_with_a_remedy(folder):
    (folder / "digits.npz").unlink()
    with pytest.raises(AssetError, match=r"utils/assets/digits\.npz is missing\. Fetch .*`git checkout"):
        asset("digits.npz")


def test_truncated_asset_is_named_with_its_size(folder):
    path = folder / "digits.npz"
    path.write_bytes(path.read_bytes()[:5_000])
    with pytest.raises(AssetError, match=r"utils/assets/digits\.npz is damaged: its 5,000 bytes .* Fetch"):
        asset("digits.npz")


def test_one_flipped_bit_is_noticed(folder):
    path = folder / "digits.npz"
    content = bytearray(path.read_bytes())
    content[1234] ^= 1
    path.write_bytes(content)
    with pytest.raises(AssetError, match="is damaged"):
        asset("digits.npz")


def test_unlisted_file_is_refused(folder):
    (folder / "stray.npz").write_bytes(b"stray")
    with pytest.raises(AssetError, match=r"stray\.npz has no checksum in utils/assets/SHA256SUMS"):
        asset("stray.npz")


def test_missing_list_of_checksums_is_named(folder):
    (folder / "SHA256SUMS").unlink()
    with pytest.raises(AssetError, match="SHA256SUMS"):
        asset("digits.npz")


def test_recorded_checksums_accept_the_files_of_the_folder(folder):
    (folder / "digits.npz").write_bytes(b"made anew")
    (folder / "weights.keras").write_bytes(b"also new")
    record_checksums()
    assert asset("digits.npz").name == "digits.npz"
    assert asset("weights.keras").name == "weights.keras"


def test_recorded_checksums_have_the_format_of_sha256sum(folder):
    record_checksums()
    assert re.fullmatch(r"[0-9a-f]{64}  digits\.npz\n", (folder / "SHA256SUMS").read_text(encoding="ascii"))


def test_every_shipped_asset_is_listed_and_intact():
    shipped = {path.name for path in FOLDER.iterdir() if path.suffix in {".npz", ".keras", ".h5", ".png"}}
    listed = dict(reversed(line.split()) for line in CHECKSUMS.read_text(encoding="ascii").splitlines())
    assert set(listed) == shipped
    assert {name: sha256(FOLDER / name) for name in shipped} == listed
