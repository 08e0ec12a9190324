"""The bytes of an upload that comes in pieces: one file, which grows in place until it is whole.

Assumed: the folder is on a file system whose `flock` holds on every machine that mounts it (a local disk, NFS since
Linux 2.6.12). The system drops the lock with the process that held it. A store without locks, such as S3, would keep
each piece under a key of its own instead, and join them at the end; what `core.uploads` asks for would stay as it is.
"""

import errno
import fcntl
import hashlib
import os
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.disk import flush_folder, room
from core.errors import BlobMissing, BlobUnreadable, Unavailable

if TYPE_CHECKING:
    from core.blobs import LocalBlobs

LOCK_PATIENCE = 10.0
"""Seconds. A lock is held for one write and flush, never while bytes are waited for."""
_LOCK_TICK = 0.02
_READ = 2**20
_HASHES = 1000
"""Uploads of which a process keeps the hash so far; each takes less than a kilobyte."""
_NO_LINKS = frozenset({errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EMLINK, errno.ENOSYS})


class Held:
    """The file, while nobody else writes to it."""

    def __init__(self, key: str, descriptor: int) -> None:
        self._key, self._descriptor = key, descriptor

    def write(self, offset: int, data: bytes | bytearray) -> None:
        """At `offset`, and nothing after it: what lies there was never acknowledged, and may be of a writer that died.
        Raises BlobMissing where bytes before it are gone, Unavailable when the disk is full."""
        size = os.fstat(self._descriptor).st_size
        if size < offset:
            raise BlobMissing(f"{self._key} holds {size} bytes of {offset} that were stored; was it changed by hand?")
        with room():
            if size > offset:
                os.ftruncate(self._descriptor, offset)
            view = memoryview(data)
            while view:
                written = os.pwrite(self._descriptor, view, offset)
                offset, view = offset + written, view[written:]

    def flush(self) -> None:
        """To the disk: only then may anybody be told of the bytes."""
        with room():
            os.fsync(self._descriptor)


class GrowingFiles:
    """`link` gives a file a second name."""

    def __init__(self, blobs: "LocalBlobs", link: Callable[[Path, Path], None] = os.link) -> None:
        self._blobs, self._link = blobs, link
        self._hashes: OrderedDict[str, tuple[int, Any]] = OrderedDict()
        self._guard = threading.Lock()

    def begin(self, key: str) -> None:
        """Makes the file, empty."""
        self._blobs.put(key, ())

    def size(self, key: str) -> int:
        """In bytes, acknowledged or not. Raises BlobMissing."""
        with _found(key):
            return self._blobs.at(key).stat().st_size

    @contextmanager
    def held(self, key: str) -> Iterator[Held]:
        """Raises BlobMissing; Unavailable where another process holds on to the file for long."""
        with _found(key):
            descriptor = os.open(self._blobs.at(key), os.O_RDWR)
        try:
            _lock(descriptor)
            yield Held(key, descriptor)
        finally:
            os.close(descriptor)

    def hash_of(self, key: str, size: int) -> Any | None:
        """SHA-256 of the first `size` bytes, to go on with, where this process wrote the last of them."""
        if size == 0:
            return hashlib.sha256()
        with self._guard:
            known = self._hashes.get(key)
        return known[1].copy() if known is not None and known[0] == size else None

    def remember(self, key: str, size: int, hashed: Any) -> None:
        """The hash of the first `size` bytes, which are acknowledged and so never change."""
        with self._guard:
            self._hashes[key] = size, hashed.copy()
            self._hashes.move_to_end(key)
            while len(self._hashes) > _HASHES:
                self._hashes.popitem(last=False)

    def read_hash(self, key: str, size: int, read: Callable[[], None]) -> Any:
        """SHA-256 of the first `size` bytes, read piece by piece; `read` is called after each. Raises BlobMissing."""
        hashed, left = hashlib.sha256(), size
        with _found(key), self._blobs.at(key).open("rb", buffering=0) as stored:
            while left and (data := stored.read(min(left, _READ))):
                hashed.update(data)
                left -= len(data)
                read()
        if left:
            raise BlobMissing(f"{key} holds {left} bytes fewer than were stored; was it changed by hand?")
        return hashed

    def share(self, key: str, target: str) -> None:
        """The same bytes under a second key, without a copy where the file system can; each is then deleted alone."""
        source, place = self._blobs.at(key), self._blobs.at(target)
        self.size(key)
        with room():
            place.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            if not self._linked(source, place):
                self._blobs.put(target, _pieces(source))
            flush_folder(place.parent)

    def _linked(self, source: Path, target: Path) -> bool:
        try:
            self._link(source, target)
        except OSError as error:
            if error.errno not in _NO_LINKS:
                raise
            return False
        return True

    def delete(self, key: str) -> None:
        self._blobs.delete(key)
        with self._guard:
            self._hashes.pop(key, None)


class Whole:
    """An upload whose last byte is there, as `core.blobs.Arrived` wants it. Its own file stays until it is deleted, so
    that a process which dies before the recording's row is written loses nothing."""

    def __init__(self, growing: GrowingFiles, key: str, size: int, sha256: str) -> None:
        self._growing, self._key, self.size, self.sha256 = growing, key, size, sha256

    def commit(self, key: str) -> None:
        self._growing.share(self._key, key)

    def discard(self) -> None:
        """Nothing: whether it is still wanted, the upload's row says."""


@contextmanager
def _found(key: str) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError as error:
        raise BlobMissing(f"{key} is missing from storage; was it removed by hand?") from error
    except OSError as error:
        raise BlobUnreadable(f"{key} cannot be read from storage ({error.strerror}); is its disk well?") from error


def _lock(descriptor: int) -> None:
    end = time.monotonic() + LOCK_PATIENCE
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError as error:
            if time.monotonic() > end:
                raise Unavailable("the storage of this upload is slow; try again later", code="storage_busy") from error
            time.sleep(_LOCK_TICK)


def _pieces(path: Path) -> Iterator[bytes]:
    with path.open("rb", buffering=0) as stored:
        while data := stored.read(_READ):
            yield data
