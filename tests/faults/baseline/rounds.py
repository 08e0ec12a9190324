"""Rounds against plain Celery, counted as the product's are."""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from random import Random

from scriptorium.processes import born
from tests.faults import recordings
from tests.faults.baseline.kinds import KINDS, Inject, Round
from tests.faults.baseline.stack import BaselineStack
from tests.faults.recordings import Made
from tests.faults.report import Line, total

BOUND = 60.0
"""Seconds after the last fault of a round in which a job has to end. The work itself takes about three."""

QUIET = 1.0
"""Seconds without a message in the queue or a chunk under way until nothing more is expected."""

_SETTLES = 15.0
_AT_ONCE = 4
"""Faults a round; before each, another recording is submitted."""

Say = Callable[[str], None]


@dataclass(frozen=True)
class Plan:
    """`injections` of each kind; `pause`: seconds that Redis stands still; `bound`: after which a job is lost."""

    seed: int
    injections: int
    kinds: tuple[str, ...] = tuple(KINDS)
    pause: float = 5.0
    bound: float = BOUND


def run(folder: Path, plan: Plan, say: Say) -> list[Line]:
    """Raises AssertionError when a run without a fault loses or doubles anything: the comparison would not be fair."""
    made = recordings.make(folder, plan.seed)
    chance = Random(plan.seed)
    with BaselineStack(folder) as stack:
        expected = {one.path: _undisturbed(stack, one) for one in made}
        lines = []
        for name in plan.kinds:
            lines.append(_kind(name, plan, lambda: Round(stack, made, chance, plan.pause), expected))
            say(str(lines[-1]))
    return lines


def _kind(name: str, plan: Plan, new: Callable[[], Round], expected: dict[Path, list[str]]) -> Line:
    lines: list[Line] = []
    while (done := sum(line.injected for line in lines)) < plan.injections:
        played = new()
        injected = _injected(KINDS[name], min(_AT_ONCE, plan.injections - done), played)
        if not injected:
            raise AssertionError(f"{name}: could not be injected, nobody was at work")
        played.stack.waited(partial(_all_ended, played), plan.bound)
        _settle(played.stack)
        lines.append(_judged(name, injected, played, expected))
    return replace(total(lines), fault=name)


def _injected(inject: Inject, times: int, played: Round) -> int:
    played.stack.restart_all()
    for _ in range(2):
        played.submit()
    return sum(inject(played) for _ in range(times))


def _all_ended(played: Round) -> bool:
    return all(map(played.stack.ended, played.jobs))


def _judged(name: str, injected: int, played: Round, expected: dict[Path, list[str]]) -> Line:
    stack = played.stack
    words = {job: stack.words(job) for job in played.jobs}
    return Line(
        name,
        injected,
        accepted=len(words),
        completed=sum(heard is not None for heard in words.values()),
        lost=sum(not stack.ended(job) for job in words),
        duplicated=sum(stack.results_of(job) > 1 for job in words),
        differ=sum(words[job] not in (None, expected[made.path]) for job, made in played.jobs.items()),
    )


def _settle(stack: BaselineStack) -> None:
    """Waits for what may still be recorded twice, as long as anything moves."""
    moved = time.monotonic()

    def settled() -> bool:
        nonlocal moved
        if not stack.quiet or any(born(chunk.pid) for chunk in stack.records.running()):
            moved = time.monotonic()
        return time.monotonic() - moved > QUIET

    stack.waited(settled, _SETTLES)


def _undisturbed(stack: BaselineStack, made: Made) -> list[str]:
    job = stack.submit(made)
    stack.wait(lambda: stack.ended(job), BOUND, f"{made.path.name} was not transcribed, without a fault,")
    words = stack.words(job)
    if words is None or stack.results_of(job) != 1:
        raise AssertionError(f"{made.path.name}: failed or recorded twice, without a fault")
    return words
