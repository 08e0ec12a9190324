"""A transcript document (`Transcript.to_json`) -> the text, or the bytes, of a file. One function a format."""

from collections.abc import Callable
from dataclasses import dataclass

from core.captions import Layout
from core.formats.look import PLAIN, Document, Look
from core.formats.nist import as_ctm, as_rttm
from core.formats.office import as_docx
from core.formats.subtitles import as_srt, as_vtt
from core.formats.text import as_json, as_tsv, as_txt

__all__ = ["FORMATS", "Format", "Layout", "Look"]

NAMES = frozenset({"speakers"})
CAPTIONS = frozenset({"max_chars", "max_lines", "speakers"})


@dataclass(frozen=True)
class Format:
    """`write` is pure, and gives a valid file for an empty transcript too. `knobs`: what it heeds of a Look, as the API
    calls it."""

    media_type: str
    write: Callable[[Document, Look], str | bytes]
    knobs: frozenset[str] = frozenset()

    def render(self, transcript: Document, look: Look = PLAIN) -> str | bytes:
        """Bytes where the file is not text."""
        return self.write(transcript, look)


_DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"

FORMATS: dict[str, Format] = {
    "json": Format("application/json", as_json),
    "txt": Format("text/plain; charset=utf-8", as_txt, NAMES),
    "srt": Format("application/x-subrip; charset=utf-8", as_srt, CAPTIONS),
    "vtt": Format("text/vtt; charset=utf-8", as_vtt, CAPTIONS),
    "tsv": Format("text/tab-separated-values; charset=utf-8", as_tsv, NAMES),
    "rttm": Format("text/plain; charset=utf-8", as_rttm),
    "ctm": Format("text/plain; charset=utf-8", as_ctm),
    "docx": Format(_DOCX, as_docx, NAMES),
}
