"""Matroska by hand: elements whose sizes, numbers and depths lie."""

import struct
import zlib
from collections.abc import Callable
from random import Random

from tests.hostile import material
from tests.hostile.binary import UNKNOWN, element
from tests.hostile.cases import ANY, BROKEN, HEARD, LONG, Bait, Case

_MANY = ANY | LONG
_MILLISECONDS = 100
"""Of sound in one block."""


def head(**other: bytes) -> bytes:
    kind = other.get("doc", b"matroska")
    more = other.get("more", b"")
    return element(0x1A45DFA3, element(0x4282, kind) + element(0x4287, 4) + element(0x4285, 2) + more)


def real(value: float) -> bytes:
    return struct.pack(">d", value)


def track(
    *, codec: bytes = b"A_PCM/INT/LIT", rate: float = material.RATE, channels: int = 1, bits: int = 16,
    extra: bytes = b"",
) -> bytes:  # fmt: skip
    audio = element(0xE1, element(0xB5, real(rate)) + element(0x9F, channels) + element(0x6264, bits))
    said = element(0xD7, 1) + element(0x73C5, 1) + element(0x83, 2) + element(0x86, codec)
    return element(0x1654AE6B, element(0xAE, said + audio + extra))


def blocks(
    shift: Callable[[int], int] = lambda number: 0, number: int = 1, lace: int = 0, squeeze: bool = False
) -> bytes:
    """A cluster a block; `shift` says by how many milliseconds the n-th is late."""
    sound, step, made = material.pcm(), material.RATE * 2 * _MILLISECONDS // 1000, b""
    for n, at in enumerate(range(0, len(sound), step)):
        data = sound[at : at + step]
        block = bytes([0x80 | number]) + b"\0\0" + bytes([0x80 | lace]) + (zlib.compress(data) if squeeze else data)
        made += element(0x1F43B675, element(0xE7, n * _MILLISECONDS + shift(n)) + element(0xA3, block))
    return made


def info(scale: int = 1_000_000, duration: float = material.SECONDS * 1000) -> bytes:
    return element(0x1549A966, element(0x2AD7B1, scale) + element(0x4489, real(duration)))


def tag(name: bytes, value: bytes, target: bytes = b"") -> bytes:
    simple = element(0x67C8, element(0x45A3, name) + element(0x4487, value))
    return element(0x1254C367, element(0x7373, element(0x63C0, target) + simple))


def track_tag(name: bytes, value: bytes) -> bytes:
    """Of the first track, where players look for its duration."""
    return tag(name, value, element(0x63C5, 1))


def file(*parts: bytes, size: bytes | None = None, start: bytes | None = None) -> bytes:
    """`parts` in place of the usual ones."""
    body = b"".join(parts or (info(), track(), blocks()))
    return (head() if start is None else start) + element(0x18538067, body, size)


def _deep(id_: int, levels: int) -> bytes:
    body = b""
    for _ in range(levels):
        body = element(id_, body)
    return body


def _encoding(body: bytes) -> bytes:
    return element(0x6D80, element(0x6240, element(0x5031, 0) + element(0x5032, 1) + element(0x5033, 0) + body))


def _zlib_bomb() -> bytes:
    """Blocks of 30 KB that unpack to 30 MB each."""
    packed = zlib.compress(bytes(30 * 2**20), 9)
    block = b"\x81\0\0\x80" + packed
    clusters = b"".join(element(0x1F43B675, element(0xE7, n * 100) + element(0xA3, block)) for n in range(8))
    return file(info(), track(extra=_encoding(element(0x5034, element(0x4254, 0)))), clusters)


def _attached() -> bytes:
    said = element(0x466E, b"../../x.ttf") + element(0x4660, b"font/ttf") + element(0x46AE, 7)
    return element(0x1941A469, element(0x61A7, said + element(0x465C, bytes(2**21))))


LIES: dict[str, tuple[Callable[[], bytes], frozenset[str]]] = {
    "nothing wrong": (file, HEARD),
    "a segment of unknown size": (lambda: file(size=UNKNOWN), HEARD),
    "a segment of 2^56-2 bytes": (lambda: file(size=b"\x01" + b"\xff" * 6 + b"\xfe"), ANY),
    "a segment of size 0": (lambda: file(size=b"\x80"), ANY),
    "clusters of unknown size": (
        lambda: file(info(), track(), element(0x1F43B675, element(0xE7, 0) + b"\xa3\xff" + b"\x81" * 90, UNKNOWN)),
        ANY,
    ),
    "a header of unknown size": (lambda: file(start=head().replace(head()[4:12], UNKNOWN, 1)), ANY),
    "another document type": (lambda: file(start=head(doc=b"\0\xff../../etc")), ANY),
    "ids of 255 bytes": (lambda: file(start=head(more=element(0x42F2, 255) + element(0x42F3, 255))), ANY),
    "tags 10000 deep": (lambda: file(info(), element(0x1254C367, _deep(0x7373, 10_000)), track(), blocks()), ANY),
    "chapters 10000 deep": (lambda: file(info(), element(0x1043A770, _deep(0xB6, 10_000)), track(), blocks()), ANY),
    "0 channels": (lambda: file(info(), track(channels=0), blocks()), ANY),
    "255 channels": (lambda: file(info(), track(channels=255), blocks()), ANY),
    "2^63 channels": (lambda: file(info(), track(channels=2**63), blocks()), ANY),
    "rate 0": (lambda: file(info(), track(rate=0), blocks()), ANY),
    "rate NaN": (lambda: file(info(), track(rate=float("nan")), blocks()), ANY),
    "rate -1": (lambda: file(info(), track(rate=-1.0), blocks()), ANY),
    "rate 1e300": (lambda: file(info(), track(rate=1e300), blocks()), ANY),
    "0 bits": (lambda: file(info(), track(bits=0), blocks()), ANY),
    "2^32 bits": (lambda: file(info(), track(bits=2**32), blocks()), ANY),
    "duration NaN": (lambda: file(info(duration=float("nan")), track(), blocks()), HEARD),
    "duration infinite": (lambda: file(info(duration=float("inf")), track(), blocks()), HEARD),
    "duration 1e300": (lambda: file(info(duration=1e300), track(), blocks()), HEARD),
    "duration -1": (lambda: file(info(duration=-1.0), track(), blocks()), HEARD),
    "a tag that says it lasts inf": (lambda: file(info(), track(), track_tag(b"DURATION", b"inf"), blocks()), HEARD),
    "a tag that says it lasts nan": (lambda: file(info(), track(), track_tag(b"DURATION", b"nan"), blocks()), HEARD),
    "a tag that says it lasts 1e400": (
        lambda: file(info(), track(), track_tag(b"DURATION", b"1e308:1e308:1e308"), blocks()),
        HEARD,
    ),
    "a tag that says its length in 300 KB": (
        lambda: file(info(), track(), track_tag(b"DURATION", b'"\\\xe2\x80\xae' * 60_000), blocks()),
        HEARD,
    ),
    "a time scale of 0": (lambda: file(info(scale=0), track(), blocks()), _MANY),
    "a time scale of 2^63": (lambda: file(info(scale=2**63), track(), blocks()), _MANY),
    "blocks of another track": (lambda: file(info(), track(), blocks(number=9)), BROKEN),
    "laces that lie": (lambda: file(info(), track(), blocks(lace=6)), ANY),
    "a codec that nobody knows": (lambda: file(info(), track(codec=b"A_../../\xff"), blocks()), BROKEN),
    "FLAC without its header": (lambda: file(info(), track(codec=b"A_FLAC"), blocks()), BROKEN | ANY),
    "Vorbis with a header of rubbish": (
        lambda: file(
            info(), track(codec=b"A_VORBIS", extra=element(0x63A2, b"\x02\xff\xff\xff" + b"x" * 99)), blocks()
        ),
        ANY,
    ),
    "blocks packed with zlib": (
        lambda: file(info(), track(extra=_encoding(element(0x5034, element(0x4254, 0)))), blocks(squeeze=True)),
        ANY,
    ),
    "blocks that unpack without end": (_zlib_bomb, ANY),
    "blocks that are encrypted": (lambda: file(info(), track(extra=_encoding(element(0x5035, b""))), blocks()), ANY),
    "an index that leads nowhere": (
        lambda: file(
            element(0x114D9B74, element(0x4DBB, element(0x53AB, b"\x11\x4d\x9b\x74") + element(0x53AC, 0)) * 100),
            info(), track(), blocks(),
        ),
        ANY,
    ),
    "a file attached, of 2 MB": (
        lambda: file(info(), track(), _attached(), blocks()),
        ANY,
    ),
}  # fmt: skip


def lies(number: int, _chance: Random, _bait: Bait) -> Case:
    name = list(LIES)[number % len(LIES)]
    make, ends = LIES[name]
    return Case(name, b"lies.mkv", make(), ends)
