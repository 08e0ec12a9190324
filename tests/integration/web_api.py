"""A caller of the HTTP API, in this process: the real application on the real Postgres."""

import io
from dataclasses import replace
from pathlib import Path
from typing import Any

from werkzeug.datastructures import FileStorage
from werkzeug.test import TestResponse, encode_multipart

from core.context import Context
from web.app import create_app

BOUNDARY = "----a-boundary"
FORM = f"multipart/form-data; boundary={BOUNDARY}"
PART = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="a.wav"\r\n\r\n'.encode()
TAIL = f"\r\n--{BOUNDARY}--\r\n".encode()


class Endless(io.RawIOBase):
    """A form whose file has `size` zeros, made as they are read; keeps how much was read, and the largest read."""

    def __init__(self, size: int) -> None:
        self.parts, self.left, self.tail, self.largest, self.taken = PART, size, TAIL, 0, 0
        self.length = len(PART) + size + len(TAIL)

    def readinto(self, buffer: Any) -> int:
        self.largest = max(self.largest, len(buffer))
        if not self.parts and self.left:
            self.parts = bytes(min(self.left, 2**16))
            self.left -= len(self.parts)
        if not self.parts:
            self.parts, self.tail = self.tail, b""
        data, self.parts = self.parts[: len(buffer)], self.parts[len(buffer) :]
        buffer[: len(data)] = data
        self.taken += len(data)
        return len(data)


class Caller:
    """Sends the key with every request."""

    def __init__(self, context: Context, key: str) -> None:
        self.app = create_app(context)
        self.key = key
        self.blobs = context.settings.blobs

    def call(self, method: str, path: str, **request: Any) -> TestResponse:
        headers = {"Authorization": f"Bearer {self.key}", **request.pop("headers", {})}
        return self.app.test_client().open(path, method=method, headers=headers, **request)

    def upload(
        self,
        path: str = "/v1/jobs",
        *,
        part: str = "file",
        data: bytes = b"RIFF",
        headers: dict[str, str] | None = None,
        **fields: Any,
    ) -> TestResponse:
        boundary, body = encode_multipart({**fields, part: FileStorage(io.BytesIO(data), "weekly meeting.wav")})
        form = f"multipart/form-data; boundary={boundary}"
        return self.call("POST", path, data=body, content_type=form, headers=headers or {})

    def upload_from(self, body: "io.RawIOBase", headers: dict[str, str] | None = None, **environ: str) -> TestResponse:
        """A form that comes from a stream, as from a socket; `environ` may say its length."""
        stream = {"wsgi.input": body, "wsgi.input_terminated": True, "CONTENT_TYPE": FORM, **environ}
        return self.call("POST", "/v1/jobs", environ_overrides=stream, headers=headers or {})

    def stored(self) -> list[Path]:
        """Files of recordings, half-written ones too."""
        return [path for path in self.blobs.rglob("*") if path.is_file() and "health" not in path.parts]


def with_settings(context: Context, **settings: Any) -> Context:
    return replace(context, settings=context.settings.model_copy(update=settings))


def problem(response: TestResponse, status: int, code: str) -> dict[str, Any]:
    """The answer's problem details, which must be whole."""
    assert (response.status_code, response.content_type) == (status, "application/problem+json"), response.text
    body: dict[str, Any] = response.get_json(force=True)
    assert (body["status"], body["code"]) == (status, code)
    assert body["request_id"] == response.headers["X-Request-Id"]
    assert body["type"]
    assert body["title"]
    assert "Traceback" not in body["detail"]
    return body
