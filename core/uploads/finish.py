"""An upload whose last byte is there becomes a recording. A process may die at any line: the upload's own file stays
until its row says what became of it, and the recording is kept under a key, so that whoever does it again finds it."""

import time
from uuid import UUID

from core import recordings
from core.context import Context
from core.errors import Gone, InputError
from core.growing import Whole
from core.uploads import rows
from core.uploads.rows import LEASE, Claim

LOOK_LEASE = 90.0
"""Seconds, for the look into the recording and its turn to be looked into: nobody else shall begin the same."""


def finish(context: Context, claimed: Claim) -> None:
    """Raises Unavailable, BlobMissing. What the recording itself is refused for stands in the row."""
    growing = context.blobs.growing
    whole = Whole(growing, claimed.key, claimed.bytes, _sha256(context, claimed))
    rows.stored(context, claimed, claimed.bytes, LOOK_LEASE)
    try:
        # A caller's key holds no blank.
        kept = recordings.keep_once(context, claimed.tenant, whole, claimed.filename, f"upload {claimed.id}")
    except (InputError, Gone) as error:
        rows.finished(context, claimed, error={"code": error.code, "message": error.message})
    else:
        rows.finished(context, claimed, recording_id=UUID(kept.recording["id"]))
    growing.delete(claimed.key)


def _sha256(context: Context, claimed: Claim) -> str:
    """Known where this process received all of it; else its bytes are read once more."""
    growing = context.blobs.growing
    with growing.held(claimed.key):
        pass  # whoever was overtaken in the middle of a write has ended it now
    hashed = growing.hash_of(claimed.key, claimed.bytes)
    renewed = time.monotonic()

    def read() -> None:
        nonlocal renewed
        if time.monotonic() - renewed > LEASE / 5:
            rows.stored(context, claimed, claimed.bytes)
            renewed = time.monotonic()

    return str((hashed or growing.read_hash(claimed.key, claimed.bytes, read)).hexdigest())
