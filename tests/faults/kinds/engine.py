"""A recognizer that raises, has no room, answers rubbish, hangs, or kills its process."""

from collections.abc import Callable
from uuid import uuid4

from tests.faults import control
from tests.faults.control import Rule
from tests.faults.recordings import Made
from tests.faults.rounds import Fault, Round, Sent
from tests.faults.stack import BATCHING, TRANSCRIBERS

_ANY = (0, 10**9)


def new_rule(do: str, words: tuple[int, int], times: int | None, most: int = 0, by: str = control.RECOGNIZER) -> Rule:
    """Under a name of its own, so that its count begins at none."""
    return Rule(f"{do}-{uuid4().hex}", do, *words, times, most, by)


def word_of(played: Round, made: Made) -> tuple[int, int]:
    """A single word somewhere in it, as a range."""
    number = played.chance.choice(made.numbers)
    return number, number


def _told(played: Round, rules: list[Rule], seconds: float = 0.2) -> None:
    played.stack.control.set(*rules, seconds=seconds)


def _once(*does: str) -> Callable[[Round], None]:
    """Each once, at a word of a recording of its own; the next try goes well."""

    def script(played: Round) -> None:
        chosen = played.chance.sample(played.stack.recordings, max(2, len(does)))
        rules = [new_rule(do, word_of(played, made), 1) for do, made in zip(does, chosen, strict=False)]
        _told(played, rules)
        for made in chosen:
            played.submit(made)
        played.ended()
        for rule in rules:
            was_followed(played, rule)

    return script


def was_followed(played: Round, rule: Rule) -> None:
    if played.stack.control.taken(rule.name):
        played.hit()
    else:
        played.wrong.append(f"the {rule.by} was not asked to {rule.do}: the fault did not happen")


def _no_room(played: Round) -> None:
    """For more than one chunk at once: the batch is halved until it fits. The process remembers, so it is a new one."""
    played.ended()
    played.stack.children.again(BATCHING)
    played.stack.wait_for_workers(played.patience, BATCHING)
    rule = new_rule(control.MEMORY, _ANY, None, most=1)
    _told(played, [rule])
    for made in played.stack.recordings[-4:]:
        played.submit(made)
    played.ended()
    was_followed(played, rule)


def _spent(do: str) -> Callable[[Round], None]:
    """Every try at one chunk of a long recording, and at the only chunk of a short one. Their neighbours know nothing
    of it; the long one completes with a gap, the short one fails and says why."""

    def script(played: Round) -> None:
        short, long = played.stack.recordings[0], played.stack.recordings[-1]
        rules = [new_rule(do, word_of(played, made), None) for made in (short, long)]
        _told(played, rules)
        gap, failed = played.submit(long), played.submit(short)
        gap.gap, failed.ends = True, frozenset({"failed"})
        played.submit(played.stack.recordings[3])
        played.ended()
        for rule in rules:
            was_followed(played, rule)
        _says_so(played, gap, failed)

    return script


def _says_so(played: Round, gap: Sent, failed: Sent) -> None:
    shown = played.stack.asked(lambda: gap.caller.job(gap.job))
    if [warning["code"] for warning in shown["warnings"]] != ["chunk_failed"]:
        played.wrong.append(f"job {gap.job}: one chunk_failed was expected, but it warns of {shown['warnings']}")
    error = played.stack.asked(lambda: failed.caller.job(failed.job))["error"]
    if not (error and error["message"] and error["stage"] == "transcribe"):
        played.wrong.append(f"job {failed.job}: its error says nothing: {error}")


def _hangs(played: Round) -> None:
    """In a call that nobody can interrupt, past the deadline: its process ends, and takes no neighbour along."""
    made = played.stack.recordings[-1]
    rule = new_rule(control.HANG, word_of(played, made), 1)
    deaths = sum(map(played.stack.children.deaths, TRANSCRIBERS))
    _told(played, [rule])
    played.submit(made)
    played.submit_some()
    played.ended()
    was_followed(played, rule)
    if sum(map(played.stack.children.deaths, TRANSCRIBERS)) == deaths:
        played.wrong.append("the process that hung was not ended")


FAULTS = (
    Fault("recognizer raises once", _once(control.RAISE), most=5),
    Fault("recognizer answers rubbish", _once(control.SHORT, control.NAN, control.TEXT), most=2),
    Fault("recognizer out of memory", _no_room, rounds=4),
    Fault("chunk that always fails", _spent(control.RAISE)),
    Fault("poison chunk", _spent(control.ABORT), rounds=3),
    Fault("recognizer hangs", _hangs, rounds=3),
)
