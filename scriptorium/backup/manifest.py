"""What stands in a backup, and whether it is still so."""

import hashlib
import importlib.metadata
import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from pydantic import TypeAdapter, ValidationError

from core.jobs.restored import Found, known
from scriptorium.backup.blobs import FOLDER, LIST, Blob, flush, listed
from scriptorium.reach import Refused

NAME = "manifest.json"
DUMP = "database.dump"
FORMAT = 1
"""Grows when older versions would misread a backup."""


@dataclass(frozen=True)
class Summed:
    bytes: int
    sha256: str


@dataclass(frozen=True)
class Manifest:
    """`product`: the version that made it. `taken_at`: of the snapshot, RFC 3339. `schema`: the migration of its
    tables. `pg_dump`: the major version that wrote the dump, the least that reads it. `newest_job` tells a database
    that this backup was restored into from any other. `blob_list` is of the file that lists the blobs, `blob_bytes`
    of them all together."""

    format: int
    product: str
    taken_at: str
    schema: str
    pg_dump: int
    newest_job: UUID | None
    database: Summed
    blob_list: Summed
    blob_count: int
    blob_bytes: int


def write(folder: Path, taken_at: datetime, found: Found, pg_dump: int, blobs: Sequence[Blob]) -> Manifest:
    """The last file of a backup, flushed to disk. The database has a schema: the caller made sure."""
    made = Manifest(
        format=FORMAT,
        product=importlib.metadata.version("scriptorium"),
        taken_at=taken_at.isoformat(timespec="seconds"),
        schema=found.schema or "",
        pg_dump=pg_dump,
        newest_job=found.newest_job,
        database=summed(folder / DUMP),
        blob_list=summed(folder / LIST),
        blob_count=len(blobs),
        blob_bytes=sum(blob.bytes for blob in blobs),
    )
    with (folder / NAME).open("w") as written:
        written.write(f"{json.dumps(asdict(made), indent=2, default=str)}\n")
        flush(written)
    return made


def summed(path: Path) -> Summed:
    """Reads it all."""
    with path.open("rb") as opened:
        return Summed(os.fstat(opened.fileno()).st_size, hashlib.file_digest(opened, "sha256").hexdigest())


def verified(folder: Path) -> Manifest:
    """Reads every byte of the backup. Raises Refused: no backup, a newer version's, or not what was written."""
    manifest = _read(folder)
    if not known(manifest.schema):
        raise Refused(
            f"the backup is of a newer scriptorium ({manifest.product}, schema {manifest.schema}); restore it with that"
        )
    for name, expected in ((DUMP, manifest.database), (LIST, manifest.blob_list)):
        fault = _fault(folder / name, expected.sha256)
        if fault:
            raise Refused(f"{name} of the backup is {fault}; take another backup")
    _check_blobs(folder)
    return manifest


def _read(folder: Path) -> Manifest:
    path = folder / NAME
    if not path.is_file():
        raise Refused(f"{folder} is no backup, or one that was not finished: it has no {NAME}")
    try:
        stored = json.loads(path.read_text())
        _check_format(stored)
        return TypeAdapter(Manifest).validate_python(stored)
    except (ValueError, ValidationError) as error:
        raise Refused(f"{path} is damaged; take another backup") from error


def _check_format(stored: Any) -> None:
    if isinstance(stored, dict) and isinstance(stored.get("format"), int) and stored["format"] > FORMAT:
        raise Refused(f"the backup is of a newer scriptorium ({stored.get('product')}); restore it with that")


def _check_blobs(folder: Path) -> None:
    """Names one and counts the others: a person wants to know how bad it is."""
    wrong = [(key, fault) for key, sha256 in listed(folder) if (fault := _fault(folder / FOLDER / key, sha256))]
    if wrong:
        (key, fault), more = wrong[0], len(wrong) - 1
        others = f", and {more} more are missing or damaged" if more else ""
        raise Refused(f"{FOLDER}/{key} of the backup is {fault}{others}; take another backup")


def _fault(path: Path, sha256: str) -> str | None:
    try:
        return None if summed(path).sha256 == sha256 else "damaged"
    except FileNotFoundError:
        return "missing"
