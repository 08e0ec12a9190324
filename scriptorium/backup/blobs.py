"""The recordings' bytes, copied and listed.

The list is what `sha256sum --check` reads, so that a backup can be looked after without this program.
"""

import hashlib
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from core.disk import flush_folder
from scriptorium.reach import Refused

FOLDER = "blobs"
LIST = "blobs.sha256"
KEPT = ("api-key", "installation-key")
"""Of `scriptorium.data_folder.DataFolder`."""
CALIBRATIONS = "calibrations"
_BLOCK = 2**20


@dataclass(frozen=True)
class Blob:
    """`key`: its path below the folder."""

    key: str
    bytes: int
    sha256: str


def keys(folder: Path) -> Iterator[str]:
    """Of all whole blobs; half-written uploads lie in a folder whose name begins with a dot."""
    for where, inner, names in os.walk(folder, onerror=_unless_gone):
        inner[:] = sorted(name for name in inner if _plain(name))
        for name in filter(_plain, names):
            yield (Path(where) / name).relative_to(folder).as_posix()


def _unless_gone(error: OSError) -> None:
    """A folder may be deleted at any moment; one that cannot be read must not be missing without a word."""
    if not isinstance(error, FileNotFoundError):
        raise error


def _plain(name: str) -> bool:
    """As the product names its blobs; no other name is ever followed, above all not `..`."""
    return bool(name) and name[0] != "." and name.isprintable() and "\\" not in name


def copy_all(source: Path, target: Path) -> list[Blob]:
    """All there are, flushed to disk. What is deleted meanwhile is left out, what comes meanwhile may be in it.

    Looked through twice: a file that is replaced by one of the same name while its folder is read can be missed.
    """
    copied: dict[str, Blob] = {}
    for _ in range(2):
        for key in [key for key in keys(source) if key not in copied]:
            try:
                copied[key] = copy(key, source, target)
            except FileNotFoundError:
                continue  # deleted since the folder was read
    flush_folders(target)
    return sorted(copied.values(), key=lambda blob: blob.key)


def copy(key: str, source: Path, target: Path) -> Blob:
    """Raises FileNotFoundError. The new file takes no old one's bytes: it is made, never written over."""
    digest, size, place = hashlib.sha256(), 0, target / key
    with (source / key).open("rb") as opened:
        place.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        place.unlink(missing_ok=True)
        with open(place, "xb", opener=_private) as written:
            while block := opened.read(_BLOCK):
                digest.update(block)
                size += written.write(block)
            flush(written)
    return Blob(key, size, digest.hexdigest())


def copy_kept(source: Path, target: Path) -> None:
    """What else a data folder keeps and a person could not make again: keys, and the calibrations of its models."""
    calibrations = [f"{CALIBRATIONS}/{name}" for name in keys(source / CALIBRATIONS)]
    for key in [*(name for name in KEPT if (source / name).exists()), *calibrations]:
        copy(key, source, target)


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def write_list(folder: Path, blobs: Iterable[Blob]) -> None:
    with (folder / LIST).open("w") as written:
        written.writelines(f"{blob.sha256}  {FOLDER}/{blob.key}\n" for blob in blobs)
        flush(written)


def listed(folder: Path) -> list[tuple[str, str]]:
    """(key, sha256) of each. Raises Refused when a line is none of ours."""
    return [_entry(line) for line in (folder / LIST).read_text().splitlines()]


def _entry(line: str) -> tuple[str, str]:
    sha256, _, path = line.partition("  ")
    first, _, key = path.partition("/")
    if first != FOLDER or not all(map(_plain, key.split("/"))):
        raise Refused(f"{LIST} names {path!r}, which no backup holds; take another backup")
    return key, sha256


def flush(written: IO[str] | IO[bytes]) -> None:
    """To the disk, not only to the system."""
    written.flush()
    os.fsync(written.fileno())


def flush_folders(top: Path) -> None:
    """The names in it and below it."""
    for where, _, _ in os.walk(top):
        flush_folder(Path(where))
