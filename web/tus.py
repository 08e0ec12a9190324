"""The headers of tus 1.0 (https://tus.io/protocols/resumable-upload): read, checked, written. Pure."""

import binascii
import hashlib
import re
from dataclasses import dataclass
from typing import Any

from werkzeug.datastructures import Headers
from werkzeug.exceptions import BadRequest, PreconditionFailed, UnsupportedMediaType
from werkzeug.http import http_date

from core.errors import ChecksumMismatch
from core.uploads import State

VERSION = "1.0.0"
EXTENSIONS = ("creation", "creation-with-upload", "expiration", "checksum", "termination")
MEDIA_TYPE = "application/offset+octet-stream"
ALGORITHMS: dict[str, Any] = {"sha1": hashlib.sha1, "sha256": hashlib.sha256}
"""The protocol demands sha1, and it guards against bad lines only."""
LONGEST_METADATA = 4096
"""Characters: what proxies let pass as one header, with room to spare."""

_NUMBER = re.compile("[0-9]{1,18}")
_KEY = re.compile(r"[\x21-\x2b\x2d-\x7e]+")
_FALLBACK_NAME = "upload"


@dataclass
class Checksum:
    """Of one request's bytes, hashed as they pass."""

    hashed: Any
    claimed: bytes

    def settle(self) -> None:
        """After the last byte. Raises ChecksumMismatch."""
        if self.hashed.digest() != self.claimed:
            raise ChecksumMismatch("Upload-Checksum is not that of the bytes that came; none is kept, send them again")


def require_version(headers: Headers) -> None:
    """Raises PreconditionFailed."""
    if headers.get("Tus-Resumable") != VERSION:
        raise PreconditionFailed(f"send the header Tus-Resumable: {VERSION}; no other version is known here")


def require_type(media_type: str) -> None:
    """Raises UnsupportedMediaType."""
    if media_type != MEDIA_TYPE:
        raise UnsupportedMediaType(f"send the bytes as {MEDIA_TYPE}")


def offset(headers: Headers) -> int:
    """Raises BadRequest."""
    return _number("Upload-Offset", headers)


def length(headers: Headers) -> int:
    """Raises BadRequest, also for a length that is told later: nobody could say whether there is room for it."""
    if "Upload-Concat" in headers or "Upload-Defer-Length" in headers:
        raise BadRequest("an upload is begun with its Upload-Length; it is neither told later nor joined of others")
    return _number("Upload-Length", headers)


def _number(name: str, headers: Headers) -> int:
    given = headers.get(name, "")
    if not _NUMBER.fullmatch(given):
        raise BadRequest(f"{name} must be a number of bytes")
    return int(given)


def metadata(told: str) -> dict[str, bytes]:
    """Of an Upload-Metadata header; "" has none. Raises BadRequest."""
    if len(told) > LONGEST_METADATA:
        raise BadRequest(f"Upload-Metadata may have {LONGEST_METADATA} characters")
    found: dict[str, bytes] = {}
    for pair in told.split(",") if told else ():
        key, _, value = pair.strip(" ").partition(" ")
        if not _KEY.fullmatch(key) or key in found:
            raise BadRequest("Upload-Metadata must be `key base64, key base64`, with each key once")
        try:
            found[key] = binascii.a2b_base64(value, strict_mode=True)
        except ValueError as error:
            raise BadRequest(f"Upload-Metadata: the value of {key} is not base64") from error
    return found


def filename(given: dict[str, bytes]) -> str:
    """For people to read, never a key. Without folders, and without what Postgres or a terminal would stumble over."""
    text = given.get("filename", b"").decode(errors="replace").replace("\\", "/").rpartition("/")[2]
    return "".join(char for char in text if char.isprintable()).strip() or _FALLBACK_NAME


def checksum(headers: Headers) -> Checksum | None:
    """Raises BadRequest."""
    given = headers.get("Upload-Checksum")
    if given is None:
        return None
    algorithm, _, encoded = given.partition(" ")
    if algorithm not in ALGORITHMS:
        raise BadRequest(f"Upload-Checksum must begin with {' or '.join(ALGORITHMS)}")
    hashed = ALGORITHMS[algorithm](usedforsecurity=False)
    try:
        claimed = binascii.a2b_base64(encoded, strict_mode=True)
    except ValueError:
        claimed = b""
    if len(claimed) != hashed.digest_size:
        raise BadRequest(f"Upload-Checksum must be `{algorithm}` and the digest in base64")
    return Checksum(hashed, claimed)


def offered(max_size: int) -> dict[str, str]:
    """What OPTIONS answers."""
    return {
        "Tus-Version": VERSION,
        "Tus-Extension": ",".join(EXTENSIONS),
        "Tus-Max-Size": str(max_size),
        "Tus-Checksum-Algorithm": ",".join(ALGORITHMS),
    }


def described(found: State) -> dict[str, str]:
    """How an upload stands, as headers of an answer."""
    said = {"Upload-Offset": str(found.offset), "Upload-Length": str(found.bytes)}
    if found.told:
        said["Upload-Metadata"] = found.told
    if not found.finished:
        said["Upload-Expires"] = http_date(found.expires_at)
    if found.recording_id is not None:
        said["Scriptorium-Recording"] = str(found.recording_id)
    if found.error is not None:
        said["Scriptorium-Error"] = found.error["code"]
    return said
