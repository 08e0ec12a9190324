"""The bundled meeting's files tell one story, and only in words that the demonstration model knows."""

import json
from pathlib import Path

import pytest

from models.training import lexicon

SAMPLES = Path(__file__).parents[2] / "samples"
MEETING = SAMPLES / "meeting"
SPEAKERS = {"clara", "victor", "ben"}
MILLISECOND = 0.0015  # what rounding two times to a millisecond may differ by


def words() -> list[dict]:
    return json.loads((MEETING / "meeting.words.json").read_text())


def turns() -> list[tuple[str, float, float]]:
    """(speaker, start, end) of each line of the RTTM."""
    rows = [line.split() for line in (MEETING / "meeting.rttm").read_text().splitlines()]
    return [(row[7], float(row[3]), float(row[3]) + float(row[4])) for row in rows]


def seconds(path: Path) -> tuple[float, int, int, int]:
    """(seconds, rate, channels, bits) from FLAC's STREAMINFO block (RFC 9639, section 8.2)."""
    head = path.read_bytes()[:42]
    assert head[:4] == b"fLaC"
    packed = int.from_bytes(head[18:26])  # 20 bits rate, 3 channels - 1, 5 bits - 1, 36 samples
    rate = packed >> 44
    return (packed & (1 << 36) - 1) / rate, rate, (packed >> 41 & 7) + 1, (packed >> 36 & 31) + 1


def overlaps() -> list[tuple[str, str, float]]:
    """(earlier speaker, later speaker, seconds) of every two turns that share time."""
    found = []
    ordered = sorted(turns(), key=lambda turn: turn[1])
    for index, (first, _, end) in enumerate(ordered):
        for second, start, until in ordered[index + 1 :]:
            if start < end - MILLISECOND:
                found.append((first, second, min(end, until) - start))
    return found


@pytest.mark.parametrize(
    ("name", "shortest", "longest"),
    [("meeting/meeting.flac", 80, 100), ("mandarin.flac", 8, 14)],
)
def test_sound_is_16_khz_mono_of_the_stated_length(name: str, shortest: float, longest: float) -> None:
    length, *shape = seconds(SAMPLES / name)
    assert shortest <= length <= longest
    assert shape == [16_000, 1, 16]


def test_text_and_words_say_the_same() -> None:
    assert (MEETING / "meeting.txt").read_text().split() == [word["word"] for word in words()]


def test_stm_says_the_words_of_each_turn() -> None:
    lines = [line.split() for line in (MEETING / "meeting.stm").read_text().splitlines()]
    assert [(line[2], float(line[3])) for line in lines] == [(speaker, start) for speaker, start, _ in turns()]
    said = [word for line in lines for word in line[6:]]
    assert said == [word["word"].rstrip(".?").lower() for word in words()]


def test_every_word_lies_inside_a_turn_of_its_speaker() -> None:
    for word in words():
        assert word["start"] < word["end"]
        assert any(
            speaker == word["speaker"] and start - MILLISECOND <= word["start"] and word["end"] <= end + MILLISECOND
            for speaker, start, end in turns()
        ), word


def test_words_of_a_speaker_follow_each_other() -> None:
    for speaker in SPEAKERS:
        mine = [word for word in words() if word["speaker"] == speaker]
        assert all(a["end"] <= b["start"] + MILLISECOND for a, b in zip(mine, mine[1:], strict=False))


def test_turns_are_in_order_and_end_before_the_sound() -> None:
    starts = [start for _, start, _ in turns()]
    assert starts == sorted(starts)
    assert max(end for _, _, end in turns()) < seconds(MEETING / "meeting.flac")[0]
    assert {speaker for speaker, _, _ in turns()} == SPEAKERS


def test_exactly_two_turns_overlap_for_about_a_second() -> None:
    [(first, second, length)] = overlaps()
    assert first != second
    assert 1.0 <= length <= 1.5


def test_one_silence_is_long_and_the_others_are_pauses() -> None:
    gaps, heard_until = [], 0.0
    for _, start, end in turns():
        gaps.append(start - heard_until)
        heard_until = max(heard_until, end)
    assert [gap for gap in gaps if gap > 2.01] == [pytest.approx(4.0, abs=0.01)]
    assert all(gap >= 0.29 for gap in gaps if gap > 0)


def test_every_word_is_in_the_lexicon() -> None:
    known = set(lexicon.ENGLISH)
    starters = {word[0].upper() + word[1:] for word in lexicon.STARTERS}
    first_of_sentence = True
    for word in (word["word"] for word in words()):
        bare = word.rstrip(".?")
        assert bare in known or (first_of_sentence and bare in starters), word
        first_of_sentence = bare != word


def test_every_mandarin_character_is_in_the_lexicon() -> None:
    text = (SAMPLES / "mandarin.txt").read_text()
    assert set(text) - {"\n"} <= set(lexicon.CHARACTERS)


def test_samples_stay_small() -> None:
    assert sum(path.stat().st_size for path in SAMPLES.rglob("*") if path.is_file()) < 3_000_000
