"""A caller of the HTTP API, in this process: the real application on the real Postgres."""

import io
from dataclasses import replace
from pathlib import Path
from typing import Any

from werkzeug.datastructures import FileStorage
from werkzeug.test import TestResponse, encode_multipart

from core.context import Context
from web.app import create_app


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
        self, path: str = "/v1/jobs", *, part: str = "file", data: bytes = b"RIFF", **fields: Any
    ) -> TestResponse:
        boundary, body = encode_multipart({**fields, part: FileStorage(io.BytesIO(data), "weekly meeting.wav")})
        return self.call("POST", path, data=body, content_type=f"multipart/form-data; boundary={boundary}")

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
