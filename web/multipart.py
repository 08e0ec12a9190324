"""A form -> its recordings, on their way into storage, and the options. One recording, or several tracks.

werkzeug's own parser would spool the file to a second place, and call a body that broke off an empty form.
"""

from collections.abc import Callable, Iterator
from functools import partial
from typing import IO, Any

from flask import Request
from werkzeug.exceptions import BadRequest, RequestEntityTooLarge
from werkzeug.sansio.multipart import Data, Epilogue, Event, Field, File, MultipartDecoder, NeedData

from core import jobs
from core.blobs import Incoming
from core.context import Context
from core.errors import fault
from core.tracks import MOST_TRACKS
from web.digests import CONTENT_DIGEST, RECORDING_SHA256, Check, content_digest
from web.intake import Intake
from web.upload import (
    FORM_BYTES,
    PARTS,
    READ,
    TRACKS,
    Body,
    Checks,
    Linked,
    Named,
    OptionsFrom,
    Upload,
    base_name,
    missing,
    named,
    refuse_named,
)


class Multipart:
    """`receive` opens a place for so many bytes, at most."""

    def __init__(
        self,
        request: Request,
        context: Context,
        receive: Callable[[int], Incoming],
        checks: Checks,
        options_from: OptionsFrom,
    ) -> None:
        self._intake = Intake(context)
        request.max_content_length = self._intake.left + FORM_BYTES
        self._stream: IO[bytes] = request.stream
        self._decoder = MultipartDecoder(_boundary(request), max_form_memory_size=FORM_BYTES, max_parts=200)
        self._receive, self._checks = receive, checks
        self._files: list[tuple[str, jobs.Source, Check]] = []
        self._fields: list[tuple[str, bytearray]] = []
        self._field_bytes = 0
        self._take: Callable[[bytes], Any] = len
        self._options_from = options_from

    def read(self) -> Body:
        for event in self._events():
            if isinstance(event, File):
                self._open(event)
            elif isinstance(event, Field):
                self._fields.append((event.name or "", bytearray()))
                self._take = self._keep
            elif isinstance(event, Data):
                self._take(event.data)
        self._checks.content.settle()
        for _, _, check in self._files:
            check.settle()
        options = self._options_from([(name, _text(name, bytes(value))) for name, value in self._fields])
        return self._upload(options) if self._files else self._named(options)

    def _named(self, options: dict[str, Any]) -> Named | Linked:
        found = named(options, self._checks.recording)
        if found is None:
            raise missing("file")
        return found

    def _upload(self, options: dict[str, Any]) -> Upload:
        refuse_named(options)
        sources = [source for _, source, _ in self._files]
        if self._files[0][0] == TRACKS:
            options[TRACKS] = _described(options.get(TRACKS), len(sources))
        elif options.get(TRACKS):
            raise fault(TRACKS, "describes tracks, but the body has no file parts of this name")
        return Upload(sources[0].incoming, sources[0].filename, options, tuple(sources[1:]))

    def _events(self) -> Iterator[Event]:
        data = b"?"
        while data:
            data = self._stream.read(READ)
            self._checks.content.update(data)
            yield from self._decoded(data)

    def _decoded(self, data: bytes) -> Iterator[Event]:
        """Raises BadRequest where the body is no form of this boundary, or ends before the form does."""
        try:
            self._decoder.receive_data(data or None)
            while not isinstance(event := self._decoder.next_event(), NeedData | Epilogue):
                yield event
        except UnicodeDecodeError as error:
            raise BadRequest("a part's head, such as the file's name in it, is not UTF-8 text") from error
        except (ValueError, RequestEntityTooLarge) as error:
            raise BadRequest("the multipart body is damaged or ends too early; send it again") from error

    def _open(self, part: File) -> None:
        name = part.name or ""
        self._refuse(name)
        check = self._checks.recording if name != TRACKS else Check()
        check.expect(content_digest(",".join(part.headers.getlist(CONTENT_DIGEST)) or None))
        incoming = self._receive(self._intake.left)
        source = jobs.Source(incoming, base_name(part.filename))
        self._files.append((name, source, check))
        self._take = partial(self._intake.write, incoming, check)

    def _refuse(self, name: str) -> None:
        """Raises InvalidRequest for a part that has no place in this body."""
        if name not in (*PARTS, TRACKS):
            raise fault(name, "is not the recording's part", allowed=[*PARTS, TRACKS])
        if self._files and (name != TRACKS or self._files[0][0] != TRACKS):
            raise fault(name, f"is a second recording; send one a request, or all as parts named {TRACKS}")
        if len(self._files) == MOST_TRACKS:
            raise fault(name, f"is one track more than the {MOST_TRACKS} that a job may have")
        if name == TRACKS and not self._files and self._checks.recording.claimed:
            raise fault(RECORDING_SHA256, f"names no track; give each part its own {CONTENT_DIGEST}")

    def _keep(self, data: bytes) -> None:
        self._field_bytes += len(data)
        name, value = self._fields[-1]
        if self._field_bytes > FORM_BYTES:
            raise fault(name, f"is too long: all fields together hold at most {FORM_BYTES} bytes")
        value.extend(data)


def _described(given: Any, count: int) -> Any:
    """What the option says of the tracks that came; of none, where it is absent."""
    if given is None:
        return [{}] * count
    if isinstance(given, list) and len(given) != count:
        raise fault(TRACKS, f"describes {len(given)} tracks, but the body has {count} file parts of this name")
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
