"""What is taken away, and the tests that must see it."""

from dataclasses import dataclass

INTEGRATION = "tests/integration/"


@dataclass(frozen=True)
class Mutation:
    """`old` stands exactly once in the file; `tests`, as pytest names them, pass with it and fail with `new`."""

    what: str
    path: str
    old: str
    new: str
    tests: tuple[str, ...]


def guard(name: str, module: str = "test_guards") -> tuple[str, ...]:
    return (f"{INTEGRATION}{module}.py::{name}",)
