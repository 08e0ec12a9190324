"""What a caller may choose of a file, and how speakers are named in it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from core.captions import BROADCAST, Layout, joined, pieces_of

Document = dict[str, Any]
"""As `Transcript.to_json` makes it."""


@dataclass(frozen=True)
class Look:
    """`layout` of captions. `speakers`: whether their names stand in the text, where they are known."""

    layout: Layout = BROADCAST
    speakers: bool = True


PLAIN = Look()


def lines_of(transcript: Document) -> Iterator[tuple[dict[str, Any], str]]:
    """The segments that have text, each with it on one line."""
    for segment in transcript["segments"]:
        if text := joined(pieces_of(segment)):
            yield segment, text


def naming(transcript: Document, look: Look = PLAIN) -> Callable[[str | None], str | None]:
    """A speaker's label -> the name that a person gave it, on one line whatever was typed, or the label. None where
    nobody knows, or names are not wanted."""
    names = {one["label"]: " ".join((one.get("name") or "").split()) for one in transcript.get("speakers") or ()}

    def name_of(label: str | None) -> str | None:
        return (names.get(label) or label) if label and look.speakers else None

    return name_of


def at_changes(name_of: Callable[[str | None], str | None]) -> Callable[[str | None], str | None]:
    """The same, but only where the speaker is another than the last time."""
    last: str | None = None

    def name_at_change(label: str | None) -> str | None:
        nonlocal last
        changed = label not in (None, last)
        last = label or last
        return name_of(label) if changed else None

    return name_at_change


def introduced(name: str | None, text: str) -> str:
    return f"{name}: {text}" if name else text
