"""A caller of tus whose connections break in the middle of a request, where the test wants it."""

import json
import socket
import struct
import time
from collections.abc import Callable, Iterator
from http.client import HTTPConnection, HTTPException, HTTPResponse
from typing import Any
from urllib.parse import urlsplit

_PATIENCE = 120.0
"""Seconds in which a server must come back, or leave hold of an upload."""
_PAUSE = 0.05
_PIECE = 2**18
_TYPE = "application/offset+octet-stream"

Read = Callable[[int, int], bytes]
"""(offset, most bytes) -> the recording's bytes."""


class CutLines:
    def __init__(self, url: str, key: str) -> None:
        parts = urlsplit(url)
        self._address = parts.hostname or "", parts.port or 80
        self._headers = {"Host": parts.netloc, "Authorization": f"Bearer {key}", "Tus-Resumable": "1.0.0"}

    def begin(self, length: int) -> str:
        """The upload's path."""
        headers = {"Upload-Length": str(length), "Upload-Metadata": "filename bG9uZy53YXY="}
        answer, _ = self._asked("POST", "/v1/uploads", headers)
        assert answer.status == 201, answer.status
        return answer.headers["Location"]

    def offset(self, where: str) -> int:
        """How many bytes are safe. A server that is away is asked again."""
        return int(self._awaited("HEAD", where)[0].headers["Upload-Offset"])

    def shown(self, path: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self._awaited("GET", path)[1])
        return found

    def send(
        self,
        where: str,
        offset: int,
        length: int,
        read: Read,
        cut_at: int | None,
        *,
        reset: bool = False,
    ) -> bool:
        """Announces all that is missing, and hangs up before the byte `cut_at`: with a reset, or as if done. False
        where the server did not want the bytes now. Raises OSError where it goes away itself."""
        with socket.create_connection(self._address, timeout=_PATIENCE) as line:
            said = {
                **self._headers, "Content-Type": _TYPE, "Content-Length": str(length - offset),
                "Upload-Offset": str(offset), "Expect": "100-continue",
            }  # fmt: skip
            head = "".join(f"{name}: {value}\r\n" for name, value in said.items())
            line.sendall(f"PATCH {where} HTTP/1.1\r\n{head}\r\n".encode())
            with line.makefile("rb") as answers:
                if b" 100 " not in answers.readline():
                    return False
                answers.readline()
                for piece in _pieces(read, offset, length if cut_at is None else cut_at):
                    line.sendall(piece)
                if cut_at is None:
                    return answers.readline().split()[1] == b"204"
                if reset:
                    line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        return True

    def _awaited(self, method: str, path: str) -> tuple[HTTPResponse, bytes]:
        end = time.monotonic() + _PATIENCE
        while True:
            try:
                answer, body = self._asked(method, path, {})
                if answer.status == 200:
                    return answer, body
                assert answer.status >= 500, answer.status
            except (OSError, HTTPException):  # it starts anew
                pass
            assert time.monotonic() < end, "the server did not come back"
            time.sleep(_PAUSE)

    def _asked(self, method: str, path: str, headers: dict[str, str]) -> tuple[HTTPResponse, bytes]:
        connection = HTTPConnection(*self._address, timeout=_PATIENCE)
        try:
            connection.request(method, path, headers={**self._headers, **headers})
            answer = connection.getresponse()
            return answer, answer.read()
        finally:
            connection.close()


def _pieces(read: Read, start: int, stop: int) -> Iterator[bytes]:
    while start < stop:
        piece = read(start, min(_PIECE, stop - start))
        start += len(piece)
        yield piece
