"""What callers do with recordings."""

from uuid import UUID

from apiflask import APIBlueprint
from flask import Response, request, url_for

from core import jobs, recordings
from core.errors import fault
from web import queries, schemas
from web.answers import answer
from web.bodies import received
from web.fields import plain
from web.recordings import described, sound
from web.scope import authenticate, context, tenant
from web.submission import idempotency_key
from web.upload import RECORDING_ID, SOURCE_URL, Named, Upload

routes = APIBlueprint("recordings", __name__, url_prefix="/v1", tag="Recordings")
routes.before_request(authenticate)


@routes.post("/recordings")
@routes.output(schemas.RecordingInfo, status_code=201)
@routes.doc(extensions={"requestBody": described.body()})
def keep() -> Response:
    """Send a recording, and have jobs of it later

    It is looked into before the answer: what is no recording is refused, and nothing of it kept. It stays until it is
    deleted, whatever becomes of its jobs. Sent again with the same `Idempotency-Key` it is kept once: the answer is the
    first one, with 200.
    """
    here, key = context(), idempotency_key()
    jobs.check_storage(here, request.content_length or 0)
    with received(request, here, raw=True) as body:
        if not isinstance(body, Upload):
            field = RECORDING_ID if isinstance(body, Named) else SOURCE_URL
            raise fault(field, "names a recording instead of holding it; send the bytes of a new one")
        if body.options:
            raise fault(next(iter(body.options)), "is not of a recording; options are given with POST /v1/jobs")
        kept = recordings.keep_once(here, tenant(), body.incoming, body.filename, key)
    location = url_for("recordings.show", recording_id=UUID(kept.recording["id"]))
    return answer(kept.recording, 201 if kept.created else 200, location)


@routes.get("/recordings/<uuid:recording_id>")
@routes.output(schemas.RecordingInfo)
def show(recording_id: UUID) -> Response:
    """A recording, also one that came with a job"""
    return answer(recordings.show(context(), tenant(), recording_id))


@routes.get("/recordings")
@routes.input(queries.RecordingsQuery, location="query", arg_name="query")
@routes.output(schemas.RecordingPage)
def page(query: queries.RecordingsQuery) -> Response:
    """Recordings, newest first"""
    return answer(recordings.page(context(), tenant(), **plain("cursor", query.model_dump())))


@routes.get("/recordings/<uuid:recording_id>/audio")
@routes.input(queries.ClipQuery, location="query", arg_name="query")
@routes.doc(responses={200: "The bytes as they were sent, or a clip as WAV", 416: "It has no such bytes"})
def audio(recording_id: UUID, query: queries.ClipQuery) -> Response:
    """Hear a recording

    Without parameters its own bytes, of which `Range` may ask for a part. With `start` or `end` a clip: WAV, 16 kHz,
    mono, rendered for this answer.
    """
    if query.start is None and query.end is None:
        return sound.served(recordings.original(context(), tenant(), recording_id))
    return sound.clip(recordings.rendered(context(), tenant(), recording_id, query.start or 0.0, query.end))


@routes.delete("/recordings/<uuid:recording_id>")
@routes.doc(responses={204: "Deleted, now or before", 409: "A job of it is under way"})
def delete(recording_id: UUID) -> tuple[str, int]:
    """Erase a recording

    Not while a job of it is under way. Transcripts of its jobs stay; a retry that needs its sound is refused from then
    on.
    """
    recordings.delete(context(), tenant(), recording_id)
    return "", 204
