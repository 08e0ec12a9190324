"""Long jobs over one connection: something is sent now and then, so that neither a client nor a proxy gives up."""

from collections.abc import Iterator
from typing import Any
from uuid import UUID

from core import jobs
from core.context import Context
from core.keys import Tenant
from core.states import Status
from web.openai.asked import Asked
from web.openai.rendered import events, rendered
from web.streams import SIGN, comment, event

LOOK = 2.0
"""Between two looks for segments that are new."""

Job = dict[str, Any]


class Broken(Exception):
    """The job failed after the answer had begun: the connection is cut, the client sends all again, and is told then,
    with a status of its own, since the same upload is the same job."""


def padded(context: Context, tenant: Tenant, job: Job, asked: Asked, sign: float = SIGN) -> Iterator[bytes]:
    """Blanks, which JSON and text may begin with, until the job has ended; then the answer. Raises Broken."""
    while not Status(job["status"]).ended:
        yield b" "
        job = jobs.wait_for_end(context, tenant, UUID(job["id"]), sign)
    if job["status"] != Status.COMPLETED:
        raise Broken(job["status"])
    body, _ = rendered(jobs.transcript(context, tenant, UUID(job["id"])), asked)
    yield body.encode()


def streamed(context: Context, tenant: Tenant, job: Job, asked: Asked) -> Iterator[bytes]:
    """Server-sent events: the text as far as it is settled, piece by piece; a comment where there is nothing new. What
    of it changes while the transcript is put together stands in the last event alone."""
    job_id, told = UUID(job["id"]), Told()
    while not Status(job["status"]).ended:
        settled = jobs.settled(
            context, tenant, job_id
        )  # before the segments: they are of a later moment, never missing
        pieces = told.more(jobs.segments(context, tenant, job_id, told.revision), settled)
        for piece in pieces:
            yield event({"type": "transcript.text.delta", "delta": piece})
        if not pieces:
            yield comment("still at work")
        job = jobs.wait_for_end(context, tenant, job_id, LOOK)
    if job["status"] != Status.COMPLETED:
        error = job["error"] or {"code": f"job_{job['status']}", "message": f"the job was {job['status']}"}
        yield event({"type": "error", "error": {"code": error["code"], "message": error["message"]}})
        return
    transcript = jobs.transcript(context, tenant, job_id)
    for piece in told.rest(transcript["segments"]):
        yield event({"type": "transcript.text.delta", "delta": piece})
    for one in events(transcript, asked):
        yield event(one)
    yield b"data: [DONE]\n\n"


class Told:
    """What a stream has said: chunks in their order, since a text cannot be taken back."""

    def __init__(self) -> None:
        self.revision = 0
        self._waiting: dict[tuple[int, int], dict[str, Any]] = {}
        self._next = 0
        self._until = 0.0

    def more(self, page: dict[str, Any], settled: int) -> list[str]:
        """Of the segments that are new, and of those that waited, the texts of all chunks before `settled`."""
        self.revision = page["revision"]
        for segment in page["segments"]:
            chunk, position = map(int, segment["id"].split("."))
            if chunk >= self._next:
                self._waiting[chunk, position] = segment
        ready = sorted(place for place in self._waiting if place[0] < settled)
        said = [self._waiting.pop(place) for place in ready]
        self._next = max(self._next, settled)
        self._until = max([self._until, *(segment["end"] for segment in said)])
        return [segment["text"] for segment in said if segment["text"]]

    def rest(self, segments: list[dict[str, Any]]) -> list[str]:
        """Of the transcript, what lies behind all that was said."""
        return [one["text"] for one in segments if one["start"] >= self._until]
