"""Postgres restarted disconnected, or silent. It holds the truth: nothing goes on without it, and nothing is lost."""

import signal
import time
from collections.abc import Callable
from uuid import UUID

from tests.faults.ledger import worker_name
from tests.faults.rounds import Fault, Round
from tests.faults.stack import TRANSCRIBERS


def _progress(played: Round) -> Callable[[], bool]:
    """Whether a step ends after now, on the database's clock; asked as soon as it answers again."""
    clock = played.stack.ledger.one("SELECT clock_timestamp()")
    ended = "SELECT count(*) FROM steps WHERE finished_at > %s"
    return lambda: played.stack.ledger.count(ended, clock) > 0


def _restarted(number: signal.Signals) -> Callable[[Round], None]:
    """SIGINT ends every session first; SIGQUIT leaves the log to be replayed."""

    def script(played: Round) -> None:
        played.submit_some(least=30.0)
        played.transcribing()
        played.moment(0.5)
        deaths, since = played.stack.children.deaths("postgres"), time.monotonic()
        played.stack.children.send("postgres", number)
        played.until(lambda before=deaths: played.stack.children.deaths("postgres") > before, "it did not end")  # type: ignore[misc]
        played.hit(since, _progress(played))

    return script


def _disconnected(played: Round) -> None:
    played.submit_some(least=30.0)
    played.moment(1.0)
    since = time.monotonic()
    played.stack.ledger.disconnect_all()
    played.hit(since, _progress(played))
    played.accepted()


def _paused(played: Round) -> None:
    """Longer than the leases last: nobody can renew his, and nobody may be reaped for it."""
    played.submit_some(least=30.0)
    played.transcribing()
    played.stack.children.pause("postgres")
    try:
        played.stack.children.tended(1.5 * played.stack.timing.lease)
    finally:
        played.stack.children.resume("postgres")
    played.hit(time.monotonic(), _progress(played))


def _at_once(played: Round) -> None:
    """Two transcribers record results of one job in the same moment: its row is held until both stand before it."""
    for _ in range(2):
        played.submit(played.stack.recordings[-1])
    pids = [worker_name(played.stack.children.pid(name)) for name in TRANSCRIBERS]
    shared = (
        "SELECT job_id FROM steps WHERE status = 'running' AND worker = ANY(%s)"
        " GROUP BY job_id HAVING count(DISTINCT worker) = 2"
    )
    found: list[UUID] = []

    def both_have_some() -> bool:
        found[:] = [row[0] for row in played.stack.ledger.all(shared, pids)]
        return bool(found)

    played.until(both_have_some, "the transcribers did not share a job")
    with played.stack.ledger.row_locked(found[0]):
        played.until(lambda: played.stack.ledger.waiting() >= 2, "no two workers came to record a result")
    played.hit()


FAULTS = (
    Fault("two results at once", _at_once, most=2, seconds=0.6),
    Fault("Postgres restarted fast", _restarted(signal.SIGINT), most=2, seconds=0.6),
    Fault("Postgres restarted immediate", _restarted(signal.SIGQUIT), most=2, seconds=0.6),
    Fault("Postgres connections ended", _disconnected, most=5, seconds=0.6),
    Fault("Postgres stopped past the leases", _paused, seconds=0.6),
)
