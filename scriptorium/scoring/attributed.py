"""cpWER and tcpWER: who said which word. The only file that imports meeteval, which is optional.

cpWER (Watanabe et al., CHiME-6, 2020) joins each speaker's words and takes the pairing of speakers with the fewest
errors. tcpWER (von Neumann et al., MeetEval, CHiME 2023) lets words match only where their times do, within a collar.

The distances are meeteval's. The pairing is done here, because meeteval 0.4.3 counts the kinds of tcpWER's errors in
a matrix of all words said by all words heard: 32 GB for ten hours of one speaker. Tests hold both to be equal.
"""

import math
from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any

from scriptorium.scoring.speech import Passage
from scriptorium.scoring.words import Errors

NEEDS = "it needs meeteval: pip install 'scriptorium[score]', with a C++ compiler (g++ and Python's headers)"
MOST_CELLS = 1e11
"""Words said x words heard, over all recordings: three minutes of a processor; a recording of ten hours has 8e9."""

Streams = Mapping[str, Sequence[Passage]]
"""Speaker -> what they said, in order of time."""


class NotInstalled(Exception):
    """The package that computes a score is not there; the message names the command that brings it."""


def words_in(streams: Streams) -> int:
    return sum(len(stream) for stream in _words(streams))


def cp_errors(said: Streams, heard: Streams) -> Errors:
    """Of one recording. Ten hours, 90,000 words: 12 s, 30 MB. Raises NotInstalled."""
    distance = _levenshtein().levenshtein_distance
    return _best_pairing(_words(said), _words(heard), distance)


def tcp_errors(said: Streams, heard: Streams, collar: float) -> Errors:
    """Of one recording; every passage needs its times. `collar` in seconds is what a word that was heard may be off.
    In a passage of several words each gets its time by its letters, as meeteval does it. Quick where each
    speaker's words are in order of time, else as slow as cpWER. Raises NotInstalled."""
    measure = _levenshtein().time_constrained_levenshtein_distance

    def distance(reference: Sequence[_Timed], hypothesis: Sequence[_Timed]) -> int:
        sides = (reference, hypothesis)
        return int(
            measure(*([word for word, _ in side] for side in sides), *([at for _, at in side] for side in sides))
        )

    # A time below zero would make meeteval look at all pairs of words.
    later = math.ceil(collar)
    reference = _timed(said, "character_based", 0.0, later)
    return _best_pairing(reference, _timed(heard, "character_based_points", collar, later), distance)


_Timed = tuple[str, tuple[float, float]]


def _best_pairing(
    said: Sequence[Sequence[Hashable]], heard: Sequence[Sequence[Hashable]], distance: Callable[[Any, Any], int]
) -> Errors:
    """Each stream with at most one of the other side; the words of those that are left alone all count."""
    from scipy.optimize import linear_sum_assignment

    width = max(len(said), len(heard))
    rows, columns = ([*side, *[[]] * (width - len(side))] for side in (said, heard))
    costs = [[distance(row, column) for column in columns] for row in rows]
    pairing = zip(*linear_sum_assignment(costs), strict=True) if width else ()
    return Errors(sum(costs[row][column] for row, column in pairing), sum(len(stream) for stream in said))


def _words(streams: Streams) -> list[list[str]]:
    return [[word for passage in stream for word in passage.words] for stream in streams.values()]


def _timed(streams: Streams, by: str, collar: float, later: int) -> list[list[_Timed]]:
    """Words with the time that each may match in; `by` is meeteval's name of how a passage's time is shared out."""
    from meeteval.io import SegLST
    from meeteval.wer.wer.time_constrained import apply_collar, get_pseudo_word_level_timings

    found = []
    for stream in streams.values():
        segments = [{"words": " ".join(p.words), "start_time": p.start, "end_time": p.end} for p in stream if p.words]
        timed = apply_collar(get_pseudo_word_level_timings(SegLST(segments), by), collar)
        found.append([(one["words"], (one["start_time"] + later, one["end_time"] + later)) for one in timed])
    return found


def _levenshtein() -> Any:
    try:
        from meeteval.wer.matching import cy_levenshtein
    except ModuleNotFoundError as error:
        raise NotInstalled(NEEDS) from error
    return cy_levenshtein
