"""A body that is the recording itself -> the recording, on its way into storage; the options are in the address."""

from collections.abc import Callable

from flask import Request
from werkzeug.exceptions import BadRequest
from werkzeug.http import parse_options_header

from core.blobs import Incoming
from core.context import Context
from web.intake import Intake
from web.upload import (
    FILENAME,
    NAMELESS,
    READ,
    TRACKS,
    Checks,
    OptionsFrom,
    Upload,
    base_name,
    refuse_named,
    tracks_elsewhere,
)

MEDIA = "application/octet-stream"
"""What such a body may be, beside any kind of audio and video."""


def is_raw(mimetype: str) -> bool:
    return mimetype == MEDIA or mimetype.startswith(("audio/", "video/"))


class Raw:
    """`options_from`: makes options of the parameters."""

    def __init__(
        self,
        request: Request,
        context: Context,
        receive: Callable[[int], Incoming],
        checks: Checks,
        options_from: OptionsFrom,
    ) -> None:
        self._intake = Intake(context)
        request.max_content_length = self._intake.left
        self._request, self._receive, self._checks, self._options_from = request, receive, checks, options_from

    def read(self) -> Upload:
        filename = base_name(_filename(self._request))
        asked = [(name, text) for name, text in self._request.args.items(multi=True) if name != FILENAME]
        options = self._options_from(asked)
        refuse_named(options)
        if options.get(TRACKS):
            raise tracks_elsewhere()
        incoming = self._receive(self._intake.left)
        while data := self._request.stream.read(READ):
            self._checks.content.update(data)
            self._intake.write(incoming, self._checks.recording, data)
        # The server's own stream ends without a word where a caller goes away in the middle.
        if self._intake.received < (self._request.content_length or 0):
            raise BadRequest("the body ends before its Content-Length; send it again")
        self._checks.content.settle()
        self._checks.recording.settle()
        return Upload(incoming, filename, options)


def _filename(request: Request) -> str:
    """As the sender calls it. Of `filename` and `filename*` (RFC 6266) the latter, as werkzeug reads them."""
    _, told = parse_options_header(request.headers.get("Content-Disposition"))
    return told.get(FILENAME) or request.args.get(FILENAME) or NAMELESS
