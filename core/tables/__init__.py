"""The tables. Postgres holds the truth, so the constraints refuse states that the code must never make.

Changes go through `migrations/`; these files are what the migrations add up to.
"""

from core.tables.audit import AuditBatch, AuditEntry
from core.tables.base import Base
from core.tables.callers import ApiKey, IdempotencyKey, SigningKey, Tenant, UsageRow
from core.tables.upkeep import SweepState, VirtualTime, Worker
from core.tables.uploads import Upload
from core.tables.webhooks import AttemptRow, Delivery, Endpoint, EventRow, Receiver
from core.tables.words import BlockRow, DiarizationRow, Fingerprint, ParticipantsRow, SegmentRow, TranscriptRow
from core.tables.work import Job, Recording, Step, TrackRow

__all__ = [
    "ApiKey",
    "AttemptRow",
    "AuditBatch",
    "AuditEntry",
    "Base",
    "BlockRow",
    "Delivery",
    "DiarizationRow",
    "Endpoint",
    "EventRow",
    "Fingerprint",
    "IdempotencyKey",
    "Job",
    "ParticipantsRow",
    "Receiver",
    "Recording",
    "SegmentRow",
    "SigningKey",
    "Step",
    "SweepState",
    "Tenant",
    "TrackRow",
    "TranscriptRow",
    "Upload",
    "UsageRow",
    "VirtualTime",
    "Worker",
]
