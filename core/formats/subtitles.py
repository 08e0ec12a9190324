"""Captions as SubRip and WebVTT.

srt writes SubRip: pysubs2 would read `\\N` and `{…}` in what was said as marks of its own. webvtt-py writes WebVTT.
Neither escapes the text nor knows voice spans, so that is done here.
"""

import html
from datetime import timedelta

import srt
import webvtt
from webvtt.models import Timestamp

from core.captions import Caption, captions
from core.formats.look import Document, Look, at_changes, introduced, naming


def as_srt(transcript: Document, look: Look) -> str:
    """It has no escapes: an arrow in the text, which readers take for a time line, loses a dash. The speaker's name
    stands at each change."""
    name_of = at_changes(naming(transcript, look))
    subtitles = (
        srt.Subtitle(
            number,
            timedelta(milliseconds=cue.start),
            timedelta(milliseconds=cue.end),
            introduced(name_of(cue.speaker), "\n".join(cue.lines)).replace("-->", "->"),
        )
        for number, cue in enumerate(captions(transcript, look.layout), 1)
    )
    text: str = srt.compose(subtitles, reindex=False)  # they are in order, and sorting would drop what it thinks odd
    return text


def as_vtt(transcript: Document, look: Look) -> str:
    """WebVTT (https://www.w3.org/TR/webvtt1/): text escaped, the speaker as a voice span in every caption."""
    name_of = naming(transcript, look)
    cues = [
        webvtt.Caption(_clock(cue.start), _clock(cue.end), _voiced(cue, name_of(cue.speaker)))
        for cue in captions(transcript, look.layout)
    ]
    return webvtt.WebVTT(captions=cues).content


def _voiced(cue: Caption, name: str | None) -> list[str]:
    """A span that nothing ends holds the whole caption."""
    first, *others = (html.escape(line, quote=False) for line in cue.lines)
    return [f"<v {html.escape(name, quote=False)}>{first}" if name else first, *others]


def _clock(milliseconds: int) -> str:
    return str(Timestamp.from_seconds(milliseconds / 1000))
