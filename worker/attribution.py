"""Words and speaker turns -> words with speakers. Pure; seconds from the start of the recording.

Who says a word is the hidden state of a Markov chain over the words. Turns around a word speak for their speakers, more
so where the diarizer hears them alone; and the one who spoke goes on speaking, unless a sentence has ended or
there was a pause. Viterbi's likeliest path names the speakers, forward and backward passes over the same chain say how
likely each is (Rabiner, "A tutorial on hidden Markov models", 1989).
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from core.transcript import SpeakerTurn, Word
from worker.speaker_chain import Weights, path, posteriors
from worker.utterances import merged

LONGEST = 30.0
"""Seconds of a word that are looked at: Whisper's window, so that a whole segment may come as one word, and a wild time
costs no more."""
_ENDS = frozenset(".!?…‼⁇⁈⁉。．｡！？﹒﹖﹗؟۔।॥։።፧။។៕᠃᠉")
"""What ends a sentence: of Unicode's property Sentence_Terminal (UAX #44) what Whisper's languages use; and "…"."""
_CLOSING = " \t\n\"'”’»›)]}」』）］｝】》〉"
"""What may follow it."""


@dataclass(frozen=True)
class Rules:
    """Seconds, and weights that mean something beside one another only. All but `reach` were searched on seeds 0 to 39
    of `benchmarks.attribution`, whose figures are of others, and rounded; around them the error hardly changes."""

    margin: float = 0.05
    """On either side of a word, so much is looked at too: turns' edges and words' times are no more exact."""
    alone: float = 0.4
    """Share of the evidence that comes from exclusive turns, which name one speaker even where two talk."""
    reach: float = 1.5
    """A word without a turn is given to one at most so far from it. Not searched: in the invented conversations the
    nearest turn is right for two such words of three, and hardly one lies further away. In real ones it may: then the
    diarizer missed a whole turn, which may be anybody's."""
    fading: float = 0.2
    """Within reach, evidence falls by the factor e in so many seconds."""
    gap: float = 0.7
    """The evidence of a turn right beside a word that has none."""
    floor: float = 0.45
    """The evidence for anybody within reach, and for whoever spoke a word ago, before any share: turns are wrong at
    times."""
    unheard: float = 0.32
    """That for somebody whom the diarizer did not hear here. A turn over the whole word has 1 and the floor."""
    unheard_gap: float = 0.15
    """The same, more, where the word has no turn."""
    change: float = 2.8
    """The cost of a change of speaker between two words, as the logarithm of the odds against it."""
    sentence: float = 2.6
    """What the end of a sentence takes off it."""
    pause: float = 2.0
    """What each second of silence takes off it. It never falls below 0: no change is better than none."""


RULES = Rules()
OVERLAPPED = 0.5
"""Share of a word, with its margin, in which two speak."""


@dataclass(frozen=True)
class AttributedWord:
    """`word` has its `speaker` and `speaker_confidence`. `overlap`: others spoke at the same time."""

    word: Word
    overlap: bool


_Speaker = tuple[str | None, float | None]
"""And the chance of that."""


class _Evidence(NamedTuple):
    weights: Weights
    overlap: bool


def attribute(
    words: Sequence[Word],
    turns: Sequence[SpeakerTurn],
    exclusive: Sequence[SpeakerTurn] = (),
    rules: Rules = RULES,
) -> list[AttributedWord]:
    """Every word, in the given order and with its own times, with the likeliest speaker.

    `turns` may overlap; of `exclusive`, which may be missing, no two do. Linear in words and turns, as long as few
    turns lie over any one moment. Words may be out of order, and without length.

    `speaker_confidence`, 0 to 1, is the chance of that speaker, given all words and turns: a posterior can be held
    against the share that is right, the margin between two paths' scores cannot. It knows of edges, gaps and overlaps,
    and not whether the diarizer took one voice for another throughout. A word with no turn in `rules.reach` has
    neither a speaker nor a confidence.
    """
    evidence = _evidence(words, turns, exclusive, rules)
    heard = [index for index, found in enumerate(evidence) if found.weights]
    changes = [_change(words[a], words[b], rules) for a, b in zip(heard, heard[1:], strict=False)]
    chain = [evidence[index].weights for index in heard]
    speakers: list[_Speaker] = [(None, None)] * len(words)
    for index, speaker in zip(heard, _named(chain, changes, rules.floor), strict=True):
        speakers[index] = speaker
    return [
        AttributedWord(_given(word, speaker), found.overlap)
        for word, speaker, found in zip(words, speakers, evidence, strict=True)
    ]


def _given(word: Word, speaker: _Speaker) -> Word:
    given = {**vars(word), "speaker": speaker[0], "speaker_confidence": speaker[1]}
    return Word(**given)  # replace() takes twice as long, which ten hours of words feel


def _evidence(
    words: Sequence[Word], turns: Sequence[SpeakerTurn], exclusive: Sequence[SpeakerTurn], rules: Rules
) -> list[_Evidence]:
    """Of each word, in the words' order; looked up in the order of time, in one passage over the turns."""
    heard = merged([*turns, *exclusive])
    alone = merged(exclusive) or heard
    order = sorted(range(len(words)), key=lambda index: words[index].start)
    windows = [_window(words[index], rules.margin) for index in order]
    near = _passing(windows, heard, rules.reach)
    clear = _passing(windows, alone, 0.0)
    found = [_Evidence({}, False)] * len(words)
    for index, window, there, single in zip(order, windows, near, clear, strict=True):
        found[index] = _weighed(window, there, single, rules)
    return found


def _window(word: Word, margin: float) -> tuple[float, float]:
    end = min(max(word.end, word.start), word.start + LONGEST)
    return word.start - margin, end + margin


def _passing(
    windows: Sequence[tuple[float, float]], turns: Sequence[SpeakerTurn], reach: float
) -> Iterator[list[SpeakerTurn]]:
    """For each window, in order of start, the turns that may be within reach, in order of start."""
    passing: list[SpeakerTurn] = []
    ahead = 0
    for start, end in windows:
        while ahead < len(turns) and turns[ahead].start <= end + reach:
            passing.append(turns[ahead])
            ahead += 1
        passing = [turn for turn in passing if turn.end >= start - reach]
        yield passing


def _weighed(
    window: tuple[float, float], near: Sequence[SpeakerTurn], alone: Sequence[SpeakerTurn], rules: Rules
) -> _Evidence:
    length = window[1] - window[0]
    seconds, spoken = _shared(window, near)
    clear, _ = _shared(window, alone)
    bare = 1 - spoken / length
    weights: Weights = {}
    for speaker, shared in seconds.items():
        if shared > 0:
            single = max(clear.get(speaker, 0.0), 0.0)
            share = rules.alone * single + (1 - rules.alone) * shared
            weights[speaker] = rules.floor + share / length + rules.gap * bare
        elif shared >= rules.margin - rules.reach:
            weights[speaker] = rules.floor + rules.gap * bare * math.exp(shared / rules.fading)
    if weights:
        weights[None] = rules.unheard + rules.unheard_gap * bare
    twice = sum(shared for shared in seconds.values() if shared > 0) - spoken
    return _Evidence(weights, twice >= OVERLAPPED * length)


def _shared(window: tuple[float, float], turns: Sequence[SpeakerTurn]) -> tuple[dict[str, float], float]:
    """Seconds of the window that each speaker has, below 0 how far off their nearest turn is; and that anybody has."""
    start, end = window
    seconds: dict[str, float] = {}
    spoken, upto = 0.0, start
    for turn in turns:
        first = turn.start if turn.start > start else start  # max() and min() would be a third of the whole cost
        last = turn.end if turn.end < end else end
        shared, known = last - first, seconds.get(turn.speaker, -math.inf)
        if shared <= 0:
            seconds[turn.speaker] = shared if shared > known else known
            continue
        seconds[turn.speaker] = shared + known if known > 0 else shared
        if last > upto:
            spoken += last - (first if first > upto else upto)
            upto = last
    return seconds, spoken


def _change(before: Word, after: Word, rules: Rules) -> float:
    """The chance that another speaks, at most one half."""
    cost = rules.change - rules.pause * max(0.0, after.start - before.end)
    if before.word.rstrip(_CLOSING)[-1:] in _ENDS:
        cost -= rules.sentence
    return 1 / (1 + math.exp(max(0.0, cost)))


def _named(chain: Sequence[Weights], changes: Sequence[float], floor: float) -> Iterator[_Speaker]:
    """Of each word. Where the path leads to somebody whom the diarizer did not hear, the likeliest whom it did."""
    found = path(chain, changes, floor)
    for speaker, odds in zip(found, posteriors(chain, changes), strict=True):
        best = speaker or max((one for one in odds if one is not None), key=odds.__getitem__)
        yield best, round(odds[best] / sum(odds.values()), 4)
