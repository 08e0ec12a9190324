"""The ledger of a running server, from inside: jobs whose chunks were never in a recording."""

import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from uuid import UUID

import psycopg

from benchmarks.server import Server
from core import context as composition
from core import jobs, keys
from core.bell import Bell
from core.context import Context
from core.options import Options
from core.settings import Settings
from core.states import Kind
from worker.parts import pcm_key
from worker.steps import ChunkSpec, transcribe

CHUNK = 30.0
"""Seconds that a chunk claims to last."""
BATCH = 20
"""Chunks that ingest hands over at once: those of one stored part of ten minutes."""

_SOUND = 32_000
"""Bytes of PCM of a chunk: a second, so that reading sound costs next to nothing. No two are alike."""
PLAIN = Options(context="off", cache=False)
"""Of jobs whose chunks are claimed, heard and recorded once, and nothing else."""

_GENERATION = "bench-strict"
_WORKER = "bench"


class Silent(Bell):
    """Takes every ring and passes none on: nobody shall hear of a job whose ingest step is ours."""

    def ring(self, kind: Kind, model: str = "", times: int = 1) -> bool:
        return True


@dataclass(frozen=True)
class Ledger:
    context: Context
    tenant: keys.Tenant
    rows: "psycopg.Connection[tuple[object, ...]]"
    options: Options = PLAIN

    def job(self, chunks: int) -> UUID:
        """As if ingest had found so many chunks; they are claimed while the rest are handed over."""
        step = self._ingest()
        sound = os.urandom(_SOUND + 2 * chunks)
        self.context.blobs.put(pcm_key(step.recording_id, _GENERATION, 0), [sound])
        renewed = time.monotonic()
        for first in range(0, chunks, BATCH):
            if time.monotonic() - renewed > self.context.settings.heartbeat:
                jobs.heartbeat(self.context, _WORKER, [step])
                renewed = time.monotonic()
            new = [_chunk(index) for index in range(first, min(first + BATCH, chunks))]
            assert jobs.emit(self.context, step, _GENERATION, new)
        result = {"duration": chunks * CHUNK, "channels": 1, "codec": "pcm", "speech_seconds": chunks * CHUNK}
        assert jobs.finish(self.context, step, result, jobs.record_probe(result))
        return step.job_id

    def status(self, job_id: UUID | str) -> str:
        found = self.rows.execute("SELECT status FROM jobs WHERE id = %s", [job_id]).fetchone()
        return str(found[0]) if found else "gone"

    def ended(self, ids: Sequence[str]) -> list[str] | None:
        """How the jobs ended; None while one of them goes on."""
        asked = "SELECT status FROM jobs WHERE id = ANY(%s::uuid[])"
        found = [str(row[0]) for row in self.rows.execute(asked, [list(ids)])]
        return None if {"queued", "processing"} & set(found) else found

    def ends(self, ids: Sequence[str]) -> dict[str, float]:
        """Of those that have ended: when, in seconds since 1970."""
        asked = "SELECT id, extract(epoch FROM finished_at)::float8 FROM jobs WHERE id = ANY(%s::uuid[])"
        return {str(job_id): float(str(at)) for job_id, at in self.rows.execute(asked, [list(ids)]) if at is not None}

    def done(self, job_id: UUID | str, kind: Kind) -> int:
        return self._steps(job_id, kind, "done")

    def waiting(self, job_id: UUID | str, kind: Kind) -> int:
        return self._steps(job_id, kind, "queued")

    def forced(self, job_id: UUID | str) -> int:
        """Chunks that end inside speech."""
        asked = "SELECT count(*) FROM steps WHERE job_id = %s AND (params ->> 'forced_cut')::boolean AND kind = %s"
        found = self.rows.execute(asked, [job_id, Kind.TRANSCRIBE.value]).fetchone()
        return int(str(found[0])) if found else 0

    def _steps(self, job_id: UUID | str, kind: Kind, status: str) -> int:
        asked = "SELECT count(*) FROM steps WHERE job_id = %s AND kind = %s AND status = %s"
        found = self.rows.execute(asked, [job_id, kind.value, status]).fetchone()
        return int(str(found[0])) if found else 0

    def _ingest(self) -> jobs.Claimed:
        """The step of a new job, in our hands. A worker may have looked in that very moment and been quicker."""
        while True:
            incoming = self.context.blobs.receive(_SOUND)
            incoming.write(b"no recording")
            silent = replace(self.context, bell=Silent(self.context.bell.app))
            made = jobs.submit(silent, self.tenant, incoming, "bench.wav", self.options)
            taken = jobs.claim(silent, _WORKER, [Kind.INGEST], [])
            if taken and str(taken[0].job_id) == made.job["id"]:
                return taken[0]


@contextmanager
def ledger(server: Server) -> Iterator[Ledger]:
    told = _environment(server.running.child("light1"))
    settings = Settings(
        database_url=told["DATABASE_URL"],
        redis_url=told["REDIS_URL"],
        data=Path(told["SCRIPTORIUM_DATA"]),
        model=told["SCRIPTORIUM_MODEL"],
        engines={"null": "benchmarks.null:null", "sleeping": "benchmarks.null:sleeping"},
    )
    context = composition.build(settings)
    try:
        with psycopg.connect(settings.database_url, autocommit=True) as rows:
            yield Ledger(context, keys.ensure(context, keys.mint()), rows)
    finally:
        context.sessions.kw["bind"].dispose()
        context.bell.app.close()


def _chunk(index: int) -> jobs.NewStep:
    start, end = index * CHUNK, (index + 1) * CHUNK
    spec = ChunkSpec(index, start, end, ((0, 2 * index, _SOUND),), False, CHUNK)
    return jobs.NewStep(Kind.TRANSCRIBE, index, CHUNK, transcribe.params(_GENERATION, spec))


def _environment(pid: int) -> dict[str, str]:
    """What a process was started with (proc(5))."""
    pairs = Path(f"/proc/{pid}/environ").read_bytes().decode(errors="replace").split("\0")
    return dict(pair.split("=", 1) for pair in pairs if "=" in pair)
