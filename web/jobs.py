"""`/v1/jobs` and `/v1/models`: what callers see of jobs."""

from typing import Any
from uuid import UUID

from apiflask import APIBlueprint
from flask import Response, request, url_for

from core import jobs, models, options
from core.formats import FORMATS
from web import schemas
from web.answers import answer
from web.bodies import received
from web.fields import fault, plain
from web.scope import authenticate, context, seat, tenant

routes = APIBlueprint("jobs", __name__, url_prefix="/v1", tag="Jobs")
routes.before_request(authenticate)


def submitted() -> dict[str, Any]:
    """The job made of this request's body."""
    here = context()
    jobs.check_room(here, request.content_length or 0)
    with received(request, here.settings, here.blobs) as upload:
        asked = options.parse(upload.options)
        if asked.model:
            _refuse_unserved_folder(asked.model)
        return jobs.submit(here, tenant(), upload.incoming, upload.filename, asked)


def _refuse_unserved_folder(name: str) -> None:
    """Raises UnknownModel. A folder is a model's name only where this server or a worker serves it."""
    here = context()
    if name != here.settings.model and all(name != one["name"] for one in jobs.served_models(here)):
        models.resolve(name, here.settings, folders=False)


def location_of(job: dict[str, Any]) -> str:
    return url_for("jobs.show", job_id=UUID(job["id"]))


@routes.post("/jobs")
@routes.output(schemas.Job, status_code=202)
@routes.doc(extensions={"requestBody": schemas.upload_body("file")})
def submit() -> Response:
    """Send a recording

    Its bytes go to storage as they arrive; the answer comes when the job is kept, before any work on it.
    """
    job = submitted()
    return answer(job, 202, location_of(job))


@routes.get("/jobs/<uuid:job_id>")
@routes.input(schemas.WaitQuery, location="query", arg_name="query")
@routes.output(schemas.Job)
def show(job_id: UUID, query: schemas.WaitQuery) -> Response:
    """A job

    With `wait` it answers when the status changes. While many others wait already it answers at once.
    """
    if not query.wait:
        return answer(jobs.show(context(), tenant(), job_id))
    with seat() as taken:
        seconds = min(query.wait, schemas.LONGEST_WAIT) if taken else 0
        return answer(jobs.wait(context(), tenant(), job_id, seconds))


@routes.get("/jobs")
@routes.input(schemas.PageQuery, location="query", arg_name="query")
@routes.output(schemas.JobPage)
def page(query: schemas.PageQuery) -> Response:
    """Jobs, newest first"""
    return answer(jobs.page(context(), tenant(), **plain("tag", query.model_dump())))


@routes.get("/jobs/<uuid:job_id>/transcript")
@routes.input(schemas.TranscriptQuery, location="query", arg_name="query")
@routes.output(schemas.TranscriptOut)
def transcript(job_id: UUID, query: schemas.TranscriptQuery) -> Response:
    """The transcript, in a format of your choice"""
    if query.format not in FORMATS:
        raise fault("format", "is not a format of this server", allowed=list(FORMATS))
    chosen = FORMATS[query.format]
    return Response(chosen.render(jobs.transcript(context(), tenant(), job_id)), content_type=chosen.media_type)


@routes.get("/jobs/<uuid:job_id>/segments")
@routes.input(schemas.SegmentsQuery, location="query", arg_name="query")
@routes.output(schemas.SegmentPage)
def segments(job_id: UUID, query: schemas.SegmentsQuery) -> Response:
    """Segments so far, also while the job runs

    Ask again with `after` set to the last `revision`: only what changed since is sent.
    """
    return answer(jobs.segments(context(), tenant(), job_id, query.after))


@routes.post("/jobs/<uuid:job_id>/cancel")
@routes.output(schemas.Job, status_code=202)
def cancel(job_id: UUID) -> Response:
    """Stop a job

    What it has not begun never starts. A job that has ended stays as it is.
    """
    return answer(jobs.cancel(context(), tenant(), job_id), 202)


@routes.delete("/jobs/<uuid:job_id>")
@routes.doc(responses={204: "Deleted, now or before"})
def delete(job_id: UUID) -> tuple[str, int]:
    """Erase a job, its transcript, and its audio with the last job of it"""
    jobs.delete(context(), tenant(), job_id)
    return "", 204


@routes.get("/models")
@routes.output(schemas.ModelList)
def served() -> Response:
    """The models that live workers serve"""
    return answer({"models": jobs.served_models(context())})


@routes.get("/workers")
@routes.output(schemas.WorkerList)
def workers() -> Response:
    """Who is alive, what they serve and hold"""
    return answer({"workers": jobs.workers(context())})
