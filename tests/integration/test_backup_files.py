"""A backup as a folder: what is in it is what was written, or it is refused."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from core.jobs.restored import Found
from scriptorium.backup import blobs, manifest
from scriptorium.embedded.binaries import NotInstalled, postgres_client
from scriptorium.reach import Refused


@pytest.fixture
def stored(tmp_path: Path) -> Path:
    """A backup that no database was needed for: what is in the dump does not matter here."""
    folder = tmp_path / "stored"
    source = tmp_path / "blobs"
    (source / "recordings").mkdir(parents=True)
    for name in ("one", "two"):
        (source / "recordings" / name).write_text(name)
    copied = blobs.copy_all(source, folder / "blobs")
    blobs.write_list(folder, copied)
    (folder / "database.dump").write_text("tables")
    manifest.write(folder, datetime.now(UTC), Found(18, "0001", None, ()), 18, copied)
    assert manifest.verified(folder).blob_count == 2
    return folder


def changed(folder: Path, **values: object) -> None:
    path = folder / "manifest.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | values))


def test_what_is_no_longer_what_was_written_is_named(stored: Path) -> None:
    (stored / "blobs" / "recordings" / "two").unlink()
    with pytest.raises(Refused, match=r"blobs/recordings/two of the backup is missing; take another"):
        manifest.verified(stored)
    (stored / "blobs" / "recordings" / "one").write_text("onE")
    with pytest.raises(Refused, match=r"recordings/one of the backup is damaged, and 1 more"):
        manifest.verified(stored)
    (stored / "database.dump").write_text("tableS")
    with pytest.raises(Refused, match=r"database.dump of the backup is damaged"):
        manifest.verified(stored)
    (stored / "database.dump").unlink()
    with pytest.raises(Refused, match=r"database.dump of the backup is missing"):
        manifest.verified(stored)


@pytest.mark.parametrize("key", ["../../outside", "/etc/passwd", ".incoming/x", "a//b", ""])
def test_a_list_leads_nowhere_else(stored: Path, key: str) -> None:
    (stored / "blobs.sha256").write_text(f"{'0' * 64}  blobs/{key}\n")
    summed = manifest.summed(stored / "blobs.sha256")
    changed(stored, blob_list={"bytes": summed.bytes, "sha256": summed.sha256})
    with pytest.raises(Refused, match="which no backup holds"):
        manifest.verified(stored)


def test_of_a_newer_version_and_none_at_all(stored: Path, tmp_path: Path) -> None:
    changed(stored, schema="9999")
    with pytest.raises(Refused, match="newer scriptorium"):
        manifest.verified(stored)
    changed(stored, format=2, database="in another way")
    with pytest.raises(Refused, match="newer scriptorium"):
        manifest.verified(stored)
    (stored / "manifest.json").write_text("{")
    with pytest.raises(Refused, match=r"manifest.json is damaged"):
        manifest.verified(stored)
    with pytest.raises(Refused, match="not finished"):
        manifest.verified(tmp_path)


def test_a_blob_that_is_deleted_meanwhile_is_left_out(tmp_path: Path) -> None:
    """As between the reading of a folder and the opening of a file: a link to nothing cannot be opened either."""
    (tmp_path / "from" / ".incoming").mkdir(parents=True)
    (tmp_path / "from" / ".incoming" / "half").touch()
    (tmp_path / "from" / "whole").write_text("bytes")
    (tmp_path / "from" / "gone").symlink_to(tmp_path / "nothing")
    assert [blob.key for blob in blobs.copy_all(tmp_path / "from", tmp_path / "to")] == ["whole"]


def test_a_program_that_is_too_old_is_named_with_the_remedy() -> None:
    with pytest.raises(NotInstalled, match=r"pg_dump of PostgreSQL 99 .* postgresql-client-99"):
        postgres_client("pg_dump", 99)
