"""`python -m tests.faults.baseline`: the table of plain Celery alone.

Environment: SEED; ONLY=kind[,kind]; INJECTIONS of each kind (10); PAUSE, seconds that Redis stands still (5).
"""

import os
import random

from scriptorium import embedded
from tests.faults.baseline.kinds import KINDS
from tests.faults.baseline.rounds import Plan, run
from tests.faults.report import table


def main() -> None:
    seed = int(os.environ.get("SEED") or random.randrange(10**6))
    print(f"seed {seed}", flush=True)
    plan = Plan(
        seed,
        injections=int(os.environ.get("INJECTIONS") or 10),
        kinds=tuple(name for name in os.environ.get("ONLY", "").split(",") if name) or tuple(KINDS),
        pause=float(os.environ.get("PAUSE") or 5),
    )
    with embedded.temporary() as folder:
        lines = run(folder, plan, lambda line: print(line, flush=True))
    print(table(lines, "Plain Celery on Redis, default settings"))


if __name__ == "__main__":
    main()
