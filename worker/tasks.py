"""The Celery application: tasks of a few lines, and what a worker process does when it starts and stops."""

import logging
import os
import socket
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

from celery import signals

from core import audit, bell, jobs, models
from core.context import Context, build, celery_app
from core.errors import ScriptoriumError
from core.settings import settings
from core.states import DIARIZED, RECOGNIZED, Kind, lane
from core.webhooks import upkeep
from worker.batches import Batches
from worker.deliveries import Dispatcher
from worker.engines.protocols import EngineInfo
from worker.lookout import Lookout
from worker.outgoing import Outgoing
from worker.pulse import Pulse
from worker.recognition import Recognition
from worker.runner import Runner
from worker.speakers import Speakers

app = celery_app(settings())
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Process:
    """What this worker process runs besides Celery."""

    runner: Runner
    lookout: Lookout
    dispatcher: Dispatcher | None = None


_processes: dict[int, _Process] = {}
"""By process id: a fork must not take its parent's for its own."""


def _process() -> _Process:
    return _processes[os.getpid()]


@cache
def context() -> Context:
    return build(settings())


@app.task(name="scriptorium.work")
def work(kind: str) -> None:
    """The ring says which kind, for whoever reads the queue; the worker takes what is fair of all its kinds."""
    _process().lookout.heard()
    _process().runner.work()


@app.task(name="scriptorium.deliver")
def deliver() -> None:
    if (dispatcher := _process().dispatcher) is not None:
        dispatcher.wake()


@app.task(name="scriptorium.sweep")
def sweep() -> None:
    _process().lookout.heard()
    _sweep()


@app.task(name="scriptorium.scavenge")
def scavenge() -> None:
    removed = jobs.scavenge(context())
    if removed:
        log.info("scavenge: removed %d uploads or recordings that no row names", removed)
    if expired := audit.expire(context()):
        log.info("scavenge: removed %d audit entries that had their time", expired)
    if forgotten := upkeep.expire(context()):
        log.info("scavenge: removed %d events that had their time", forgotten)


def _sweep() -> None:
    swept = jobs.sweep(context(), spacing=settings().sweep / 2)
    if swept != replace(jobs.Swept(), rung=swept.rung):
        log.info("sweep: %s", swept)
    audit.chain(context())


@signals.setup_logging.connect
def _logging(**_: Any) -> None:
    logging.basicConfig(level=settings().log_level, format="%(asctime)s %(levelname)s %(name)s: %(message)s")


@signals.celeryd_after_setup.connect
def _start(instance: Any, **_: Any) -> None:
    """Before the first ring is taken: the model is loaded, proven on a clip whose words are known, and announced."""
    queues = set(instance.app.amqp.queues.consume_from)
    kinds = tuple(kind for kind in Kind if any(name.split(".")[0] == lane(kind) for name in queues))
    try:
        recognition = _recognition(queues) if Kind.TRANSCRIBE in kinds else None
        speakers = _speakers(queues) if Kind.DIARIZE in kinds else None
    except ScriptoriumError as error:  # Celery passes over what a signal's receiver raises, and takes work all the same
        raise SystemExit(f"this worker cannot serve its model: {error.message}") from error
    models_here = [one.info for one in (recognition and recognition.recognizer, speakers and speakers.diarizer) if one]
    served = tuple(info.name for info in models_here)
    name = f"{socket.gethostname()}:{os.getpid()}"
    dispatcher = _dispatcher(name) if bell.DELIVERIES in queues else None
    does = [*kinds, *([bell.DELIVERIES] if dispatcher else [])]
    pulse = Pulse(context(), name, lambda: jobs.register(context(), name, does, served, _info(models_here)))
    slots = settings().fetches if kinds == (Kind.FETCH,) else 1
    outgoing = Outgoing(settings().outgoing) if Kind.FETCH in kinds else None
    runner = Runner(context(), name, kinds, served, pulse, speakers=speakers, outgoing=outgoing, slots=max(1, slots))
    if recognition is not None:
        runner.batches = _batches(recognition, runner)
    look = runner.look if kinds else dispatcher.wake if dispatcher else _sweep
    lookout = Lookout(look, settings().look)
    _processes[os.getpid()] = _Process(runner, lookout, dispatcher)
    if does:
        runner.pulse.start()
    if dispatcher is not None:
        dispatcher.start()
    lookout.start()


def _dispatcher(name: str) -> Dispatcher:
    return Dispatcher(context(), name, Outgoing(settings().outgoing))


def _recognition(queues: set[str]) -> Recognition:
    from worker import engines  # the libraries behind it load slowly, and only transcribers need them
    from worker.engines import calibrations

    model = models.resolve(settings().model, settings()).name
    _expect(bell.queue_name(Kind.TRANSCRIBE, model), queues, f"SCRIPTORIUM_MODEL is {model!r}")
    recognizer = engines.recognizer(model, settings())
    engines.prove(recognizer)
    return Recognition(context(), recognizer, calibrations.find(recognizer.info, settings()))


def _speakers(queues: set[str]) -> Speakers:
    from worker import engines

    source = models.diarizer(settings())
    _expect(bell.queue_name(Kind.DIARIZE, source.name), queues, f"SCRIPTORIUM_DIARIZER is {source.name!r}")
    return Speakers(context(), engines.diarizer(source.setting, settings()))


def _expect(queue: str, queues: set[str], why: str) -> None:
    if queue not in queues:
        raise SystemExit(f"{why}, so this worker must take the queue {queue}: -Q {queue}")


def _batches(recognition: Recognition, runner: Runner) -> Batches:
    """On a GPU many at once, and the next ones prepared meanwhile: the device waits for nobody."""
    from worker import engines

    device = recognition.recognizer.info.device
    return Batches(recognition, runner, engines.batch(settings(), device), ahead=device == "cuda")


def _info(served: Sequence[EngineInfo]) -> dict[str, Any]:
    return {"pid": os.getpid(), **({"model": vars(served[0])} if served else {})}


@signals.worker_ready.connect
def _first_look(**_: Any) -> None:
    """Work may have been waiting since before this process lived: no need to wait for the sweep."""
    runner = _process().runner
    for kind in set(map(lane, runner.kinds)):
        context().bell.ring(kind, runner.models[0] if kind in (*RECOGNIZED, *DIARIZED) else "")


@signals.worker_shutting_down.connect
def _drain(**_: Any) -> None:
    _process().runner.drain()
    if (dispatcher := _process().dispatcher) is not None:
        dispatcher.drain()


@signals.worker_shutdown.connect
def _stop(**_: Any) -> None:
    """What is still held goes back at once; nobody has to wait for the lease to end."""
    _process().lookout.stop()
    if (dispatcher := _process().dispatcher) is not None:
        dispatcher.stop()
    runner = _process().runner
    runner.pulse.stop()
    for step in runner.pulse.held:
        jobs.hand_back(runner.context, step)
    jobs.resign(runner.context, runner.name)
