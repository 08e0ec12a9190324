"""What counts as the same word, what files say, and which scores two of them allow."""

import json
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.transcript import SpeakerTurn as Turn
from scriptorium.scoring.files import PAUSE, speech
from scriptorium.scoring.plain import plain_characters, plain_words
from scriptorium.scoring.report import MOST_WORD_CELLS, NotScored, Policy, Score, as_json, as_text, bounded, compared
from scriptorium.scoring.speech import NO_SPEAKER, Passage, Speech, Unscorable, paired
from scriptorium.scoring.words import character_errors, word_errors


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Hello, Clara!", ["hello", "clara"]),
        ("Twenty-one — or 21?", ["twenty", "one", "or", "21"]),
        ("don't DON’T 'don't'", ["don't", "don't", "don't"]),  # one apostrophe, and none at a word's edges
        ("ＡＢＣ　１２", ["abc", "12"]),  # full width, and its blank
        ("你好，李先生。", ["你", "好", "李", "先", "生"]),
        ("用Python写", ["用", "python", "写"]),
        ("コーヒー を", ["コ", "ー", "ヒ", "ー", "を"]),
        ("नमस्ते दुनिया", ["नमस्ते", "दुनिया"]),  # vowel signs are no letters, and part no words
        ("می\u200cخواهم", ["میخواهم"]),  # nor does what nobody sees
        ("$5 + 3%", ["5", "3"]),
        ("… ' -", []),
        ("", []),
    ],
)
def test_what_counts_as_the_same_word(text: str, words: list[str]) -> None:
    assert plain_words(text) == words


def test_characters_keep_the_blanks_of_languages_that_have_them() -> None:
    assert plain_characters("Hello,  Clara! 你好 世界 ok") == "hello clara 你好世界 ok"


@given(st.text(st.sampled_from("aB'’-_. 你好ー。é½…\u200c\u0301\n"), max_size=20))
def test_plain_words_stay_as_they_are(text: str) -> None:
    words = plain_words(text)
    assert plain_words(" ".join(words)) == words
    assert not any(word != word.strip() or not word for word in words)


def test_errors_are_a_micro_average() -> None:
    found = word_errors([("a b c d e f g h".split(), "a b c d e f g h".split()), (["x"], ["y", "z"])])
    assert (found.errors, found.length, found.rate) == (2, 9, 2 / 9)
    assert (found.substituted, found.missing, found.extra) == (1, 0, 1)


def test_nothing_heard_misses_every_word() -> None:
    assert word_errors([(["a", "b"], [])]).missing == 2
    assert character_errors([("ab", "")]).rate == 1.0


def test_an_stm_is_read_by_its_fields() -> None:
    said = speech(
        ";; a comment\n"
        "two 1 ben 5 6.5 <o,f0,male> how much\n"
        "one A clara 0.5 1.0 hello <there>\n"
        "two 1 inter_segment_gap 0 5\n"
        "two 1 clara 6 7\n",
        ".stm",
        "REF",
    )
    assert said.recordings == ("one", "two")
    assert said.passages == (
        Passage("one", "hello <there>", "clara", 0.5, 1.0),
        Passage("two", "how much", "ben", 5.0, 6.5),
        Passage("two", "", "clara", 6.0, 7.0),
    )


def test_an_rttm_says_turns_and_no_words() -> None:
    said = speech("SPKR-INFO r 1 <NA> <NA> <NA> unknown a <NA>\nSPEAKER r 1 1.5 2 <NA> <NA> a <NA> <NA>\n", ".rttm", "")
    assert said.passages == (Passage("r", None, "a", 1.5, 3.5),)
    assert (said.has_words, said.has_speakers, said.has_times) == (False, True, True)


def test_a_ctm_says_words_and_no_speakers() -> None:
    said = speech("r A 1.0 0.2 there 0.9\nr A 0.5 0.5 hello\n", ".CTM", "")
    assert said.text() == "hello there"
    assert (said.has_words, said.has_speakers, said.has_times) == (True, False, True)


def test_seglst_is_a_list() -> None:
    entries = [
        {"session_id": "r", "words": "how much", "speaker": 2, "start_time": "1", "end_time": 2},
        {"session_id": "r", "words": "hello"},
    ]
    said = speech(json.dumps(entries), ".json", "")
    assert said.passages == (Passage("r", "how much", "2", 1.0, 2.0), Passage("r", "hello"))
    assert not said.has_times


def transcript(*segments: dict[str, object]) -> Speech:
    return speech(json.dumps({"segments": segments}), ".json", "HYP")


def word(text: str, start: float, speaker: str | None = None) -> dict[str, object]:
    return {"word": text, "start": start, "end": start + 0.25, "speaker": speaker}


def test_a_transcript_gives_its_words_where_it_has_them() -> None:
    heard = transcript(
        {"text": " a three-year", "start": 0, "end": 2, "speaker": "S1", "words": [
            word(" a", 0.0, "S2"), word(" three", 0.5), word("-year.", 1.0)]},
        {"text": " plan", "start": 2, "end": 3, "speaker": "S1"},
        {"text": "你好", "start": 3, "end": 4, "words": [word("你", 3.0), word("好", 3.5)]},
    )  # fmt: skip
    assert heard.passages == (
        Passage("", " a", "S2", 0.0, 0.25),
        Passage("", " three", "S1", 0.5, 0.75),
        Passage("", "-year.", "S1", 1.0, 1.25),
        Passage("", " plan", "S1", 2.0, 3.0),
        Passage("", "你", None, 3.0, 3.25),
        Passage("", "好", None, 3.5, 3.75),
    )
    assert heard.bridged == PAUSE


def test_parts_of_one_word_are_one_passage() -> None:
    heard = transcript({"text": "", "words": [word(" some", 0.0, "S1"), word("one's", 0.25, "S1")]})
    assert heard.passages == (Passage("", " someone's", "S1", 0.0, 0.5),)


def test_a_transcript_of_silence_is_a_recording_without_a_word() -> None:
    silence = transcript()
    assert (silence.recordings, silence.passages) == (("",), ())
    said = speech("one two", ".txt", "REF")
    rates = {line.name: line.rate for line in compared(said, silence, Policy()) if isinstance(line, Score)}
    assert rates["WER"] == rates["CER"] == 1.0


@pytest.mark.parametrize(
    ("suffix", "text", "says"),
    [
        (".stm", "", "is empty"),
        (".stm", "r 1 a 0", "line 1 has 4 fields, but a line is `recording"),
        (".stm", "\nr 1 a zero 1 hi", "line 2: 'zero' is no time"),
        (".stm", "r 1 a 2 1 hi", "goes from 2 s to 1 s"),
        (".stm", "r 1 a -1 1 hi", "from 0"),
        (".stm", "r 1 a nan 1 hi", "no time"),
        (".stm", "r 1 a 0 1 ignore_time_segment_in_scoring", "sclite"),
        (".stm", "r 1 a 0 1 and { uh / @ } then", "sclite"),
        (".ctm", "r 1 0 1", "4 fields"),
        (".rttm", "LEXEME r 1 0 1 hi lex a <NA>", "no SPEAKER line"),
        (".rttm", "SPEAKER r 1 0 1 <NA>", "6 fields"),
        (".rttm", "NOSCORE r 1 0 1 <NA> <NA> <NA>", "left out of scoring"),
        (".json", "{", "no JSON"),
        (".json", "[" * 100_000, "no JSON"),
        (".json", '{"text": "hi"}', "neither a transcript"),
        (".json", "3", "neither a transcript"),
        (".json", "[]", "list is empty"),
        (".json", '[{"words": "hi"}]', "entry 0 has no `session_id`"),
        (".json", '["hi"]', "entry 0 has no `session_id`"),
        (".json", '[{"session_id": "r"}]', "entry 0 has no `words`"),
        (".json", '{"segments": [{"start": 0}]}', "segments[0] has no `text`"),
        (".json", '{"segments": ["hi"]}', "segments[0] has no `text`"),
        (".json", '{"segments": [{"text": "", "words": 3}]}', "no list"),
        (".json", '{"segments": [{"text": "", "words": [3]}]}', "segments[0].words[0] has no `word`"),
        (".json", f'{{"segments": [{{"text": "", "start": 1{"0" * 400}, "end": 1}}]}}', "no time"),
        (".json", '{"segments": [{"text": "", "start": NaN, "end": 1}]}', "no time"),
    ],
)
def test_what_cannot_be_read_says_where_and_why(suffix: str, text: str, says: str) -> None:
    with pytest.raises(Unscorable, match=r"^REF \(x\)") as refused:
        speech(text, suffix, "REF (x)")
    assert says in str(refused.value)


def one(speaker: str | None, start: float, end: float) -> Passage:
    return Passage("", "hi", speaker, start, end)


def test_turns_are_joined_only_over_pauses_between_words() -> None:
    passages = (one("a", 0, 1), one("a", 1.2, 2), one("b", 1.5, 3), one("a", 2.5, 3), one(None, 4, 5))
    assert Speech("", ("",), passages, 0.3).turns() == [Turn(0, 2, "a"), Turn(1.5, 3, "b"), Turn(2.5, 3, "a")]
    assert len(Speech("", ("",), passages).turns()) == 4


def test_overlapping_turns_of_one_speaker_count_once() -> None:
    said = Speech("", ("",), (one("a", 0, 5), one("a", 1, 2), one("a", 4, 6), one("a", 6, 7)))
    assert said.turns() == [Turn(0, 6, "a"), Turn(6, 7, "a")]


_times = st.integers(0, 50).map(float)
_passages = st.lists(st.builds(lambda s, a, d: one(s, a, a + d), st.sampled_from("abc"), _times, _times), max_size=20)


@given(_passages, st.sampled_from([0.0, 2.0]))
def test_turns_of_a_speaker_never_overlap_and_cover_what_was_said(passages: list[Passage], bridged: float) -> None:
    turns = Speech("", ("",), tuple(passages), bridged).turns()
    for speaker in "abc":
        mine = [turn for turn in turns if turn.speaker == speaker]
        assert all(before.end + bridged <= after.start for before, after in pairwise(mine))
        for passage in passages:
            if passage.speaker == speaker:
                assert any(turn.start <= (passage.start or 0) and (passage.end or 0) <= turn.end for turn in mine)


def test_words_without_a_speaker_are_a_stream_of_their_own() -> None:
    heard = Speech("", ("",), (one("a", 3, 4), one(None, 1, 2), one("a", 0, 1)))
    assert {name: [p.start for p in stream] for name, stream in heard.streams().items()} == {
        "a": [0, 3], NO_SPEAKER: [1],
    }  # fmt: skip
    assert heard.unattributed == 1


def test_one_recording_each_needs_no_name() -> None:
    said, heard = speech("meeting 1 a 0 1 hi", ".stm", "REF"), speech("hi", ".txt", "HYP")
    assert paired(said, heard) == [(said, heard)]


def test_several_recordings_go_by_name() -> None:
    said = speech("x 1 a 0 1 hi\ny 1 a 0 1 ho", ".stm", "REF (r.stm)")
    assert [(a.text(), b.text()) for a, b in paired(said, said)] == [("hi", "hi"), ("ho", "ho")]
    with pytest.raises(Unscorable, match=r"HYP \(h.stm\) has nothing of 'y', which REF"):
        paired(said, speech("x 1 a 0 1 hi", ".stm", "HYP (h.stm)"))
    with pytest.raises(Unscorable, match=r"REF \(r.stm\) has nothing of 'z'"):
        paired(said, speech("x 1 a 0 1 hi\ny 1 a 0 1 ho\nz 1 a 0 1 he", ".stm", "HYP (h.stm)"))


def not_scored(reference: Speech, hypothesis: Speech) -> dict[str, str]:
    return {line.name: line.why for line in compared(reference, hypothesis, Policy()) if isinstance(line, NotScored)}


def test_what_the_files_lack_is_named() -> None:
    text, turns = speech("hi", ".txt", "REF (r.txt)"), speech("SPEAKER r 1 0 1 <NA> <NA> a", ".rttm", "HYP (h.rttm)")
    no_words, no_speakers = "no words in HYP (h.rttm)", "no speakers in REF (r.txt)"
    assert not_scored(text, turns) == {
        "WER": no_words, "CER": no_words, "cpWER": no_speakers, "tcpWER": no_speakers,
        "DER": f"{no_speakers}: it needs turns", "JER": f"{no_speakers}: it needs turns",
    }  # fmt: skip


def test_a_reference_without_a_word_has_no_rate() -> None:
    why = not_scored(speech("...", ".txt", "REF"), speech("hi", ".txt", "HYP"))
    assert why["WER"] == why["CER"] == "REF has no words"


def test_more_than_can_be_compared_in_minutes_is_refused() -> None:
    bounded([(90_000, 90_000)], MOST_WORD_CELLS, "words")
    with pytest.raises(Unscorable, match="too many words for it at once; score the recordings apart"):
        bounded([(90_000, 90_000)] * 124, MOST_WORD_CELLS, "words")


def test_a_report_for_people_and_one_for_programs() -> None:
    lines = compared(speech("one two three", ".txt", "REF"), speech("one too three four", ".txt", "HYP"), Policy())
    shown = as_text(lines).splitlines()
    assert shown[0] == "WER       66.7%  2 errors in 3 words (1 substituted, 0 missing, 1 extra)"
    assert shown[2] == "cpWER         -  not scored: no speakers in REF"
    assert "lower case" in shown[-1]
    document = as_json(lines)
    assert document["scores"]["wer"] == {
        "rate": 2 / 3, "errors": 2, "words": 3, "substituted": 1, "missing": 0, "extra": 1,
    }  # fmt: skip
    assert set(document["not_scored"]) == {"cpwer", "tcpwer", "der", "jer"}
    assert json.loads(json.dumps(document)) == document


def test_the_turns_of_a_transcript_are_those_that_were_heard_not_its_words() -> None:
    words = [{"start": 1.0, "end": 1.5, "word": " hello", "speaker": "S1"}]
    segment = {"start": 1.0, "end": 1.5, "text": " hello", "speaker": "S1", "words": words}
    turns = [{"start": 0.9, "end": 2.0, "speaker": "S1"}, {"start": 2.1, "end": 3.0, "speaker": "S1"}]
    heard = speech(json.dumps({"segments": [segment], "turns": turns}), ".json", "HYP")
    assert heard.turns() == [Turn(0.9, 2.0, "S1"), Turn(2.1, 3.0, "S1")]
    assert speech(json.dumps({"segments": [segment], "turns": []}), ".json", "HYP").turns() == [Turn(1.0, 1.5, "S1")]
    for wrong in ([{"start": 1, "end": 2}], [{"start": 2, "end": 1, "speaker": "S1"}], "S1"):
        with pytest.raises(Unscorable, match=r"turns\[0\]"):
            speech(json.dumps({"segments": [segment], "turns": wrong}), ".json", "HYP")
