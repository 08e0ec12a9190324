"""Rings lost, tripled and shuffled; the sweep gone or doubled; a worker whose clock is wrong."""

import sys
from collections.abc import Callable
from dataclasses import replace
from uuid import UUID

from scriptorium.processes import Command
from tests.faults.children import told
from tests.faults.rounds import Fault, Round


def _rings_lost(played: Round) -> None:
    """All of them, the sweep's too: workers look for work by themselves."""
    with played.stack.postbox.lost():
        _counting(played)


def _rings_tripled(played: Round) -> None:
    with played.stack.postbox.tripled():
        _counting(played)


def _rings_shuffled(played: Round) -> None:
    with played.stack.postbox.shuffled(played.chance):
        _counting(played)


def _counting(played: Round) -> None:
    """Each ring that went another way is an injection, each round counted once for the table."""
    before = played.stack.postbox.counted
    played.submit_some()
    played.ended()
    if played.stack.postbox.counted == before:
        played.wrong.append("no ring was diverted: the fault did not happen")
    played.hit()


def _rings_alone(played: Round) -> None:
    """Nobody sweeps, and the only light worker and the only transcriber do not look for work by themselves. Nobody
    would take up what the dead held, so they hold nothing."""
    played.ended()
    children, left = played.stack.children, ("light1", "transcribe1")
    gone = ("beat", "upkeep", "light2", "transcribe2")
    true = {name: children.command(name) for name in left}
    for name in gone:
        children.down(name)
    try:
        for name in left:
            children.again(name, told(true[name], {"SCRIPTORIUM_LOOK": "3600"}))
        played.stack.wait_for_workers(played.patience, *left)
        played.submit_some()
        played.ended()
        played.hit()
    finally:
        for name in left:
            children.again(name, true[name])
        for name in gone:
            children.again(name)


def _two_sweeps(played: Round) -> None:
    """A second upkeep worker, and twenty rings for both, while a lease is about to end: it is reaped once."""
    children = played.stack.children
    children.start(_renamed(children.command("upkeep"), "upkeep2"))
    try:
        played.submit_some(least=30.0)
        name, held = played.transcribing()
        kills = {one.id: one.tries for one in held}
        children.kill(name)
        for _ in range(20):
            played.stack.app.send_task("scriptorium.sweep", queue="upkeep", ignore_result=True)
        played.hit()
        played.until(lambda: played.stack.ledger.goes_on(held), "the steps did not go on")
        _once(played, kills)
        played.ended()
    finally:
        children.remove("upkeep2")


def _once(played: Round, before: dict[UUID, int]) -> None:
    rows = played.stack.ledger.all("SELECT id, kills FROM steps WHERE id = ANY(%s)", list(before))
    twice = [step for step, kills in rows if kills > before[step] + 1]
    played.wrong += [f"step {step} was reaped twice for one death" for step in twice]


def _renamed(command: Command, name: str) -> Command:
    return told(replace(command, argv=tuple(part.replace("upkeep@", f"{name}@") for part in command.argv)), {}, name)


def _clock_off(seconds: int) -> Callable[[Round], None]:
    """A transcriber, a light worker and upkeep believe in another hour."""

    def script(played: Round) -> None:
        names = ("transcribe1", "light1", "upkeep")
        true = {name: played.stack.command(name) for name in names}
        for name, command in true.items():
            played.stack.children.again(name, _skewed(command, seconds))
        try:
            played.stack.wait_for_workers(played.patience)
            played.submit_some(least=30.0)
            played.ended()
            played.hit()
        finally:
            for name, command in true.items():
                played.stack.children.again(name, command)

    return script


def _skewed(command: Command, seconds: int) -> Command:
    assert command.argv[:2] == (sys.executable, "-m")
    return replace(command, argv=(*command.argv[:2], "tests.faults.skewed", str(seconds), *command.argv[2:]))


FAULTS = (
    Fault("every ring lost", _rings_lost, rounds=3),
    Fault("every ring tripled", _rings_tripled),
    Fault("rings late and shuffled", _rings_shuffled),
    Fault("rings alone", _rings_alone, rounds=3),
    Fault("two sweeps at once", _two_sweeps),
    Fault("clocks an hour ahead", _clock_off(3600), rounds=3),
    Fault("clocks an hour behind", _clock_off(-3600), rounds=3),
)
