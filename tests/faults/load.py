"""A careful client: it sends a recording with an Idempotency-Key, and sends it again until somebody answers."""

import json
import threading
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx2

ENDED = frozenset({"completed", "failed", "cancelled"})
_PIECE = 32_768
_PAUSE = 0.3
"""Seconds before it tries again; far less than a Retry-After, since a round lasts seconds."""

_PATIENCE = 60.0


class GaveUp(Exception):
    """Nobody took the recording in time; the message says what the last answer was."""


@dataclass(frozen=True)
class Upload:
    """`pace`: seconds between two pieces of the body, so that a fault can hit it in the middle."""

    path: Path
    options: dict[str, Any] = field(default_factory=dict)
    pace: float = 0.0
    key: str = field(default_factory=lambda: uuid.uuid4().hex)

    @property
    def boundary(self) -> str:
        return f"part-{self.key}"

    def body(self) -> bytes:
        told = {**self.options, "metadata": {"key": self.key}}
        head = (
            f"--{self.boundary}\r\n"
            'Content-Disposition: form-data; name="options"\r\n\r\n'
            f"{json.dumps(told)}\r\n--{self.boundary}\r\n"
            f'Content-Disposition: form-data; name="file"; filename="{self.path.name}"\r\n\r\n'
        )
        return head.encode() + self.path.read_bytes() + f"\r\n--{self.boundary}--\r\n".encode()

    def headers(self) -> dict[str, str]:
        return {
            "Content-Type": f"multipart/form-data; boundary={self.boundary}",
            "Content-Length": str(len(self.body())),
            "Idempotency-Key": self.key,
        }


class Caller:
    """One tenant's. Several threads may use it."""

    def __init__(self, url: str, token: str) -> None:
        self.url, self.token = url, token
        self._closed = threading.Event()
        self._http = httpx2.Client(base_url=url, headers={"Authorization": f"Bearer {token}"}, timeout=30.0)

    def close(self) -> None:
        """Whoever still tries gives up."""
        self._closed.set()
        self._http.close()

    def submit(self, upload: Upload, patience: float = 60.0) -> UUID:
        """The job's id, once the server has accepted it. Raises GaveUp."""
        limit, last = time.monotonic() + patience, "no answer"
        while time.monotonic() < limit and not self._closed.is_set():
            try:
                answer = self.send(upload)
            except httpx2.TransportError as error:
                last = type(error).__name__
            else:
                if answer.status_code in (200, 202):
                    return UUID(answer.json()["id"])
                last = f"{answer.status_code} {answer.text[:300]}"
                if answer.status_code < 500 and answer.status_code not in (408, 429):
                    break
            self._closed.wait(_PAUSE)
        raise GaveUp(f"{upload.path.name}: {last}")

    def send(self, upload: Upload) -> httpx2.Response:
        """Once. Raises httpx2.TransportError."""
        return self._http.post("/v1/jobs", content=_paced(upload), headers=upload.headers())

    def answered(self, upload: Upload) -> httpx2.Response:
        """Whatever the server says to it, 5xx too. A kept connection may have died with the process behind it."""
        while True:
            try:
                return self.send(upload)
            except httpx2.TransportError:
                if self._closed.wait(_PAUSE):
                    raise

    def ask(self, method: str, path: str, **rest: Any) -> httpx2.Response:
        """Again until the server answers, and not with 5xx: every one of these may be sent twice."""
        limit = time.monotonic() + _PATIENCE
        while True:
            late = time.monotonic() > limit or self._closed.is_set()
            try:
                answer = self._http.request(method, path, **rest)
            except httpx2.TransportError:
                if late:
                    raise
            else:
                if answer.status_code < 500 or late:
                    return answer
            self._closed.wait(_PAUSE)

    def job(self, job: UUID) -> dict[str, Any]:
        """As the API shows it; `{"status": "deleted"}` for one that its owner deleted."""
        answer = self.ask("GET", f"/v1/jobs/{job}")
        return {"status": "deleted"} if answer.status_code == 410 else dict(answer.json())

    def transcript(self, job: UUID) -> dict[str, Any]:
        return dict(self.ask("GET", f"/v1/jobs/{job}/transcript").json())


def _paced(upload: Upload) -> Iterator[bytes]:
    body = upload.body()
    for at in range(0, len(body), _PIECE):
        yield body[at : at + _PIECE]
        if upload.pace:
            time.sleep(upload.pace)
