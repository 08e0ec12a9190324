"""What workers do: claim, end what they hold or held, beat; and two of them at once."""

from collections import Counter
from collections.abc import Callable
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import rule

from core import jobs
from core.errors import Conflict, Gone
from core.jobs import Claimed
from core.states import Kind, StepStatus
from core.tables import Step
from tests.integration.machine import crew
from tests.integration.machine.crew import ENDINGS, MEETINGS
from tests.integration.machine.invariants import mark
from tests.integration.machine.observed import PICK, Observed
from tests.integration.test_races import at_once

ACTS = st.sampled_from(sorted(MEETINGS))
LIGHT = [Kind.INGEST, Kind.ASSEMBLE]
CLAIMABLE = st.sampled_from([LIGHT, [Kind.TRANSCRIBE], [Kind.TRANSCRIBE], list(Kind)])
SERVED = st.sampled_from([*[crew.MODELS] * 3, ("demo",), ("large-v3",), ()])


class Workers(Observed):
    @rule(kinds=CLAIMABLE, models=SERVED, limit=st.integers(1, 4))
    def claim(self, kinds: list[Kind], models: tuple[str, ...], limit: int) -> None:
        self.take(kinds, limit, models, due_now=False)

    @rule()
    def claim_at_once(self) -> None:
        """Three workers, when all that is queued is due: a step goes to one of them."""
        crew.make_due(self.context)
        self._meet(*[("claim", self.claims[-1])] * 3)

    @rule(kind=st.sampled_from(Kind), limit=st.integers(1, 4))
    def work(self, kind: Kind, limit: int) -> None:
        """A worker that does well, so that jobs get far."""
        for step in self.take([kind], limit):
            assert crew.finish(self.context, step), "a step in hand could not be finished"

    @rule(which=PICK)
    def finish(self, which: int) -> None:
        self._end("finish", self.pick(which))

    @rule(name=st.sampled_from(sorted(ENDINGS)), which=PICK)
    def end(self, name: str, which: int) -> None:
        self._end(name, self.pick(which))

    def _end(self, name: str, step: Claimed) -> None:
        """In hand or not any more: late, for the second time, of a run before, of a job that is gone."""
        before, state, late = self.row(step), self.state(step.job_id), self.job(step.job_id).late_results
        mine = self.in_hand(step)
        twice = name == "finish" and before is not None and (before.attempt, before.status) == (step.attempt, "done")
        assert ENDINGS[name](self.context, step) == (mine or twice)
        self.look()
        counted = self.job(step.job_id).late_results - late
        if mine:
            assert counted == 0
            budget_is_kept(name, before, self.row(step))
        else:
            assert self.state(step.job_id) == state, "a late result changed something"
            assert counted == (not twice and name != "hand_back"), "a late result was not counted"

    @rule(which=PICK, generation=st.sampled_from([crew.STRICT, crew.TOLERANT]), most=st.integers(0, 3))
    def emit(self, which: int, generation: str, most: int) -> None:
        ingests = [step for step in self.claims if step.kind is Kind.INGEST]
        step = next((one for one in ingests if self.in_hand(one)), ingests[-1 - which % len(ingests)])
        mine, state, before = self.in_hand(step), self.state(step.job_id), self.job(step.job_id).generation
        assert crew.emit(self.context, step, generation, most) == mine
        self.look()
        chunks = [row for row in self.books.steps[step.job_id] if row.kind == Kind.TRANSCRIBE]
        assert mine or self.state(step.job_id) == state, "an ingest that lost its step added chunks"
        fresh = mine and before != generation
        only_new = [row.attempt for row in chunks] == [0] * crew.cut(step, generation, most)
        assert only_new or not fresh, "another generation's chunks are still here"

    @rule(which=PICK)
    def beat_and_note(self, which: int) -> None:
        step = self.pick(which)
        mine, before, warnings = self.in_hand(step), self.row(step), self.job(step.job_id).warnings
        assert crew.heartbeat(self.context, step) == mine
        jobs.note(self.context, step, "noted", mark(step.id, step.attempt))
        self.look()
        if mine:
            assert self.row(step).lease_until > before.lease_until, "a heartbeat did not renew the lease"
        else:
            assert self.job(step.job_id).warnings == warnings

    @rule(one=ACTS, two=ACTS, which=PICK)
    def meet_at_a_step(self, one: str, two: str, which: int) -> None:
        """Whatever comes first, the state is whole; and of two endings one is refused."""
        step = self.pick(which)
        mine = self.in_hand(step)
        answers = self._meet((one, step), (two, step))
        if mine and {one, two} <= set(ENDINGS):
            assert answers.count(True) == (2 if one == two == "finish" else 1), f"{one} and {two}: {answers}"
        self.look()
        if (one, two, answers[0]) == ("heartbeat", "sweep", True):
            assert self.in_hand(step), "the sweep took a step whose lease had been renewed"

    @rule(one=ACTS, two=ACTS, which=PICK, other=PICK)
    def meet(self, one: str, two: str, which: int, other: int) -> None:
        """At two steps of anybody: often the last two chunks of a job."""
        self._meet((one, self.pick(which)), (two, self.pick(other)))

    def _meet(self, *acts: tuple[str, Claimed]) -> list[Any]:
        names = [name for name, _ in acts]
        if "sweep" in names:
            crew.end_leases(self.context, [step.id for _, step in acts])
            crew.prepare_sweep(self.context)
        answers = at_once(*(self._act(name, step) for name, step in acts))
        taken = [step for answer in answers if isinstance(answer, list) for step in answer]
        self.claims += taken
        twice = [step for step, times in Counter(one.id for one in taken).items() if times > 1]
        assert not twice, "two workers claimed one step"
        return answers

    def _act(self, name: str, step: Claimed) -> Callable[[], Any]:
        act, owner = MEETINGS[name], self.owners[step.job_id]
        return lambda: crew.outcome(lambda: act(self.context, step, owner), Gone, Conflict)


def budget_is_kept(name: str, before: Step | None, after: Step | None) -> None:
    """Only what a step did alone counts against it, and three times are enough."""
    assert before is not None
    assert after is not None
    counts = Counter(kill=before.kills, error=before.errors, outage=before.outages)
    counts[name] += name == "outage" or before.alone
    spent = max(counts["kill"], counts["error"]) >= 3 or counts["outage"] >= 20
    if name in ("finish", "fail") or spent:
        assert after.status == (StepStatus.DONE if name == "finish" else StepStatus.FAILED)
        return
    assert after.status == StepStatus.QUEUED
    assert (after.kills, after.errors, after.outages) == (counts["kill"], counts["error"], counts["outage"])
    assert after.suspect == (before.suspect or (name in ("kill", "error") and not before.alone))
