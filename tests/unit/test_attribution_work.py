"""Attribution is linear: what grows with words and turns is counted, not timed."""

import pytest

from benchmarks.conversations import LEVELS, conversation
from core.transcript import SpeakerTurn, Word
from worker.attribution import attribute


class Counted(float):
    """A second that counts how often it is compared."""

    asked = 0

    def __lt__(self, other: float) -> bool:
        Counted.asked += 1
        return float(self) < other

    def __gt__(self, other: float) -> bool:
        Counted.asked += 1
        return float(self) > other

    def __le__(self, other: float) -> bool:
        Counted.asked += 1
        return float(self) <= other

    def __ge__(self, other: float) -> bool:
        Counted.asked += 1
        return float(self) >= other


def comparisons(minutes: float, people: int = 4, whole: bool = False) -> int:
    """With the times of all turns. `whole`: somebody is heard from the first second to the last."""
    talk = conversation(7, minutes, LEVELS["usual"], speakers=people)
    turns = [SpeakerTurn(Counted(one.start), Counted(one.end), one.speaker) for one in talk.turns]
    if whole:
        turns.append(SpeakerTurn(Counted(0.0), Counted(minutes * 60), "noise"))
    Counted.asked = 0
    attribute(talk.words, turns, talk.exclusive)
    return Counted.asked


@pytest.mark.parametrize(("people", "whole"), [(4, False), (40, False), (4, True)])
def test_work_grows_with_the_words_and_no_faster(people: int, whole: bool) -> None:
    short, long = comparisons(2, people, whole), comparisons(8, people, whole)
    assert 3 < long / short < 5.5


def test_a_word_of_an_hour_slows_no_other() -> None:
    """What a recognizer sometimes gives: the turns of an hour must not be looked at for each of its words."""
    turns = [SpeakerTurn(Counted(at), Counted(at + 0.9), "AB"[at % 2]) for at in range(3600)]
    words = [Word(at / 4, at / 4 + 0.2, " so", 0.9) for at in range(100)]
    Counted.asked = 0
    attribute(words, turns)
    before, Counted.asked = Counted.asked, 0
    attribute([Word(0, 3600, " so", 0.9), *words], turns)
    assert Counted.asked < before + 40_000, "all of it would be two million"
