"""Moments as callers see them: RFC 3339, in UTC, with milliseconds."""

from datetime import UTC, datetime


def time_json(moment: datetime | None) -> str | None:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z") if moment else None
