"""One voice on two tracks is written once; two voices are both written."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.seams import plain
from core.transcript import CROSS_TALK, Segment, Word
from worker.cross_talk import ALONE, CLEAR, CLOSE, LONG, Levels, TrackText, separated
from worker.same_words import SAME


def said(text: str, start: float = 0.0, confidence: float = 0.9, length: float = 0.3) -> Segment:
    """A word each `length` seconds; "_" is a silence as long."""
    words = tuple(
        Word(start + at * length, start + (at + 1) * length, f" {one}", confidence)
        for at, one in enumerate(text.split())
        if one != "_"
    )
    return segment("".join(word.word for word in words), words[0].start, words[-1].end, words)


def segment(text: str, start: float, end: float, words: tuple[Word, ...] = ()) -> Segment:
    return Segment(start, end, text, "en", -0.2, 0.0, words)


def steady(level: float | None) -> Levels:
    return lambda start, end: level


def levels(spans: dict[tuple[float, float], float], otherwise: float = -60.0) -> Levels:
    """By the middle of what is asked for."""

    def at(start: float, end: float) -> float:
        return next((level for (a, b), level in spans.items() if a <= (start + end) / 2 < b), otherwise)

    return at


LOUD, QUIET = steady(-20), steady(-35)
UNKNOWN = steady(None)
Tracks = Sequence[tuple[str | Segment | list[Segment], Levels]]


def track(text: str | Segment | list[Segment], level: Levels) -> TrackText:
    if isinstance(text, str):
        text = [said(text)] if text else []
    return TrackText(tuple(text) if isinstance(text, list) else (text,), level)


def texts(tracks: Tracks) -> tuple[list[str], list[str]]:
    """Each track's segments with "|" between them; and what went."""
    kept, gaps = separated([track(*each) for each in tracks])
    assert all(gap.reasons == (CROSS_TALK,) for gap in gaps)
    return ["|".join(one.text.strip() for one in each) for each in kept], [gap.text.strip() for gap in gaps]


BUDGET = "the budget is fine"


@pytest.mark.parametrize(
    ("tracks", "kept", "gone"),
    [
        pytest.param([], [], [], id="no tracks"),
        pytest.param([("", LOUD), ("", QUIET)], ["", ""], [], id="nothing was said"),
        pytest.param([(BUDGET, LOUD)], [BUDGET], [], id="one track has no copies"),
        pytest.param([("no no no no", LOUD)], ["no no no no"], [], id="not even where words are repeated"),
        pytest.param([(BUDGET, LOUD), (BUDGET, QUIET)], [BUDGET, ""], [BUDGET], id="the quieter one goes"),
        pytest.param([(BUDGET, QUIET), (BUDGET, LOUD)], ["", BUDGET], [BUDGET], id="whichever track it is on"),
        pytest.param(
            [(BUDGET, LOUD), ("we meet on monday", QUIET)],
            [BUDGET, "we meet on monday"],
            [],
            id="other words at once are another's",
        ),
        pytest.param(
            [(BUDGET, LOUD), (said(BUDGET, 60), QUIET)], [BUDGET, BUDGET], [], id="later they are said once more"
        ),
        pytest.param(
            [(BUDGET, LOUD), (said(BUDGET, 0.4), QUIET)], [BUDGET, ""], [BUDGET], id="times differ between decodes"
        ),
        pytest.param(
            [("The budget is fine.", LOUD), ("the ＢＵＤＧＥＴ, is fine", QUIET)],
            ["The budget is fine.", ""],
            ["the ＢＵＤＧＥＴ, is fine"],
            id="letters count, not how they are written",
        ),
        pytest.param(
            [("the budget is", LOUD), ("a budget is", QUIET)],
            ["the budget is", ""],
            ["a budget is"],
            id="a clearly quieter segment goes with the word that was heard differently",
        ),
        pytest.param(
            [("the budget is", UNKNOWN), ("a budget is", UNKNOWN)],
            ["the budget is", "a"],
            ["budget is"],
            id="without levels that word might be somebody's",
        ),
        pytest.param(
            [("_ budget plan _ _", LOUD), ("our budget plan needs work", QUIET)],
            ["budget plan", "our needs work"],
            ["budget plan"],
            id="less than most of a segment goes alone",
        ),
        pytest.param(
            [("the budget plan is", LOUD), ("the budget plan no wait", levels({(0, 0.9): -40, (0.9, 9): -15}))],
            ["the budget plan is", "no wait"],
            ["the budget plan"],
            id="a voice of its own stays in a segment that begins with a copy",
        ),
        pytest.param(
            [("okay the budget", LOUD), ("the budget so okay", LOUD)],
            ["okay the budget", "so okay"],
            ["the budget"],
            id="in another order only the run is a copy",
        ),
        pytest.param(
            [("so the end", LOUD), ("why the plan", QUIET)], ["so the end", "why the plan"], [], id="one word by chance"
        ),
        pytest.param(
            [("i sat there on that", LOUD), ("we sat down on it", QUIET)],
            ["i sat there on that", "we sat down on it"],
            [],
            id="two by chance that do not follow each other",
        ),
        pytest.param(
            [("we disagree internationally", UNKNOWN), ("they voted internationally", UNKNOWN)],
            ["we disagree internationally", "they voted"],
            ["internationally"],
            id="a long word is not said twice by chance",
        ),
        pytest.param(
            [
                ("how are you _ fine thanks", levels({(0, 1): -20, (1, 9): -35})),
                ("how are you _ fine thanks", levels({(0, 1): -35, (1, 9): -20})),
            ],
            ["how are you", "fine thanks"],
            ["how are you", "fine thanks"],
            id="two in turn who copy each other keep their own words",
        ),
        pytest.param(
            [
                ("one two three _ yes i do _ four five six", levels({(1.2, 2.1): -35}, -20)),
                ("one two three _ yes i do _ four five six", levels({(1.2, 2.1): -20}, -35)),
            ],
            ["one two three four five six", "yes i do"],
            ["one two three", "yes i do", "four five six"],
            id="also where one says little",
        ),
        pytest.param(
            [("one two three four five", LOUD), ("one two three four five", levels({(0.6, 0.9): -10}, -35))],
            ["one two three four five", ""],
            ["one two three four five"],
            id="a word that is loud by mistake is still one of its run",
        ),
        pytest.param(
            [("the budget is", LOUD), ("a budget is", QUIET), ("a budget", steady(-60))],
            ["the budget is", "a", ""],
            ["a budget", "budget is"],
            id="a word that stands for another track's stays, though the rest of its segment goes",
        ),
        pytest.param(
            [(BUDGET, LOUD), (BUDGET, QUIET), (BUDGET, steady(-28))],
            [BUDGET, "", ""],
            [BUDGET, BUDGET],
            id="of three the loudest stays",
        ),
        pytest.param(
            [([said("so"), said(BUDGET, 1), said("well", 9)], QUIET), (said(BUDGET, 1), LOUD)],
            ["so|well", BUDGET],
            [BUDGET],
            id="segments keep their order",
        ),
        pytest.param(
            [(BUDGET, LOUD), ("… the budget , is fine ?", levels({(0, 9): -35}))],
            [BUDGET, ""],
            ["… the budget , is fine ?"],
            id="punctuation of its own goes along",
        ),
        pytest.param([("…", LOUD), ("…", QUIET)], ["…", "…"], [], id="punctuation alone is no word"),
        pytest.param(
            [(segment(" Thanks to all.", 0, 2), LOUD), (segment(" thanks to all", 0.1, 2), QUIET)],
            ["Thanks to all.", ""],
            ["thanks to all"],
            id="a segment without words is one unit",
        ),
        pytest.param(
            [(segment(" Thanks to all.", 0, 1.2), LOUD), ("thanks to all", QUIET)],
            ["Thanks to all.", "thanks to all"],
            [],
            id="and is not looked into",
        ),
    ],
)
def test_what_goes(tracks: Tracks, kept: list[str], gone: list[str]) -> None:
    assert texts(tracks) == (kept, gone)


OWN = "nothing else is like this"


@pytest.mark.parametrize(
    ("here", "there", "kept"),
    [
        pytest.param(-20, -20, ["yes", "yes"], id="two voices"),
        pytest.param(-20, -20.1 - ALONE / 2, ["yes", ""], id="one voice, down by so much in both measures"),
        pytest.param(-20, -20 - ALONE / 2 + 0.1, ["yes", "yes"], id="less may be a soft voice"),
        pytest.param(None, -20, ["yes", "yes"], id="nobody knows"),
    ],
)
def test_one_short_word_goes_only_where_it_is_far_quieter(
    here: float | None, there: float | None, kept: list[str]
) -> None:
    """On both tracks the usual level is -20."""
    tracks = [
        ([said("yes"), said(own, 10)], lambda start, end, level=level: level if start < 5 else -20)
        for own, level in (("one two three four five", here), ("six seven eight nine ten", there))
    ]
    found, _ = texts(tracks)
    assert [text.partition("|")[0] if "|" in text else "" for text in found] == kept


@pytest.mark.parametrize(
    ("gain", "kept"),
    [
        pytest.param(0, ["the plan", ""], id="the quieter one is the copy"),
        pytest.param(14, ["the plan", ""], id="also where the copy's microphone is louder by nearly as much"),
        pytest.param(-14, ["the plan", ""], id="or softer"),
    ],
)
def test_gains_differ(gain: float, kept: list[str]) -> None:
    """The second track's own voice is at -20 and the copy at -35, before its gain."""
    own = said("six seven eight nine ten eleven", 10)
    tracks: Tracks = [
        ([said("the plan"), said("one two three four five six", 5)], steady(-20)),
        ([said("the plan"), own], lambda start, end: (-35 if start < 5 else -20) + gain),
    ]
    found, _ = texts(tracks)
    assert [text.partition("|")[0] if "|" in text else "" for text in found] == kept


def test_a_track_with_nothing_but_copies_has_no_voice_of_its_own() -> None:
    """Most are far away. Those of somebody nearer are louder than is usual there, and copies all the same."""
    both = [
        said("we start then"),
        *(said("one two three four five six seven eight nine ten", at) for at in (10, 20, 30)),
    ]
    far = levels({(0, 5): -30, (5, 99): -45})
    found, _ = separated([track(both, LOUD), track(both, far)])
    assert found == [tuple(both), ()]


@pytest.mark.parametrize(
    ("first", "second", "levels", "kept"),
    [
        pytest.param(0.9, 0.8, (None, None), 0, id="unknown levels: the surer one stays"),
        pytest.param(0.8, 0.9, (None, None), 1, id="on either track"),
        pytest.param(0.8, 0.9, (-20, None), 1, id="one unknown level says nothing"),
        pytest.param(0.8, 0.9, (-20, -21), 1, id="nor do close ones"),
        pytest.param(0.8, 0.9, (-20, -20.1 - CLOSE), 0, id="levels come first"),
        pytest.param(0.9, 0.9, (None, None), 0, id="a tie: the earlier track"),
        pytest.param(0.9, 0.9, (-20, float("-inf")), 0, id="digital silence is quieter than anything"),
        pytest.param(0.8, 0.9, (float("-inf"), float("-inf")), 1, id="and as quiet as itself"),
    ],
)
def test_which_copy_goes(first: float, second: float, levels: tuple[float | None, float | None], kept: int) -> None:
    sides = [track(said(BUDGET, confidence=sure), steady(at)) for sure, at in zip((first, second), levels, strict=True)]
    found, _ = separated(sides)
    assert [bool(each) for each in found] == [kept == 0, kept == 1]


def test_what_is_left_of_a_segment_has_its_own_times() -> None:
    heard = replace(said("well the budget is fine no thanks", 10), speaker="S1", channel=1, flags=("forced_cut",))
    (_, (left,)), (gap,) = separated([track(said(BUDGET, 10.3), UNKNOWN), track(heard, UNKNOWN)])
    assert left.text == " well no thanks"
    assert [word.word for word in left.words] == [" well", " no", " thanks"]
    assert (left.start, left.end) == (heard.words[0].start, heard.words[-1].end)
    assert (left.speaker, left.channel, left.flags) == ("S1", 1, ("forced_cut",))
    assert (gap.start, gap.end, gap.text) == (heard.words[1].start, heard.words[4].end, " the budget is fine")


def test_each_run_has_its_gap_and_they_are_in_order_of_time() -> None:
    both = [said(BUDGET, 0), said("so we meet", 5), said("on monday then", 9)]
    _, gaps = separated([track(both, levels({(4, 7): -35}, -20)), track(both, levels({(4, 7): -20}, -35))])
    assert [gap.text for gap in gaps] == [" the budget is fine", " so we meet", " on monday then"]


def test_of_three_copies_that_beat_each_other_in_a_ring_one_stays() -> None:
    """The third beats the first by level; levels of others are close, and by confidence the first beats the second and
    that the third."""
    sides = [track(said(BUDGET, confidence=sure), steady(at)) for sure, at in ((0.9, -20), (0.8, -18.6), (0.7, -17))]
    found, gaps = separated(sides)
    assert [len(each) for each in found] == [0, 1, 0]
    assert len(gaps) == 2


def test_thresholds_are_in_order() -> None:
    assert 0 < CLOSE < CLEAR <= ALONE
    assert len(plain(BUDGET)) > LONG


class Meeting:
    """People who talk in turn, each copied on all other tracks 10 to 25 dB down, with other times and confidences."""

    def __init__(self, draw: st.DataObject, people: int) -> None:
        self.own: list[list[Segment]] = [[] for _ in range(people)]
        self.heard: list[list[Segment]] = [[] for _ in range(people)]
        self.down: dict[tuple[int, int], float] = {}
        for turn in range(draw.draw(st.integers(1, 5))):
            who = draw.draw(st.integers(0, people - 1))
            text = " ".join(draw.draw(st.lists(st.sampled_from("so we go now".split()), min_size=2, max_size=6)))
            for number in range(people):
                late = 0.0 if number == who else draw.draw(st.sampled_from([-0.2, 0.0, 0.25]))
                spoken = said(text, 10 * turn + 1 + late, draw.draw(st.sampled_from([0.5, 0.9])))
                self.heard[number].append(spoken)
                self.down[number, turn] = 0.0 if number == who else draw.draw(st.sampled_from([10.0, 25.0]))
                if number == who:
                    self.own[who].append(spoken)

    def tracks(self) -> list[TrackText]:
        return [
            TrackText(tuple(heard), lambda start, _, at=number: -20 - self.down[at, int(start / 10)])
            for number, heard in enumerate(self.heard)
        ]


@settings(max_examples=40, deadline=None)
@given(st.data(), st.integers(1, 4))
def test_in_a_meeting_everyone_keeps_what_they_said_and_nothing_else(data: st.DataObject, people: int) -> None:
    meeting = Meeting(data, people)
    found, _ = separated(meeting.tracks())
    assert found == [tuple(each) for each in meeting.own]


some_segments = st.lists(
    st.builds(
        said,
        st.lists(st.sampled_from(["a", "the", "budget", "。"]), min_size=1, max_size=4).map(" ".join),
        st.sampled_from([0.0, 0.2, 0.5, 1.0, 1.4, 3.0]),
        st.sampled_from([0.5, 0.7, 0.9]),
    ),
    max_size=3,
)
some_levels = st.lists(st.sampled_from([None, -20.0, -22.0, -26.0, -40.0]), min_size=5, max_size=5).map(
    lambda each: lambda start, _: each[int(start)]
)
some_tracks = st.lists(
    st.builds(lambda one, level: TrackText(tuple(one), level), some_segments, some_levels), max_size=4
)


def words(segments: Sequence[Segment]) -> list[Word]:
    return [word for one in segments for word in one.words]


@settings(max_examples=60, deadline=None)
@given(some_tracks)
def test_no_word_disappears_from_everywhere(tracks: list[TrackText]) -> None:
    """What goes stands in a gap; and its like is still there, unless its whole segment went as a copy."""
    found, gaps = separated(tracks)
    before = Counter(word.word for each in tracks for word in words(each.segments))
    after = Counter(word.word for each in found for word in words(each))
    assert before - after == Counter(f" {one}" for gap in gaps for one in gap.text.split())
    for given_, left in zip(tracks, found, strict=True):
        assert all(word in words(given_.segments) for word in words(left))
        cut = [one for one in given_.segments if one not in left and any(w in words(left) for w in one.words)]
        lost = {plain(word.word) for one in cut for word in one.words if word not in words(left)} - {""}
        assert lost <= {plain(word) for word in after}


@settings(max_examples=60, deadline=None)
@given(some_tracks)
def test_twice_is_once(tracks: list[TrackText]) -> None:
    found, _ = separated(tracks)
    again = separated([replace(each, segments=left) for each, left in zip(tracks, found, strict=True)])
    assert again == (found, [])


@settings(max_examples=60, deadline=None)
@given(some_tracks)
def test_without_levels_every_single_word_has_its_like(tracks: list[TrackText]) -> None:
    """No segment goes as a whole then: of the letters that went all are still there, close in time."""
    found, gaps = separated([replace(each, level=UNKNOWN) for each in tracks])
    left = [(plain(word.word), word.start) for each in found for word in words(each)]
    for gap in gaps:
        for letters in {plain(one) for one in gap.text.split()} - {""}:
            near = (gap.start - SAME * len(tracks), gap.end + SAME * len(tracks))
            assert any(one == letters and near[0] <= start <= near[1] for one, start in left)


def test_long_meetings_end() -> None:
    """Every word on every track. Comparing each with each would be ten million comparisons."""
    count = 600
    tracks = [
        TrackText(
            tuple(said("so we go on now", 2 * at + number / 50) for at in range(count // 5)),
            lambda start, _, own=number: -20.0 if int(start / 20) % 8 == own else -35.0,
        )
        for number in range(8)
    ]
    found, gaps = separated(tracks)
    assert sum(len(words(each)) for each in found) == count
    assert len(gaps) == 7 * count // 5
