"""How a command that works without a server says what went wrong."""

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import typer

from scriptorium.cli.exits import JOB_FAILED, SERVER_UNREACHABLE, WRONG_USE
from scriptorium.cli.transcribe import INTERRUPTED


@contextmanager
def said_plainly(command: str) -> Iterator[None]:
    """Exits 2 when refused, 3 when the database does not answer, 1 for what fails on the way. SIGTERM is Ctrl-C:
    either way what was started is ended."""
    from core.errors import ScriptoriumError, Unavailable
    from scriptorium.data_folder import InUse, NotUsable
    from scriptorium.embedded.binaries import NotInstalled
    from scriptorium.embedded.place import NoPlace
    from scriptorium.processes import ProcessFailed

    os.umask(0o077)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    except InUse as error:
        raise _ended(command, f"{error}; stop it first", WRONG_USE) from error
    except Unavailable as error:
        raise _ended(command, error.message, SERVER_UNREACHABLE) from error
    except ScriptoriumError as error:
        raise _ended(command, error.message, WRONG_USE if error.status < 500 else JOB_FAILED) from error
    except NotUsable as error:
        raise _ended(command, str(error), WRONG_USE) from error
    except (NotInstalled, NoPlace, ProcessFailed) as error:
        raise _ended(command, str(error), JOB_FAILED) from error
    except OSError as error:
        what = f"{error.filename}: {error.strerror}" if error.filename else f"{error.strerror}"
        raise _ended(command, f"{what}; run it again when that is put right", JOB_FAILED) from error
    except KeyboardInterrupt:
        raise _ended(command, "stopped", INTERRUPTED) from None


def _ended(command: str, why: str, code: int) -> typer.Exit:
    print(f"scriptorium {command}: {why}", file=sys.stderr)
    return typer.Exit(code)
