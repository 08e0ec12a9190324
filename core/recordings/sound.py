"""What is heard of a recording: its bytes as they came, or a clip that a child process renders."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO, Any
from uuid import UUID

from sqlalchemy import and_, select
from sqlalchemy.orm import Session

from core import clip
from core.blobs import LocalBlobs
from core.context import Context
from core.database import transaction
from core.errors import fault
from core.keys import Tenant
from core.recordings import rows
from core.recordings.rows import recording_json
from core.states import Kind, StepStatus
from core.tables import Job, Recording, Step, TrackRow
from core.turns import turn

PIECE = 2**18
"""Bytes in memory at a time."""
LONGEST_CLIP = 600.0
"""Seconds: 19 MB of WAV."""
END = 0.001
"""Seconds that a clip's end may lie beyond the recording's: as far as a caller's rounding goes."""
PATIENCE = 10.0
"""Seconds that a caller waits while as many clips are rendered as may be at once."""


class Pieces:
    """A blob, piece by piece, from where it was sought to. A file as far as servers need one. Raises BlobMissing."""

    def __init__(self, blobs: LocalBlobs, key: str) -> None:
        self._blobs, self._key, self._at = blobs, key, 0

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        piece = self._blobs.read_range(self._key, self._at, PIECE)
        if not piece:
            raise StopIteration
        self._at += len(piece)
        return piece

    def seekable(self) -> bool:
        return True

    def seek(self, at: int) -> int:
        self._at = at
        return at

    def tell(self) -> int:
        return self._at


@dataclass(frozen=True)
class Original:
    """`recording` as `show` gives it."""

    recording: dict[str, Any]
    pieces: Pieces


def original(context: Context, tenant: Tenant, recording_id: UUID) -> Original:
    """Raises NotFound, Gone, Conflict before it was fetched, BlobMissing."""
    with transaction(context.sessions) as session:
        recording = rows.own_here(session, tenant, recording_id)
    context.blobs.read_range(recording.source_key, 0, 1)  # what is missing is said now, not in the middle of an answer
    return Original(recording_json(recording), Pieces(context.blobs, recording.source_key))


def rendered(context: Context, tenant: Tenant, recording_id: UUID, start: float, end: float | None) -> IO[bytes]:
    """The sound from `start` to `end` in seconds (None: to the recording's own), 16 kHz mono, all channels mixed: a WAV
    in a temporary file, which is gone once it is closed.

    Raises NotFound, Gone; Conflict before it was fetched; InvalidRequest where there is no such clip; InputError
    (decode_timeout and others) where the recording cannot be decoded; Unavailable when too many others ask.
    """
    with transaction(context.sessions) as session:
        recording = rows.own_here(session, tenant, recording_id)
        generation = _ingested(session, recording)
    stop = recording.duration if end is None else end
    _refuse(recording.duration, start, stop)
    assert stop is not None
    stop = stop if recording.duration is None else min(stop, recording.duration)
    with turn(context.clips, PATIENCE, "rendering clips"):
        return clip.render(context.settings.blobs, recording.id, clip.Span(start, stop), generation)


def _ingested(session: Session, recording: Recording) -> str | None:
    """The name of its whole PCM, where a job decoded it: of all channels mixed, and to the end. A deleted job does not
    say any more what it was asked for."""
    whole = (
        Job.deleted_at.is_(None),
        Job.options["clip_end"].as_string().is_(None),
        Step.kind == Kind.INGEST,
        Step.status == StepStatus.DONE,
    )
    own = select(Job.generation).join(Step, Step.job_id == Job.id).where(*whole, Job.recording_id == recording.id)
    of_track = (Step.job_id == TrackRow.job_id, Step.index == TrackRow.index)
    track = select(TrackRow.generation).join(Job, Job.id == TrackRow.job_id).join(Step, and_(*of_track))
    mixed = (TrackRow.recording_id == recording.id, TrackRow.channel.is_(None))
    found = session.scalar(own.where(Job.generation.is_not(None)).limit(1))
    return found or session.scalar(track.where(*whole, *mixed, TrackRow.generation.is_not(None)).limit(1))


def _refuse(duration: float | None, start: float, stop: float | None) -> None:
    """Raises InvalidRequest."""
    if stop is None:
        raise fault("end", "must be said: nobody knows yet how long this recording is")
    if duration is not None and start >= duration:
        raise fault("start", f"is beyond the recording, which lasts {duration:.3f} s")
    if duration is not None and stop > duration + END:
        raise fault("end", f"is beyond the recording, which lasts {duration:.3f} s")
    if start >= stop:
        raise fault("end", "must be greater than start")
    if stop - start > LONGEST_CLIP:
        raise fault("end", f"is more than {LONGEST_CLIP:g} s after start; ask for several clips")
