"""The real servers, once a session; a clean database for every test."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config

from core import context as composition
from core import keys
from core.context import Context
from core.settings import Settings
from core.settings import settings as from_environment
from scriptorium import embedded
from scriptorium.embedded.postgres import Postgres
from scriptorium.embedded.redis import Redis
from tests.emptied import empty

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def database_url() -> Iterator[str]:
    """A real PostgreSQL whose schema the migrations made."""
    with embedded.temporary() as folder, Postgres(folder) as server:
        os.environ["DATABASE_URL"] = server.url
        from_environment.cache_clear()
        command.upgrade(Config(str(ROOT / "alembic.ini")), "head")
        del os.environ["DATABASE_URL"]
        from_environment.cache_clear()
        yield server.url


@pytest.fixture(scope="session")
def redis_url() -> Iterator[str]:
    with embedded.temporary() as folder, Redis(folder) as server:
        yield server.url


@pytest.fixture(scope="session")
def shared_context(database_url: str, redis_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Context]:
    settings = Settings(
        database_url=database_url, redis_url=redis_url, data=tmp_path_factory.mktemp("data"), min_free_bytes=0,
        min_free_share=0.0, audit_flush=0.0,
        rate_limit=0, failed_logins=0,  # all tests come from one address, to one Redis
    )  # fmt: skip
    made = composition.build(settings)
    yield made
    made.sessions.kw["bind"].dispose()
    made.bell.app.close()


@pytest.fixture
def context(shared_context: Context) -> Context:
    """With nothing in it: what a test commits, the next one does not see."""
    empty(shared_context)
    return shared_context


@pytest.fixture
def api_key() -> str:
    return keys.mint()


@pytest.fixture
def tenant(context: Context, api_key: str) -> keys.Tenant:
    return keys.ensure(context, api_key)
