"""No sequence of what owners, workers and the sweep do reaches a bad state: hypothesis looks for one, on the real
Postgres. Without `SCRIPTORIUM_EXAMPLES` it tries the same sequences every time; with `SCRIPTORIUM_EXAMPLES=2000` it
tries more, others each time, and shortens the one that it finds. What must hold is in machine/invariants.py; the rules
add what each act has to answer.
"""

import os
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from core.blobs import LocalBlobs
from core.context import Context
from tests.integration.machine import crew
from tests.integration.machine.owners import Owners
from tests.integration.machine.passing import Passing
from tests.integration.machine.workers import Workers

EXAMPLES = int(os.environ.get("SCRIPTORIUM_EXAMPLES", "0"))
BOUNDED = 60
"""Sequences in `make test`: about a minute on two cores."""
LONGEST = 30
"""Acts in a sequence."""


class Ledger(Owners, Workers, Passing):
    """Owners, workers and time, in any order."""


@pytest.mark.timeout(7200 if EXAMPLES else 600)
def test_no_sequence_of_acts_reaches_a_bad_state(context: Context, tmp_path: Path) -> None:
    """It is long until the next try of a step, so that only the rules make one due."""
    quiet = context.settings.model_copy(update={"retry_base": 100.0, "data": tmp_path})
    alone = replace(context, settings=quiet, blobs=LocalBlobs(quiet.blobs), bell=crew.SilentBell())  # type: ignore[arg-type]
    run_state_machine_as_test(
        lambda: Ledger(alone),
        settings=settings(
            max_examples=EXAMPLES or BOUNDED,
            stateful_step_count=LONGEST,
            derandomize=not EXAMPLES,
            phases=[Phase.generate, Phase.shrink] if EXAMPLES else [Phase.generate],
            deadline=None,
            database=None,
            print_blob=True,
            report_multiple_bugs=False,
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
        ),
    )
