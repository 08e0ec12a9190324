"""How captions are laid out where a caller says how wide and how high they may be."""

from itertools import combinations, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.captions import MIN_COLUMNS, Layout, Piece, captions, columns, joined, laid_out
from core.transcript import Segment
from tests.unit.test_formats import chinese, document, said

SENTENCE = "the report that we sent to the board in June was read by nobody at all"


@pytest.mark.parametrize(
    ("layout", "expected"),
    [
        (Layout(200, 1), [(SENTENCE,)]),
        (Layout(80, 4), [(SENTENCE,)]),
        (Layout(42, 2), [("the report that we sent to the board", "in June was read by nobody at all")]),
        (Layout(30, 3), [("the report that we sent", "to the board in June was", "read by nobody at all")]),
        (Layout(20, 4), [("the report that we", "sent to the board", "in June was read", "by nobody at all")]),
        (
            Layout(20, 2),
            [("the report that we", "sent to the board in"), ("June was read", "by nobody at all")],
        ),
        (Layout(40, 1), [("the report that we sent to the board in",), ("June was read by nobody at all",)]),
    ],
)
def test_lines_are_as_few_and_as_even_as_can_be(layout: Layout, expected: list[tuple[str, ...]]) -> None:
    assert [cue.lines for cue in captions(document(said(SENTENCE, pace=0.2)), layout)] == expected


@pytest.mark.parametrize("lines", [1, 2, 3, 4])
def test_chinese_takes_two_columns_on_every_line(lines: int) -> None:
    made = document(chinese("会" * 5 * lines, pace=0.1))
    assert [cue.lines for cue in captions(made, Layout(10, lines))] == [("会" * 5,) * lines]


def test_a_word_wider_than_a_line_is_cut() -> None:
    cues = captions(document(said("see https://example.org/a-rather-long-address now", pace=1.0)), Layout(10, 2))
    kept = "".join("".join(cue.lines) for cue in cues).replace(" ", "")
    assert kept == "seehttps://example.org/a-rather-long-addressnow"
    assert all(columns(line) <= 10 for cue in cues for line in cue.lines)


def test_two_who_speak_at_once_are_two_captions_at_once() -> None:
    def on(channel: int, text: str, start: float) -> Segment:
        one = said(text, start, speaker=f"S{channel + 1}")
        return Segment(one.start, one.end, one.text, "en", -0.1, 0.0, one.words, one.speaker, channel)

    cues = captions(document(on(0, "well I think so", 0.0), on(1, "no you do not", 0.2)), Layout(20, 3))
    assert [(cue.start, cue.end, cue.lines) for cue in cues] == [
        (0, 1200, ("well I think so",)),
        (200, 1400, ("no you do not",)),
    ]


_WORD = st.tuples(st.sampled_from(["", " "]), st.text(st.sampled_from("ab会，.\u0301"), min_size=1, max_size=4))


@given(st.lists(_WORD, min_size=1, max_size=8), st.integers(MIN_COLUMNS, 20))
def test_of_all_ways_to_break_lines_it_is_the_best(drawn: list[tuple[str, str]], room: int) -> None:
    pieces = [Piece(0, 1, blank + word) for blank, word in drawn]
    ways = [
        tuple(joined(pieces[start:end]) for start, end in pairwise((0, *cuts, len(pieces))))
        for count in range(len(pieces))
        for cuts in combinations(range(1, len(pieces)), count)
    ]
    fitting = [lines for lines in ways if all(columns(line) <= room for line in lines)]
    best = min((len(lines), sum(columns(line) ** 2 for line in lines)) for lines in fitting)
    found = laid_out(pieces, Layout(room, 4))
    assert found in fitting
    assert (len(found), sum(columns(line) ** 2 for line in found)) == best
