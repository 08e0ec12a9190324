"""Whoever delivers webhooks is killed at each point of a delivery; Redis is wiped and Postgres restarted under it. Each
event arrives, in an order that its receiver can restore, and twice only what a sender had in its hands when it died."""

import signal
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import mkdtemp
from uuid import UUID

from tests.fakes.receiver import Came, Manner, Receiver, receiving
from tests.faults.load import Caller
from tests.faults.rounds import Fault, Round, Sent

SENDER = "deliver"
_SLOW = Manner(seconds=1.0)
_RECORDING = "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'delivery_attempts'::regclass"
_CLAIMING = (
    "SELECT count(*) FROM pg_locks AS waits JOIN pg_locks AS has USING (pid) WHERE NOT waits.granted"
    " AND waits.relation = 'deliveries'::regclass AND has.granted AND has.locktype = 'advisory'"
)
"""Upkeep may stand before that table too; only a claim is made under a lock of its own."""
_TOLD = ["job.created", "job.started", "job.completed"]


@dataclass(frozen=True)
class Endpoint:
    """Of one tenant; its events come to `/path`."""

    id: UUID
    secret: str
    path: str


@dataclass
class Told:
    """What came, and what had to. `before`: jobs that were there when nobody was told yet. `in_hand`: events that a
    sender held when it was killed: they may come twice."""

    receiver: Receiver
    before: int
    endpoints: dict[Caller, Endpoint] = field(default_factory=dict)
    in_hand: set[str] = field(default_factory=set)

    @property
    def ids(self) -> list[UUID]:
        return [one.id for one in self.endpoints.values()]

    def all_behave(self, manner: Manner) -> None:
        self.receiver.behave(**{one.path: manner for one in self.endpoints.values()})

    def under_way(self) -> set[str]:
        return {one.id for one in self.receiver.came() if one.held is None}


@contextmanager
def _told(played: Round) -> Iterator[Told]:
    """A receiver, and an endpoint of each tenant there; when the block ends well, everything must have arrived."""
    with receiving(Path(mkdtemp(dir=played.stack.folder, prefix="receiver"))) as receiver:
        told = Told(receiver, len(played.sent))
        try:
            for number, caller in enumerate(played.stack.callers):
                told.endpoints[caller] = _made(played, caller, receiver, f"tenant{number}")
            yield told
            _arrived(played, told)
        finally:
            for caller, endpoint in told.endpoints.items():
                played.stack.asked(lambda caller=caller, one=endpoint: caller.ask("DELETE", f"/v1/webhooks/{one.id}"))  # type: ignore[misc]


def _made(played: Round, caller: Caller, receiver: Receiver, path: str) -> Endpoint:
    asked = {"url": f"{receiver.url}/{path}", "events": _TOLD}
    answer = played.stack.asked(lambda: caller.ask("POST", "/v1/webhooks", json=asked))
    shown = answer.json()
    return Endpoint(UUID(shown["id"]), shown["secret"], path)


def _arrived(played: Round, told: Told) -> None:
    """Until nothing is to be delivered any more; then what came is compared with what happened."""
    played.ended()
    played.until(lambda: not _count(played, told, "pending", "delivering"), "not all was delivered")
    if count := _count(played, told, "failed", "cancelled"):
        played.wrong.append(f"{count} deliveries were given up")
    for sent in played.sent[told.before :]:
        if sent.accepted:
            played.wrong += _of_job(told, sent)
    played.wrong += _again(told)


def _count(played: Round, told: Told, *statuses: str) -> int:
    asked = "SELECT count(*) FROM deliveries WHERE endpoint_id = ANY(%s) AND status = ANY(%s)"
    return played.stack.ledger.count(asked, told.ids, list(statuses))


def _held(played: Round, told: Told) -> set[str]:
    """Events that are in a sender's hands, or were in those of one that is dead."""
    asked = "SELECT event_id FROM deliveries WHERE endpoint_id = ANY(%s) AND status = 'delivering'"
    return {str(event) for (event,) in played.stack.ledger.all(asked, told.ids)}


def _of_job(told: Told, sent: Sent) -> list[str]:
    """Every event of it, signed; put into the order of their `sequence`, they are its life."""
    endpoint = told.endpoints[sent.caller]
    mine = [one for one in told.receiver.came(endpoint.path) if one.taken and one.job == str(sent.job)]
    by_sequence = {one.said["data"]["sequence"]: one.said["type"] for one in mine}
    kinds = [by_sequence[number] for number in sorted(by_sequence)]
    found = [] if kinds == _TOLD else [f"job {sent.job}: its receiver knows of {kinds}"]
    return found + [f"event {one.id}: its signature does not fit" for one in mine if not one.verified(endpoint.secret)]


def _again(told: Told) -> list[str]:
    """Of events that came more than once, those that had no reason to, and those that were others then."""
    found: dict[str, list[Came]] = {}
    for one in told.receiver.came():
        found.setdefault(one.id, []).append(one)
    often = {event: times for event, times in found.items() if len(times) > 1}
    return [
        *(f"event {event} came {len(times)} times" for event, times in often.items() if _too_often(told, event, times)),
        *(f"event {event} was another later" for event, times in often.items() if len({one.body for one in times}) > 1),
    ]


def _too_often(told: Told, event: str, times: Sequence[Came]) -> bool:
    return len(times) > (2 if event in told.in_hand else 1)


def _killed_as_it_claims(played: Round) -> None:
    """It stands before the rows that it wants; nothing was sent yet, so nothing comes twice."""
    children, ledger = played.stack.children, played.stack.ledger
    with _told(played) as told:
        children.down(SENDER)
        played.submit_some()
        played.ended()
        with ledger.locked("deliveries"):
            children.again(SENDER)
            played.until(lambda: ledger.count(_CLAIMING) > 0, "nobody came to claim")
            since = time.monotonic()
            children.kill(SENDER)
        played.hit(since, lambda: bool(told.receiver.came()))


def _killed_as_it_sends(played: Round) -> None:
    """Its receiver thinks, and then answers nobody."""
    with _told(played) as told:
        told.all_behave(_SLOW)
        played.submit_some()
        played.until(lambda: bool(told.under_way()), "nothing was sent")
        since = time.monotonic()
        played.stack.children.kill(SENDER)
        told.all_behave(Manner())
        _sent_again(played, told, since)


def _killed_before_it_records(played: Round) -> None:
    """The receiver has taken it; that it has is what the dead one did not write down."""
    ledger = played.stack.ledger
    with _told(played) as told:
        with ledger.locked("delivery_attempts"):
            played.submit_some()
            played.until(lambda: ledger.count(_RECORDING) > 0, "nothing was to be recorded")
            since = time.monotonic()
            played.stack.children.kill(SENDER)
        _sent_again(played, told, since)


def _sent_again(played: Round, told: Told, since: float) -> None:
    """Recovered when what the dead one held was taken from another."""
    count = len(told.receiver.came())
    told.in_hand = _held(played, told)
    if not told.in_hand:
        played.wrong.append("the sender held nothing when it was killed: the fault did not happen")
    played.hit(since, lambda: told.in_hand <= {one.id for one in told.receiver.came()[count:] if one.taken})


def _amid(breaks: Callable[[Round], None], *, forgets: bool) -> Callable[[Round], None]:
    """While deliveries are under way. Recovered when something comes that was sent afterwards. `forgets`: what they had
    come to could perhaps not be written down."""

    def script(played: Round) -> None:
        with _told(played) as told:
            told.all_behave(Manner(seconds=0.3))
            played.submit_some()
            played.until(lambda: bool(told.under_way()), "nothing was sent")
            before = _held(played, told)
            since = time.monotonic()
            breaks(played)
            count = len(told.receiver.came())
            if forgets:
                told.in_hand = before | told.under_way() | _held(played, told)
            played.hit(since, lambda: len(told.receiver.came()) > count)

    return script


def _redis_wiped(played: Round) -> None:
    """It is back empty when somebody waits."""
    played.stack.children.kill("redis")


def _postgres_restarted(played: Round) -> None:
    children = played.stack.children
    deaths = children.deaths("postgres")
    children.send("postgres", signal.SIGINT)
    played.until(lambda: children.deaths("postgres") > deaths, "it did not end")


FAULTS = (
    Fault("sender killed as it claims", _killed_as_it_claims, rounds=3),
    Fault("sender killed as it sends", _killed_as_it_sends, rounds=3),
    Fault("sender killed before it records", _killed_before_it_records, rounds=3),
    Fault("Redis wiped amid deliveries", _amid(_redis_wiped, forgets=False), rounds=3),
    Fault("Postgres restarted amid deliveries", _amid(_postgres_restarted, forgets=True), rounds=3),
)
