"""`scriptorium restore`: a backup into a folder, or a database, that holds no jobs yet.

Whatever moment it is killed at, the next restore of the same backup goes on: a file says that it is not finished, the
recordings are copied before the database, and the database is loaded in one transaction.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from core.context import Context
from core.disk import flush_folder
from core.jobs import restored
from core.jobs.restored import Found
from scriptorium import reach
from scriptorium.backup import blobs, database, manifest
from scriptorium.backup.manifest import Manifest
from scriptorium.data_folder import DataFolder, write_private
from scriptorium.reach import Refused

Say = Callable[[str], None]


@dataclass(frozen=True)
class Restored:
    """`queued`: steps that were running when the backup was taken."""

    manifest: Manifest
    queued: int


def restore(source: Path, data: Path, database_url: str, say: Say) -> Restored:
    """Without a URL the database is the data folder's own, made anew.

    Raises Refused, InUse, NotUsable, Unavailable, NotInstalled, NoPlace, ProcessFailed, OSError (a full disk).
    """
    say("checking the backup …")
    stored = manifest.verified(source)
    folder = DataFolder(data.resolve())
    with reach.to_fill(folder, database_url) as url, reach.connected(url, folder) as context:
        return _Restore(source, stored, folder, url, context, say).run()


@dataclass(frozen=True)
class _Restore:
    source: Path
    manifest: Manifest
    folder: DataFolder
    url: str
    context: Context
    say: Say

    def run(self) -> Restored:
        found, loaded = restored.look(self.context), self._loaded()
        if not loaded:
            self._refuse_if_used(found)
        if found.workers:
            raise Refused(f"workers use the database ({', '.join(found.workers)}); stop the server first")
        if not loaded:
            write_private(self.folder.unfinished_restore, self.manifest.database.sha256)
            flush_folder(self.folder.path)
            self._fill()
        self.say("bringing the tables up to date …")
        database.migrate(self.url, self.folder)
        queued = restored.settle(self.context)
        blobs.copy_kept(self.source, self.folder.path)
        self.folder.unfinished_restore.unlink()
        flush_folder(self.folder.path)
        return Restored(self.manifest, queued)

    @property
    def _begun(self) -> bool:
        """A restore of this very backup was cut off here."""
        mark = self.folder.unfinished_restore
        return mark.exists() and mark.read_text().strip() == self.manifest.database.sha256

    def _loaded(self) -> bool:
        """It was cut off after the database was loaded: the jobs there are the backup's own."""
        newest = self.manifest.newest_job
        return self._begun and newest is not None and restored.holds(self.context, newest)

    def _refuse_if_used(self, found: Found) -> None:
        if found.newest_job is not None:
            raise Refused(
                f"the database of {self.folder.path} holds jobs already; restore into a new folder with --data, "
                "or into a new database with DATABASE_URL"
            )
        if not self._begun and any(self._recordings()):
            raise Refused(
                f"{self.context.settings.blobs} holds recordings already; choose another folder with --data, "
                "or move them away"
            )

    def _recordings(self) -> list[str]:
        """Without the probe of `/readyz`."""
        return [key for key in blobs.keys(self.context.settings.blobs) if not key.startswith("health/")]

    def _fill(self) -> None:
        """The recordings first: until the database is loaded, nothing names them."""
        self.say("copying the recordings …")
        target = self.context.settings.blobs
        for key, sha256 in blobs.listed(self.source):
            if blobs.copy(key, self.source / blobs.FOLDER, target).sha256 != sha256:
                raise Refused(f"{key} changed while it was copied; is the disk of the backup failing?")
        blobs.flush_folders(target)
        self.say("loading the database …")
        restored.clear(self.context)
        database.load(self.url, self.manifest.pg_dump, self.source / manifest.DUMP)
