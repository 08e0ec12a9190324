"""Of jobs with several sounds."""

from tests.mutations.mutation import Mutation, guard

TRACKS = (
    Mutation(
        "who lost the step separates all the same",
        "core/jobs/separate.py",
        "if job is None or not held(session, step):",
        "if job is None:",
        guard("test_who_lost_the_step_separates_nothing", "test_tracks"),
    ),
    Mutation(
        "separating takes no lock on the job",
        "core/jobs/separate.py",
        "job = locked(session, step.job_id)",
        "job = session.get(Job, step.job_id)",
        guard("test_separating_and_cancelling_at_once_leave_no_open_step", "test_tracks"),
    ),
    Mutation(
        "a new generation of one track discards another's chunks",
        "core/jobs/ends.py",
        "its = indices(track or 0)",
        "its = indices(0)",
        guard("test_another_generation_discards_the_chunks_of_its_track_alone", "test_tracks"),
    ),
    Mutation(
        "the speakers of one track take the place of another's",
        "core/jobs/speakers.py",
        'return {"tracks": {**others, str(track): found}}',
        'return {"tracks": {str(track): found}}',
        guard("test_speakers_of_two_tracks_are_kept_side_by_side", "test_tracks"),
    ),
    Mutation(
        "deleting a job leaves its tracks' sound",
        "core/jobs/tracks.py",
        "return {job.recording_id, *session.scalars(select(TrackRow.recording_id).where(TrackRow.job_id == job.id))}",
        "return {job.recording_id}",
        guard("test_all_recordings_are_erased_with_the_last_job", "test_tracks"),
    ),
    Mutation(
        "the words are assembled before every track is there",
        "core/plan.py",
        "return tallies[Kind.INGEST].ended and tallies[Kind.INGEST].done > 0",
        "return tallies[Kind.INGEST].done > 0",
        guard("test_each_track_is_ingested_by_itself", "test_tracks"),
    ),
)
