"""Redis gone, empty, silent, or out of reach. It holds no truth: whatever happens to it costs time."""

import time
from collections.abc import Callable
from uuid import UUID

from tests.faults.rounds import Fault, Round, Sent


def _begun(played: Round, waiting: list[UUID]) -> Callable[[], bool]:
    """Whether every one of these steps has been claimed since, or has ended with its job."""
    return lambda: (
        not played.stack.ledger.count(
            "SELECT count(*) FROM steps WHERE id = ANY(%s) AND status = 'queued' AND attempt = 0", waiting
        )
    )


def _due(played: Round) -> list[UUID]:
    rows = played.stack.ledger.all("SELECT id FROM steps WHERE status = 'queued' AND attempt = 0")
    return [row[0] for row in rows]


def _idle(played: Round) -> None:
    """Only then it shows whether workers hear of new work: a busy one goes on by itself."""
    played.accepted()
    played.until(lambda: not _open_steps(played), "the workers did not become idle")


def _open_steps(played: Round) -> int:
    return played.stack.ledger.count("SELECT count(*) FROM steps WHERE status IN ('queued', 'running')")


def _through(played: Round, sent: Sent) -> Callable[[], bool]:
    """Whether a light worker heard of this recording, and after it a transcriber."""
    begun = "SELECT count(*) FROM steps WHERE job_id = %s AND kind = 'transcribe' AND attempt > 0"
    return lambda: played.stack.ledger.count(begun, sent.job) > 0


def _killed(played: Round) -> None:
    """In the middle of the work, and back empty."""
    played.submit_some()
    played.moment(1.0)
    since = time.monotonic()
    played.stack.children.kill("redis")
    played.accepted()
    played.hit(since, _begun(played, _due(played)))


def wiped(played: Round) -> None:
    """While the workers are idle an upload's rings are lost, and Redis is back empty. Recovered when a transcriber
    works on it."""
    _idle(played)
    with played.stack.postbox.lost():
        sent = played.submit(played.stack.recordings[0])
        played.accepted([sent])
    since = time.monotonic()
    played.stack.children.kill("redis")
    played.hit(since, _through(played, sent))


def paused(played: Round) -> None:
    """30 s with production timings, else as much less as the leases are shorter."""
    played.submit_some()
    played.moment(0.5)
    played.stack.children.pause("redis")
    try:
        played.stack.children.tended(1.5 * played.stack.timing.lease)
    finally:
        played.stack.children.resume("redis")
    played.accepted()
    played.hit(time.monotonic(), _begun(played, _due(played)))


def _unreachable_at_upload(played: Round) -> None:
    """The upload is answered 202 all the same. Recovered, once Redis can be reached, when its work has been begun."""
    played.stack.proxy.refuse()
    played.stack.proxy.cut()
    try:
        played.accepted(played.submit_some())
    finally:
        played.stack.proxy.accept()
    played.hit(time.monotonic(), _begun(played, _due(played)))


def half_open(played: Round) -> None:
    """Every connection of now stays open and is dead, and nobody is told. Recovered when an upload that was sent then
    is in a transcriber's hands."""
    played.submit_some()
    _idle(played)
    since = time.monotonic()
    played.stack.proxy.freeze()
    sent = played.submit(played.stack.recordings[0])
    played.accepted([sent])
    played.hit(since, _through(played, sent))


def _cut(played: Round) -> None:
    played.submit_some()
    played.moment(0.5)
    since = time.monotonic()
    played.stack.proxy.cut()
    played.accepted()
    played.hit(since, _begun(played, _due(played)))


def _full(played: Round) -> None:
    """It refuses to keep one more ring."""
    played.stack.redis.config_set("maxmemory", 1)
    try:
        played.accepted(played.submit_some())
    finally:
        played.stack.redis.config_set("maxmemory", 0)
    played.hit(time.monotonic(), _begun(played, _due(played)))


FAULTS = (
    Fault("Redis killed and back empty", _killed, most=3),
    Fault("bell wiped while all are idle", wiped, most=3),
    Fault("Redis stopped for a while", paused),
    Fault("Redis out of reach at upload", _unreachable_at_upload),
    Fault("Redis connections half open", half_open, rounds=3),
    Fault("Redis connections cut", _cut, most=5),
    Fault("Redis out of memory", _full),
)
