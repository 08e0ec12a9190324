"""JSON, plain text, and a table as openai-whisper writes it."""

import json

from core.formats.look import Document, Look, at_changes, introduced, lines_of, naming


def as_json(transcript: Document, _look: Look) -> str:
    return json.dumps(transcript, ensure_ascii=False, allow_nan=False) + "\n"


def as_txt(transcript: Document, look: Look) -> str:
    """A line a segment; where speakers are known, their name before their first line and at each change."""
    name_of = at_changes(naming(transcript, look))
    return "".join(introduced(name_of(segment.get("speaker")), text) + "\n" for segment, text in lines_of(transcript))


def as_tsv(transcript: Document, look: Look) -> str:
    """A line a segment, times in whole milliseconds (whisper/utils.py, WriteTSV). Its three columns have no place for
    the speaker, whose name stands before the text, in every line: tables are sorted and filtered."""
    name_of = naming(transcript, look)
    rows = (
        f"{round(1000 * segment['start'])}\t{round(1000 * segment['end'])}\t"
        f"{introduced(name_of(segment.get('speaker')), text)}\n"
        for segment, text in lines_of(transcript)
    )
    return "start\tend\ttext\n" + "".join(rows)
