"""Every kind of case, and how many of it are sent: 300 in all."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from random import Random

from tests.hostile import material
from tests.hostile.cases import Bait, Case, Make
from tests.hostile.kinds import bombs, damage, matroska, mp4, oddities, references, riff, said, streams

_PLACES = 3
"""Where a file of each format is cut, or its bits are turned over."""


@dataclass(frozen=True)
class Kind:
    """`share` of the `known` cases are sent; the seed chooses which, and in what order."""

    share: int
    known: int
    make: Make


EVERY: dict[str, Kind] = {
    "truncated": Kind(26, _PLACES * len(material.SUFFIXES), damage.truncated),
    "bits flipped": Kind(26, _PLACES * len(material.SUFFIXES), damage.flipped),
    "wrong extension": Kind(8, len(material.SUFFIXES), damage.misnamed),
    "RIFF lies": Kind(30, len(riff.LIES), riff.lies),
    "FLAC lies": Kind(12, len(streams.FLAC), streams.flac),
    "MP4 lies": Kind(26, len(mp4.LIES), mp4.lies),
    "Matroska lies": Kind(28, len(matroska.LIES), matroska.lies),
    "Ogg lies": Kind(13, len(streams.OGG), streams.ogg),
    "MP3 lies": Kind(12, len(streams.MP3), streams.mp3),
    "rare containers": Kind(20, len(oddities.RARE), oddities.rare),
    "bombs": Kind(12, len(bombs.EVERY), bombs.little),
    "references": Kind(26, len(references.KNOWN), references.named),
    "two things at once": Kind(12, len(oddities.TWO), oddities.polyglot),
    "nothing": Kind(15, len(oddities.NOTHING), oddities.nothing),
    "tags": Kind(15, said.TAGS, said.tags),
    "file names": Kind(13, len(said.NAMES), said.names),
    "several streams": Kind(6, len(oddities.STREAMS), oddities.streams),
}


def cases(seed: int, bait: Bait, chosen: Sequence[str] = tuple(EVERY), most: int | None = None) -> list[Case]:
    """Of the chosen kinds, `most` of each where not its share. Each case has a chance of its own, so that it is the
    same whatever is sent beside it."""
    return [_made(seed, bait, name, number) for name in chosen for number in _numbers(seed, name, most)]


def _numbers(seed: int, name: str, most: int | None) -> list[int]:
    kind = EVERY[name]
    return Random(f"{seed} {name}").sample(range(kind.known), min(kind.known, most or kind.share))


def _made(seed: int, bait: Bait, name: str, number: int) -> Case:
    return replace(EVERY[name].make(number, Random(f"{seed} {name} {number}"), bait), kind=name)
