"""The Recognizer: clips in, hypotheses out; and the model out of its files."""

import os
from collections.abc import Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

import ctranslate2
import numpy as np
from faster_whisper import WhisperModel

from core.errors import EngineError, InputError, ModelUnavailable, OutOfMemory, ScriptoriumError
from core.models import ModelSource
from core.settings import Settings
from worker.engines import hub
from worker.engines.faster_whisper.decoding import Decoder
from worker.engines.faster_whisper.prompts import prefix
from worker.engines.faster_whisper.windows import Row
from worker.engines.protocols import SAMPLE_RATE, Clip, EngineFailure, EngineInfo, Hypothesis

LONGEST = 30.5
"""Seconds: Whisper's window, and what rounding may add."""

_SHORTEST = 0.02


class FasterWhisper:
    """A Recognizer. Use it from one thread."""

    def __init__(self, model: Any, info: EngineInfo) -> None:
        self._model, self.info = model, info
        self._decoder = Decoder(model)
        token = model.hf_tokenizer.token_to_id
        self.languages = [code for code in model.supported_languages if token(f"<|{code}|>") is not None] or ["en"]

    def transcribe(self, clips: Sequence[Clip]) -> list[Hypothesis | EngineFailure]:
        failed: dict[int, EngineFailure] = {}
        rows = [row for index, clip in enumerate(clips) if (row := self._row(index, clip, failed))]
        going = rows
        while going:
            for _, group in groupby(sorted(going, key=_prefix_length), key=_prefix_length):
                self._advance(list(group), failed)
            going = [row for row in going if not row.done and row.index not in failed]
        heard = {row.index: _hypothesis(row) for row in rows}
        return [failed.get(index) or heard[index] for index in range(len(clips))]

    def _row(self, index: int, clip: Clip, failed: dict[int, EngineFailure]) -> Row | None:
        try:
            self._acceptable(clip)
        except InputError as error:
            failed[index] = EngineFailure(error)
            return None
        language = clip.language if self._model.model.is_multilingual else "en"
        tokenizer = self._decoder.tokenizer(language or self.languages[0], clip.task)
        features = self._model.feature_extractor(clip.samples)
        return Row(index, clip, features, prefix(clip, tokenizer.encode, tokenizer.sot_prev), language)

    def _advance(self, rows: list[Row], failed: dict[int, EngineFailure]) -> None:
        """A window of each. Where a call fails for all, each is tried alone, so that one bad clip fails alone."""
        try:
            self._decoder.advance(rows)
        except (RuntimeError, ValueError) as error:
            translated = _translated(error, self.info.name)
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
    device = _device(settings)
    wanted = settings.compute_type
    if wanted == "auto":
        wanted = "float16" if device == "cuda" else "int8"
    try:
        model = WhisperModel(
            str(files.folder), device=device, compute_type=wanted, cpu_threads=settings.threads or os.cpu_count() or 1
        )
    except (RuntimeError, ValueError) as error:
        raise _unloadable(source, device, wanted, error) from error
    info = EngineInfo(source.name, source.engine, files.revision, device, str(model.model.compute_type))
    return FasterWhisper(model, info)


def pull(source: ModelSource, progress: bool = True) -> Path:
    return hub.pull(source, progress)


def _device(settings: Settings) -> str:
    if settings.device != "auto":
        return settings.device
    return "cuda" if ctranslate2.get_cuda_device_count() else "cpu"


def _prefix_length(row: Row) -> int:
    return len(row.prefix)


def _hypothesis(row: Row) -> Hypothesis:
    return Hypothesis(tuple(row.segments), row.language or "en", row.probability, tuple(row.suppressed))


def _translated(error: Exception, name: str) -> ScriptoriumError:
    if "out of memory" in str(error).lower():
        return OutOfMemory(f"the device has no room for a clip of the model {name}")
    return EngineError(f"the model {name} failed on a clip ({type(error).__name__})")


def _unloadable(source: ModelSource, device: str, compute_type: str, error: Exception) -> ScriptoriumError:
    if "out of memory" in str(error).lower():
        return OutOfMemory(f"the {device} has no room for the model {source.name}; choose a smaller one")
    return ModelUnavailable(
        f"the model {source.name} does not load on {device} as {compute_type}: {error}; "
        "set SCRIPTORIUM_DEVICE or SCRIPTORIUM_COMPUTE_TYPE, or name a CTranslate2 conversion"
    )
