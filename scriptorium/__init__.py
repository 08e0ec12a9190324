"""Recordings in, transcripts out. `Client` talks to a server; `scriptorium up` starts one."""

from scriptorium.client import ApiError, Client, Event, ServerUnreachable

__all__ = ["ApiError", "Client", "Event", "ServerUnreachable"]
