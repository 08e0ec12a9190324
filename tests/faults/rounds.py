"""A round: recordings are submitted, a fault is injected, everything ends, and the books are checked."""

import random
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

from tests.faults.children import NeverHappened
from tests.faults.ledger import Held
from tests.faults.load import Caller, GaveUp, Upload
from tests.faults.recordings import Made
from tests.faults.stack import LIGHT, TRANSCRIBERS, Stack

COMPLETED = frozenset({"completed"})
_LAST_TRY = 2
"""Forced ends of a step after which chance leaves it alone: a third would spend its budget."""


@dataclass
class Sent:
    """A recording on its way, and what must become of it. `ends`: statuses that are in order here; `gap`: one chunk
    may be missing, if the transcript says so. `speakers`: whether they must be found; None where nobody asked."""

    upload: Upload
    caller: Caller
    answer: "Future[UUID]"
    made: Made | None = None
    ends: frozenset[str] = COMPLETED
    gap: bool = False
    speakers: bool | None = None

    @property
    def job(self) -> UUID:
        return self.answer.result()

    @property
    def accepted(self) -> bool:
        return self.answer.done() and self.answer.exception() is None


@dataclass
class Round:
    """What a fault's script works with. Waits tend the processes; each raises NeverHappened."""

    stack: Stack
    chance: random.Random
    patience: float
    sent: list[Sent] = field(default_factory=list)
    injected: int = 0
    recoveries: list[float] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    """What the script itself found out of order."""

    def submit(
        self,
        made: Made | None = None,
        *,
        path: Path | None = None,
        pace: float = 0.0,
        key: str | None = None,
        caller: Caller | None = None,
        **options: Any,
    ) -> Sent:
        """In the background. Without a recording, one of random length. Without the chunk cache where nothing else is
        said: a fault that hits nobody's decode would test nothing."""
        if path is None:
            made = made or self.chance.choice(self.stack.recordings)
            path = made.path
        upload = Upload(path, {"cache": False, **options}, pace, *([key] if key else []))
        caller = caller or self.chance.choice(self.stack.callers)
        answer = self.stack.pool.submit(caller.submit, upload, self.patience)
        sent = Sent(upload, caller, answer, made, speakers=options.get("diarization"))
        self.sent.append(sent)
        return sent

    def submit_some(self, *, least: float = 0.0) -> list[Sent]:
        """Two to four, of different lengths, at least one of `least` seconds."""
        count = self.chance.randint(2, 4)
        chosen = self.chance.sample(self.stack.recordings, count)
        if not any(made.words[-1].end >= least for made in chosen):
            chosen[0] = self.stack.recordings[-1]
        return [self.submit(made) for made in chosen]

    def accepted(self, sent: Iterable[Sent] | None = None) -> None:
        """Until every upload was answered, or given up."""
        waited = list(self.sent if sent is None else sent)
        self.until(lambda: all(one.answer.done() for one in waited), "an upload was not answered")

    def until(self, happened: Callable[[], bool], what: str) -> None:
        self.stack.children.until(happened, self.patience, what)

    def moment(self, longest: float = 0.3) -> None:
        """A random one from now."""
        self.stack.children.tended(self.chance.uniform(0.0, longest))

    def busy(self, kind: str, names: Sequence[str]) -> tuple[str, list[Held]]:
        """One of these processes in the middle of such a step, and all that it holds."""
        found: list[tuple[str, list[Held]]] = []

        def any_busy() -> bool:
            for name in self.chance.sample(names, len(names)):
                held = self.stack.ledger.held(self.stack.children.pid(name)) if self.stack.children.alive(name) else []
                if any(one.kind == kind for one in held) and all(one.tries < _LAST_TRY for one in held):
                    found.append((name, held))
                    return True
            return False

        self.until(any_busy, f"nobody worked on {kind}")
        return found[0]

    def transcribing(self) -> tuple[str, list[Held]]:
        return self.busy("transcribe", TRANSCRIBERS)

    def ingesting(self) -> tuple[str, list[Held]]:
        return self.busy("ingest", LIGHT)

    def hit(self, since: float | None = None, recovered: Callable[[], bool] | None = None) -> None:
        """One injection happened, at `since` by the monotonic clock; waits until `recovered` and notes how long."""
        self.injected += 1
        if recovered is not None and since is not None:
            self.until(recovered, "the work that was hit did not go on")
            self.recoveries.append(time.monotonic() - since)

    def hit_holder(self, held: list[Held], since: float) -> None:
        """Whoever held these steps was hit: recovered when all of them are in other hands, or done."""
        self.hit(since, lambda: self.stack.ledger.goes_on(held))

    def ended(self) -> None:
        """Until every accepted job has; what has not by then counts as lost."""
        self.accepted()
        waiting = [one.job for one in self.sent if one.accepted]
        open_jobs = "SELECT count(*) FROM jobs WHERE id = ANY(%s) AND status IN ('queued', 'processing')"
        try:
            self.until(lambda: not self.stack.ledger.count(open_jobs, waiting), "jobs did not end")
        except NeverHappened as error:
            self.wrong.append(str(error))

    def given_up(self) -> list[str]:
        errors = [one.answer.exception() for one in self.sent if not one.accepted]
        return [f"never accepted: {error}" if isinstance(error, GaveUp) else repr(error) for error in errors]


Script = Callable[[Round], None]


@dataclass(frozen=True)
class Fault:
    """`script` submits, injects once or more, and waits for what it wants to see; the round then waits for the end."""

    name: str
    script: Script
    most: int = 1
    """How often a round of the long form plays the script."""
    seconds: float = 0.3
    """How long the recognizer takes a chunk in these rounds."""
    rounds: int = 5
    """In the long form; fewer where one lasts long."""
