"""How long a step of each kind may run. One table; `SCRIPTORIUM_DEADLINES` overrides an entry.

Past it a step is tried again, as after an error. Code that asks in between ends by itself; a hung native call ends
its process.
"""

from core.settings import Settings
from core.states import Kind

SECONDS: dict[Kind, float] = {
    Kind.FETCH: 600.0,  # beside `Settings.fetch_timeout`, which ends it before: finding the address, the disk
    Kind.INGEST: 2.5 * 3600,  # twice the time for decoding, which has a limit of its own, and the rest
    Kind.TRANSCRIBE: 900.0,  # one batch; a chunk of 30 s with a large model on two old cores takes minutes
    Kind.REDECODE: 900.0,
    Kind.DIARIZE: 1800.0,  # one block of ten minutes; a large pipeline on two old cores takes longer than it lasts
    Kind.CLUSTER: 600.0,  # a bounded sample, whatever the length
    Kind.ASSEMBLE: 600.0,  # twelve hours of words
}


def seconds(kind: Kind, settings: Settings) -> float:
    own = settings.fetch_timeout if kind is Kind.FETCH else 0.0
    return settings.deadlines.get(kind, SECONDS[kind] + own)
