"""A case: what is sent, and how it may end."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from random import Random

COMPLETED = "completed"
BROKEN = frozenset({"invalid_media", "truncated_media", "no_audio_stream"})
"""How a file without decodable sound ends."""

ANY = frozenset({COMPLETED}) | BROKEN
"""A file that is damaged somewhere: heard as far as it goes, or refused."""

LONG = frozenset({"media_too_long"})
HEARD = frozenset({COMPLETED})


@dataclass(frozen=True)
class Case:
    """`filename` as bytes on the wire. `ends`: the job's status `completed`, or the code of its failure or of the
    upload's refusal. `warned`: completed, it must carry a warning."""

    name: str
    filename: bytes
    data: bytes = field(repr=False)
    ends: frozenset[str] = ANY
    warned: bool = False
    options: Mapping[str, str] = field(default_factory=dict)
    kind: str = ""


@dataclass(frozen=True)
class Bait:
    """What must not be touched: an address on this machine where somebody counts callers, a file that others can read
    and the text in it."""

    url: str
    path: str
    text: str


Make = Callable[[int, Random, Bait], Case]
"""The n-th case of a kind."""
