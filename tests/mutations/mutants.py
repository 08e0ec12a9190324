"""What is taken away, and the tests that must see it."""

from dataclasses import dataclass

INTEGRATION = "tests/integration/"


@dataclass(frozen=True)
class Mutation:
    """`old` stands exactly once in the file; `tests`, as pytest names them, pass with it and fail with `new`."""

    what: str
    path: str
    old: str
    new: str
    tests: tuple[str, ...]


def guard(name: str, module: str = "test_guards") -> tuple[str, ...]:
    return (f"{INTEGRATION}{module}.py::{name}",)


MUTATIONS = (
    Mutation(
        "finish takes no lock on the job",
        "core/jobs/rows.py",
        'select(Job).where(Job.id == bindparam("job")).with_for_update()',
        'select(Job).where(Job.id == bindparam("job"))',
        guard("test_a_finish_sees_what_the_other_finish_did"),
    ),
    Mutation(
        "finish and fail do not match the attempt",
        "core/jobs/ends.py",
        'matched = (Step.id == bindparam("step"), Step.attempt == bindparam("at"), Step.status',
        'matched = (Step.id == bindparam("step"), Step.status',
        guard("test_a_late_result_is_refused_and_counted", "test_jobs"),
    ),
    Mutation(
        "retry and hand-back do not match the attempt",
        "core/jobs/ends.py",
        "matched = update(Step).where(Step.id == step.id, Step.attempt == step.attempt, Step.status",
        "matched = update(Step).where(Step.id == step.id, Step.status",
        guard("test_who_lost_a_step_cannot_give_it_back", "test_jobs"),
    ),
    Mutation(
        "emit does not match the attempt",
        "core/jobs/ends.py",
        "ours = select(Step.id).where(Step.id == step.id, Step.attempt == step.attempt, Step.status",
        "ours = select(Step.id).where(Step.id == step.id, Step.status",
        guard("test_two_ingests_of_one_job_cannot_both_emit", "test_races"),
    ),
    Mutation(
        "a second finish is taken for a late one",
        "core/jobs/ends.py",
        "return _done_before(session, step) or _late(job)",
        "return _late(job)",
        guard("test_finishing_twice_changes_nothing", "test_jobs"),
    ),
    Mutation(
        "late results are not counted",
        "core/jobs/ends.py",
        "job.late_results += 1",
        "pass",
        guard("test_a_late_result_is_refused_and_counted", "test_jobs"),
    ),
    Mutation(
        "a claim takes steps that are in hand",
        "core/jobs/due.py",
        "queued = (Step.status == StepStatus.QUEUED, Step.kind",
        "queued = (Step.status.in_([StepStatus.QUEUED, StepStatus.RUNNING]), Step.kind",
        guard("test_a_step_in_hand_is_not_claimed_again"),
    ),
    Mutation(
        "a claim waits for another (no SKIP LOCKED)",
        "core/jobs/due.py",
        ".with_for_update(skip_locked=True)",
        ".with_for_update()",
        guard("test_a_claim_passes_over_what_another_is_taking"),
    ),
    Mutation(
        "a claim locks nothing (no FOR UPDATE)",
        "core/jobs/due.py",
        ".with_for_update(skip_locked=True)",
        "",
        guard("test_a_claim_passes_over_what_another_is_taking"),
    ),
    Mutation(
        "a suspect gets neighbours",
        "core/budget.py",
        "return self.suspect or bool(self.kills or self.errors)",
        "return False",
        guard("test_a_step_that_failed_before_comes_alone", "test_jobs"),
    ),
    Mutation(
        "a heartbeat renews no lease",
        "core/jobs/claims.py",
        ".values(lease_until=_renewed(context.settings.lease))",
        ".values(lease_until=Step.lease_until)",
        guard("test_a_heartbeat_keeps_a_step", "test_sweep"),
    ),
    Mutation(
        "the sweep does nothing",
        "core/jobs/sweep.py",
        "    with transaction(context.sessions) as session:\n        noted = _note_sweep",
        "    return Swept()\n    with transaction(context.sessions) as session:\n        noted = _note_sweep",
        guard("test_a_dead_workers_step_runs_again_and_the_others_do_not", "test_sweep"),
    ),
    Mutation(
        "the sweep reaps nothing",
        "core/jobs/sweep.py",
        "for step in _ended_leases(context)) if now >= reap_after else 0",
        "for step in _ended_leases(context)) if False else 0",
        guard("test_a_dead_workers_step_runs_again_and_the_others_do_not", "test_sweep"),
    ),
    Mutation(
        "the sweep reaps a lease that was renewed meanwhile",
        "core/jobs/ends.py",
        "if job is None or (killed and not _lease_ended(session, step)):",
        "if job is None:",
        guard("test_a_lease_renewed_meanwhile_is_not_reaped", "test_sweep"),
    ),
    Mutation(
        "after an outage the sweep does not wait a lease",
        "core/jobs/sweep.py",
        "        state.reap_after = from_now(context.settings.lease)\n",
        "        pass\n",
        guard("test_after_an_outage_live_workers_get_one_lease_to_renew", "test_sweep"),
    ),
    Mutation(
        "nothing is rung after the commit",
        "core/jobs/rows.py",
        "            self.context.bell.ring(kind, model, count)",
        "            pass",
        guard("test_what_a_finish_made_ready_is_rung_for"),
    ),
    Mutation(
        "finish rings before its commit",
        "core/jobs/ends.py",
        "        go_on(session, job, rings)\n    rings.ring()",
        "        go_on(session, job, rings)\n        rings.ring()",
        guard("test_nothing_is_rung_before_its_commit"),
    ),
    Mutation(
        "emit rings before its commit",
        "core/jobs/ends.py",
        "Kind.TRANSCRIBE, chunks, rings)\n    rings.ring()",
        "Kind.TRANSCRIBE, chunks, rings)\n        rings.ring()",
        guard("test_nothing_is_rung_before_its_commit"),
    ),
    Mutation(
        "what a batch did counts against each of it",
        "core/budget.py",
        "        if not alone:\n            return replace(self, suspect=True)\n",
        "",
        ("tests/unit/test_budget.py::test_a_batch_that_died_condemns_nobody",),
    ),
    Mutation(
        "a step is never spent",
        "core/budget.py",
        "return max(self.kills, self.errors) >= SOLO or self.outages >= OUTAGES",
        "return False",
        guard("test_three_kills_end_a_step", "test_sweep"),
    ),
    Mutation(
        "a hung call does not end its process",
        "worker/pulse.py",
        "        if any(now > end + grace for end in ends.values()):",
        "        if False:",
        guard("test_a_step_past_its_deadline_that_does_not_listen_ends_the_process"),
    ),
    Mutation(
        "a process that ends itself puts nothing back",
        "worker/pulse.py",
        "        for step in self.held:\n",
        "        for step in ():\n",
        guard("test_neighbours_of_a_hung_call_are_handed_back", "test_pulse"),
    ),
    Mutation(
        "a hand-back counts as an error",
        "core/jobs/ends.py",
        "done = _requeue(session, step, delay, {})",
        'done = _requeue(session, step, delay, {"errors": Step.errors + 1})',
        guard("test_a_hand_back_counts_nothing"),
    ),
    Mutation(
        "a second upload with a key does not wait for the first",
        "core/jobs/submit.py",
        "    session.execute(\n        taken.on_conflict_do_update(",
        "    if session.get(IdempotencyKey, (tenant.id, keyed.key)) is None:\n"
        "        session.execute(taken)\n"
        "    (\n        taken.on_conflict_do_update(",
        guard("test_at_once_they_make_one_job", "test_idempotency"),
    ),
    Mutation(
        "cancel leaves the attempts as they are",
        "core/jobs/rows.py",
        "            attempt=Step.attempt + 1,\n",
        "",
        guard("test_cancel_raises_the_attempts_of_what_is_open"),
    ),
    Mutation(
        "delete leaves the transcript",
        "core/jobs/control.py",
        "for table in (SegmentRow, TranscriptRow, DiarizationRow, BlockRow, TrackRow, ParticipantsRow):",
        "for table in (SegmentRow, DiarizationRow, BlockRow, TrackRow, ParticipantsRow):",
        guard("test_a_deleted_job_leaves_no_words"),
    ),
    Mutation(
        "delete leaves what the steps found",
        "core/jobs/control.py",
        ".values(result=None, last_error=None, params=unsaid))",
        ".values(params=unsaid))",
        guard("test_a_deleted_job_leaves_no_words"),
    ),
    Mutation(
        "the scavenger removes what has a row",
        "core/jobs/scavenge.py",
        "return set(names) - set(session.scalars(living))",
        "return set(names)",
        guard("test_what_no_row_names_is_scavenged", "test_idempotency"),
    ),
    Mutation(
        "the scavenger removes nothing",
        "core/jobs/scavenge.py",
        "return set(names) - set(session.scalars(living))",
        "return set()",
        guard("test_what_no_row_names_is_scavenged", "test_idempotency"),
    ),
    Mutation(
        "delete leaves the voices",
        "core/jobs/control.py",
        "for table in (SegmentRow, TranscriptRow, DiarizationRow, BlockRow, TrackRow, ParticipantsRow):",
        "for table in (SegmentRow, TranscriptRow, TrackRow, ParticipantsRow):",
        guard("test_voices_are_erased_with_their_job", "test_speakers"),
    ),
    Mutation(
        "words wait for speakers without end",
        "core/jobs/sweep.py",
        "speakerless = give_up_late(context) if now >= reap_after else 0",
        "speakerless = 0",
        guard("test_words_wait_so_long_and_no_longer", "test_speakers"),
    ),
    Mutation(
        "speakers that came in time are given up",
        "core/jobs/speakers.py",
        "job.speakers_until is None or not plan.waits_for_speakers(plan.read(job.tallies))",
        "False",
        guard("test_the_sweep_and_the_last_result_at_once_agree", "test_speakers"),
    ),
    Mutation(
        "the plan forgets the assembly",
        "core/plan.py",
        "return [Kind.ASSEMBLE] if settled else found",
        "return found",
        ("tests/unit/test_plan.py::test_what_is_next",),
    ),
    Mutation(
        "the plan forgets the second pass",
        "core/plan.py",
        "        return [*found, Kind.REDECODE]\n",
        "        return [*found, Kind.ASSEMBLE]\n",
        ("tests/unit/test_plan.py::test_what_is_next",),
    ),
    Mutation(
        "a second pass again begins with the second texts",
        "core/jobs/again.py",
        "        _put_back_first_texts(session, job)\n",
        "        pass\n",
        guard("test_the_pass_can_be_had_again_from_the_first_texts", "test_second_pass"),
    ),
    Mutation(
        "delete leaves what the second pass was told",
        "core/jobs/control.py",
        "last_error=None, params=unsaid)",
        "last_error=None)",
        guard("test_a_deleted_job_leaves_nothing_that_the_second_pass_was_told", "test_second_pass"),
    ),
    Mutation(
        "a suspect shares its process with what it holds",
        "core/jobs/claims.py",
        "if not due or (beside and tries(due[0]).alone):",
        "if not due:",
        guard("test_a_suspect_does_not_come_beside_others"),
    ),
    Mutation(
        "two long recordings begin at once",
        "core/jobs/due.py",
        "    session.execute(select(func.pg_advisory_xact_lock(LONG_INGESTS)))\n",
        "",
        guard("test_two_who_ask_at_once_do_not_both_get_a_long_one", "test_light_slots"),
    ),
    Mutation(
        "a recording's known chunks outlive it",
        "core/jobs/control.py",
        "    session.execute(sql_delete(Fingerprint).where(Fingerprint.recording_id == recording.id))\n",
        "",
        ("tests/integration/test_library.py",),
    ),
    Mutation(
        "one tenant's chunks are served to another",
        "core/jobs/library.py",
        "        Fingerprint.tenant_id == tenant_id,\n",
        "",
        ("tests/integration/test_library.py",),
    ),
    Mutation(
        "a transcript leaves out what was cancelled",
        "core/jobs/again.py",
        "if wanted is not None and not (kind is Kind.ASSEMBLE and _cancelled_chunks(session, job)):",
        "if wanted is not None:",
        guard("test_what_was_cancelled_is_not_assembled_away", "test_again"),
    ),
    Mutation(
        "another generation keeps the old one's chunks",
        "core/jobs/ends.py",
        "            _discard_chunks(session, job, track)\n",
        "",
        guard("test_a_new_generation_discards_the_old_chunks", "test_jobs"),
    ),
)
