"""Bytes of an upload, as they come."""

import time
from collections.abc import Callable, Iterable
from uuid import UUID

from core.context import Context
from core.errors import ScriptoriumError, TooLarge
from core.keys import Tenant
from core.storage import check_storage
from core.uploads import rows
from core.uploads.finish import finish
from core.uploads.rows import Claim, State

PIECE = 2**19
"""Bytes written at once, with one look at whose turn it is."""
STORED = 2**24
"""Bytes after which they are flushed and count as arrived, where a second did not pass before."""
OFTEN = 1.0
"""Seconds; a slow line loses no more than this when the process is killed, and keeps its lease."""
LOOK = 2**26
"""Bytes after which the disk is looked at again."""


def receive(
    context: Context,
    tenant: Tenant,
    upload_id: UUID,
    offset: int,
    pieces: Iterable[bytes],
    *,
    coming: int = 0,
    settle: Callable[[], None] | None = None,
) -> State:
    """Stores the pieces from `offset` on, and makes a recording of the upload with its last byte. `coming`: how many
    bytes are announced, where that is known. Whatever `pieces` raises, the bytes before it are kept. With `settle`,
    which is called after the last and raises what it does not like, all of them count or none.

    Raises NotFound, Gone, OffsetMismatch, UploadBusy, TooLarge, Unavailable.
    """
    claimed = rows.claim(context, tenant, upload_id, offset)
    if claimed is None:
        _refuse_surplus(0, coming)
        return rows.look(context, tenant, upload_id)
    with rows.held(context, claimed):
        _refuse_surplus(claimed.bytes - offset, coming)
        check_storage(context, coming)
        if _taken(Writer(context, claimed, whole=settle is not None), pieces, settle) == claimed.bytes:
            finish(context, claimed)
    return rows.look(context, tenant, upload_id)


def _refuse_surplus(room: int, coming: int) -> None:
    if coming > room:
        raise TooLarge(f"the upload has room for {room} more bytes, and {coming} come", code="past_upload_length")


def _taken(writer: "Writer", pieces: Iterable[bytes], settle: Callable[[], None] | None) -> int:
    """The offset afterwards."""
    keep = settle is None
    try:
        for piece in pieces:
            writer.write(piece)
        if settle is not None:
            settle()
            keep = True
    except ScriptoriumError:
        keep = False  # storage or the row refuse more, or the bytes are not what they should be
        raise
    finally:
        if keep:
            writer.store()
    return writer.offset


class Writer:
    """`offset`: so many bytes are acknowledged. `whole`: none are before `store` is called."""

    def __init__(self, context: Context, claimed: Claim, *, whole: bool) -> None:
        self._context, self._claim, self._whole = context, claimed, whole
        self._growing = context.blobs.growing
        self.offset = self._written = self._looked = claimed.offset
        self._buffer = bytearray()
        self._hash = self._growing.hash_of(claimed.key, claimed.offset)
        self._renewed = time.monotonic()

    def write(self, data: bytes) -> None:
        """Raises TooLarge, UploadBusy, Unavailable."""
        self._buffer += data
        left = self._claim.bytes - self._written - len(self._buffer)
        if left < 0:
            raise TooLarge(f"the body goes on after the upload's {self._claim.bytes} bytes", code="past_upload_length")
        late = time.monotonic() - self._renewed > OFTEN
        if late or len(self._buffer) >= PIECE:
            self._write()
        # Not with the last byte: only the end of the body says that none follows.
        if left and not self._whole and (late or self._written - self.offset >= STORED):
            self.store()
        elif late:
            self._renew(self.offset)

    def store(self) -> None:
        """Everything, to the disk, and then to the row. Raises UploadBusy, Unavailable."""
        self._write()
        if self._written > self.offset:
            with self._growing.held(self._claim.key) as file:
                file.flush()
            self._renew(self._written)
            self.offset = self._written
            if self._hash is not None:
                self._growing.remember(self._claim.key, self.offset, self._hash)

    def _write(self) -> None:
        if not self._buffer:
            return
        data, self._buffer = self._buffer, bytearray()
        with self._growing.held(self._claim.key) as file:
            # Under the file's lock: whoever overtakes us from here on waits until these bytes are written.
            rows.check(self._context, self._claim)
            file.write(self._written, data)
        self._written += len(data)
        if self._hash is not None:
            self._hash.update(data)
        if self._written - self._looked > LOOK:
            self._looked = self._written
            check_storage(self._context)  # others write to it too

    def _renew(self, offset: int) -> None:
        rows.stored(self._context, self._claim, offset)
        self._renewed = time.monotonic()
