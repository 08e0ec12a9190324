"""Processes that are killed, asked to end, or stopped for a while."""

import signal
import time
from collections.abc import Callable

from tests.faults.ledger import Held
from tests.faults.rounds import Fault, Round
from tests.faults.stack import LIGHT

_LONG_ENOUGH = 1.5
"""Seconds a chunk, for a late result to be seen before the one in time; four of them are within the deadline."""

Pick = Callable[[Round], tuple[str, list[Held]]]


def _hit_holder(played: Round, pick: Pick, number: signal.Signals) -> None:
    """Whoever is in the middle of a step gets the signal; recovered when its steps are in other hands or done."""
    name, held = pick(played)
    played.moment(0.1)
    since = time.monotonic()
    if number == signal.SIGKILL:
        played.stack.children.kill(name)
    else:
        played.stack.children.terminate(name)
    played.hit_holder(held, since)


def _in_the_middle(pick: Pick, number: signal.Signals, least: float = 30.0) -> Callable[[Round], None]:
    def script(played: Round) -> None:
        played.submit_some(least=least)
        _hit_holder(played, pick, number)

    return script


def _in_assembly(number: signal.Signals) -> Callable[[Round], None]:
    """It takes milliseconds: the table that it writes to is held until the signal has come."""

    def script(played: Round) -> None:
        sent = played.submit_some()
        played.accepted(sent)
        with played.stack.ledger.locked("transcripts"):
            name, held = played.busy("assemble", LIGHT)
            since = time.monotonic()
            played.stack.children.send(name, number)
            if number == signal.SIGKILL:
                played.stack.children.kill(name)
        played.hit_holder(held, since)

    return script


def _web_in_upload(number: signal.Signals) -> Callable[[Round], None]:
    """While a recording is on its way in. Recovered when it is accepted after all."""

    def script(played: Round) -> None:
        slow = played.submit(played.stack.recordings[-1], pace=0.02)
        played.submit()
        incoming = played.stack.blobs / ".incoming"
        played.until(lambda: incoming.is_dir() and any(incoming.iterdir()), "no upload was under way")
        played.moment(0.5)
        since = time.monotonic()
        played.stack.children.send("web", number)
        played.hit(since, slow.answer.done)

    return script


def _not_a_worker(name: str, number: signal.Signals) -> Callable[[Round], None]:
    """Beat and upkeep hold no step. Recovered when the one that comes after it has swept."""

    def script(played: Round) -> None:
        swept = "SELECT count(*) FROM sweep_state WHERE swept_at > to_timestamp(%s)"
        played.submit_some()
        played.moment(played.stack.timing.sweep)
        deaths = played.stack.children.deaths(name)
        since, clock = (
            time.monotonic(),
            float(played.stack.ledger.one("SELECT extract(epoch FROM clock_timestamp())")),
        )
        played.stack.children.send(name, number)
        played.until(lambda: played.stack.children.deaths(name) > deaths, f"{name} did not end")
        gone = clock + time.monotonic() - since
        played.hit(since, lambda: bool(played.stack.ledger.count(swept, gone)))

    return script


def _stopped_past_its_lease(played: Round) -> None:
    """It wakes while another works on its steps, and writes: that is refused and counted, and the other finishes.
    Recovered when the other begins."""
    played.submit_some(least=30.0)
    name, held = played.transcribing()
    since = time.monotonic()
    played.stack.children.pause(name)
    played.stack.control.set(seconds=_LONG_ENOUGH)  # for the other; the stopped one waits as long as it was told before
    try:
        played.hit_holder(held, since)
    finally:
        played.stack.children.resume(name)
    jobs = list({one.job for one in held})
    late = "SELECT sum(late_results) >= %s FROM jobs WHERE id = ANY(%s)"
    played.until(lambda: bool(played.stack.ledger.one(late, len(held), jobs)), "no late result was counted")
    done = "SELECT count(*) FROM steps WHERE id = ANY(%s) AND status = 'done'"
    if played.stack.ledger.count(done, [one.id for one in held]) == len(held):
        played.wrong.append("a late result was taken: its steps ended while another still worked on them")


FAULTS = (
    Fault("transcriber killed", _in_the_middle(Round.transcribing, signal.SIGKILL), most=2, seconds=0.6),
    Fault("light worker killed in ingest", _in_the_middle(Round.ingesting, signal.SIGKILL), most=2),
    Fault("light worker killed in assemble", _in_assembly(signal.SIGKILL), most=2),
    Fault("upkeep killed", _not_a_worker("upkeep", signal.SIGKILL), most=2),
    Fault("beat killed", _not_a_worker("beat", signal.SIGKILL), most=2),
    Fault("web killed in an upload", _web_in_upload(signal.SIGKILL), most=2),
    Fault("transcriber asked to end", _in_the_middle(Round.transcribing, signal.SIGTERM), most=2, seconds=0.6),
    Fault("light worker asked to end", _in_the_middle(Round.ingesting, signal.SIGTERM), most=2),
    Fault("upkeep asked to end", _not_a_worker("upkeep", signal.SIGTERM), most=2),
    Fault("beat asked to end", _not_a_worker("beat", signal.SIGTERM), most=2),
    Fault("web asked to end in an upload", _web_in_upload(signal.SIGTERM), most=2),
    Fault("transcriber stopped past its lease", _stopped_past_its_lease, seconds=0.6),
)
