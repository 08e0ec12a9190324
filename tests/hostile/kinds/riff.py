"""WAV headers that lie."""

from collections.abc import Callable
from random import Random

from tests.hostile import material
from tests.hostile.binary import chunk, fmt, riff, u16, u32, wav
from tests.hostile.cases import ANY, BROKEN, COMPLETED, HEARD, LONG, Bait, Case

_MANY = LONG | ANY

LIES: dict[str, tuple[Callable[[], bytes], frozenset[str]]] = {
    "RIFF size 0": (lambda: wav(riff_size=0), ANY),
    "RIFF size 2^32-1": (lambda: wav(riff_size=2**32 - 1), HEARD),
    "RIFF size three times the file": (lambda: wav(riff_size=3 * len(material.pcm())), HEARD),
    "data size 0": (lambda: wav(data_size=0), ANY),
    "data size 2^32-1": (lambda: wav(data_size=2**32 - 1), HEARD),
    "data size 2^31-1": (lambda: wav(data_size=2**31 - 1), HEARD),
    "data size odd": (lambda: wav(data_size=len(material.pcm()) - 1), HEARD),
    "data size 1": (lambda: wav(data_size=1), ANY),
    "rate 0": (lambda: wav(rate=0), ANY),
    "rate 1": (lambda: wav(rate=1), _MANY),
    "rate 2^31": (lambda: wav(rate=2**31), ANY),
    "rate 2^32-1": (lambda: wav(rate=2**32 - 1), ANY),
    "rate 2^31-1": (lambda: wav(rate=2**31 - 1), ANY),
    "0 channels": (lambda: wav(channels=0), ANY),
    "255 channels": (lambda: wav(channels=255, align=510), ANY),
    "65535 channels": (lambda: wav(channels=65535, align=65534), ANY),
    "0 bits": (lambda: wav(bits=0), ANY),
    "7 bits": (lambda: wav(bits=7), ANY),
    "255 bits": (lambda: wav(bits=255), ANY),
    "align 0": (lambda: wav(align=0), ANY),
    "align 65535": (lambda: wav(align=65535), ANY),
    "byte rate 0": (lambda: wav(byte_rate=0), ANY),
    "a codec that nobody knows": (lambda: wav(tag=0x1234), BROKEN),
    "extensible, without its extension": (lambda: wav(tag=0xFFFE), ANY),
    "ADPCM, but it is PCM": (lambda: wav(tag=0x11, bits=4, align=256), _MANY),
    "an MP3 in a WAV that is none": (lambda: wav(tag=0x55), ANY),
    "fmt of size 0": (lambda: wav(size=0), ANY),
    "fmt of size 2^32-1": (lambda: wav(size=2**32 - 1), ANY),
    "no fmt": (lambda: riff(chunk(b"data", material.pcm())), ANY),
    "no data": (lambda: riff(fmt()), BROKEN),
    "fmt twice, and they differ": (
        lambda: riff(fmt(), fmt(channels=2, align=4, rate=48_000), chunk(b"data", material.pcm())),
        ANY,
    ),
    "fmt after data": (lambda: riff(chunk(b"data", material.pcm()), fmt()), ANY),
    "a chunk of 4 GB before data": (lambda: wav(before=chunk(b"junk", b"x" * 8, 2**32 - 2)), ANY),
    "a thousand empty chunks": (lambda: wav(before=chunk(b"LIST", b"") * 1000), ANY),
    "RF64 that lies": (
        lambda: riff(
            chunk(b"ds64", b"\xff" * 24 + u32(2**32 - 1)), fmt(), chunk(b"data", material.pcm(), 2**32 - 1),
            magic=b"RF64", size=2**32 - 1,
        ),
        ANY,
    ),
    "big-endian": (lambda: wav().replace(b"RIFF", b"RIFX", 1), ANY),
    "float64 that is all NaN": (
        lambda: riff(fmt(tag=3, bits=64, align=8), chunk(b"data", b"\xff" * 80_000)),
        ANY,
    ),
    "float32 of 10^38": (
        lambda: riff(fmt(tag=3, bits=32, align=4), chunk(b"data", b"\xff\xff\x7f\x7f" * 20_000)),
        ANY,
    ),
    "extensible with 65535 bits of channel mask": (
        lambda: riff(
            chunk(
                b"fmt ",
                u16(0xFFFE) + u16(1) + u32(16_000) + u32(32_000) + u16(2) + u16(16) + u16(22) + u16(16)
                + u32(2**32 - 1) + bytes([1, 0, 0, 0, 0, 0, 16, 0, 128, 0, 0, 170, 0, 56, 155, 113]),
            ),
            chunk(b"data", material.pcm()),
        ),
        ANY,
    ),
}  # fmt: skip


def lies(number: int, _chance: Random, _bait: Bait) -> Case:
    name = list(LIES)[number % len(LIES)]
    make, ends = LIES[name]
    warned = name.startswith("RIFF size three")
    return Case(name, b"lies.wav", make(), ends, warned and COMPLETED in ends)
