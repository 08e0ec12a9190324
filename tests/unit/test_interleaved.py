"""Several tracks, one conversation: whose word it is, in which order, under which label and name."""

from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest

from core.jobs import AssemblyFacts, HeardChunk
from core.jobs.tracks import Track
from core.tracks import STRIDE
from core.transcript import Segment, Word
from worker.interleaved import Interleaved, interleaved
from worker.steps.assemble import assembled

ID = UUID(int=1)
LOUD, QUIET = -20, -45


def segment(start: float, words: str, channel: int) -> Segment:
    """A word each half second."""
    said = tuple(Word(start + at / 2, start + at / 2 + 0.4, f" {word}", 0.9) for at, word in enumerate(words.split()))
    return Segment(start, said[-1].end, "".join(one.word for one in said), "en", -0.1, 0.0, said, None, channel)


def chunk(track: int, number: int, start: float, *segments: Segment, level: int = LOUD) -> HeardChunk:
    """Thirty seconds."""
    place = (track * STRIDE + number, start, start + 30, 0.0, 20.0, "en", 1.0, False)
    return HeardChunk(*place, segments, (), (level,) * 120)


def heard(chunks: list[HeardChunk], names: list[str | None], speakers: dict[str, Any] | None = None) -> Interleaved:
    tracks = tuple(Track(number, ID, None, 0.0, name, "g", 60.0, True) for number, name in enumerate(names))
    facts = AssemblyFacts(60.0, 40.0, tuple(chunks), (), speakers, {}, None, True, tracks)
    return interleaved(facts, chunks)


ANN = segment(1, "good morning everybody and welcome", 0)
BOB = segment(5, "hello", 1)
LATER = segment(31, "any questions", 0)
MEANWHILE = segment(1.1, "is this thing on", 1)


def test_segments_stand_in_the_order_in_which_they_were_said() -> None:
    found = heard([chunk(0, 0, 0, ANN), chunk(0, 1, 30, LATER), chunk(1, 0, 0, BOB)], ["Ann", "Bob"])
    assert [one.text.strip() for one in found.segments] == [
        "good morning everybody and welcome", "hello", "any questions"
    ]  # fmt: skip
    assert [one.speaker for one in found.segments] == ["S1", "S2", "S1"]
    assert {word.speaker_confidence for one in found.segments for word in one.words} == {1.0}
    assert found.names == {"S1": "Ann", "S2": "Bob"}


def test_labels_follow_who_speaks_first_not_the_tracks() -> None:
    found = heard([chunk(0, 0, 0, segment(9, "me second", 0)), chunk(1, 0, 0, BOB)], [None, None])
    assert [(turn.speaker, turn.start) for turn in found.turns] == [("S1", 5.0), ("S2", 9.0)]
    assert found.names == {}


def test_who_speaks_at_once_is_not_cut_to_pieces() -> None:
    found = heard([chunk(0, 0, 0, ANN), chunk(1, 0, 0, MEANWHILE)], ["Ann", "Bob"])
    assert [one.text for one in found.utterances] == ["good morning everybody and welcome", "is this thing on"]
    assert all(word.overlap for word in found.segments[1].words)
    assert not any(word.overlap for word in heard([chunk(0, 0, 0, ANN)], ["Ann"]).segments[0].words)


def test_what_two_microphones_heard_stays_on_the_louder_one() -> None:
    copy = segment(1.05, "good morning everybody and welcome", 1)
    found = heard([chunk(0, 0, 0, ANN), chunk(1, 0, 0, copy, level=QUIET)], ["Ann", "Bob"])
    assert [(one.speaker, one.channel) for one in found.segments] == [("S1", 0)]
    (gap,) = found.gaps
    assert (gap.reasons, gap.text.strip()) == (("cross_talk",), copy.text.strip())


def test_the_ledger_keeps_what_each_microphone_heard() -> None:
    """So that another assembly finds the copies again, and says again what became of them."""
    copy = segment(1.05, "good morning everybody and welcome", 1)
    first = heard([chunk(0, 0, 0, ANN), chunk(1, 0, 0, copy, level=QUIET)], ["Ann", "Bob"])
    assert [len(each.segments) for each in first.chunks] == [1, 1]
    again = heard(first.chunks, ["Ann", "Bob"])
    assert (again.segments, again.gaps, again.turns) == (first.segments, first.gaps, first.turns)


def voices(*turns: tuple[float, float, str]) -> dict[str, Any]:
    listed = [list(turn) for turn in turns]
    return {"turns": listed, "exclusive": listed}


def test_a_track_with_several_people_has_a_label_for_each() -> None:
    room = chunk(0, 0, 0, ANN, segment(8, "and me too", 0))
    told = {"tracks": {"0": voices((0.9, 4, "S1"), (7.9, 10, "S2"))}}
    found = heard([room, chunk(1, 0, 0, BOB)], ["Room", "Bob"], told)
    assert [one.speaker for one in found.segments] == ["S1", "S2", "S3"]
    assert found.names == {"S1": "Room (1)", "S2": "Bob", "S3": "Room (2)"}


def test_merged_speakers_are_one_also_across_tracks() -> None:
    """Somebody who was on two devices."""
    found = heard([chunk(0, 0, 0, ANN), chunk(1, 0, 0, BOB)], ["Ann", "Phone"], {"merged": {"S2": "S1"}})
    assert {one.speaker for one in found.segments} == {"S1"}
    assert found.names == {"S1": "Ann"}


@pytest.mark.parametrize("speakers", [None, {}, {"tracks": {}}, {"tracks": {"0": voices()}}])
def test_where_a_diarizer_found_nobody_a_track_is_one_speaker(speakers: dict[str, Any] | None) -> None:
    assert [one.speaker for one in heard([chunk(0, 0, 0, ANN)], ["Ann"], speakers).segments] == ["S1"]


def test_silence_has_no_speakers() -> None:
    found = heard([chunk(0, 0, 0)], ["Ann"])
    assert (found.segments, found.turns, found.utterances, found.names) == ([], (), (), {})


def test_a_track_that_was_not_ingested_changes_nothing() -> None:
    assert [one.speaker for one in heard([chunk(1, 0, 0, BOB)], ["Ann", "Bob"]).segments] == ["S1"]


@pytest.mark.parametrize("words", [True, False])
def test_a_second_assembly_says_the_same(words: bool) -> None:
    """Of what the first one left in the ledger; also where nobody asked for the times of words."""
    copy = segment(1.05, "good morning everybody and welcome", 1)
    chunks = [chunk(0, 0, 0, ANN), chunk(1, 0, 0, copy, BOB, level=QUIET)]
    tracks = tuple(Track(number, ID, None, 0.0, name, "g", 60.0, True) for number, name in enumerate(("Ann", "Bob")))
    facts = AssemblyFacts(60.0, 40.0, tuple(chunks), (), {}, {}, None, words, tracks)
    first = assembled(ID, facts)
    stored = tuple(
        replace(one, segments=tuple(map(Segment.from_json, first.changed.get(one.index, ())))) for one in chunks
    )
    assert assembled(ID, replace(facts, chunks=stored)).document == first.document
    assert len(first.document["coverage"]["suppressed"]) == 1
    assert [one["text"] for one in first.document["utterances"]] == ["good morning everybody and welcome", "hello"]
    assert any(one["words"] for one in first.document["segments"]) is words
