"""The headers of tus, and how a body is read."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.exceptions import BadRequest

from web import tus
from web.resumable import LEAST_READ, MOST_READ, pieces

KEYS = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E, exclude_characters=","), min_size=1, max_size=8)


@given(st.dictionaries(KEYS, st.binary(max_size=40), max_size=5))
def test_metadata_is_read_as_it_was_written(told: dict[str, bytes]) -> None:
    header = ",".join(f"{key} {base64.b64encode(value).decode()}" for key, value in told.items())
    assert tus.metadata(header) == told


@given(st.text(st.characters(min_codepoint=0x20, max_codepoint=0xFF), max_size=60))
def test_whatever_metadata_says_is_read_or_refused(header: str) -> None:
    try:
        found = tus.metadata(header)
    except BadRequest:
        return
    assert all(key and " " not in key and "," not in key for key in found)


@pytest.mark.parametrize(
    ("given_", "name"),
    [
        (b"weekly meeting.wav", "weekly meeting.wav"),
        (b"../../etc/passwd", "passwd"),
        (b"C:\\talks\\a.mp3", "a.mp3"),
        (b"a\0b\r\nSet-Cookie: x.wav", "abSet-Cookie: x.wav"),
        ("会议.m4a".encode(), "会议.m4a"),
        (b"\xff\xfe", "\ufffd\ufffd"),
        (b"folder/", "upload"),
        (b"", "upload"),
    ],
)
def test_a_file_name_is_for_people_to_read(given_: bytes, name: str) -> None:
    assert tus.filename({"filename": given_}) == name


class Line:
    """Each read takes as long as its bytes need, at so many a second."""

    def __init__(self, size: int, speed: float) -> None:
        self.left, self.speed, self.now = size, speed, 0.0
        self.asked: list[int] = []

    def read(self, size: int) -> bytes:
        self.asked.append(size)
        data = bytes(min(size, self.left))
        self.left -= len(data)
        self.now += len(data) / self.speed
        return data


@pytest.mark.parametrize(
    ("speed", "most"), [(1e3, LEAST_READ), (5e4, 2 * LEAST_READ), (1e9, MOST_READ)], ids=["slow", "middling", "fast"]
)
def test_a_read_asks_for_what_the_line_brings_in_a_moment(speed: float, most: int) -> None:
    line = Line(5 * MOST_READ + 1, speed)
    assert sum(map(len, pieces(line, lambda: line.now))) == 5 * MOST_READ + 1  # type: ignore[arg-type]
    assert max(line.asked[:-2]) == most, "but for what is left at the end"
