"""`scriptorium backup`: takes one while the server runs, or while it does not."""

import fcntl
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path

from core.context import Context
from core.disk import flush_folder
from core.jobs import restored
from core.jobs.restored import Found
from scriptorium import reach
from scriptorium.backup import blobs, database, manifest
from scriptorium.backup.manifest import Manifest
from scriptorium.data_folder import DataFolder
from scriptorium.reach import Refused

Say = Callable[[str], None]


def take(out: Path, data: Path, database_url: str, say: Say) -> Manifest:
    """A new folder `out`, whole or not there. Without a URL the database is the data folder's own.

    Raises Refused, Unavailable, NotUsable, NotInstalled, NoPlace, ProcessFailed, OSError (a full disk).
    """
    folder, out = DataFolder(data.resolve()), out.absolute()
    _check(out, folder)
    reached = reach.to_read(folder, database_url)
    with reached as url, reach.connected(url, folder) as context, _in_progress(out) as partial:
        found, now = _look(context), datetime.now(UTC)
        _check_storage(context, say)
        say("copying the database …")
        written_by = database.dump(url, found.server_major, partial / manifest.DUMP)
        if _look(context).schema != found.schema:
            raise Refused("the tables were migrated during the backup; take another")
        say("copying the recordings …")
        copied = blobs.copy_all(context.settings.blobs, partial / blobs.FOLDER)
        blobs.write_list(partial, copied)
        blobs.copy_kept(folder.path, partial)
        return manifest.write(partial, now, found, written_by, copied)


def _check(out: Path, folder: DataFolder) -> None:
    if out.resolve().is_relative_to(folder.path):
        raise Refused(f"{out} lies in the data folder; choose a folder elsewhere, best on another disk")
    if not out.parent.is_dir():
        raise Refused(f"there is no folder {out.parent}")
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise Refused(f"{out} exists and is not empty; choose a new name")
    if not folder.path.is_dir():
        raise Refused(f"there is no folder {folder.path}; name the server's with --data")
    if folder.unfinished_restore.exists():
        raise Refused(f"the restore into {folder.path} was not finished; run `scriptorium restore` again first")


def _look(context: Context) -> Found:
    found = restored.look(context)
    if found.schema is None:
        raise Refused("the database has no tables of scriptorium; was the server ever started with it?")
    return found


def _check_storage(context: Context, say: Say) -> None:
    """A database and the recordings of another would make a backup that looks whole."""
    missing, newest = restored.without_bytes(context)
    if missing and missing == newest:
        raise Refused(
            f"{context.settings.blobs} holds none of the {newest} newest recordings that the database names; "
            "name the server's folder with --data"
        )
    if missing:
        say(f"{missing} of the {newest} newest recordings have no file; the backup lacks them as the server does")


@contextmanager
def _in_progress(out: Path) -> Iterator[Path]:
    """`OUT.partial`, which gets its name when it is whole. One that a killed backup left is removed first."""
    partial = out.with_name(f"{out.name}.partial")
    with ExitStack() as held, ExitStack() as unfinished:
        held.callback(os.close, _held(partial))
        unfinished.callback(shutil.rmtree, partial, ignore_errors=True)
        yield partial
        flush_folder(partial)
        partial.rename(out)
        unfinished.pop_all()
        flush_folder(out.parent)


def _held(partial: Path) -> int:
    """Made anew and locked: whoever finds it unlocked knows that its maker is dead."""
    if partial.exists():
        stale = _lock(partial)
        shutil.rmtree(partial)
        os.close(stale)
    partial.mkdir(mode=0o700)
    return _lock(partial)


def _lock(partial: Path) -> int:
    descriptor = os.open(partial, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(descriptor)
        raise Refused(f"another backup is writing {partial}; wait for it, or choose another name") from error
    return descriptor
