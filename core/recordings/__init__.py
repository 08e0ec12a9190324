"""Recordings by themselves: kept before there is a job of them, shown, listed, deleted.

A recording that its owner sent on its own stays until it is deleted itself; one that came with a job goes with the last
job that needs it. `core.jobs` builds on `core.recordings.rows`; nothing here knows how a job goes on.
"""

from core.recordings.kept import Kept, keep, keep_once, store
from core.recordings.owned import delete, page, show
from core.recordings.rows import Source
from core.recordings.sound import LONGEST_CLIP, Original, original, rendered

__all__ = [
    "LONGEST_CLIP",
    "Kept",
    "Original",
    "Source",
    "delete",
    "keep",
    "keep_once",
    "original",
    "page",
    "rendered",
    "show",
    "store",
]
