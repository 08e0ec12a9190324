"""Whose word is it? Ours beside majority overlap, on invented conversations whose speakers are known.

    python -m benchmarks.attribution [--conversations 60 --minutes 10 --hours 10] [--search 300]

Three levels of faults (`benchmarks/conversations.py`). *Majority*: the speaker whose turns cover most of a word, nobody
where none do. *Nearest*: the same, and the nearest turn, however far, where none do. Intervals are bootstraps over
conversations, since words of one conversation err together. `--search` draws rules on seeds 0 to 39 instead, at the
level "usual" alone; the figures are of seeds from 1000 on.
"""

import argparse
import time
import tracemalloc
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace
from itertools import pairwise
from math import exp, inf, log
from random import Random

import numpy as np

from benchmarks.conversations import LEVELS, Conversation, conversation
from benchmarks.pairs import table
from core.transcript import SpeakerTurn, Word
from worker.attribution import RULES, AttributedWord, Rules, attribute

SEARCHED, REPORTED = range(0, 40), 1000
"""Seeds of the conversations that rules are chosen on; the first of those whose figures are told."""
_DRAWS = 1000
"""Of a bootstrap: its ends then move by a hundredth of its width."""

Named = list[str | None]


def majority(words: Sequence[Word], turns: Sequence[SpeakerTurn], *, nearest: bool) -> Named:
    """What is done most often: WhisperX's `assign_word_speakers` is this, `nearest` its `fill_nearest`."""
    speakers = sorted({turn.speaker for turn in turns})
    whose = np.array([speakers.index(turn.speaker) for turn in turns])
    starts, ends = np.array([turn.start for turn in turns]), np.array([turn.end for turn in turns])
    found: Named = []
    for word in words:
        shared = np.minimum(ends, word.end) - np.maximum(starts, word.start)  # below 0: how far away
        if shared.max() > 0:
            found.append(speakers[int(np.bincount(whose, np.maximum(shared, 0)).argmax())])
        else:
            found.append(speakers[int(whose[shared.argmax()])] if nearest else None)
    return found


WAYS: dict[str, Callable[[Conversation], Named]] = {
    "majority": lambda one: majority(one.words, one.turns, nearest=False),
    "majority, exclusive": lambda one: majority(one.words, one.exclusive, nearest=False),
    "nearest": lambda one: majority(one.words, one.turns, nearest=True),
    "nearest, exclusive": lambda one: majority(one.words, one.exclusive, nearest=True),
    "ours": lambda one: [found.word.speaker for found in ours(one)],
}


def ours(one: Conversation, rules: Rules = RULES) -> list[AttributedWord]:
    return attribute(one.words, one.turns, one.exclusive, rules)


@dataclass(frozen=True)
class Count:
    """Of one conversation: words given to another, and to nobody, of how many."""

    wrong: int
    unnamed: int
    words: int


def counted(one: Conversation, named: Named) -> Count:
    pairs = list(zip(named, one.truth, strict=True))
    unnamed = sum(speaker is None for speaker, _ in pairs)
    return Count(sum(speaker != truth for speaker, truth in pairs) - unnamed, unnamed, len(pairs))


def errors(counts: Sequence[Count]) -> float:
    """The share of words without their true speaker: a word given to nobody is an error as well."""
    return sum(one.wrong + one.unnamed for one in counts) / sum(one.words for one in counts)


def interval(statistic: Callable[[list[int]], float], size: int) -> tuple[float, float]:
    """95 %: the statistic of conversations drawn with replacement (Efron, 1979)."""
    chance = Random(1)
    drawn = sorted(statistic(chance.choices(range(size), k=size)) for _ in range(_DRAWS))
    return drawn[round(0.025 * _DRAWS)], drawn[round(0.975 * _DRAWS) - 1]


def accuracy(level: str, conversations: Sequence[Conversation]) -> list[list[str]]:
    """Rows of a table; the last column is the error less that of ours, of the same conversations."""
    counts = {name: [counted(one, way(one)) for one in conversations] for name, way in WAYS.items()}
    best, rows = counts["ours"], []
    for name, own in counts.items():
        low, high = interval(lambda drawn, own=own: errors([own[i] for i in drawn]), len(own))  # type: ignore[misc]
        ends = interval(
            lambda drawn, own=own: errors([own[i] for i in drawn]) - errors([best[i] for i in drawn]),  # type: ignore[misc]
            len(own),
        )
        unnamed = sum(one.unnamed for one in own) / sum(one.words for one in own)
        more = f"{errors(own) - errors(best):.2%} ({ends[0]:.2%} to {ends[1]:.2%})" if name != "ours" else ""
        rows.append([level, name, f"{errors(own):.2%} ({low:.2%} to {high:.2%})", f"{unnamed:.2%}", more])
    return rows


def judged(conversations: Sequence[Conversation], rules: Rules = RULES) -> list[tuple[float, bool]]:
    """(confidence, whether it is right) of each word with a speaker."""
    return [
        (found.word.speaker_confidence or 0.0, found.word.speaker == truth)
        for one in conversations
        for found, truth in zip(ours(one, rules), one.truth, strict=True)
        if found.word.speaker is not None
    ]


def calibration(pairs: Sequence[tuple[float, bool]]) -> tuple[list[list[str]], float]:
    """Rows of a table, and the expected calibration error."""
    rows, off = [], 0.0
    for low, high in pairwise((0, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99, 1.01)):
        own = [pair for pair in pairs if low <= pair[0] < high]
        if not own:
            continue
        told, right = sum(value for value, _ in own) / len(own), sum(good for _, good in own) / len(own)
        off += abs(told - right) * len(own) / len(pairs)
        rows.append([f"{low:g} to {min(high, 1):g}", f"{len(own):,}", f"{told:.3f}", f"{right:.3f}"])
    return rows, off


def overlaps(conversations: Sequence[Conversation]) -> str:
    pairs = [
        (found.overlap, truth) for one in conversations for found, truth in zip(ours(one), one.shared, strict=True)
    ]
    both = sum(marked and truth for marked, truth in pairs)
    marked, true = sum(marked for marked, _ in pairs), sum(truth for _, truth in pairs)
    return f"{both / max(1, marked):.0%} of {marked:,} marked words, {both / max(1, true):.0%} of {true:,} said at once"


def gaps(conversations: Sequence[Conversation]) -> list[list[str]]:
    """Rows of a table: of words without a turn, by how far away the nearest is."""
    found: list[tuple[float, bool, bool, bool]] = []
    for one in conversations:
        starts, ends = (np.array([getattr(turn, edge) for turn in one.turns]) for edge in ("start", "end"))
        sides = zip(one.words, one.truth, WAYS["nearest"](one), WAYS["ours"](one), strict=True)
        for word, truth, nearest, given in sides:
            away = float(np.maximum(starts - word.end, word.start - ends).min())
            found.append((away, nearest == truth, given == truth, given is None))
    rows = []
    for low, high in pairwise((0, 0.25, 0.5, 1, inf)):
        own = [each for each in found if low < each[0] <= high]
        shares = (f"{sum(each[at] for each in own) / max(1, len(own)):.0%}" for at in (1, 2, 3))
        rows.append([f"{low:g} to {high:g} s", f"{len(own):,}", *shares])
    return rows


def long(hours: float) -> str:
    """CPU seconds of the call alone; memory in a call of its own, since watching it costs time."""
    one = conversation(REPORTED, hours * 60, LEVELS["usual"], speakers=6)
    began = time.process_time()
    ours(one)
    spent = time.process_time() - began
    tracemalloc.start()
    ours(one)
    peak = tracemalloc.get_traced_memory()[1] / 1e6
    tracemalloc.stop()
    turns = len(one.turns) + len(one.exclusive)
    return f"{hours:g} hours: {len(one.words):,} words, {turns:,} turns, {spent:.2f} CPU seconds, {peak:.0f} MB"


def loss(conversations: Sequence[Conversation], rules: Rules) -> float:
    """What the search lowers: the logarithmic score of the confidences, which only honest ones make small, and errors
    with it. A word without a speaker counts as one of whom nothing is known."""
    total, words, wrong = 0.0, sum(len(one.words) for one in conversations), 0
    pairs = judged(conversations, rules)
    for told, right in pairs:
        sure = min(max(told, 1e-3), 1 - 1e-3)
        total -= log(sure if right else 1 - sure)
        wrong += not right
    nobody = words - len(pairs)
    return (total + nobody * log(2) + 5 * (wrong + nobody)) / words


def search(steps: int) -> None:
    """Draws near the best so far; `reach` is left, for the reason that stands beside it."""
    conversations = [conversation(seed, 5, LEVELS["usual"]) for seed in SEARCHED]
    chance, best = Random(0), RULES
    lowest = loss(conversations, best)
    names = [field.name for field in fields(Rules) if field.name != "reach"]
    for _ in range(steps):
        changed = {name: getattr(best, name) * exp(chance.gauss(0, 0.4)) for name in chance.sample(names, 2)}
        rules = replace(best, **{**changed, "alone": min(1.0, changed.get("alone", best.alone))})
        if (found := loss(conversations, rules)) < lowest:
            best, lowest = rules, found
            print(f"{lowest:.5f} {best}", flush=True)


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--conversations", type=int, default=60)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--hours", type=float, default=10)
    parser.add_argument("--search", type=int, default=0, metavar="STEPS")
    given = parser.parse_args(argv)
    if given.search:
        return search(given.search)
    seeds = range(REPORTED, REPORTED + given.conversations)
    drawn = {name: [conversation(seed, given.minutes, faults) for seed in seeds] for name, faults in LEVELS.items()}
    rows = [row for name, those in drawn.items() for row in accuracy(name, those)]
    print(table([["faults", "", "words without their speaker", "of these given to nobody", "more than ours"], *rows]))
    for name, those in drawn.items():
        shown, off = calibration(judged(those))
        print(f"\n{name}: expected calibration error {off:.3f}; of overlaps found, {overlaps(those)}\n")
        print(table([["confidence", "words", "mean", "right"], *shown]))
    print("\nusual: words without a turn, by how far away the nearest is\n")
    print(table([["", "words", "nearest: right", "ours: right", "ours: given to nobody"], *gaps(drawn["usual"])]))
    print(f"\n{long(given.hours)}")


if __name__ == "__main__":
    main()
