"""A little file that is a lot of sound. The server's longest recording ends it."""

from collections.abc import Callable
from random import Random

from tests.hostile import material
from tests.hostile.cases import ANY, LONG, Bait, Case
from tests.hostile.kinds import matroska

_MINUTES = 11
_HOUR = 3600 * 1000
"""Milliseconds."""


def _silence(suffix: str, rate: int = material.RATE, channels: int = 1, minutes: int = _MINUTES) -> bytes:
    return material.silence(*material.CODECS[suffix], minutes * 60, rate, channels)


def _gap(milliseconds: int) -> bytes:
    """Sound, then nothing for so long, then sound again: what is missing becomes silence."""
    return matroska.file(
        matroska.info(), matroska.track(), matroska.blocks(lambda number: milliseconds if number > 9 else 0)
    )


EVERY: dict[str, tuple[str, Callable[[], bytes], frozenset[str]]] = {
    "11 minutes of zeros in WavPack": ("wv", lambda: _silence("wv"), LONG),
    "11 minutes of zeros in FLAC": ("flac", lambda: _silence("flac"), LONG),
    "11 minutes of zeros in 7.1 FLAC": ("flac", lambda: _silence("flac", channels=8), LONG),
    "11 minutes of zeros at 96 kHz": ("flac", lambda: _silence("flac", rate=96_000), LONG),
    "11 minutes of zeros in Opus": ("opus", lambda: _silence("opus"), LONG),
    "11 minutes of zeros in Ogg FLAC": ("ogg", lambda: _silence("ogg"), LONG),
    "a gap of three hours": ("mkv", lambda: _gap(3 * _HOUR), LONG),
    "a gap of a year": ("mkv", lambda: _gap(365 * 24 * _HOUR), ANY | LONG),
    "a gap of 2^62 milliseconds": ("mkv", lambda: _gap(2**62), ANY | LONG),
    "time that runs backwards": (
        "mkv",
        lambda: matroska.file(matroska.info(), matroska.track(), matroska.blocks(lambda n: 90 * _HOUR - n * _HOUR)),
        ANY | LONG,
    ),
    "blocks that are hours apart": (
        "mkv",
        lambda: matroska.file(matroska.info(), matroska.track(), matroska.blocks(lambda n: n * _HOUR)),
        LONG,
    ),
    "a jump in Ogg's time": (
        "ogg",
        lambda: material.encoded("ogg", "flac", material.speech(), jump=(5, 3600 * 16_000)),
        ANY | LONG,
    ),
    "a jump in MP4's time": (
        "m4a",
        lambda: material.encoded("mp4", "aac", material.speech(), jump=(5, 3600 * 16_000)),
        ANY | LONG,
    ),
    "a picture's worth of time before the sound": (
        "mkv",
        lambda: material.encoded("matroska", "flac", material.speech(), jump=(0, 3600 * 16_000)),
        ANY | LONG,
    ),
}


def little(number: int, _chance: Random, _bait: Bait) -> Case:
    name = list(EVERY)[number % len(EVERY)]
    suffix, make, ends = EVERY[name]
    return Case(name, f"bomb.{suffix}".encode(), make(), ends)
