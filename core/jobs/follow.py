"""For who reads a job's text while it is made."""

from uuid import UUID

from sqlalchemy import func, select

from core.context import Context
from core.database import transaction
from core.jobs.views import own
from core.keys import Tenant
from core.states import Kind, StepStatus
from core.tables import Step


def settled(context: Context, tenant: Tenant, job_id: UUID) -> int:
    """The number of the first chunk that is still to be heard: all before it have their first text, or none. Chunks
    come in their order, so none is added before it."""
    chunks = (Step.job_id == job_id, Step.kind == Kind.TRANSCRIBE)
    still_open = Step.status.in_([StepStatus.QUEUED, StepStatus.RUNNING])
    with transaction(context.sessions) as session:
        own(session, tenant, job_id)
        first, last = session.execute(
            select(func.min(Step.index).filter(still_open), func.max(Step.index)).where(*chunks)
        ).one()
    if first is not None:
        return int(first)
    return 0 if last is None else int(last) + 1
