"""The heartbeat keeps time: deadlines that nobody listens to, stops that take too long; and the lookout's own looks."""

import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from uuid import UUID

import pytest
from sqlalchemy import select

from core import jobs, keys
from core.context import Context
from core.errors import DeadlinePassed, Unavailable
from core.states import Kind
from core.tables import Step
from tests.integration.conftest import MakeJob, holding, until
from tests.integration.web_api import with_settings
from worker.lookout import Lookout
from worker.pulse import RECYCLED, Pulse
from worker.runner import Runner

PATIENCE = 30.0


class Leaving:
    """In place of the process's end: keeps the exit code, and says so."""

    def __init__(self) -> None:
        self.code: int | None = None
        self.left = threading.Event()

    def __call__(self, code: int) -> None:
        if self.code is None:
            self.code = code
        self.left.set()


@contextmanager
def beating(context: Context, leaving: Leaving) -> Iterator[Pulse]:
    pulse = Pulse(context, "t", leave=leaving)
    pulse.start()
    try:
        yield pulse
    finally:
        pulse.stop()


def rows(context: Context, job_id: UUID) -> list[tuple[str, int, int, bool]]:
    """Of the chunks: status, attempt, errors, whether it is suspected."""
    with context.sessions() as session:
        found = session.execute(
            select(Step.status, Step.attempt, Step.errors, Step.suspect)
            .where(Step.job_id == job_id, Step.kind == Kind.TRANSCRIBE)
            .order_by(Step.index)
        )
        return [(row.status, row.attempt, row.errors, row.suspect) for row in found]


@pytest.fixture
def quick(context: Context) -> Context:
    return with_settings(context, heartbeat=0.1, deadlines={Kind.TRANSCRIBE: 0.2}, drain=0.2)


def test_a_hung_call_ends_the_process_and_is_counted(quick: Context, make_job: MakeJob) -> None:
    job_id, leaving = make_job(chunks=1), Leaving()
    with beating(quick, leaving) as pulse, holding(pulse, jobs.claim(quick, "t", [Kind.TRANSCRIBE], ["demo"])):
        assert leaving.left.wait(PATIENCE)
    assert leaving.code == RECYCLED
    assert rows(quick, job_id) == [("queued", 1, 1, False)]


def test_a_hung_batch_makes_suspects_that_run_alone(quick: Context, make_job: MakeJob) -> None:
    job_id, leaving = make_job(chunks=3), Leaving()
    with beating(quick, leaving) as pulse, holding(pulse, jobs.claim(quick, "t", [Kind.TRANSCRIBE], ["demo"], limit=3)):
        assert leaving.left.wait(PATIENCE)
    assert rows(quick, job_id) == [("queued", 1, 0, True)] * 3


def test_neighbours_of_a_hung_call_are_handed_back(quick: Context, context: Context, make_job: MakeJob) -> None:
    job_id, leaving = make_job(chunks=2), Leaving()
    (hung,) = jobs.claim(quick, "t", [Kind.TRANSCRIBE], ["demo"])
    (neighbour,) = jobs.claim(context, "t", [Kind.TRANSCRIBE], ["demo"])  # in time by its own deadline
    with beating(quick, leaving) as pulse, holding(pulse, [hung, neighbour]):
        assert leaving.left.wait(PATIENCE)
    assert sorted(rows(quick, job_id)) == [("queued", 1, 0, False), ("queued", 1, 1, False)]


def test_a_step_that_asks_is_told_and_the_process_lives(context: Context, make_job: MakeJob) -> None:
    """The grace is one heartbeat, which here is long."""
    here = with_settings(context, heartbeat=60.0, deadlines={Kind.TRANSCRIBE: 0.0})
    make_job(chunks=1)
    leaving = Leaving()
    with beating(here, leaving) as pulse:
        (step,) = jobs.claim(here, "t", [Kind.TRANSCRIBE], ["demo"])
        runner = Runner(here, "t", (Kind.TRANSCRIBE,), ("demo",), pulse)
        with holding(pulse, [step]):
            until(lambda: step.id in pulse.overdue)
            with pytest.raises(DeadlinePassed):
                runner.check(step)
    assert leaving.code is None


def test_a_stop_that_takes_too_long_hands_back_uncounted(context: Context, make_job: MakeJob) -> None:
    here = with_settings(context, heartbeat=0.1, drain=0.2)
    job_id, leaving = make_job(chunks=1), Leaving()
    with beating(here, leaving) as pulse, holding(pulse, jobs.claim(here, "t", [Kind.TRANSCRIBE], ["demo"])):
        pulse.drain()
        assert leaving.left.wait(PATIENCE)
    assert leaving.code == 0
    assert rows(here, job_id) == [("queued", 1, 0, False)]


def test_no_heartbeat_renews_a_lease_far_past_the_deadline(quick: Context, make_job: MakeJob) -> None:
    """A process that hangs but for its heartbeat is found by the sweep, which names the reason."""
    make_job(chunks=1)
    here = with_settings(quick, lease=0.0, deadlines={Kind.TRANSCRIBE: 0.0})
    jobs.sweep(here)
    (step,) = jobs.claim(here, "t", [Kind.TRANSCRIBE], ["demo"])
    assert jobs.heartbeat(here, "t", [step]) == {step.id}
    assert jobs.sweep(here).reaped == 1
    with here.sessions() as session:
        said = session.scalar(select(Step.last_error).where(Step.id == step.id))
    assert said is not None
    assert said["code"] == "deadline_passed"


def test_a_worker_that_hears_nothing_looks_by_itself(context: Context, tenant: keys.Tenant, make_job: MakeJob) -> None:
    seen: list[int] = []
    three = threading.Event()

    def look() -> None:
        seen.append(1)
        if len(seen) == 1:
            raise Unavailable("not now")
        if len(seen) == 3:
            three.set()

    with ExitStack() as stack:
        lookout = Lookout(look, 0.01)
        lookout.start()
        stack.callback(lookout.stop)
        assert three.wait(PATIENCE)


def test_a_look_does_not_wait_and_a_ring_does(context: Context) -> None:
    """A ring that came while the process was at work may be for what the work's last claim did not see."""
    runner = Runner(context, "t", (Kind.INGEST,), (), Pulse(context, "t"))
    with runner._free:
        runner.look()
        rung = threading.Thread(target=runner.work)
        rung.start()
        assert rung.is_alive()
    rung.join(PATIENCE)
    assert not rung.is_alive()
