"""Rings on their way: diverted in the proxy into lists of the suite's own, which then loses, triples or shuffles them.

kombu rings with `LPUSH scriptorium:<queue> <message>` (kombu/transport/redis.py, `_put`). The other prefix has as many
bytes, so that the request stays whole.
"""

import random
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import cast

import redis

from tests.faults.proxy import Proxy

_PREFIX, _DIVERTED = b"scriptorium:", b"diverted---:"
_RING = re.compile(rb"(\r\nLPUSH\r\n\$\d+\r\n)" + _PREFIX)
_TURN = 0.05

Letters = list[tuple[bytes, bytes]]
"""Each with the key of its queue."""

Treatment = Callable[[Letters], Letters]


def divert(data: bytes) -> bytes:
    return _RING.sub(rb"\1" + _DIVERTED, data)


class Postbox:
    """Within `lost`, `tripled` and `shuffled` no ring goes straight to its queue. `counted`: rings so far."""

    def __init__(self, server: redis.Redis, proxy: Proxy) -> None:
        self._redis, self._proxy = server, proxy
        self.counted = 0

    @contextmanager
    def lost(self) -> Iterator[None]:
        with self._carried(lambda letters: []):
            yield

    @contextmanager
    def tripled(self) -> Iterator[None]:
        with self._carried(lambda letters: letters * 3):
            yield

    @contextmanager
    def shuffled(self, chance: random.Random) -> Iterator[None]:
        """In random order, each held back for up to a second."""

        def some(letters: Letters) -> Letters:
            kept.extend(letters)
            chance.shuffle(kept)
            out = [kept.pop() for _ in range(len(kept)) if chance.random() < 2 * _TURN]
            return out

        kept: Letters = []
        with self._carried(some):
            yield
        for key, letter in kept:
            self._redis.lpush(key, letter)

    @contextmanager
    def _carried(self, treat: Treatment) -> Iterator[None]:
        stop = threading.Event()
        thread = threading.Thread(target=self._carry, args=(treat, stop), name="postbox")
        self._proxy.edit = divert
        thread.start()
        try:
            yield
        finally:
            self._proxy.edit = None
            stop.set()
            thread.join()

    def _carry(self, treat: Treatment, stop: threading.Event) -> None:
        last = False
        while not last:
            last = stop.wait(_TURN)
            letters = self._taken()
            self.counted += len(letters)
            for key, letter in treat(letters):
                self._redis.lpush(key, letter)

    def _taken(self) -> Letters:
        """Of every diverted list, all that it holds: where it should have gone, and what it says."""
        found = []
        for key in cast(list[bytes], self._redis.keys(_DIVERTED + b"*")):
            while (letter := cast(bytes | None, self._redis.rpop(key.decode()))) is not None:
                found.append((key.replace(_DIVERTED, _PREFIX), letter))
        return found
