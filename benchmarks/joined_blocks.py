"""Blocks of a long recording, made up, and joined in this very process: `python -m benchmarks.joined_blocks HOURS`.

Prints as JSON what `benchmarks.diarization` tells: eight voices that take turns, two at once in a fifth of the windows,
with embeddings as long and parameters of clustering as those of pyannote's community-1 pipeline.
"""

import json
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.processes import peak_bytes
from tests.fakes.tone_speakers import pipeline_folder, save_plda
from worker.engines.blocks import BLOCK, SAMPLE_RATE, BlockResult
from worker.engines.protocols import SpeakerHints
from worker.engines.pyannote.loading import joiner

from pyannote.audio import Pipeline  # isort: skip - after ours, which silences its telemetry
from pyannote.audio.core.plda import PLDA  # isort: skip

VOICES = 8
DIMENSION, FRAMES, SLOTS = 256, 498, 3
VBX = {"threshold": 0.6, "Fa": 0.07, "Fb": 0.8}
_TOGETHER = 0.2
"""Share of windows in which two speak: 43,200 embeddings in ten hours."""
_TURN = 12
"""Windows of one speaker."""
_OWN = 0.5
"""Deviation within a voice, of 1 between voices: cosine distances of 0.2 and 1, as of a trained model."""


def made_up(hours: float) -> Iterator[tuple[BlockResult, int]]:
    """Blocks as a diarizer gives them, with the number of their embeddings."""
    chance = np.random.default_rng(1)
    voices = chance.standard_normal((VOICES, DIMENSION)).astype(np.float32)
    windows = BLOCK // SAMPLE_RATE
    for first in range(0, round(hours * 3600), windows):
        speaker = (first + np.arange(windows)) // _TURN % VOICES
        slot = chance.integers(SLOTS, size=windows)
        whose = np.full((windows, SLOTS), -1)
        whose[np.arange(windows), slot] = speaker
        both = np.flatnonzero(chance.random(windows) < _TOGETHER)
        whose[both, (slot[both] + 1) % SLOTS] = (speaker[both] + 1) % VOICES
        active = np.zeros((windows, FRAMES, SLOTS), bool)
        active[np.arange(windows), :400, slot] = True
        active[both, 350:500, (slot[both] + 1) % SLOTS] = True
        heard = voices[whose[whose >= 0]]
        own = chance.standard_normal(heard.shape).astype(np.float32) * np.float32(_OWN)
        yield BlockResult.packed((first, (first + windows) * SAMPLE_RATE), "made up", active, heard + own), len(heard)


def join(hours: float) -> dict[str, float]:
    """CPU seconds, and bytes of this process: what it had at most before, and after."""
    with tempfile.TemporaryDirectory() as folder:
        pipeline: Any = Pipeline.from_pretrained(pipeline_folder(Path(folder), params={"clustering": VBX}))
        save_plda(Path(folder) / "wide", DIMENSION)
        pipeline.clustering.plda = PLDA.from_pretrained(Path(folder) / "wide")
    made = joiner(pipeline)
    blocks, counts = zip(*made_up(hours), strict=True)
    before, began = peak_bytes(os.getpid()), time.process_time()
    found = made.joined(blocks, SpeakerHints())
    cpu = time.process_time() - began
    speakers, turns = len(found.embeddings), len(found.turns)
    after = peak_bytes(os.getpid())
    return {
        "embeddings": sum(counts), "cpu": cpu, "before": before, "peak": after, "speakers": speakers, "turns": turns
    }  # fmt: skip


if __name__ == "__main__":
    print(json.dumps(join(float(sys.argv[1]))))
