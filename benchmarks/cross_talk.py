"""What it costs to say once what several microphones heard, of eight tracks with 12,000 words each.

    python -m benchmarks.cross_talk [--tracks 8] [--words 12000]

Made-up words, a third of a second each: on every track others, then on every track the same, each track 5 dB below the
one before. CPU seconds, and how many segments stay.
"""

import argparse
import random
import time
from collections.abc import Sequence

from core.transcript import Segment, Word
from worker.cross_talk import TrackText, separated

LEXICON = 3000
SENTENCE = 10
"""Words."""


def track(number: int, words: int, seed: int) -> TrackText:
    chance = random.Random(seed)
    found = []
    at = 0.0
    for _ in range(words // SENTENCE):
        said = tuple(
            Word(at + 0.35 * place, at + 0.35 * place + 0.3, f" w{chance.randrange(LEXICON)}", 0.9)
            for place in range(SENTENCE)
        )
        found.append(Segment(at, said[-1].end, "".join(word.word for word in said), "en", -0.1, 0.0, said))
        at += 0.35 * SENTENCE + 0.5
    return TrackText(tuple(found), lambda _start, _end: -20.0 - 5 * number)


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tracks", type=int, default=8)
    parser.add_argument("--words", type=int, default=12_000)
    given = parser.parse_args(argv)
    print("| | CPU s | segments that stay | copies |")
    print("|---|---|---|---|")
    for name, same in (("nothing is shared", False), ("everything is", True)):
        tracks = [track(number, given.words, 0 if same else number) for number in range(given.tracks)]
        began = time.process_time()
        kept, gaps = separated(tracks)
        print(f"| {name} | {time.process_time() - began:.1f} | {sum(map(len, kept)):,} | {len(gaps):,} |")


if __name__ == "__main__":
    main()
