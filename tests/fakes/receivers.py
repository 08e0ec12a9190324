"""A receiver of webhooks on loopback, whose answers a test chooses, and that keeps what came."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from standardwebhooks import Webhook


@dataclass(frozen=True)
class Received:
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]

    def verified(self, secret: str) -> Any:
        """The body, parsed; raises where no signature of it is of this secret."""
        return Webhook(secret).verify(self.body, self.headers)


Answer = Callable[[Received, int], tuple[int, dict[str, str], bytes]]
"""(what came, how many came before it) -> status, headers, body; may wait."""


@dataclass
class Inbox:
    answer: Answer = lambda _one, _before: (204, {}, b"")
    received: list[Received] = field(default_factory=list)
    url: str = ""
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def take(self, one: Received) -> tuple[int, dict[str, str], bytes]:
        with self._lock:
            before = len(self.received)
            self.received.append(one)
        return self.answer(one, before)

    @property
    def ids(self) -> list[str]:
        return [one.id for one in self.received]


def always(status: int, body: bytes = b"", **headers: str) -> Answer:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda _one, _before: (status, named, body)


def in_turn(*statuses: int) -> Answer:
    """The first time the first, then the next, at last always the last."""
    return lambda _one, before: (statuses[min(before, len(statuses) - 1)], {}, b"")


@contextmanager
def receiving() -> Iterator[Inbox]:
    inbox = Inbox()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            headers = {name.lower(): value for name, value in self.headers.items()}
            status, said, content = inbox.take(Received(self.path, headers, body))
            with suppress(OSError):  # who sent it waits no longer
                self.send_response(status)
                for name, value in {**said, "Content-Length": str(len(content))}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(content)

        def log_message(self, *_: Any) -> None:
            """Tests are quiet."""

    class Server(ThreadingHTTPServer):
        request_queue_size = 128  # of five, the sixth who comes at once waits a second until it knocks again

    server = Server(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    inbox.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield inbox
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
