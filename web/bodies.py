"""A request's body -> the recording on its way into storage, and the options. Bytes go from the socket to the disk."""

import binascii
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, Any

from flask import Request
from werkzeug.exceptions import BadRequest, RequestEntityTooLarge, UnsupportedMediaType
from werkzeug.sansio.multipart import Data, Epilogue, Event, Field, File, MultipartDecoder, NeedData

from core.blobs import Blobs, Incoming
from core.errors import InputError, InvalidRequest
from core.settings import Settings
from web.fields import fault, options_of, plain

PARTS = ("file", "audio")
"""Names of the part that holds the recording."""
FORM_BYTES = 2**20
"""What a body may hold beside its recording."""
_READ = 2**16
_DECODE = 2**20
"""Characters of base64 decoded at a time; a multiple of four."""


@dataclass(frozen=True)
class Upload:
    incoming: Incoming
    filename: str
    options: dict[str, Any]


@contextmanager
def received(request: Request, settings: Settings, blobs: Blobs) -> Iterator[Upload]:
    """Reads the whole body. What the caller does not commit is discarded, also when the body breaks off."""
    readers: dict[str, type[_Multipart] | type[_Encoded]] = {
        "multipart/form-data": _Multipart,
        "application/json": _Encoded,
    }
    reader = readers.get(request.mimetype)
    if reader is None:
        raise UnsupportedMediaType(f"send the recording as {' or '.join(readers)}")
    opened: list[Incoming] = []

    def receive(limit: int) -> Incoming:
        opened.append(blobs.receive(limit))
        return opened[-1]

    try:
        yield reader(request, settings, receive).read()
    finally:
        for incoming in opened:
            incoming.discard()


class _Multipart:
    """werkzeug's own parser would spool the file to a second place, and call a body that broke off an empty form."""

    def __init__(self, request: Request, settings: Settings, receive: Callable[[int], Incoming]) -> None:
        request.max_content_length = settings.max_upload_bytes + FORM_BYTES
        self._stream: IO[bytes] = request.stream
        self._decoder = MultipartDecoder(_boundary(request), max_form_memory_size=FORM_BYTES, max_parts=200)
        self._receive, self._limit = receive, settings.max_upload_bytes
        self._incoming: Incoming | None = None
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
        if self._incoming is None:
            raise _missing("file")
        fields = [(name, _text(name, bytes(value))) for name, value in self._fields]
        return Upload(_filled(self._incoming), self._filename, options_of(fields))

    def _events(self) -> Iterator[Event]:
        data = b"?"
        while data:
            data = self._stream.read(_READ)
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
        self._incoming, self._filename = self._receive(self._limit), plain("filename", _base_name(part.filename))
        self._take = self._incoming.write

    def _keep(self, data: bytes) -> None:
        self._field_bytes += len(data)
        name, value = self._fields[-1]
        if self._field_bytes > FORM_BYTES:
            raise fault(name, f"is too long: all fields together hold at most {FORM_BYTES} bytes")
        value.extend(data)


class _Encoded:
    """JSON with the recording as base64. The body is held in memory, and is small: max_json_audio_bytes."""

    def __init__(self, request: Request, settings: Settings, receive: Callable[[int], Incoming]) -> None:
        self._limit = settings.max_json_audio_bytes
        request.max_content_length = self._limit // 3 * 4 + FORM_BYTES
        self._request, self._receive = request, receive

    def read(self) -> Upload:
        body = _json_object(self._request.stream.read())
        audio = body.pop("audio", None)
        if audio is None:
            raise _missing("audio")
        if not isinstance(audio, str):
            raise fault("audio", "must be the recording's bytes in base64")
        incoming = self._receive(self._limit)
        for data in _decoded(audio):
            incoming.write(data)
        given = {name: value for name, value in body.items() if value is not None}
        return Upload(_filled(incoming), "audio", plain("options", given))


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


def _json_object(body: bytes) -> dict[str, Any]:
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


def _filled(incoming: Incoming) -> Incoming:
    if not incoming.size:
        raise InputError("the file is empty: it holds no bytes; send the recording itself", code="empty_file")
    return incoming


def _missing(part: str) -> InvalidRequest:
    return fault(part, "is missing: send the recording in this part")
