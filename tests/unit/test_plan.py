"""The pipeline as a table: what is there, what is next, and how the job ends."""

from dataclasses import replace

import pytest

from core import plan
from core.plan import Tally
from core.states import DIARIZED, Kind, Status

NONE = Tally()
OPEN, DONE, FAILED = Tally(total=1, open=1), Tally(total=1), Tally(total=1, failed=1)


CHOSEN = Tally(chosen=True)
"""The second pass has nothing to do, or none to do any more."""


def tallies(
    ingest: Tally = NONE, transcribe: Tally = NONE, assemble: Tally = NONE, redecode: Tally = CHOSEN
) -> dict[Kind, Tally]:  # fmt: skip
    here = {Kind.INGEST: ingest, Kind.TRANSCRIBE: transcribe, Kind.REDECODE: redecode, Kind.ASSEMBLE: assemble}
    return {kind: here.get(kind, NONE) for kind in Kind}


def by_url(fetch: Tally, now: dict[Kind, Tally] | None = None) -> dict[Kind, Tally]:
    return {**(now or tallies(redecode=NONE)), Kind.FETCH: fetch}


def with_speakers(now: dict[Kind, Tally], diarize: Tally = NONE, cluster: Tally = NONE) -> dict[Kind, Tally]:
    return {**now, Kind.DIARIZE: diarize, Kind.CLUSTER: cluster}


REDECODE = Kind.REDECODE
AGAIN, UNHEARD = Tally(total=2, open=1, chosen=True), Tally(total=2, failed=1, chosen=True)


@pytest.mark.parametrize(
    ("case", "now", "following", "verdict"),
    [
        ("a new job is ingested", tallies(), [Kind.INGEST], None),
        ("nothing else before ingest ends", tallies(OPEN), [], None),
        ("chunks that end early do not end the job", tallies(OPEN, Tally(total=3)), [], None),
        ("chunks are waited for", tallies(DONE, Tally(total=3, open=1)), [], None),
        ("all chunks done: assemble", tallies(DONE, Tally(total=3)), [Kind.ASSEMBLE], None),
        ("not before it was looked what to hear again", tallies(DONE, Tally(total=3), redecode=NONE), [REDECODE], None),
        ("what is heard again is waited for", tallies(DONE, Tally(total=3), redecode=AGAIN), [], None),
        ("heard again, or not: assemble", tallies(DONE, Tally(total=3), redecode=UNHEARD), [Kind.ASSEMBLE], None),
        ("silence has no chunks: assemble", tallies(DONE), [Kind.ASSEMBLE], None),
        ("a failed chunk leaves a gap", tallies(DONE, Tally(total=3, failed=1)), [Kind.ASSEMBLE], None),
        ("no chunk could be heard", tallies(DONE, Tally(total=3, failed=3)), [], Status.FAILED),
        ("ingest failed", tallies(FAILED), [], Status.FAILED),
        ("ingest failed after some chunks", tallies(FAILED, Tally(total=2, open=1)), [], Status.FAILED),
        ("assembly is under way", tallies(DONE, Tally(total=3), OPEN), [], None),
        ("assembled", tallies(DONE, Tally(total=3), DONE), [], Status.COMPLETED),
        ("assembly failed", tallies(DONE, Tally(total=3), FAILED), [], Status.FAILED),
        ("nothing before it is fetched", by_url(OPEN), [], None),
        ("what was fetched is ingested", by_url(DONE), [Kind.INGEST], None),
        ("what was fetched goes on as an upload", by_url(DONE, tallies(DONE, Tally(total=3))), [Kind.ASSEMBLE], None),
        ("it could not be fetched", by_url(FAILED), [], Status.FAILED),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_next(case: str, now: dict[Kind, Tally], following: list[Kind], verdict: Status | None) -> None:
    assert plan.next_steps(now) == following
    assert plan.verdict(now) == verdict


HEARD, HEARING = tallies(DONE, Tally(total=3)), tallies(DONE, Tally(total=3, open=1))
TWO, GIVEN_UP = Tally(total=2), Tally(total=2, failed=1, given_up=True)


@pytest.mark.parametrize(
    ("case", "now", "following", "waits"),
    [
        ("not before ingest ends", with_speakers(tallies(OPEN, Tally(total=3, open=1))), [], False),
        ("beside the transcription", with_speakers(HEARING), [Kind.DIARIZE], False),
        ("all blocks before they are joined", with_speakers(HEARING, OPEN), [], False),
        ("joined once", with_speakers(HEARING, TWO), [Kind.CLUSTER], False),
        ("never without a block", with_speakers(HEARING, Tally(total=2, failed=1)), [], False),
        ("words wait for blocks", with_speakers(HEARD, Tally(total=2, open=1)), [], True),
        ("words wait for their joining", with_speakers(HEARD, TWO, OPEN), [], True),
        ("words, then blocks: joined first", with_speakers(HEARD, TWO), [Kind.CLUSTER], True),
        ("both are there", with_speakers(HEARD, TWO, DONE), [Kind.ASSEMBLE], False),
        ("speakers wait for words", with_speakers(HEARING, TWO, DONE), [], False),
        ("given up before the words", with_speakers(HEARING, GIVEN_UP), [], False),
        ("given up", with_speakers(HEARD, GIVEN_UP), [Kind.ASSEMBLE], False),
        ("silence is diarized too", with_speakers(tallies(DONE)), [Kind.DIARIZE], True),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_next_where_speakers_are_wanted(
    case: str, now: dict[Kind, Tally], following: list[Kind], waits: bool
) -> None:
    assert plan.next_steps(now, speakers=True) == following
    assert plan.waits_for_speakers(now) is waits


@pytest.mark.parametrize(
    ("case", "now", "stage", "expected"),
    [
        ("nothing is missing", with_speakers(tallies(DONE, TWO, DONE), TWO, DONE), None, None),
        (
            "what was given up",
            with_speakers(tallies(DONE, TWO, DONE), GIVEN_UP),
            None,
            plan.Again({Kind.DIARIZE: False}, frozenset({Kind.CLUSTER, Kind.ASSEMBLE})),
        ),
        (
            "a chunk and the speakers",
            with_speakers(tallies(DONE, Tally(total=2, failed=1), DONE), GIVEN_UP),
            None,
            plan.Again(
                {Kind.TRANSCRIBE: False, Kind.DIARIZE: False},
                frozenset({Kind.REDECODE, Kind.CLUSTER, Kind.ASSEMBLE}),
            ),
        ),
        (
            "the stage alone",
            with_speakers(tallies(DONE, TWO, DONE), TWO, DONE),
            Kind.DIARIZE,
            plan.Again({}, frozenset({Kind.DIARIZE, Kind.CLUSTER, Kind.ASSEMBLE})),
        ),
        ("not before ingest", with_speakers(tallies(FAILED)), Kind.DIARIZE, None),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_runs_again_where_speakers_are_wanted(
    case: str, now: dict[Kind, Tally], stage: Kind | None, expected: plan.Again | None
) -> None:
    assert plan.again(now, stage, speakers=True) == expected


def test_who_did_not_ask_for_speakers_has_no_such_stage() -> None:
    assert plan.again(with_speakers(tallies(DONE, TWO, DONE)), Kind.DIARIZE) is None


def test_tallies_survive_storage() -> None:
    now = tallies(DONE, Tally(total=4, open=2, failed=1, seconds=100.5, done_seconds=20.0, busy=1.5, tag=7.0))
    assert plan.read(plan.written(now)) == now


def test_what_a_newer_version_wrote_is_passed_over() -> None:
    assert plan.read({"ingest": {"total": 1, "moon": "full"}, "sing": {"total": 3}})[Kind.INGEST] == DONE


def test_progress_never_goes_back() -> None:
    course = [
        tallies(OPEN),
        tallies(OPEN, Tally(total=2, open=2, seconds=60)),
        tallies(OPEN, Tally(total=2, open=1, seconds=60, done_seconds=30)),
        tallies(DONE, Tally(total=4, open=3, seconds=120, done_seconds=30), redecode=NONE),
        tallies(DONE, Tally(total=4, seconds=120, done_seconds=120), redecode=replace(AGAIN, seconds=30)),
        tallies(DONE, Tally(total=4, seconds=120, done_seconds=120)),
    ]
    seen = [plan.progress(now, Status.PROCESSING) for now in course]
    assert seen == sorted(seen)
    assert seen[-1] < 1.0
    assert plan.progress(course[-1], Status.COMPLETED) == 1.0


def test_progress_waits_for_speakers_too() -> None:
    heard, diarize, cluster = Tally(total=4, seconds=120, done_seconds=120), Kind.DIARIZE, Kind.CLUSTER
    half = Tally(total=2, open=1, seconds=120, done_seconds=60)
    course = [
        tallies(DONE, Tally(total=4, open=4, seconds=120)),
        {**tallies(DONE, heard), diarize: replace(half, open=2, done_seconds=0)},
        {**tallies(DONE, heard), diarize: half},
        {**tallies(DONE, heard), diarize: replace(half, open=0, done_seconds=120), cluster: OPEN},
        {**tallies(DONE, heard), diarize: replace(half, open=0, done_seconds=120), cluster: DONE},
    ]
    seen = [plan.progress(now, Status.PROCESSING, speakers=True) for now in course]
    assert seen == sorted(set(seen))
    assert plan.progress({**course[1], diarize: Tally(given_up=True)}, Status.PROCESSING, speakers=True) == seen[-1]


FETCH, INGEST, TRANSCRIBE, ASSEMBLE = Kind.FETCH, Kind.INGEST, Kind.TRANSCRIBE, Kind.ASSEMBLE
AFTER = {REDECODE, ASSEMBLE}


@pytest.mark.parametrize(
    ("case", "now", "stage", "requeued", "dropped"),
    [
        ("it could not be fetched", by_url(FAILED), None, {FETCH: False}, AFTER),
        ("it could not be fetched, by its name", by_url(FAILED), FETCH, {FETCH: False}, AFTER),
        ("fetched, not ingested", by_url(DONE, tallies(FAILED)), None, {INGEST: False}, AFTER),
        ("ingest failed", tallies(FAILED), None, {INGEST: False}, AFTER),
        (
            "cancelled while it was cut",
            tallies(FAILED, Tally(total=3, failed=2)),
            None,
            {INGEST: False, TRANSCRIBE: False},
            AFTER,
        ),
        (
            "a chunk is missing",
            tallies(DONE, Tally(total=3, failed=1), DONE),
            None,
            {TRANSCRIBE: False},
            AFTER,
        ),
        ("only the assembly failed", tallies(DONE, Tally(total=3), FAILED), None, {}, {ASSEMBLE}),
        ("cancelled between the stages", tallies(DONE, Tally(total=3)), None, {}, {ASSEMBLE}),
        ("all again", tallies(DONE, Tally(total=3), DONE), INGEST, {INGEST: True}, {TRANSCRIBE, *DIARIZED, *AFTER}),
        ("all chunks again", tallies(DONE, Tally(total=3), DONE), TRANSCRIBE, {TRANSCRIBE: True}, AFTER),
        ("a chunk was not heard again", tallies(DONE, DONE, DONE, UNHEARD), None, {REDECODE: False}, {ASSEMBLE}),
        ("all of the second pass again", tallies(DONE, DONE, DONE, DONE), REDECODE, {}, AFTER),
        ("only assemble", tallies(DONE, Tally(total=3, failed=1), DONE), ASSEMBLE, {}, {ASSEMBLE}),
        ("silence can be assembled", tallies(DONE, NONE, DONE), ASSEMBLE, {}, {ASSEMBLE}),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_an_owner_gets_again(
    case: str, now: dict[Kind, Tally], stage: Kind | None, requeued: dict[Kind, bool], dropped: set[Kind]
) -> None:
    assert plan.again(now, stage) == plan.Again(requeued, frozenset(dropped))


@pytest.mark.parametrize(
    ("case", "now", "stage"),
    [
        ("nothing is missing", tallies(DONE, Tally(total=3), DONE), None),
        ("no chunks before ingest", tallies(FAILED), TRANSCRIBE),
        ("what was fetched, from a URL that is forgotten", by_url(DONE, tallies(DONE, DONE, DONE)), FETCH),
        ("what was never to be fetched", tallies(FAILED), FETCH),
        ("no ingest before it is fetched", by_url(FAILED), INGEST),
        ("no second pass before the first", tallies(DONE, OPEN), REDECODE),
        ("nothing to assemble", tallies(DONE, Tally(total=3, failed=3)), ASSEMBLE),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_cannot_be_had_again(case: str, now: dict[Kind, Tally], stage: Kind | None) -> None:
    assert plan.again(now, stage) is None
