"""One delivery, sent: a signed POST through the guard of `worker/outgoing.py`, and what became of it."""

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from core.errors import ScriptoriumError, SourceForbidden, SourceRefused, SourceUnreachable
from core.outgoing import Address
from core.webhooks.outcomes import Outcome
from core.webhooks.schedule import retry_after
from core.webhooks.sending import Parcel
from worker.outgoing import MOST_ADDRESSES, Answer, Limits, Outgoing, Resolve

READ = 2**14
"""Bytes of an answer that are read, at most; a receiver may send without end."""
KEPT = 2**10
"""Bytes of it that are kept, for its owner to read."""
RESOLVE = 5.0
"""Seconds for a name's addresses; the system's resolver knows no limit."""


def post(outgoing: Outgoing, parcel: Parcel, seconds: float) -> Outcome:
    """Takes `seconds` at most, and finding the address. Raises nothing that a receiver can cause."""
    began = time.monotonic()
    names = _Names(outgoing.resolve)
    guarded = replace(outgoing, resolve=names)
    limits = Limits(seconds, seconds)
    status, wait, said = None, None, b""
    try:
        with guarded.open(parcel.url, limits, method="POST", headers=parcel.headers(), content=parcel.body) as answer:
            status, wait = answer.status, retry_after(answer.headers.get("retry-after"), _moment(parcel))
            said = _beginning(answer)
        error = None if 200 <= status < 300 else _refused(status)
    except ScriptoriumError as failure:
        # What it answered counts, however it went on.
        error = _named(failure, seconds) if status is None or not 200 <= status < 300 else None
    text = said[:KEPT].decode(errors="replace").replace("\0", "\ufffd") or None
    return Outcome(status, time.monotonic() - began, error, wait, names.asked or _literal(outgoing, parcel.url), text)


def _literal(outgoing: Outgoing, url: str) -> str | None:
    """The address, where the URL names one instead of a host."""
    try:
        found = outgoing.rules.read(url).address
    except SourceForbidden:
        return None
    return None if found is None else str(found)


def _moment(parcel: Parcel) -> datetime:
    return datetime.fromtimestamp(parcel.now, UTC)


def _beginning(answer: Answer) -> bytes:
    said = b""
    try:
        for piece in answer.body:
            said += piece[: READ - len(said)]
            if len(said) >= READ:
                break
    except (SourceUnreachable, SourceRefused):
        pass  # its status is here; the rest was only for people
    return said


def _refused(status: int) -> dict[str, str]:
    if 300 <= status < 400:
        return {"code": "redirect", "message": f"it answered with status {status}; a redirect is not followed"}
    return {"code": "status", "message": f"it answered with status {status}; only 2xx counts as received"}


def _named(failure: ScriptoriumError, seconds: float) -> dict[str, str]:
    """In words about a receiver; the guard's are about a source."""
    if isinstance(failure, SourceForbidden):
        return {"code": "forbidden", "message": "its URL leads to where this server may not send anything"}
    if failure.code == "source_too_slow":
        return {"code": "timeout", "message": f"it did not answer within {seconds:g} s"}
    return {"code": "unreachable", "message": failure.message.replace("the source's", "its")}


@dataclass
class _Names:
    """Asks for a name's addresses, not for ever, and remembers what was found."""

    resolve: Resolve
    found: list[Address] = field(default_factory=list)

    @property
    def asked(self) -> str:
        return ", ".join(str(one) for one in self.found[:MOST_ADDRESSES])

    def __call__(self, host: str, port: int) -> Sequence[Address]:
        """Raises OSError."""
        told: list[Sequence[Address] | OSError] = []

        def ask() -> None:
            try:
                told.append(self.resolve(host, port))
            except OSError as error:
                told.append(error)

        asking = threading.Thread(target=ask, name="resolve", daemon=True)
        asking.start()
        asking.join(RESOLVE)
        answer = told[0] if told else TimeoutError("the resolver does not answer")
        if isinstance(answer, OSError):
            raise answer
        self.found = list(answer)
        return self.found
