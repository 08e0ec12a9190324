"""Rings for workers: "there is work of this kind". A ring carries no work, so losing it loses only time, and the
sweep rings again. Nothing is rung before the commit that made the work."""

import logging
import re
import time
from dataclasses import dataclass, field
from typing import Any

from celery import Celery
from kombu.exceptions import OperationalError

from core.states import Kind, lane

log = logging.getLogger(__name__)
MOST_RINGS = 8
"""At one time: a worker that heard one goes on until nothing is due, so more would only cost."""
DELIVERIES = "deliver"
"""The queue of those who deliver webhooks. They are no steps: see `core.webhooks`."""
SILENCE_AFTER_FAILURE = 5.0
"""Seconds without another try once Redis did not answer, so that uploads stay quick while it is down."""


def queue_name(kind: Kind, model: str = "") -> str:
    """The Celery queue of a kind, or of a kind and model where workers serve only some models."""
    return f"{lane(kind)}.{re.sub(r'[^A-Za-z0-9_.-]+', '-', model)}" if model else lane(kind).value


@dataclass
class Bell:
    app: Celery
    _silent_until: float = field(default=0.0, init=False)

    def ring(self, kind: Kind, model: str = "", times: int = 1) -> bool:
        """True when Redis took it."""
        sent = {"args": [kind.value], "queue": queue_name(kind, model)}
        return self._send("scriptorium.work", min(times, MOST_RINGS), **sent)

    def ring_deliveries(self) -> bool:
        """That there are events to tell of."""
        return self._send("scriptorium.deliver", 1, queue=DELIVERIES)

    def _send(self, task: str, times: int, **sent: Any) -> bool:
        if time.monotonic() < self._silent_until:
            return False
        try:
            for _ in range(times):
                self.app.send_task(task, ignore_result=True, **sent)
        except OperationalError as error:
            self._silent_until = time.monotonic() + SILENCE_AFTER_FAILURE
            log.warning("Redis does not answer (%s); the sweep will ring for this work", type(error).__name__)
            return False
        return True
