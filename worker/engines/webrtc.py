"""WebRTC's speech detector: a Gaussian mixture on six bands, a tenth of Silero's cost, deaf to what noise covers."""

from collections import deque
from collections.abc import Iterable, Iterator

import webrtcvad

from worker.engines.protocols import SAMPLE_RATE, Span
from worker.engines.spans import Hysteresis, blocks, spans

FRAME = 0.02
_BLOCK = int(FRAME * SAMPLE_RATE) * 2
_AROUND = 5
"""Frames that vote on the one in their middle: a lone click is no speech."""

RULES = Hysteresis(enter=0.6, leave=0.4, silence=0.2)


class WebRtc:
    """A SpeechDetector. `mode` 0 misses least, 3 rejects most."""

    def __init__(self, mode: int = 1, rules: Hysteresis = RULES) -> None:
        self._mode, self._rules = mode, rules

    def spans(self, frames: Iterable[bytes]) -> Iterator[Span]:
        return spans(self.probabilities(frames), FRAME, self._rules)

    def probabilities(self, frames: Iterable[bytes]) -> Iterator[float]:
        """The share of speech among the five frames around, one every 20 ms."""
        detector = webrtcvad.Vad(self._mode)  # it adapts to what it hears: a new one for each recording
        half = _AROUND // 2
        votes: deque[bool] = deque(maxlen=_AROUND)
        count = 0
        for block in blocks(frames, _BLOCK):
            votes.append(detector.is_speech(block.ljust(_BLOCK, b"\0"), SAMPLE_RATE))
            count += 1
            if count > half:
                yield sum(votes) / _AROUND
        for _ in range(min(half, count)):
            votes.append(False)
            yield sum(votes) / _AROUND
