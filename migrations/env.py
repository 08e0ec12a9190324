"""Alembic's entry: the URL comes from the settings, the target from `core.tables`.

A migration must suit the code that is already running, and wait for it rather than hold it up: add first, remove one
release later; build indexes concurrently; give up a lock that is not had at once, and ask again.
"""

import time

from alembic import context
from sqlalchemy import Connection, create_engine, pool, text
from sqlalchemy.exc import OperationalError

from core.database import sqlalchemy_url
from core.settings import settings
from core.tables import Base

MIGRATION_LOCK = 7_310_471
"""Of pg_try_advisory_lock: two servers that start at once migrate one after the other."""
LOCK_TIMEOUT = "2s"
"""Everybody queues behind whoever waits for a table, so a migration may not wait for long."""
TRIES = 60
PAUSE = 1.0


def run() -> None:
    engine = create_engine(sqlalchemy_url(settings().database_url), poolclass=pool.NullPool)
    with engine.connect() as connection:
        _alone(connection)
        connection.execute(text(f"SET lock_timeout = '{LOCK_TIMEOUT}'"))
        connection.commit()
        context.configure(
            connection=connection, target_metadata=Base.metadata, compare_type=True, transaction_per_migration=True
        )
        _migrate()


def _alone(connection: Connection) -> None:
    """Asks again and again: a session that waits inside pg_advisory_lock would hold up a concurrent index build."""
    while not connection.scalar(text(f"SELECT pg_try_advisory_lock({MIGRATION_LOCK})")):
        connection.commit()
        time.sleep(PAUSE)


def _migrate() -> None:
    """What is done stays done: each migration has its own transaction."""
    for left in reversed(range(TRIES)):
        try:
            with context.begin_transaction():
                context.run_migrations()
            return
        except OperationalError as error:
            if getattr(error.orig, "sqlstate", "") != "55P03" or not left:  # lock_not_available
                raise
            time.sleep(PAUSE)


run()
