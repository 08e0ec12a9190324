"""The pipeline as one pure function: which steps a job is ready for and does not have yet.

Called twice, or after any crash, it gives the same answer. It reads tallies (counts of a kind on the
job's row), never the steps, so that planning costs the same for ten chunks as for ten thousand.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from core.states import DIARIZED, OPEN, Kind, Status, StepStatus


@dataclass(frozen=True)
class Tally:
    """Of one kind of one job. `seconds` of audio planned, `done_seconds` of audio done, `busy` seconds of workers,
    `tag` the fair tag at which the job's next step of this lane would start, `cached` how many were known already,
    with `cached_seconds` of audio. `chosen`: it was looked which chunks need this kind; perhaps none does. `given_up`:
    nobody waits for it any more."""

    total: int = 0
    open: int = 0
    failed: int = 0
    seconds: float = 0.0
    done_seconds: float = 0.0
    busy: float = 0.0
    tag: float = 0.0
    cached: int = 0
    chosen: bool = False
    given_up: bool = False
    cached_seconds: float = 0.0

    @property
    def done(self) -> int:
        return self.total - self.open - self.failed

    @property
    def ended(self) -> bool:
        return self.total > 0 and self.open == 0

    def added(self, count: int, seconds: float = 0.0) -> "Tally":
        return replace(self, total=self.total + count, open=self.open + count, seconds=self.seconds + seconds)

    def ended_one(self, *, failed: bool, seconds: float, busy: float, cached: bool = False) -> "Tally":
        return replace(
            self,
            open=self.open - 1,
            failed=self.failed + failed,
            done_seconds=self.done_seconds + seconds,
            busy=self.busy + busy,
            cached=self.cached + cached,
            cached_seconds=self.cached_seconds + seconds * cached,
        )

    def without(self, status: StepStatus, seconds: float) -> "Tally":
        """A step was taken away that had this status, and audio."""
        ended = status not in OPEN
        failed = status in (StepStatus.FAILED, StepStatus.CANCELLED)
        return replace(
            self,
            total=self.total - 1,
            open=self.open - (not ended),
            failed=self.failed - failed,
            seconds=self.seconds - seconds,
            done_seconds=self.done_seconds - (seconds if ended else 0.0),
        )


Tallies = Mapping[Kind, Tally]


def read(stored: Mapping[str, Any]) -> dict[Kind, Tally]:
    """A newer version may have written more: while it takes the place of this one, both are at work."""
    known = Tally.__dataclass_fields__
    return {
        kind: Tally(**{name: value for name, value in stored.get(kind.value, {}).items() if name in known})
        for kind in Kind
    }


def written(tallies: Tallies) -> dict[str, Any]:
    told = {kind: tally for kind, tally in tallies.items() if tally.total or tally.chosen or tally.given_up}
    return {kind.value: asdict(tally) for kind, tally in told.items()}


def next_steps(tallies: Tallies, *, speakers: bool = False) -> list[Kind]:
    """Chunks are not here: ingest itself emits them, while it decodes. Nor is a fetch: whoever submits adds it, and
    alone has its URL. Which of them the second pass hears again is
    for `core.second_pass` to choose, once the first has ended: a language is settled by all of them. `speakers`: the
    caller asked for them; they are looked for beside the transcription, and the assembly waits for both."""
    if not tallies[Kind.INGEST].total:
        return [Kind.INGEST] if arrived(tallies) else []
    found = _for_speakers(tallies) if speakers else []
    if not _heard(tallies) or tallies[Kind.REDECODE].open or tallies[Kind.ASSEMBLE].total:
        return found
    if not tallies[Kind.REDECODE].chosen:
        return [*found, Kind.REDECODE]
    settled = not speakers or (not found and speakers_settled(tallies))
    return [Kind.ASSEMBLE] if settled else found


def _for_speakers(tallies: Tallies) -> list[Kind]:
    diarize, cluster = tallies[Kind.DIARIZE], tallies[Kind.CLUSTER]
    if not ingested(tallies) or diarize.given_up:
        return []
    if not diarize.total:
        return [Kind.DIARIZE]
    whole = diarize.ended and not diarize.failed
    return [Kind.CLUSTER] if whole and not cluster.total else []


def arrived(tallies: Tallies) -> bool:
    """Its sound was uploaded, or fetched."""
    return tallies[Kind.FETCH].done > 0 or not tallies[Kind.FETCH].total


def ingested(tallies: Tallies) -> bool:
    """All tracks were, or gave up, and one at least has its sound; most jobs have one track."""
    return tallies[Kind.INGEST].ended and tallies[Kind.INGEST].done > 0


def speakers_settled(tallies: Tallies) -> bool:
    """Found, or given up."""
    return tallies[Kind.DIARIZE].given_up or tallies[Kind.CLUSTER].ended


def waits_for_speakers(tallies: Tallies) -> bool:
    """All words are there, and nothing else is missing."""
    heard = _heard(tallies) and tallies[Kind.REDECODE].chosen and not tallies[Kind.REDECODE].open
    return heard and not tallies[Kind.ASSEMBLE].total and not speakers_settled(tallies)


def _heard(tallies: Tallies) -> bool:
    """The first pass has ended, with some text or over silence."""
    transcribe = tallies[Kind.TRANSCRIBE]
    spoken = transcribe.total == 0 or transcribe.done > 0
    return ingested(tallies) and not transcribe.open and spoken


def verdict(tallies: Tallies) -> Status | None:
    """How the job ends, once nothing of it is open; None while it goes on."""
    if tallies[Kind.ASSEMBLE].done:
        return Status.COMPLETED
    transcribe = tallies[Kind.TRANSCRIBE]
    ingest = tallies[Kind.INGEST]
    nothing_heard = transcribe.ended and not transcribe.done
    not_there = tallies[Kind.FETCH].ended and not arrived(tallies)
    if not_there or tallies[Kind.ASSEMBLE].failed or (ingest.ended and (not ingest.done or nothing_heard)):
        return Status.FAILED
    return None


def progress(tallies: Tallies, status: Status, *, speakers: bool = False) -> float:
    """0 to 1, in one run never going back: a tenth for ingest, then by seconds of audio transcribed and searched for
    `speakers`, a little for the second pass, the rest for assembly."""
    if status is Status.COMPLETED:
        return 1.0
    if not ingested(tallies):
        return 0.05 if tallies[Kind.TRANSCRIBE].total else 0.0
    first, second = share(tallies[Kind.TRANSCRIBE]), share(tallies[Kind.REDECODE])
    third = _speakers_found(tallies) if speakers else first
    return round(0.1 + 0.5 * first + 0.25 * third + 0.1 * (second if tallies[Kind.REDECODE].chosen else 0.0), 4)


def _speakers_found(tallies: Tallies) -> float:
    if speakers_settled(tallies):
        return 1.0
    return 0.9 * share(tallies[Kind.DIARIZE]) if tallies[Kind.DIARIZE].total else 0.0


def share(tally: Tally) -> float:
    """Of its audio that is done; all of none."""
    return min(1.0, tally.done_seconds / tally.seconds) if tally.seconds else 1.0


@dataclass(frozen=True)
class Again:
    """What an owner's retry does. `requeue`: kind -> whether its finished steps run again too; `drop`: kinds whose
    steps are planned anew."""

    requeue: dict[Kind, bool]
    drop: frozenset[Kind]

    @property
    def kinds(self) -> frozenset[Kind]:
        return frozenset(self.requeue) | self.drop


_AFTER_HEARING = frozenset({Kind.REDECODE, Kind.ASSEMBLE})


def again(tallies: Tallies, stage: Kind | None = None, *, speakers: bool = False) -> Again | None:
    """None when nothing of the job is missing. With a stage, that one and all that is made from it; None then means
    that what it is made from is not there yet, or was never asked for."""
    if stage is None:
        return _missing(tallies, speakers=speakers)
    sound = ingested(tallies)
    ready, requeue, drop = {
        Kind.FETCH: (not arrived(tallies), {Kind.FETCH: False}, _AFTER_HEARING),  # once it was, its URL is forgotten
        Kind.INGEST: (arrived(tallies), {Kind.INGEST: True}, {Kind.TRANSCRIBE, *DIARIZED, *_AFTER_HEARING}),
        Kind.TRANSCRIBE: (sound, {Kind.TRANSCRIBE: True}, _AFTER_HEARING),
        Kind.REDECODE: (_heard(tallies), {}, _AFTER_HEARING),
        Kind.DIARIZE: (speakers and sound, {}, {*DIARIZED, Kind.ASSEMBLE}),
        Kind.CLUSTER: (speakers and sound, {}, {*DIARIZED, Kind.ASSEMBLE}),  # what it was made from is not kept
        Kind.ASSEMBLE: (_heard(tallies), {}, {Kind.ASSEMBLE}),
    }[stage]
    return Again(requeue, frozenset(drop)) if ready else None


def _missing(tallies: Tallies, *, speakers: bool) -> Again | None:
    requeue = {kind: False for kind in (Kind.FETCH, Kind.INGEST, Kind.TRANSCRIBE) if tallies[kind].failed}
    drop = _AFTER_HEARING if requeue else frozenset({Kind.ASSEMBLE})
    if Kind.INGEST in requeue and speakers:
        drop |= {*DIARIZED}  # of the track that was not there
    if not requeue and tallies[Kind.REDECODE].failed:
        requeue[Kind.REDECODE] = False
    if speakers and (tallies[Kind.DIARIZE].given_up or any(tallies[kind].failed for kind in DIARIZED)):
        requeue[Kind.DIARIZE] = False
        # Of a track that was joined no block is left, so where one was, all are heard again.
        drop |= {*DIARIZED} if tallies[Kind.CLUSTER].done else {Kind.CLUSTER}
    return None if not requeue and tallies[Kind.ASSEMBLE].done else Again(requeue, drop)
