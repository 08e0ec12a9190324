"""What is left, at the speed that was measured, beside others."""

import pytest

from core import estimate, plan
from core.estimate import Flow, Pace, Ran
from core.states import Kind

HEARD = Kind.TRANSCRIBE


def ran(started: float, finished: float, seconds: float = 30.0, kind: Kind = HEARD) -> Ran:
    return Ran(kind, started, finished, seconds)


@pytest.mark.parametrize(
    ("steps", "speed"),
    [
        pytest.param([], None, id="nothing was done"),
        pytest.param([ran(0, 10)], 3.0, id="one step"),
        pytest.param([ran(0, 10), ran(10, 20)], 3.0, id="one after the other"),
        pytest.param([ran(0, 10), ran(100, 110)], 3.0, id="idle time does not count"),
        pytest.param([ran(0, 10), ran(0, 10)], 6.0, id="two workers, or a batch of two"),
        pytest.param([ran(0, 10), ran(5, 15)], 4.0, id="two that overlap"),
        pytest.param([ran(0, 20), ran(5, 10)], 3.0, id="one inside the other"),
        pytest.param([ran(5, 10), ran(0, 20)], 3.0, id="whatever their order"),
        pytest.param([ran(0, 10, seconds=0.0)], None, id="no sound, no speed"),
        pytest.param([ran(5, 5)], None, id="no time, no speed"),
    ],
)
def test_speed(steps: list[Ran], speed: float | None) -> None:
    assert estimate.speed(steps) == speed


@pytest.mark.parametrize(
    ("own", "others", "seconds"),
    [
        pytest.param(Flow(1, 20), [], 20, id="alone"),
        pytest.param(Flow(1, 20), [Flow(1, 200)], 40, id="a longer one takes half meanwhile"),
        pytest.param(Flow(1, 20), [Flow(1, 10)], 30, id="a shorter one is done before"),
        pytest.param(Flow(4, 20), [Flow(1, 200)], 25, id="a high priority gets four parts of five"),
        pytest.param(Flow(0.25, 20), [Flow(1, 200)], 100, id="a low one one of five"),
        pytest.param(Flow(1, 20), [Flow(1, 200), Flow(2, 10)], 50, id="each as much as its weight"),
        pytest.param(Flow(1, 0), [Flow(1, 600)], 0, id="nothing is left"),
    ],
)
def test_until_done_beside_others(own: Flow, others: list[Flow], seconds: float) -> None:
    assert estimate.until_done(own, others) == pytest.approx(seconds)


def test_work_in_seconds_of_all_workers() -> None:
    """Without a speed nothing is told unless nothing is left."""
    assert Pace().hearing(60, 0) is None
    assert Pace().hearing(0, 0) == Pace().finding(0) == 0
    assert Pace().finding(60) is None
    assert Pace(speakers=6.0).finding(60) == 10
    assert Pace(first=3.0, second=1.0).hearing(60, 5) == 25
    assert Pace(first=3.0).hearing(60, 6) == 22, "the second pass is as fast as the first where none was yet"


def test_all_that_share_are_done_when_all_work_is() -> None:
    """The last of them ends with the work: no time is lost, and none counted twice."""
    flows = [Flow(1, 100), Flow(2, 300), Flow(0.5, 90)]
    ends = [estimate.until_done(one, [other for other in flows if other is not one]) for one in flows]
    assert max(ends) == pytest.approx(490)


def test_pace() -> None:
    steps = [ran(10, 20), ran(20, 30), ran(22, 30, 15.0, Kind.REDECODE), ran(0, 5, 15.0, Kind.REDECODE)]
    steps += [ran(0, 100, 600.0, Kind.DIARIZE), ran(0, 3, 0.0, Kind.CLUSTER)]
    steps += [ran(0, 1, 0.0, Kind.ASSEMBLE), ran(0, 2, 0.0, Kind.ASSEMBLE)]
    # 20 s of work: 20 of 28 busy seconds were the first pass's.
    passes = {"first": pytest.approx(60 / (20 * 20 / 28)), "second": pytest.approx(15 / (20 * 8 / 28))}
    assert vars(estimate.pace(steps, 0.25)) == {
        **passes,
        "again": 0.25,
        "speakers": 6.0,
        "joining": 3.0,
        "assembling": 1.5,
    }
    assert estimate.pace([]) == Pace()


INGESTING = {Kind.INGEST: plan.Tally(total=1, open=1)}
INGESTED = {Kind.INGEST: plan.Tally(total=1)}


@pytest.mark.parametrize(
    ("tallies", "duration", "twice", "left"),
    [
        pytest.param(INGESTING, None, True, None, id="nobody knows how long it is"),
        pytest.param(INGESTING, 100.0, False, (100.0, 0.0), id="it was heard in another job"),
        pytest.param(INGESTING, 100.0, True, (100.0, 20.0), id="and some of it a second time"),
        pytest.param(
            {**INGESTED, HEARD: plan.Tally(4, 2, 0, 100.0, 50.0)}, 140.0, True, (50.0, 20.0), id="its chunks are known"
        ),
        pytest.param(
            {
                **INGESTED,
                HEARD: plan.Tally(4, 0, 0, 100.0, 100.0),
                Kind.REDECODE: plan.Tally(2, 1, 0, 60.0, 30.0, chosen=True),
            },
            140.0,
            True,
            (0.0, 30.0),
            id="its second pass is known",
        ),
    ],
)
def test_to_hear(
    tallies: dict[Kind, plan.Tally], duration: float | None, twice: bool, left: tuple[float, float] | None
) -> None:
    at = Pace(again=0.2)
    found = estimate.to_hear({kind: plan.Tally() for kind in Kind} | tallies, at, duration, twice=twice)
    assert found == (pytest.approx(left) if left else None)


@pytest.mark.parametrize(
    ("tallies", "left"),
    [
        pytest.param({}, 100.0, id="not begun: all of it"),
        pytest.param({Kind.DIARIZE: plan.Tally(2, 1, 0, 100.0, 60.0)}, 40.0, id="begun"),
        pytest.param({Kind.DIARIZE: plan.Tally(2, 1, 0, 100.0, 60.0, given_up=True)}, 0.0, id="given up"),
    ],
)
def test_to_diarize(tallies: dict[Kind, plan.Tally], left: float) -> None:
    assert estimate.to_diarize({kind: plan.Tally() for kind in Kind} | tallies, 100.0) == pytest.approx(left)
