"""Where a page of a list goes on."""

from uuid import UUID

from core.errors import InvalidRequest


def cursor(given: str) -> UUID:
    """The last id of the page before. Raises InvalidRequest."""
    try:
        return UUID(given)
    except ValueError as error:
        fault = {"field": "cursor", "message": "is not a cursor of this list"}
        raise InvalidRequest("cursor: is not a cursor of this list", errors=[fault]) from error
