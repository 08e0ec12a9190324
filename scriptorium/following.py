"""A job's events over connections that break: each resumes behind the last event that came."""

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

import httpx2

from scriptorium.refusals import ApiError, ServerUnreachable, before_another

ENDED = frozenset({"completed", "failed", "cancelled"})
_PAUSE = 0.3
"""Seconds before a stream that ended by itself, as each does after ten minutes, is asked for again."""

_LONGEST = 5
"""Tries after which the pause between them, which doubles each time, grows no more."""


@dataclass(frozen=True)
class Event:
    """`kind` is `status` (`data` is the job), `segment`, `progress` or `deleted`. `id`: of the last event that has one;
    a stream can begin behind it."""

    kind: str
    data: dict[str, Any]
    id: str


Opening = Callable[[str], AbstractContextManager[httpx2.Response]]
"""A stream behind the event of an id; from the start where it is empty. Raises ApiError, ServerUnreachable."""


def followed(opened: Opening, pause: Callable[[float], None], last_event_id: str, patience: float) -> Iterator[Event]:
    """Until the job has ended. A server that does not answer, or has no room, is asked again for `patience` seconds."""
    answered, tried = time.monotonic(), 0
    while True:
        wait = _PAUSE
        try:
            with opened(last_event_id) as response:
                for event in _events(response):
                    answered, tried, last_event_id = time.monotonic(), 0, event.id or last_event_id
                    yield event
                    if event.kind == "deleted" or (event.kind == "status" and event.data["status"] in ENDED):
                        return
                if response.status_code == httpx2.codes.NO_CONTENT:
                    return
        except (ApiError, ServerUnreachable) as error:
            tried = min(tried + 1, _LONGEST)
            wait = before_another(error, max(2, tried)) or 0.0
            if not wait or time.monotonic() - answered > patience:
                raise
        pause(wait)


def _events(response: httpx2.Response) -> Iterator[Event]:
    """Ends where the connection breaks."""
    if response.status_code == httpx2.codes.NO_CONTENT:
        return
    try:
        for found in httpx2.EventSource(response, max_event_size=None):
            if found.data:
                yield Event(found.event, _object(found), found.id)
    except httpx2.TransportError:
        return


def _object(found: httpx2.ServerSentEvent) -> dict[str, Any]:
    data = found.json()
    if not isinstance(data, dict):
        raise ApiError("unknown", "this is not an event of a job", 200)
    return data
