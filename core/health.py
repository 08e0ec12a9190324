"""Is everything that a request needs there? For `/readyz`."""

from collections.abc import Callable
from pathlib import Path

from alembic.config import Config
from alembic.script import ScriptDirectory
from kombu.exceptions import OperationalError
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from core.context import Context
from core.database import transaction
from core.errors import ScriptoriumError

ALEMBIC = Path(__file__).resolve().parent.parent / "alembic.ini"


def ready(context: Context) -> dict[str, str]:
    """Each thing that is needed: `ok`, or in a few words why not."""
    checks: dict[str, Callable[[Context], None]] = {
        "postgres": _postgres,
        "redis": _redis,
        "storage": _storage,
        "migrations": check_schema,
    }
    return {name: _said(check, context) for name, check in checks.items()}


def _said(check: Callable[[Context], None], context: Context) -> str:
    try:
        check(context)
    except ScriptoriumError as error:
        return error.message
    except (OSError, OperationalError, SQLAlchemyError) as error:
        return f"does not answer ({type(error).__name__})"
    return "ok"


def _postgres(context: Context) -> None:
    with transaction(context.sessions) as session:
        session.execute(text("SELECT 1"))


def _redis(context: Context) -> None:
    with context.bell.app.connection_for_write(connect_timeout=2) as connection:
        connection.ensure_connection(max_retries=1, timeout=2)


def _storage(context: Context) -> None:
    context.blobs.put("health/probe", [b"ok"])


def check_schema(context: Context) -> None:
    """Raises ScriptoriumError where the tables are not those of this code."""
    head = ScriptDirectory.from_config(Config(str(ALEMBIC))).get_current_head()
    with transaction(context.sessions) as session:
        found = session.scalar(text("SELECT version_num FROM alembic_version"))
    if found != head:
        raise ScriptoriumError(f"the schema is at {found}, this code wants {head}: run `alembic upgrade head`")
