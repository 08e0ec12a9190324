"""Every state change of a job, and what callers see of it. Each function is one short transaction, or a few."""

from core.jobs.again import run_again
from core.jobs.claims import Claimed, claim, heartbeat, register, resign
from core.jobs.control import cancel, delete
from core.jobs.effects import all_of, record_fetched, record_probe, record_segments, record_transcript, replace_segments
from core.jobs.ends import Effect, emit, fail, finish, hand_back, note, retry
from core.jobs.events import START, Event, Look, Place, Told, look
from core.jobs.facts import AssemblyFacts, HeardChunk, assembly_facts, current_segments, segments_of
from core.jobs.follow import segments, settled
from core.jobs.listing import Filter, Neighbours, neighbours, page
from core.jobs.naming import merge, rename
from core.jobs.rows import NewStep
from core.jobs.scavenge import scavenge
from core.jobs.separate import separate
from core.jobs.speakers import blocks_of, record_block, record_speakers
from core.jobs.submit import Submitted, check_quota, check_room, submit, submit_kept, submit_url
from core.jobs.sweep import Swept, sweep
from core.jobs.views import (
    served_models,
    show,
    transcript,
    transcript_json,
    wait,
    wait_for_end,
    workers,
)
from core.keys import Tenant
from core.recordings import Source
from core.storage import check_storage

__all__ = [
    "START",
    "AssemblyFacts",
    "Claimed",
    "Effect",
    "Event",
    "Filter",
    "HeardChunk",
    "Look",
    "Neighbours",
    "NewStep",
    "Place",
    "Source",
    "Submitted",
    "Swept",
    "Tenant",
    "Told",
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
    "look",
    "merge",
    "neighbours",
    "note",
    "page",
    "record_block",
    "record_fetched",
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
    "submit_kept",
    "submit_url",
    "sweep",
    "transcript",
    "transcript_json",
    "wait",
    "wait_for_end",
    "workers",
]
