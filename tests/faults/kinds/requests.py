"""What callers do at a bad moment, twice, or only half."""

import socket
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from tests.faults.load import Caller, Upload
from tests.faults.rounds import COMPLETED, Fault, Round, Sent

_CANCELLED, _DELETED = frozenset({"cancelled"}), frozenset({"deleted"})
_NOT_READY = 409
_ANY_TIME = 2.0
"""Seconds within which a short recording goes through all of its steps."""


def _one_key(played: Round) -> None:
    """Three at once and one afterwards, all with one key: one job."""
    first = played.submit()
    sent = [first, *(played.submit(first.made, key=first.upload.key, caller=first.caller) for _ in range(2))]
    played.accepted(sent)
    sent.append(played.submit(first.made, key=first.upload.key, caller=first.caller))
    played.accepted()
    jobs = {one.job for one in sent if one.accepted}
    if len(jobs) != 1:
        played.wrong.append(f"one Idempotency-Key gave the jobs {jobs}")
    played.hit()


def _cut_off(played: Round) -> None:
    """In the middle of the body. Nothing is kept, and no job is made; the same upload later is a first one."""
    upload, caller = Upload(played.stack.recordings[-1].path), played.stack.callers[0]
    body = upload.body()
    with _begun(caller, upload) as connection:
        connection.sendall(body[: played.chance.randrange(1, len(body))])
        played.moment(0.2)
    _nothing_kept(played, upload)
    played.submit(played.stack.recordings[-1], key=upload.key, caller=caller)
    played.hit()


def _stalled(played: Round) -> None:
    """It stops in the middle and stays connected: 408, and nothing is kept."""
    upload, caller = Upload(played.stack.recordings[-1].path), played.stack.callers[0]
    body = upload.body()
    with _begun(caller, upload) as connection:
        connection.sendall(body[: len(body) // 2])
        played.submit_some()
        answer = played.stack.asked(lambda: connection.recv(4096))
    if not answer.startswith(b"HTTP/1.1 408"):
        played.wrong.append(f"a stalled upload was answered {answer[:100]!r}, not 408")
    _nothing_kept(played, upload)
    played.hit()


def _begun(caller: Caller, upload: Upload) -> socket.socket:
    """A connection on which the head of the request has been sent."""
    address = urlsplit(caller.url)
    connection = socket.create_connection((address.hostname or "", address.port or 0), timeout=30.0)
    head = {**upload.headers(), "Host": address.netloc, "Authorization": f"Bearer {caller.token}"}
    lines = "".join(f"{name}: {value}\r\n" for name, value in head.items())
    connection.sendall(f"POST /v1/jobs HTTP/1.1\r\n{lines}\r\n".encode())
    return connection


def _nothing_kept(played: Round, upload: Upload) -> None:
    incoming = played.stack.blobs / ".incoming"
    under_way = [one for one in played.sent if not one.answer.done()]
    played.accepted(under_way)
    played.until(lambda: not any(incoming.iterdir()), "half an upload was left behind")
    made = "SELECT count(*) FROM jobs WHERE metadata->>'key' = %s"
    if played.stack.ledger.count(made, upload.key):
        played.wrong.append("half an upload became a job")


def _post(played: Round, sent: Sent, what: str, **rest: Any) -> int:
    """The status that the server answers with; anything but what it documents is a finding."""
    method, path = ("DELETE", "") if what == "delete" else ("POST", f"/{what}")
    url = f"/v1/jobs/{sent.job}{path}"
    status = played.stack.asked(lambda: sent.caller.ask(method, url, **rest)).status_code
    if status not in (202, 204, 409, 410):
        played.wrong.append(f"{what} at a random moment was answered {status}")
    return status


def _longest(sent: list[Sent]) -> Sent:
    """It is under way for the longest time."""
    return max(sent, key=lambda one: one.made.words[-1].end if one.made else 0.0)


def _at_any_moment(what: str, ends: frozenset[str]) -> Callable[[Round], None]:
    def script(played: Round) -> None:
        chosen = _longest(played.submit_some(least=30.0))
        chosen.ends = ends
        played.accepted([chosen])
        played.moment(_ANY_TIME)
        _post(played, chosen, what)
        played.hit()

    return script


def _cancelled_and_retried(played: Round) -> None:
    """Each at a random moment, from a random stage where the job is ready for that. Then it completes."""
    chosen = _longest(played.submit_some(least=30.0))
    played.accepted([chosen])
    played.moment(_ANY_TIME)
    _post(played, chosen, "cancel")
    played.moment(0.5)
    stage = played.chance.choice([None, "ingest", "transcribe", "redecode", "assemble"])
    if stage is None or _post(played, chosen, "retry", json={"stage": stage}) == _NOT_READY:
        _post(played, chosen, "retry")
    played.hit()


def _all_at_once(played: Round) -> None:
    """Cancel, retry and delete from three threads: the job is deleted, and nothing of it is left."""
    chosen = _longest(played.submit_some(least=30.0))
    chosen.ends = _DELETED
    played.accepted([chosen])
    played.moment(_ANY_TIME)
    orders = [("POST", "/cancel"), ("POST", "/retry"), ("DELETE", "")]
    played.chance.shuffle(orders)
    url = f"/v1/jobs/{chosen.job}"
    answers = [played.stack.pool.submit(chosen.caller.ask, method, url + path) for method, path in orders]
    played.until(lambda: all(one.done() for one in answers), "a request was not answered")
    bad = [one.result().status_code for one in answers if one.result().status_code not in (202, 204, 409, 410)]
    played.wrong += [f"cancel, retry and delete at once: answered {status}" for status in bad]
    played.hit()


def _stage_again(played: Round) -> None:
    """A completed job transcribes anew; its old transcript is served until the new one is there."""
    chosen = played.submit(played.stack.recordings[-2], cache=True)
    played.ended()
    stage = played.chance.choice(["ingest", "transcribe", "redecode", "assemble"])
    _post(played, chosen, "retry", json={"stage": stage})
    answer = played.stack.asked(lambda: chosen.caller.ask("GET", f"/v1/jobs/{chosen.job}/transcript"))
    if answer.status_code != 200:
        played.wrong.append(f"while a stage ran again the transcript was answered {answer.status_code}")
    played.ended()
    if played.stack.ledger.one("SELECT run FROM jobs WHERE id = %s", chosen.job) != 2:
        played.wrong.append(f"job {chosen.job}: its second run is not numbered 2")
    played.hit()


FAULTS = (
    Fault("one key for four uploads", _one_key, most=4),
    Fault("upload cut off", _cut_off, most=5),
    Fault("upload stalls", _stalled, rounds=3),
    Fault("cancel at any moment", _at_any_moment("cancel", COMPLETED | _CANCELLED), most=5, seconds=0.5),
    Fault("delete at any moment", _at_any_moment("delete", _DELETED), most=5, seconds=0.5),
    Fault("retry at any moment", _at_any_moment("retry", COMPLETED), most=5, seconds=0.5),
    Fault("cancel and retry", _cancelled_and_retried, most=3, seconds=0.5),
    Fault("cancel and retry and delete at once", _all_at_once, most=5, seconds=0.5),
    Fault("a stage once more", _stage_again, most=3),
)
