"""What counts against a step, and when it is spent."""

import pytest

from core.budget import LONGEST_DELAY, OUTAGES, SOLO, Tries


def test_three_kills_or_three_errors_alone_spend_a_step() -> None:
    for killed in (True, False):
        tries = Tries()
        for number in range(SOLO):
            assert not tries.spent, number
            tries = tries.after(alone=True, killed=killed)
        assert tries.spent


def test_two_kills_and_two_errors_do_not() -> None:
    tries = Tries()
    for killed in (True, False, True, False):
        tries = tries.after(alone=True, killed=killed)
    assert (tries.kills, tries.errors, tries.spent) == (2, 2, False)


def test_a_batch_that_died_condemns_nobody() -> None:
    tries = Tries()
    for _ in range(10):
        tries = tries.after(alone=False, killed=True)
    assert tries == Tries(suspect=True)
    assert tries.alone


def test_storage_gets_more_time() -> None:
    tries = Tries()
    waited = 0.0
    while not tries.spent:
        tries = tries.after(alone=True, outage=True)
        waited += tries.delay(2.0)
    assert tries.outages == OUTAGES
    assert not tries.alone
    assert 600 < waited < 1800


@pytest.mark.parametrize(("errors", "seconds"), [(1, 2.0), (2, 4.0), (3, 8.0), (30, LONGEST_DELAY)])
def test_delays_double_up_to_a_minute(errors: int, seconds: float) -> None:
    assert Tries(errors=errors).delay(2.0) == seconds


def test_a_first_kill_delays_nothing() -> None:
    """The worker died, by whatever; its steps run again at once, a second time later."""
    assert [Tries(kills=kills).delay(2.0) for kills in (1, 2, 3)] == [0.0, 2.0, 4.0]
    assert Tries(suspect=True).delay(2.0) == 0.0
