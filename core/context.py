"""The composition root: every outside thing that the product uses, made once from the settings."""

from dataclasses import dataclass

from celery import Celery
from sqlalchemy.orm import Session, sessionmaker

from core.bell import Bell
from core.blobs import LocalBlobs
from core.database import connect
from core.settings import Settings
from core.settings import settings as from_environment


@dataclass(frozen=True)
class Context:
    settings: Settings
    sessions: sessionmaker[Session]
    blobs: LocalBlobs
    bell: Bell


def celery_app(settings: Settings) -> Celery:
    app = Celery("scriptorium")
    app.config_from_object("celeryconfig")
    app.conf.broker_url = settings.redis_url
    return app


def build(settings: Settings | None = None, app: Celery | None = None) -> Context:
    settings = settings or from_environment()
    return Context(settings, connect(settings), LocalBlobs(settings.blobs), Bell(app or celery_app(settings)))
