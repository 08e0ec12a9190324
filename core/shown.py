"""What all answers say alike: a moment, and where a page goes on."""

from datetime import UTC, datetime
from uuid import UUID

from core.errors import InvalidRequest


def time_json(moment: datetime | None) -> str | None:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z") if moment else None


def cursor(given: str) -> UUID:
    """The last id of the page before. Raises InvalidRequest."""
    try:
        return UUID(given)
    except ValueError as error:
        fault = {"field": "cursor", "message": "is not a cursor of this list"}
        raise InvalidRequest("cursor: is not a cursor of this list", errors=[fault]) from error
