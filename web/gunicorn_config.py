"""gunicorn's settings: `python -m gunicorn -c python:web.gunicorn_config`. The address is given on the command line."""

import socket
import struct
from typing import Any

from core.settings import settings

wsgi_app = "web.app:create_app()"
worker_class = "gthread"
workers = 1
"""Which requests may wait is counted in one process; more threads, or more machines, carry more."""
threads = settings().web_threads
keepalive = 15
graceful_timeout = 10
"""Seconds that running requests get at a stop. A caller that waits for a job asks again."""
control_socket_disable = True
"""It would lie in the home folder, which may be read-only or shared."""
limit_request_line = 8190
"""Bytes. A list may be asked for by ten of the callers' own keys."""
accesslog = None
"""Requests are not logged: a query may hold what is private."""
errorlog = "-"
loglevel = settings().log_level.lower()


def when_ready(server: Any) -> None:
    """A caller who falls silent in the middle of a request's head, or does not take the answer, must not hold a thread
    for ever. gunicorn waits without a limit; Linux hands these two limits on to the connections of a listener."""
    stall = settings().upload_stall
    limit = struct.pack("ll", int(stall), int(stall % 1 * 1e6))
    for listener in server.LISTENERS:
        for option in (socket.SO_RCVTIMEO, socket.SO_SNDTIMEO):
            listener.sock.setsockopt(socket.SOL_SOCKET, option, limit)


def worker_exit(_server: Any, worker: Any) -> None:
    """Also called by the parent, for a worker that never lived: that has no application."""
    if worker.wsgi is not None:
        worker.wsgi.extensions["scriptorium"].trail.close()


def pre_request(_worker: Any, request: Any) -> None:
    """gunicorn would invite every body before the application saw a header: `web.arrival` does it, where the body is
    wanted. Afterwards the connection is closed, so that nobody has to guess whether an uninvited body follows."""
    if request._expected_100_continue:
        request._expected_100_continue = False
        request.force_close()
