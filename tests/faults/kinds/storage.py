"""Storage that is full, or does not give back what it was given.

A full disk is played with RLIMIT_FSIZE, set on the running processes from outside: past it a write fails with EFBIG
instead of ENOSPC. That needs no rights, no mount and no room, and hits the real code at any byte.
"""

import resource
import time
from collections.abc import Iterator
from contextlib import contextmanager

from scriptorium.processes import children
from tests.faults.children import told
from tests.faults.load import Upload
from tests.faults.rounds import Fault, Round, Sent
from tests.faults.stack import LIGHT

_SMALL = 20_000
"""Bytes that a file may still have."""


@contextmanager
def _full(played: Round, *names: str) -> Iterator[None]:
    """These processes, and those that they started, can write no larger file."""
    owners = [played.stack.children.pid(name) for name in names]
    pids = [*owners, *(child for owner in owners for child in children(owner))]
    _limit(pids, _SMALL)
    try:
        yield
    finally:
        _limit(pids, resource.RLIM_INFINITY)


def _limit(pids: list[int], size: int) -> None:
    for pid in pids:
        try:
            _, hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (size, hard))
        except ProcessLookupError:  # it ended meanwhile
            continue


def _refused(played: Round) -> Upload:
    """An upload that the server must not take now: 503, Retry-After, nothing kept of it."""
    upload, caller = Upload(played.stack.recordings[-1].path), played.stack.callers[0]
    answer = played.stack.asked(lambda: caller.answered(upload))
    if answer.status_code != 503 or "retry-after" not in answer.headers:
        played.wrong.append(f"without room an upload got {answer.status_code} {answer.text[:200]}, not a 503")
    return upload


def _full_at_upload(played: Round) -> None:
    played.submit_some()
    with _full(played, "web"):
        upload = _refused(played)
        if any((played.stack.blobs / ".incoming").iterdir()) and all(one.answer.done() for one in played.sent):
            played.wrong.append("a refused upload left bytes behind")
    since = time.monotonic()
    again = played.submit(played.stack.recordings[-1], key=upload.key, caller=played.stack.callers[0])
    played.hit(since, again.answer.done)


def _full_in_ingest(played: Round) -> None:
    """What decoding makes finds no room. Recovered, once there is some, when every ingest that was hit goes on."""
    given_back = (
        "SELECT count(*) FROM steps WHERE kind = 'ingest' AND status = 'queued' AND attempt > 0 AND job_id = ANY(%s)"
    )
    with _full(played, *LIGHT):
        sent = played.submit_some()
        played.accepted(sent)
        jobs = [one.job for one in sent]
        played.until(lambda: played.stack.ledger.count(given_back, jobs) > 0, "no ingest met the full disk")
        played.moment(0.5)
    since = time.monotonic()
    played.hit(since, lambda: not played.stack.ledger.count(given_back, jobs))


def _nearly_full(played: Round) -> None:
    """The server that must keep more free than there is refuses before it reads a byte."""
    command = played.stack.command("web")
    played.stack.children.again("web", told(command, {"SCRIPTORIUM_MIN_FREE_BYTES": str(10**18)}))
    try:
        upload = _refused(played)
    finally:
        played.stack.children.again("web", command)
    since = time.monotonic()
    again = played.submit(played.stack.recordings[-1], key=upload.key, caller=played.stack.callers[0])
    played.hit(since, again.answer.done)


def _source_away(played: Round) -> None:
    """The upload cannot be read when ingest wants it. Recovered, once it can, when ingest is done."""
    for name in LIGHT:
        played.stack.children.pause(name)
    try:
        sent = played.submit(played.stack.recordings[-1])
        played.accepted([sent])
    finally:
        with _away(played, sent, "source"):
            for name in LIGHT:
                played.stack.children.resume(name)
            _met(played, sent)
    _goes_on(played, sent)


def _sound_away(played: Round) -> None:
    """The decoded sound cannot be read when a transcriber wants it."""
    sent = played.submit(played.stack.recordings[-1])
    played.submit()
    played.accepted()
    decoded = "SELECT count(*) FROM steps WHERE job_id = %s AND kind = 'ingest' AND status = 'done'"
    played.until(lambda: played.stack.ledger.count(decoded, sent.job) > 0, "nothing was decoded")
    with _away(played, sent, ""):
        _met(played, sent)
        played.moment(0.5)
    _goes_on(played, sent)


@contextmanager
def _away(played: Round, sent: Sent, name: str) -> Iterator[None]:
    """A recording's folder, or one file in it, is somewhere else for a while."""
    recording = str(played.stack.ledger.one("SELECT recording_id FROM jobs WHERE id = %s", sent.job))
    here, there = played.stack.path_of(recording) / name, played.stack.folder / f"away-{recording}"
    here.rename(there)
    try:
        yield
    finally:
        there.rename(here)


def _met(played: Round, sent: Sent) -> None:
    met = "SELECT count(*) FROM steps WHERE job_id = %s AND outages > 0"
    played.until(lambda: played.stack.ledger.count(met, sent.job) > 0, "nobody missed what was away")


def _goes_on(played: Round, sent: Sent) -> None:
    """Recovered when every step that met the fault is in somebody's hands again, or done."""
    waiting = "SELECT count(*) FROM steps WHERE job_id = %s AND outages > 0 AND status = 'queued'"
    played.hit(time.monotonic(), lambda: not played.stack.ledger.count(waiting, sent.job))


FAULTS = (
    Fault("storage full at upload", _full_at_upload, most=2),
    Fault("storage full in ingest", _full_in_ingest, most=2),
    Fault("storage nearly full", _nearly_full, rounds=3),
    Fault("upload unreadable for a while", _source_away, most=2),
    Fault("sound unreadable for a while", _sound_away, most=2, seconds=1.0),
)
