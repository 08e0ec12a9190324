"""What NIST's scoring tools read: lines of fields that blanks part. Names and words have none."""

from collections.abc import Iterator
from typing import Any

from core.captions import Piece, tokens
from core.formats.look import Document, Look, naming


def as_rttm(transcript: Document, _look: Look) -> str:
    """Rich Transcription Time Marked: a line a speaker turn (RT-09 evaluation plan, appendix A)."""
    name_of = naming(transcript)
    return "".join(
        f"SPEAKER {transcript['job_id']} 1 {turn['start']:.3f} {turn['end'] - turn['start']:.3f} <NA> <NA> "
        f"{(name_of(turn['speaker']) or '<NA>').replace(' ', '_')} <NA> <NA>\n"
        for turn in transcript.get("turns") or ()
    )


def as_ctm(transcript: Document, _look: Look) -> str:
    """Conversation Time Marked: recording, channel, start, seconds, word, confidence (SCTK, doc/infmts.htm). Sorted by
    channel, then by start, as its readers want."""
    timed = [(_channel(segment), *word) for segment in transcript["segments"] for word in _words(segment)]
    timed.sort(key=lambda one: (one[0], one[1].start))
    return "".join(
        f"{transcript['job_id']} {channel} {word.start:.3f} {max(0.0, word.end - word.start):.3f} {word.text.strip()} "
        f"{confidence:.4f}\n"
        for channel, word, confidence in timed
    )


def _channel(segment: dict[str, Any]) -> int:
    """NIST counts from 1."""
    return (segment.get("channel") or 0) + 1


def _words(segment: dict[str, Any]) -> Iterator[tuple[Piece, float]]:
    """With their confidences. A segment without word times gives what blanks part, with its time shared out: no word is
    left out of a score. Chinese, where no blank says where a word ends, then is one word."""
    timed = [(one["start"], one["end"], one["word"], one["confidence"]) for one in segment.get("words") or ()]
    whole = (segment["start"], segment["end"], segment["text"], segment["confidence"])
    for start, end, text, confidence in timed or [whole]:
        for token in tokens(Piece(start, end, text)):
            yield token, confidence
