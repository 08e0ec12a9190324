"""Is a word lost, doubled or out of order where speech without a pause had to be cut? Half an hour of it.

    python -m benchmarks.seams [--minutes 30]

Every word is a burst of tones that spells its number, and the recognizer reads them back: what is missing or twice in
the transcript was lost or doubled by the product. Sentences of 200 to 400 words, one to two minutes without a pause:
every chunk but a sentence's last ends inside speech. Beside it the same with sentences of ordinary length.
"""

import argparse
import json
import tempfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.ledger import ledger
from benchmarks.server import started
from tests.fakes import tones

UNBROKEN = (200, 400)
"""Words between two pauses."""
ORDINARY = (3, 14)
_ENGINE = {"SCRIPTORIUM_ENGINES": json.dumps({"reference": "tests.fakes.recognizers:load"})}
_OPTIONS: dict[str, Any] = {"vad": "webrtc", "language": "en", "cache": False}


@dataclass(frozen=True)
class Kept:
    """Of `words` that were said: `lost`, said once and written twice or more, not of the recording, in another order.
    `forced`: cuts inside speech."""

    name: str
    words: int
    forced: int
    lost: int
    doubled: int
    foreign: int
    disordered: int


def compared(name: str, said: Sequence[str], written: Sequence[str], forced: int) -> Kept:
    place = {word: index for index, word in enumerate(said)}
    counted = Counter(written)
    order = [place[word] for word in written if word in place]
    return Kept(
        name,
        len(said),
        forced,
        lost=sum(word not in counted for word in said),
        doubled=sum(counted[word] > 1 for word in said),
        foreign=sum(word not in place for word in written),
        disordered=sum(later < earlier for earlier, later in zip(order, order[1:], strict=False)),
    )


def measure(name: str, minutes: float, sentence: tuple[int, int]) -> Kept:
    """Of one recording, through a whole server."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "words.wav"
        said = [one.word.strip() for one in tones.make(path, minutes * 60, sentence=sentence)]
        model = f"reference:{path.with_suffix('.json')}"
        with started(model=model, **_ENGINE) as server, ledger(server) as books, server.client() as client:
            job = client.wait(client.submit(path, **_OPTIONS)["id"])
            if job["status"] != "completed":
                raise SystemExit(f"the job {job['status']}: {job['error']}")
            written = str(client.transcript(job["id"])["text"]).split()
            return compared(name, said, written, books.forced(job["id"]))


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=30)
    given = parser.parse_args(argv)
    print(
        "| sentences | words | forced cuts | lost | doubled | not said | out of order |\n|---|---|---|---|---|---|---|"
    )
    for name, sentence in (("without a pause for minutes", UNBROKEN), ("ordinary", ORDINARY)):
        found = measure(name, given.minutes, sentence)
        print(
            f"| {found.name} | {found.words:,} | {found.forced} | {found.lost} | {found.doubled} | {found.foreign} "
            f"| {found.disordered} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
