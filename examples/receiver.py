"""A receiver of webhooks to start from: it verifies each request, takes each event once, prints it and answers 204.

    export SCRIPTORIUM_WEBHOOK_SECRET=whsec_…    # several, with blanks between them, where jobs have their own
    python examples/receiver.py --port 9000 --database seen.sqlite

It needs Flask and nothing of Scriptorium. In production, serve `create_app` with gunicorn or the like, behind TLS.
"""

import argparse
import base64
import binascii
import hashlib
import hmac
import json
import os
import sqlite3
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from typing import Any

from flask import Flask, abort, request
from werkzeug.datastructures import Headers
from werkzeug.serving import make_server

TOLERANCE = 300
"""Seconds that a timestamp may be off: an older request, caught on its way, is not taken when it is sent again."""

LARGEST = 1024 * 1024
"""Bytes of a body. An event with a transcript in it has 256 KiB and the job."""

KEPT = 100_000
"""Ids that are remembered; the oldest fall out. A sender repeats an event for four days; keep what they bring."""


class Unverified(Exception):
    """Whoever sent this does not know the secret, or sent it long ago."""


def key_of(secret: str) -> bytes:
    """The bytes in a `whsec_…`. Raises ValueError."""
    try:
        return base64.b64decode(secret.removeprefix("whsec_"), validate=True)
    except binascii.Error as error:
        raise ValueError("a secret is whsec_ and base64") from error


def verify(keys: Sequence[bytes], headers: Headers, body: bytes, now: float) -> str:
    """The event's id. `body`: the bytes as they came; JSON that was parsed and written again is not what was signed.

    While a secret is being replaced there is a signature of each, and one that fits is enough. Raises Unverified.
    """
    event, sent = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    if not event or not (sent.isascii() and sent.isdecimal() and len(sent) < 13):
        raise Unverified("webhook-id or webhook-timestamp is missing or wrong")
    if abs(now - int(sent)) > TOLERANCE:
        raise Unverified("the timestamp is more than five minutes away")
    given = [one.encode() for one in headers.get("webhook-signature", "").split(" ")]
    content = f"{event}.{sent}.".encode() + body
    for key in keys:
        right = b"v1," + base64.b64encode(hmac.digest(key, content, hashlib.sha256))
        if any(hmac.compare_digest(right, one) for one in given):  # takes as long whichever byte is wrong
            return event
    raise Unverified("no signature fits")


class Seen:
    """Ids of the events that were dealt with, in a file that outlives this process."""

    def __init__(self, path: str, kept: int = KEPT) -> None:
        self._path, self._kept = path, kept
        with closing(self._open()) as database:
            database.execute("PRAGMA journal_mode = WAL")
            database.execute("CREATE TABLE IF NOT EXISTS seen (at INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE)")

    @contextmanager
    def once(self, event: str) -> Iterator[bool]:
        """Whether it is new. Its id is kept when the block ends well: whoever dies within it gets the event again.
        Rows that the block writes into this database would be kept with it, or neither of the two."""
        with closing(self._open()) as database:
            database.execute("BEGIN IMMEDIATE")
            new = database.execute("INSERT OR IGNORE INTO seen (id) VALUES (?)", [event]).rowcount == 1
            yield new
            database.execute("DELETE FROM seen WHERE at <= (SELECT max(at) FROM seen) - ?", [self._kept])
            database.execute("COMMIT")  # else, on any error, closing takes all of it back

    def _open(self) -> sqlite3.Connection:
        return sqlite3.connect(self._path, timeout=10, isolation_level=None)


def show(event: str, body: Mapping[str, Any]) -> None:
    """Do here what the event is for. Be quick, or write it down for later: after 15 s it counts as failed.

    Events may overtake one another: act on a job's only where its `sequence` is larger than that of the last.
    """
    data = body["data"]
    job = data.get("job") or {}
    told = f"{body['type']} job={job.get('id', '-')} sequence={data.get('sequence', '-')} id={event}"
    print(f"{body['timestamp']} {told}", flush=True)


def create_app(secrets: Sequence[str], seen: Seen, act: Callable[[str, Mapping[str, Any]], None] = show) -> Flask:
    """Raises ValueError where a secret is none."""
    keys = [key_of(one) for one in secrets]
    if not keys:
        raise ValueError("there is no secret to verify with")
    app = Flask(__name__)
    app.config["MAX_CONTENT_LENGTH"] = LARGEST

    @app.post("/", defaults={"path": ""})
    @app.post("/<path:path>")
    def receive(path: str) -> tuple[str, int]:
        body = request.get_data()
        try:
            event = verify(keys, request.headers, body, time.time())
        except Unverified as error:
            abort(400, str(error))
        with seen.once(event) as new:
            if new:
                act(event, json.loads(body))
        return "", 204  # also for one that was there before, or it would come again

    return app


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=9000)
    parser.add_argument("--database", default="seen.sqlite")
    given = parser.parse_args()
    try:
        app = create_app(os.environ.get("SCRIPTORIUM_WEBHOOK_SECRET", "").split(), Seen(given.database))
    except ValueError as error:
        sys.exit(f"{error}; set SCRIPTORIUM_WEBHOOK_SECRET to the secret that the endpoint's creation showed")
    server = make_server(given.host, given.port, app, threaded=True)
    print(f"listening at http://{given.host}:{server.server_port}", file=sys.stderr, flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
