"""The comparison is only fair while plain Celery, left alone, does its work, and while its faults hit it."""

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from scriptorium import embedded
from tests.faults import recordings
from tests.faults.baseline.kinds import KINDS, Round
from tests.faults.baseline.stack import BaselineStack

SECONDS = 60.0
"""For what takes one or two: a machine may be busy."""


@pytest.fixture(scope="module")
def stack() -> Iterator[BaselineStack]:
    with embedded.temporary() as folder, BaselineStack(folder, seconds=0.3) as started:
        yield started


@pytest.fixture
def played(stack: BaselineStack, tmp_path: Path) -> Round:
    return Round(stack, recordings.make(tmp_path, 1)[:4], random.Random(1), pause=1.0)


def test_without_a_fault_every_recording_is_transcribed_once(played: Round) -> None:
    stack = played.stack
    for made in played.recordings:
        job = stack.submit(made)
        stack.wait(lambda job=job: stack.ended(job), SECONDS, "a recording was not transcribed")  # type: ignore[misc]
        heard = stack.words(job)
        assert heard
        assert len(heard) >= len(made.words) - 1, "a fixed cut may spoil the word that it hits, no more"
        assert stack.results_of(job) == 1


def test_a_recognizer_that_raises_fails_its_job_and_no_other(played: Round) -> None:
    stack = played.stack
    assert KINDS["recognizer raises once"](played)
    other = played.submit()
    stack.wait(lambda: all(map(stack.ended, played.jobs)), SECONDS, "a job did not end")
    assert [stack.failed(job) for job in played.jobs] == [True, False]
    assert stack.words(other)


def test_messages_that_are_tripled_are_done_three_times(played: Round) -> None:
    stack = played.stack
    assert KINDS["every ring tripled"](played)
    stack.wait(lambda: any(stack.results_of(job) > 1 for job in played.jobs), SECONDS, "nothing was recorded twice")


def test_messages_that_are_lost_are_lost(played: Round) -> None:
    stack = played.stack
    stack.restart_all()
    assert KINDS["every ring lost"](played)
    *_, lost = played.jobs
    later = played.submit()
    stack.wait(lambda: stack.ended(later), SECONDS, "the workers work no more")
    stack.wait(lambda: stack.quiet, SECONDS, "messages are left")
    assert not stack.ended(lost)
