"""A whole server of its own for a benchmark: `scriptorium up` in a folder that is removed, what it costs, how large it
grows.

    with started(model="demo") as server, server.client() as client:
        before = server.seconds()
        …
        spent = total(since(before, server.seconds()))
"""

import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from benchmarks.processes import Process, children_of, peak_bytes, processes
from scriptorium import Client, embedded
from tests.acceptance.running import Up

_LOOK = 0.2
"""Seconds between two looks at the memory: a process that lives shorter may be missed."""


@dataclass(frozen=True)
class Server:
    """A running `up`. Its processes go by the names that it gives them: `web`, `light1`, `transcribe1`, `postgres` …
    and `up` itself; what one of them started counts as its own."""

    running: Up

    def client(self) -> Client:
        """Close it, or use it in a `with`."""
        return self.running.client()

    @property
    def key(self) -> str:
        return self.running.data.key_file.read_text().strip()

    def seconds(self) -> dict[str, float]:
        """CPU seconds of each process since it started, user and system, with its children that have ended."""
        spent: dict[str, float] = {}
        for name, process in self._processes():
            spent[name] = spent.get(name, 0.0) + process.seconds
        return spent

    @contextmanager
    def watched(self) -> "Iterator[dict[tuple[str, str], int]]":
        """(process, its program) -> most bytes in memory at once since it started; filled while the block runs."""
        peaks: dict[tuple[str, str], int] = {}
        ended = threading.Event()
        thread = threading.Thread(target=self._watch, args=(peaks, ended), name="memory", daemon=True)
        thread.start()
        try:
            yield peaks
        finally:
            ended.set()
            thread.join()

    def _watch(self, peaks: dict[tuple[str, str], int], ended: threading.Event) -> None:
        while True:
            for name, process in self._processes():
                key = (name, process.program)
                if size := peak_bytes(process.pid):  # else it ended in this very moment
                    peaks[key] = max(peaks.get(key, 0), size)
            if ended.wait(_LOOK):
                return

    def _processes(self) -> Iterator[tuple[str, Process]]:
        """All that `up` started, with the name of the child of `up` that each belongs to."""
        alive = processes()
        named = {self.running.process.pid: "up", **_recorded(self.running)}
        waiting = [(self.running.process.pid, "up")]
        while waiting:
            pid, above = waiting.pop()
            name = named.get(pid, above)
            if pid in alive:
                yield name, alive[pid]
            waiting += [(child, name) for child in children_of(pid, alive)]


@contextmanager
def started(*arguments: str, model: str = "demo", **environment: str) -> Iterator[Server]:
    """Ready and with its model loaded; stopped, by its process id, and erased afterwards.

    `arguments` go to `scriptorium up`; of the caller's environment nothing of SCRIPTORIUM's is taken over.
    """
    with _told_to_end(), embedded.temporary() as folder:
        unlimited = {"SCRIPTORIUM_RATE_LIMIT": "0", **environment}  # one key asks for all
        running = Up(folder, ("--model", model, *arguments), unlimited).launch()
        try:
            yield Server(running.ready())
        finally:
            _end(running)


@contextmanager
def _told_to_end() -> Iterator[None]:
    """SIGTERM, as of timeout(1), unwinds too: the server has a session of its own and would outlive us."""
    before = signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _end(running: Up) -> None:
    try:
        running.stop()
    except subprocess.TimeoutExpired:
        running.process.kill()  # its children are told by the system that it is gone
        running.wait()


def since(before: Mapping[str, float], after: Mapping[str, float]) -> dict[str, float]:
    """What each process spent between two looks; one that was started anew counts from nothing."""
    return {
        name: spent - before.get(name, 0.0) if spent >= before.get(name, 0.0) else spent
        for name, spent in after.items()
    }


def total(spent: Mapping[str, float]) -> float:
    return sum(spent.values())


def _recorded(running: Up) -> dict[int, str]:
    """Process id -> name, as `up` writes them down."""
    return {
        int(path.read_text().split()[0]): path.name
        for path in (running.folder / "children").iterdir()
        if not path.name.startswith(".")
    }
