"""Keeps processes running, and ends them in order. One thread; nothing happens between its own steps."""

import os
import signal
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from subprocess import Popen

from scriptorium.data_folder import DataFolder
from scriptorium.processes import Command, ProcessFailed, adopt_orphans, children, described, launch, signal_group, tail
from scriptorium.signals import StopRequest

FIRST_PAUSE = 0.5
LONGEST_PAUSE = 30.0
"""Seconds before a process that died is started again: doubles with each death."""

HEALTHY_AFTER = 60.0
"""Seconds alive after which earlier deaths are forgotten."""

TRIES_AT_START = 3
_HURRY = 1.0
"""Seconds per signal once a second stop was asked for."""


@dataclass
class Child:
    command: Command
    process: "Popen[bytes]"
    started: float
    deaths: int = 0
    due: float | None = None
    """When to start it again; None while it runs."""


@dataclass
class _Ending:
    """How far a child is on its way out: which signal it got, and when."""

    child: Child
    step: int
    since: float


_LOOKS = 20
"""At the children, for one at what they left behind."""


class Supervisor:
    """Call `end` on every way out. Raises ProcessFailed at start, Stopped from every wait."""

    def __init__(self, folder: DataFolder, stop: StopRequest, say: Callable[[str], None]) -> None:
        self._folder = folder
        self._stop = stop
        self._say = say
        self._children: dict[str, Child] = {}
        self._starting = True
        self._not_ours = set(children(os.getpid()))
        adopt_orphans()

    def start(self, command: Command) -> None:
        """It is started again whenever it ends, until `end`."""
        self._children[command.name] = Child(command, self._launch(command, self._log(command)), time.monotonic())

    def run(self, command: Command, log: Path, seconds: float) -> None:
        """To its end. Raises ProcessFailed when it fails or takes longer; when we are stopped it is killed."""
        child = Child(command, self._launch(command, log), time.monotonic())
        try:
            while child.process.poll() is None:
                if time.monotonic() - child.started > seconds:
                    raise ProcessFailed(f"{command.name} did not end within {seconds:.0f} s:\n{tail(log)}")
                self._stop.pause(0.02)
        finally:
            self._end_together([child])
        if child.process.returncode:
            raise ProcessFailed(f"{command.name} failed ({described(child.process.returncode)}):\n{tail(log)}")

    def until(self, ready: Callable[[], bool], seconds: float, what: str) -> None:
        """Waits while tending the children. Raises ProcessFailed when it takes longer."""
        limit = time.monotonic() + seconds
        while not ready():
            if time.monotonic() > limit:
                raise ProcessFailed(f"{what} within {seconds:.0f} s; the logs are in {self._folder.path / 'logs'}")
            self._tend()
            self._stop.pause(0.05)

    def watch(self) -> None:
        """Until we are stopped."""
        self._starting = False
        while True:
            for _ in range(_LOOKS):
                self._tend()
                self._stop.pause(0.25)
            self._reap_adopted()  # which reads all of /proc

    def _launch(self, command: Command, log: Path) -> "Popen[bytes]":
        process = launch(command, log)
        self._folder.record(command.name, process.pid, command.ending[0][0])
        return process

    def _log(self, command: Command) -> Path:
        return self._folder.log(command.name)

    def _tend(self) -> None:
        now = time.monotonic()
        for child in self._children.values():
            if child.due is None and child.process.poll() is not None:
                self._note_death(child, now)
            if child.due is not None and now >= child.due:
                child.process = self._launch(child.command, self._log(child.command))
                child.started, child.due = time.monotonic(), None

    def _note_death(self, child: Child, now: float) -> None:
        signal_group(child.process.pid, signal.SIGKILL)  # what it may have started
        child.deaths = 1 if now - child.started > HEALTHY_AFTER else child.deaths + 1
        how = f"{child.command.name} ended ({described(child.process.returncode)})"
        if self._starting and child.deaths >= TRIES_AT_START:
            raise ProcessFailed(f"{how} at its start, {child.deaths} times:\n{tail(self._log(child.command))}")
        pause = min(FIRST_PAUSE * 2 ** (child.deaths - 1), LONGEST_PAUSE)
        self._say(f"{how}; it is started again in {pause:g} s")
        child.due = now + pause

    def end(self, order: Sequence[Iterable[str]]) -> None:
        """Ends the named groups one after the other, each together; then all that is left, adopted ones too."""
        for names in order:
            self._end_together([self._children.pop(name) for name in names if name in self._children])
        self._end_together(list(self._children.values()))
        self._children.clear()
        self._kill_adopted()

    def _end_together(self, leaving: Iterable[Child]) -> None:
        endings = [_Ending(child, -1, 0.0) for child in leaving]
        while endings:
            endings = [ending for ending in endings if not self._ended(ending)]
            if endings:
                time.sleep(0.02)

    def _ended(self, ending: _Ending) -> bool:
        child = ending.child
        if child.process.poll() is not None:
            signal_group(child.process.pid, signal.SIGKILL)
            self._folder.forget(child.command.name)
            return True
        steps = child.command.ending
        allowed = steps[ending.step][1] if ending.step >= 0 else 0.0
        if self._stop.count > 1:
            allowed = min(allowed, _HURRY)
        if time.monotonic() - ending.since >= allowed:
            ending.step = min(ending.step + 1, len(steps) - 1)
            ending.since = time.monotonic()
            self._send(child, steps[ending.step][0])
        return False

    def _send(self, child: Child, number: signal.Signals) -> None:
        if number == signal.SIGKILL:
            self._say(f"{child.command.name} did not end when asked; it is killed")
            signal_group(child.process.pid, number)
        else:
            child.process.send_signal(number)

    def _adopted(self) -> set[int]:
        """Processes that our children left behind."""
        known = {child.process.pid for child in self._children.values()}
        return set(children(os.getpid())) - known - self._not_ours

    def _reap_adopted(self) -> None:
        for pid in self._adopted():
            _reap(pid)

    def _kill_adopted(self) -> None:
        """Each death may leave us more of them."""
        limit = time.monotonic() + 5.0
        while (left := self._adopted()) and time.monotonic() < limit:
            for pid in left:
                _kill(pid)
                _reap(pid)
            time.sleep(0.01)


def _kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        pass


def _reap(pid: int) -> None:
    try:
        os.waitpid(pid, os.WNOHANG)
    except ChildProcessError:
        pass
