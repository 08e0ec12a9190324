"""The benchmarks of bookkeeping, fairness, short clips and cuts run, and count what they say they count: a small one of
each, on real servers."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks import (
    api,
    beside,
    bookkeeping,
    cuts,
    hallucinations,
    large_upload,
    one_at_a_time,
    seams,
    short_clips,
)
from benchmarks.ledger import Ledger, ledger
from benchmarks.null import ENVIRONMENT, sleeping_model
from benchmarks.server import Server, started
from core.settings import Settings


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """Whose recognizer sleeps 0.6 s for a whole chunk."""
    with started(model=sleeping_model(0.02), **ENVIRONMENT) as running:
        yield running


@pytest.fixture(scope="module")
def books(server: Server) -> Iterator[Ledger]:
    with ledger(server) as opened:
        yield opened


def test_a_chunk_in_the_ledger_costs_milliseconds(server: Server, books: Ledger) -> None:
    cost = bookkeeping.in_ledger(server, books, chunks=10, least=20)
    assert (cost.chunks, cost.jobs) == (10, 2)
    assert cost.of("transcribe") > 0
    assert cost.of("postgres") > 0
    assert cost.each < 500


def test_every_word_of_the_recording_is_a_chunk(server: Server, books: Ledger) -> None:
    """webrtc may hear one more in the hiss before it has learnt what silence is; the length is rounded up."""
    cost = bookkeeping.recorded(server, books, words=5)
    assert 5 <= cost.chunks <= 7
    assert cost.of("light") > cost.of("redis")


def test_short_recordings_beside_a_long_one(server: Server, books: Ledger, tmp_path: Path) -> None:
    load = replace(beside.make(tmp_path, hours=0.5, short=2, interval=0.1), queued=10)
    idle, other, same, in_order = beside.measure(server, books, load)
    for found in (idle, other, same, in_order):
        assert len(found.seconds) == 2
        assert found.late == 0
        assert min(found.seconds) > 0.5, "less than the recognizer sleeps for 30 s"
    assert in_order.at(0.5) > idle.at(0.5)


def test_short_clips_of_ten_tenants(server: Server, books: Ledger, tmp_path: Path) -> None:
    clips = short_clips.make(tmp_path, 12)
    assert 12 * short_clips.LENGTHS[0] <= clips.seconds <= 12 * short_clips.LENGTHS[1]
    done = short_clips.together(server, books, clips)
    assert done.wall > 0
    assert done.cpu > 0
    assert len(short_clips.alone(server, books, clips, 2)) == 2


def test_one_clip_after_the_other(tmp_path: Path) -> None:
    wall, cpu = one_at_a_time.measured("demo", short_clips.make(tmp_path, 2).paths)
    assert wall > 0
    assert cpu > 0


def test_words_at_cuts() -> None:
    found = seams.measure("unbroken", 1.0, seams.UNBROKEN)
    assert found.words >= 200
    assert found.forced >= 2
    assert (found.lost, found.doubled, found.foreign, found.disordered) == (0, 0, 0, 0)


def test_words_that_nobody_said() -> None:
    """Silence and noise give none; what the direct call makes of them is only counted."""
    found = {one.name: one for one in hallucinations.measure(0.25, "demo", 10.0, Settings())}
    assert set(found) == {"digital silence", "white noise", "pink noise", "music", "clicks"}
    assert found["digital silence"].ours == found["white noise"].ours == 0
    assert found["digital silence"].heard == 0.0


def test_words_near_cuts_and_elsewhere() -> None:
    found, count = cuts.measure(1.0, "demo", Settings())
    near, forced, elsewhere = (found[name] for name in found)
    assert count > 10
    assert near.words > elsewhere.words > 0
    assert forced.words <= near.words
    assert near.share < 0.5


def test_requests_come_at_their_times_whatever_the_answers(server: Server, tmp_path: Path) -> None:
    with server.client() as client:
        callers = api.Callers(server.running.url, server.key, api.finished(client, tmp_path, count=1))
        found = api.loaded(callers, rate=20, seconds=1.5)
        callers.close()
    assert {one.kind for one in found.answers} == set(api.MIX)
    assert {one.status for one in found.answers} == {200, 202}
    assert min(one.seconds for one in found.answers) > 0
    assert found.at("submit", 0.5) <= found.at("submit", 0.99)
    assert api.table([found]).count("\n") == 2


def test_jobs_go_through_and_an_upload_takes_no_memory(server: Server) -> None:
    rate, cost = api.jobs_a_second(server, 4)
    assert rate > 0
    assert cost > 0
    assert large_upload.growth(server, 10**8) < 2**24
