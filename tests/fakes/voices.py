"""A Diarizer without a model, for tones (`tests/fakes/tones.py`): the number that a word spells says whose voice it is.

So the speaker of every word is known beforehand, and a block that is missing, doubled or another recording's is heard.
As an engine: SCRIPTORIUM_ENGINES='{"voices": "tests.fakes.voices:load"}' and the diarizer `voices:/path/to/words.json`.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from core.errors import EngineError
from core.models import ModelSource
from core.settings import Settings
from core.transcript import SpeakerTurn
from tests.fakes import tones
from tests.fakes.tones import Spoken
from worker.engines.blocks import SAMPLE_RATE, BlockResult, Grid
from worker.engines.protocols import Audio, Diarization, EngineInfo, Progress, Samples, SpeakerHints, unheard

VOICES = 3
TURN = 5
"""Words that one voice says at least; the next begins after a pause. Of fewer, or of a change without a pause,
attribution would not believe the diarizer."""

ANY = SpeakerHints()
_GRID = Grid(window=SAMPLE_RATE, step=SAMPLE_RATE)
_FRAMES = 100
"""A second."""

_PAUSE = 0.2
"""Seconds, longer than those between the words of a sentence."""


def script(words: Sequence[Spoken]) -> list[int]:
    """The voice of each word, of one recording or of several in a row."""
    found: list[int] = []
    who, said, last = 0, 0, 0.0
    for word in words:
        if word.start < last:
            who, said = 0, 0
        elif said >= TURN and word.start - last > _PAUSE:
            who, said = (who + 1) % VOICES, 0
        found.append(who)
        said, last = said + 1, word.end
    return found


def labels(words: Sequence[Spoken]) -> list[str]:
    """The speaker of each word of a recording; `S1` is who speaks first."""
    voices = script(words)
    order = list(dict.fromkeys(voices))
    return [f"S{order.index(who) + 1}" for who in voices]


@dataclass(frozen=True)
class VoiceReader:
    """`voices`: by a word's number. Takes no hints. Slots are voices, in every window the same."""

    voices: Sequence[int]
    info: EngineInfo

    def spans(self, samples: int) -> list[tuple[int, int]]:
        return _GRID.spans(samples)

    def windows(self, block: Samples, start: int, progress: Progress = unheard) -> BlockResult:
        owned = _GRID.owned(start, start + len(block))
        active = np.zeros((len(owned) * _FRAMES, VOICES), bool)
        for number, begin, end in tones.read(block):
            active[round(begin * _FRAMES) : round(end * _FRAMES), self.voices[number]] = True
        windows = active.reshape(len(owned), _FRAMES, VOICES)
        slots = np.argwhere(windows.any(axis=1))[:, 1]
        progress(1.0)
        place = owned.start, start + len(block)
        return BlockResult.packed(place, self.info.name, windows, np.eye(VOICES, dtype=np.float32)[slots])

    def join(self, blocks: Sequence[BlockResult], hints: SpeakerHints = ANY) -> Diarization:
        _check_whole(blocks)
        active = np.concatenate([np.zeros((0, VOICES), bool), *(one.active.reshape(-1, VOICES) for one in blocks)])
        found = sorted((*run, who) for who in range(VOICES) for run in _runs(active[:, who]))
        order = list(dict.fromkeys(who for _, _, who in found))
        turns = tuple(
            SpeakerTurn(start / _FRAMES, end / _FRAMES, f"S{order.index(who) + 1}") for start, end, who in found
        )
        means = {f"S{at + 1}": tuple(np.eye(VOICES)[who].tolist()) for at, who in enumerate(order)}
        return Diarization(turns, turns, means)

    def diarize(self, audio: Audio, hints: SpeakerHints = ANY, progress: Progress = unheard) -> Diarization:
        spans = self.spans(len(audio))
        return self.join([self.windows(audio[start:stop], start, progress) for start, stop in spans], hints)


def _check_whole(blocks: Sequence[BlockResult]) -> None:
    expected = 0
    for block in blocks:
        if block.first != expected:
            raise EngineError(f"the block that begins with window {expected} is missing")
        expected += block.shape[0]


def _runs(active: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Turns of one voice: first frame, and the one after the last."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], active.astype(np.int8), [0]])))
    runs: list[tuple[int, int]] = []
    for start, end in edges.reshape(-1, 2).tolist():
        if runs and start - runs[-1][1] < _PAUSE * _FRAMES:
            runs[-1] = (runs[-1][0], end)
        else:
            runs.append((start, end))
    return runs


def load(source: ModelSource, settings: Settings) -> VoiceReader:
    """For SCRIPTORIUM_ENGINES."""
    words = [Spoken(**one) for one in json.loads(Path(source.source).read_text())]
    return VoiceReader(script(words), EngineInfo(source.name, source.engine, "voices", "cpu", "none"))
