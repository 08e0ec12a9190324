"""The short form of `make faults`: every kind of fault once, on one running server, and the books after each.

SCRIPTORIUM_FAULTS_SEED chooses other moments. A failure names its seed; `make faults SEED=… ONLY=…` plays it again.
"""

import os
from collections.abc import Iterator

import pytest

from tests.faults import plans
from tests.faults.rounds import Fault
from tests.faults.stack import SHORT
from tests.faults.suite import Suite, opened

SEED = int(os.environ.get("SCRIPTORIUM_FAULTS_SEED", "7"))

pytestmark = pytest.mark.timeout(180)


@pytest.fixture(scope="module")
def suite() -> Iterator[Suite]:
    with opened(SHORT, SEED, patience=60.0) as made:
        yield made


@pytest.mark.parametrize("fault", [fault for fault, _ in plans.short(SEED)], ids=lambda fault: fault.name)
def test_nothing_is_lost_and_nothing_done_twice(suite: Suite, fault: Fault) -> None:
    found = suite.play(fault, 1)
    assert not found.all, f"seed {SEED}"


def test_no_bytes_are_left_that_nobody_names(suite: Suite) -> None:
    """Last: by then uploads were cut off, refused and deleted."""
    assert suite.left() == []
