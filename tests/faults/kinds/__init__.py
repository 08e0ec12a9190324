"""The faults, by name. One file a part of the server that is broken."""

from tests.faults.kinds import bell, diarizer, engine, postgres, processes, redis, requests, storage, webhooks
from tests.faults.rounds import Fault

_PARTS = (processes, redis, postgres, bell, storage, engine, diarizer, requests, webhooks)

EVERY: dict[str, Fault] = {fault.name: fault for part in _PARTS for fault in part.FAULTS}
