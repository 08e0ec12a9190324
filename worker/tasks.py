"""The Celery application: two tasks of a few lines, and what a worker process does when it starts and stops."""

import logging
import os
import socket
from functools import cache
from typing import Any

from celery import signals

from core import bell, jobs, models
from core.context import Context, build, celery_app
from core.settings import settings
from core.states import Kind
from worker.pulse import Pulse
from worker.runner import Runner

app = celery_app(settings())
log = logging.getLogger(__name__)
_runners: dict[int, Runner] = {}


@cache
def context() -> Context:
    return build(settings(), app)


@app.task(name="scriptorium.work")
def work(kind: str) -> None:
    _runners[os.getpid()].work(Kind(kind))


@app.task(name="scriptorium.sweep")
def sweep() -> None:
    swept = jobs.sweep(context())
    if swept.reaped or swept.erased:
        log.info("sweep: %d leases ended, %d rings, %d recordings erased", swept.reaped, swept.rung, swept.erased)


@signals.setup_logging.connect
def _logging(**_: Any) -> None:
    logging.basicConfig(level=settings().log_level, format="%(asctime)s %(levelname)s %(name)s: %(message)s")


@signals.celeryd_after_setup.connect
def _start(instance: Any, **_: Any) -> None:
    """Before the first ring is taken: the model is loaded, proven on a clip whose words are known, and announced."""
    queues = set(instance.app.amqp.queues.consume_from)
    kinds = tuple(kind for kind in Kind if any(name.split(".")[0] == kind for name in queues))
    served: tuple[str, ...] = ()
    recognizer = None
    if Kind.TRANSCRIBE in kinds:
        from worker import engines  # the libraries behind it load slowly, and only transcribers need them

        served = (models.resolve(settings().model, settings()).name,)
        expected = bell.queue_name(Kind.TRANSCRIBE, served[0])
        if expected not in queues:
            raise SystemExit(
                f"SCRIPTORIUM_MODEL is {served[0]!r}, so this worker must take the queue {expected}: -Q {expected}"
            )
        recognizer = engines.recognizer(served[0], settings())
        engines.prove(recognizer)
    name = f"{socket.gethostname()}:{os.getpid()}"
    runner = Runner(context(), name, kinds, served, recognizer, Pulse(context(), name), batch=_batch(recognizer))
    _runners[os.getpid()] = runner
    if kinds:
        jobs.register(context(), name, kinds, served, _info(recognizer))
        runner.pulse.start()


def _batch(recognizer: Any) -> int:
    on_gpu = recognizer is not None and recognizer.info.device == "cuda"
    return settings().transcribe_batch or (16 if on_gpu else 1)


def _info(recognizer: Any) -> dict[str, Any]:
    return {"pid": os.getpid(), **({"model": vars(recognizer.info)} if recognizer is not None else {})}


@signals.worker_ready.connect
def _first_look(**_: Any) -> None:
    """Work may have been waiting since before this process lived: no need to wait for the sweep."""
    runner = _runners[os.getpid()]
    for kind in runner.kinds:
        context().bell.ring(kind, runner.models[0] if kind is Kind.TRANSCRIBE else "")


@signals.worker_shutting_down.connect
def _drain(**_: Any) -> None:
    _runners[os.getpid()].draining.set()


@signals.worker_shutdown.connect
def _stop(**_: Any) -> None:
    """What is still held goes back at once; nobody has to wait for the lease to end."""
    runner = _runners[os.getpid()]
    runner.pulse.stop()
    for step in runner.pulse.held:
        jobs.hand_back(runner.context, step)
    jobs.resign(runner.context, runner.name)
