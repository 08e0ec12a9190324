"""Callers of a benchmark: each a tenant of its own, with a key and a connection."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager

from benchmarks.ledger import Ledger
from benchmarks.server import Server
from core import keys
from scriptorium import Client


@contextmanager
def tenants(server: Server, books: Ledger, names: Sequence[str]) -> Iterator[dict[str, Client]]:
    """Not to be used from two threads at once."""
    with ExitStack() as opened:
        made: dict[str, Client] = {}
        for name in names:
            key = keys.mint()
            keys.ensure(books.context, key, name)
            made[name] = opened.enter_context(Client(server.running.url, key))
        yield made
