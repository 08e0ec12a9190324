"""The composition root: every outside thing that the product uses, made once from the settings."""

from dataclasses import dataclass, field
from threading import BoundedSemaphore

from celery import Celery
from sqlalchemy.orm import Session, sessionmaker

from core.bell import Bell
from core.blobs import LocalBlobs
from core.database import connect
from core.settings import Settings
from core.settings import settings as from_environment

RING_TIMEOUT = 1.0
"""Seconds that an upload, or a worker with a result, waits for a Redis that hangs; the sweep rings later."""
PROBES = 4
CLIPS = 2
"""Files that one server looks into, and clips that it renders, at once; each in a child process."""


@dataclass(frozen=True)
class Context:
    settings: Settings
    sessions: sessionmaker[Session]
    blobs: LocalBlobs
    bell: Bell
    probes: BoundedSemaphore = field(default_factory=lambda: BoundedSemaphore(PROBES))
    clips: BoundedSemaphore = field(default_factory=lambda: BoundedSemaphore(CLIPS))


def celery_app(settings: Settings) -> Celery:
    app = Celery("scriptorium")
    app.config_from_object("celeryconfig")
    app.conf.broker_url = settings.redis_url
    return app


def build(settings: Settings | None = None) -> Context:
    settings = settings or from_environment()
    return Context(settings, connect(settings), LocalBlobs(settings.blobs), Bell(_ringing(settings)))


def _ringing(settings: Settings) -> Celery:
    """An app of its own for the bell: a worker listens for long, but nobody waits long for a ring to be taken."""
    app = celery_app(settings)
    patience = {"socket_timeout": RING_TIMEOUT, "socket_connect_timeout": RING_TIMEOUT}
    app.conf.broker_transport_options = {**app.conf.broker_transport_options, **patience}
    return app
