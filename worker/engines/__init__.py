"""Adapters, one a library: the only importers of those libraries. Names map to import strings, resolved when chosen."""

from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from core.errors import EngineError, InvalidRequest, ModelUnavailable
from core.models import resolve, resolve_diarizer
from core.settings import Settings
from core.settings import settings as process_settings
from worker.audio import decode
from worker.engines.protocols import (
    SAMPLE_RATE,
    Clip,
    Diarizer,
    EngineFailure,
    Hypothesis,
    Recognizer,
    Samples,
    SpeechDetector,
    samples,
)

ENGINES: dict[str, str] = {"faster-whisper": "worker.engines.faster_whisper:load"}
"""Name -> what to call with (ModelSource, Settings) for a Recognizer. SCRIPTORIUM_ENGINES adds more."""

DETECTORS: dict[str, str] = {"silero": "worker.engines.silero:Silero", "webrtc": "worker.engines.webrtc:WebRtc"}
"""Name -> what to call without arguments for a SpeechDetector."""

DIARIZERS: dict[str, str] = {"pyannote": "worker.engines.pyannote:load"}
"""Engine -> what to call with (ModelSource, Settings) for a Diarizer. SCRIPTORIUM_ENGINES adds more."""

_DIARIZATION = "pip install 'scriptorium[diarization]'"
INSTALL = {
    "ctranslate2": "pip install faster-whisper",
    "faster_whisper": "pip install faster-whisper",
    "huggingface_hub": "pip install huggingface_hub",
    "lightning": _DIARIZATION,
    "onnxruntime": "pip install faster-whisper",
    "pyannote": _DIARIZATION,
    "scipy": _DIARIZATION,
    "sklearn": _DIARIZATION,
    "torch": _DIARIZATION,
    "torchaudio": _DIARIZATION,
    "webrtcvad": "pip install webrtcvad-wheels",
}
"""Module -> the command that brings it; the extras `worker` and `diarization` bring them all."""

_ON_A_GPU = 16

KNOWN_ANSWER = Path(__file__).parent / "known-answer.flac"
KNOWN_WORDS = "good morning everyone and welcome to the meeting"
_NEEDED = 0.5
"""Share of the known words that the demonstration model must find; other models may speak another language."""


def recognizer(name: str, settings: Settings) -> Recognizer:
    """The loaded model of that name. Raises UnknownModel, ModelUnavailable (not here, or its engine is not)."""
    source = resolve(name, settings)
    load = _named(source.engine, {**ENGINES, **settings.engines}, "engine")
    loaded: Recognizer = load(source, settings)
    return loaded


def batch(settings: Settings, device: str) -> int:
    """Chunks that a recognizer gets at once. A GPU wants many; on processors the next chunk is another process's."""
    return settings.transcribe_batch or (_ON_A_GPU if device == "cuda" else 1)


def detector(name: str) -> SpeechDetector:
    chosen: SpeechDetector = _named(name, DETECTORS, "vad")()
    return chosen


def diarizer(name: str, settings: Settings) -> Diarizer:
    """The loaded pipeline. Raises UnknownModel, ModelUnavailable (it is not here, or its engine is not)."""
    source = resolve_diarizer(name, settings)
    loaded: Diarizer = _named(source.engine, {**DIARIZERS, **settings.engines}, "engine")(source, settings)
    return loaded


def pull_diarizer(name: str, settings: Settings, progress: bool = True) -> Path:
    """Fetches the pipeline and what it is made of. Raises UnknownModel, ModelUnavailable, which names the page where
    access is asked for."""
    source = resolve_diarizer(name, settings)
    target = {**DIARIZERS, **settings.engines}.get(source.engine, "").partition(":")[0]
    return Path(_named(source.engine, {source.engine: f"{target}:pull"}, "engine")(source, progress))


def pull(name: str, settings: Settings, progress: bool = True) -> Path:
    """Fetches the model where its engine can. Raises ModelUnavailable, which says what to do instead."""
    source = resolve(name, settings)
    target = {**ENGINES, **settings.engines}.get(source.engine, "").partition(":")[0]
    fetch = getattr(import_module(target), "pull", None) if target else None
    if fetch is None:
        raise ModelUnavailable(f"the engine {source.engine} fetches nothing; its models are local")
    return Path(fetch(source, progress))


def prove(loaded: Recognizer, settings: Settings | None = None) -> None:
    """That the model works here: on some drivers a broken build answers with silent, empty text.

    Raises EngineError where speech gives no text, or (demonstration model) too few of its words.
    """
    silence = Clip(np.zeros(3 * SAMPLE_RATE, np.float32))
    answers = loaded.transcribe([silence, Clip(known_answer(settings or process_settings()))])
    for answer in answers:
        if isinstance(answer, EngineFailure):
            raise EngineError(f"the model {loaded.info.name} failed on a known clip: {answer.error.message}")
    _heard(answers[1], loaded.info.name)


def known_answer(settings: Settings) -> Samples:
    """Samples of a synthetic voice that says KNOWN_WORDS."""
    pcm = b"".join(decode(KNOWN_ANSWER, settings, tolerant=False, check=lambda: None))
    return samples(pcm)


def _heard(answer: Hypothesis | EngineFailure, name: str) -> None:
    text = "".join(segment.text for segment in answer.segments) if isinstance(answer, Hypothesis) else ""
    words = {word.strip(".,!?").lower() for word in text.split()}
    expected = KNOWN_WORDS.split()
    found = sum(word in words for word in expected)
    if not text.strip() or (name == "demo" and found < _NEEDED * len(expected)):
        raise EngineError(
            f"the model {name} answers a known clip with {text.strip()!r}: the model or its library is broken here"
        )


def _named(name: str, names: Mapping[str, str], what: str) -> Callable[..., Any]:
    """Imports what a name stands for."""
    if name not in names:
        raise InvalidRequest(
            f"there is no {what} {name!r}",
            errors=[{"field": what, "message": "is not known", "allowed": sorted(names)}],
        )
    module, _, attribute = names[name].partition(":")
    try:
        found: Callable[..., Any] = getattr(import_module(module), attribute)
    except ModuleNotFoundError as error:
        missing = (error.name or module).partition(".")[0]
        command = INSTALL.get(missing, f"pip install {missing}")
        raise ModelUnavailable(f"the {what} {name} needs the package {missing}; install it with: {command}") from error
    return found
