"""A recording sent over lines that break, by the protocol tus 1.0: it goes on where the server says."""

import base64
import io
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx2

from scriptorium.refusals import ApiError, ServerUnreachable, before_another

_TRIES = 10
"""Without a byte of progress. With the pauses between them they last some minutes."""
_PIECE = 2**18
_BUSY = frozenset({409, 423})
"""The server has not noticed yet that the line before broke, or makes a recording of the upload at this moment."""
_TUS = {"Tus-Resumable": "1.0.0"}

Request = Callable[..., httpx2.Response]
"""(method, path, headers=, content=); raises ApiError, ServerUnreachable."""


class Sender:
    def __init__(self, request: Request, pause: Callable[[float], None]) -> None:
        self._request, self._pause = request, pause

    def send(self, path: str | os.PathLike[str], progress: Callable[[int, int], None] | None) -> str:
        """The recording's id. Raises ApiError, ServerUnreachable, OSError."""
        with open(path, "rb", buffering=0) as file:
            size = os.fstat(file.fileno()).st_size
            where = self._begin(Path(path).name, size)
            offset = tried = 0
            while True:
                try:
                    reached = self._offset(where) if tried else 0
                    tried, offset = (1 if reached > offset else tried), reached
                    return self._rest(where, file, offset, size, progress)
                except (ApiError, ServerUnreachable) as error:
                    tried += 1
                    wait = _before_another(error, tried)
                    if wait is None:
                        raise
                self._pause(wait)

    def _begin(self, name: str, size: int) -> str:
        """Its address. A second one, where the answer to the first was lost, expires by itself."""
        metadata = f"filename {base64.b64encode(name.encode(errors='replace')).decode()}"
        headers = {**_TUS, "Upload-Length": str(size), "Upload-Metadata": metadata}
        tried = 1
        while True:
            try:
                return self._request("POST", "/v1/uploads", headers=headers).headers["Location"]
            except (ApiError, ServerUnreachable) as error:
                wait = before_another(error, tried) if tried < _TRIES else None
                if wait is None:
                    raise
                tried += 1
            self._pause(wait)

    def _offset(self, where: str) -> int:
        return int(self._request("HEAD", where, headers=_TUS).headers["Upload-Offset"])

    def _rest(
        self, where: str, file: io.FileIO, offset: int, size: int, progress: Callable[[int, int], None] | None
    ) -> str:
        headers = {
            **_TUS, "Upload-Offset": str(offset), "Content-Length": str(size - offset),
            "Content-Type": "application/offset+octet-stream",
        }  # fmt: skip
        body = _pieces(file, offset, size, progress)
        return self._request("PATCH", where, headers=headers, content=body).headers["Scriptorium-Recording"]


def _before_another(error: ApiError | ServerUnreachable, tried: int) -> float | None:
    """As of any upload; and here the server was there a moment ago, so that it is waited for."""
    if tried >= _TRIES:
        return None
    if isinstance(error, ApiError) and error.status in _BUSY:
        error = ServerUnreachable(error.message)
    return before_another(error, tried + 1)


def _pieces(file: io.FileIO, offset: int, size: int, progress: Callable[[int, int], None] | None) -> Iterator[bytes]:
    file.seek(offset)
    while offset < size:
        piece = file.read(min(_PIECE, size - offset))
        if not piece:
            raise OSError("the file became shorter while it was sent")
        yield piece
        offset += len(piece)
        if progress:
            progress(offset, size)
