"""Start-time fair queueing (Goyal, Vin, Cheng 1996): which step is next when many jobs want the same workers.

A flow is a job. Each step has a tag; the lowest is claimed first. A job's next step is tagged where the job's
last one ended in virtual time, or at the present virtual time if that is later (an idle flow saves up nothing).
"""

from collections.abc import Iterable

PRIORITY = {"low": 0.25, "normal": 1.0, "high": 4.0}


def weight(tenant_weight: float, priority: str, active_jobs: int) -> float:
    """A tenant's share is split over its active jobs, so that ten uploads get no more than one."""
    return tenant_weight * PRIORITY[priority] / max(1, active_jobs)


def tags(start: float, virtual_now: float, costs: Iterable[float], flow_weight: float) -> tuple[list[float], float]:
    """One tag a step of the given cost (seconds of audio, or 1), and where the flow's next step starts."""
    at = max(start, virtual_now)
    found = []
    for cost in costs:
        found.append(at)
        at += max(cost, 0.001) / flow_weight
    return found, at
