"""`/v1/jobs` and `/v1/models`: what callers see of jobs."""

from uuid import UUID

from apiflask import APIBlueprint
from flask import Response, request

from core import jobs
from web import edits, openapi, queries, schemas, transcripts
from web.answers import answer
from web.fields import once, plain
from web.scope import authenticate, context, seat, tenant
from web.submission import location_of, submitted

routes = APIBlueprint("jobs", __name__, url_prefix="/v1", tag="Jobs")
routes.before_request(authenticate)


@routes.post("/jobs")
@routes.output(schemas.Job, status_code=202)
@routes.doc(extensions={"requestBody": openapi.upload_body("file", raw=True)})
def submit() -> Response:
    """Send a recording

    Its bytes go to storage as they arrive; the answer comes when the job is kept, before any work on it. Where the body
    is the recording itself, the options are parameters. With `source_url` instead of bytes, the recording is fetched
    from there afterwards. Sent again with the same `Idempotency-Key` it makes no second job: the answer is the first
    one, with 200.
    """
    made = submitted(raw=True)
    return answer(made.job, 202 if made.created else 200, location_of(made.job))


@routes.get("/jobs/<uuid:job_id>")
@routes.input(queries.WaitQuery, location="query", arg_name="query")
@routes.output(schemas.Job)
def show(job_id: UUID, query: queries.WaitQuery) -> Response:
    """A job

    With `wait` it answers when the status changes. While many others wait already it answers at once.
    """
    if not query.wait:
        return answer(jobs.show(context(), tenant(), job_id))
    with seat() as taken:
        seconds = min(query.wait, queries.LONGEST_WAIT) if taken else 0
        return answer(jobs.wait(context(), tenant(), job_id, seconds))


@routes.get("/jobs")
@routes.input(queries.PageQuery, location="query", arg_name="query")
@routes.output(schemas.JobPage)
def page(query: queries.PageQuery) -> Response:
    """Jobs, newest first

    Those for which all filters hold that are given.
    """
    once(request.args)
    asked = plain("metadata", query.model_dump(exclude={"limit", "cursor"}))
    return answer(jobs.page(context(), tenant(), jobs.Filter(**asked), limit=query.limit, cursor=query.cursor))


@routes.get("/jobs/<uuid:job_id>/transcript")
@routes.input(queries.TranscriptQuery, location="query", arg_name="query")
@routes.output(schemas.TranscriptOut)
def transcript(job_id: UUID, query: queries.TranscriptQuery) -> Response:
    """The transcript, in a format of your choice

    With its `ETag` in `If-None-Match` the answer is 304, without a body, until the transcript or a name changes.
    """
    asked = transcripts.wanted(query)
    return transcripts.rendered(jobs.transcript_json(context(), tenant(), job_id), asked)


@routes.get("/jobs/<uuid:job_id>/segments")
@routes.input(queries.SegmentsQuery, location="query", arg_name="query")
@routes.output(schemas.SegmentPage)
def segments(job_id: UUID, query: queries.SegmentsQuery) -> Response:
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


@routes.post("/jobs/<uuid:job_id>/retry")
@routes.output(schemas.Job, status_code=202)
@routes.doc(extensions={"requestBody": openapi.json_body(edits.RetryBody)})
def retry(job_id: UUID) -> Response:
    """Run again what is missing

    With the original options, as a new run; the old transcript is served until the new one replaces it. A job that is
    still under way is answered as it is, unless a stage is named.
    """
    asked = edits.body(edits.RetryBody)
    return answer(jobs.run_again(context(), tenant(), job_id, asked.stage), 202)


@routes.patch("/jobs/<uuid:job_id>/speakers/<label:label>")
@routes.output(schemas.SpeakerOut)
@routes.doc(extensions={"requestBody": openapi.json_body(edits.SpeakerName)})
def rename_speaker(job_id: UUID, label: str) -> Response:
    """Say who a speaker is

    Every format shows the name from now on; `null` takes it away.
    """
    return answer(jobs.rename(context(), tenant(), job_id, label, edits.body(edits.SpeakerName).name))


@routes.post("/jobs/<uuid:job_id>/speakers/merge")
@routes.output(schemas.Job, status_code=202)
@routes.doc(extensions={"requestBody": openapi.json_body(edits.SpeakerMerge)})
def merge_speakers(job_id: UUID) -> Response:
    """Say that several speakers are one

    The transcript is assembled again; the old one is served until the new one replaces it.
    """
    asked = edits.body(edits.SpeakerMerge)
    return answer(jobs.merge(context(), tenant(), job_id, asked.into, asked.labels), 202)


@routes.delete("/jobs/<uuid:job_id>")
@routes.doc(responses={204: "Deleted, now or before"})
def delete(job_id: UUID) -> tuple[str, int]:
    """Erase a job, its transcript, and its audio with the last job of it"""
    jobs.delete(context(), tenant(), job_id)
    return "", 204


@routes.get("/models")
@routes.output(schemas.ModelList)
def served() -> Response:
    """The models that live workers serve

    Also in the shape of OpenAI's API: `object`, `data`.
    """
    found = jobs.served_models(context())
    listed = [{"id": one["name"], "object": "model", "created": 0, "owned_by": "scriptorium"} for one in found]
    return answer({"models": found, "object": "list", "data": listed})


@routes.get("/workers")
@routes.output(schemas.WorkerList)
def workers() -> Response:
    """Who is alive, what they serve and hold"""
    return answer({"workers": jobs.workers(context())})
