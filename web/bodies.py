"""A request's body -> the recording on its way into storage, and the options. Bytes go from the socket to the disk,
and are hashed on their way as the caller's digests want it."""

import binascii
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import IO, Any

from flask import Request
from werkzeug.exceptions import BadRequest, RequestEntityTooLarge, UnsupportedMediaType
from werkzeug.sansio.multipart import Data, Epilogue, Event, Field, File, MultipartDecoder, NeedData

from core import jobs
from core.blobs import Incoming
from core.context import Context
from core.errors import InvalidRequest
from web.digests import CONTENT_DIGEST, RECORDING_SHA256, Check, content_digest, recording_sha256
from web.fields import fault, options_of, plain

PARTS = ("file", "audio")
"""Names of the part that holds the recording."""
FORM_BYTES = 2**20
"""What a body may hold beside its recording."""
_READ = 2**16
_DECODE = 2**20
"""Characters of base64 decoded at a time; a multiple of four."""
_LOOK = 2**26
"""Bytes after which the disk is looked at again: others write to it too, and a body may come without its length."""


@dataclass(frozen=True)
class Upload:
    incoming: Incoming
    filename: str
    options: dict[str, Any]


@dataclass(frozen=True)
class _Checks:
    """Of the whole content as it is sent, and of the recording in it."""

    content: Check
    recording: Check


@contextmanager
def received(request: Request, context: Context) -> Iterator[Upload]:
    """Reads the whole body. What the caller does not commit is discarded, also when the body breaks off.

    Raises InvalidRequest for bytes that are not those of a given digest, before the first byte for a bad digest.
    """
    checks = _Checks(
        Check(content_digest(request.headers.get(CONTENT_DIGEST))),
        Check(recording_sha256(request.headers.get(RECORDING_SHA256))),
    )
    readers: dict[str, type[_Multipart] | type[_Encoded]] = {
        "multipart/form-data": _Multipart,
        "application/json": _Encoded,
    }
    reader = readers.get(request.mimetype)
    if reader is None:
        raise UnsupportedMediaType(f"send the recording as {' or '.join(readers)}")
    opened: list[Incoming] = []

    def receive(limit: int) -> Incoming:
        opened.append(context.blobs.receive(limit))
        return opened[-1]

    try:
        yield reader(request, context, receive, checks).read()
    finally:
        for incoming in opened:
            incoming.discard()


class _Multipart:
    """werkzeug's own parser would spool the file to a second place, and call a body that broke off an empty form."""

    def __init__(self, request: Request, context: Context, receive: Callable[[int], Incoming], checks: _Checks) -> None:
        self._limit = context.settings.max_upload_bytes
        request.max_content_length = self._limit + FORM_BYTES
        self._stream: IO[bytes] = request.stream
        self._decoder = MultipartDecoder(_boundary(request), max_form_memory_size=FORM_BYTES, max_parts=200)
        self._context, self._receive, self._checks = context, receive, checks
        self._incoming: Incoming | None = None
        self._looked = 0
        self._filename = ""
        self._fields: list[tuple[str, bytearray]] = []
        self._field_bytes = 0
        self._take: Callable[[bytes], Any] = len

    def read(self) -> Upload:
        for event in self._events():
            if isinstance(event, File):
                self._open(event)
            elif isinstance(event, Field):
                self._fields.append((event.name or "", bytearray()))
                self._take = self._keep
            elif isinstance(event, Data):
                self._take(event.data)
        self._checks.content.settle()
        if self._incoming is None:
            raise _missing("file")
        self._checks.recording.settle()
        fields = [(name, _text(name, bytes(value))) for name, value in self._fields]
        return Upload(self._incoming, self._filename, options_of(fields))

    def _events(self) -> Iterator[Event]:
        data = b"?"
        while data:
            data = self._stream.read(_READ)
            self._checks.content.update(data)
            yield from self._decoded(data)

    def _decoded(self, data: bytes) -> Iterator[Event]:
        """Raises BadRequest where the body is no form of this boundary, or ends before the form does."""
        try:
            self._decoder.receive_data(data or None)
            while not isinstance(event := self._decoder.next_event(), NeedData | Epilogue):
                yield event
        except (ValueError, RequestEntityTooLarge) as error:
            raise BadRequest("the multipart body is damaged or ends too early; send it again") from error

    def _open(self, part: File) -> None:
        if part.name not in PARTS:
            raise fault(part.name or "", "is not the recording's part", allowed=list(PARTS))
        if self._incoming is not None:
            raise fault(part.name, "is a second recording; send one a request")
        self._checks.recording.expect(content_digest(",".join(part.headers.getlist(CONTENT_DIGEST)) or None))
        self._incoming, self._filename = self._receive(self._limit), plain("filename", _base_name(part.filename))
        self._take = partial(self._write, self._incoming)

    def _write(self, incoming: Incoming, data: bytes) -> None:
        self._checks.recording.update(data)
        incoming.write(data)
        if incoming.size - self._looked > _LOOK:
            self._looked = incoming.size
            jobs.check_storage(self._context)  # a body of unknown length, or several at once

    def _keep(self, data: bytes) -> None:
        self._field_bytes += len(data)
        name, value = self._fields[-1]
        if self._field_bytes > FORM_BYTES:
            raise fault(name, f"is too long: all fields together hold at most {FORM_BYTES} bytes")
        value.extend(data)


class _Encoded:
    """JSON with the recording as base64. The body is held in memory, and is small: max_json_audio_bytes."""

    def __init__(self, request: Request, context: Context, receive: Callable[[int], Incoming], checks: _Checks) -> None:
        self._limit = context.settings.max_json_audio_bytes
        request.max_content_length = self._limit // 3 * 4 + FORM_BYTES
        self._request, self._receive, self._checks = request, receive, checks

    def read(self) -> Upload:
        content = self._request.stream.read()
        self._checks.content.update(content)
        self._checks.content.settle()
        body = json_object(content)
        audio = body.pop("audio", None)
        if audio is None:
            raise _missing("audio")
        if not isinstance(audio, str):
            raise fault("audio", "must be the recording's bytes in base64")
        incoming = self._receive(self._limit)
        for data in _decoded(audio):
            self._checks.recording.update(data)
            incoming.write(data)
        self._checks.recording.settle()
        given = {name: value for name, value in body.items() if value is not None}
        return Upload(incoming, "audio", plain("options", given))


def _decoded(text: str) -> Iterator[bytes]:
    """A data URL's head and line breaks are let pass; anything else that is not base64 is refused."""
    if text.startswith("data:"):
        text = text.partition(",")[2]
    text = "".join(text.split())
    try:
        for start in range(0, len(text), _DECODE):
            yield binascii.a2b_base64(text[start : start + _DECODE], strict_mode=True)
    except ValueError as error:
        raise fault("audio", "is not valid base64") from error


def json_object(body: bytes) -> dict[str, Any]:
    try:
        given = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise BadRequest("the body is not valid JSON") from error
    if not isinstance(given, dict):
        raise BadRequest("the body must be a JSON object")
    return given


def _boundary(request: Request) -> bytes:
    boundary = request.mimetype_params.get("boundary", "")
    if not boundary or not boundary.isascii():
        raise BadRequest("the Content-Type of a multipart body must name its boundary")
    return boundary.encode()


def _text(name: str, value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError as error:
        raise fault(name, "is not UTF-8 text") from error


def _base_name(filename: str) -> str:
    """A caller's path is none of ours; the name is for people to read, never a key."""
    return filename.replace("\\", "/").rpartition("/")[2]


def _missing(part: str) -> InvalidRequest:
    return fault(part, "is missing: send the recording in this part")
