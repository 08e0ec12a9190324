"""What a finished step leaves behind: written in the transaction that ends it, under the lock on its job."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from core.blobs import Incoming
from core.jobs import heard
from core.jobs.ends import Effect, unwarn
from core.states import Kind
from core.tables import Job, Recording, Step, TranscriptRow

Segments = Sequence[dict[str, Any]]
"""`core.transcript.Segment`s as JSON."""


def all_of(*effects: Effect) -> Effect:
    def effect(session: Session, job: Job) -> None:
        for one in effects:
            one(session, job)

    return effect


def record_probe(result: dict[str, Any], recording_id: UUID | None = None) -> Effect:
    """What ingest learned of the recording; of the job's own where None. A job that hears a clip of it does not learn
    how long it is."""

    def effect(session: Session, job: Job) -> None:
        recording = session.get_one(Recording, recording_id or job.recording_id)
        known = 0.0 if job.options.get("clip_end") is None else recording.duration or 0.0
        recording.duration, recording.channels = max(known, result["duration"]), result["channels"]
        recording.codec, recording.container = result["codec"], result.get("container", recording.container)

    return effect


def record_fetched(incoming: Incoming) -> Effect:
    """What was fetched takes its place, under the lock that keeps out a worker which lost this step: its bytes, of a
    source that changed meanwhile, must not lie under our row's hash. They are on the disk already, so this is quick.
    Nobody needs the URL any more, and it may be a secret."""

    def effect(session: Session, job: Job) -> None:
        recording = session.get_one(Recording, job.recording_id)
        incoming.commit(recording.source_key)
        recording.bytes, recording.sha256 = incoming.size, incoming.sha256
        fetched = update(Step).where(Step.job_id == job.id, Step.kind == Kind.FETCH)
        session.execute(fetched.values(params=Step.params.op("-")("url")))

    return effect


def record_segments(chunk: int, found: Segments) -> Effect:
    """Of a chunk that has none."""
    return lambda session, job: heard.add(session, job, chunk, found)


def replace_segments(chunk: int, found: Segments) -> Effect:
    return lambda session, job: heard.replace(session, job, chunk, found)


def record_transcript(document: dict[str, Any], changed: Mapping[int, Segments] | None = None) -> Effect:
    """The new transcript takes the old one's place in the moment when the job ends. `changed`: the segments of the
    chunks that became others while it was put together."""

    def effect(session: Session, job: Job) -> None:
        unwarn(job, "model_not_served")
        for chunk, found in (changed or {}).items():
            heard.replace(session, job, chunk, found)
        made = insert(TranscriptRow).values(job_id=job.id, run=job.run, body=document)
        taken = {"run": job.run, "body": made.excluded.body, "document": None}
        session.execute(made.on_conflict_do_update(index_elements=["job_id"], set_=taken))
        job.language, job.confidence, job.model_info = document["language"], document["confidence"], document["model"]
        job.language_probability = document["language_probability"]

    return effect
