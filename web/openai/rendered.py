"""A transcript document -> what OpenAI's audio API answers. Pure."""

import json
import zlib
from collections.abc import Iterator
from typing import Any

from core.formats import FORMATS
from core.languages import english_name
from web.letters import letters
from web.openai.asked import Asked

Document = dict[str, Any]
"""As `core.transcript.Transcript.to_json` makes it."""


def rendered(transcript: Document, asked: Asked) -> tuple[str, str]:
    """(body, content type)."""
    if asked.format in ("srt", "vtt"):
        return str(FORMATS[asked.format].render(transcript)), "text/plain; charset=utf-8"
    if asked.format == "text":
        return transcript["text"] + "\n", "text/plain; charset=utf-8"
    shape = {"json": _json, "verbose_json": _verbose, "diarized_json": _diarized}[asked.format]
    return json.dumps(shape(transcript, asked), ensure_ascii=False, allow_nan=False), "application/json"


def events(transcript: Document, asked: Asked) -> Iterator[dict[str, Any]]:
    """Of a stream, but for the deltas: the segments of `diarized_json`, and the end."""
    if asked.format == "diarized_json":
        yield from _diarized(transcript, asked)["segments"]
    yield {"type": "transcript.text.done", "text": transcript["text"]}


def _usage(transcript: Document) -> dict[str, Any]:
    return {"type": "duration", "seconds": transcript["duration"]}


def _json(transcript: Document, asked: Asked) -> dict[str, Any]:
    return {"text": transcript["text"], "usage": _usage(transcript)}


def _verbose(transcript: Document, asked: Asked) -> dict[str, Any]:
    """With what OpenAI's has not: the confidence, and the speaker, of words and segments. A translation is English,
    whatever the recording is in."""
    translated = asked.options.get("task") == "translate"
    found: dict[str, Any] = {
        "task": "translate" if translated else "transcribe",
        "language": "english" if translated else english_name(transcript["language"]),
        "duration": transcript["duration"],
        "text": transcript["text"],
        "usage": _usage(transcript),
    }
    if asked.segments:
        found["segments"] = [_segment(number, one) for number, one in enumerate(transcript["segments"])]
    if asked.words:
        found["words"] = [_word(word) for one in transcript["segments"] for word in one["words"]]
    return found


def _segment(number: int, one: dict[str, Any]) -> dict[str, Any]:
    """Tokens are not kept, and every text that stands was decoded at temperature 0 unless it is flagged `sampled`."""
    raw = one["text"].encode()
    return {
        "id": number,
        "seek": round(one["start"] * 100),
        "start": one["start"],
        "end": one["end"],
        "text": one["text"],
        "tokens": [],
        "temperature": 0.0,
        "avg_logprob": one["avg_logprob"],
        "compression_ratio": round(len(raw) / len(zlib.compress(raw)), 4),  # as openai/whisper measures it
        "no_speech_prob": one["no_speech_prob"],
        "confidence": one["confidence"],
        "speaker": one["speaker"],
    }


def _word(word: dict[str, Any]) -> dict[str, Any]:
    shown = {"word": word["word"].strip(), "start": word["start"], "end": word["end"]}
    return {**shown, "confidence": word["confidence"], "speaker": word["speaker"]}


def _diarized(transcript: Document, asked: Asked) -> dict[str, Any]:
    names = letters(transcript)
    segments = [
        {
            "type": "transcript.text.segment",
            "id": f"seg_{number}",
            "start": one["start"],
            "end": one["end"],
            "speaker": names.get(one["speaker"], "unknown"),
            "text": one["text"],
        }
        for number, one in enumerate(transcript["utterances"] or transcript["segments"])
    ]
    text, duration = transcript["text"], transcript["duration"]
    return {"task": "transcribe", "duration": duration, "text": text, "segments": segments, "usage": _usage(transcript)}
