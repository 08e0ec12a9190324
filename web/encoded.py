"""JSON with the recording as base64 -> the recording, on its way into storage, and the options."""

import binascii
import json
from collections.abc import Callable, Iterator
from typing import Any

from flask import Request
from werkzeug.exceptions import BadRequest

from core.blobs import Incoming
from core.context import Context
from core.errors import fault
from web.fields import plain
from web.upload import (
    FILENAME,
    FORM_BYTES,
    NAMELESS,
    TRACKS,
    Body,
    Checks,
    Upload,
    base_name,
    missing,
    named,
    refuse_named,
    tracks_elsewhere,
)

_DECODE = 2**20
"""Characters of base64 decoded at a time; a multiple of four."""


class Encoded:
    """The body is held in memory, and is small: max_json_audio_bytes."""

    def __init__(
        self,
        request: Request,
        context: Context,
        receive: Callable[[int], Incoming],
        checks: Checks,
    ) -> None:
        self._limit = context.settings.max_json_audio_bytes
        request.max_content_length = self._limit // 3 * 4 + FORM_BYTES
        self._request, self._receive, self._checks = request, receive, checks

    def read(self) -> Body:
        content = self._request.stream.read()
        self._checks.content.update(content)
        self._checks.content.settle()
        body = json_object(content)
        audio = body.pop("audio", None)
        given = plain("options", {name: value for name, value in body.items() if value is not None})
        if audio is None:
            if (found := named(given, self._checks.recording)) is not None:
                return found
            raise missing("audio")
        refuse_named(given)
        filename = _filename(given.pop(FILENAME, NAMELESS))
        if not isinstance(audio, str):
            raise fault("audio", "must be the recording's bytes in base64")
        incoming = self._receive(self._limit)
        for data in _decoded(audio):
            self._checks.recording.update(data)
            incoming.write(data)
        self._checks.recording.settle()
        if given.get(TRACKS):
            raise tracks_elsewhere()
        return Upload(incoming, filename, given)


def _filename(given: Any) -> str:
    if not isinstance(given, str):
        raise fault(FILENAME, "must be text")
    return base_name(given)


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
