"""What transcripts and rows must say of the jobs whose speakers were asked for."""

from collections.abc import Iterator, Sequence
from typing import Any

from tests.fakes import voices
from tests.faults.ledger import Ledger
from tests.faults.rounds import Sent

_STAGES = ("diarize", "cluster")
"""Those of the add-on."""


def warned(shown: dict[str, Any]) -> set[str]:
    """Codes of what a job warns of its speakers."""
    return {warning["code"] for warning in shown["warnings"] if warning["stage"] in _STAGES}


def words(document: dict[str, Any]) -> list[dict[str, Any]]:
    return [word for segment in document["segments"] for word in segment["words"]]


def misheard(sent: Sent, document: dict[str, Any]) -> list[str]:
    """Whether another speaker should have some word; of a job that asked for none, or gave them up, whether anybody has
    one."""
    assert sent.made
    expected = voices.labels(sent.made.words) if sent.speakers else [None] * len(sent.made.words)
    told = [one["label"] for one in document["speakers"]]
    if told != [label for label in dict.fromkeys(expected) if label]:
        return [f"its speakers are {told}"]
    pairs = zip(words(document), expected, strict=False)  # whether every word is there is asked elsewhere
    wrong = [(word["word"], word["speaker"], who) for word, who in pairs if word["speaker"] != who]
    return [f"{len(wrong)} words have another speaker: (word, found, right) {wrong[0]}"] if wrong else []


def rows(ledger: Ledger, sent: Sequence[Sent]) -> Iterator[str]:
    """One diarization where speakers were found, none where they were given up; blocks are kept only where they may
    still be joined, and only of steps that are done."""
    found = {one.job: one.speakers for one in sent if one.speakers is not None}
    for job, diarizations, blocks, stray, clustered in ledger.all(_ROWS, list(found)):
        if diarizations != bool(found[job]):
            yield f"job {job}: {diarizations} diarizations, not {int(bool(found[job]))}"
        if stray or (found[job] and blocks):
            yield f"job {job}: {blocks} blocks are left, {stray} of steps that are not done"
        if clustered != bool(found[job]):
            yield f"job {job}: its blocks were joined {clustered} times"


_ROWS = """
    SELECT id,
        (SELECT count(*) FROM diarizations WHERE job_id = jobs.id),
        (SELECT count(*) FROM diarization_blocks WHERE job_id = jobs.id),
        (SELECT count(*) FROM diarization_blocks AS heard WHERE job_id = jobs.id AND NOT EXISTS
            (SELECT 1 FROM steps WHERE job_id = jobs.id AND kind = 'diarize' AND index = heard.index
                AND status = 'done')),
        (SELECT count(*) FROM steps WHERE job_id = jobs.id AND kind = 'cluster' AND status = 'done')
    FROM jobs WHERE id = ANY(%s)
"""
