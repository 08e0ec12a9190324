"""DER on trials, as `scriptorium score` counts it: no collar, overlapped speech included."""

from collections.abc import Iterable, Sequence

from core.transcript import SpeakerTurn
from models.training.speakers.trials import Trial
from models.training.voices import RATE
from scriptorium.scoring.diarization import SpeakerErrors, speaker_errors

Found = tuple[Trial, Iterable[SpeakerTurn]]


def errors(found: Sequence[Found]) -> SpeakerErrors:
    """Over all. The stock pipeline's last window reaches beyond the sound: what it hears there counts nothing."""
    return speaker_errors([(_said(trial), _within(turns, len(trial.samples) / RATE)) for trial, turns in found])


def _said(trial: Trial) -> list[SpeakerTurn]:
    return [SpeakerTurn(turn.start, turn.end, f"speaker {turn.speaker}") for turn in trial.turns]


def _within(turns: Iterable[SpeakerTurn], end: float) -> list[SpeakerTurn]:
    return [SpeakerTurn(turn.start, min(turn.end, end), turn.speaker) for turn in turns if turn.start < end]
