"""DER of turns against turns, as pyannote.metrics counts it: no collar, overlapped speech included."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from worker.engines.pyannote import environment  # noqa: F401 - it must come before pyannote

# isort: split
from pyannote.core import Annotation, Segment, Timeline
from pyannote.metrics.diarization import DiarizationErrorRate

from models.training.speakers.trials import Trial
from models.training.voices import RATE


@dataclass(frozen=True)
class Errors:
    """Seconds."""

    spoken: float
    missed: float
    false: float
    confused: float

    @property
    def rate(self) -> float:
        return (self.missed + self.false + self.confused) / self.spoken

    @classmethod
    def sum(cls, parts: Sequence["Errors"]) -> "Errors":
        names = cls.__dataclass_fields__
        return cls(**{name: sum(getattr(part, name) for part in parts) for name in names})


def errors(trial: Trial, found: Iterable[tuple[float, float, str]]) -> Errors:
    """`found`: (start, end, label)."""
    truth = _annotation((turn.start, turn.end, f"speaker {turn.speaker}") for turn in trial.turns)
    whole = Timeline([Segment(0, len(trial.samples) / RATE)])
    metric = DiarizationErrorRate(collar=0.0, skip_overlap=False)
    parts = metric(truth, _annotation(found), uem=whole, detailed=True)
    return Errors(parts["total"], parts["missed detection"], parts["false alarm"], parts["confusion"])


def _annotation(turns: Iterable[tuple[float, float, str]]) -> Annotation:
    made = Annotation()
    for number, (start, end, label) in enumerate(turns):
        made[Segment(start, end), number] = label
    return made
