"""A receiver of webhooks as bad as receivers are: a process of its own, that can be killed and come back on its port.

What it does at a path stands in a file, which it reads at each request; whatever came is written to another one.
"""

import base64
import json
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from standardwebhooks import Webhook
from standardwebhooks.webhooks import WebhookVerificationError

ANSWER, HANG, DRIP, ENDLESS, CLOSE = "answer", "hang", "drip", "endless", "close"
_LONGEST = 60.0
"""Seconds after which it lets go of a sender that holds on: far beyond what any may take."""


@dataclass(frozen=True)
class Manner:
    """`do`: ANSWER with `code` and `headers` after `seconds`; HANG: take the request and say nothing; DRIP: a header
    that never ends; ENDLESS: a body that never does, with `code`; CLOSE: end the connection without a word."""

    do: str = ANSWER
    code: int = 204
    headers: Mapping[str, str] = field(default_factory=dict)
    seconds: float = 0.0


@dataclass(frozen=True)
class Came:
    """A request. `at`: seconds since the epoch when all of it was here. `held`: seconds until the sender was answered,
    or let go; `sent`: bytes of an endless answer. None while it is under way, or where we were killed meanwhile."""

    number: str
    at: float
    method: str
    path: str
    headers: Mapping[str, str]
    """Names in lower case."""
    body: bytes
    code: int | None = None
    held: float | None = None
    sent: int = 0

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]

    @property
    def said(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.body)
        return found

    @property
    def job(self) -> str | None:
        return (self.said["data"].get("job") or {}).get("id")

    @property
    def taken(self) -> bool:
        """We said 2xx; whether the sender heard it is another question."""
        return self.code is not None and 200 <= self.code < 300

    def verified(self, secret: str) -> bool:
        """By the `standardwebhooks` package; within five minutes of having been sent."""
        try:
            Webhook(secret).verify(self.body, dict(self.headers))
        except WebhookVerificationError:
            return False
        return True


@dataclass
class Receiver:
    """`start` and `kill` as often as you like; it is always at `url`. Use `receiving`."""

    folder: Path
    port: int
    process: "subprocess.Popen[bytes] | None" = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """It takes requests when this returns."""
        assert self.process is None
        arguments = [str(self.port), str(self.folder)]
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.fakes.receiver", *arguments],
            stdout=subprocess.PIPE, cwd=Path(__file__).resolve().parents[2],
        )  # fmt: skip
        assert self.process.stdout
        assert self.process.stdout.readline() == b"ready\n", "the receiver did not start"

    def kill(self) -> None:
        """Gone when this returns, with all connections."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            assert self.process.stdout
            self.process.stdout.close()
            self.process = None

    def behave(self, **manners: Manner) -> None:
        """By path, without its slash. Another path is answered 204. Replaces what was said before."""
        unfinished = self.folder / "manners.new"
        unfinished.write_text(json.dumps({f"/{name}": asdict(one) for name, one in manners.items()}))
        unfinished.replace(self.folder / "manners.json")

    def came(self, path: str | None = None) -> list[Came]:
        """In the order in which they did, over all its lives; to `/path` where one is named."""
        found: dict[str, dict[str, Any]] = {}
        journal = self.folder / "journal"
        for line in journal.read_bytes().splitlines() if journal.exists() else []:
            with suppress(json.JSONDecodeError):  # half written, as yet or for ever
                entry = json.loads(line)
                found.setdefault(entry["number"], {}).update(entry)
        every = [Came(**{**entry, "body": base64.b64decode(entry["body"])}) for entry in found.values()]
        return [one for one in every if path is None or one.path == f"/{path}"]


@contextmanager
def receiving(folder: Path) -> Iterator[Receiver]:
    """Started, on a port that stays its own: a later life must find it free."""
    folder.mkdir(exist_ok=True)
    with socket.create_server(("127.0.0.1", 0)) as found:
        port = found.getsockname()[1]
    receiver = Receiver(folder, port)
    receiver.start()
    try:
        yield receiver
    finally:
        receiver.kill()


class _Handler(BaseHTTPRequestHandler):
    server: "_Server"
    timeout = _LONGEST

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        came = time.time()
        path = self.path.partition("?")[0]
        manner = self.server.manner(path)
        number = self.server.note(
            at=came, method=self.command, path=path, body=base64.b64encode(body).decode(),
            headers={name.lower(): value for name, value in self.headers.items()},
        )  # fmt: skip
        self.sent = 0
        with suppress(OSError):  # the sender let go
            getattr(self, f"_{manner.do}")(manner)
        code = manner.code if manner.do in (ANSWER, ENDLESS) else None
        self.server.note(number, code=code, held=time.time() - came, sent=self.sent)
        self.close_connection = True

    do_GET = do_PUT = do_POST  # that nobody should send

    def _answer(self, manner: Manner) -> None:
        if manner.seconds:
            threading.Event().wait(manner.seconds)
        lines = "".join(f"{name}: {value}\r\n" for name, value in manner.headers.items())
        self.wfile.write(f"HTTP/1.1 {manner.code} So\r\n{lines}Content-Length: 0\r\nConnection: close\r\n\r\n".encode())

    def _hang(self, _: Manner) -> None:
        select.select([self.connection], [], [], _LONGEST)  # readable: the sender has closed it

    def _drip(self, _: Manner) -> None:
        self.wfile.write(b"HTTP/1.1 200 OK\r\nX-Slow: ")
        limit = time.monotonic() + _LONGEST
        while time.monotonic() < limit and not select.select([self.connection], [], [], 0.05)[0]:
            self.wfile.write(b"a")

    def _endless(self, manner: Manner) -> None:
        self.wfile.write(f"HTTP/1.1 {manner.code} So\r\nTransfer-Encoding: chunked\r\n\r\n".encode())
        limit = time.monotonic() + _LONGEST
        while time.monotonic() < limit:
            self.wfile.write(b"1000\r\n" + bytes(4096) + b"\r\n")
            self.sent += 4096

    def _close(self, _: Manner) -> None:
        self.connection.shutdown(socket.SHUT_RDWR)

    def log_message(self, format: str, *args: object) -> None:
        """The journal says it."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256

    def __init__(self, port: int, folder: Path) -> None:
        self._folder, self._begun = folder, time.time_ns()
        self._lock, self._numbers = threading.Lock(), 0
        self._journal = (folder / "journal").open("ab")
        self._journal.write(b"\n" if self._journal.tell() and not self._whole() else b"")
        super().__init__(("127.0.0.1", port), _Handler)

    def _whole(self) -> bool:
        return (self._folder / "journal").read_bytes().endswith(b"\n")

    def manner(self, path: str) -> Manner:
        try:
            said = json.loads((self._folder / "manners.json").read_text())
        except FileNotFoundError:
            return Manner()
        return Manner(**said.get(path, {}))

    def note(self, number: str | None = None, **what: Any) -> str:
        with self._lock:
            self._numbers += number is None
            number = number or f"{self._begun}.{self._numbers}"
            self._journal.write(json.dumps({"number": number, **what}).encode() + b"\n")
            self._journal.flush()
        return number


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # whoever started us ends us
    with _Server(int(sys.argv[1]), Path(sys.argv[2])) as server:
        print("ready", flush=True)
        server.serve_forever()
