"""A diarizer that is killed, hangs, is late, always fails, or is not there. No transcript fails with it, and its stage
can be run again alone."""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from tests.faults import control, speakers
from tests.faults.children import told
from tests.faults.control import Rule
from tests.faults.kinds.engine import new_rule, was_followed
from tests.faults.ledger import Held
from tests.faults.recordings import Made
from tests.faults.rounds import Fault, Round, Sent
from tests.faults.stack import DIARIZERS, TRANSCRIBERS

_DEADLINE = {"SCRIPTORIUM_DEADLINES": '{"diarize": 4}'}
_GRACE = {"SCRIPTORIUM_SPEAKERS_GRACE": "1"}
"""Seconds, once the words are there, or half the recording's length where that is more."""


def _rule(played: Round, do: str, made: Made, times: int | None) -> Rule:
    """At a word somewhere in it, or the next: one of two is not cut where a block ends."""
    number = played.chance.choice(made.numbers)
    rule = new_rule(do, (number, number + 1), times, by=control.DIARIZER)
    played.stack.control.set(rule, seconds=0.1)
    return rule


def _whole(played: Round) -> None:
    """From now on the diarizer does what it should."""
    played.stack.control.set(seconds=0.1)


def _asked(played: Round, made: Made | None = None) -> Sent:
    return played.submit(made, diarization=True)


def _killed_in_a_block(played: Round) -> None:
    """Of two. Another diarizer hears that one anew, and only that one."""
    rule = _rule(played, control.HOLD, played.stack.talk, 1)
    sent = _asked(played, played.stack.talk)
    _asked(played)
    played.accepted()
    name, held = _holding(played, rule)
    played.moment()
    since = time.monotonic()
    played.stack.children.kill(name)
    played.hit_holder(held, since)
    _tried_again(played, held)
    once = "SELECT count(*) FROM steps WHERE job_id = %s AND kind = 'diarize' AND attempt = 1"
    if played.stack.ledger.count(once, sent.job) != 1:
        played.wrong.append("the block that was heard was heard again")


def _killed_in_joining(played: Round) -> None:
    """As it writes down who spoke: the table is held until it is dead."""
    _asked(played)
    played.accepted()
    with played.stack.ledger.locked("diarizations"):
        name, held = played.busy("cluster", DIARIZERS)
        played.moment()
        since = time.monotonic()
        played.stack.children.kill(name)
    played.hit_holder(held, since)
    _tried_again(played, held)


def _holding(played: Round, rule: Rule) -> tuple[str, list[Held]]:
    """Who follows the rule, once nobody else is at work, and the step that it holds."""
    found: list[tuple[str, list[Held]]] = []

    def alone() -> bool:
        held = {name: played.stack.ledger.held(played.stack.children.pid(name)) for name in DIARIZERS}
        found[:] = [(name, steps) for name, steps in held.items() if steps]
        return len(found) == 1 and played.stack.control.taken(rule.name) > 0

    played.until(alone, "no block was heard")
    return found[0]


def _tried_again(played: Round, held: list[Held]) -> None:
    played.ended()
    before = {one.id: one.attempt for one in held}
    rows = played.stack.ledger.all("SELECT id, status, attempt FROM steps WHERE id = ANY(%s)", list(before))
    once = [step for step, status, attempt in rows if status != "done" or attempt == before[step]]
    played.wrong += [f"step {step} was not done by a second try" for step in once]


def _hangs(played: Round) -> None:
    """In a call that nobody can interrupt, past its deadline: its process ends, and another diarizer's try succeeds."""
    with _told(played, dict.fromkeys(DIARIZERS, _DEADLINE)):
        _hung(played)


def _hangs_alone(played: Round) -> None:
    """Until it is there again nobody serves the diarizer, and a job whose words are there does not wait: then its owner
    asks once more. Where the words came later, its second try has succeeded."""
    first, second = DIARIZERS
    played.stack.children.down(second)
    try:
        with _told(played, {first: _DEADLINE}):
            sent = _hung(played)
        given_up = bool(speakers.warned(played.stack.asked(lambda: sent.caller.job(sent.job))))
        if given_up:
            _without(played, sent, "diarizer_not_served")
    finally:
        played.stack.children.again(second)
    if given_up:
        played.stack.wait_for_workers(played.patience, *DIARIZERS)
        _found_at_last(played, sent)


def _hung(played: Round) -> Sent:
    """One of them, once; and the job has ended."""
    made = played.stack.recordings[0]
    deaths = sum(map(played.stack.children.deaths, DIARIZERS))
    rule = _rule(played, control.HANG, made, 1)
    sent = _asked(played, made)
    played.ended()
    was_followed(played, rule)
    if sum(map(played.stack.children.deaths, DIARIZERS)) == deaths:
        played.wrong.append("the process that hung was not ended")
    return sent


def _late(played: Round) -> None:
    """The words wait for it as long as they may. What it says afterwards is refused and counted; asked once more, it
    is in time."""
    made = played.stack.recordings[0]
    with _told(played, dict.fromkeys(TRANSCRIBERS, _GRACE)):
        rule = _rule(played, control.HOLD, made, 1)
        sent = _asked(played, made)
        played.ended()
        was_followed(played, rule)
        _without(played, sent, "diarization_late")
        _whole(played)
        late = "SELECT late_results > 0 FROM jobs WHERE id = %s"
        played.until(lambda: bool(played.stack.ledger.one(late, sent.job)), "no late result was counted")
        _without(played, sent, "diarization_late")
    _found_at_last(played, sent)


def _always_fails(played: Round) -> None:
    """At one recording's block. Another's speakers are found meanwhile; its own once the diarizer is whole again."""
    made, other = played.chance.sample(played.stack.recordings, 2)
    rule = _rule(played, control.RAISE, made, None)
    sent = _asked(played, made)
    _asked(played, other)
    played.ended()
    was_followed(played, rule)
    _without(played, sent, "diarization_failed")
    _whole(played)
    _found_at_last(played, sent)


def _nobody(played: Round) -> None:
    """The first upload comes while the dead still count as alive, the second when nobody does. Once diarizers are there
    again they find who spoke in the first, whose owner asks for it; the second stays as it is."""
    for name in DIARIZERS:
        played.stack.children.down(name)
    try:
        first = _asked(played)
        played.accepted()
        gone = (
            "SELECT count(*) FROM workers"
            " WHERE 'diarize' = ANY(kinds) AND seen_at > clock_timestamp() - %s * interval '2 s'"
        )
        lease = played.stack.timing.lease
        played.until(lambda: not played.stack.ledger.count(gone, lease), "the dead were not forgotten")
        second = _asked(played)
        played.ended()
        played.hit()
        for sent in (first, second):
            _without(played, sent, "diarizer_not_served")
    finally:
        for name in DIARIZERS:
            played.stack.children.again(name)
    played.stack.wait_for_workers(played.patience, *DIARIZERS)
    _found_at_last(played, first)


def _without(played: Round, sent: Sent, code: str) -> None:
    """Completed, with every word and no speaker, and the job says why."""
    sent.speakers = False
    shown = played.stack.asked(lambda: sent.caller.job(sent.job))
    if shown["status"] != "completed" or speakers.warned(shown) != {code}:
        played.wrong.append(f"job {sent.job}: {shown['status']} with {shown['warnings']}, not completed with {code}")
        return
    document = played.stack.asked(lambda: sent.caller.transcript(sent.job))
    if document["turns"] or len(speakers.words(document)) != len(sent.made.words if sent.made else ()):
        played.wrong.append(f"job {sent.job}: without speakers it has {document['turns']} and not every word")
    played.wrong += speakers.misheard(sent, document)
    played.wrong += speakers.rows(played.stack.ledger, [sent])


def _found_at_last(played: Round, sent: Sent) -> None:
    """The stage alone is run again; the books then want every word's speaker."""
    url = f"/v1/jobs/{sent.job}"
    heard = "SELECT sum(attempt) FROM steps WHERE job_id = %s AND kind = 'transcribe'"
    before = played.stack.ledger.one(heard, sent.job)
    asked = played.stack.asked(lambda: sent.caller.ask("POST", f"{url}/retry", json={"stage": "diarize"}))
    served = played.stack.asked(lambda: sent.caller.ask("GET", f"{url}/transcript"))
    if (asked.status_code, served.status_code) != (202, 200):
        played.wrong.append(f"a retry of diarize was answered {asked.status_code}, the transcript {served.status_code}")
    sent.speakers = True
    played.ended()
    if played.stack.ledger.one(heard, sent.job) != before:
        played.wrong.append(f"job {sent.job}: a retry of diarize transcribed again")
    run = "SELECT jobs.run, diarizations.run FROM jobs JOIN diarizations ON job_id = id WHERE id = %s"
    if played.stack.ledger.all(run, sent.job) != [(2, 2)]:
        played.wrong.append(f"job {sent.job}: its speakers are not of its second run")


@contextmanager
def _told(played: Round, extra: Mapping[str, Mapping[str, str]]) -> Iterator[None]:
    """These processes, started anew with more in their environment, and as they were afterwards."""
    children = played.stack.children
    true = {name: children.command(name) for name in extra}
    played.ended()
    try:
        for name, command in true.items():
            children.again(name, told(command, extra[name]))
        played.stack.wait_for_workers(played.patience, *true)
        yield
    finally:
        for name, command in true.items():
            children.again(name, command)


FAULTS = (
    Fault("diarizer killed in a block", _killed_in_a_block, rounds=3),
    Fault("diarizer killed in joining", _killed_in_joining, most=2),
    Fault("diarizer hangs", _hangs, rounds=3),
    Fault("only diarizer hangs", _hangs_alone, rounds=3),
    Fault("diarizer too late", _late, rounds=3),
    Fault("diarizer always fails", _always_fails, most=2),
    Fault("no diarizer", _nobody, rounds=3),
)
