"""`/v1/audio/transcriptions` and `/v1/audio/translations`: OpenAI's audio API over this server's jobs."""

from typing import Any
from uuid import UUID

from apiflask import APIBlueprint
from flask import Response, request
from werkzeug.exceptions import UnsupportedMediaType

from core import jobs
from core.errors import ScriptoriumError
from core.states import Status
from web.openai import described
from web.openai.asked import Asked, asked
from web.openai.rendered import rendered
from web.openai.waiting import padded, streamed
from web.scope import authenticate, context, tenant
from web.streams import EVENTS, begun, seated
from web.submission import submitted

PATIENCE = 20.0
"""Seconds in which an answer still has a status of its own; then it begins, and says by blanks that it goes on."""
CANCELLED = {"code": "job_cancelled", "message": "the job was cancelled", "retryable": False}

routes = APIBlueprint("openai", __name__, url_prefix="/v1/audio", tag="OpenAI's audio API")
routes.before_request(authenticate)


class JobFailed(ScriptoriumError):
    """As the job says it: the recording's fault, or ours."""

    def __init__(self, error: dict[str, Any]) -> None:
        super().__init__(error["message"], code=error["code"])
        self.status = 500 if error["retryable"] else 422  # type: ignore[misc]


@routes.post("/transcriptions")
@routes.doc(extensions={"requestBody": described.body(translate=False)}, responses={200: "As the format says"})
def transcriptions() -> Response:
    """Transcribe a recording, as OpenAI's API does it

    The same recording and parameters, sent again while they are at work or shortly after, are the same job.
    """
    return _answered(translate=False)


@routes.post("/translations")
@routes.doc(extensions={"requestBody": described.body(translate=True)}, responses={200: "As the format says"})
def translations() -> Response:
    """Translate a recording to English, as OpenAI's API does it, with models that can"""
    return _answered(translate=True)


def _answered(*, translate: bool) -> Response:
    if request.mimetype != "multipart/form-data":
        raise UnsupportedMediaType("send a form: multipart/form-data with the part `file`")
    found: list[Asked] = []

    def options_from(fields: Any) -> dict[str, Any]:
        found.append(asked(fields, translate=translate))
        return {name: value for name, value in found[0].options.items() if value is not None}

    job = submitted(options_from, repeated=True).job
    with seated() as held:
        if found[0].stream:
            return begun(held.pop_all(), streamed(context(), tenant(), job, found[0]), EVENTS)
        job = jobs.wait_for_end(context(), tenant(), UUID(job["id"]), PATIENCE)
        if not Status(job["status"]).ended:
            media = "application/json" if found[0].format.endswith("json") else "text/plain; charset=utf-8"
            return begun(held.pop_all(), padded(context(), tenant(), job, found[0]), media)
    return _ended(job, found[0])


def _ended(job: dict[str, Any], wanted: Asked) -> Response:
    if job["status"] != Status.COMPLETED:
        raise JobFailed(
            job["error"] or {"code": "job_cancelled", "message": "the job was cancelled", "retryable": False}
        )
    body, media = rendered(jobs.transcript(context(), tenant(), UUID(job["id"])), wanted)
    return Response(body, content_type=media)
