"""The server's own socket: bound before anything starts, so that a taken port is known at once."""

import ipaddress
import socket
import time

_RETRY_SECONDS = 2.0
"""A server that was just killed may hold its port a moment longer."""


class PortTaken(Exception):
    """The address cannot be listened on."""


def listen(host: str, port: int) -> socket.socket:
    """Port 0 takes a free one. Raises PortTaken."""
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
    except socket.gaierror as error:
        raise PortTaken(f"cannot listen on {host}: {error.strerror}") from error
    limit = time.monotonic() + _RETRY_SECONDS
    while True:
        try:
            return _bound(family, address)
        except OSError as error:
            if time.monotonic() > limit:
                raise PortTaken(
                    f"cannot listen on {host} port {port} ({error.strerror}); choose another --port"
                ) from error
            time.sleep(0.1)


def _bound(family: int, address: tuple[object, ...]) -> socket.socket:
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(1024)
    except OSError:
        listener.close()
        raise
    return listener


def shown_url(host: str, listener: socket.socket) -> str:
    """With the host as it was asked for and the port that was given."""
    bracketed = f"[{host}]" if ":" in host else host
    return f"http://{bracketed}:{listener.getsockname()[1]}"


def url_from_here(listener: socket.socket) -> str:
    """One that this machine can connect to, also when the server listens everywhere."""
    address = ipaddress.ip_address(listener.getsockname()[0])
    if not address.is_unspecified:
        return shown_url(str(address), listener)
    return shown_url("127.0.0.1" if address.version == 4 else "::1", listener)
