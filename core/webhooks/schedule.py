"""When a delivery is tried again. Pure."""

import random
from collections.abc import Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

DELAYS = (0.0, 5.0, 300.0, 1800.0, 7200.0, 18000.0, 36000.0, 50400.0, 72000.0, 86400.0)
"""Seconds before each try, from the one before: ten over 75 hours, as Standard Webhooks has them in its example."""
JITTER = 0.1
"""Of a delay, at most, more or less: receivers that come back are not met by all at once."""
LONGEST_RETRY_AFTER = 86_400.0
"""Seconds: a receiver may put off a try for a day, and no longer."""


def delay(delays: Sequence[float], tries: int, retry_after: float | None = None, chance: float | None = None) -> float:
    """Seconds until the next try, after `tries` of them. `chance`: from 0 to 1. The caller knows that one is left."""
    spread = 1 + JITTER * (2 * (random.random() if chance is None else chance) - 1)
    return max(delays[tries] * spread, retry_after or 0.0)


def retry_after(header: str | None, now: datetime) -> float | None:
    """Of the header of that name (RFC 9110, 10.2.3), in seconds; None where it says nothing that can be understood."""
    text = (header or "").strip()
    if text.isascii() and text.isdecimal():
        return min(float(text[:10]), LONGEST_RETRY_AFTER)
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return min(max(0.0, (moment - now).total_seconds()), LONGEST_RETRY_AFTER)
