"""One server and one key: requests that are sent, sent again where that helps, and refused by name."""

import os
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx2

from scriptorium.counted import Counted, watch
from scriptorium.refusals import ApiError, ServerUnreachable, before_another, refusal

_TRIES = 6
"""Of an upload. With the pauses between them they last about 25 s: as long as a server takes to start anew."""

Progress = Callable[[int, int], None]
"""Told bytes sent and bytes in all."""


class Transport:
    """`timeout` in seconds, without a byte from the server. Not for several threads at once.

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

    def _uploaded(
        self,
        address: str,
        files: Sequence[tuple[str, str | os.PathLike[str]]],
        fields: dict[str, str],
        progress: Progress | None,
        idempotency_key: str | None,
    ) -> dict[str, Any]:
        """Files from the disk, piece by piece, by the names of their parts. What got no answer is sent again a few
        times, from its start and with the same key. Raises OSError where a file cannot be read."""
        headers = {"Idempotency-Key": idempotency_key or str(uuid.uuid4())}
        with ExitStack() as opened:
            sound = [opened.enter_context(Counted(path)) for _, path in files]
            watch(sound, progress)
            parts = [
                (name, (Path(path).name, file, "application/octet-stream"))
                for (name, path), file in zip(files, sound, strict=True)
            ]
            return self._again(lambda: self._json("POST", address, files=parts, data=fields, headers=headers))

    def _again(self, send: Callable[[], dict[str, Any]]) -> dict[str, Any]:
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

    @contextmanager
    def _stream(self, job_id: str, since: str) -> Iterator[httpx2.Response]:
        headers = {"Last-Event-ID": since} if since else {}
        with self._reached(), self._http.stream("GET", f"/v1/jobs/{job_id}/events", headers=headers) as response:
            if response.is_error:
                response.read()
                raise refusal(response)
            yield response

    @contextmanager
    def _reached(self) -> Iterator[None]:
        """Raises ServerUnreachable."""
        try:
            yield
        except httpx2.TransportError as error:
            connected = not isinstance(error, httpx2.ConnectError | httpx2.ConnectTimeout | httpx2.UnsupportedProtocol)
            said = f"no answer from {self.url} ({error or type(error).__name__})"
            raise ServerUnreachable(said, connected) from error
        except httpx2.InvalidURL as error:
            raise ServerUnreachable(f"{self.url} is not an address: {error}", connected=False) from error

    def _request(self, method: str, path: str, **rest: Any) -> httpx2.Response:
        with self._reached():
            response = self._http.request(method, path, **rest)
        if response.is_error:
            raise refusal(response)
        return response
