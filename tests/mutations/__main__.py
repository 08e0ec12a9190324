"""`python -m tests.mutations [WORD]`: all mutations, or those whose description holds the word."""

import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from tests.mutations import tree
from tests.mutations.mutants import MUTATIONS, Mutation


def main(word: str = "") -> int:
    """0 when every mutation was caught."""
    chosen = [one for one in MUTATIONS if word in one.what]
    with tempfile.TemporaryDirectory(prefix="mutations-") as name:
        folder = Path(name)
        tree.copy(folder)
        tree.check_imports(folder)
        _check_texts(folder, chosen)
        _check_that_all_pass(folder, chosen)
        survivors = [one for one in chosen if not _caught(folder, one)]
    print(f"\n{len(chosen) - len(survivors)} of {len(chosen)} mutations were caught")
    for one in survivors:
        print(f"survived: {one.what} ({one.path})")
    return 1 if survivors or not chosen else 0


def _check_texts(folder: Path, chosen: Sequence[Mutation]) -> None:
    """Before minutes are spent."""
    for one in chosen:
        with tree.mutated(folder, one):
            pass


def _check_that_all_pass(folder: Path, chosen: Sequence[Mutation]) -> None:
    tests = sorted({test for one in chosen for test in one.tests})
    began = time.monotonic()
    code, said = tree.run_tests(folder, tests)
    if code != tree.PASSED:
        raise tree.Unfit(f"without any mutation these tests do not pass:\n{said}")
    print(f"without mutation {len(tests)} tests pass ({time.monotonic() - began:.0f} s)\n")
    print(f"{'taken away':<56} {'caught by':<72} seconds")


def _caught(folder: Path, mutation: Mutation) -> bool:
    began = time.monotonic()
    with tree.mutated(folder, mutation):
        code, said = tree.run_tests(folder, mutation.tests)
    if code not in (tree.PASSED, tree.FAILED):
        raise tree.Unfit(f"{mutation.what}: the tests could not run:\n{said}")
    seen = ", ".join(test.split("::")[-1] for test in mutation.tests) if code else "SURVIVED"
    print(f"{mutation.what:<56} {seen:<72} {time.monotonic() - began:7.1f}", flush=True)
    return code == tree.FAILED


if __name__ == "__main__":
    try:
        sys.exit(main(*sys.argv[1:2]))
    except tree.Unfit as error:
        sys.exit(str(error))
