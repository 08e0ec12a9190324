"""A copy of the working tree in which lines can be taken away, and tests that run on the copy and on nothing else."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.mutations.mutants import Mutation

ROOT = Path(__file__).resolve().parent.parent.parent
LONGEST = 120.0
"""Seconds for the tests of one mutation; one that hangs is caught too."""
_MODULES = "celeryconfig, core, migrations, scriptorium, web, worker"
PASSED, FAILED = 0, 1
"""pytest's exit codes; all others mean that it could not do its work."""


class Unfit(Exception):
    """The check cannot be made; the message says what to do."""


def copy(folder: Path) -> None:
    """What git tracks or would track, as it is now."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    for name in listed.stdout.decode().split("\0"):
        if name and (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)


def check_imports(folder: Path) -> None:
    """Raises Unfit where Python would import the installed code instead of the copy's."""
    found = _python(folder, "-c", f"import {_MODULES}; print(*(one.__file__ for one in ({_MODULES})))")
    strays = [one for one in found.stdout.split() if not Path(one).resolve().is_relative_to(folder.resolve())]
    if found.returncode or strays or not found.stdout:
        raise Unfit(f"the copy in {folder} is not what is imported: {strays or found.stderr}")


def run_tests(folder: Path, tests: Sequence[str]) -> tuple[int, str]:
    """pytest's exit code and what it printed. Tests that hang have failed."""
    options = ["-q", "-x", "-p", "no:cacheprovider", f"--timeout={LONGEST / 2}"]
    try:
        done = _python(folder, "-m", "pytest", *options, *tests)
    except subprocess.TimeoutExpired:
        return FAILED, "it did not end"
    return done.returncode, done.stdout + done.stderr


def _python(folder: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    here = {**os.environ, "PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run(
        [sys.executable, *arguments], cwd=folder, env=here, capture_output=True, text=True, timeout=LONGEST, check=False
    )


@contextmanager
def mutated(folder: Path, mutation: Mutation) -> Iterator[None]:
    """Raises Unfit where the text is not there, or not once: the code has moved on, and the mutation must follow."""
    path = folder / mutation.path
    whole = path.read_text()
    if whole.count(mutation.old) != 1:
        raise Unfit(
            f"{mutation.path} holds the text of {mutation.what!r} {whole.count(mutation.old)} times, not once; "
            f"bring tests/mutations/mutants.py up to date:\n{mutation.old}"
        )
    path.write_text(whole.replace(mutation.old, mutation.new))
    try:
        yield
    finally:
        path.write_text(whole)
