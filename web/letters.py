"""What speakers are called where an API calls them by letters. Pure."""

from typing import Any


def letters(transcript: dict[str, Any]) -> dict[str, str]:
    """A label -> its name, else `A`, `B` … in order of first speech."""
    return {
        one["label"]: one.get("name") or (chr(65 + number) if number < 26 else one["label"])
        for number, one in enumerate(transcript["speakers"])
    }
