"""What a request's body holds, once it is read: recordings on their way into storage, and the options."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from core import jobs
from core.blobs import Arrived
from core.errors import InvalidRequest, fault
from web.digests import RECORDING_SHA256, Check
from web.fields import plain

PARTS = ("file", "audio")
"""Names of the part that holds the recording."""
RECORDING_ID = "recording_id"
"""Of the field that names a recording which is here already, instead of sending one."""
SOURCE_URL = "source_url"
"""Of the field that names where the recording is to be fetched, instead of sending it."""
ELSEWHERE = (RECORDING_ID, SOURCE_URL)
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
class Linked:
    """A body that says where its recording is to be fetched."""

    url: str
    options: dict[str, Any]


Body = Upload | Named | Linked


@dataclass(frozen=True)
class Checks:
    """Of the whole content as it is sent, and of the recording in it."""

    content: Check
    recording: Check


def named(options: dict[str, Any], check: Check) -> Named | Linked | None:
    """Of the fields of a body that holds no recording. None where they name none either. Raises InvalidRequest."""
    given = [name for name in ELSEWHERE if options.get(name) is not None]
    if not given:
        return None
    if len(given) > 1:
        raise fault(given[1], f"does not go with {given[0]}; send one of the two")
    if check.claimed:
        raise fault(RECORDING_SHA256, f"is of a recording that is sent, but {given[0]} names one that is not")
    rest = {name: value for name, value in options.items() if name not in ELSEWHERE}
    return (_identified if given[0] == RECORDING_ID else _linked)(options[given[0]], rest)


def _identified(given: Any, rest: dict[str, Any]) -> Named:
    try:
        return Named(UUID(given), rest)
    except (ValueError, AttributeError, TypeError) as error:
        raise fault(RECORDING_ID, "must be the id of a recording, a UUID") from error


def _linked(given: Any, rest: dict[str, Any]) -> Linked:
    """What the URL may be, `core.outgoing` says."""
    if not isinstance(given, str):
        raise fault(SOURCE_URL, "must be a URL")
    if rest.get(TRACKS):
        raise fault(TRACKS, f"does not go with {SOURCE_URL}; send the tracks as file parts")
    return Linked(given.strip(), rest)


def refuse_named(options: dict[str, Any]) -> None:
    """Of a body that holds a recording. Raises InvalidRequest."""
    for name in ELSEWHERE:
        if options.get(name) is not None:
            raise fault(name, "names a recording, but the body holds one too; send one of the two")


def missing(part: str) -> InvalidRequest:
    others = " or ".join(ELSEWHERE)
    return fault(part, f"is missing: send the recording in this part, or say with {others} which it is")


def tracks_elsewhere() -> InvalidRequest:
    return fault(TRACKS, "come as file parts of a multipart body, one each")


def base_name(filename: str) -> str:
    """A caller's path is none of ours; the name is for people to read, never a key. Raises InvalidRequest."""
    return plain("filename", filename.replace("\\", "/").rpartition("/")[2])
