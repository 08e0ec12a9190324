"""`make faults`: breaks a running server in every way of `kinds`, and prints what became of the jobs.

LONG=1 more of it, and recoveries with production timings · BASELINE=1 the same for plain Celery, side by side ·
SEED=n the same choices again · ONLY=kind[,kind] some kinds.
"""

import os
import signal
import sys
import time

from scriptorium import embedded
from tests.asked import chosen
from tests.faults import plans, report
from tests.faults.baseline import rounds as baseline
from tests.faults.baseline.kinds import KINDS
from tests.faults.kinds import EVERY
from tests.faults.stack import PRODUCTION, SHORT, Timing
from tests.faults.suite import opened, play_all

_PATIENCE = {SHORT.lease: 60.0, PRODUCTION.lease: 180.0}
"""Lease -> seconds after which a job that has not ended counts as lost."""


def say(line: str) -> None:
    print(line, flush=True)


def played(timing: Timing, seed: int, plan: plans.Plan, title: str) -> tuple[list[report.Line], list[str]]:
    """The table's lines, and what was out of order."""
    began = time.monotonic()
    with opened(timing, seed, _PATIENCE[timing.lease]) as suite:
        say(f"{time.monotonic() - began:5.1f} s  up, and every recording was transcribed without faults")
        play_all(suite, plan, say)
        trouble = suite.left()
    lines = [suite.scores[name].line() for name in sorted(suite.scores)]
    trouble += [said for score in suite.scores.values() for said in score.out_of_order]
    say(report.table(lines, f"\n{title}; seed {seed}, {time.monotonic() - began:.0f} s"))
    return lines, trouble


def promised(seed: int) -> list[str]:
    """How quickly work goes on with the timings of production."""
    lines, trouble = played(PRODUCTION, seed, plans.promises(), "production timings")
    return [*trouble, *plans.broken(lines)]


def compare(lines: list[report.Line], seed: int, injections: int) -> None:
    """The kinds that plain Celery can meet too, as often."""
    names = tuple(name for name in KINDS if name not in EVERY or name in {line.fault for line in lines})
    with embedded.temporary() as folder:
        theirs = baseline.run(folder, baseline.Plan(seed, injections, names), say)
    say(report.side_by_side(lines, theirs))


def main() -> int:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that no process and no folder is left
    seed = int(os.environ.get("SEED") or time.time_ns() % 1_000_000)
    say(f"seed {seed}")
    long = bool(os.environ.get("LONG"))
    plan = (plans.long if long else plans.short)(seed, chosen(EVERY, "fault"))
    lines, trouble = played(SHORT, seed, plan, "short leases")
    if long and not os.environ.get("ONLY"):
        trouble += promised(seed)
    if os.environ.get("BASELINE"):
        compare(lines, seed, 10 if long else 2)
    for sentence in trouble:
        say(sentence)
    return 1 if trouble else 0


if __name__ == "__main__":
    sys.exit(main())
