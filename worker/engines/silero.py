"""Silero's speech detector, from the copy that faster-whisper carries.

Its recurrent state is carried from block to block, so the answer does not depend on the blocks, and memory is flat.
"""

from collections.abc import Iterable, Iterator

import numpy as np
from faster_whisper.vad import SileroVADModel, get_vad_model

from worker.engines.protocols import SAMPLE_RATE, Samples, Span, samples
from worker.engines.spans import Hysteresis, blocks, spans

WINDOW = 512
"""Samples of one decision; the network was trained on just this many at 16 kHz."""

_CONTEXT = 64
_WINDOWS = 256
_BLOCK = 2 * WINDOW * _WINDOWS

RULES = Hysteresis(enter=0.3, leave=0.15, silence=0.2)


class Silero:
    """A SpeechDetector. Rules favour recall: a word that is missed here is lost for ever."""

    def __init__(self, rules: Hysteresis = RULES) -> None:
        self._rules = rules
        self._model: SileroVADModel = get_vad_model()

    def spans(self, frames: Iterable[bytes]) -> Iterator[Span]:
        return spans(self.probabilities(frames), WINDOW / SAMPLE_RATE, self._rules)

    def probabilities(self, frames: Iterable[bytes]) -> Iterator[float]:
        """Of speech, one every 32 ms."""
        hidden = cell = np.zeros((1, 1, 128), np.float32)
        context = np.zeros(_CONTEXT, np.float32)
        for block in blocks(frames, _BLOCK):
            windows = _windows(block)
            batch = np.concatenate([_contexts(windows, context), windows], axis=1)
            found, hidden, cell = self._model.session.run(None, {"input": batch, "h": hidden, "c": cell})
            context = windows[-1, -_CONTEXT:]
            yield from (float(one) for one in np.ravel(found))


def _windows(block: bytes) -> Samples:
    """Rows of 512 samples; the recording's last one is filled up with silence."""
    heard = samples(block)
    return np.pad(heard, (0, -len(heard) % WINDOW)).reshape(-1, WINDOW)


def _contexts(windows: Samples, before: Samples) -> Samples:
    """For each window the 64 samples before it."""
    return np.concatenate([before[np.newaxis], windows[:-1, -_CONTEXT:]])
