"""Where an embedded server's files can live, and as whom it runs.

PostgreSQL refuses to run as root. Started by root, the servers run as an account without rights; that account must be
able to enter every folder above its files, which it cannot under `/root` or in a folder made by `mktemp -d`.
"""

import os
import pwd
import shutil
import stat
import subprocess
import tempfile
from pathlib import Path

from scriptorium.processes import Account

ACCOUNTS = ("scriptorium", "postgres", "nobody")
"""In order of preference: an account of our own, one that keeps databases already, the one every system has."""

_HOMES = (Path("/var/lib"), Path("/var/tmp"))  # noqa: S108 - made there with mkdtemp, and checked when used again
_POINTER = "elsewhere"


class NoPlace(Exception):
    """No folder was found that the servers can use; the message says what to do."""


def account(folder: Path) -> Account | None:
    """Whom the servers of this folder run as. None: as ourselves, since we are not root."""
    if os.geteuid() != 0:
        return None
    owner = _keeper(folder)
    if owner is not None:
        return owner
    for name in ACCOUNTS:
        try:
            return _account(pwd.getpwnam(name))
        except KeyError:
            continue
    raise NoPlace(f"PostgreSQL does not run as root, and there is no account named any of {', '.join(ACCOUNTS)}")


def _keeper(folder: Path) -> Account | None:
    """The owner of files made earlier: they stay theirs when a preferred account appears later."""
    for kept in _kept(folder):
        if kept.exists() and kept.stat().st_uid != 0:
            return _account(pwd.getpwuid(kept.stat().st_uid))
    return None


def _kept(folder: Path) -> list[Path]:
    pointer = folder / _POINTER
    places = [folder] + ([Path(pointer.read_text().strip())] if pointer.exists() else [])
    return [place / "cluster" for place in places]


def _account(entry: pwd.struct_passwd) -> Account:
    return Account(entry.pw_name, entry.pw_uid, entry.pw_gid)


def settle(folder: Path, runs_as: Account | None) -> Path:
    """A folder that the account can enter: `folder` itself, or one elsewhere that `folder/elsewhere` names.

    Raises NoPlace. Once chosen it stays: a database never starts empty because a permission changed.
    """
    if not folder.exists():
        folder.mkdir(parents=True)
        folder.chmod(0o711 if runs_as else 0o700)  # not by mkdir's mode, which the umask takes from
    pointer = folder / _POINTER
    if pointer.exists():
        return _checked(Path(pointer.read_text().strip()), pointer)
    if runs_as is None or may(runs_as, "-x", folder):
        return folder
    if (folder / "cluster").exists():
        raise NoPlace(f"the account {runs_as.name} can no longer enter {folder}; allow it (chmod o+x on the parents)")
    chosen = _make_elsewhere(runs_as)
    pointer.write_text(f"{chosen}\n")
    return chosen


def _checked(chosen: Path, pointer: Path) -> Path:
    if not chosen.is_dir():
        raise NoPlace(
            f"the files were kept in {chosen}, which is gone; remove {pointer} to start with an empty database"
        )
    found = chosen.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid() or found.st_mode & 0o022:
        raise NoPlace(f"{chosen} must be a folder of our own that nobody else can write to")
    return chosen


def _make_elsewhere(runs_as: Account) -> Path:
    """`/var/lib` keeps state; `/var/tmp`, which a system may clean, is the second choice."""
    for home in _HOMES:
        if not (os.access(home, os.W_OK) and may(runs_as, "-x", home)):
            continue
        chosen = Path(tempfile.mkdtemp(prefix="scriptorium-", dir=home))
        chosen.chmod(0o711)
        return chosen
    raise NoPlace(
        f"the account {runs_as.name} can enter neither the data folder nor {_HOMES[0]}; choose another --data"
    )


def erase(folder: Path) -> None:
    """Removes a server's folder and what it keeps elsewhere. No error where there is nothing."""
    pointer = folder / _POINTER
    if pointer.exists():
        elsewhere = Path(pointer.read_text().strip())
        if elsewhere.is_dir():
            shutil.rmtree(_checked(elsewhere, pointer))
    if folder.exists():
        shutil.rmtree(folder)


def may(runs_as: Account, test: str, path: Path) -> bool:
    """Asks the system itself, as that account: access lists and mounts count too. `test` is -x, -r or -w."""
    return runs(runs_as, "/bin/sh", "-c", f'test {test} "$1"', "sh", str(path))


def runs(runs_as: Account, *program: str) -> bool:
    """Whether a program works for the account, its libraries included."""
    try:
        answer = subprocess.run(
            program, cwd="/", user=runs_as.uid, group=runs_as.gid, extra_groups=[], capture_output=True, check=False
        )
    except (FileNotFoundError, PermissionError):
        return False
    return answer.returncode == 0


def own_folder(path: Path, runs_as: Account | None) -> Path:
    """A folder that only the account (and root) can look into."""
    path.mkdir(mode=0o700, exist_ok=True)
    if runs_as:
        os.chown(path, runs_as.uid, runs_as.gid)
    return path


def own_file(path: Path, text: str, runs_as: Account | None) -> Path:
    """Writes a file that only the account (and root) can read; it never exists with other permissions."""
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as written:
        if runs_as:
            os.fchown(descriptor, runs_as.uid, runs_as.gid)
        written.write(text)
    return path
