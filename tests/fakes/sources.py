"""HTTP servers on loopback whose answers a test writes itself, byte by byte, and that count who came."""

import socket
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress

Send = Callable[[bytes], None]
Answer = Callable[[Send, int], None]
"""(send, how often this path was asked before) -> the whole answer was sent; the connection is closed then."""


class Source:
    """`connections`: how many there were. `heads`: of the requests, as they came."""

    def __init__(self, answers: Mapping[str, Answer], host: str = "127.0.0.1", port: int = 0) -> None:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._listener = socket.create_server((host, port), family=family)
        self.host, self.port = host, self._listener.getsockname()[1]
        self.answers = answers
        self.tls: ssl.SSLContext | None = None
        self.connections = 0
        self.heads: list[str] = []
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://{self.host}:{self.port}"

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._listener.close()

    def _listen(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._serve, args=[connection], daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with connection, suppress(OSError):
            secured = self.tls.wrap_socket(connection, server_side=True) if self.tls else connection
            with secured, secured.makefile("rb") as read:
                head = "".join(iter(lambda: read.readline().decode(), "\r\n"))
                path = head.split()[1].partition("?")[0]
                before = sum(one.split()[1].partition("?")[0] == path for one in self.heads)
                self.heads.append(head)
                self.answers.get(path, status(404))(secured.sendall, before)


@contextmanager
def serving(answers: Mapping[str, Answer], host: str = "127.0.0.1", port: int = 0) -> Iterator[Source]:
    source = Source(answers, host, port)
    try:
        yield source
    finally:
        source.close()


def status(code: int, **headers: str) -> Answer:
    lines = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
    return lambda send, _: send(f"HTTP/1.1 {code} So\r\n{lines}Content-Length: 0\r\n\r\n".encode())


def redirect(where: str, code: int = 302) -> Answer:
    return status(code, Location=where)


def whole(content: bytes, **headers: str) -> Answer:
    lines = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
    return lambda send, _: send(f"HTTP/1.1 200 OK\r\n{lines}Content-Length: {len(content)}\r\n\r\n".encode() + content)


def claiming(length: int, content: bytes) -> Answer:
    """Says that so much comes, and sends this."""
    return lambda send, _: send(f"HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n".encode() + content)


def endless(send: Send, _: int) -> None:
    send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    while True:
        send(b"1000\r\n" + bytes(4096) + b"\r\n")


def dripping(send: Send, _: int) -> None:
    """A header that never ends, a few bytes at a time."""
    send(b"HTTP/1.1 200 OK\r\nX-Slow: ")
    pause = threading.Event()
    while not pause.wait(0.02):
        send(b"a")


def silent(until: threading.Event) -> Answer:
    def wait(_send: Send, _: int) -> None:
        until.wait(60)

    return wait


def in_turn(*answers: Answer) -> Answer:
    """The first time the first, then the next, at last always the last."""
    return lambda send, before: answers[min(before, len(answers) - 1)](send, before)
