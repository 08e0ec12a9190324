"""What a recognizer is handed: everything that was said, in order, once, in windows that it can take."""

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.chunking import FRAME, RULES, Cut, Loudness, Rules, cut, rules_for

TOLERANCE = 1e-6


@dataclass(frozen=True)
class Said:
    start: float
    end: float


def level(quiet: tuple[float, ...] = (), seconds: float = 2000) -> Loudness:
    """Loud everywhere but in the frames that hold those seconds."""
    loudness = Loudness()
    hushed = {int(second / FRAME) for second in quiet}
    loudness.add(0.0 if frame in hushed else 1.0 for frame in range(int(seconds / FRAME)))
    return loudness


def chunks(*spans: tuple[float, float], quiet: tuple[float, ...] = (), length: float = 1e9) -> list[Cut]:
    return list(cut([Said(*span) for span in spans], level(quiet), length=lambda: length))


def bounds(found: list[Cut]) -> list[tuple[float, float]]:
    return [(round(one.start, 3), round(one.end, 3)) for one in found]


@pytest.mark.parametrize(
    ("spans", "length", "expected"),
    [
        pytest.param([], 10, [], id="silence has no chunks"),
        pytest.param([(1, 2)], 10, [(0.6, 2.4)], id="padding keeps soft word edges"),
        pytest.param([(0.1, 2)], 2.1, [(0, 2.1)], id="but none outside the recording"),
        pytest.param([(1, 2), (5, 6)], 10, [(0.6, 6.4)], id="inner silence is kept: time is an offset"),
        pytest.param([(1, 2), (9, 10)], 20, [(0.6, 2.4), (8.6, 10.4)], id="long silence is in no chunk"),
        pytest.param(
            [(0, 21), (21.3, 24), (25, 28), (28.3, 40)], 50, [(0, 24.4), (24.6, 40.4)], id="the longest silence is cut"
        ),
        pytest.param(
            [(0, 21), (21.5, 27), (27.4, 40)], 50, [(0, 27.2), (27.2, 40.4)], id="the last of those nearly as long"
        ),
        pytest.param([(0, 12), (13, 40)], 50, [(0, 12.4), (12.6, 40.4)], id="an early silence beats a forced cut"),
        pytest.param([(0, 25), (25.2, 40)], 50, [(0, 25.1), (25.1, 40.4)], id="padding ends in a silence's middle"),
    ],
)
def test_where_it_cuts(spans: list[tuple[float, float]], length: float, expected: list[tuple[float, float]]) -> None:
    found = chunks(*spans, length=length)
    assert bounds(found) == expected
    assert not any(one.forced_cut for one in found)


def test_a_model_made_for_sentences_gets_them_one_by_one() -> None:
    spans = [Said(1, 3), Said(3.5, 5), Said(5.2, 6), Said(8, 9)]
    found = list(cut(spans, level(), rules=rules_for(10.0)))
    assert bounds(found) == [(0.7, 3.25), (3.25, 6.3), (7.7, 9.3)]


def test_without_silence_it_cuts_at_the_quietest_moment_and_says_so() -> None:
    found = chunks((0, 70), quiet=(23.4, 47.1), length=70)
    assert [one.forced_cut for one in found] == [True, True, False]
    assert found[0].end == found[1].start == pytest.approx(23.4, abs=FRAME)
    assert found[1].end == found[2].start == pytest.approx(47.1, abs=FRAME)


def test_speech_seconds_leave_out_padding_and_silence() -> None:
    assert [one.speech_seconds for one in chunks((1, 2), (4, 6), (20, 21))] == [3, 1]


def test_a_chunk_leaves_before_the_next_is_heard() -> None:
    """Spans are asked for one by one, and no more than needed: memory is flat, and chunks leave early."""
    asked: list[Said] = []

    def endless():  # type: ignore[no-untyped-def]
        at = 0.0
        while True:
            asked.append(Said(at, at + 2.5))
            yield asked[-1]
            at += 3.0

    loudness = level(seconds=2000)
    found = cut(endless(), loudness)
    for count in range(1, 50):
        one = next(found)
        assert asked[-1].end - one.start <= RULES.longest + 6, count
        assert len(loudness) * FRAME >= 2000 - one.end - 1
    assert len(loudness) * FRAME < 2000 - 40 * RULES.cut_from


talk = st.lists(
    st.tuples(st.floats(0.02, 9.0), st.floats(0.03, 80.0)).map(lambda pair: (round(pair[0], 3), round(pair[1], 3))),
    max_size=12,
)


any_rules = st.sampled_from([RULES, rules_for(10.0)])
"""Whisper's own window, and that of a model made for single sentences."""


def said(pauses_and_lengths: list[tuple[float, float]]) -> list[Said]:
    at, spans = 0.0, []
    for pause, length in pauses_and_lengths:
        spans.append(Said(at + pause, at + pause + length))
        at = spans[-1].end
    return spans


@given(talk, any_rules)
def test_every_second_of_speech_is_in_exactly_one_chunk(pairs: list[tuple[float, float]], rules: Rules) -> None:
    spans = said(pairs)
    found = list(cut(spans, Loudness(), rules=rules))
    kept = [
        (max(span.start, one.start), min(span.end, one.end))
        for span in spans for one in found if one.start < span.end and span.start < one.end
    ]  # fmt: skip
    spoken = sum(span.end - span.start for span in spans)
    assert sum(end - start for start, end in kept) == pytest.approx(spoken, abs=1e-3)
    assert sum(one.speech_seconds for one in found) == pytest.approx(spoken, abs=0.01 * len(found) + 1e-3)


@given(talk, any_rules)
def test_chunks_are_in_order_apart_and_short_enough(pairs: list[tuple[float, float]], rules: Rules) -> None:
    found = list(cut(said(pairs), Loudness(), rules=rules))
    for one in found:
        assert 0 <= one.start - one.lead < one.end
        assert one.end + one.trail - (one.start - one.lead) <= rules.longest + TOLERANCE
    for one, following in zip(found, found[1:], strict=False):
        assert one.end <= following.start + TOLERANCE
        assert not one.forced_cut or one.end == following.start
        assert one.trail == following.lead == (rules.seam if one.forced_cut else 0.0)


@given(talk, any_rules)
def test_a_cut_in_speech_is_flagged_and_no_other(pairs: list[tuple[float, float]], rules: Rules) -> None:
    spans = said(pairs)
    for one in cut(spans, Loudness(), rules=rules):
        torn = any(span.start + TOLERANCE < one.end < span.end - TOLERANCE for span in spans)
        assert one.forced_cut is torn


@given(talk, st.lists(st.floats(0.1, 7.0), min_size=1, max_size=8))
def test_spans_in_pieces_give_the_same_chunks(pairs: list[tuple[float, float]], sizes: list[float]) -> None:
    spans = said(pairs)
    pieces: list[Said] = []
    for span in spans:
        at = span.start
        while at < span.end:
            end = min(at + sizes[len(pieces) % len(sizes)], span.end)
            pieces.append(Said(at, end))
            at = end
    found, whole = list(cut(pieces, level(seconds=0))), list(cut(spans, level(seconds=0)))
    assert [one.start for one in found] == pytest.approx([one.start for one in whole])
    assert [one.end for one in found] == pytest.approx([one.end for one in whole])
