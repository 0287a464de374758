"""Files that travel with the course. Each is compared with its checksum before it is used."""

import hashlib
from pathlib import Path

FOLDER = Path(__file__).parent
CHECKSUMS = FOLDER / "SHA256SUMS"


class AssetError(RuntimeError):
    """A file of the course is missing or damaged; the message says which, and what to do."""


def asset(name):
    """Return the path of the file `name` in this folder, after comparing it with its checksum.

    Raises:
        AssetError: if the file is missing, damaged, or not listed in SHA256SUMS.
    """
    remedy = f"Fetch the course's files again (`git checkout -- utils/assets/{name}`, or a new clone)."
    remedy_of_list = remedy.replace(name, CHECKSUMS.name)
    path = FOLDER / name
    if not path.is_file():
        raise AssetError(f"The course's file utils/assets/{name} is missing. {remedy}")
    if not CHECKSUMS.is_file():
        raise AssetError(f"The list of checksums utils/assets/SHA256SUMS is missing. {remedy_of_list}")
    try:
        recorded = dict(reversed(line.split()) for line in CHECKSUMS.read_text(encoding="ascii").splitlines())
    except ValueError:  # half a line, or bytes that are no text
        raise AssetError(f"The list of checksums utils/assets/SHA256SUMS is damaged. {remedy_of_list}") from None
    if name not in recorded:
        raise AssetError(f"utils/assets/{name} has no checksum in utils/assets/SHA256SUMS. {remedy_of_list}")
    if sha256(path) != recorded[name]:
        size = path.stat().st_size
        raise AssetError(f"The course's file utils/assets/{name} is damaged: its {size:,} bytes are not those "
                         f"that were shipped (the SHA-256 checksum differs). {remedy}")
    return path


def sha256(path):
    """Return the SHA-256 checksum of a file as 64 hexadecimal digits."""
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()


def record_checksums():
    """Write SHA256SUMS anew for every data file in this folder. For the commands that make assets."""
    files = sorted(path for path in FOLDER.iterdir() if path.suffix in {".npz", ".keras", ".json", ".png"})
    CHECKSUMS.write_text("".join(f"{sha256(path)}  {path.name}\n" for path in files), encoding="ascii")
