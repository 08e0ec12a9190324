"""How many processor cores this process may use."""

import os
from pathlib import Path

CGROUP = Path("/sys/fs/cgroup")


def cores(limits: Path = CGROUP) -> int:
    """Those that it may run on, and no more than its container is given: more threads than that wait for each other.
    At least one."""
    here = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    given = quota(limits)
    return here if given is None else max(1, min(here, int(given)))


def quota(limits: Path) -> float | None:
    """Cores' worth of time, of cgroup v2's `cpu.max` or v1's two files; None without a limit."""
    for names in (("cpu.max",), ("cpu/cpu.cfs_quota_us", "cpu/cpu.cfs_period_us")):
        try:
            said = " ".join((limits / name).read_text() for name in names).split()
        except OSError:
            continue
        if len(said) == 2 and all(part.isdigit() for part in said) and int(said[1]):
            return int(said[0]) / int(said[1])
    return None
