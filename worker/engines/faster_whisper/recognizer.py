"""The Recognizer: clips in, hypotheses out; and the model out of its files."""

import sys
import threading
from collections.abc import Sequence
from dataclasses import replace
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
from faster_whisper import WhisperModel

from core.errors import EngineError, InputError, ModelUnavailable, OutOfMemory, ScriptoriumError
from core.models import ModelSource
from core.settings import Settings
from worker.engines import hub
from worker.engines.faster_whisper import devices
from worker.engines.faster_whisper.decoding import Decoder
from worker.engines.faster_whisper.prompts import prefix
from worker.engines.faster_whisper.windows import Row, batched, buckets
from worker.engines.protocols import SAMPLE_RATE, Clip, EngineFailure, EngineInfo, Hypothesis

LONGEST = 30.5
"""Seconds: Whisper's window, and what rounding may add."""

_SHORTEST = 0.02
_CPU_FRAMES = 5000
"""Of sound in one call on processors: more does not fit their caches, and a batch then costs more than its clips one by
one. A GPU takes a batch as it comes."""


class FasterWhisper:
    """A Recognizer. `transcribe` and `rest` wait for each other; `prepare` needs no model, and may run beside them."""

    def __init__(self, model: Any, info: EngineInfo, frames: int | None = None) -> None:
        """`frames`: the most in one call, save that a clip always goes; None chooses by the device."""
        self._model, self.info, self._buckets = model, info, buckets(info.windows)
        self._frames = frames or (sys.maxsize if info.device == "cuda" else _CPU_FRAMES)
        self._one_at_a_time = threading.Lock()
        self._multilingual = bool(model.model.is_multilingual)  # which a model that rests does not tell
        self._decoder = Decoder(model)
        token = model.hf_tokenizer.token_to_id
        self.languages = [code for code in model.supported_languages if token(f"<|{code}|>") is not None] or ["en"]

    @property
    def resting(self) -> bool:
        return not self._model.model.model_is_loaded

    def prepare(self, clip: Clip) -> Clip:
        try:
            self._acceptable(clip)
        except InputError:
            return clip
        return replace(clip, features=self._model.feature_extractor(clip.samples))

    def rest(self) -> None:
        with self._one_at_a_time:
            self._model.model.unload_model()

    def transcribe(self, clips: Sequence[Clip]) -> list[Hypothesis | EngineFailure]:
        with self._one_at_a_time:
            self._wake()
            return self._transcribe(clips)

    def _wake(self) -> None:
        try:
            self._model.model.load_model()
        except (RuntimeError, ValueError) as error:
            raise _translated(error, self.info.name, "did not load again after a rest") from error

    def _transcribe(self, clips: Sequence[Clip]) -> list[Hypothesis | EngineFailure]:
        failed: dict[int, EngineFailure] = {}
        rows = [row for index, clip in enumerate(clips) if (row := self._row(index, clip, failed))]
        going = rows
        while going:
            for (bucket, _), group in groupby(sorted(going, key=_shape), key=_shape):
                for together in batched(list(group), max(1, self._frames // bucket)):
                    self._advance(together, failed)
            going = [row for row in going if not row.done and row.index not in failed]
        heard = {row.index: _hypothesis(row) for row in rows}
        return [failed.get(index) or heard[index] for index in range(len(clips))]

    def _row(self, index: int, clip: Clip, failed: dict[int, EngineFailure]) -> Row | None:
        try:
            self._acceptable(clip)
        except InputError as error:
            failed[index] = EngineFailure(error)
            return None
        language = clip.language if self._multilingual else "en"
        tokenizer = self._decoder.tokenizer(language or self.languages[0], clip.task)
        features = self._model.feature_extractor(clip.samples) if clip.features is None else clip.features
        before = prefix(clip, tokenizer.encode, tokenizer.sot_prev)
        return Row(index, clip, features, before, language, self._buckets)

    def _advance(self, rows: list[Row], failed: dict[int, EngineFailure]) -> None:
        """A window of each. Where a call fails for all, each is tried alone, so that one bad clip fails alone."""
        try:
            self._decoder.advance(rows)
        except (RuntimeError, ValueError) as error:
            translated = _translated(error, self.info.name, "failed on a clip")
            if isinstance(translated, OutOfMemory):
                raise translated from error
            if len(rows) == 1:
                failed[rows[0].index] = EngineFailure(translated)
                return
            for row in rows:
                self._advance([row], failed)

    def _acceptable(self, clip: Clip) -> None:
        """Raises InputError: trying again would give the same."""
        if clip.language is not None and clip.language not in self.languages:
            known = ", ".join(self.languages)
            raise InputError(
                f"the model {self.info.name} does not know the language {clip.language!r}; it knows: {known}",
                code="unsupported_language",
                errors=[{"field": "language", "message": "is not one of the model's", "allowed": self.languages}],
            )
        seconds = len(clip.samples) / SAMPLE_RATE
        if not _SHORTEST <= seconds <= LONGEST or not np.isfinite(clip.samples).all():
            raise InputError(f"a clip of {seconds:.2f} s with samples from -1 to 1 is expected", code="invalid_clip")


def load(source: ModelSource, settings: Settings) -> FasterWhisper:
    """The model out of files on this machine. Raises ModelUnavailable, which says how to fetch it."""
    files = hub.found(source)
    on = devices.chosen(settings)
    try:
        model = WhisperModel(
            str(files.folder), device=on.kind, compute_type=on.compute_type, cpu_threads=on.threads, num_workers=1
        )  # one worker: one batch at a time, with all threads; another would only take memory
    except (RuntimeError, ValueError) as error:
        raise _unloadable(source, on.kind, on.compute_type, error) from error
    computed = str(model.model.compute_type)
    windows = source.windows_for(settings)
    return FasterWhisper(model, EngineInfo(source.name, source.engine, files.revision, on.kind, computed, windows))


def pull(source: ModelSource, progress: bool = True) -> Path:
    return hub.pull(source, progress)


def _shape(row: Row) -> tuple[int, int]:
    """What must be equal in one call: frames for the encoder, tokens before the text for the decoder."""
    return row.bucket, len(row.prefix)


def _hypothesis(row: Row) -> Hypothesis:
    return Hypothesis(tuple(row.segments), row.language or "en", row.probability, tuple(row.suppressed))


def _translated(error: Exception, name: str, what: str) -> ScriptoriumError:
    if "out of memory" in str(error).lower():
        return OutOfMemory(f"the device has no room: the model {name} {what}")
    return EngineError(f"the model {name} {what} ({type(error).__name__})")


def _unloadable(source: ModelSource, device: str, compute_type: str, error: Exception) -> ScriptoriumError:
    if "out of memory" in str(error).lower():
        return OutOfMemory(f"the {device} has no room for the model {source.name}; choose a smaller one")
    return ModelUnavailable(
        f"the model {source.name} does not load on {device} as {compute_type}: {error}; "
        "set SCRIPTORIUM_DEVICE or SCRIPTORIUM_COMPUTE_TYPE, or name a CTranslate2 conversion"
    )
