"""A recording -> the answer that plays it: whole or in part (RFC 9110, 14), or a clip."""

import os
import re
import unicodedata
from typing import IO
from urllib.parse import quote

from flask import Response, request
from werkzeug.http import parse_range_header
from werkzeug.wsgi import wrap_file

from core.recordings import Original

MEDIA_TYPES = {
    "aac": "audio/aac",
    "aiff": "audio/aiff",
    "amr": "audio/amr",
    "asf": "video/x-ms-asf",
    "au": "audio/basic",
    "avi": "video/x-msvideo",
    "caf": "audio/x-caf",
    "flac": "audio/flac",
    "matroska": "video/webm",
    "mov": "video/mp4",
    "mp3": "audio/mpeg",
    "mpeg": "video/mpeg",
    "mpegts": "video/mp2t",
    "ogg": "audio/ogg",
    "wav": "audio/wav",
}
"""By the first of FFmpeg's names of a container. The content is a stranger's: it is never more than sound or film."""
UNKNOWN = "application/octet-stream"
CLIP_NAME = "clip.wav"
_NO_NAME = re.compile(r"[\x00-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")
"""Control characters, also those that turn the direction of writing: `gpj.exe` must not read `exe.jpg`."""


def served(original: Original) -> Response:
    """Its bytes, of which nothing but a piece is in memory. Raises RequestedRangeNotSatisfiable."""
    recording = original.recording
    response = Response(original.pieces, content_type=media_type(recording["container"]), direct_passthrough=True)
    response.headers["Content-Length"] = str(recording["bytes"])
    response.headers["Content-Disposition"] = disposition(recording["filename"])
    response.set_etag(recording["sha256"])
    ranged = _one_range(recording["bytes"])
    response.make_conditional(request, accept_ranges=ranged, complete_length=recording["bytes"] if ranged else None)
    response.accept_ranges = "bytes"
    return response


def clip(file: IO[bytes]) -> Response:
    response = Response(wrap_file(request.environ, file), content_type="audio/wav", direct_passthrough=True)
    response.headers["Content-Length"] = str(os.fstat(file.fileno()).st_size)
    response.headers["Content-Disposition"] = disposition(CLIP_NAME)
    response.call_on_close(file.close)
    return response


def media_type(container: str | None) -> str:
    return MEDIA_TYPES.get((container or "").partition(",")[0], UNKNOWN)


def disposition(filename: str) -> str:
    """A file to keep, never a page to show. The name as RFC 6266 wants it, with a plain one for old programs."""
    name = _NO_NAME.sub("_", filename) or "recording"
    simple = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    simple = re.sub(r'["\\/%]', "_", simple) or "recording"
    return f"attachment; filename=\"{simple}\"; filename*=UTF-8''{quote(name, safe='')}"


def _one_range(length: int) -> bool:
    """Whether the caller wants one part of the whole. Several at once, more than all from the end, and what is no range
    of bytes, are answered with the whole, as RFC 9110 allows; and only GET knows ranges."""
    asked = parse_range_header(request.headers.get("Range"))
    if request.method != "GET" or asked is None or asked.units != "bytes" or len(asked.ranges) != 1:
        return False
    return asked.ranges[0][0] >= -length
