"""The HTTP API as Python calls. It imports only what HTTP needs.

with Client("http://127.0.0.1:8080", key) as client:
    job = client.submit("meeting.flac", language="en")
    job = client.wait(job["id"])
    print(client.transcript(job["id"])["text"])
"""

import json
import os
import time
import uuid
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx2

from scriptorium.counted import Counted, watch
from scriptorium.refusals import ApiError, ServerUnreachable, before_another, refusal

__all__ = ["ENDED", "ApiError", "Client", "Job", "ServerUnreachable"]

Job = dict[str, Any]
"""As api.md shows it: `id`, `status`, `progress`, `stages`, `error` …"""

ENDED = frozenset({"completed", "failed", "cancelled"})
_LONG_POLL = 20.0
_LEAST_PAUSE = 0.3
"""Seconds between two questions: a busy server answers a long poll at once."""
_TRIES = 6
"""Of an upload. With the pauses between them they last about 25 s: as long as a server takes to start anew."""


class Client:
    """One server and one key. `timeout` in seconds, without a byte from the server. Not for several threads at once.

    Every call raises ApiError or ServerUnreachable. `pause` is how it waits before another try.
    """

    def __init__(self, url: str, key: str, timeout: float = 60.0, pause: Callable[[float], None] = time.sleep) -> None:
        self.url = url.rstrip("/")
        self._pause = pause
        self._http = httpx2.Client(base_url=self.url, headers={"Authorization": f"Bearer {key}"}, timeout=timeout)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        self._http.close()

    def submit(
        self,
        path: str | os.PathLike[str],
        progress: Callable[[int, int], None] | None = None,
        *,
        idempotency_key: str | None = None,
        **options: Any,
    ) -> Job:
        """Uploads a recording from the disk, piece by piece. `progress` is told bytes sent and bytes in all.

        An upload whose answer was lost, or that the server cannot take now, is sent again a few times, from its start
        and with the same key, so that it becomes one job; without a key of yours it gets a new one. A server that
        nothing listens for is not waited for. Raises OSError where the file cannot be read.
        """
        return self._submitted([("file", path)], progress, idempotency_key, options)

    def submit_tracks(
        self,
        paths: Sequence[str | os.PathLike[str]],
        progress: Callable[[int, int], None] | None = None,
        *,
        idempotency_key: str | None = None,
        **options: Any,
    ) -> Job:
        """As `submit`, of a meeting that was recorded participant by participant: one job. `tracks` says of each path
        `name` and `offset_seconds`; without it, a track is called like its file, and all begin at once."""
        told = options.pop("tracks", None) or [{"name": Path(path).stem[:200]} for path in paths]
        files = [("tracks", path) for path in paths]
        return self._submitted(files, progress, idempotency_key, {**options, "tracks": list(told)})

    def _submitted(
        self,
        files: Sequence[tuple[str, str | os.PathLike[str]]],
        progress: Callable[[int, int], None] | None,
        idempotency_key: str | None,
        options: dict[str, Any],
    ) -> Job:
        headers = {"Idempotency-Key": idempotency_key or str(uuid.uuid4())}
        with ExitStack() as opened:
            sound = [opened.enter_context(Counted(path)) for _, path in files]
            watch(sound, progress)
            parts = [
                (name, (Path(path).name, file, "application/octet-stream"))
                for (name, path), file in zip(files, sound, strict=True)
            ]
            sent = {"options": json.dumps(options)}
            return self._again(lambda: self._json("POST", "/v1/jobs", files=parts, data=sent, headers=headers))

    def job(self, job_id: str, wait: float = 0.0) -> Job:
        """With `wait` the answer comes when the status changes, or after that many seconds (the server caps at 60)."""
        return self._json("GET", f"/v1/jobs/{job_id}", params={"wait": f"{wait:g}"} if wait else None)

    def wait(
        self,
        job_id: str,
        seen: Callable[[Job], None] | None = None,
        poll: float = _LONG_POLL,
        patience: float = 30.0,
    ) -> Job:
        """The job when it has ended. `seen` gets every answer on the way, at least one each `poll` seconds.

        A server that does not answer is asked again for `patience` seconds: it may be starting anew.
        """
        answered = time.monotonic()
        while True:
            asked = time.monotonic()
            try:
                job = self.job(job_id, wait=poll)
            except ServerUnreachable:
                if time.monotonic() - answered > patience:
                    raise
            except ApiError as error:
                if error.status not in (429, 503) or time.monotonic() - answered > patience:
                    raise
                if error.status == 429:
                    self._pause(error.retry_after or 0.0)
            else:
                answered = time.monotonic()
                if seen:
                    seen(job)
                if job["status"] in ENDED:
                    return job
            self._pause(max(0.0, _LEAST_PAUSE - (time.monotonic() - asked)))

    def usage(self, group_by: str = "day", first: str | None = None, last: str | None = None) -> dict[str, Any]:
        """What was used, by `day`, `key`, `tag` or `model`; days as `2026-11-01`, of the present month where absent."""
        days = {name: day for name, day in (("from", first), ("to", last)) if day is not None}
        return self._json("GET", "/v1/usage", params={"group_by": group_by, **days})

    def transcript(self, job_id: str) -> dict[str, Any]:
        return self._json("GET", f"/v1/jobs/{job_id}/transcript")

    def rendered(self, job_id: str, format: str, **knobs: int | bool | None) -> str:
        """The transcript as text: `txt`, `srt`, `vtt`, `tsv`, `json` … `knobs` of those that have them: `max_chars`,
        `max_lines`, `speakers`."""
        return self._file(job_id, format, knobs).text

    def rendered_bytes(self, job_id: str, format: str, **knobs: int | bool | None) -> bytes:
        """The same as the bytes of a file, of `docx` too."""
        return self._file(job_id, format, knobs).content

    def segments(self, job_id: str, after: int = 0) -> dict[str, Any]:
        """Segments that are new or changed since the revision `after`: `segments`, `revision`, `final`."""
        return self._json("GET", f"/v1/jobs/{job_id}/segments", params={"after": after})

    def jobs(
        self, status: str | None = None, tag: str | None = None, limit: int = 20, cursor: str | None = None
    ) -> dict[str, Any]:
        """A page, newest first: `jobs` and `next_cursor`."""
        asked = {"status": status, "tag": tag, "limit": limit, "cursor": cursor}
        return self._json("GET", "/v1/jobs", params={name: value for name, value in asked.items() if value is not None})

    def cancel(self, job_id: str) -> Job:
        return self._json("POST", f"/v1/jobs/{job_id}/cancel")

    def retry(self, job_id: str, stage: str | None = None) -> Job:
        """Runs again what failed or was cancelled; with a `stage`, that one and what follows it."""
        return self._json("POST", f"/v1/jobs/{job_id}/retry", json=None if stage is None else {"stage": stage})

    def delete(self, job_id: str) -> None:
        """Erases the job, its audio and its transcript."""
        self._request("DELETE", f"/v1/jobs/{job_id}")

    def models(self) -> list[dict[str, Any]]:
        """What live workers serve: `name`, `revision`, `device`, `workers` …"""
        found: list[dict[str, Any]] = self._json("GET", "/v1/models")["models"]
        return found

    def workers(self) -> list[dict[str, Any]]:
        """Who is alive, what they serve and hold: `name`, `kinds`, `models`, `holds` …"""
        found: list[dict[str, Any]] = self._json("GET", "/v1/workers")["workers"]
        return found

    def ready(self) -> dict[str, Any]:
        """What the server says of the things it needs. Raises ApiError when one is missing."""
        return self._json("GET", "/readyz")

    def _file(self, job_id: str, format: str, knobs: dict[str, int | bool | None]) -> httpx2.Response:
        asked = {"format": format, **{name: value for name, value in knobs.items() if value is not None}}
        return self._request("GET", f"/v1/jobs/{job_id}/transcript", params=asked)

    def _again(self, send: Callable[[], Job]) -> Job:
        for tried in range(1, _TRIES):
            try:
                return send()
            except (ApiError, ServerUnreachable) as error:
                pause = before_another(error, tried)
                if pause is None:
                    raise
            self._pause(pause)
        return send()

    def _json(self, method: str, path: str, **rest: Any) -> dict[str, Any]:
        answer: dict[str, Any] = self._request(method, path, **rest).json()
        return answer

    def _request(self, method: str, path: str, **rest: Any) -> httpx2.Response:
        try:
            response = self._http.request(method, path, **rest)
        except httpx2.TransportError as error:
            connected = not isinstance(error, httpx2.ConnectError | httpx2.ConnectTimeout | httpx2.UnsupportedProtocol)
            raise ServerUnreachable(
                f"no answer from {self.url} ({error or type(error).__name__})", connected
            ) from error
        except httpx2.InvalidURL as error:
            raise ServerUnreachable(f"{self.url} is not an address: {error}", connected=False) from error
        if response.is_error:
            raise refusal(response)
        return response
