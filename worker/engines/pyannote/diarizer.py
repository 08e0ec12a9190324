"""The Diarizer: samples in, speaker turns out."""

from collections.abc import Sequence

import numpy as np
import torch
from lightning.pytorch.utilities.memory import is_oom_error

from core.errors import EngineError, OutOfMemory
from worker.engines.blocks import BlockResult, Grid
from worker.engines.protocols import Audio, Diarization, EngineInfo, Progress, Samples, SpeakerHints, unheard
from worker.engines.pyannote.hearing import Heard, Hearing
from worker.engines.pyannote.joining import Joiner

ANY = SpeakerHints()


class PyannoteDiarizer:
    """Use it from one thread."""

    def __init__(self, hearing: Hearing, joiner: Joiner, info: EngineInfo, batch: int, grid: Grid) -> None:
        """`batch`: windows that are heard at once, until there is no room for so many."""
        self.info = info
        self.batch = batch
        self.grid = grid
        self._made_by = f"{info.name}@{info.revision}"
        self._hearing = hearing
        self._joiner = joiner

    def spans(self, samples: int) -> list[tuple[int, int]]:
        return self.grid.spans(samples)

    def windows(self, block: Samples, start: int, progress: Progress = unheard) -> BlockResult:
        owned = self.grid.owned(start, start + len(block))
        views = self._views(block, len(owned))
        heard: list[Heard] = []
        done = 0
        while done < len(owned):
            progress(done / len(owned))
            if found := self._heard(views[done : done + self.batch]):
                heard.append(found)
                done += len(found.active)
        progress(1.0)
        return self._packed(heard, (owned.start, start + len(block)))

    def join(self, blocks: Sequence[BlockResult], hints: SpeakerHints = ANY) -> Diarization:
        following = 0
        for block in blocks:
            if block.made_by != self._made_by:
                raise EngineError(f"a block was heard by {block.made_by}; it cannot be joined by {self._made_by}")
            if block.first != following:
                raise EngineError(f"the windows from {following} to {block.first} are missing: hear that block again")
            following += block.shape[0]
        heard = [block for block in blocks if block.shape[0]]
        try:
            return self._joiner.joined(heard, hints) if heard else Diarization()
        except MemoryError as error:
            raise OutOfMemory("there is no room to cluster the voices of this recording") from error
        except (ValueError, RuntimeError) as error:
            raise EngineError(f"the diarizer {self.info.name} could not tell the voices apart: {error}") from error

    def diarize(self, audio: Audio, hints: SpeakerHints = ANY, progress: Progress = unheard) -> Diarization:
        spans = self.spans(len(audio))
        blocks: list[BlockResult] = []

        def told(share: float) -> None:
            progress((len(blocks) + share) / len(spans))

        for start, stop in spans:
            blocks.append(self.windows(audio[start:stop], start, told))
        return self.join(blocks, hints)

    def _views(self, block: Samples, windows: int) -> torch.Tensor:
        """(windows, samples) without a copy of what they share; after the recording's end, silence."""
        needed = max(0, windows - 1) * self.grid.step + self.grid.window
        padded = np.pad(block, (0, max(0, needed - len(block)))).astype(np.float32, copy=False)
        return torch.from_numpy(padded).unfold(0, self.grid.window, self.grid.step)[:windows]

    def _heard(self, windows: torch.Tensor) -> Heard | None:
        """None where there was no room: from then on batches are half as large."""
        try:
            return self._hearing.heard(windows)
        except (MemoryError, RuntimeError) as error:
            if not isinstance(error, MemoryError | torch.OutOfMemoryError) and not is_oom_error(error):
                raise EngineError(f"the diarizer {self.info.name} failed on a recording: {error}") from error
            if len(windows) == 1:
                raise OutOfMemory(f"there is no room to hear a single window with {self.info.name}") from error
            self.batch = len(windows) // 2
        if self.info.device == "cuda":
            torch.cuda.empty_cache()
        return None

    def _packed(self, heard: Sequence[Heard], place: tuple[int, int]) -> BlockResult:
        if not heard:
            nothing = np.zeros((0, self._hearing.dimension), np.float32)
            return BlockResult.packed(place, self._made_by, np.zeros((0, 1, 1), bool), nothing)
        scores = [one.scores for one in heard if one.scores is not None]
        return BlockResult.packed(
            place,
            self._made_by,
            np.concatenate([one.active for one in heard]),
            np.concatenate([one.embeddings for one in heard]),
            np.concatenate(scores) if scores else None,
        )
