import json
from typing import Any

import pysubs2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.captions import LINE_COLUMNS, Layout, captions, columns
from core.formats import FORMATS
from core.transcript import Segment, Transcript, Word

EMPTY = Transcript(3.0, None, (), 0.0).to_json("job")


def said(text: str, start: float = 0.0, pace: float = 0.3, speaker: str | None = None, language: str = "en") -> Segment:
    """Words of `pace` seconds each, one after the other."""
    words = tuple(
        Word(start + number * pace, start + (number + 1) * pace, f" {word}", 0.9, speaker)
        for number, word in enumerate(text.split())
    )
    return Segment(start, start + pace * len(words), f" {text}", language, -0.1, 0.0, words, speaker)


def chinese(text: str, start: float = 0.0, pace: float = 0.2) -> Segment:
    words = tuple(Word(start + n * pace, start + (n + 1) * pace, char, 0.9) for n, char in enumerate(text))
    return Segment(start, start + pace * len(words), text, "zh", -0.1, 0.0, words)


def document(*segments: Segment, **more: Any) -> dict[str, Any]:
    return {**Transcript(60.0, "en", segments, 10.0).to_json("job"), **more}


def lines_of(*segments: Segment) -> list[tuple[str, ...]]:
    return [cue.lines for cue in captions(document(*segments))]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("txt", ""),
        ("srt", ""),
        ("vtt", "WEBVTT\n"),
        ("tsv", "start\tend\ttext\n"),
        ("rttm", ""),
        ("ctm", ""),
        ("json", json.dumps(EMPTY, ensure_ascii=False) + "\n"),
    ],
)
def test_an_empty_transcript_is_a_valid_file(name: str, text: str) -> None:
    assert FORMATS[name].render(EMPTY) == text


@pytest.mark.parametrize(
    ("segments", "expected", "why"),
    [
        ([said("Good morning everyone.")], [("Good morning everyone.",)], "fits on a line"),
        (
            [said("We have four points today. The first one is money.")],
            [("We have four points today.",), ("The first one is money.",)],
            "a sentence ends",
        ),
        ([said("Dr. Smith is here now.")], [("Dr. Smith is here now.",)], "an abbreviation is too short for a caption"),
        ([said("Yes."), said("No.", start=0.7)], [("Yes.",), ("No.",)], "a short sentence ends before a breath"),
        ([said("well then"), said("we go on", start=2.0)], [("well then",), ("we go on",)], "a pause"),
        ([said("one two"), said("three four", start=0.6)], [("one two three four",)], "no pause between segments"),
        (
            [said("the report that we sent to the board in June was read by nobody")],
            [("the report that we sent to the", "board in June was read by nobody")],
            "two lines, as even as can be",
        ),
        ([said("one", speaker="A"), said("two", 0.3, speaker="B")], [("one",), ("two",)], "another speaker"),
        ([chinese("今天我们开会。")], [("今天我们开会。",)], "no blanks in Chinese"),
        ([chinese("今天"), chinese("开会", 0.4)], [("今天开会",)], "nor between its segments"),
        ([chinese("用"), said("GPU", 0.2), chinese("算", 0.5)], [("用 GPU 算",)], "but beside other letters"),
        ([chinese("会" * 30, pace=0.1)], [("会" * 15, "会" * 15)], "a Chinese character takes two columns"),
    ],
)
def test_captions_break_where_a_reader_would(
    segments: list[Segment], expected: list[tuple[str, ...]], why: str
) -> None:
    assert lines_of(*segments) == expected, why


def test_words_without_a_blank_before_them_stay_together() -> None:
    words = tuple(
        Word(n * 0.3, n * 0.3 + 0.3, text, 0.9) for n, text in enumerate([" a", " thirty", "-year", "-old", " plan"])
    )
    assert lines_of(Segment(0, 1.5, " a thirty-year-old plan", "en", -0.1, 0, words)) == [("a thirty-year-old plan",)]


def test_a_segment_without_words_shares_its_time_out() -> None:
    text = " We looked at the numbers again last week. They are better than they were a year ago in May."
    cues = captions(document(Segment(10.0, 20.0, text, "en", -0.1, 0.0)))
    assert [" ".join(cue.lines) for cue in cues] == [
        "We looked at the numbers again last week.",
        "They are better than they were a year ago in May.",
    ]
    assert (cues[0].start, cues[-1].end) == (10_000, 20_000)
    assert 14_000 < cues[1].start < 15_500


def test_a_run_of_chinese_without_word_times_is_cut() -> None:
    cues = captions(document(Segment(0.0, 20.0, "今天我们开会，" * 12, "zh", -0.1, 0.0)))
    assert "".join(line for cue in cues for line in cue.lines) == "今天我们开会，" * 12
    assert all(columns(line) <= LINE_COLUMNS and not line.startswith("，") for cue in cues for line in cue.lines)


def test_short_captions_stay_until_the_next_one() -> None:
    cues = captions(document(said("Yes."), said("No.", start=0.7), said("Maybe.", start=9.0)))
    assert [(cue.start, cue.end) for cue in cues] == [(0, 700), (700, 1700), (9000, 10_000)]


def test_text_that_the_formats_would_read_as_their_own_is_kept() -> None:
    made = document(said("press <b> & {x} --> now"))
    assert "press &lt;b&gt; &amp; {x} --&gt; now" in FORMATS["vtt"].render(made)
    assert "press <b> & {x} -> now" in FORMATS["srt"].render(made)


def test_speakers_have_their_names() -> None:
    made = document(
        said("Hello there.", speaker="S1"), said("Good morning.", 3.0, speaker="S1"), said("Hi.", 6.0, speaker="S2"),
        speakers=[{"label": "S1", "name": "Ann <Lee>", "seconds": 2.0}, {"label": "S2", "name": None, "seconds": 1.0}],
    )  # fmt: skip
    assert FORMATS["txt"].render(made) == "Ann <Lee>: Hello there.\nGood morning.\nS2: Hi.\n"
    assert "<v Ann &lt;Lee&gt;>Hello there.\n" in FORMATS["vtt"].render(made)
    assert "\nS2: Hi.\n" in FORMATS["srt"].render(made)


def test_times_are_written_as_each_format_wants() -> None:
    made = document(said("Late.", start=3725.06))
    assert "\n01:02:05.060 --> 01:02:06.060\n" in FORMATS["vtt"].render(made)
    assert FORMATS["srt"].render(made) == "1\n01:02:05,060 --> 01:02:06,060\nLate.\n\n"


def test_txt_has_a_line_a_segment() -> None:
    made = document(said("One two."), chinese("今天开会。", 5.0), Segment(8, 9, "  ", "en", -0.1, 0))
    assert FORMATS["txt"].render(made) == "One two.\n今天开会。\n"


_TEXT = st.text(st.sampled_from("ab.，会。 {<&-\\N"), min_size=1, max_size=70)
_WORDS = st.lists(st.tuples(st.floats(0, 20), st.floats(0, 1), st.booleans(), _TEXT), max_size=25)


@given(_WORDS, st.integers(1, 5), st.builds(Layout, st.integers(10, 60), st.integers(1, 4)))
def test_any_words_give_captions_in_order_of_time(
    drawn: list[tuple[float, float, bool, str]], chunk: int, layout: Layout
) -> None:
    words = [Word(start, start + length, " " * blank + text, 0.5) for start, length, blank, text in drawn]
    parts = [tuple(words[n : n + chunk]) for n in range(0, len(words), chunk)]
    made = document(*[Segment(p[0].start, p[-1].end, "".join(w.word for w in p), "en", -0.1, 0.0, p) for p in parts])
    cues = captions(made, layout)
    assert all(0 <= cue.start < cue.end for cue in cues)
    assert all(before.end <= after.start for before, after in zip(cues, cues[1:], strict=False))
    assert all(len(cue.lines) <= layout.lines and all(cue.lines) for cue in cues)
    assert all(columns(line) <= layout.columns for cue in cues for line in cue.lines)
    kept = sorted("".join("".join(cue.lines) for cue in cues).replace(" ", ""))
    spoken = [w.word for w in sorted(words, key=lambda word: word.start) if w.word.strip()]
    assert kept == sorted("".join(spoken).replace(" ", "")), "no word is lost or doubled"


def test_another_program_reads_what_we_write() -> None:
    made = document(said("One two three."), said("Four five six.", 4.0), chinese("今天我们开会。", 8.0))
    for name in ("srt", "vtt"):
        read = pysubs2.SSAFile.from_string(FORMATS[name].render(made))
        assert [event.plaintext for event in read] == ["One two three.", "Four five six.", "今天我们开会。"]
        assert [(event.start, event.end) for event in read] == [(c.start, c.end) for c in captions(made)]
