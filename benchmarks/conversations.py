"""Invented conversations: who truly said each word, the words as a recognizer times them, and the turns as a diarizer
gives them, with the faults that both have. Seeded; no sound is made. Seconds from the start.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from random import Random

from core.transcript import SpeakerTurn, Word
from worker.utterances import merged

OWN_GAP = 0.3
"""A diarizer hears words of one speaker that are no further apart as one turn."""
SOFT = -1.5
"""The level of a short turn, such as "mhm", beside that of the same person's others; voices differ by 1."""


@dataclass(frozen=True)
class Faults:
    """How wrong the two are, in seconds and chances.

    `timing`: spread of a word's edges. `unstopped`: sentences whose end the recognizer marks by nothing. `unwritten`:
    words under a louder voice that it does not write. `edge`: the most that a turn's edge is off. `missed`: turns under
    a second that are not found. `hole`: in ten words, up to four in a row get no turn. `split`: a stretch of a turn
    of over two seconds gets another's label. `swallowed`: of two who talk at once only one is found.
    """

    timing: float = 0.08
    unstopped: float = 0.15
    unwritten: float = 0.6
    edge: float = 0.3
    missed: float = 0.3
    hole: float = 0.08
    split: float = 0.06
    swallowed: float = 0.4


LEVELS = {
    "mild": Faults(0.04, 0.05, 0.6, 0.1, 0.1, 0.02, 0.02, 0.2),
    "usual": Faults(),
    "harsh": Faults(0.15, 0.5, 0.6, 0.5, 0.5, 0.15, 0.12, 0.6),
}


@dataclass(frozen=True)
class Spoken:
    """A word as it was said. `shared`: for more than half of it another talks too; `under`: and is louder."""

    start: float
    end: float
    text: str
    speaker: str
    level: float
    shared: bool = False
    under: bool = False


@dataclass(frozen=True)
class Conversation:
    """`words` in the recognizer's order; `truth` and `shared` say of each who spoke it, and whether not alone."""

    words: tuple[Word, ...]
    truth: tuple[str, ...]
    shared: tuple[bool, ...]
    turns: tuple[SpeakerTurn, ...]
    exclusive: tuple[SpeakerTurn, ...]


def conversation(seed: int, minutes: float, faults: Faults, speakers: int = 0) -> Conversation:
    """Of 2 to 6 people where `speakers` is 0. A third is Mandarin: words of one syllable, without spaces."""
    chance = Random(seed)
    people = {f"P{number}": chance.gauss(0, 1) for number in range(speakers or chance.randint(2, 6))}
    spoken = _shared(_talk(chance, people, minutes * 60, mandarin=seed % 3 == 2))
    written = [one for one in spoken if not (one.under and chance.random() < faults.unwritten)]
    pairs = sorted(((_heard(chance, one, faults), one) for one in written), key=lambda pair: pair[0].start)
    turns, exclusive = _diarized(chance, spoken, people, faults)
    return Conversation(
        tuple(word for word, _ in pairs),
        tuple(one.speaker for _, one in pairs),
        tuple(one.shared for _, one in pairs),
        tuple(turns),
        tuple(exclusive),
    )


def _talk(chance: Random, people: Mapping[str, float], seconds: float, *, mandarin: bool) -> list[Spoken]:
    """People, each with a level, take turns of a few sentences; some interrupt, some say "mhm" while another talks."""
    spoken: list[Spoken] = []
    at, speaker, brief = 0.5, next(iter(people)), chance.uniform(0.2, 0.8)
    while at < seconds:
        said = _turn(chance, speaker, at, brief, mandarin=mandarin)
        others = [one for one in people if one != speaker]
        for one in said[2:-2]:
            if chance.random() < 0.02:
                spoken += _backchannel(chance, chance.choice(others), one.start, mandarin=mandarin)
        spoken += said
        speaker = chance.choice(others)
        # Most answers begin within half a second of the end, about a quarter before it.
        at = max(said[0].end, said[-1].end + chance.gauss(0.25, 0.4))
    levelled = [replace(one, level=one.level + people[one.speaker]) for one in spoken]
    return sorted(levelled, key=lambda one: one.start)


def _turn(chance: Random, speaker: str, at: float, brief: float, *, mandarin: bool) -> list[Spoken]:
    said: list[Spoken] = []
    for _ in range(1 + min(int(chance.expovariate(brief)), 9)):
        length = chance.choice((1, 2, 4, 7, 10, 14, 20))
        for place in range(length):
            ends = place == length - 1
            text = f"字{'。' if ends else ''}" if mandarin else f" word{chance.choice('..?') if ends else ''}"
            end = at + min(max(chance.lognormvariate(-1.7 if mandarin else -1.3, 0.45), 0.06), 1.2)
            said.append(Spoken(at, end, text, speaker, 0.0))
            at = end + (chance.expovariate(2.5) if ends else chance.choice((0, 0, 0, 0.03, 0.1)))
            if not ends and chance.random() < 0.04:
                at += chance.uniform(0.2, 0.9)  # looks for a word
    if len(said) > 4 and chance.random() < 0.15:
        return said[: -chance.randint(1, 3)]  # is interrupted
    return said


def _backchannel(chance: Random, speaker: str, at: float, *, mandarin: bool) -> list[Spoken]:
    end = at + chance.uniform(0.2, 0.5)
    said = [Spoken(at, end, "对。" if mandarin else " Mhm.", speaker, SOFT)]
    if chance.random() < 0.3:
        said.append(Spoken(end, end + chance.uniform(0.2, 0.5), "对。" if mandarin else " Yes.", speaker, SOFT))
    return said


def _shared(spoken: Sequence[Spoken]) -> list[Spoken]:
    """No turn is longer than a few minutes, so the words around are enough to know who else talks."""
    found = []
    for index, one in enumerate(spoken):
        others = [other for other in spoken[max(0, index - 40) : index + 40] if other.speaker != one.speaker]
        common = [max(0.0, min(one.end, other.end) - max(one.start, other.start)) for other in others]
        shared = sum(common) > (one.end - one.start) / 2
        louder = any(seconds and other.level > one.level for seconds, other in zip(common, others, strict=True))
        found.append(replace(one, shared=shared, under=shared and louder))
    return found


def _heard(chance: Random, one: Spoken, faults: Faults) -> Word:
    """With times that are off, sometimes without length, and with its full stop sometimes missing."""
    start = max(0.0, one.start + chance.gauss(0, faults.timing))
    end = max(start, one.end + chance.gauss(0, faults.timing))
    text = one.text.rstrip(".?。") if chance.random() < faults.unstopped else one.text
    return Word(round(start, 2), round(end, 2), text, 0.9)


_Turns = list[SpeakerTurn]


def _diarized(
    chance: Random, spoken: Sequence[Spoken], people: Mapping[str, float], faults: Faults
) -> tuple[_Turns, _Turns]:
    """Overlapping and exclusive turns."""
    found: _Turns = []
    for turn in _true_turns(spoken, chance, faults):
        if turn.end - turn.start < 1 and chance.random() < faults.missed:
            continue
        edges = [time + chance.uniform(-faults.edge, faults.edge) for time in (turn.start, turn.end)]
        found += _split(chance, SpeakerTurn(max(0.0, edges[0]), edges[1], turn.speaker), list(people), faults)
    found = merged(_unshared(chance, merged(found), faults.swallowed))
    return found, _exclusive(chance, found, people)


def _true_turns(spoken: Sequence[Spoken], chance: Random, faults: Faults) -> _Turns:
    """With holes: some words in a row, in the middle of a turn, that the diarizer takes for silence."""
    found: _Turns = []
    for speaker in sorted({one.speaker for one in spoken}):
        own: _Turns = []
        skipped = 0
        for one in (each for each in spoken if each.speaker == speaker):
            skipped = chance.randint(1, 4) if chance.random() < faults.hole / 10 else skipped - 1
            if skipped > 0:
                continue
            if own and one.start - own[-1].end <= OWN_GAP:
                own[-1] = SpeakerTurn(own[-1].start, max(own[-1].end, one.end), speaker)
            else:
                own.append(SpeakerTurn(one.start, one.end, speaker))
        found += own
    return found


def _split(chance: Random, turn: SpeakerTurn, people: Sequence[str], faults: Faults) -> _Turns:
    if turn.end - turn.start < 2 or chance.random() >= faults.split:
        return [turn]
    length = chance.uniform(0.3, 1.5)
    start = chance.uniform(turn.start, turn.end - length)
    other = chance.choice([one for one in people if one != turn.speaker])
    return [
        SpeakerTurn(turn.start, start, turn.speaker),
        SpeakerTurn(start, start + length, other),
        SpeakerTurn(start + length, turn.end, turn.speaker),
    ]


def _unshared(chance: Random, turns: Sequence[SpeakerTurn], share: float) -> _Turns:
    """Of two turns that overlap, with this chance, only the longer keeps what they share."""
    found: _Turns = []
    for turn in turns:
        if found and turn.start < found[-1].end and chance.random() < share:
            before = found.pop()
            found += _divided(before, turn)
        else:
            found.append(turn)
    return found


def _divided(one: SpeakerTurn, other: SpeakerTurn) -> _Turns:
    if one.end - one.start >= other.end - other.start:
        return [one] if other.end <= one.end else [one, replace(other, start=one.end)]
    return [replace(one, end=other.start), other]


def _exclusive(chance: Random, turns: Sequence[SpeakerTurn], people: Mapping[str, float]) -> _Turns:
    """At every moment the one turn that is strongest there: mostly the louder one, which is also the one whose words
    the recognizer writes."""
    strength = {
        id(turn): people[turn.speaker] + (SOFT if turn.end - turn.start < 1 else 0) + chance.gauss(0, 0.5)
        for turn in turns
    }
    times = sorted({time for turn in turns for time in (turn.start, turn.end)})
    found: _Turns = []
    passing: _Turns = []
    ahead = 0
    for start, end in zip(times, times[1:], strict=False):
        while ahead < len(turns) and turns[ahead].start <= start:
            passing.append(turns[ahead])
            ahead += 1
        passing = [turn for turn in passing if turn.end > start]
        if passing:
            strongest = max(passing, key=lambda turn: strength[id(turn)])
            found.append(SpeakerTurn(start, end, strongest.speaker))
    return merged(found)
