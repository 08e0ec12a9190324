"""Alembic's entry: the URL comes from the settings, the target from `core.tables`.

A migration must suit the code that is already running: add first, remove one release later.
"""

from alembic import context
from sqlalchemy import create_engine, pool, text

from core.database import sqlalchemy_url
from core.settings import settings
from core.tables import Base

MIGRATION_LOCK = 7_310_471
"""Of pg_advisory_lock: two servers that start at once migrate one after the other."""


def run() -> None:
    engine = create_engine(sqlalchemy_url(settings().database_url), poolclass=pool.NullPool)
    with engine.connect() as connection:
        connection.execute(text(f"SELECT pg_advisory_lock({MIGRATION_LOCK})"))
        connection.commit()
        context.configure(connection=connection, target_metadata=Base.metadata, compare_type=True)
        with context.begin_transaction():
            context.run_migrations()


run()
