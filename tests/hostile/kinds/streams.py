"""FLAC, Ogg and MP3: streams of frames and pages that lie, are missing, or have rubbish between them."""

from collections.abc import Callable
from random import Random

from tests.hostile import material
from tests.hostile.binary import flac_block, id3, id3_frame, ogg_pages, patched, sealed, u32, with_blocks
from tests.hostile.cases import ANY, BROKEN, HEARD, LONG, Bait, Case

_MANY = ANY | LONG


def _info(at: int, new: bytes) -> bytes:
    """FLAC whose STREAMINFO says something else from this byte on."""
    return patched(material.whole("flac"), 8 + at, new)


def _totals(samples: int) -> bytes:
    """Total samples: the last 36 bits before the checksum."""
    kept = material.whole("flac")[8 + 13] & 0xF0
    return _info(13, bytes([kept | samples >> 32]) + (samples & 0xFFFFFFFF).to_bytes(4, "big"))


FLAC: dict[str, tuple[Callable[[], bytes], frozenset[str]]] = {
    "no number of samples": (lambda: _totals(0), HEARD),
    "2^36-1 samples": (lambda: _totals(2**36 - 1), HEARD),
    "one sample": (lambda: _totals(1), HEARD),
    "rate 0": (lambda: _info(10, bytes(2) + b"\x00"), ANY),
    "rate 655350": (lambda: _info(10, b"\x9f\xff\x60"), ANY),
    "rate 1": (lambda: _info(10, b"\x00\x00\x10"), _MANY),
    "8 channels of 32 bits": (lambda: _info(12, b"\x0f\xf0"), ANY),
    "blocks of 0 samples": (lambda: _info(0, bytes(4)), ANY),
    "blocks of 65535 samples": (lambda: _info(0, b"\xff" * 4), ANY),
    "a wrong checksum of the sound": (lambda: _info(18, bytes(range(16))), ANY),
    "a block of 16 MB that is not there": (lambda: with_blocks(flac_block(1, b"", 2**24 - 1)), ANY),
    "a cover of 4 GB": (
        lambda: with_blocks(flac_block(6, b"\0\0\0\3" + b"\xff" * 4 + b"image/png" + b"\xff" * 64)),
        ANY,
    ),
    "a hundred seek tables": (lambda: with_blocks(*[flac_block(3, b"\xff" * 180)] * 100), ANY),
    "no frames at all": (lambda: material.whole("flac")[:42], BROKEN),
}


def flac(number: int, _chance: Random, _bait: Bait) -> Case:
    name = list(FLAC)[number % len(FLAC)]
    make, ends = FLAC[name]
    return Case(name, b"lies.flac", make(), ends, warned=name == "2^36-1 samples")


def _joined(pages: list[bytes]) -> bytes:
    return b"".join(pages)


def _page(number: int, at: int, new: bytes) -> bytes:
    pages = ogg_pages(material.whole("opus"))
    pages[number] = sealed(patched(pages[number], at, new))
    return _joined(pages)


def _opus(order: Callable[[list[bytes]], list[bytes]]) -> bytes:
    return _joined(order(ogg_pages(material.whole("opus"))))


OGG: dict[str, tuple[Callable[[], bytes], frozenset[str]]] = {
    "a page is missing": (lambda: _opus(lambda pages: pages[:2] + pages[3:]), ANY),
    "a page comes twice": (lambda: _opus(lambda pages: pages[:3] + pages[2:]), ANY),
    "pages backwards": (lambda: _opus(lambda pages: pages[::-1]), ANY),
    "no first page": (lambda: _opus(lambda pages: pages[1:]), ANY),
    "headers alone": (lambda: _opus(lambda pages: pages[:2]), BROKEN),
    "the end in the first page": (lambda: _page(0, 5, b"\x06"), ANY),
    "time -1": (lambda: _page(-1, 6, b"\xff" * 8), ANY),
    "time 2^62": (lambda: _page(-1, 6, b"\xff" * 7 + b"\x3f"), _MANY),
    "another serial number in the middle": (lambda: _page(2, 14, u32(99)), ANY),
    "a wrong checksum": (lambda: _opus(lambda pages: [*pages[:-1], patched(pages[-1], 22, b"\0\0\0\0")]), ANY),
    "0 channels": (lambda: _page(0, 28 + 9, b"\0"), ANY),
    "255 channels": (lambda: _page(0, 28 + 9, b"\xff"), ANY),
    "the loudest gain": (lambda: _page(0, 28 + 16, b"\xff\x7f"), ANY),
    "a pre-skip of all": (lambda: _page(0, 28 + 10, b"\xff\xff"), ANY),
    "two streams one after the other": (lambda: material.whole("opus") + material.whole("ogg"), ANY),
    "a packet without end": (lambda: _page(1, 27, b"\xff"), ANY),
}


def ogg(number: int, _chance: Random, _bait: Bait) -> Case:
    name = list(OGG)[number % len(OGG)]
    make, ends = OGG[name]
    return Case(name, b"lies.opus", make(), ends)


def _mp3() -> bytes:
    return material.whole("mp3")


def _sprinkled(chance: Random) -> bytes:
    """Rubbish between what may be frames."""
    data, made, at = _mp3(), b"", 0
    while at < len(data):
        step = chance.randrange(200, 1500)
        made += data[at : at + step] + chance.randbytes(chance.randrange(1, 400))
        at += step
    return made


MP3: dict[str, tuple[Callable[[Random], bytes], frozenset[str]]] = {
    "rubbish between frames": (_sprinkled, ANY),
    "rubbish of 100 KB before": (lambda chance: chance.randbytes(100_000) + _mp3(), ANY),
    "a tag that claims 256 MB": (lambda _: id3(size=2**28 - 1) + _mp3(), ANY),
    "a tag that claims nothing": (lambda _: id3(id3_frame(b"TIT2", b"\0x" * 500), size=0) + _mp3(), ANY),
    "a thousand tags": (lambda _: id3(id3_frame(b"TIT2", b"\0x")) * 1000 + _mp3(), ANY),
    "nothing but a tag": (lambda _: id3(id3_frame(b"TIT2", b"\0x")), BROKEN),
    "a frame of 256 MB in its tag": (lambda _: id3(b"APIC" + b"\x7f" * 4 + b"\0\0" + b"x" * 50) + _mp3(), ANY),
    "a cover of 2 MB": (
        lambda chance: id3(id3_frame(b"APIC", b"\0image/png\0\3\0" + chance.randbytes(2**20 * 2 - 99))) + _mp3(),
        ANY,
    ),
    "a million frames, says its head": (lambda _: _xing(2**32 - 1), ANY),
    "no frame, says its head": (lambda _: _xing(0), ANY),
    "frames of free bit rate": (lambda _: _mp3().replace(b"\xff\xf3\x48", b"\xff\xf3\x08"), ANY),
    "another rate in the middle": (
        lambda _: _mp3() + material.encoded("mp3", "libmp3lame", material.speech(), rate=44_100, channels=2),
        ANY,
    ),
    "an APE tag that lies": (lambda _: _mp3() + b"APETAGEX" + b"\xff" * 24, ANY),
    "frames of the other layers": (lambda _: _mp3()[:2000] + b"\xff\xfd\x84\x04" * 500 + _mp3()[2000:], ANY),
}


def _xing(frames: int) -> bytes:
    data = _mp3()
    at = max(data.find(b"Xing"), data.find(b"Info"))
    return patched(data, at + 8, frames.to_bytes(4, "big"))


def mp3(number: int, chance: Random, _bait: Bait) -> Case:
    name = list(MP3)[number % len(MP3)]
    make, ends = MP3[name]
    return Case(name, b"lies.mp3", make(chance), ends)
