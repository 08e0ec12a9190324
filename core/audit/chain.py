"""What binds the entries. Pure.

An entry's SHA-256 is over the one before it and its own bytes; a batch's is over its last entry's and the batch's own
row. The next batch begins with that, so one hash stands for all that came before it.
"""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from core.audit.entries import canonical, json_bytes, moment


@dataclass(frozen=True)
class Head:
    """Where a chain stands: after so many batches, at this entry."""

    batch: int = 0
    position: int = 0
    sha256: bytes = bytes(32)


class Broken(Exception):
    """The chain does not hold; `position` is the first that is wrong."""

    def __init__(self, position: int, why: str) -> None:
        super().__init__(f"entry {position} {why}")
        self.position = position


class Batch(Protocol):
    @property
    def number(self) -> int: ...
    @property
    def first(self) -> int: ...
    @property
    def last(self) -> int: ...
    @property
    def chained_at(self) -> datetime: ...
    @property
    def sha256(self) -> bytes: ...


def linked(before: bytes, row: Any, position: int) -> bytes:
    return hashlib.sha256(before + canonical(row, position)).digest()


def sealed(last: bytes, number: int, first: int, end: int, chained_at: datetime) -> bytes:
    """Of a batch from `first` to `end`; `last`: its last entry's."""
    row = {"batch": number, "first": first, "last": end, "chained_at": moment(chained_at)}
    return hashlib.sha256(last + json_bytes(row)).digest()


def followed(
    start: Head,
    batches: Iterable[Batch],
    entries: Iterable[Any],
    expected: Mapping[int, bytes],
) -> Head:
    """The chain's head. Batches and entries come in order; memory is flat. `expected`: positions that end a batch ->
    the seal that was noted elsewhere. Raises Broken."""
    head, left = start, iter(entries)
    for batch in batches:
        if batch.number != head.batch + 1 or batch.first != head.position + 1:
            raise Broken(head.position + 1, "has lost its batch, or the batch was altered")
        head = _through(head, batch, left)
        if expected.get(head.position, head.sha256) != head.sha256:
            raise Broken(head.position, "is not the head that was expected, or something before it is not")
    extra = next(left, None)
    if extra is not None:
        raise Broken(extra.position, "belongs to no batch; the batch was removed, or the entry put in")
    return head


def _through(head: Head, batch: Batch, left: Any) -> Head:
    digest = head.sha256
    for position in range(batch.first, batch.last + 1):
        row = next(left, None)
        if row is None or row.position > position:
            raise Broken(position, "is missing")
        if row.position < position:
            raise Broken(row.position, "does not belong there")
        digest = linked(digest, row, position)
        if digest != row.sha256 or row.batch != batch.number:
            raise Broken(position, "is not what was chained")
    seal = sealed(digest, batch.number, batch.first, batch.last, batch.chained_at)
    if seal != batch.sha256:
        raise Broken(batch.first, f"or one after it, up to {batch.last}, was altered together with its hash")
    return Head(batch.number, batch.last, seal)
