"""How a request's body arrives: invited when it is wanted, and not awaited for ever."""

import select
import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from flask import request
from gunicorn.http.errors import ParseException
from werkzeug.exceptions import BadRequest, RequestTimeout

from web.scope import context


def attend() -> None:
    """Before each request: its body is read through Arriving. Without gunicorn's socket, as in tests, as it comes."""
    connection = request.environ.get("gunicorn.socket")
    if connection is not None:
        asks = request.headers.get("Expect", "").lower() == "100-continue"
        invited = not asks or request.environ["SERVER_PROTOCOL"] == "HTTP/1.0"
        body = request.environ["wsgi.input"]
        limits = context().settings.upload_stall, context().settings.upload_limit
        request.environ["wsgi.input"] = Arriving(body, connection, *limits, invited)


def departure() -> Callable[[float], bool]:
    """Waits so many seconds, or until the caller closes the connection, and tells whether he did; also after the
    request's context has ended. Somebody who streams would else learn it from his second write into it, which may be
    long in coming. A caller who closes one direction alone counts as gone: no client of HTTP does that."""
    connection = request.environ.get("gunicorn.socket")
    if connection is None:
        return stays
    closed = select.poll()
    closed.register(connection, getattr(select, "POLLRDHUP", 0))  # POLLHUP and POLLERR are told anyway
    return lambda seconds: bool(closed.poll(1000 * seconds))


def stays(seconds: float) -> bool:
    time.sleep(seconds)
    return False


def dismiss(_error: BaseException | None) -> None:
    """After each request."""
    body = request.environ["wsgi.input"]
    if isinstance(body, Arriving):
        body.dismiss()


class Arriving:
    """A `wsgi.input`. A caller who waits for `100 Continue` gets it at the first read, so that a refusal costs nobody
    the body (RFC 9110, 10.1.1). Raises RequestTimeout when no byte comes for `stall` seconds, or the whole takes longer
    than `limit`: then the thread is free for another request, however long the caller stays."""

    def __init__(self, body: Any, connection: socket.socket, stall: float, limit: float, invited: bool) -> None:
        self._body, self._socket, self._stall, self._limit, self._invited = body, connection, stall, limit, invited
        self._watch = threading.Timer(limit, self._expire)
        self._watch.daemon = True
        self._expired = False

    def read(self, size: int = -1) -> bytes:
        if self._watch.ident is None:
            self._watch.start()
        self._socket.settimeout(self._stall)
        try:
            if not self._invited:
                self._invited = True
                self._socket.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
            data: bytes = self._body.read(size)
            if self._expired:
                raise RequestTimeout(f"the request took longer than {self._limit:g} s; send it by a faster line")
            return data
        except TimeoutError as error:
            # Nothing more is read here: else gunicorn, before it closes, holds all up while it waits for the rest.
            self._socket.shutdown(socket.SHUT_RD)
            # No OSError: werkzeug would take it for a caller who went away.
            raise RequestTimeout(f"no byte of the request came for {self._stall:g} s; send it again") from error
        except ParseException as error:
            self._socket.shutdown(socket.SHUT_RD)  # what follows cannot be told from a next request
            raise BadRequest("the body's chunks are damaged; send it again") from error
        finally:
            self._socket.settimeout(None)

    def dismiss(self) -> None:
        self._watch.cancel()

    def _expire(self) -> None:
        """gunicorn reads on until it has all that was asked for, which a caller who drips never sends: the end of the
        stream gets it out."""
        self._expired = True
        with suppress(OSError):  # the caller went away at this very moment
            self._socket.shutdown(socket.SHUT_RD)
