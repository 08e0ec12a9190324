"""What must be true of each answer, and of the server once all are in. Each finding is a sentence."""

import re
from collections.abc import Iterator

import psycopg

from tests.acceptance.running import ROOT
from tests.hostile.cases import COMPLETED
from tests.hostile.house import LONGEST_STEP, Answer, House, children
from tests.hostile.kinds.said import MARK

MOST_WORKER = 1024.0
"""MiB of a process that stays: the demonstration model and its libraries take half of it."""
MOST_DECODER = 1024.0
"""MiB of a decoder, whose address space is limited to four times as much."""
MEETING = ROOT / "samples" / "meeting" / "meeting.flac"
PHRASES = ("hello everyone and welcome to the meeting", "let us start with the summary")
"""What the demonstration model hears first in it."""
_UNAVAILABLE = 500

_TELLTALE = re.compile(
    r"Traceback|File \"|/tmp/|/work/|/blobs/|recordings/[0-9a-f]|psycopg|sqlalchemy|worker/|\.py\b|root:x:0"
)
"""Of a server's inside, in what callers read; or of a file that nobody sent."""


def of(answer: Answer, house: House) -> Iterator[str]:
    """What is wrong with one answer."""
    case, name = answer.case, f"{answer.case.kind}, {answer.case.name}"
    if answer.status >= _UNAVAILABLE:
        yield f"{name}: answered {answer.status}"
    elif answer.code not in case.ends:
        yield f"{name}: ended as {answer.code}; in order: {', '.join(sorted(case.ends))}"
    elif case.warned and answer.code == COMPLETED and not answer.warnings:
        yield f"{name}: a part is missing, and no warning says so"
    if telltale := _TELLTALE.search(_without_names(answer)):
        yield f"{name}: the answer says {telltale[0]!r}"
    if house.canary.bait.text in answer.said:
        yield f"{name}: the answer holds what stands in a file that it names"


def hung(answer: Answer) -> Iterator[str]:
    """By the clock, which a busy machine bends: the server's own watchdogs judge in the tests."""
    if answer.seconds > LONGEST_STEP:
        yield f"{answer.case.kind}, {answer.case.name}: took {answer.seconds:.0f} s"


def _without_names(answer: Answer) -> str:
    """The caller's own name for the file is shown as it was given."""
    return re.sub(r'"filename": "(?:[^"\\]|\\.)*"', "", answer.said)


def afterwards(house: House) -> list[str]:
    """Nobody died, nobody was called, nothing is left, and a good recording is heard as before."""
    return [
        *_deaths(house),
        *(f"somebody called the canary: {said!r}" for said in house.canary.callers),
        *_steps(house),
        *_bytes(house),
        *_logs(house),
        *_swollen(house),
        *_good(house),
    ]


def _deaths(house: House) -> Iterator[str]:
    now = children(house.up)
    for name, pid in house.children.items():
        if now.get(name) != pid:
            yield f"{name} died: it was process {pid}, and is {now.get(name)}"
    yield from (line for line in house.up.said().splitlines() if "started again" in line)


def _steps(house: House) -> Iterator[str]:
    """Bad input fails at once: nothing is tried again."""
    with psycopg.connect(house.up.database_url) as connection:
        rows = connection.execute(
            "SELECT job_id, kind, kills, errors, attempt, last_error->>'message' FROM steps"
            " WHERE kills > 0 OR errors > 0 OR attempt > 1"
        ).fetchall()
    for job, kind, kills, errors, attempt, said in rows:
        yield f"job {job}: its {kind} step was tried {attempt} times ({kills} kills, {errors} errors): {said}"


def _bytes(house: House) -> Iterator[str]:
    blobs = house.up.folder / "blobs"
    with psycopg.connect(house.up.database_url) as connection:
        rows = {str(row[0]) for row in connection.execute("SELECT id FROM recordings").fetchall()}
    for path in (blobs / "recordings").iterdir():
        if path.name not in rows:
            yield f"blobs/recordings/{path.name} has no row"
    yield from (f"blobs/.incoming/{path.name} was left" for path in (blobs / ".incoming").iterdir())


def _logs(house: House) -> Iterator[str]:
    for path in [*(house.up.folder / "logs").iterdir(), house.up.folder / "stderr.txt"]:
        text = path.read_text(errors="replace")
        for what in (MARK.decode(), house.canary.bait.text, "root:x:0"):
            if what in text:
                yield f"the log {path.name} holds what stands in a file: {what}"
        for line in text.splitlines():
            if "Traceback" in line or "unexpected error" in line:
                yield f"the log {path.name}: {line}"


def _swollen(house: House) -> Iterator[str]:
    if house.peaks.workers > MOST_WORKER:
        yield f"a worker grew to {house.peaks.workers:.0f} MiB"
    if house.peaks.decoders > MOST_DECODER:
        yield f"a decoder grew to {house.peaks.decoders:.0f} MiB"


def _good(house: House) -> Iterator[str]:
    """Not out of the cache."""
    with house.up.client() as client:
        job = client.wait(client.submit(MEETING, language="en", clip_end=7.0, cache=False)["id"])
        text = re.sub(r"[.,?!]", "", client.transcript(job["id"])["text"].lower())
    yield from (f"of a good recording {phrase!r} is not heard any more" for phrase in PHRASES if phrase not in text)
