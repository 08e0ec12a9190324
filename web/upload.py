"""What a request's body holds, once it is read: recordings on their way into storage, and the options."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from core import jobs
from core.blobs import Incoming
from core.errors import InvalidRequest
from web.digests import Check
from web.fields import fault

PARTS = ("file", "audio")
"""Names of the part that holds the recording."""
TRACKS = "tracks"
"""Of the parts that hold one participant's recording each; and of the option that describes them."""
OptionsFrom = Callable[[Sequence[tuple[str, str]]], dict[str, Any]]
"""(name, text) of each field, in their order -> options."""
FORM_BYTES = 2**20
"""What a body may hold beside its recordings."""


@dataclass(frozen=True)
class Upload:
    """`others`: the second and further tracks, of a meeting that comes in several recordings."""

    incoming: Incoming
    filename: str
    options: dict[str, Any]
    others: tuple[jobs.Source, ...] = ()


@dataclass(frozen=True)
class Checks:
    """Of the whole content as it is sent, and of the recording in it."""

    content: Check
    recording: Check


def missing(part: str) -> InvalidRequest:
    return fault(part, "is missing: send the recording in this part")
