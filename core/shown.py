"""Where a page of a list goes on."""

from uuid import UUID

from core.errors import fault


def cursor(given: str) -> UUID:
    """The last id of the page before. Raises InvalidRequest."""
    try:
        return UUID(given)
    except ValueError as error:
        raise fault("cursor", "is not a cursor of this list") from error
