"""What a word processor opens."""

import io
import re
import zipfile
from collections.abc import Iterator

from core.errors import ScriptoriumError
from core.formats.look import Document, Look, introduced, lines_of, naming

_UNWRITABLE = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What XML 1.0 does not allow, not even escaped."""
_EPOCH = (1980, 1, 1, 0, 0, 0)
"""The first moment that a ZIP archive can name."""


class NotInstalled(ScriptoriumError):
    """The server has no library for this format; the message says how to add it."""

    code = "format_not_installed"
    status = 501


def as_docx(transcript: Document, look: Look) -> bytes:
    """A paragraph an utterance, or a segment where no speakers were looked for: `[mm:ss] Speaker: text`."""
    try:
        import docx  # here, since the web server is thin and most never need it
    except ModuleNotFoundError as error:
        raise NotInstalled("docx needs python-docx on the server: pip install 'scriptorium[web]'") from error
    document = docx.Document()
    document.core_properties.author = "Scriptorium"
    document.core_properties.title = "Transcript"
    document.add_heading("Transcript", 0)
    for line in _paragraphs(transcript, look):
        document.add_paragraph(_UNWRITABLE.sub("", line))
    saved = io.BytesIO()
    document.save(saved)
    return _undated(saved)


def _paragraphs(transcript: Document, look: Look) -> Iterator[str]:
    name_of = naming(transcript, look)
    utterances = [(one, " ".join(one["text"].split())) for one in transcript.get("utterances") or ()]
    for one, text in utterances or lines_of(transcript):
        yield f"[{_minutes(one['start'])}] {introduced(name_of(one.get('speaker')), text)}"


def _minutes(seconds: float) -> str:
    """With hours once there are some."""
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02d}:{rest:02d}" if minutes >= 60 else f"{minutes:02d}:{rest:02d}"


def _undated(saved: io.BytesIO) -> bytes:
    """The same archive without the time of its making: one transcript, one file, as its ETag says."""
    undated = io.BytesIO()
    with zipfile.ZipFile(saved) as before, zipfile.ZipFile(undated, "w", zipfile.ZIP_DEFLATED) as after:
        for name in before.namelist():
            after.writestr(zipfile.ZipInfo(name, _EPOCH), before.read(name), zipfile.ZIP_DEFLATED)
    return undated.getvalue()
