"""Ports for servers that only this machine reaches."""

import random
import socket

_RANGE = range(20000, 32000)
"""Below what systems give to outgoing connections: a restarted server must find its port free again."""


def free_port(host: str = "127.0.0.1") -> int:
    """Raises OSError after many busy ports."""
    for port in random.sample(_RANGE, 50):
        with socket.socket() as tried:
            try:
                tried.bind((host, port))
            except OSError:
                continue
            return port
    raise OSError(f"found no free port on {host}")
