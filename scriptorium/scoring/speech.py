"""What a file says was said: by whom, when, and which words. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from core.transcript import SpeakerTurn
from scriptorium.scoring.plain import plain_words

NO_SPEAKER = ""
"""Words that a file gives to nobody, while it gives others to somebody."""


class Unscorable(Exception):
    """A file that cannot be scored; the message names the cause and the remedy."""


@dataclass(frozen=True)
class Passage:
    """Something said in one piece. `recording` is its name in the file. `text`, `speaker` and the times, in seconds
    from the recording's start, are None where the file does not tell."""

    recording: str
    text: str | None = None
    speaker: str | None = None
    start: float | None = None
    end: float | None = None

    @property
    def words(self) -> list[str]:
        return plain_words(self.text or "")

    @property
    def turn(self) -> SpeakerTurn | None:
        """None where nobody is named, or no time."""
        if self.speaker is None or self.start is None or self.end is None:
            return None
        return SpeakerTurn(self.start, self.end, self.speaker)


@dataclass(frozen=True)
class Speech:
    """Of one file, in the order in which it is read. `name` is how messages call it. `recordings` may name one without
    a passage: where nothing was heard. `told`: turns that the file tells apart from its words, of one recording;
    else they are made of passages, and pauses of one speaker below `bridged` seconds are no pauses between them."""

    name: str
    recordings: tuple[str, ...]
    passages: tuple[Passage, ...]
    bridged: float = 0.0
    told: tuple[SpeakerTurn, ...] = ()

    @property
    def has_words(self) -> bool:
        return all(passage.text is not None for passage in self.passages)

    @property
    def has_speakers(self) -> bool:
        return not self.passages or any(passage.speaker is not None for passage in self.passages)

    @property
    def has_times(self) -> bool:
        return all(passage.start is not None for passage in self.passages)

    @property
    def unattributed(self) -> int:
        """Words that have no speaker."""
        return sum(len(passage.words) for passage in self.passages if passage.speaker is None)

    def of(self, recording: str) -> "Speech":
        mine = tuple(passage for passage in self.passages if passage.recording == recording)
        return Speech(self.name, (recording,), mine, self.bridged, self.told)

    def text(self) -> str:
        return " ".join(passage.text or "" for passage in self.passages)

    def streams(self) -> dict[str, list[Passage]]:
        """Each speaker's passages, in order of time where that is known. What has no speaker is one more stream."""
        ordered = sorted(self.passages, key=lambda passage: passage.start or 0.0)
        found: dict[str, list[Passage]] = {}
        for passage in ordered:
            found.setdefault(passage.speaker or NO_SPEAKER, []).append(passage)
        return found

    def turns(self) -> list[SpeakerTurn]:
        """Of those who have a name; where a speaker's own turns overlap, they are one."""
        known = list(self.told) or [turn for passage in self.passages if (turn := passage.turn)]
        known.sort(key=lambda turn: (turn.speaker, turn.start))
        by_speaker = (list(group) for _, group in groupby(known, key=lambda turn: turn.speaker))
        bridged = 0.0 if self.told else self.bridged
        joined = [turn for group in by_speaker for turn in _joined(group, bridged)]
        return sorted(joined, key=lambda turn: (turn.start, turn.end))


def _joined(turns: Sequence[SpeakerTurn], bridged: float) -> Iterator[SpeakerTurn]:
    """Of one speaker, in order of their starts. Turns that touch stay two: a collar then spares the seam, as it does
    in other programs."""
    held = turns[0]
    for turn in turns[1:]:
        if turn.start < held.end + bridged:
            held = SpeakerTurn(held.start, max(held.end, turn.end), held.speaker)
        else:
            yield held
            held = turn
    yield held


def paired(reference: Speech, hypothesis: Speech) -> list[tuple[Speech, Speech]]:
    """Recording by recording. Where each file has one, their names do not matter.

    Raises Unscorable where the files are of different recordings.
    """
    if len(reference.recordings) == len(hypothesis.recordings) == 1:
        return [(reference, hypothesis)]
    for these, others in ((reference, hypothesis), (hypothesis, reference)):
        alone = sorted(set(these.recordings) - set(others.recordings))
        if alone:
            raise Unscorable(
                f"{others.name} has nothing of {_listed(alone)}, which {these.name} has; both must be of the same "
                "recordings, under the same names"
            )
    return [(reference.of(name), hypothesis.of(name)) for name in reference.recordings]


def _listed(names: Sequence[str], most: int = 3) -> str:
    shown = ", ".join(repr(name) for name in names[:most])
    return f"{shown} and {len(names) - most} more" if len(names) > most else shown
