"""Our scores on cases that others computed, and beside the libraries' own."""

import importlib.util
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.transcript import SpeakerTurn as Turn
from scriptorium.scoring.attributed import cp_errors, tcp_errors
from scriptorium.scoring.diarization import speaker_errors
from scriptorium.scoring.files import read, speech
from scriptorium.scoring.plain import plain_characters, plain_words
from scriptorium.scoring.report import NotScored, Policy, Score, compared
from scriptorium.scoring.speech import Passage
from scriptorium.scoring.words import Errors, character_errors, word_errors

meeteval = pytest.importorskip("meeteval", reason="pip install 'scriptorium[score]', with a C++ compiler")
pytest.importorskip("pyannote.metrics", reason="pip install 'scriptorium[score]'")


def word_case(*pairs: tuple[str, str]) -> Errors:
    return word_errors([(plain_words(said), plain_words(heard)) for said, heard in pairs])


def character_case(*pairs: tuple[str, str]) -> Errors:
    return character_errors([(plain_characters(said), plain_characters(heard)) for said, heard in pairs])


def streams(**said: str) -> dict[str, list[Passage]]:
    return {speaker: [Passage("", text, speaker)] for speaker, text in said.items()}


def scored(reference: str, hypothesis: str, suffix: str = ".stm") -> dict[str, Score]:
    lines = compared(speech(reference, suffix, "REF"), speech(hypothesis, suffix, "HYP"), Policy())
    return {line.name: line for line in lines if isinstance(line, Score)}


def test_jiwers_word_errors() -> None:
    """jiwer's documentation, "Alignment": substitutions=2 deletions=2 insertions=4, wer=88.89%."""
    found = word_case(
        ("short one here", "shoe order one"),
        ("quite a bit of longer sentence", "quite bit of an even longest sentence here"),
    )
    assert (found.substituted, found.missing, found.extra) == (2, 2, 4)
    assert found.rate == pytest.approx(0.8889, abs=5e-5)


@pytest.mark.parametrize(("said", "heard", "rate"), [("X", "X", 0), ("X", "X X Y Y", 3), ("X Y X", "X Z", 2 / 3)])
def test_word_errors_of_the_paper(said: str, heard: str, rate: float) -> None:
    """Morris, Maier and Green, "From WER and RIL to MER and WIL", Interspeech 2004, table 1."""
    assert word_case((said, heard)).rate == pytest.approx(rate)


def test_jiwers_character_errors() -> None:
    """jiwer's tests/test_cer.py; the blanks count."""
    assert character_case(("This is a test", "This test")).rate == pytest.approx(5 / 14)
    assert character_case(("i", "i am"), ("am i good", "i good")).rate == pytest.approx(0.6)


def test_meetevals_cpwer() -> None:
    """MeetEval's README, "Low-level interface": cpWER 4 errors in 9 words; and of two recordings 2 in 6, 2 in 2."""
    one = cp_errors(
        streams(a="The quick brown fox", b="jumps over the lazy dog"),
        streams(x="The kwick brown fox", y="jump over lazy"),
    )
    assert one == Errors(4, 9)
    first = cp_errors(
        streams(a="First example", b="First example second speaker"),
        streams(x="First example with errors", y="First example second speaker"),
    )
    second = cp_errors(streams(a="Second example"), streams(x="Second example", y="Overestimated speaker"))
    assert (first, second) == (Errors(2, 6), Errors(2, 2))


def test_meetevals_tcpwer() -> None:
    """MeetEval's README, "High-level interface": collar 5, in each of two recordings 4 in 9, 8 in 18 in all."""
    reference = "recording{0} 1 {1} 0 1 The quick brown fox jumps over the lazy dog\n"
    hypothesis = "recording{0} 1 spk-1 0 1 The kwick brown fox jump over lazy\n"
    found = scored(
        reference.format("A", "Alice") + reference.format("B", "Bob"), hypothesis.format("A") + hypothesis.format("B")
    )
    assert found["tcpWER"].counted == {"errors": 8, "words": 18, "collar": 5.0}
    assert found["cpWER"].rate == found["tcpWER"].rate == pytest.approx(0.4444444444444444)


@pytest.mark.parametrize(("collar", "errors"), [(0.0, 2), (1.0, 0)])
def test_words_match_only_within_the_collar(collar: float, errors: int) -> None:
    """MeetEval's docstring of `time_constrained.align`: with collar 0 the third word is missing and extra."""
    said = {"a": [Passage("", word, "a", at, at + 1) for at, word in enumerate("abc")]}
    heard = {"x": [Passage("", word, "x", at, at + 1) for at, word in zip((0, 1, 3), "abc", strict=True)]}
    assert tcp_errors(said, heard, collar) == Errors(errors, 3)


_start = st.integers(0, 40).map(lambda tenths: tenths / 4)
_passage = st.builds(
    lambda speaker, start, length, words: Passage("", " ".join(words), speaker, start, start + length),
    st.sampled_from("xyz"), _start, _start, st.lists(st.sampled_from(["a", "b", "ccc", "dd"]), min_size=1, max_size=3),
)  # fmt: skip
_said = st.lists(_passage, min_size=1, max_size=8)


@settings(max_examples=150, deadline=None)
@given(_said, _said, st.sampled_from([0.5, 1.0, 5.0]))
def test_attributed_errors_are_meetevals_own(said: list[Passage], heard: list[Passage], collar: float) -> None:
    """Also where a speaker's passages overlap, so that their words are out of order."""
    from meeteval.wer.wer.cp import cp_word_error_rate
    from meeteval.wer.wer.time_constrained import tcp_word_error_rate

    sides = (segments(said), segments(heard))
    ours = (by_speaker(said), by_speaker(heard))
    assert cp_errors(*ours).errors == cp_word_error_rate(*sides).errors
    theirs = tcp_word_error_rate(*sides, collar=collar)
    assert tcp_errors(*ours, collar) == Errors(theirs.errors, theirs.length)


def segments(passages: list[Passage]) -> Any:
    return meeteval.io.SegLST(
        [{"session_id": "r", "speaker": p.speaker, "start_time": p.start, "end_time": p.end, "words": p.text}
         for p in passages]
    )  # fmt: skip


def by_speaker(passages: list[Passage]) -> dict[str, list[Passage]]:
    return speech(rows(passages), ".stm", "").streams()


def rows(passages: list[Passage]) -> str:
    return "\n".join(f"r 1 {p.speaker} {p.start} {p.end} {p.text}" for p in passages)


REFERENCE = [Turn(0, 10, "A"), Turn(12, 20, "B"), Turn(24, 27, "A"), Turn(30, 40, "C")]
HYPOTHESIS = [Turn(2, 13, "a"), Turn(13, 14, "d"), Turn(14, 20, "b"), Turn(22, 38, "c"), Turn(38, 40, "d")]
"""The example of pyannote.metrics' documentation, "Principles"."""


def test_pyannotes_diarization_error_rate() -> None:
    """Its documentation and tests/test_diarization.py: 0.516, of 31 s: 7 confused, 7 false alarm, 2 missed."""
    found = speaker_errors([(REFERENCE, HYPOTHESIS)])
    assert found.rate == pytest.approx(0.5161290322580645)
    assert (found.spoken, found.confused, found.false_alarm, found.missed) == pytest.approx((31, 7, 7, 2))


def test_the_jaccard_error_rate_of_its_definition() -> None:
    """No published figure was found for JER, so by hand, from the Second DIHARD Challenge Evaluation Plan, of the same
    example: A with a shares 8 s of 16, B with b 6 of 8, C with c 8 of 18."""
    found = speaker_errors([(REFERENCE, HYPOTHESIS)])
    assert found.jaccard == pytest.approx((8 / 16 + 2 / 8 + 10 / 18) / 3)
    assert found.speakers == 3


def test_pyannotes_collar_is_twice_ours() -> None:
    """Its test_bug_16: `collar=1` leaves 9 of 10 s; that is half a second inside each edge."""
    assert speaker_errors([([Turn(0, 10, "A")], [])], collar=0.5).spoken == pytest.approx(9)
    assert speaker_errors([([Turn(0, 10, "A")], [])]).spoken == pytest.approx(10)


@pytest.mark.parametrize(("skip", "spoken"), [(True, 32), (False, 34)])
def test_overlapped_speech_is_counted_or_skipped(skip: bool, spoken: float) -> None:
    """Its tests test_skip_overlap and test_leep_overlap: A goes on until 13, B begins at 12."""
    overlapping = [Turn(0, 13, "A"), *REFERENCE[1:]]
    assert speaker_errors([(overlapping, HYPOTHESIS)], skip_overlap=skip).spoken == pytest.approx(spoken)


def test_recordings_are_summed_in_seconds() -> None:
    alone = speaker_errors([(REFERENCE, HYPOTHESIS)])
    both = speaker_errors([(REFERENCE, HYPOTHESIS), ([Turn(0, 31, "A")], [Turn(0, 31, "A")])])
    assert both.rate == pytest.approx(alone.rate / 2)
    assert speaker_errors([([], [])]).spoken == 0


def test_what_has_speakers_but_no_times_has_no_tcpwer() -> None:
    untimed = '[{"session_id": "r", "words": "hi", "speaker": "a"}]'
    lines = compared(speech("r 1 b 0 1 hi", ".stm", "REF"), speech(untimed, ".json", "HYP"), Policy())
    missing = {line.name: line.why for line in lines if isinstance(line, NotScored)}
    assert missing == dict.fromkeys(("tcpWER", "DER", "JER"), "no times in HYP")


def test_silence_misses_all_that_was_said() -> None:
    said, silence = speech("r 1 b 0 1 hi there", ".stm", "REF"), speech('{"segments": []}', ".json", "HYP")
    assert [line.rate for line in compared(said, silence, Policy()) if isinstance(line, Score)] == [1.0] * 6


def test_words_of_nobody_are_said_and_counted() -> None:
    heard = '[{"session_id": "r", "words": "hi", "speaker": "a"}, {"session_id": "r", "words": "there"}]'
    lines = compared(
        speech('[{"session_id": "r", "words": "hi there", "speaker": "b"}]', ".json", "REF"),
        speech(heard, ".json", "HYP"),
        Policy(),
    )
    [cp] = [line for line in lines if isinstance(line, Score) and line.name == "cpWER"]
    assert cp.says == "2 errors in 2 words; 1 words of HYP have no speaker and count as one speaker more"


@pytest.fixture
def sample() -> Path:
    """The telephone call that comes inside pyannote.audio, with its words (.stm) and its turns (.rttm)."""
    try:
        found = importlib.util.find_spec("pyannote.audio")
    except ModuleNotFoundError:
        found = None
    if found is None or not found.submodule_search_locations:
        pytest.skip("pyannote.audio is not installed")
    return Path(found.submodule_search_locations[0]) / "sample"


def test_two_annotations_of_one_call_agree_in_part(sample: Path) -> None:
    """Its words were placed by one hand, its turns by another: two speakers in both, and seconds of difference."""
    lines = compared(read(sample / "sample.stm", "REF"), read(sample / "sample.rttm", "HYP"), Policy(collar=0.25))
    rates = {line.name: line.rate for line in lines if isinstance(line, Score)}
    assert set(rates) == {"DER", "JER"}
    assert 0 < rates["DER"] < 0.2
