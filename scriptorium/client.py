"""The HTTP API as Python calls. It imports only what HTTP needs.

with Client("http://127.0.0.1:8080", key) as client:
    job = client.submit("meeting.flac", language="en")
    job = client.wait(job["id"])
    print(client.transcript(job["id"])["text"])
"""

import json
import os
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import httpx2

from scriptorium.following import ENDED, Event, followed
from scriptorium.refusals import ApiError, ServerUnreachable
from scriptorium.resumable import Sender
from scriptorium.transport import Progress
from scriptorium.webhooks import Webhooks

__all__ = ["ENDED", "ApiError", "Client", "Event", "Job", "Recording", "ServerUnreachable"]

Job = dict[str, Any]
"""As api.md shows it: `id`, `status`, `progress`, `stages`, `error` …"""
Recording = dict[str, Any]
"""`id`, `filename`, `duration`, `channels`, `codec`, `bytes`, `sha256` …"""

_LONG_POLL = 20.0
_LEAST_PAUSE = 0.3
"""Seconds between two questions: a busy server answers a long poll at once."""


class Client(Webhooks):
    """One server and one key: `Client(url, key)`. Recordings, their jobs and transcripts, and webhooks.

    Every call raises ApiError or ServerUnreachable. Not for several threads at once.
    """

    def submit(
        self,
        path: str | os.PathLike[str],
        progress: Progress | None = None,
        *,
        idempotency_key: str | None = None,
        **options: Any,
    ) -> Job:
        """Uploads a recording from the disk, piece by piece. `progress` is told bytes sent and bytes in all.

        An upload whose answer was lost, or that the server cannot take now, is sent again a few times, from its start
        and with the same key, so that it becomes one job; without a key of yours it gets a new one. A server that
        nothing listens for is not waited for. Raises OSError where the file cannot be read.
        """
        return self._uploaded("/v1/jobs", [("file", path)], {"options": json.dumps(options)}, progress, idempotency_key)

    def submit_tracks(
        self,
        paths: Sequence[str | os.PathLike[str]],
        progress: Progress | None = None,
        *,
        idempotency_key: str | None = None,
        **options: Any,
    ) -> Job:
        """As `submit`, of a meeting that was recorded participant by participant: one job. `tracks` says of each path
        `name` and `offset_seconds`; without it, a track is called like its file, and all begin at once."""
        told = options.pop("tracks", None) or [{"name": Path(path).stem[:200]} for path in paths]
        files = [("tracks", path) for path in paths]
        asked = {"options": json.dumps({**options, "tracks": list(told)})}
        return self._uploaded("/v1/jobs", files, asked, progress, idempotency_key)

    def submit_url(self, source_url: str, *, idempotency_key: str | None = None, **options: Any) -> Job:
        """As `submit`, of a recording that the server fetches itself: from a public address, or where its operator
        allows it."""
        headers = {"Idempotency-Key": idempotency_key or str(uuid.uuid4())}
        sent = {"source_url": source_url, **options}
        return self._again(lambda: self._json("POST", "/v1/jobs", json=sent, headers=headers))

    def submit_recording(self, recording_id: str, *, idempotency_key: str | None = None, **options: Any) -> Job:
        """A job of a recording that is on the server already: of `upload`, or of another job. Sent again as `submit`
        is, with one key."""
        headers = {"Idempotency-Key": idempotency_key or str(uuid.uuid4())}
        asked = {**options, "recording_id": recording_id}
        return self._again(lambda: self._json("POST", "/v1/jobs", json=asked, headers=headers))

    def upload(
        self, path: str | os.PathLike[str], progress: Progress | None = None, *, idempotency_key: str | None = None
    ) -> Recording:
        """Keeps a recording on the server, with no job yet; it stays until `delete_recording`. As sure as `submit`."""
        return self._uploaded("/v1/recordings", [("file", path)], {}, progress, idempotency_key)

    def upload_resumable(self, path: str | os.PathLike[str], progress: Progress | None = None) -> Recording:
        """As `upload`, of any size and over any line: it goes on where a broken line, or a server that starts anew,
        left off. What is told to `progress` may be fewer bytes than a moment before."""
        return self.recording(Sender(self._request, self._pause).send(path, progress))

    def recording(self, recording_id: str) -> Recording:
        return self._json("GET", f"/v1/recordings/{recording_id}")

    def recordings(self, limit: int = 20, cursor: str | None = None) -> dict[str, Any]:
        """A page, newest first: `recordings` and `next_cursor`."""
        asked = {"limit": limit} if cursor is None else {"limit": limit, "cursor": cursor}
        return self._json("GET", "/v1/recordings", params=asked)

    def clip(self, recording_id: str, start: float = 0.0, end: float | None = None) -> bytes:
        """WAV, 16 kHz, mono: from `start` to `end` in seconds, the recording's own where None; ten minutes at most."""
        asked = {"start": start} if end is None else {"start": start, "end": end}
        return self._request("GET", f"/v1/recordings/{recording_id}/audio", params=asked).content

    def delete_recording(self, recording_id: str) -> None:
        """Erases its audio; transcripts of its jobs stay. Refused as `recording_in_use` while a job is under way."""
        self._request("DELETE", f"/v1/recordings/{recording_id}")

    def job(self, job_id: str, wait: float = 0.0) -> Job:
        """With `wait` the answer comes when the status changes, or after that many seconds (the server caps at 60)."""
        return self._json("GET", f"/v1/jobs/{job_id}", params={"wait": f"{wait:g}"} if wait else None)

    def wait(
        self,
        job_id: str,
        seen: Callable[[Job], None] | None = None,
        poll: float = _LONG_POLL,
        patience: float = 30.0,
    ) -> Job:
        """The job when it has ended. `seen` gets every answer on the way, at least one each `poll` seconds.

        A server that does not answer is asked again for `patience` seconds: it may be starting anew.
        """
        answered = time.monotonic()
        while True:
            asked = time.monotonic()
            try:
                job = self.job(job_id, wait=poll)
            except ServerUnreachable:
                if time.monotonic() - answered > patience:
                    raise
            except ApiError as error:
                if error.status not in (429, 503) or time.monotonic() - answered > patience:
                    raise
                if error.status == 429:
                    self._pause(error.retry_after or 0.0)
            else:
                answered = time.monotonic()
                if seen:
                    seen(job)
                if job["status"] in ENDED:
                    return job
            self._pause(max(0.0, _LEAST_PAUSE - (time.monotonic() - asked)))

    def usage(self, group_by: str = "day", first: str | None = None, last: str | None = None) -> dict[str, Any]:
        """What was used, by `day`, `key`, `tag` or `model`; days as `2026-11-01`, of the present month where absent."""
        days = {name: day for name, day in (("from", first), ("to", last)) if day is not None}
        return self._json("GET", "/v1/usage", params={"group_by": group_by, **days})

    def transcript(self, job_id: str) -> dict[str, Any]:
        return self._json("GET", f"/v1/jobs/{job_id}/transcript")

    def rendered(self, job_id: str, format: str, **knobs: int | bool | None) -> str:
        """The transcript as text: `txt`, `srt`, `vtt`, `tsv`, `json` … `knobs` of those that have them: `max_chars`,
        `max_lines`, `speakers`."""
        return self._file(job_id, format, knobs).text

    def rendered_bytes(self, job_id: str, format: str, **knobs: int | bool | None) -> bytes:
        """The same as the bytes of a file, of `docx` too."""
        return self._file(job_id, format, knobs).content

    def segments(self, job_id: str, after: int = 0) -> dict[str, Any]:
        """Segments that are new or changed since the revision `after`: `segments`, `revision`, `final`."""
        return self._json("GET", f"/v1/jobs/{job_id}/segments", params={"after": after})

    def events(self, job_id: str, last_event_id: str = "", patience: float = 30.0) -> Iterator[Event]:
        """What happens to a job until it has ended: its `status`, each `segment` new or changed, its `progress`.
        From the start, or behind the event of that id. A connection that breaks is made anew and nothing is told twice;
        a server that does not answer is asked again for `patience` seconds."""
        return followed(lambda since: self._stream(job_id, since), self._pause, last_event_id, patience)

    def jobs(
        self,
        status: str | None = None,
        tag: str | None = None,
        limit: int = 20,
        cursor: str | None = None,
        *,
        metadata: Mapping[str, str] | None = None,
        created_after: str | None = None,
        created_before: str | None = None,
    ) -> dict[str, Any]:
        """A page, newest first: `jobs` and `next_cursor`. All filters must hold; `status` may be several, with commas
        between them; times are RFC 3339."""
        asked = {"status": status, "tag": tag, "limit": limit, "cursor": cursor, "created_after": created_after}
        asked |= {"created_before": created_before, **{f"metadata.{key}": one for key, one in (metadata or {}).items()}}
        return self._json("GET", "/v1/jobs", params={name: value for name, value in asked.items() if value is not None})

    def cancel(self, job_id: str) -> Job:
        return self._json("POST", f"/v1/jobs/{job_id}/cancel")

    def retry(self, job_id: str, stage: str | None = None) -> Job:
        """Runs again what failed or was cancelled; with a `stage`, that one and what follows it."""
        return self._json("POST", f"/v1/jobs/{job_id}/retry", json=None if stage is None else {"stage": stage})

    def delete(self, job_id: str) -> None:
        """Erases the job, its audio and its transcript."""
        self._request("DELETE", f"/v1/jobs/{job_id}")

    def models(self) -> list[dict[str, Any]]:
        """What live workers serve: `name`, `revision`, `device`, `workers` …"""
        found: list[dict[str, Any]] = self._json("GET", "/v1/models")["models"]
        return found

    def workers(self) -> list[dict[str, Any]]:
        """Who is alive, what they serve and hold: `name`, `kinds`, `models`, `holds` …"""
        found: list[dict[str, Any]] = self._json("GET", "/v1/workers")["workers"]
        return found

    def ready(self) -> dict[str, Any]:
        """What the server says of the things it needs. Raises ApiError when one is missing."""
        return self._json("GET", "/readyz")

    def _file(self, job_id: str, format: str, knobs: dict[str, int | bool | None]) -> httpx2.Response:
        asked = {"format": format, **{name: value for name, value in knobs.items() if value is not None}}
        return self._request("GET", f"/v1/jobs/{job_id}/transcript", params=asked)
