"""`/v1/uploads`: recordings that come in pieces, by the protocol tus 1.0."""

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from typing import IO, Any
from uuid import UUID

from apiflask import APIBlueprint
from flask import Response, jsonify, request, url_for

from core import uploads
from core.errors import ScriptoriumError
from core.scopes import Scope
from core.times import time_json
from core.uploads import State
from web import tus, tus_described
from web.errors import problem
from web.scope import authenticate, context, needs, tenant

LEAST_READ, MOST_READ = 2**12, 2**16
"""Bytes. A read waits until it has all that it asked for, and what a line that breaks had brought of it is lost: so it
asks for what the line brings in a moment."""
QUICK, SLOW = 0.1, 0.5
"""Seconds that a read took, beneath which the next asks for more, and above which for less."""

routes = APIBlueprint("uploads", __name__, url_prefix="/v1", tag="Uploads")


@routes.before_request
def _admit() -> None:
    """Anybody may ask what the server can. Only `GET` is not of the protocol: its callers need not speak it."""
    if request.method != "OPTIONS":
        authenticate()
        if request.method != "GET":
            tus.require_version(request.headers)


@routes.after_request
def _speak(response: Response) -> Response:
    response.headers["Tus-Resumable"] = tus.VERSION
    if response.status_code == 412:
        response.headers["Tus-Version"] = tus.VERSION
    return response


@routes.route("/uploads", methods=["OPTIONS"])
@routes.route("/uploads/<uuid:upload_id>", methods=["OPTIONS"], endpoint="capabilities_there")
@routes.doc(hide=True)
def capabilities(upload_id: UUID | None = None) -> Response:
    return Response(status=204, headers=tus.offered(context().settings.max_upload_bytes))


@routes.post("/uploads", provide_automatic_options=False)
@routes.doc(responses={201: "Begun; `Location` is its address"}, extensions={"requestBody": tus_described.body(False)})
def create() -> Response:
    """Begin a resumable upload (tus 1.0)

    With its first bytes or all of them, or with none. Any client of tus 1.0 will do. When the last byte has come, the
    upload becomes a recording, whose id stands in `Scriptorium-Recording`.
    """
    length, told = tus.length(request.headers), request.headers.get("Upload-Metadata", "")
    name = tus.filename(tus.metadata(told))
    body = Body() if request.content_length or (request.content_length is None and _chunked()) else None
    begun = uploads.create(context(), tenant(), length, name, told)
    if body is None:
        return _answer(begun, 201)
    found = None
    try:
        found = body.receive(begun.id, 0)
    finally:
        if found is None:
            with suppress(ScriptoriumError):  # nobody was told its address; else it expires
                uploads.terminate(context(), tenant(), begun.id)
    return _answer(found, 201)


@routes.patch("/uploads/<uuid:upload_id>", provide_automatic_options=False)
@routes.doc(
    responses={204: "The bytes are safe; `Upload-Offset` says how many there are now"},
    extensions={"requestBody": tus_described.body(True)},
)
def append(upload_id: UUID) -> Response:
    """Send the next bytes of an upload

    Whatever had arrived when a connection breaks is kept: `HEAD` says where to go on. With `Upload-Checksum` all bytes
    of the request count or none. A caller who cannot send PATCH or DELETE sends POST with `X-HTTP-Method-Override`.
    """
    body, offset = Body(), tus.offset(request.headers)
    return _answer(body.receive(upload_id, offset), 204)


@routes.get("/uploads/<uuid:upload_id>", provide_automatic_options=False)
@routes.output(tus_described.UploadOut)
@needs(Scope.JOBS_WRITE)  # who sends must be able to ask where to go on
def show(upload_id: UUID) -> Response:
    """How far an upload has come, and what became of it

    `HEAD` says the same in headers, as tus wants it.
    """
    found = uploads.show(context(), tenant(), upload_id)
    response = jsonify(shown(found))
    response.headers.update(_headers(found))
    return response


@routes.delete("/uploads/<uuid:upload_id>", provide_automatic_options=False)
@routes.doc(responses={204: "Forgotten"})
def terminate(upload_id: UUID) -> tuple[str, int]:
    """Give up an upload

    A recording that it became stays.
    """
    uploads.terminate(context(), tenant(), upload_id)
    return "", 204


class Body:
    """Of this request, which must be of the protocol's type. Raises UnsupportedMediaType, BadRequest."""

    def __init__(self) -> None:
        tus.require_type(request.mimetype)
        self._checksum = tus.checksum(request.headers)
        # One more than any upload holds: at the very limit werkzeug could not tell the end from more.
        request.max_content_length = context().settings.max_upload_bytes + 1

    def receive(self, upload_id: UUID, offset: int) -> State:
        settle = self._checksum.settle if self._checksum else None
        coming = request.content_length or 0
        return uploads.receive(
            context(), tenant(), upload_id, offset, self._hashed(pieces(request.stream)), coming=coming, settle=settle
        )

    def _hashed(self, found: Iterable[bytes]) -> Iterator[bytes]:
        for piece in found:
            if self._checksum:
                self._checksum.hashed.update(piece)
            yield piece


def pieces(stream: IO[bytes], clock: Callable[[], float] = time.monotonic) -> Iterator[bytes]:
    """All that the stream brings."""
    size = LEAST_READ
    while True:
        began = clock()
        data = stream.read(size)
        took = clock() - began
        if not data:
            return
        yield data
        if took < QUICK:
            size = min(2 * size, MOST_READ)
        elif took > SLOW:
            size = max(size // 4, LEAST_READ)


def shown(found: State) -> dict[str, Any]:
    return {
        "id": str(found.id),
        "offset": found.offset,
        "length": found.bytes,
        "filename": found.filename,
        "expires_at": time_json(found.expires_at),
        "finished": found.finished,
        "recording_id": str(found.recording_id) if found.recording_id else None,
        "error": found.error,
    }


def _answer(found: State, status: int) -> Response:
    """Its bytes are stored in any case; where they are no recording, whoever sent the last of them is told."""
    if found.error is None:
        response = Response(status=status)
    else:
        response = problem(422, found.error["code"], found.error["message"])
    response.headers.update(_headers(found))
    if status == 201:
        response.headers["Location"] = url_for("uploads.show", upload_id=found.id)
    return response


def _headers(found: State) -> dict[str, str]:
    said = tus.described(found)
    if found.recording_id is not None:
        said["Link"] = f'<{request.script_root}/v1/recordings/{found.recording_id}>; rel="related"'
    return said


def _chunked() -> bool:
    return "chunked" in request.headers.get("Transfer-Encoding", "").lower()


class Overridden:
    """`X-HTTP-Method-Override`, for callers behind proxies that know neither PATCH nor DELETE. Of uploads only, and
    before routing, so that every other check sees the method that is meant. A HEAD becomes a GET: what is answered to
    a POST may not lack the body that its length announces."""

    def __init__(self, app: Any) -> None:
        self._app = app

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Any:
        meant = environ.get("HTTP_X_HTTP_METHOD_OVERRIDE", "").upper()
        if meant in ("PATCH", "DELETE", "HEAD", "POST") and environ.get("PATH_INFO", "").startswith("/v1/uploads"):
            environ["REQUEST_METHOD"] = "GET" if meant == "HEAD" else meant
        return self._app(environ, start_response)
