"""The faults that plain Celery can meet too. A name that the product's kinds know is the same fault."""

import os
import signal
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random

from scriptorium.processes import born
from tests.faults.baseline import misdeeds
from tests.faults.baseline.records import Chunk
from tests.faults.baseline.stack import QUEUE, BaselineStack
from tests.faults.recordings import Made

_WORK = 15.0
"""Seconds for a chunk to be under way."""

_HEARD = 10.0
"""Seconds for a misdeed to be done; with every process hanging, none does it."""

_COPIES = 2


@dataclass
class Round:
    """What a fault may touch. `jobs`: those accepted, and their recordings. `pause`: seconds that Redis stands."""

    stack: BaselineStack
    recordings: list[Made]
    chance: Random
    pause: float
    jobs: dict[str, Made] = field(default_factory=dict)

    def submit(self) -> str:
        made = self.chance.choice(self.recordings)
        job = self.stack.submit(made)
        self.jobs[job] = made
        return job

    def busy(self) -> Chunk | None:
        """A chunk that a living process is at, after a random part of it. None: nobody works any more."""
        self.submit()
        if not self.stack.waited(lambda: bool(self._alive()), _WORK):
            return None
        self.linger(self.chance.uniform(0, 0.9 * self.stack.seconds))
        alive = self._alive()
        return self.chance.choice(alive) if alive else self.busy()

    def linger(self, seconds: float) -> None:
        """The time that a fault lasts, or that it comes later."""
        self.stack.waited(lambda: False, seconds)

    def _alive(self) -> list[Chunk]:
        return [chunk for chunk in self.stack.records.running() if born(chunk.pid)]


Inject = Callable[[Round], bool]
"""Whether the fault could be injected."""


def _kill_worker(played: Round) -> bool:
    chunk = played.busy()
    if chunk:
        played.stack.kill(_name(chunk))
    return bool(chunk)


def _kill_process(played: Round) -> bool:
    """One of the pool, as the kernel does when memory is short."""
    chunk = played.busy()
    if chunk and born(chunk.pid):
        os.kill(chunk.pid, signal.SIGKILL)
    return bool(chunk)


def _terminate_worker(played: Round) -> bool:
    chunk = played.busy()
    if chunk:
        before = played.stack.pid(_name(chunk))
        played.stack.terminate(_name(chunk))
        played.stack.waited(lambda: played.stack.pid(_name(chunk)) != before, _WORK)
    return bool(chunk)


def _wipe_redis(played: Round) -> bool:
    chunk = played.busy()
    played.stack.restart_redis()
    return bool(chunk)


def _pause_redis(played: Round) -> bool:
    chunk = played.busy()
    played.stack.signal_redis(signal.SIGSTOP)
    try:
        played.linger(played.pause)
    finally:
        played.stack.signal_redis(signal.SIGCONT)
    return bool(chunk)


def _freeze_connections(played: Round) -> bool:
    chunk = played.busy()
    played.stack.proxy.freeze()
    return bool(chunk)


def _cut_connections(played: Round) -> bool:
    chunk = played.busy()
    played.stack.proxy.cut()
    return bool(chunk)


def _triple_messages(played: Round) -> bool:
    def triple(waiting: list[bytes | str]) -> None:
        played.stack.redis.rpush(QUEUE, *(message for message in waiting for _ in range(_COPIES)))

    return _at_messages(played, triple)


def _lose_messages(played: Round) -> bool:
    return _at_messages(played, lambda waiting: played.stack.redis.delete(QUEUE))


def _at_messages(played: Round, act: Callable[[list[bytes | str]], object]) -> bool:
    """While nobody fetches any, so that those of the pool's processes and of a new recording lie in the queue."""
    stack = played.stack
    for name in stack.workers:
        stack.pause(name)
    try:
        waiting: list[bytes | str] = []
        while not waiting:  # what each worker asked for before it was paused is delivered past the queue
            played.submit()
            played.linger(played.chance.uniform(0, 2 * stack.seconds))
            waiting = list(stack.redis.lrange(QUEUE, 0, -1))
        act(waiting)
    finally:
        for name in stack.workers:
            stack.resume(name)
    return True


def _poison(played: Round) -> bool:
    """A word that ends the process that hears it, each time."""
    job = played.submit()
    word = played.chance.choice(played.jobs[job].words).word
    misdeeds.order(played.stack.folder, misdeeds.POISON, word)
    return played.stack.waited(lambda: played.stack.ended(job), _HEARD)


def _raise(played: Round) -> bool:
    return _once(played, "raise")


def _hang(played: Round) -> bool:
    """For ever: by default there is no deadline."""
    return _once(played, "hang")


def _once(played: Round, what: str) -> bool:
    played.submit()
    misdeeds.order(played.stack.folder, what)
    return played.stack.waited(lambda: misdeeds.taken(played.stack.folder, what), _HEARD)


def _name(chunk: Chunk) -> str:
    return chunk.worker.partition("@")[0]


KINDS: dict[str, Inject] = {
    "transcriber killed": _kill_worker,
    "pool process killed": _kill_process,
    "transcriber asked to end": _terminate_worker,
    "Redis killed and back empty": _wipe_redis,
    "Redis stopped for a while": _pause_redis,
    "Redis connections half open": _freeze_connections,
    "Redis connections cut": _cut_connections,
    "every ring tripled": _triple_messages,
    "every ring lost": _lose_messages,
    "poison chunk": _poison,
    "recognizer raises once": _raise,
    "recognizer hangs": _hang,
}
