"""A clip of a recording, rendered by a bounded child process: `python -m worker.clip`. Web loads no codec, and holds no
sound in memory."""

import json
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import IO
from uuid import UUID

from core.errors import InputError, StorageError
from core.probe import end, limited, own_environment

TIMEOUT = 60.0
"""Seconds of work. Where no job has decoded the recording yet, all before the clip is decoded too."""
REFUSED = 3
"""The child's exit status when it says on standard error why there is no clip: `{"code", "message"}` on one line."""
_GRACE = 10.0
"""Seconds that the child has more: it ends its decoder itself."""
_SAID = 4096


@dataclass(frozen=True)
class Span:
    """Seconds from the start of the recording."""

    start: float
    end: float


def render(blobs: Path, recording_id: UUID, span: Span, generation: str | None) -> IO[bytes]:
    """A WAV in a temporary file without a name, at its beginning. `generation`: of the recording's whole PCM, None
    where there is none. Raises InputError, StorageError."""
    arguments = [str(blobs), str(recording_id), f"{span.start:.6f}", f"{span.end:.6f}", generation or "-"]
    command = [sys.executable, "-m", "worker.clip", *arguments]
    with ExitStack() as unfinished:
        file = unfinished.enter_context(tempfile.TemporaryFile())
        _run(limited(command, TIMEOUT + _GRACE), file)
        file.seek(0)
        unfinished.pop_all()  # from here on the caller's to close
        return file


def _run(command: list[str], out: IO[bytes]) -> None:
    process = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.PIPE, start_new_session=True,
        env=own_environment(),
    )  # fmt: skip
    try:
        _, said = process.communicate(timeout=TIMEOUT + _GRACE)
    except subprocess.TimeoutExpired as error:
        raise InputError("the clip could not be rendered in time", code="decode_timeout") from error
    finally:
        end(process)
    if process.returncode == REFUSED:
        refused = json.loads(said[-_SAID:].splitlines()[-1])
        raise InputError(refused["message"], code=refused["code"])
    if process.returncode != 0:
        raise StorageError("the clip could not be rendered; is the recording still in storage?", code="clip_failed")
