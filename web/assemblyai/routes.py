"""`/v2`: AssemblyAI's API over this server's jobs. A transcript's id is its job's."""

from datetime import UTC, datetime, time, timedelta
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from apiflask import APIBlueprint
from flask import Response, request

from core import jobs, recordings
from core.errors import Gone, InvalidRequest, NotFound, SourceForbidden, fault
from core.formats import FORMATS, Layout, Look
from core.states import Status
from web import queries, trail
from web.answers import answer
from web.assemblyai import described, rendered
from web.assemblyai.asked import UPLOADS, Asked, asked, upload_of
from web.bodies import received_bare
from web.encoded import json_object
from web.scope import authenticate_bare, context, tenant
from web.submission import wanted

MOST_PHRASES = 100
LONGEST_PHRASE = 5
"""Words, as AssemblyAI has it."""

routes = APIBlueprint("assemblyai", __name__, url_prefix="/v2", tag="AssemblyAI's API")
routes.before_request(authenticate_bare)


@routes.post("/upload")
@routes.output(described.UploadedFile)
@routes.doc(extensions={"requestBody": described.upload_body()})
def upload() -> Response:
    """Send a recording's bytes, as AssemblyAI's API takes them

    Whether they are a recording, its transcript says. They are erased with the last transcript of them.
    """
    here = context()
    jobs.check_storage(here, request.content_length or 0)
    with received_bare(request, here) as body:
        kept = recordings.store(here, tenant(), body.incoming, body.filename)
    trail.note(ids={"recording_id": kept["id"]})
    return answer({"upload_url": f"{_base()}{UPLOADS}{kept['id']}"})


@routes.post("/transcript")
@routes.output(described.TranscriptAnswer)
@routes.doc(extensions={"requestBody": described.transcript_body()})
def submit() -> Response:
    """Transcribe a recording that was uploaded, or lies at a URL"""
    jobs.check_room(context(), 0)
    wants = asked(json_object(request.get_data()))
    trail.note(parameters=wants.options)
    job = _submitted(wants).job
    trail.note(ids={"job_id": job["id"]})
    return answer(rendered.transcript(job, None, _base()))


@routes.get("/transcript/<uuid:transcript_id>")
@routes.output(described.TranscriptAnswer)
def show(transcript_id: UUID) -> Response:
    """A transcript, as far as it is"""
    job = jobs.show(context(), tenant(), transcript_id)
    done = job["status"] == Status.COMPLETED
    document = jobs.transcript(context(), tenant(), transcript_id) if done else None
    return answer(rendered.transcript(job, document, _base()))


@routes.delete("/transcript/<uuid:transcript_id>")
@routes.output(described.TranscriptAnswer)
def delete(transcript_id: UUID) -> Response:
    """Erase a transcript, and its recording with the last transcript of it

    The answer is what AssemblyAI's API gives. Afterwards there is nothing: 410.
    """
    jobs.delete(context(), tenant(), transcript_id)
    return answer(rendered.deleted(str(transcript_id)))


@routes.get("/transcript")
@routes.input(queries.TranscriptsQuery, location="query", arg_name="query")
@routes.output(described.TranscriptPage)
def page(query: queries.TranscriptsQuery) -> Response:
    """Transcripts, newest first"""
    found = jobs.Neighbours([], older=False) if query.throttled_only else _neighbours(query)
    transcripts = [rendered.listed(job, _base()) for job in found.jobs]
    details = {
        "limit": query.limit,
        "result_count": len(transcripts),
        "current_url": _page_url(query, before_id=query.before_id, after_id=query.after_id),
        "prev_url": _page_url(query, before_id=transcripts[-1]["id"]) if found.older else None,
        "next_url": _page_url(query, after_id=transcripts[0]["id"]) if transcripts else None,
    }
    return answer({"page_details": details, "transcripts": transcripts})


@routes.get("/transcript/<uuid:transcript_id>/srt")
@routes.input(queries.CaptionsQuery, location="query", arg_name="query")
@routes.doc(responses=described.text("SubRip"))
def srt(transcript_id: UUID, query: queries.CaptionsQuery) -> Response:
    """A transcript as SubRip captions"""
    return _captions("srt", transcript_id, query)


@routes.get("/transcript/<uuid:transcript_id>/vtt")
@routes.input(queries.CaptionsQuery, location="query", arg_name="query")
@routes.doc(responses=described.text("WebVTT"))
def vtt(transcript_id: UUID, query: queries.CaptionsQuery) -> Response:
    """A transcript as WebVTT captions"""
    return _captions("vtt", transcript_id, query)


@routes.get("/transcript/<uuid:transcript_id>/sentences")
@routes.output(described.SentenceList)
def sentences(transcript_id: UUID) -> Response:
    """A transcript's sentences"""
    return answer(rendered.all_sentences(*_finished(transcript_id)))


@routes.get("/transcript/<uuid:transcript_id>/paragraphs")
@routes.output(described.ParagraphList)
def paragraphs(transcript_id: UUID) -> Response:
    """A transcript's paragraphs"""
    return answer(rendered.all_paragraphs(*_finished(transcript_id)))


@routes.get("/transcript/<uuid:transcript_id>/word-search")
@routes.input(queries.WordsQuery, location="query", arg_name="query")
@routes.output(described.WordMatches)
def word_search(transcript_id: UUID, query: queries.WordsQuery) -> Response:
    """Where words and phrases are said"""
    phrases = list(dict.fromkeys(part.strip() for part in query.words.split(",") if part.strip()))
    if not phrases or len(phrases) > MOST_PHRASES:
        raise fault("words", f"must hold 1 to {MOST_PHRASES} words or phrases, with commas in between")
    if any(len(phrase.split()) > LONGEST_PHRASE for phrase in phrases):
        raise fault("words", f"must hold no phrase of more than {LONGEST_PHRASE} words")
    return answer(rendered.search(*_finished(transcript_id), phrases))


def _submitted(wants: Asked) -> jobs.Submitted:
    options, recording_id = wanted(wants.options), upload_of(wants.audio_url)
    try:
        if recording_id is not None:
            return jobs.submit_kept(context(), tenant(), recording_id, options)
        return jobs.submit_url(context(), tenant(), wants.audio_url, options)
    except InvalidRequest as error:
        if error.code != SourceForbidden.code:
            raise
        raise fault("audio_url", error.details["errors"][0]["message"]) from error
    except (NotFound, Gone) as error:
        raise fault("audio_url", f"{error.message}; send the recording to /v2/upload first") from error


def _finished(transcript_id: UUID) -> tuple[dict[str, Any], dict[str, Any]]:
    """The job and its transcript document. Raises Conflict before there is one."""
    job = jobs.show(context(), tenant(), transcript_id)
    return job, jobs.transcript(context(), tenant(), transcript_id)


def _captions(name: str, transcript_id: UUID, query: queries.CaptionsQuery) -> Response:
    layout = Layout(query.chars_per_caption, lines=1) if query.chars_per_caption else Layout()
    document = jobs.transcript(context(), tenant(), transcript_id)
    body = FORMATS[name].render(document, Look(layout, speakers=False))
    return Response(body, content_type="text/plain; charset=utf-8")


def _neighbours(query: queries.TranscriptsQuery) -> jobs.Neighbours:
    statuses = [ours for ours, theirs in rendered.STATUSES.items() if theirs == query.status]
    day = None if query.created_on is None else datetime.combine(query.created_on, time(), UTC)
    filters = jobs.Filter(statuses, created_after=day, created_before=day and day + timedelta(days=1))
    places = {"before": query.before_id, "after": query.after_id}
    return jobs.neighbours(context(), tenant(), filters, limit=query.limit, **places)


def _page_url(query: queries.TranscriptsQuery, **places: Any) -> str:
    kept = {"limit": query.limit, "status": query.status, "created_on": query.created_on, **places}
    return f"{_base()}/v2/transcript?{urlencode({name: one for name, one in kept.items() if one is not None})}"


def _base() -> str:
    return request.host_url.rstrip("/")
