"""A transcript document (`Transcript.to_json`) -> the text of a file. One function a format."""

import html
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from core.captions import Caption, captions, joined, pieces_of


@dataclass(frozen=True)
class Format:
    """`render` is pure, and gives a valid file for an empty transcript too."""

    media_type: str
    render: Callable[[dict[str, Any]], str]


def as_json(transcript: dict[str, Any]) -> str:
    return json.dumps(transcript, ensure_ascii=False, allow_nan=False) + "\n"


def as_txt(transcript: dict[str, Any]) -> str:
    """A line a segment; where speakers are known, their name before their first line and at each change."""
    names, lines, speaker = _names(transcript), [], None
    for segment in transcript["segments"]:
        text = joined(pieces_of(segment))
        if not text:
            continue
        changed = segment.get("speaker") not in (None, speaker)
        speaker = segment.get("speaker") or speaker
        lines.append(f"{_named(names, speaker)}: {text}\n" if changed else f"{text}\n")
    return "".join(lines)


def as_srt(transcript: dict[str, Any]) -> str:
    """SubRip. It has no escapes: an arrow in the text, which readers take for a time line, loses a dash."""
    cues = (
        f"{number}\n{_clock(cue.start, ',')} --> {_clock(cue.end, ',')}\n{text}\n\n"
        for number, (cue, text) in enumerate(_srt_cues(transcript), 1)
    )
    return "".join(cues)


def as_vtt(transcript: dict[str, Any]) -> str:
    """WebVTT (https://www.w3.org/TR/webvtt1/): text escaped, the speaker as a voice span."""
    names = _names(transcript)
    cues = (
        f"\n{_clock(cue.start, '.')} --> {_clock(cue.end, '.')}\n{_voiced(cue, names)}\n"
        for cue in captions(transcript)
    )
    return "WEBVTT\n" + "".join(cues)


def as_rttm(transcript: dict[str, Any]) -> str:
    """NIST's Rich Transcription Time Marked: a line a speaker turn (RT-09 evaluation plan, appendix A). Blanks part its
    fields, so names have none."""
    names = _names(transcript)
    return "".join(
        f"SPEAKER {transcript['job_id']} 1 {turn['start']:.3f} {turn['end'] - turn['start']:.3f} <NA> <NA> "
        f"{_named(names, turn['speaker']).replace(' ', '_')} <NA> <NA>\n"
        for turn in transcript.get("turns") or ()
    )


def _srt_cues(transcript: dict[str, Any]) -> Iterator[tuple[Caption, str]]:
    names, speaker = _names(transcript), None
    for cue in captions(transcript):
        changed = cue.speaker not in (None, speaker)
        speaker = cue.speaker or speaker
        text = "\n".join(cue.lines)
        yield cue, (f"{_named(names, speaker)}: {text}" if changed else text).replace("-->", "->")


def _voiced(cue: Caption, names: dict[str, str]) -> str:
    text = html.escape("\n".join(cue.lines), quote=False)
    if cue.speaker is None:
        return text
    return f"<v {html.escape(_named(names, cue.speaker), quote=False)}>{text}"


def _names(transcript: dict[str, Any]) -> dict[str, str]:
    """A speaker's label -> the name that a person gave it."""
    return {one["label"]: one.get("name") or one["label"] for one in transcript.get("speakers") or ()}


def _named(names: dict[str, str], label: str | None) -> str:
    """On one line, whatever a person typed."""
    return " ".join(names.get(label or "", label or "").split())


def _clock(milliseconds: int, mark: str) -> str:
    seconds, rest = divmod(milliseconds, 1000)
    return f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}{mark}{rest:03d}"


FORMATS: dict[str, Format] = {
    "json": Format("application/json", as_json),
    "txt": Format("text/plain; charset=utf-8", as_txt),
    "srt": Format("application/x-subrip; charset=utf-8", as_srt),
    "vtt": Format("text/vtt; charset=utf-8", as_vtt),
    "rttm": Format("text/plain; charset=utf-8", as_rttm),
}
