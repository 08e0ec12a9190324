"""How long does a caller of a long recording wait for the first words?

    python -m benchmarks.first_segment [--minutes 60] [--pairs 5]

Ours from the upload's first byte until `GET /v1/jobs/{id}/segments`, asked every 50 ms, gives a segment; theirs from
the call of faster-whisper's batched pipeline until its first segment. The same scripted model, and no cost of starting
on either side.
"""

import argparse
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks import direct, product, speech
from benchmarks.pairs import Pairs, alternating, middle, table
from benchmarks.product import first_segment, transcribed
from benchmarks.scripted import scripted
from benchmarks.server import Server, started

Found = Pairs[float, float]


def measured(server: Server, folder: Path, minutes: float, pairs: int) -> Found:
    """Seconds."""
    with TemporaryDirectory(prefix="speech-") as sounds:
        transcribed(server, speech.write(Path(sounds) / "warm.wav", 120, pairs), product.PLAIN)
        path = speech.write(Path(sounds) / "long.wav", minutes * 60)
        return alternating(
            pairs,
            lambda _: first_segment(server, path, product.PLAIN),
            lambda _: direct.measured(folder, path, only_first=True).first,
            say=lambda line: print(line, file=sys.stderr),
        )


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--pairs", type=int, default=5)
    chosen = parser.parse_args(argv)
    with scripted() as folder, started(model=str(folder)) as server:
        found = measured(server, folder, chosen.minutes, chosen.pairs)
    seconds = [middle(found.ours), middle(found.theirs), found.ratio(float, float)]
    head = ["", "product", "direct call", "ratio, median (range)"]
    print(f"\n{table([head, [f'first segment of {chosen.minutes:g} min, s', *seconds]])}")


if __name__ == "__main__":
    main()
