"""What a person says of a job's speakers: who one is, and that two are one.

Kept with the diarization, so that it holds when the transcript is assembled again; a new diarization begins anew.
"""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from core import plan
from core.context import Context
from core.database import transaction
from core.errors import Conflict, NotFound, fault
from core.jobs import tracks
from core.jobs.again import start_again
from core.jobs.rows import Rings, locked
from core.jobs.views import job_json, own, stored_transcript
from core.keys import Tenant
from core.states import Kind, Status
from core.tables import DiarizationRow, Job, TranscriptRow


def rename(context: Context, tenant: Tenant, job_id: UUID, label: str, name: str | None) -> dict[str, Any]:
    """The speaker, with its name; None takes it away. At once, in every format.

    Raises NotFound (no such job or speaker), Conflict before there is a transcript.
    """
    with transaction(context.sessions) as session:
        job, kept = _kept(session, tenant, job_id)
        document = stored_transcript(session, job)
        known: list[dict[str, Any]] = document["speakers"]
        found = next((one for one in known if one["label"] == label), None)
        if found is None:
            raise NotFound(_unknown(label, document))
        found["name"], found["name_score"] = name, None
        row = session.get_one(TranscriptRow, job_id)
        row.body, row.document = document, None
        kept.body = {**kept.body, "names": {**kept.body.get("names", {}), label: name}}
    return found


def merge(context: Context, tenant: Tenant, job_id: UUID, into: str, labels: Sequence[str]) -> dict[str, Any]:
    """The job, which assembles its transcript again: what `labels` said, `into` said. The old one is served meanwhile.

    Raises NotFound (no such job or speaker), InvalidRequest, Conflict while the job is under way.
    """
    if not labels or into in labels:
        raise fault("labels", "names the speakers that become another, and not that one")
    rings = Rings(context)
    with transaction(context.sessions) as session:
        job, kept = _kept(session, tenant, job_id)
        if not Status(job.status).ended:
            raise Conflict("the job has not finished; wait for it, or cancel it first", code="job_not_finished")
        document = stored_transcript(session, job)
        known = {one["label"] for one in document["speakers"]}
        for label in (into, *labels):
            if label not in known:
                raise NotFound(_unknown(label, document))
        kept.body = {**kept.body, "merged": _merged(kept.body.get("merged", {}), into, labels)}
        wanted = plan.again(plan.read(job.tallies), Kind.ASSEMBLE, speakers=True)
        assert wanted is not None  # a transcript was assembled before
        start_again(session, job, wanted, rings)
        session.flush()
        session.refresh(job)
        shown = job_json(session, job)
    rings.ring()
    return shown


def _merged(before: dict[str, str], into: str, labels: Sequence[str]) -> dict[str, str]:
    """Each label -> the one that it is now; those that had become one of `labels` go along."""
    moved = {old: into for old, new in before.items() if new in labels}
    return {**before, **moved, **dict.fromkeys(labels, into)}


def _kept(session: Session, tenant: Tenant, job_id: UUID) -> tuple[Job, DiarizationRow]:
    locked(session, job_id)
    job = own(session, tenant, job_id)
    stored_transcript(session, job)
    kept = session.get(DiarizationRow, job_id)
    if kept is None and tracks.of(session, job):  # whose speakers nobody had to look for
        kept = DiarizationRow(job_id=job_id, run=job.run, body={})
        session.add(kept)
    if kept is None:
        raise NotFound(
            "this transcript has no speakers; send the recording with diarization=true, or channels=separate"
        )
    return job, kept


def _unknown(label: str, document: dict[str, Any]) -> str:
    known = ", ".join(one["label"] for one in document["speakers"]) or "none"
    return f"this transcript has no speaker {label!r}; it has {known}"
