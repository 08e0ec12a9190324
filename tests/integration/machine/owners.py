"""What owners do: send, cancel, delete, run again; and what they are told."""

from uuid import UUID

from hypothesis import strategies as st
from hypothesis.stateful import initialize, rule

from core import jobs, keys, tenants
from core.errors import Conflict, Gone, IdempotencyMismatch, NotFound
from core.jobs import Claimed
from core.states import Kind, Status
from tests.integration.machine import crew, invariants
from tests.integration.machine.crew import Upload
from tests.integration.machine.observed import PICK, Observed
from tests.integration.test_races import at_once

UPLOADS = st.builds(
    Upload,
    chunks=st.integers(0, 3),
    audio=st.sampled_from([b"one", b"two"]),
    model=st.sampled_from(crew.MODELS),
    delete_after=st.sampled_from([None, None, None, 0]),
)


class Owners(Observed):
    @initialize(ready=st.sampled_from([True, True, False]), chunks=st.integers(1, 3), most=st.sampled_from([0, 1, 2]))
    def begin(self, ready: bool, chunks: int, most: int) -> None:
        """A first job, mostly with its chunks: what can go wrong needs some. One of the tenants may have a limit."""
        tenants.change(self.context, self.tenants[1].name, {"concurrent_jobs": most})
        self._send(self.tenants[0], Upload(chunks), None)
        self.books = invariants.read(self.context)
        (step,) = self.take([Kind.INGEST], 1)
        if ready:
            assert crew.finish(self.context, step)

    @rule(who=st.integers(0, 1), upload=UPLOADS, key=st.sampled_from([None, "a", "b"]))
    def submit(self, who: int, upload: Upload, key: str | None) -> None:
        self._send(self.tenants[who], upload, key)

    def _send(self, owner: keys.Tenant, upload: Upload, key: str | None) -> None:
        first, job_id = self.keyed.get((owner.id, key or ""), (None, None))
        answer = crew.outcome(lambda: crew.submit(self.context, owner, upload, key), IdempotencyMismatch, Gone)
        if first is not None and first != upload:
            assert isinstance(answer, IdempotencyMismatch), "a key stood for two things"
        elif job_id is not None and self.job(job_id).deleted_at is not None:
            assert isinstance(answer, Gone)
        else:
            assert answer.created == (first is None)
            assert job_id in (None, UUID(answer.job["id"])), "one key made two jobs"
            self._sent(owner, upload, key, answer)

    def _sent(self, owner: keys.Tenant, upload: Upload, key: str | None, made: jobs.Submitted) -> None:
        self.owners[UUID(made.job["id"])] = owner
        if key:
            self.keyed[owner.id, key] = (upload, UUID(made.job["id"]))

    @rule(which=PICK, erase=st.sampled_from([False, False, True]))
    def cancel_or_delete(self, which: int, erase: bool) -> None:
        job_id = self.pick_job(which, ended=erase and which % 2 == 0)
        if erase:
            jobs.delete(self.context, self.owners[job_id], job_id)
            self.look()
            assert self.job(job_id).deleted_at is not None
        else:
            self._cancel(job_id)

    def _cancel(self, job_id: UUID) -> None:
        before, state = self.job(job_id), self.state(job_id)
        answer = crew.outcome(lambda: jobs.cancel(self.context, self.owners[job_id], job_id), Gone)
        self.look()
        assert isinstance(answer, Gone) == (before.deleted_at is not None)
        assert self.job(job_id).status == (before.status if Status(before.status).ended else Status.CANCELLED)
        assert not Status(before.status).ended or self.state(job_id) == state

    @rule(which=PICK, stage=st.sampled_from([None, None, None, *Kind]))
    def run_again(self, which: int, stage: str | None) -> None:
        job_id = self.pick_job(which, ended=True)
        before, state = self.job(job_id), self.state(job_id)
        ended, owner = Status(before.status).ended, self.owners[job_id]
        answer = crew.outcome(lambda: jobs.run_again(self.context, owner, job_id, stage), Gone, Conflict)
        self.look()
        assert isinstance(answer, Gone) == (before.deleted_at is not None)
        if isinstance(answer, Conflict):
            assert answer.code == _refusal(ended, stage)
            assert stage or before.status == Status.COMPLETED, "a job that is not whole could not be retried"
        if isinstance(answer, Exception) or not ended:
            assert self.state(job_id) == state, "a refusal changed the job"
        else:
            after = self.job(job_id)
            status = Status.QUEUED if after.held_at is not None else Status.PROCESSING
            assert (after.run, after.status) == (before.run + 1, status)

    @rule(which=PICK, key=st.booleans())
    def press_twice_or_trespass(self, which: int, key: bool) -> None:
        if key:
            self._submit_twice_at_once(self.tenants[which % 2], Upload(which % 3))
        else:
            self._trespass(self.pick_job(which, ended=which % 2 == 0))

    def _submit_twice_at_once(self, owner: keys.Tenant, upload: Upload) -> None:
        key = f"both-{len(self.owners)}"
        made = at_once(*(lambda: crew.submit(self.context, owner, upload, key),) * 2)
        assert sorted(one.created for one in made) == [False, True]
        assert len({one.job["id"] for one in made}) == 1
        self._sent(owner, upload, key, made[0])

    def _trespass(self, job_id: UUID) -> None:
        stranger = next(one for one in self.tenants if one != self.owners[job_id])
        state = self.state(job_id)
        for act in (jobs.show, jobs.transcript, jobs.cancel, jobs.run_again, jobs.delete):
            assert isinstance(crew.outcome(lambda act=act: act(self.context, stranger, job_id), NotFound), NotFound)
        self.look()
        assert self.state(job_id) == state

    def owner_of(self, step: Claimed) -> keys.Tenant:
        return self.owners[step.job_id]


def _refusal(ended: bool, stage: str | None) -> str:
    if not ended:
        return "job_not_finished"
    return "stage_not_ready" if stage else "nothing_to_retry"
