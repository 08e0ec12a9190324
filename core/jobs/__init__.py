"""Every state change of a job, and what callers see of it. Each function is one short transaction, or a few."""

from core.jobs.again import run_again
from core.jobs.claims import Claimed, claim, heartbeat, register, resign
from core.jobs.control import cancel, delete
from core.jobs.effects import all_of, record_probe, record_segments, record_transcript, replace_segments
from core.jobs.ends import Effect, emit, fail, finish, hand_back, note, retry
from core.jobs.facts import AssemblyFacts, HeardChunk, assembly_facts, current_segments, segments_of
from core.jobs.follow import segments, settled
from core.jobs.naming import merge, rename
from core.jobs.rows import NewStep
from core.jobs.scavenge import scavenge
from core.jobs.separate import separate
from core.jobs.speakers import blocks_of, record_block, record_speakers
from core.jobs.submit import Source, Submitted, check_quota, check_room, check_storage, submit
from core.jobs.sweep import Swept, sweep
from core.jobs.views import (
    page,
    served_models,
    show,
    transcript,
    transcript_json,
    wait,
    wait_for_end,
    workers,
)
from core.keys import Tenant

__all__ = [
    "AssemblyFacts",
    "Claimed",
    "Effect",
    "HeardChunk",
    "NewStep",
    "Source",
    "Submitted",
    "Swept",
    "Tenant",
    "all_of",
    "assembly_facts",
    "blocks_of",
    "cancel",
    "check_quota",
    "check_room",
    "check_storage",
    "claim",
    "current_segments",
    "delete",
    "emit",
    "fail",
    "finish",
    "hand_back",
    "heartbeat",
    "merge",
    "note",
    "page",
    "record_block",
    "record_probe",
    "record_segments",
    "record_speakers",
    "record_transcript",
    "register",
    "rename",
    "replace_segments",
    "resign",
    "retry",
    "run_again",
    "scavenge",
    "segments",
    "segments_of",
    "separate",
    "served_models",
    "settled",
    "show",
    "submit",
    "sweep",
    "transcript",
    "transcript_json",
    "wait",
    "wait_for_end",
    "workers",
]
