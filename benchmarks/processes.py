"""What Linux tells of processes, whoever owns them (proc(5))."""

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Process:
    """`seconds` of CPU, user and system, with those of its children that it has waited for."""

    pid: int
    parent: int
    program: str
    seconds: float


def processes() -> dict[int, Process]:
    """All that live now, by process id."""
    found = (_read(int(entry.name)) for entry in Path("/proc").iterdir() if entry.name.isdigit())
    return {one.pid: one for one in found if one}


def children_of(pid: int, alive: Mapping[int, Process]) -> Iterator[int]:
    return (one.pid for one in alive.values() if one.parent == pid)


def peak_bytes(pid: int) -> int:
    """The most that was in memory at once since the program started (VmHWM); 0 for one that is gone."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM:")), 0)


def _read(pid: int) -> Process | None:
    try:
        line = Path(f"/proc/{pid}/stat").read_text(errors="replace")
    except OSError:  # it ended meanwhile
        return None
    program, _, rest = line.partition("(")[2].rpartition(")")
    fields = rest.split()
    return Process(pid, int(fields[1]), program, sum(map(int, fields[11:15])) / _TICKS)
