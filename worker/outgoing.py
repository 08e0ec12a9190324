"""Requests to servers that a caller named, by the rules of `core.outgoing`. The only file that knows httpcore2.

A name is asked for its addresses once, every answer is checked, and the connection goes to one that was: a resolver
that says something else a moment later is not asked again. The name stays in the Host header, in SNI, and in the
certificate's check. A redirect begins anew with all of it. No proxy from the environment, no cookie, no credential.
"""

import logging
import socket
import ssl
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from ipaddress import ip_address
from typing import Any
from urllib.parse import urljoin

import httpcore2

from core.errors import SourceForbidden, SourceRefused, SourceUnreachable
from core.outgoing import Address, Rules, Target

# At DEBUG it logs headers, and so the secrets in a redirect's address.
logging.getLogger("httpcore2").setLevel(logging.INFO)

CONNECT = 10.0
"""Seconds for a connection, and again for its TLS handshake."""
MOST_ADDRESSES = 4
"""Of a name, that are tried."""
_SLICE = 1.0
"""Seconds of waiting after which it is looked whether anybody still wants the answer."""
_WRITE = 2**14
_REDIRECTS = (301, 302, 303, 307, 308)

Resolve = Callable[[str, int], Sequence[Address]]


def resolved(host: str, port: int) -> list[Address]:
    """What the system's resolver says. Raises OSError."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(ip_address(str(where[0])) for *_, where in found))


@dataclass(frozen=True)
class Limits:
    """Seconds for the whole, and without a byte; and how many redirects are followed."""

    seconds: float
    stall: float
    redirects: int = 0


@dataclass(frozen=True)
class Answer:
    """`body` comes piece by piece, as it is on the line; who reads it bounds it. Header names are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: Iterator[bytes]


@dataclass(frozen=True)
class Outgoing:
    """`resolve`: a name's addresses. `tls`: whose certificates are trusted."""

    rules: Rules
    resolve: Resolve = resolved
    tls: ssl.SSLContext = field(default_factory=httpcore2.default_ssl_context)

    @contextmanager
    def open(
        self,
        url: str,
        limits: Limits,
        *,
        method: str = "GET",
        headers: Mapping[str, str] | None = None,
        content: bytes | None = None,
        check: Callable[[], None] = lambda: None,
    ) -> Iterator[Answer]:
        """The answer, after redirects, while the block lasts. `check` is asked every second, and ends it by raising.

        Raises SourceForbidden, SourceUnreachable, SourceRefused `source_too_slow`; also from the body.
        """
        wait = _Wait(time.monotonic() + limits.seconds, limits, check)
        target = self.rules.read(url)
        for left in reversed(range(limits.redirects + 1)):
            with self._asked(target, wait, method, headers or {}, content) as answer:
                onward = answer.headers.get("location") if answer.status in _REDIRECTS else None
                if onward is None or not limits.redirects:
                    yield answer
                    return
            if not left:
                raise SourceRefused(f"the source redirects more than {limits.redirects} times")
            target = self._next(target, onward)

    def _next(self, target: Target, onward: str) -> Target:
        try:
            found = self.rules.read(urljoin(target.url, onward))
        except ValueError as error:
            raise SourceForbidden("the source redirects to something that is no URL") from error
        except SourceForbidden as error:
            raise SourceForbidden(f"the source redirects to where this server may not go: {error.message}") from error
        if target.scheme == "https" and found.scheme == "http":
            raise SourceForbidden("the source redirects from https to http, where others could read along")
        return found

    @contextmanager
    def _asked(
        self, target: Target, wait: "_Wait", method: str, headers: Mapping[str, str], content: bytes | None
    ) -> Iterator[Answer]:
        scheme, host = target.scheme.encode(), target.host.encode()
        url = httpcore2.URL(scheme=scheme, host=host, port=target.port, target=target.path.encode())
        sent = {"Host": target.authority, "Accept": "*/*", "Accept-Encoding": "identity", **headers}
        backend = _Guarded(self, target, wait)
        with httpcore2.HTTPConnection(url.origin, ssl_context=self.tls, network_backend=backend) as connection:
            length = {} if content is None else {"Content-Length": str(len(content))}
            fields = {**sent, **length, "User-Agent": "scriptorium", "Connection": "close"}
            request = httpcore2.Request(method, url, headers=[*fields.items()], content=content)
            with _named():
                response = connection.handle_request(request)
            try:
                found = {name.decode("latin-1").lower(): _text(value) for name, value in response.headers}
                yield Answer(response.status, found, _body(response))
            finally:
                response.close()


def _text(value: bytes) -> str:
    """Servers send addresses in UTF-8, though a header may not hold it."""
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value.decode("latin-1")


def _body(response: httpcore2.Response) -> Iterator[bytes]:
    with _named():
        yield from response.iter_stream()


@contextmanager
def _named() -> Iterator[None]:
    """The library's errors as ours; what they say may hold a URL."""
    try:
        yield
    except httpcore2.TimeoutException as error:
        raise SourceUnreachable("the source's server does not answer, or stopped in the middle") from error
    except httpcore2.NetworkError as error:
        raise SourceUnreachable(f"the source's server cannot be reached{_why(error)}") from error
    except httpcore2.ProtocolError as error:
        raise SourceUnreachable("the source's server broke off, or does not speak HTTP as it should") from error


def _why(error: Exception) -> str:
    if isinstance(error.__cause__ or error.__context__, ssl.SSLCertVerificationError):
        return ": its certificate is not valid for this name, or from an authority that is not trusted"
    return ", or the connection was lost"


@dataclass(frozen=True)
class _Wait:
    """Until when, and who is asked in between."""

    until: float
    limits: Limits
    check: Callable[[], None]

    def at_most(self, seconds: float) -> float:
        """So long a wait may be now. Raises when the whole took too long."""
        self.check()
        left = self.until - time.monotonic()
        if left <= 0:
            said = f"the source took longer than {self.limits.seconds:g} s, this server's limit"
            raise SourceRefused(said, code="source_too_slow")
        return min(seconds, left)


@dataclass(frozen=True)
class _Guarded(httpcore2.NetworkBackend):
    """Connects to the one target that it is made for, at an address that was checked."""

    outgoing: Outgoing
    target: Target
    wait: _Wait
    sockets: httpcore2.SyncBackend = field(default_factory=httpcore2.SyncBackend)

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore2.NetworkStream:
        failed: Exception = httpcore2.ConnectError("no address")
        for address in self.addresses[:MOST_ADDRESSES]:
            try:
                found = self.sockets.connect_tcp(str(address), self.target.port, self.wait.at_most(CONNECT))
                return _Watched(found, self.wait)
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout) as error:
                failed = error
        raise failed

    @cached_property
    def addresses(self) -> Sequence[Address]:
        """All allowed, or none: a name that leads to both sides of a wall is up to something."""
        if self.target.address is not None:
            return [self.target.address]
        try:
            found = self.outgoing.resolve(self.target.host, self.target.port)
        except OSError as error:
            raise SourceUnreachable("the source's name cannot be found") from error
        for address in found:
            self.outgoing.rules.check(self.target, address)
        return found


@dataclass(frozen=True)
class _Watched(httpcore2.NetworkStream):
    """A connection whose every wait ends with the whole, and is short where nobody waits any more."""

    stream: httpcore2.NetworkStream
    wait: _Wait

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        stalled = time.monotonic() + self.wait.limits.stall
        while True:
            try:
                return self.stream.read(max_bytes, self.wait.at_most(_SLICE))
            except httpcore2.ReadTimeout:
                if time.monotonic() > stalled:
                    raise

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        for start in range(0, len(buffer), _WRITE):
            self.stream.write(buffer[start : start + _WRITE], self.wait.at_most(self.wait.limits.stall))

    def close(self) -> None:
        self.stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore2.NetworkStream:
        return _Watched(self.stream.start_tls(ssl_context, server_hostname, self.wait.at_most(CONNECT)), self.wait)

    def get_extra_info(self, info: str) -> Any:
        return self.stream.get_extra_info(info)
