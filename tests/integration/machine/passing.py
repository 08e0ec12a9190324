"""Time that passes, and what then happens by itself: leases end, the sweep comes by, the scavenger too."""

from datetime import UTC, datetime
from uuid import UUID

from hypothesis import strategies as st
from hypothesis.stateful import rule

from core import jobs
from core.states import StepStatus
from tests.integration.machine import crew
from tests.integration.machine.observed import PICK, Observed
from tests.integration.machine.workers import budget_is_kept


class Passing(Observed):
    @rule(which=PICK)
    def lose_a_worker(self, which: int) -> None:
        step = self.pick(which)
        mine, before = self.in_hand(step), self.row(step)
        crew.end_leases(self.context, [step.id] if mine else [])
        self._sweep(gap=False)
        if mine:
            budget_is_kept("kill", before, self.row(step))

    @rule(dead=st.booleans(), gap=st.booleans())
    def sweep(self, dead: bool, gap: bool) -> None:
        if dead:
            crew.end_leases(self.context)
        self._sweep(gap=gap)

    def _sweep(self, *, gap: bool) -> None:
        """After a gap nothing is reaped; else all that nobody held on to."""
        now = datetime.now(UTC)
        self.look()
        ended = [row for row in self.rows() if row.lease_until and row.lease_until < now]
        crew.prepare_sweep(self.context, gap=gap)
        assert jobs.sweep(self.context).reaped == (0 if gap else len(ended))
        self.look()
        late = [job.id for job in self.books.jobs if job.delete_at and job.delete_at < now and not job.deleted_at]
        assert not late, "a job outlived the time that its owner gave it"

    @rule()
    def wait(self) -> None:
        crew.make_due(self.context)

    @rule(which=PICK, a_day=st.booleans(), served=st.sampled_from([True, True, False]))
    def much_later(self, which: int, a_day: bool, served: bool) -> None:
        if served:
            self._scavenge(a_day)
        else:
            self._nobody_serves(self.pick_job(which, ended=False))

    def _scavenge(self, a_day: bool) -> None:
        orphan = crew.orphan(self.context)
        if a_day:
            crew.age_keys(self.context)
            self.keyed.clear()
        assert jobs.scavenge(self.context) >= 1
        assert not self.context.blobs.exists(orphan)
        assert not (a_day and self.look().keys)

    def _nobody_serves(self, job_id: UUID) -> None:
        unheard = [row for row in self.books.steps[job_id] if row.model and row.status == StepStatus.QUEUED]
        crew.make_due(self.context, job_id, days=4)
        crew.prepare_sweep(self.context)
        swept = jobs.sweep(self.context)
        self.look()
        assert swept.unserved == bool(unheard)
        assert not unheard or self.job(job_id).error["code"] == "model_not_served"
