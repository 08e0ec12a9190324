"""Whole files that something happened to: cut off, bits turned over, called by another name."""

from random import Random

from tests.hostile import material
from tests.hostile.cases import ANY, HEARD, Bait, Case

_HEADER = 200


def truncated(number: int, chance: Random, _bait: Bait) -> Case:
    """Each format in its head, in its middle, and without its last byte."""
    suffix = material.SUFFIXES[number % len(material.SUFFIXES)]
    data = material.whole(suffix)
    where = number // len(material.SUFFIXES) % 3
    at = (chance.randrange(1, _HEADER), chance.randrange(len(data) // 3, 2 * len(data) // 3), len(data) - 1)[where]
    said = ("head", "middle", "last byte")[where]
    warned = where == 1 and suffix in material.KNOWS_ITS_LENGTH
    return Case(f"{suffix} cut in its {said}, at {at}", f"cut.{suffix}".encode(), data[:at], ANY, warned)


def flipped(number: int, chance: Random, _bait: Bait) -> Case:
    """Each format: a few bits of its header, a few of the sound, many of all."""
    suffix = material.SUFFIXES[number % len(material.SUFFIXES)]
    data = bytearray(material.whole(suffix))
    where = number // len(material.SUFFIXES) % 3
    first, last, count = (
        (0, _HEADER, chance.randrange(1, 12)),
        (_HEADER, len(data), chance.randrange(1, 12)),
        (0, len(data), len(data) // 50),
    )[where]
    for _ in range(count):
        data[chance.randrange(first, last)] ^= 1 << chance.randrange(8)
    said = ("header", "sound", "whole")[where]
    # A rate that is another one makes a longer recording of the same bytes.
    return Case(
        f"{suffix}, {count} bits of its {said}", f"flipped.{suffix}".encode(), bytes(data), ANY | {"media_too_long"}
    )


def misnamed(number: int, chance: Random, _bait: Bait) -> Case:
    """A name is no reason to refuse sound, nor to believe in it."""
    suffix = material.SUFFIXES[number % len(material.SUFFIXES)]
    name = chance.choice(["exe", "m3u8", "txt", "jpg", "mp3", "wav", "html", "ffconcat", "sdp", ""])
    return Case(f"{suffix} called .{name}", f"talk.{name}".encode(), material.whole(suffix), HEARD)
