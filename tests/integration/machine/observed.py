"""What the rules share: the books as they were before the rule, memory of what was claimed, and what holds always."""

import sys
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant

from core import jobs, keys
from core.context import Context
from core.jobs import Claimed
from core.states import Kind, Status, StepStatus
from core.tables import Job, Step
from tests.emptied import empty
from tests.integration.machine import crew, invariants
from tests.integration.machine.crew import Upload
from tests.integration.machine.invariants import Books

PICK = st.integers(0, 9)
"""Which one: mostly of those that matter now, the newest first; the upper half, of all that ever were."""


class Observed(RuleBasedStateMachine):
    """Remembers what was claimed and sent, so that late and repeated acts can be tried; the truth is the database."""

    def __init__(self, context: Context) -> None:
        super().__init__()
        empty(context)
        self.context = context
        self.tenants = [keys.ensure(context, keys.mint(), name) for name in ("first", "second")]
        self.owners: dict[UUID, keys.Tenant] = {}
        self.claims: list[Claimed] = []
        self.keyed: dict[tuple[UUID, str], tuple[Upload, UUID]] = {}
        self._attempts: dict[UUID, int] = {}
        self._virtual_times: dict[tuple[str, str], float] = {}
        self.books, self._fresh = invariants.read(context), False

    def look(self) -> Books:
        """After an act. Until then `books` is what was before it."""
        self.books, self._fresh = invariants.read(self.context), True
        return self.books

    def job(self, job_id: UUID) -> Job:
        return next(job for job in self.books.jobs if job.id == job_id)

    def row(self, step: Claimed) -> Step | None:
        return next((row for row in self.books.steps[step.job_id] if row.id == step.id), None)

    def rows(self) -> list[Step]:
        return [row for rows in self.books.steps.values() for row in rows]

    def in_hand(self, step: Claimed) -> bool:
        row = self.row(step)
        return row is not None and (row.attempt, row.status) == (step.attempt, StepStatus.RUNNING)

    def pick(self, which: int) -> Claimed:
        """Where nobody holds anything, a worker first takes what there is."""
        held = [step for step in self.claims if self.in_hand(step)]
        if which < 6 and not held:
            held = self.take([Kind.TRANSCRIBE], 1 + which % 3) or self.take(list(Kind), 1)
            self.books = invariants.read(self.context)
        return _newest(held if which < 6 and held else self.claims, which)

    def take(
        self, kinds: list[Kind], limit: int, models: Sequence[str] = crew.MODELS, *, due_now: bool = True
    ) -> list[Claimed]:
        """A claim, of whatever is queued as if its time had come, or of what is due; and whether it was fair."""
        if due_now:
            crew.make_due(self.context)
        now = datetime.now(UTC)
        fitting = [row for row in self.rows() if row.kind in kinds and row.model in ("", *models)]
        due = [row for row in fitting if row.status == StepStatus.QUEUED and (due_now or row.due_at < now)]
        steps = jobs.claim(self.context, "w", kinds, models, limit)
        self.claims += steps
        assert bool(steps) == bool(due), "there was work, and nobody got it; or the other way round"
        if steps:
            _fairly_taken(steps, due, limit)
        return steps

    def pick_job(self, which: int, *, ended: bool) -> UUID:
        living = sorted(job.id for job in self.books.jobs if job.deleted_at is None)
        fitting = [one for one in living if Status(self.job(one).status).ended == ended]
        return _newest(fitting if which < 6 and fitting else list(self.owners), which)

    def state(self, job_id: UUID) -> list[Any]:
        """All that a refused act must leave as it was."""
        books = self.books
        rows = [self.job(job_id), *books.steps[job_id], *books.segments[job_id]]
        kept = books.transcripts.get(job_id)
        said = [{**_columns(row), "late_results": 0} for row in [*rows, *([kept] if kept else [])]]
        return sorted(said, key=str)

    @invariant()
    def the_state_is_whole(self) -> None:
        books = self.books if self._fresh else self.look()
        self._fresh = False
        wrong = invariants.problems(books, lambda one: self.context.blobs.exists(one.source_key))
        assert not wrong, "\n".join(wrong)
        for row in self.rows():
            assert row.attempt >= self._attempts.get(row.id, 0), "an attempt went back"
            self._attempts[row.id] = row.attempt
        for place, value in self._virtual_times.items():
            assert books.virtual_times[place] >= value, "virtual time went back"
        self._virtual_times = books.virtual_times
        stamps = Counter((step.id, step.attempt) for step in self.claims)
        assert not [stamp for stamp, times in stamps.items() if times > 1], "two workers believe that they hold a step"

    def teardown(self) -> None:
        """Nothing is stuck: workers that never fail bring every job to its end."""
        if sys.exc_info()[0] is not None:
            return
        crew.drive_to_the_end(self.context)
        self._fresh = False
        self.the_state_is_whole()
        stuck = [(job.id, job.status) for job in self.books.jobs if not Status(job.status).ended]
        assert not stuck, f"these never end: {stuck}"


def _fairly_taken(steps: list[Claimed], due: list[Step], limit: int) -> None:
    rows = {row.id: row for row in due}
    lowest = min(row.fair_tag for row in due)
    first = min((row for row in due if row.kind == steps[0].kind), key=lambda row: (row.fair_tag, row.id))
    assert first.fair_tag == lowest, "another kind was first"  # of two kinds with one tag, either
    assert first.id in {step.id for step in steps}, "somebody was passed over"
    assert len(steps) <= limit
    assert len({step.kind for step in steps}) == 1
    for step in steps:
        row = rows[step.id]
        assert step.attempt == row.attempt + 1
        assert step.alone == (len(steps) == 1)
        assert step.alone or not (row.kills or row.errors or row.suspect), "a suspect has neighbours"


def _newest(of: list[Any], which: int) -> Any:
    return of[-1 - which % len(of)]


def _columns(row: Any) -> dict[str, Any]:
    return {column.key: getattr(row, column.key) for column in row.__mapper__.column_attrs}
