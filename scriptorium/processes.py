"""Starting a program as a child, ending it, and recognising it later."""

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36
_LIBC = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None

Escalation = tuple[tuple[signal.Signals, float], ...]
POLITE: Escalation = ((signal.SIGTERM, 5.0), (signal.SIGKILL, 5.0))


class ProcessFailed(Exception):
    """A program ended with an error or too early; the message holds the last lines that it wrote."""


@dataclass(frozen=True)
class Account:
    """Whom a program runs as when root starts it."""

    name: str
    uid: int
    gid: int


@dataclass(frozen=True)
class Command:
    """A program to run. `ending` is what it is sent to stop, each signal with the seconds it then has."""

    name: str
    argv: tuple[str, ...]
    environment: Mapping[str, str]
    directory: Path
    account: Account | None = None
    ending: Escalation = POLITE
    inherited: tuple[int, ...] = field(default=())
    """File descriptors that the program takes over."""


def launch(command: Command, log: Path) -> "subprocess.Popen[bytes]":
    """Starts it in a session of its own, so that a terminal's Ctrl-C reaches only us; it ends when we die.

    Call it from the main thread: Linux sends the parent-death signal when the starting *thread* ends.
    """
    account = command.account
    parent = os.getpid()
    with log.open("ab") as written:
        return subprocess.Popen(
            command.argv,
            cwd=command.directory,
            env=dict(command.environment),
            stdin=subprocess.DEVNULL,
            stdout=written,
            stderr=written,
            start_new_session=True,
            pass_fds=command.inherited,
            user=account.uid if account else None,
            group=account.gid if account else None,
            extra_groups=[] if account else None,
            umask=0o077,
            preexec_fn=lambda: _die_with(parent, command.ending[0][0]),
        )


def _die_with(parent: int, number: signal.Signals) -> None:
    """In the child, after the change of user (which clears the setting) and before exec (which keeps it)."""
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    if _LIBC is None:
        return
    _LIBC.prctl(_PR_SET_PDEATHSIG, int(number), 0, 0, 0)
    if os.getppid() != parent:  # it died between fork and prctl: no signal will come
        os._exit(1)


def adopt_orphans() -> None:
    """Processes whose parents die below us become our children, so that none escapes the end. Linux only."""
    if _LIBC is not None:
        _LIBC.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def children(of: int) -> list[int]:
    """Process ids of the direct children of a process. Empty where there is no /proc."""
    found = []
    for entry in Path("/proc").glob("[0-9]*/stat"):
        fields = _stat(entry)
        if fields and int(fields[1]) == of:
            found.append(int(entry.parent.name))
    return found


def born(pid: int) -> str | None:
    """When a living process started, as a text to compare: a process id alone may have been given out again.

    On Linux the boot and the clock ticks since, which a changed clock does not move. None: there is none.
    """
    stat = Path(f"/proc/{pid}/stat")
    if stat.parent.parent.joinpath("self").exists():
        fields = _stat(stat)
        if not fields or fields[0] == "Z":
            return None
        return f"{Path('/proc/sys/kernel/random/boot_id').read_text().strip()} {fields[19]}"
    shown = subprocess.run(["ps", "-o", "lstart=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return shown.stdout.strip() or None


def _stat(path: Path) -> list[str]:
    """The fields after the name, which may itself hold spaces and brackets: state, parent, … start time at 19."""
    try:
        return path.read_text(errors="replace").rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return []


def signal_group(pid: int, number: signal.Signals) -> None:
    """To the whole session that `launch` began; no error when it is gone."""
    try:
        os.killpg(pid, number)
    except (ProcessLookupError, PermissionError):
        pass  # gone; or, on macOS, only zombies are left


def end(process: "subprocess.Popen[bytes]", ending: Escalation = POLITE) -> None:
    """Asks, waits, insists. Afterwards the process is gone and reaped."""
    for number, seconds in ending:
        if process.poll() is not None:
            break
        process.send_signal(number)
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            continue
    if process.poll() is None:
        process.kill()
        process.wait()
    signal_group(process.pid, signal.SIGKILL)


def run_to_end(command: Command, log: Path, seconds: float) -> None:
    """Raises ProcessFailed when it fails or takes longer."""
    process = launch(command, log)
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired as error:
        raise ProcessFailed(f"{command.name} did not end within {seconds:.0f} s:\n{tail(log)}") from error
    finally:
        end(process, ((signal.SIGKILL, 5.0),))
    if process.returncode:
        raise ProcessFailed(f"{command.name} failed ({described(process.returncode)}):\n{tail(log)}")


def wait_until(ready: Callable[[], bool], process: "subprocess.Popen[bytes]", seconds: float, what: str) -> None:
    """Raises ProcessFailed when the process ends first or the time is over."""
    limit = time.monotonic() + seconds
    while not ready():
        if process.poll() is not None:
            raise ProcessFailed(f"{what} ended at its start ({described(process.returncode)})")
        if time.monotonic() > limit:
            raise ProcessFailed(f"{what} was not ready within {seconds:.0f} s")
        time.sleep(0.02)


def described(code: int) -> str:
    return f"exit code {code}" if code >= 0 else f"signal {signal.Signals(-code).name}"


def tail(log: Path, lines: int = 15) -> str:
    """The last lines of a log, for a message."""
    if not log.exists():
        return "(it wrote nothing)"
    with log.open("rb") as opened:
        opened.seek(max(0, log.stat().st_size - 8192))
        text = opened.read().decode(errors="replace")
    return "\n".join(text.splitlines()[-lines:])


def plain_environment(extra: Sequence[str] = ()) -> dict[str, str]:
    """For programs that need none of ours: no key or token of this process reaches them."""
    kept = ("PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "TMPDIR", *extra)
    return {name: os.environ[name] for name in kept if name in os.environ} | {"LC_ALL": "C"}
