"""`/v1/jobs/{id}/events`: a job as it goes on, as server-sent events."""

import time
from collections.abc import Callable, Iterator
from uuid import UUID

from apiflask import APIBlueprint
from flask import Response, request

from core import jobs
from core.context import Context
from core.errors import Gone, Unavailable
from core.keys import Tenant
from web import queries
from web.arrival import departure
from web.scope import authenticate, context, tenant
from web.streams import EVENTS, SIGN, begun, comment, event, seated

LOOK = 0.5
"""Seconds between two looks; no connection to the database is held in between."""
LONGEST = 600.0
"""Seconds of one stream; whoever follows comes again with the last id, and others get a turn."""
COME_AGAIN = 2000
"""Milliseconds that a client waits before it comes again."""

routes = APIBlueprint("events", __name__, url_prefix="/v1", tag="Jobs")
routes.before_request(authenticate)


@routes.get("/jobs/<uuid:job_id>/events")
@routes.input(queries.EventsQuery, location="query", arg_name="query")
@routes.doc(responses={200: "Events as they come", 204: "The last event that came was the end: there is no more"})
def follow(job_id: UUID, query: queries.EventsQuery) -> Response:
    """A job as it goes on, as server-sent events

    `status`: the job, first and whenever its status or run changes, and last of all when it has ended. `segment`: one
    that is new or has changed, as `/segments` lists it; one that is no more comes again without text and with the flag
    `withdrawn`. `progress`: `progress`, `eta_seconds`, `queue_position` and `stages`, when one of them changes.
    `deleted`: the job is no more.

    With the id of the last event that came, in `Last-Event-ID` or `last_event_id` (the header counts where both are
    given), the stream goes on behind it: each later change of a segment is told once, as it is now. An id that this job
    has not reached, as after a restored backup, begins anew. A stream ends with the job, or after ten minutes: come
    again, until the answer is 204.
    """
    since = request.headers.get("Last-Event-ID") or query.last_event_id
    told = jobs.Told(jobs.Place.read(since) if since else jobs.START)
    with seated() as held:
        found = jobs.look(context(), tenant(), job_id, told)
        if found.ended and not found.events:
            return Response(status=204)
        return begun(held.pop_all(), _stream(context(), tenant(), job_id, found, departure()), EVENTS)


def _stream(
    context: Context,
    tenant: Tenant,
    job_id: UUID,
    found: jobs.Look,
    left: Callable[[float], bool],
    longest: float = LONGEST,
    sign: float = SIGN,
) -> Iterator[bytes]:
    """Ends early in an outage: who follows comes again, and is told then. `left` waits, and tells when nobody listens
    any more, so that the seat is free for who comes again."""
    spoke = began = time.monotonic()
    yield f"retry: {COME_AGAIN}\n\n".encode()
    while True:
        for one in found.events:
            yield event(one.data, one.kind, one.id)
        now = time.monotonic()
        if found.ended or now - began >= longest:
            return
        if found.events:
            spoke = now
        elif now - spoke + LOOK > sign:
            yield comment("still at work")
            spoke = now
        if not found.more and left(LOOK):
            return
        try:
            found = jobs.look(context, tenant, job_id, found.told)
        except Unavailable:
            return
        except Gone as gone:
            yield event({"id": str(job_id), "message": gone.message}, "deleted")
            return
