"""DER and JER: who spoke when. The only file that imports pyannote.metrics, which is optional and needs no torch."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from core.transcript import SpeakerTurn
from scriptorium.scoring.attributed import NotInstalled

NEEDS = "it needs pyannote.metrics: pip install 'pyannote.metrics>=4.2,<5'"


@dataclass(frozen=True)
class SpeakerErrors:
    """Seconds, summed over recordings. `spoken` is what the reference says is spoken, two at once counted twice.
    `jaccard` is the mean over `speakers` of the reference."""

    spoken: float
    missed: float
    false_alarm: float
    confused: float
    jaccard: float
    speakers: int

    @property
    def rate(self) -> float:
        """The diarization error rate. Raises ZeroDivisionError where nobody speaks."""
        return (self.missed + self.false_alarm + self.confused) / self.spoken


def speaker_errors(
    pairs: Sequence[tuple[Sequence[SpeakerTurn], Sequence[SpeakerTurn]]],
    collar: float = 0.0,
    skip_overlap: bool = False,
) -> SpeakerErrors:
    """Of (said, heard) turns, one pair a recording. `collar`: seconds on each side of the edges of the reference's
    turns that do not count, as NIST means it (pyannote.metrics calls 0.25 on each side 0.5). `skip_overlap`: nor does
    where two or more of the reference speak. Raises NotInstalled."""
    der, jer = _metrics(collar, skip_overlap)
    for said, heard in pairs:
        where = _all_of(said, heard)
        for metric in (der, jer):
            metric(_annotation(said), _annotation(heard), uem=where)
    spoken = der[:]
    return SpeakerErrors(
        spoken=float(spoken["total"]),
        missed=float(spoken["missed detection"]),
        false_alarm=float(spoken["false alarm"]),
        confused=float(spoken["confusion"]),
        jaccard=float(abs(jer)),
        speakers=int(jer["speaker count"]),
    )


def _metrics(collar: float, skip_overlap: bool) -> tuple[Any, Any]:
    try:
        from pyannote.metrics.diarization import DiarizationErrorRate, JaccardErrorRate
    except ModuleNotFoundError as error:
        raise NotInstalled(NEEDS) from error
    both = 2 * collar
    return DiarizationErrorRate(both, skip_overlap), JaccardErrorRate(both, skip_overlap)


def _annotation(turns: Sequence[SpeakerTurn]) -> Any:
    from pyannote.core import Annotation, Segment

    made = Annotation()
    for track, turn in enumerate(turns):
        made[Segment(turn.start, turn.end), track] = turn.speaker
    return made


def _all_of(said: Sequence[SpeakerTurn], heard: Sequence[SpeakerTurn]) -> Any:
    """From the first turn to the last end: without it pyannote.metrics warns, and takes the same."""
    from pyannote.core import Segment, Timeline

    turns = [*said, *heard]
    return Timeline([Segment(min(turn.start for turn in turns), max(turn.end for turn in turns))] if turns else [])
