"""MP4 and QuickTime: an index of sizes and places, each of which can lie."""

import zlib
from collections.abc import Callable, Sequence
from random import Random

from tests.hostile import material
from tests.hostile.binary import atom, atoms, b32, found, patched, replaced
from tests.hostile.cases import ANY, BROKEN, LONG, Bait, Case

_MANY = ANY | LONG
TABLE = (b"moov", b"trak", b"mdia", b"minf", b"stbl")


def _file() -> bytes:
    return material.whole("m4a")


def _table(name: bytes, at: int, new: bytes) -> bytes:
    """One table of the index with other bytes."""
    path = (*TABLE, name)
    return replaced(_file(), path, patched(found(_file(), path), at, new))


def _at(path: Sequence[bytes], at: int, new: bytes) -> bytes:
    return replaced(_file(), path, patched(found(_file(), path), at, new))


def _sized(name: bytes, size: int) -> bytes:
    """A top-level atom that claims to be so large."""
    return b"".join(atom(one, body, size if one == name else None) for one, body in atoms(_file()))


def _only(*names: bytes) -> bytes:
    return b"".join(atom(one, body) for one, body in atoms(_file()) if one in names)


def _deep(name: bytes, levels: int) -> bytes:
    body = b""
    for _ in range(levels):
        body = atom(name, body)
    return body


def _added(extra: bytes) -> bytes:
    """One more atom in `moov`."""
    return replaced(_file(), (b"moov",), found(_file(), (b"moov",)) + extra)


def _squeezed() -> bytes:
    """QuickTime's compressed index: a megabyte of zlib that is a gigabyte, it says."""
    packed = zlib.compress(bytes(2**24), 9)
    squeezed = atom(b"dcom", b"zlib") + atom(b"cmvd", b32(2**30) + packed)
    return atom(b"ftyp", b"qt  " + bytes(4)) + atom(b"moov", atom(b"cmov", squeezed))


LIES: dict[str, tuple[Callable[[], bytes], frozenset[str]]] = {
    "mdat of size 0": (lambda: _sized(b"mdat", 0), ANY),
    "mdat of size 2^32-1": (lambda: _sized(b"mdat", 2**32 - 1), ANY),
    "mdat of 64 bits": (lambda: _sized(b"mdat", 1), ANY),
    "moov of size 2^32-1": (lambda: _sized(b"moov", 2**32 - 1), ANY),
    "moov of size 8": (lambda: _sized(b"moov", 8), ANY),
    "ftyp of size 7": (lambda: _sized(b"ftyp", 7), ANY),
    "no ftyp": (lambda: _only(b"mdat", b"moov"), ANY),
    "no mdat": (lambda: _only(b"ftyp", b"moov"), ANY),
    "moov twice": (lambda: _file() + atom(b"moov", found(_file(), (b"moov",))), ANY),
    "10000 atoms deep": (lambda: _added(_deep(b"trak", 10_000)), ANY),
    "udta 10000 deep": (lambda: _added(_deep(b"udta", 10_000)), ANY),
    "2000 empty tracks": (lambda: _added(atom(b"trak", b"") * 2000), ANY),
    "chunks outside of the file": (lambda: _table(b"stco", 8, b"\xff\xff\xff\xf0"), ANY),
    "chunks in the header": (lambda: _table(b"stco", 8, b"\0\0\0\0"), ANY),
    "2^32-1 chunks": (lambda: _table(b"stco", 4, b"\xff" * 4), ANY),
    "2^32-1 samples": (lambda: _table(b"stsz", 8, b"\xff" * 4), ANY),
    "samples of 2^31 bytes": (lambda: _table(b"stsz", 4, b"\x7f" * 4), ANY),
    "2^31 samples of one byte": (lambda: _table(b"stsz", 4, b"\0\0\0\1\x7f\xff\xff\xff"), ANY),
    "2^32-1 time stamps": (lambda: _table(b"stts", 4, b"\xff" * 4), ANY),
    "every sample lasts 2^31 ticks": (lambda: _table(b"stts", 12, b"\x7f\xff\xff\xff"), _MANY),
    "every sample lasts -1 ticks": (lambda: _table(b"stts", 12, b"\xff" * 4), _MANY),
    "chunk 0": (lambda: _table(b"stsc", 8, bytes(4)), ANY),
    "0 samples a chunk": (lambda: _table(b"stsc", 12, bytes(4)), ANY),
    "0 channels": (lambda: _table(b"stsd", 8 + 8 + 16, bytes(2)), ANY),
    "65535 channels": (lambda: _table(b"stsd", 8 + 8 + 16, b"\xff\xff"), ANY),
    "rate 0": (lambda: _table(b"stsd", 8 + 8 + 24, bytes(4)), ANY),
    "a codec that nobody knows": (lambda: _table(b"stsd", 12, b"zzzz"), ANY),
    "a decoder's settings that go on for ever": (
        lambda: _file().replace(b"esds", b"esds\0\0\0\0\x03\xff\xff\xff\x7f"),
        ANY,
    ),
    "time scale 0": (lambda: _at((b"moov", b"trak", b"mdia", b"mdhd"), 12, bytes(4)), ANY),
    "time scale 2^32-1": (lambda: _at((b"moov", b"trak", b"mdia", b"mdhd"), 12, b"\xff" * 4), ANY),
    "a duration of 2^32-2": (lambda: _at((b"moov", b"trak", b"mdia", b"mdhd"), 16, b"\xff\xff\xff\xfe"), ANY),
    "an index that was squeezed": (_squeezed, BROKEN),
    "fragments of nothing": (
        lambda: _file() + atom(b"moof", atom(b"traf", atom(b"tfhd", b"\xff" * 40) + atom(b"trun", b"\xff" * 40))),
        ANY,
    ),
    "an edit that begins in 100 years": (
        lambda: _at((b"moov", b"trak", b"edts", b"elst"), 8, b"\x7f\xff\xff\xff\xff\xff\xff\xff"),
        _MANY,
    ),
}


def lies(number: int, _chance: Random, _bait: Bait) -> Case:
    name = list(LIES)[number % len(LIES)]
    make, ends = LIES[name]
    return Case(name, b"lies.m4a", make(), ends)
