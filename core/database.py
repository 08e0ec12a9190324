"""Sessions and short transactions. An outage of Postgres becomes `Unavailable` here, once."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

from sqlalchemy import Engine, Interval, cast, create_engine, event, func, literal
from sqlalchemy.exc import DBAPIError, DisconnectionError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm import Session, sessionmaker

from core.errors import Unavailable
from core.settings import Settings

REST = 1.0
"""Seconds."""


def sqlalchemy_url(url: str) -> str:
    """`postgres://` and `postgresql://` mean psycopg 3 here."""
    for scheme in ("postgres://", "postgresql://"):
        if url.startswith(scheme):
            return "postgresql+psycopg://" + url.removeprefix(scheme)
    return url


def connect(settings: Settings) -> sessionmaker[Session]:
    engine = create_engine(
        sqlalchemy_url(settings.database_url),
        hide_parameters=True,  # an error that is logged must not tell a transcript, or the URL of a recording
        # What is not ASCII as it is: a transcript is served as it was written.
        json_serializer=partial(json.dumps, ensure_ascii=False),
        pool_size=settings.database_pool,
        max_overflow=settings.web_threads,
        pool_timeout=10,
        pool_recycle=1800,
        connect_args={
            "connect_timeout": 5,
            # Over TCP, a server that is gone without a word is given up after a lease, not after hours.
            "keepalives_idle": 10,
            "keepalives_interval": 5,
            "keepalives_count": 2,
            "tcp_user_timeout": 20_000,
            # A process that hangs inside a transaction must not hold its locks for ever.
            "options": "-c idle_in_transaction_session_timeout=60000 -c lock_timeout=30000 -c timezone=UTC",
        },
    )
    _test_after_rests(engine)
    return sessionmaker(engine, expire_on_commit=False)


def _test_after_rests(engine: Engine) -> None:
    """A connection that was idle for a second may lead to a server that is gone. `pool_pre_ping` asks each time: that
    would be a tenth of what a chunk costs beside its recognition."""

    @event.listens_for(engine, "checkin")
    def rested(connection: Any, record: Any) -> None:
        record.info["rests_since"] = time.monotonic()

    @event.listens_for(engine, "checkout")
    def tested(connection: Any, record: Any, proxy: Any) -> None:
        if time.monotonic() - record.info.get("rests_since", time.monotonic()) > REST:
            try:
                engine.dialect.do_ping(connection)
            except (DBAPIError, engine.dialect.loaded_dbapi.Error) as error:
                raise DisconnectionError from error


@contextmanager
def transaction(sessions: sessionmaker[Session]) -> Iterator[Session]:
    """One transaction: commits at the end, rolls back on any error."""
    try:
        with sessions() as session, session.begin():
            yield session
    except (OperationalError, InterfaceError, PoolTimeout) as error:
        raise Unavailable("the database does not answer; try again later") from error
    except DBAPIError as error:
        if error.connection_invalidated:
            raise Unavailable("the connection to the database was lost; try again later") from error
        raise


def from_now(seconds: float) -> Any:
    """On the database's clock: workers' clocks may be off by hours."""
    return func.clock_timestamp() + cast(literal(f"{seconds} seconds"), Interval)
