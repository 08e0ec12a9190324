"""faster-whisper behind our Recognizer: each clip alone, with upstream's temperature fallback."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import ctranslate2
import numpy as np
from faster_whisper import WhisperModel

from core.errors import EngineError, InputError, ModelUnavailable, OutOfMemory, ScriptoriumError
from core.models import ModelSource
from core.settings import Settings
from core.transcript import Segment, Word
from worker.engines import hub
from worker.engines.protocols import SAMPLE_RATE, Clip, EngineFailure, EngineInfo, Hypothesis

TEMPERATURES = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)
"""Upstream's fallback: the next one where the text repeats itself or is improbable."""

LONGEST = 30.5
"""Seconds: Whisper's window, and what rounding may add."""

_SHORTEST = 0.02


class FasterWhisper:
    """A Recognizer. Use it from one thread."""

    def __init__(self, model: Any, info: EngineInfo) -> None:
        self._model, self.info = model, info
        token = model.hf_tokenizer.token_to_id
        self.languages = [code for code in model.supported_languages if token(f"<|{code}|>") is not None] or ["en"]

    def transcribe(self, clips: Sequence[Clip]) -> list[Hypothesis | EngineFailure]:
        return [self._one(clip) for clip in clips]

    def _one(self, clip: Clip) -> Hypothesis | EngineFailure:
        try:
            self._acceptable(clip)
            return self._decoded(clip)
        except OutOfMemory:
            raise
        except ScriptoriumError as error:
            return EngineFailure(error)

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

    def _decoded(self, clip: Clip) -> Hypothesis:
        ctranslate2.set_random_seed(0)  # sampling at a higher temperature then gives the same twice
        try:
            segments, info = self._model.transcribe(
                clip.samples, language=clip.language, task=clip.task, initial_prompt=clip.prompt or None,
                hotwords=", ".join(clip.hotwords) or None, temperature=TEMPERATURES, vad_filter=False,
                condition_on_previous_text=False, word_timestamps=clip.word_timestamps,
            )  # fmt: skip
            found = tuple(_segment(one, str(info.language)) for one in segments)
        except (RuntimeError, ValueError) as error:
            raise _translated(error, self.info.name) from error
        return Hypothesis(found, str(info.language), float(info.language_probability))


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


def _segment(found: Any, language: str) -> Segment:
    words = tuple(Word(float(w.start), float(w.end), str(w.word), float(w.probability)) for w in found.words or ())
    return Segment(
        start=float(found.start),
        end=float(found.end),
        text=str(found.text),
        language=language,
        avg_logprob=float(found.avg_logprob),
        no_speech_prob=float(found.no_speech_prob),
        words=words,
        flags=("sampled",) if found.temperature else (),
    )


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
