"""Real processes that are killed, stopped and started again, by name."""

import os
import signal
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from subprocess import Popen

from scriptorium.processes import Command, children, end, launch, signal_group

_TURN = 0.02
_WAIT_FOR_DEATH = 30.0


class NeverHappened(Exception):
    """What a round waited for did not come about in time; the message says what."""


@dataclass
class Child:
    """`up`: it is started again whenever it ends."""

    command: Command
    process: "Popen[bytes]"
    up: bool = True
    deaths: int = 0


class Children:
    """Tends them whenever somebody waits with `until`: on the main thread, as `launch` wants it."""

    def __init__(self, logs: Path) -> None:
        self._logs = logs
        self._children: dict[str, Child] = {}

    def start(self, command: Command) -> None:
        """Under its name; a process of that name that has ended is replaced."""
        self._children[command.name] = Child(command, launch(command, self.log(command.name)))

    def log(self, name: str) -> Path:
        return self._logs / f"{name}.log"

    def command(self, name: str) -> Command:
        return self._children[name].command

    def pid(self, name: str) -> int:
        return self._children[name].process.pid

    def deaths(self, name: str) -> int:
        return self._children[name].deaths

    def alive(self, name: str) -> bool:
        return name in self._children and self._children[name].process.poll() is None

    def send(self, name: str, number: signal.Signals) -> None:
        """To that process alone, as the system's out-of-memory killer or an operator does it. A dead one hears none."""
        process = self._children[name].process
        if process.poll() is None:
            process.send_signal(number)

    def kill(self, name: str) -> None:
        """Gone when this returns; it is started again when somebody waits."""
        self.send(name, signal.SIGKILL)
        self._children[name].process.wait(_WAIT_FOR_DEATH)

    def terminate(self, name: str) -> None:
        """Asks it to end; it is started again once it has."""
        self.send(name, signal.SIGTERM)

    def pause(self, name: str) -> None:
        self._to_family(name, signal.SIGSTOP)

    def resume(self, name: str) -> None:
        self._to_family(name, signal.SIGCONT)

    def down(self, name: str) -> None:
        """Ended at once, and not started again before `again`."""
        self._children[name].up = False
        self.kill(name)
        self.tend()

    def again(self, name: str, command: Command | None = None) -> None:
        """Started with another command line or environment; what runs is killed first."""
        child = self._children[name]
        child.up = False
        self.kill(name)
        signal_group(child.process.pid, signal.SIGKILL)
        self.start(command or child.command)

    def remove(self, name: str) -> None:
        """Ended in good order, and forgotten."""
        child = self._children.pop(name)
        end(child.process, child.command.ending)

    def tend(self) -> None:
        for name, child in self._children.items():
            if child.process.poll() is None or not child.up:
                continue
            signal_group(child.process.pid, signal.SIGKILL)  # what it may have started, as the supervisor of `up` does
            child.deaths += 1
            child.process = launch(child.command, self.log(name))

    def until(self, happened: Callable[[], bool], seconds: float, what: str) -> None:
        """Raises NeverHappened."""
        limit = time.monotonic() + seconds
        while not happened():
            if time.monotonic() > limit:
                raise NeverHappened(f"{what} within {seconds:.0f} s")
            self.tend()
            time.sleep(_TURN)

    def tended(self, seconds: float) -> None:
        """Lets so much time pass: a fault lasts, or comes at a random moment."""
        limit = time.monotonic() + seconds
        self.until(lambda: time.monotonic() >= limit, seconds + _WAIT_FOR_DEATH, "time did not pass")

    def end(self, *order: Sequence[str]) -> None:
        """Those groups one after the other, each together; then what is left. No process is."""
        for names in [*order, list(self._children)]:
            leaving = [child for name in names if (child := self._children.pop(name, None))]
            for child in leaving:
                signal_group(child.process.pid, signal.SIGCONT)
                if child.process.poll() is None:
                    child.process.send_signal(child.command.ending[0][0])
            for child in leaving:
                end(child.process, child.command.ending)

    def _to_family(self, name: str, number: signal.Signals) -> None:
        """Its direct children too: a database's are not of its group."""
        pid = self.pid(name)
        for one in [pid, *children(pid)]:
            try:
                os.kill(one, number)
            except ProcessLookupError:
                continue


def told(command: Command, extra: Mapping[str, str], name: str | None = None) -> Command:
    """The same program with more in its environment."""
    return replace(command, environment={**command.environment, **extra}, name=name or command.name)
