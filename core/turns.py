"""How many child processes the requests of one server may have at once."""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import BoundedSemaphore

from core.errors import Unavailable

RETRY_AFTER = 10


@contextmanager
def turn(slots: BoundedSemaphore, patience: float, doing: str) -> Iterator[None]:
    """Waits at most `patience` seconds for one of the slots. Raises Unavailable."""
    if not slots.acquire(timeout=patience):
        message = f"this server is {doing} for as many callers as it can at once; try again later"
        raise Unavailable(message, code="busy", retry_after=RETRY_AFTER)
    try:
        yield
    finally:
        slots.release()
