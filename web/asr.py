"""`/v1/asr`, the simple call: one request, one transcript, where the job ends in time."""

from typing import Any
from uuid import UUID

from apiflask import APIBlueprint
from flask import Response

from core import jobs
from core.errors import SourceUnreachable
from web import openapi, queries
from web.answers import answer
from web.errors import problem
from web.scope import authenticate, context, seat, tenant
from web.simple import AsrResult
from web.submission import location_of, submitted

routes = APIBlueprint("asr", __name__, url_prefix="/v1", tag="Simple call")
routes.before_request(authenticate)


@routes.post("/asr")
@routes.input(queries.AsrQuery, location="query", arg_name="query")
@routes.output(AsrResult)
@routes.doc(
    extensions={"requestBody": openapi.upload_body("audio")},
    responses={202: "Not ready within `wait`: fetch the job later. Errors have the shape `{status, error}`."},
)
def asr(query: queries.AsrQuery) -> Response:
    """Transcribe a short recording in one call"""
    job = submitted().job
    with seat() as taken:
        seconds = min(query.wait, queries.LONGEST_WAIT) if taken else 0
        job = jobs.wait_for_end(context(), tenant(), UUID(job["id"]), seconds)
    return _ANSWERS.get(job["status"], _pending)(job)


def _done(job: dict[str, Any]) -> Response:
    found = jobs.transcript(context(), tenant(), UUID(job["id"]))
    segments = [_segment(one) for one in found["segments"]]
    shown = {"transcript": found["text"], "segments": segments, "confidence": found["confidence"]}
    return answer({"status": "success", **shown})


def _segment(found: dict[str, Any]) -> dict[str, Any]:
    shown = {"start": found["start"], "end": found["end"], "text": found["text"].strip()}
    return {**shown, "speaker": found["speaker"]} if found.get("speaker") else shown


def _failed(job: dict[str, Any]) -> Response:
    """What is at fault on the caller's side is a 422, and so is a server that he names; ours is a 500."""
    error = job["error"]
    ours = error["retryable"] and error["code"] != SourceUnreachable.code
    return problem(500 if ours else 422, error["code"], error["message"])


def _cancelled(_job: dict[str, Any]) -> Response:
    return problem(409, "job_cancelled", "the job was cancelled before its transcript was ready")


def _pending(job: dict[str, Any]) -> Response:
    location = location_of(job)
    return answer({"status": "processing", "job_id": job["id"], "location": location}, 202, location)


_ANSWERS = {"completed": _done, "failed": _failed, "cancelled": _cancelled}
