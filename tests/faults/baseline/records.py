"""What the baseline's tasks did, one line of JSON each, in one file that every process appends to."""

import json
import os
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

FILE = "records.jsonl"


@dataclass(frozen=True)
class Chunk:
    """A piece of a recording in the hands of a process."""

    job: str
    index: int
    worker: str
    pid: int


def write(folder: Path, what: str, **said: object) -> None:
    """A single append: lines of different processes do not mix."""
    line = json.dumps({"what": what, **said}) + "\n"
    opened = os.open(folder / FILE, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    try:
        os.write(opened, line.encode())
    finally:
        os.close(opened)


@dataclass(frozen=True)
class Records:
    """All lines up to now; `begin` and `chunk` of a piece, `transcript` of a job, `ready` of a worker."""

    lines: tuple[dict[str, object], ...]

    @classmethod
    def read(cls, folder: Path) -> "Records":
        path = folder / FILE
        written = path.read_text().splitlines() if path.exists() else []
        return cls(tuple(json.loads(line) for line in written))

    def of(self, what: str) -> list[dict[str, object]]:
        return [line for line in self.lines if line["what"] == what]

    def running(self) -> list[Chunk]:
        """Begun and not ended; also of processes that are gone."""
        ended = Counter(_chunk(line) for line in self.of("chunk"))
        return [chunk for chunk in map(_chunk, self.of("begin")) if not ended[chunk]]

    def words(self, job: str) -> list[str] | None:
        """Of the transcript that was recorded last."""
        found = [line["words"] for line in self.of("transcript") if line["job"] == job]
        return found[-1] if found else None  # type: ignore[return-value]

    def most_often(self, job: str) -> int:
        """How often the transcript or, where that is more, a chunk of the job was recorded."""
        written = [(line["what"], line.get("index")) for line in self.lines if line.get("job") == job]
        counts = Counter(one for one in written if one[0] in ("chunk", "transcript"))
        return max(counts.values(), default=0)


def _chunk(line: dict[str, object]) -> Chunk:
    return Chunk(*(line[name] for name in ("job", "index", "worker", "pid")))  # type: ignore[arg-type]
