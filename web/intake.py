"""The bytes of a body's recordings on their way into storage: counted, hashed, and the disk watched."""

from core import jobs
from core.blobs import Incoming
from core.context import Context
from web.digests import Check

_LOOK = 2**26
"""Bytes after which the disk is looked at again: others write to it too, and a body may come without its length."""


class Intake:
    """Of one body. `left`: what its recordings may still hold, in bytes."""

    def __init__(self, context: Context) -> None:
        self._context, self._looked, self.received = context, 0, 0

    @property
    def left(self) -> int:
        return self._context.settings.max_upload_bytes - self.received

    def write(self, incoming: Incoming, check: Check, data: bytes) -> None:
        check.update(data)
        incoming.write(data)
        self.received += len(data)
        if self.received - self._looked > _LOOK:
            self._looked = self.received
            jobs.check_storage(self._context)  # a body of unknown length, or several at once
