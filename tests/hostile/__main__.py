"""`make hostile`: sends 300 malformed files to a running server, and prints what became of them.

SEED=n other files · ONLY=kind[,kind] some kinds · MOST=n so many of each kind, as far as there are · OWN=1 decodes with
FFmpeg's libraries from PyAV, as where no ffmpeg is installed.
"""

import os
import signal
import sys
import tempfile
import time
from pathlib import Path

from tests.asked import chosen
from tests.hostile import judged, report
from tests.hostile.house import AT_ONCE, Answer, House, opened
from tests.hostile.kinds import EVERY, cases


def say(line: str) -> None:
    print(line, flush=True)


def without_ffmpeg(folder: Path) -> str:
    """A PATH with everything that this one finds, but FFmpeg's programs."""
    for place in os.environ["PATH"].split(os.pathsep):
        for program in Path(place).iterdir() if Path(place).is_dir() else ():
            link = folder / program.name
            if not program.name.startswith("ff") and not link.is_symlink():
                link.symlink_to(program)
    return str(folder)


def sent(house: House, seed: int) -> tuple[list[Answer], list[str]]:
    most = int(os.environ.get("MOST") or 0) or None
    made = cases(seed, house.canary.bait, chosen(EVERY, "kind"), most)
    began = time.monotonic()
    answers, trouble = [], []
    for answer in house.send(made):
        answers.append(answer)
        found = [*judged.of(answer, house), *judged.hung(answer)]
        said = ", ".join([answer.code, *answer.warnings])
        say(f"{answer.seconds:5.1f} s  {answer.case.kind}: {answer.case.name}: {said}")
        for sentence in found:
            say(f"         OUT OF ORDER: {sentence}")
        trouble += found
    trouble += judged.afterwards(house)
    say(f"\nseed {seed}, {time.monotonic() - began:.0f} s, {AT_ONCE} at once, {sum(len(c.data) for c in made):,} bytes")
    return answers, trouble


def main() -> int:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that no process and no folder is left
    seed = int(os.environ.get("SEED") or 2026)
    with tempfile.TemporaryDirectory() as links:
        Path(links).chmod(0o755)
        extra = {"PATH": without_ffmpeg(Path(links))} if os.environ.get("OWN") else {}
        with opened(**extra) as house:
            answers, trouble = sent(house, seed)
            say(report.table(answers))
            say(f"most memory: a worker {house.peaks.workers:.0f} MiB, a decoder {house.peaks.decoders:.0f} MiB")
    say(f"{len(trouble)} out of order" if trouble else "all in order")
    for sentence in trouble:
        say(sentence)
    return 1 if trouble else 0


if __name__ == "__main__":
    sys.exit(main())
