"""A stored transcript -> the file that a caller wants, or 304 where they have it already."""

import hashlib
import json
from dataclasses import dataclass
from importlib.metadata import version

from flask import Response, request

from core.captions import BROADCAST
from core.errors import fault
from core.formats import FORMATS, Format, Layout, Look
from web.queries import KNOBS, TranscriptQuery

_VERSION = version("scriptorium")


@dataclass(frozen=True)
class Wanted:
    name: str
    format: Format
    look: Look


def wanted(query: TranscriptQuery) -> Wanted:
    """Raises InvalidRequest for a format that is not known, and for a knob that it does not have: a caller who turns
    one must not believe that it did something."""
    if query.format not in FORMATS:
        raise fault("format", "is not a format of this server", allowed=list(FORMATS))
    chosen = FORMATS[query.format]
    for knob in KNOBS:
        if getattr(query, knob) is not None and knob not in chosen.knobs:
            has = ", ".join(name for name, one in FORMATS.items() if knob in one.knobs)
            raise fault(knob, f"is not for {query.format}, but for {has}")
    layout = Layout(query.max_chars or BROADCAST.columns, query.max_lines or BROADCAST.lines)
    return Wanted(query.format, chosen, Look(layout, query.speakers is not False))


def rendered(stored: str, asked: Wanted) -> Response:
    """`stored` is the document as the database has it. The ETag is of that and of what was asked, so that 304 needs
    neither parsing nor rendering, and a name that a person gives changes it."""
    tag = _tag(stored, asked)
    if request.if_none_match.contains_weak(tag):
        response = Response(status=304)
    elif asked.name == "json":
        response = Response(stored + "\n", content_type=asked.format.media_type)
    else:
        response = Response(asked.format.render(json.loads(stored), asked.look), content_type=asked.format.media_type)
    response.set_etag(tag)
    return response


def _tag(stored: str, asked: Wanted) -> str:
    """With the version, since another one may write the same transcript otherwise."""
    digest = hashlib.sha256(repr((_VERSION, asked.name, asked.look)).encode())
    digest.update(stored.encode())
    return digest.hexdigest()[:32]
