"""The folder that one `scriptorium up` works in: its lock, its logs, the key, and a record of its children."""

import fcntl
import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from scriptorium.processes import born, signal_group

MOST_LOG_BYTES = 10 * 2**20
_ORPHANS_HAVE = 10.0
"""Seconds to end by themselves: they were signalled when their parent died."""


class InUse(Exception):
    """Another `scriptorium up` works here."""


class NotUsable(Exception):
    """The folder cannot be made or written to, or holds half a restore."""


def default() -> Path:
    """`SCRIPTORIUM_DATA`, else where the system keeps a user's data."""
    given = os.environ.get("SCRIPTORIUM_DATA")
    if given:
        return Path(given)
    shared = os.environ.get("XDG_DATA_HOME") or os.path.join(os.path.expanduser("~"), ".local", "share")
    return Path(shared) / "scriptorium"


@dataclass(frozen=True)
class Orphan:
    """A child of an earlier `up` that was killed."""

    name: str
    pid: int
    born: str
    ending: signal.Signals

    @property
    def alive(self) -> bool:
        return born(self.pid) == self.born


@dataclass(frozen=True)
class DataFolder:
    path: Path

    @property
    def key_file(self) -> Path:
        return self.path / "api-key"

    @property
    def installation_key_file(self) -> Path:
        """Opens the secrets that the database keeps."""
        return self.path / "installation-key"

    @property
    def url_file(self) -> Path:
        return self.path / "url"

    @property
    def unfinished_restore(self) -> Path:
        """There while a restore is under way or was cut off; it names the backup by its dump's checksum."""
        return self.path / "restore-unfinished"

    @property
    def _children(self) -> Path:
        return self.path / "children"

    @property
    def _lock(self) -> Path:
        return self.path / "lock"

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Raises InUse with the other's process id, NotUsable. The system drops the lock when we die."""
        descriptor = self._acquire()
        try:
            yield
        finally:
            # While still holding it: whoever opened the old file meanwhile sees that its name is gone, and retries.
            self._lock.unlink(missing_ok=True)
            os.close(descriptor)

    def _acquire(self) -> int:
        self._make()
        while True:
            descriptor = os.open(self._lock, os.O_RDWR | os.O_CREAT, 0o600)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                holder = os.read(descriptor, 20).decode() or "unknown"
                os.close(descriptor)
                raise InUse(f"{self.path} is in use by another scriptorium up (process {holder})") from error
            if self._still_named(descriptor):
                os.ftruncate(descriptor, 0)
                os.write(descriptor, str(os.getpid()).encode())
                return descriptor
            os.close(descriptor)

    def _still_named(self, descriptor: int) -> bool:
        try:
            return os.path.samestat(os.fstat(descriptor), self._lock.stat())
        except FileNotFoundError:
            return False

    def _make(self) -> None:
        """Others may pass through (the embedded servers' account must) but see nothing."""
        try:
            if not self.path.exists():
                self.path.mkdir(parents=True)
                self.path.chmod(0o711 if os.geteuid() == 0 else 0o700)  # mkdir's mode loses what the umask forbids
            for inner in (self._children, self.path / "logs"):
                inner.mkdir(exist_ok=True, mode=0o700)
        except OSError as error:
            raise NotUsable(f"cannot use {self.path} ({error.strerror}); choose another with --data DIR") from error

    def log(self, name: str) -> Path:
        return self.path / "logs" / f"{name}.log"

    def rotate_logs(self) -> None:
        """What grew large before this start moves aside; one old file is kept."""
        for path in (self.path / "logs").glob("*.log"):
            if path.stat().st_size > MOST_LOG_BYTES:
                path.replace(path.with_suffix(".log.old"))

    def record(self, name: str, pid: int, ending: signal.Signals) -> None:
        unfinished = self._children / f".{name}"
        unfinished.write_text(f"{pid}\n{int(ending)}\n{born(pid) or ''}\n")
        unfinished.replace(self._children / name)

    def forget(self, name: str) -> None:
        (self._children / name).unlink(missing_ok=True)

    def orphans(self) -> list[Orphan]:
        """Living children of an earlier `up`. Records of dead ones are removed."""
        found = []
        for path in sorted(self._children.iterdir()):
            lines = path.read_text().splitlines()
            orphan = (
                Orphan(path.name, int(lines[0]), lines[2], signal.Signals(int(lines[1]))) if len(lines) == 3 else None
            )
            if orphan and orphan.alive:
                found.append(orphan)
            else:
                path.unlink()
        return found

    def end_orphans(self, seconds: float = _ORPHANS_HAVE) -> list[Orphan]:
        """Ends what a killed `up` left, and gives what that was. Call it while holding the lock."""
        found = self.orphans()
        for orphan in found:
            signal_group(orphan.pid, orphan.ending)
        _wait_for(found, seconds)
        for orphan in found:
            if orphan.alive:
                signal_group(orphan.pid, signal.SIGKILL)
        _wait_for(found, 5.0)
        for orphan in found:
            self.forget(orphan.name)
        return found


def _wait_for(orphans: list[Orphan], seconds: float) -> None:
    limit = time.monotonic() + seconds
    while any(orphan.alive for orphan in orphans) and time.monotonic() < limit:
        time.sleep(0.05)


def write_private(path: Path, text: str) -> None:
    """A file only we can read, whole or not at all."""
    unfinished = path.with_name(f".{path.name}.new")
    unfinished.unlink(missing_ok=True)
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as written:
        written.write(text)
    unfinished.replace(path)
