"""The books: what must be true once every job of a round has ended. Each finding is a sentence."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from core import plan
from core.states import RECOGNIZED, Kind
from tests.faults import speakers
from tests.faults.rounds import Round, Sent
from tests.faults.stack import Stack

Essence = tuple[Any, ...]
LONGEST_CHUNK = 30.0
"""Seconds."""


def essence(document: dict[str, Any]) -> Essence:
    """What two transcripts of one recording must agree in: text, segments, words and their times."""
    segments = [
        (one["start"], one["end"], one["text"], [(w["start"], w["end"], w["word"]) for w in one["words"]])
        for one in document["segments"]
    ]
    return document["text"], tuple(map(str, segments)), str(document["coverage"]["suppressed"])


def spoken(document: dict[str, Any]) -> list[str]:
    return [word["word"].strip() for segment in document["segments"] for word in segment["words"]]


@dataclass
class Findings:
    """Numbers for the table, and sentences for the reader."""

    accepted: int = 0
    completed: int = 0
    lost: list[str] = field(default_factory=list)
    duplicated: list[str] = field(default_factory=list)
    differ: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)

    @property
    def all(self) -> list[str]:
        kinds = (("lost", self.lost), ("duplicated", self.duplicated), ("differs", self.differ), ("books", self.wrong))
        return [f"{kind}: {said}" for kind, sentences in kinds for said in sentences]


@dataclass
class Books:
    """`calm`: what a recording's transcript was without faults, by file name."""

    stack: Stack
    calm: dict[str, Essence] = field(default_factory=dict)

    def check(self, played: Round) -> Findings:
        found = Findings(wrong=[*played.wrong, *played.given_up()])
        accepted = {one.job: one for one in played.sent if one.accepted}
        found.accepted = len(accepted)
        for sent in accepted.values():
            self._ended(sent, found)
        found.duplicated += self._jobs_twice()
        found.wrong += [*self._open(), *self._rows(list(accepted)), *self._bytes(list(accepted))]
        found.wrong += speakers.rows(self.stack.ledger, list(accepted.values()))
        return found

    def _ended(self, sent: Sent, found: Findings) -> None:
        shown = self.stack.asked(lambda: sent.caller.job(sent.job))
        name = f"{sent.upload.path.name}, job {sent.job}"
        if shown["status"] not in sent.ends:
            found.lost.append(f"{name}: {shown['status']}, {shown.get('error')}; in order: {', '.join(sent.ends)}")
        if shown["status"] != "completed":
            return
        found.completed += 1
        document = self.stack.asked(lambda: sent.caller.transcript(sent.job))
        words = spoken(document)
        if sent.made and len(set(words)) < len(words):
            found.duplicated.append(f"{name}: words stand twice")
        if sent.gap:
            found.differ += _gap(sent, document, name)
        elif essence(document) != self.calm.get(sent.upload.path.name, essence(document)):
            found.differ.append(f"{name}: not what it was without faults")
        elif sent.made:
            found.differ += [f"{name}: {said}" for said in speakers.misheard(sent, document)]
        if sent.speakers and (codes := speakers.warned(shown)):
            found.wrong.append(f"{name}: its speakers were found, but it warns of {', '.join(codes)}")

    def _jobs_twice(self) -> list[str]:
        rows = self.stack.ledger.all(
            "SELECT metadata->>'key', count(*) FROM jobs WHERE metadata ? 'key' GROUP BY 1 HAVING count(*) > 1"
        )
        return [f"{count} jobs of one Idempotency-Key {key}" for key, count in rows]

    def _open(self) -> list[str]:
        """Nothing is under way any more, of whatever job."""
        jobs = self.stack.ledger.all("SELECT id, status FROM jobs WHERE status IN ('queued', 'processing')")
        steps = self.stack.ledger.all(
            "SELECT job_id, kind, index, status FROM steps WHERE status IN ('queued', 'running')"
        )
        return [f"job {job} is still {status}" for job, status in jobs] + [
            f"job {job}: its {kind} step {index} is still {status}" for job, kind, index, status in steps
        ]

    def _rows(self, jobs: list[UUID]) -> Iterator[str]:
        counts: dict[tuple[UUID, str], list[int]] = {}
        for job, kind, total, done in self.stack.ledger.all(
            "SELECT job_id, kind, count(*), count(*) FILTER (WHERE status = 'done') FROM steps"
            " WHERE job_id = ANY(%s) GROUP BY 1, 2",
            jobs,
        ):
            counts[job, kind] = [total, done]
        for job, tallies, finished, run, revision, spoken_by in self.stack.ledger.all(
            "SELECT id, tallies, finished_at, run, revision, diarizer IS NOT NULL FROM jobs WHERE id = ANY(%s)", jobs
        ):
            read = plan.read(tallies)
            kept = {kind: [tally.total, tally.done] for kind, tally in read.items() if tally.total}
            true = {kind: counts[job, kind] for kind in Kind if (job, kind) in counts}
            if kept != true:
                yield f"job {job}: its tallies say {kept}, its steps {true}"
            if any(tally.open for tally in read.values()) or finished is None:
                yield f"job {job}: ended, but its row does not say so"
            decodes = sum(read[kind].done for kind in RECOGNIZED)
            decodes += read[Kind.TRANSCRIBE].done if spoken_by else 0  # assembly gives each its speakers
            if run == 1 and revision > decodes:
                yield f"job {job}: {revision} results were recorded of {decodes} decodes"
        yield from self._results(jobs)

    def _results(self, jobs: list[UUID]) -> list[str]:
        stray = self.stack.ledger.all(
            "SELECT DISTINCT job_id FROM segments LEFT JOIN steps USING (job_id)"
            " WHERE job_id = ANY(%s) AND kind = 'transcribe' AND index = chunk AND status <> 'done'"
            " AND NOT data->'flags' ? 'withdrawn'"
            " UNION SELECT segments.job_id FROM segments WHERE job_id = ANY(%s)"
            " AND NOT data->'flags' ? 'withdrawn' AND NOT EXISTS"
            " (SELECT 1 FROM steps WHERE steps.job_id = segments.job_id AND kind = 'transcribe' AND index = chunk)",
            jobs,
            jobs,
        )
        old = self.stack.ledger.all(
            "SELECT job_id FROM transcripts JOIN jobs ON jobs.id = job_id"
            " WHERE job_id = ANY(%s) AND jobs.status = 'completed' AND transcripts.run <> jobs.run",
            jobs,
        )
        return [f"job {job}: segments of a chunk that is not done" for (job,) in stray] + [
            f"job {job}: its transcript is of another run" for (job,) in old
        ]

    def _bytes(self, jobs: Sequence[UUID]) -> list[str]:
        """Every live recording has its source, whole."""
        rows = self.stack.ledger.all(
            "SELECT DISTINCT recordings.id, bytes FROM recordings JOIN jobs ON recording_id = recordings.id"
            " WHERE jobs.id = ANY(%s) AND recordings.deleted_at IS NULL",
            list(jobs),
        )
        sources = [(recording, size, self.stack.path_of(str(recording)) / "source") for recording, size in rows]
        return [
            f"recording {recording}: its source is missing or not whole"
            for recording, size, path in sources
            if not path.is_file() or path.stat().st_size != size
        ]

    def orphans(self) -> list[str]:
        """Bytes that no living row names."""
        live = {str(row[0]) for row in self.stack.ledger.all("SELECT id FROM recordings WHERE deleted_at IS NULL")}
        folders = self.stack.blobs / "recordings"
        kept = [path.name for path in folders.iterdir()] if folders.is_dir() else []
        incoming = self.stack.blobs / ".incoming"
        left = [path.name for path in incoming.iterdir()] if incoming.is_dir() else []
        return [f"blobs/recordings/{name} has no row" for name in kept if name not in live] + [
            f"blobs/.incoming/{name} was left" for name in left
        ]


def _gap(sent: Sent, document: dict[str, Any], name: str) -> list[str]:
    """Of a single stretch of at most a chunk the words are missing, and the transcript says where."""
    assert sent.made
    heard, suppressed = spoken(document), document["coverage"]["suppressed"]
    if len(suppressed) != 1 or suppressed[0]["end"] - suppressed[0]["start"] > LONGEST_CHUNK:
        return [f"{name}: one gap of a chunk was expected in coverage.suppressed, not {suppressed}"]
    start, end = suppressed[0]["start"], suppressed[0]["end"]
    expected = [one.word.strip() for one in sent.made.words if not start <= (one.start + one.end) / 2 <= end]
    return [] if heard == expected else [f"{name}: words outside of the gap are missing or changed"]
