"""What is said about a recording: tags and file names. Neither hurts the sound."""

from collections.abc import Callable
from random import Random

from tests.hostile import material
from tests.hostile.binary import (
    atom,
    chunk,
    flac_block,
    found,
    id3,
    id3_frame,
    replaced,
    vorbis_comment,
    wav,
    with_blocks,
)
from tests.hostile.cases import ANY, HEARD, Bait, Case
from tests.hostile.kinds import matroska

MARK = b"mark-of-hostile-content"
"""Stands in tags and names: no log may hold it."""

_ESCAPES = b"\x1b]0;owned\x07\x1b[2J\x1b[31m" + MARK
_BAD_UTF8 = b"\xff\xfe\xc0\x80\xed\xa0\x80" + MARK
_LARGE = 2**20


def _info(value: bytes) -> bytes:
    return wav(before=chunk(b"LIST", b"INFO" + chunk(b"INAM", value)))


def _comment(*pairs: bytes) -> bytes:
    return with_blocks(flac_block(4, vorbis_comment(*pairs)))


def _mp3(value: bytes) -> bytes:
    return id3(id3_frame(b"TIT2", b"\3" + value), id3_frame(b"TXXX", b"\3DURATION\0" + value)) + material.whole("mp3")


def _mp4(value: bytes) -> bytes:
    data = material.whole("m4a")
    named = atom(b"\xa9nam", atom(b"data", b"\0\0\0\1\0\0\0\0" + value))
    handler = atom(b"hdlr", bytes(8) + b"mdirappl" + bytes(9))
    extra = atom(b"udta", atom(b"meta", bytes(4) + handler + atom(b"ilst", named)))
    return replaced(data, (b"moov",), found(data, (b"moov",)) + extra)


def _mkv(value: bytes) -> bytes:
    return matroska.file(matroska.info(), matroska.track(), matroska.tag(b"TITLE", value), matroska.blocks())


_WRITERS: dict[str, Callable[[bytes], bytes]] = {
    "wav": _info,
    "flac": lambda value: _comment(b"TITLE=" + value),
    "mp3": _mp3,
    "m4a": _mp4,
    "mkv": _mkv,
}
_VALUES: dict[str, bytes] = {
    "invalid UTF-8": _BAD_UTF8,
    "terminal escapes": _ESCAPES,
    "NUL": b"a\0b\0" + MARK,
    "a megabyte": MARK * (_LARGE // len(MARK)),
}


TAGS = len(_VALUES) * len(_WRITERS) + 1


def tags(number: int, _chance: Random, _bait: Bait) -> Case:
    """Each format with each value, then ten thousand comments."""
    values, writers = list(_VALUES), list(_WRITERS)
    if number >= len(values) * len(writers):
        return Case("10000 comments", b"tags.flac", _comment(*[b"TITLE=" + MARK] * 10_000), HEARD)
    value, suffix = values[number // len(writers)], writers[number % len(writers)]
    # A tag of a megabyte is more than some readers take.
    ends = ANY if value == "a megabyte" else HEARD
    return Case(f"{value} in {suffix}", f"tags.{suffix}".encode(), _WRITERS[suffix](_VALUES[value]), ends)


_REFUSED = frozenset({"invalid_request", "bad_request"})
_EITHER = HEARD | _REFUSED

NAMES: dict[str, tuple[bytes, frozenset[str]]] = {
    "a path up": (b"../../../../etc/passwd", HEARD),
    "a path up, of Windows": (b"..\\\\..\\\\windows\\\\win.ini", HEARD),
    "an absolute path": (b"/etc/cron.d/job", HEARD),
    "NUL": (b"talk\0.wav", _EITHER),
    "4096 characters": (b"a" * 4092 + b".wav", HEARD),
    "a new line": (b"talk\nX-Injected: 1.wav", _EITHER),
    "a new header": (b"talk\r\nX-Injected: 1\r\n.wav", _EITHER),
    "an option": (b"-i", HEARD),
    "a command": (b"|touch /tmp/owned;$(id)`id`.wav", HEARD),
    "from right to left": ("talk‮gpj.wav".encode(), HEARD),
    "invalid UTF-8": (b"\xff\xfe\xc0\x80.wav", _EITHER),
    "dots": (b"..", HEARD),
    "a protocol": (b"concat:a|b", HEARD),
    "a pattern": (b"%00%d%n%s*?.wav", HEARD),
    "escapes": (_ESCAPES, HEARD),
}


def names(number: int, _chance: Random, _bait: Bait) -> Case:
    name = list(NAMES)[number % len(NAMES)]
    filename, ends = NAMES[name]
    return Case(name, filename, wav(), ends)
