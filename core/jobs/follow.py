"""For who reads a job's text while it is made."""

from typing import Any
from uuid import UUID

from sqlalchemy import func, select

from core.context import Context
from core.database import transaction
from core.jobs import tracks
from core.jobs.views import own
from core.keys import Tenant
from core.states import OPEN, Kind, Status
from core.tables import Job, SegmentRow, Step
from core.transcript import Segment, rendered


def settled(context: Context, tenant: Tenant, job_id: UUID) -> int:
    """The number of the first chunk that is still to be heard: all before it have their first text, or none. Chunks
    come in their order, so none is added before it."""
    chunks = (Step.job_id == job_id, Step.kind == Kind.TRANSCRIBE)
    still_open = Step.status.in_(OPEN)
    with transaction(context.sessions) as session:
        own(session, tenant, job_id)
        first, last = session.execute(
            select(func.min(Step.index).filter(still_open), func.max(Step.index)).where(*chunks)
        ).one()
    if first is not None:
        return int(first)
    return 0 if last is None else int(last) + 1


def segments(context: Context, tenant: Tenant, job_id: UUID, after: int) -> dict[str, Any]:
    """What changed after the revision `after`, in the order of the recording; provisional until `final`."""
    with transaction(context.sessions) as session:
        job = own(session, tenant, job_id)
        rows = session.scalars(
            select(SegmentRow)
            .where(SegmentRow.job_id == job_id, SegmentRow.revision > after, SegmentRow.revision <= job.revision)
            .order_by(SegmentRow.chunk, SegmentRow.position)
        ).all()
        if tracks.several(job.options):  # side by side, as they were said
            rows = sorted(rows, key=lambda row: float(row.data["start"]))
        shown = [segment_json(job, row) for row in rows]
        return {"segments": shown, "revision": job.revision, "final": Status(job.status).ended}


def segment_json(job: Job, row: SegmentRow) -> dict[str, Any]:
    """A segment as the API shows it while it may change."""
    # Some have words that only assembly asked for.
    wordless: dict[str, Any] = {} if job.options.get("word_timestamps", True) else {"words": []}
    shown = rendered(0, Segment.from_json(row.data))
    return {"id": f"{row.chunk}.{row.position}", "revision": row.revision, **shown, "index": None, **wordless}
