"""Whether storage takes more."""

from core.context import Context
from core.errors import Unavailable


def check_storage(context: Context, coming: int = 0) -> None:
    """Raises Unavailable when the disk is nearly full, or would be after `coming` bytes."""
    free, total = context.blobs.room()
    if free - coming < max(context.settings.min_free_bytes, context.settings.min_free_share * total):
        raise Unavailable("the server's storage is nearly full; try again later", code="storage_full")
