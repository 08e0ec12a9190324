"""Files -> Speech, by suffix. Formats: NIST's STM, CTM and RTTM, plain text, SegLST (MeetEval's JSON, a list) and this
project's transcript JSON (an object)."""

import json
import math
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from core.transcript import SpeakerTurn
from scriptorium.scoring.plain import plain_words
from scriptorium.scoring.speech import Passage, Speech, Unscorable

MOST_BYTES = 200_000_000
"""A transcript of ten hours with all its words takes 20 MB as JSON."""

PAUSE = 0.3
"""Seconds, for transcripts alone, which have pauses between words: NIST's Rich Transcription evaluations bridge shorter
ones of a speaker."""

_LABEL = re.compile(r"<[^<>\s]+>$")
_ALTERNATIVES = re.compile(r"\{.*/.*\}")


class _Wrong(Exception):
    """What is wrong in a file's content."""


def read(path: Path, role: str) -> Speech:
    """`role`, such as REF, is how messages call the file, with its name. Raises Unscorable."""
    name = f"{role} ({path.name})"
    if path.suffix.lower() not in SUFFIXES:
        raise Unscorable(f"{name} is of no known format; the suffix must be one of {' '.join(SUFFIXES)}")
    return speech(_text(path, name), path.suffix, name)


def speech(text: str, suffix: str, name: str) -> Speech:
    """What a file with that suffix, such as `.stm`, and that text says. Pure. Raises Unscorable."""
    if not text.strip():
        raise Unscorable(f"{name} is empty; where nothing was heard, score the transcript's .json, which says so")
    try:
        recordings, passages, bridged, told = SUFFIXES[suffix.lower()](text)
    except _Wrong as wrong:
        raise Unscorable(f"{name}: {wrong}") from wrong
    return Speech(name, recordings, passages, bridged, told)


def _text(path: Path, name: str) -> str:
    try:
        if path.stat().st_size > MOST_BYTES:
            raise Unscorable(f"{name} has more than {MOST_BYTES // 10**6} MB; score its recordings apart")
        return path.read_text("utf-8-sig")
    except OSError as error:
        raise Unscorable(f"{name} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise Unscorable(f"{name} is no text in UTF-8; convert it, such as with iconv -t utf-8") from error


_Parsed = tuple[tuple[str, ...], tuple[Passage, ...], float, tuple[SpeakerTurn, ...]]
"""As `Speech` has them."""


def _whole(text: str) -> _Parsed:
    return ("",), (Passage("", text),), 0.0, ()


def _stm(text: str) -> _Parsed:
    passages = []
    for where, line in _lines(text):
        recording, _, speaker, start, end, *rest = _fields(where, line, 5, "recording channel speaker start end text")
        if speaker.lower() == "inter_segment_gap":
            continue
        words = _unlabelled(rest[0] if rest else "")
        if words.lower() == "ignore_time_segment_in_scoring" or _ALTERNATIVES.search(words):
            raise _Wrong(
                f"{where}: parts that are left out of scoring and alternatives {{a / b}} are not known here; "
                "take them out, or score with NIST's sclite"
            )
        passages.append(Passage(recording, words, speaker, *_span(where, start, end)))
    return _in_order(passages)


def _ctm(text: str) -> _Parsed:
    passages = []
    for where, line in _lines(text):
        recording, _, start, seconds, word, *_ = _fields(where, line, 5, "recording channel start seconds word")
        passages.append(Passage(recording, word, None, *_lasting(where, start, seconds)))
    return _in_order(passages)


def _rttm(text: str) -> _Parsed:
    """Its SPEAKER lines; the format has many others, which say nothing of turns."""
    passages = []
    for where, line in _lines(text):
        kind = line.split()[0]
        if kind == "NOSCORE":
            raise _Wrong(f"{where}: parts that are left out of scoring are not known here; take them out of both files")
        if kind != "SPEAKER":
            continue
        fields = _fields(where, line, 8, "SPEAKER recording channel start seconds <NA> <NA> speaker")
        _, recording, _, start, seconds, _, _, speaker, *_ = fields
        passages.append(Passage(recording, None, speaker, *_lasting(where, start, seconds)))
    if not passages:
        raise _Wrong("it has no SPEAKER line; those of RTTM begin with that word")
    return _in_order(passages)


def _json(text: str) -> _Parsed:
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise _Wrong(f"it is no JSON: {error}") from error
    if isinstance(document, dict) and isinstance(document.get("segments"), list):
        return _transcript(document["segments"], document.get("turns") or [])
    if isinstance(document, list):
        return _seglst(document)
    raise _Wrong(
        "it is neither a transcript of this project, an object with `segments`, nor SegLST, a list of objects with "
        "`session_id` and `words`"
    )


def _transcript(segments: list[Any], turns: Any) -> _Parsed:
    """Words where there are any, else segments; and the turns that a diarizer heard. Only a transcript can say that
    nothing was heard: one recording, no passage."""
    passages: list[Passage] = []
    for index, segment in enumerate(segments):
        where = f"segments[{index}]"
        whole = _passage(where, "", segment, "text", "start", "end")
        words = segment.get("words") or []
        if not isinstance(words, list):
            raise _Wrong(f"{where}.words is no list")
        passages += list(_words(where, words, whole.speaker)) if words else [whole]
    return ("",), tuple(passages), PAUSE, _turns(turns)


def _turns(turns: Any) -> tuple[SpeakerTurn, ...]:
    found = []
    for index, turn in enumerate(turns if isinstance(turns, list) else [turns]):
        if not isinstance(turn, dict) or not isinstance(turn.get("speaker"), str):
            raise _Wrong(f"turns[{index}] has no `speaker` that is a string")
        found.append(SpeakerTurn(*_span(f"turns[{index}]", turn.get("start"), turn.get("end")), turn["speaker"]))
    return tuple(found)


def _words(where: str, words: list[Any], speaker: str | None) -> Iterator[Passage]:
    """Where two are written as one, as `three` and `-year` are, they are one passage."""
    held: Passage | None = None
    for number, word in enumerate(words):
        one = _passage(f"{where}.words[{number}]", "", word, "word", "start", "end", speaker)
        if held and _one_word(held.text or "", one.text or "") and held.speaker == one.speaker:
            held = Passage("", f"{held.text}{one.text}", held.speaker, held.start, max(held.end or 0.0, one.end or 0.0))
            continue
        if held:
            yield held
        held = one
    if held:
        yield held


def _one_word(left: str, right: str) -> bool:
    if right[:1].isspace() or left[-1:].isspace():
        return False
    return len(plain_words(left + right)) < len(plain_words(left)) + len(plain_words(right))


def _seglst(segments: list[Any]) -> _Parsed:
    passages = []
    for index, segment in enumerate(segments):
        where = f"entry {index}"
        recording = segment.get("session_id") if isinstance(segment, dict) else None
        if not isinstance(recording, str):
            raise _Wrong(f"{where} has no `session_id`; SegLST is a list of objects with `session_id` and `words`")
        passages.append(_passage(where, recording, segment, "words", "start_time", "end_time"))
    if not passages:
        raise _Wrong("its list is empty; where nothing was heard, give an entry with `session_id` and empty `words`")
    return _in_order(passages)


def _passage(
    where: str, recording: str, one: Any, text: str, start: str, end: str, speaker: str | None = None
) -> Passage:
    """The three names are the keys in this format. Times may be absent, both of them."""
    if not isinstance(one, dict) or not isinstance(one.get(text), str):
        raise _Wrong(f"{where} has no `{text}` that is a string")
    times = one.get(start), one.get(end)
    span = _span(where, *times) if None not in times else (None, None)
    found = one.get("speaker")
    return Passage(recording, one[text], speaker if found is None else str(found), *span)


def _lines(text: str) -> Iterator[tuple[str, str]]:
    """Without comments, each with how messages call it."""
    for number, line in enumerate(text.splitlines(), 1):
        if line.strip() and not line.lstrip().startswith(";"):
            yield f"line {number}", line


def _fields(where: str, line: str, least: int, wanted: str) -> list[str]:
    fields = line.split(maxsplit=least)
    if len(fields) < least:
        raise _Wrong(f"{where} has {len(fields)} fields, but a line is `{wanted}`")
    return fields


def _unlabelled(words: str) -> str:
    """Without the label, such as <o,f0,female>, that STM allows before the words."""
    first, _, rest = words.partition(" ")
    return rest.strip() if _LABEL.match(first) else words.strip()


def _lasting(where: str, start: str, seconds: str) -> tuple[float, float]:
    begin, length = _number(where, start), _number(where, seconds)
    return _span(where, begin, begin + length)


def _span(where: str, start: Any, end: Any) -> tuple[float, float]:
    begin, until = _number(where, start), _number(where, end)
    if not 0 <= begin <= until:
        raise _Wrong(
            f"{where} goes from {begin:g} s to {until:g} s; times are seconds, from 0, and end after they start"
        )
    return begin, until


def _number(where: str, written: Any) -> float:
    try:
        number = float(written)
    except (TypeError, ValueError, OverflowError) as error:
        raise _Wrong(f"{where}: {written!r} is no time in seconds") from error
    if not math.isfinite(number):
        raise _Wrong(f"{where}: {written!r} is no time in seconds")
    return number


def _in_order(passages: list[Passage]) -> _Parsed:
    """By time, where all have one; recordings in the order in which they first appear."""
    if all(passage.start is not None for passage in passages):
        passages = sorted(passages, key=lambda passage: passage.start or 0.0)
    return tuple(dict.fromkeys(passage.recording for passage in passages)), tuple(passages), 0.0, ()


SUFFIXES: dict[str, Callable[[str], _Parsed]] = {
    ".stm": _stm,
    ".ctm": _ctm,
    ".rttm": _rttm,
    ".txt": _whole,
    ".json": _json,
}
