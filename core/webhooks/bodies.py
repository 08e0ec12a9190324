"""A body that is more than an event's thin payload: with the transcript, where the endpoint asks for it and it fits."""

import json

from sqlalchemy import Text, cast, func, select
from sqlalchemy.orm import Session

from core.tables import Endpoint, EventRow, TranscriptRow
from core.webhooks.events import written
from core.webhooks.types import TRANSCRIPT, EventType

LARGEST = 256 * 1024
"""Bytes of a transcript that is sent along."""


def with_transcript(session: Session, event: EventRow, endpoint: Endpoint) -> str | None:
    """None where the thin payload says it all. The transcript is the one at this moment; of a run that was followed by
    another, that one's."""
    if event.type != EventType.JOB_COMPLETED or TRANSCRIPT not in endpoint.include or event.job_id is None:
        return None
    text = func.coalesce(cast(TranscriptRow.document, Text), cast(TranscriptRow.body, Text))
    its = TranscriptRow.job_id == event.job_id
    size = session.scalar(select(func.octet_length(text)).where(its))
    if size is None:
        return None
    body = json.loads(event.payload)
    if size > LARGEST:
        body["data"] |= {"truncated": True, "transcript_url": f"/v1/jobs/{event.job_id}/transcript"}
    else:
        body["data"]["transcript"] = json.loads(session.scalars(select(text).where(its)).one())
    return written(body)
