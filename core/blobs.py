"""Bytes by key. A key is a relative path of plain names that we made ourselves, never a caller's file name.

A blob is whole or absent: written beside its place, flushed to disk, renamed.
"""

import hashlib
import os
import re
import shutil
import uuid
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, Protocol

from core.disk import flush_folder, room
from core.errors import BlobMissing, BlobUnreadable, InputError, TooLarge
from core.growing import GrowingFiles

_KEY = re.compile(r"^[A-Za-z0-9][A-Za-z0-9._-]*(/[A-Za-z0-9][A-Za-z0-9._-]*)*$")


class Arrived(Protocol):
    """An upload whose bytes are here, to `commit` under a key or to `discard`."""

    size: int

    @property
    def sha256(self) -> str: ...
    def commit(self, key: str) -> None: ...
    def discard(self) -> None: ...


class Incoming(Arrived, Protocol):
    """An upload on its way in: a writable file that counts and hashes. `seal`, before a commit that must be quick,
    brings the bytes to the disk. A second commit does nothing."""

    def write(self, data: bytes) -> int: ...
    def seal(self) -> None: ...


class Blobs(Protocol):
    def receive(self, limit: int) -> Incoming: ...
    def put(self, key: str, chunks: Iterable[bytes]) -> int: ...
    def exists(self, key: str) -> bool: ...
    def read_range(self, key: str, start: int, length: int) -> bytes: ...
    def path(self, key: str) -> AbstractContextManager[Path]: ...
    def delete(self, key: str) -> None: ...
    def delete_prefix(self, prefix: str) -> None: ...
    def aged(self, prefix: str, seconds: float) -> Iterator[uuid.UUID]: ...


class LocalIncoming:
    """Raises TooLarge from `write` past the limit, Unavailable when the disk is full."""

    def __init__(self, folder: "LocalBlobs", limit: int) -> None:
        self._blobs, self._limit, self.size = folder, limit, 0
        self._hash = hashlib.sha256()
        self._path = folder.scratch()
        self._file: BinaryIO = self._path.open("wb")
        self._placed = False

    @property
    def sha256(self) -> str:
        return self._hash.hexdigest()

    def write(self, data: bytes) -> int:
        self.size += len(data)
        if self.size > self._limit:
            self.discard()
            raise TooLarge(f"the upload is larger than this server's limit of {self._limit} bytes; send a smaller file")
        self._hash.update(data)
        with room():
            return self._file.write(data)

    def seal(self) -> None:
        if not self._file.closed:
            with room():
                self._file.flush()
                os.fsync(self._file.fileno())
            self._file.close()

    def commit(self, key: str) -> None:
        self.seal()
        if not self._placed:
            self._blobs.place(self._path, key)
            self._placed = True

    def discard(self) -> None:
        with suppress(OSError):  # closing writes what is still held, for which a full disk has no room
            self._file.close()
        self._path.unlink(missing_ok=True)


class LocalBlobs:
    """A folder of this machine, or one that all machines mount."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._incoming = root / ".incoming"
        self.growing = GrowingFiles(self)

    def receive(self, limit: int) -> LocalIncoming:
        return LocalIncoming(self, limit)

    def scratch(self) -> Path:
        self._incoming.mkdir(parents=True, exist_ok=True, mode=0o700)
        return self._incoming / uuid.uuid4().hex

    def place(self, written: Path, key: str) -> None:
        target = self.at(key)
        target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        written.replace(target)
        flush_folder(target.parent)

    def put(self, key: str, chunks: Iterable[bytes]) -> int:
        """Replaces what is there. Returns the size in bytes."""
        scratch, size = self.scratch(), 0
        try:
            with room(), scratch.open("wb") as out:
                for chunk in chunks:
                    size += out.write(chunk)
                out.flush()
                os.fsync(out.fileno())
            self.place(scratch, key)
        finally:
            scratch.unlink(missing_ok=True)
        return size

    def exists(self, key: str) -> bool:
        return self.at(key).is_file()

    def read_range(self, key: str, start: int, length: int) -> bytes:
        """At most `length` bytes from `start`. Raises BlobMissing, BlobUnreadable."""
        try:
            with self.at(key).open("rb") as stored:
                stored.seek(start)
                return stored.read(length)
        except FileNotFoundError as error:
            raise BlobMissing(f"{key} is missing from storage; was it removed by hand?") from error
        except OSError as error:
            raise BlobUnreadable(f"{key} cannot be read from storage ({error.strerror}); is its disk well?") from error

    @contextmanager
    def path(self, key: str) -> Iterator[Path]:
        """A local file to hand to a child process. Raises BlobMissing, BlobUnreadable, also where the reader blames
        the file for what storage did."""
        self.read_range(key, 0, 1)
        try:
            yield self.at(key)
        except (InputError, OSError):
            self.read_range(key, 0, 1)
            raise

    def delete(self, key: str) -> None:
        self.at(key).unlink(missing_ok=True)

    def delete_prefix(self, prefix: str) -> None:
        shutil.rmtree(self.at(prefix), ignore_errors=True)

    def aged(self, prefix: str, seconds: float) -> Iterator[uuid.UUID]:
        """Ids right under the prefix that did not change for so long, by the clock of the disk itself. Other names are
        none of ours."""
        for name in self._aged(self.at(prefix), seconds):
            with suppress(ValueError):
                yield uuid.UUID(name)

    def _aged(self, folder: Path, seconds: float) -> Iterator[str]:
        probe = self.scratch()
        probe.touch()
        before = probe.stat().st_mtime - seconds
        probe.unlink()
        for entry in os.scandir(folder) if folder.is_dir() else ():
            with suppress(FileNotFoundError):
                if entry.stat(follow_symlinks=False).st_mtime <= before:
                    yield entry.name

    def forget_unfinished(self, seconds: float) -> int:
        """Removes uploads and parts that were never placed and have not grown for so long."""
        names = list(self._aged(self._incoming, seconds))
        for name in names:
            (self._incoming / name).unlink(missing_ok=True)
        return len(names)

    def room(self) -> tuple[int, int]:
        """Free bytes of the disk, and all."""
        self._root.mkdir(parents=True, exist_ok=True, mode=0o700)
        usage = shutil.disk_usage(self._root)
        return usage.free, usage.total

    def at(self, key: str) -> Path:
        """Where its file is, or will be."""
        if not _KEY.match(key):
            raise ValueError(f"not a blob key: {key!r}")
        return self._root / key
