"""What a request's body holds, once it is read: recordings on their way into storage, and the options."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from core import jobs
from core.blobs import Arrived
from core.errors import InvalidRequest
from web.digests import RECORDING_SHA256, Check
from web.fields import fault, plain

PARTS = ("file", "audio")
"""Names of the part that holds the recording."""
RECORDING_ID = "recording_id"
"""Of the field that names a recording which is here already, instead of sending one."""
TRACKS = "tracks"
"""Of the parts that hold one participant's recording each; and of the option that describes them."""
OptionsFrom = Callable[[Sequence[tuple[str, str]]], dict[str, Any]]
"""(name, text) of each field, in their order -> options."""
FILENAME = "filename"
"""Of the field or parameter that names a recording whose bytes come without a name."""
NAMELESS = "audio"
READ = 2**16
"""Bytes taken from the socket at a time."""
FORM_BYTES = 2**20
"""What a body may hold beside its recordings."""


@dataclass(frozen=True)
class Upload:
    """`others`: the second and further tracks, of a meeting that comes in several recordings."""

    incoming: Arrived
    filename: str
    options: dict[str, Any]
    others: tuple[jobs.Source, ...] = ()


@dataclass(frozen=True)
class Named:
    """A body that names its recording instead of holding it."""

    recording_id: UUID
    options: dict[str, Any]


@dataclass(frozen=True)
class Checks:
    """Of the whole content as it is sent, and of the recording in it."""

    content: Check
    recording: Check


def named(options: dict[str, Any], check: Check) -> Named | None:
    """Of the fields of a body that holds no recording. None where they name none either. Raises InvalidRequest."""
    given = options.get(RECORDING_ID)
    if given is None:
        return None
    if check.claimed:
        raise fault(RECORDING_SHA256, f"is of a recording that is sent; {RECORDING_ID} names one that is here already")
    rest = {name: value for name, value in options.items() if name != RECORDING_ID}
    try:
        return Named(UUID(given), rest)
    except (ValueError, AttributeError, TypeError) as error:
        raise fault(RECORDING_ID, "must be the id of a recording, a UUID") from error


def refuse_named(options: dict[str, Any]) -> None:
    """Of a body that holds a recording. Raises InvalidRequest."""
    if options.get(RECORDING_ID) is not None:
        raise fault(RECORDING_ID, "names a recording, but the body holds one too; send one of the two")


def missing(part: str) -> InvalidRequest:
    return fault(part, "is missing: send the recording in this part")


def tracks_elsewhere() -> InvalidRequest:
    return fault(TRACKS, "come as file parts of a multipart body, one each")


def base_name(filename: str) -> str:
    """A caller's path is none of ours; the name is for people to read, never a key. Raises InvalidRequest."""
    return plain("filename", filename.replace("\\", "/").rpartition("/")[2])
