"""Answers that last: server-sent events, and signs of life for whoever waits for long."""

import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from flask import Response

from core.errors import Unavailable
from web.scope import seat

SIGN = 15.0
"""Seconds between two signs of life; proxies give up after 60, OpenAI's client after 600."""
BUSY_RETRY_AFTER = 5
EVENTS = "text/event-stream"
EVENT: dict[str, Any] = {
    "type": "object",
    "properties": {name: {"type": "string"} for name in ("event", "id", "data")},
    "required": ["data"],
}
"""The schema of one event, as OpenAPI has it of a stream of them; `data` is JSON."""


@contextmanager
def seated() -> Iterator[ExitStack]:
    """A seat, given back at the end unless an answer that lasts took it along. Raises Unavailable."""
    with ExitStack() as held:
        if not held.enter_context(seat()):
            raise Unavailable(
                "as many callers wait here as this server's threads allow; send the request again a little later",
                code="too_many_waiting",
                retry_after=BUSY_RETRY_AFTER,
            )
        yield held


def begun(held: ExitStack, pieces: Iterator[bytes], media: str) -> Response:
    """Whatever is held is given back when the last piece went out, or the caller went away."""
    response = Response(pieces, content_type=media)
    response.headers["X-Accel-Buffering"] = "no"  # nginx would else keep the signs of life to itself
    response.call_on_close(held.close)
    return response


def event(data: dict[str, Any], kind: str | None = None, id: object = None) -> bytes:
    """As https://html.spec.whatwg.org/multipage/server-sent-events.html has it. JSON has no line breaks."""
    head = "".join(f"{name}: {value}\n" for name, value in (("event", kind), ("id", id)) if value is not None)
    return f"{head}data: {json.dumps(data, ensure_ascii=False)}\n\n".encode()


def comment(text: str) -> bytes:
    return f": {text}\n\n".encode()
