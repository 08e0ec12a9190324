"""Plays rounds on one stack and adds them up."""

import random
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from tests.faults.books import Books, Findings, essence, spoken
from tests.faults.children import NeverHappened
from tests.faults.report import Line
from tests.faults.rounds import Fault, Round, Sent
from tests.faults.stack import MEETING, Stack, Timing

MEETING_SECONDS = 7.0
"""Of the bundled meeting, for the real model: up to a pause. A sentence that is cut off would be sampled, and what is
sampled differs from time to time."""

Say = Callable[[str], None]


@dataclass
class Score:
    """One kind of fault, over all its rounds."""

    fault: str
    injected: int = 0
    findings: list[Findings] = field(default_factory=list)
    recoveries: list[float] = field(default_factory=list)

    def line(self) -> Line:
        found = self.findings
        return Line(
            self.fault,
            self.injected,
            accepted=sum(one.accepted for one in found),
            completed=sum(one.completed for one in found),
            lost=sum(len(one.lost) for one in found),
            duplicated=sum(len(one.duplicated) for one in found),
            differ=sum(len(one.differ) for one in found),
            recovery=tuple(self.recoveries),
        )

    @property
    def out_of_order(self) -> list[str]:
        return [said for found in self.findings for said in found.all]


@dataclass
class Suite:
    """`play` any number of rounds; then `left` waits for what the scavenger must have removed."""

    stack: Stack
    chance: random.Random
    patience: float
    books: Books
    scores: dict[str, Score] = field(default_factory=dict)
    played: int = 0

    def calm(self) -> None:
        """Every recording once, without faults: what all later transcripts are compared with."""
        first = self._round()
        for made in self.stack.recordings:
            first.submit(made)
        first.submit(self.stack.talk, diarization=True)
        self._demo(first)
        first.ended()
        if trouble := self.books.check(first).all:
            raise AssertionError("\n".join(["without any fault:", *trouble]))
        for sent in first.sent:
            self._remember(sent)

    def _remember(self, sent: Sent) -> None:
        document = self.stack.asked(lambda: sent.caller.transcript(sent.job))
        self.books.calm[sent.upload.path.name] = essence(document)
        if sent.made and spoken(document) != [one.word.strip() for one in sent.made.words]:
            raise AssertionError(f"without any fault, {sent.upload.path.name} is not transcribed as it was spoken")

    def play(self, fault: Fault, times: int) -> Findings:
        """One round. What a script waited for in vain is a finding, and its jobs are judged all the same."""
        played = self._round()
        self.stack.control.set(seconds=fault.seconds)
        self.stack.wait_for_workers(self.patience)
        if self.played % 3 == 0:
            self._demo(played)
        self.played += 1
        try:
            for _ in range(times):
                fault.script(played)
        except NeverHappened as error:
            played.wrong.append(str(error))
        self.stack.control.set()
        found = self._judged(played)
        score = self.scores.setdefault(fault.name, Score(fault.name))
        score.injected += played.injected
        score.recoveries += played.recoveries
        score.findings.append(found)
        return found

    def _judged(self, played: Round) -> Findings:
        try:
            played.ended()
            return self.books.check(played)
        except NeverHappened as error:
            return Findings(wrong=[*played.wrong, f"{error}: the books could not be read"])

    def left(self) -> list[str]:
        """Bytes that nobody names, once the scavenger has had its time."""
        timing = self.stack.timing
        seconds = timing.orphan_after + 3 * timing.scavenge + 2 * timing.lease + 10
        try:
            self.stack.children.until(lambda: not self.books.orphans(), seconds, "orphaned bytes were not removed")
        except NeverHappened as error:
            return [str(error), *self.books.orphans()]
        return []

    def _round(self) -> Round:
        return Round(self.stack, self.chance, self.patience)

    def _demo(self, played: Round) -> None:
        meeting = MEETING
        played.submit(path=meeting, model="demo", language="en", clip_end=MEETING_SECONDS)


@contextmanager
def opened(timing: Timing, seed: int, patience: float) -> Iterator[Suite]:
    """A stack, and a suite whose fault-free run is done."""
    with Stack(timing, seed) as stack:
        suite = Suite(stack, random.Random(seed), patience, Books(stack))
        suite.calm()
        yield suite


def play_all(suite: Suite, faults: Iterable[tuple[Fault, int]], say: Say) -> None:
    for fault, times in faults:
        began = time.monotonic()
        found = suite.play(fault, times)
        trouble = found.all
        say(f"{time.monotonic() - began:5.1f} s  {fault.name}: {'in order' if not trouble else 'OUT OF ORDER'}")
        for sentence in trouble:
            say(f"         {sentence}")
