"""A database that leaves in a backup and comes back from one: what it holds, and what is put right afterwards."""

from dataclasses import dataclass
from uuid import UUID

from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import delete, func, select, text, update
from sqlalchemy.orm import Session

from core.context import Context
from core.database import from_now, transaction
from core.health import ALEMBIC
from core.states import DeliveryStatus, StepStatus
from core.tables import Base, Delivery, Job, Recording, Step, SweepState, Worker

_VERSION = "alembic_version"
LOOKED_AT = 100
"""Recordings: enough to tell, few enough to ask a slow disk for."""


@dataclass(frozen=True)
class Found:
    """What a database is. `schema`: its migration, None where it has none. `newest_job`: ids grow with time."""

    server_major: int
    schema: str | None
    newest_job: UUID | None
    workers: tuple[str, ...]
    """Names of those who were heard of within two leases."""


def look(context: Context) -> Found:
    """Raises Unavailable. A database without our tables is an answer, not an error.

    Names the columns that it reads: the tables may be those of an older version.
    """
    with transaction(context.sessions) as session:
        major = int(session.scalar(text("SHOW server_version_num")) or 0) // 10_000
        schema = session.scalar(text("SELECT version_num FROM alembic_version")) if _there(session, _VERSION) else None
        if not _there(session, Job.__tablename__):
            return Found(major, schema, None, ())
        newest = session.scalar(select(Job.id).order_by(Job.id.desc()).limit(1))
        heard_of = Worker.seen_at > from_now(-2 * context.settings.lease)
        workers = session.scalars(select(Worker.name).where(heard_of).order_by(Worker.name)).all()
        return Found(major, schema, newest, tuple(workers))


def _there(session: Session, table: str) -> bool:
    return session.scalar(select(func.to_regclass(table))) is not None


def without_bytes(context: Context) -> tuple[int, int]:
    """How many of the newest recordings are not in storage, and of how many. All: it is another server's storage."""
    with transaction(context.sessions) as session:
        there = (Recording.deleted_at.is_(None), Recording.bytes.is_not(None))
        newest = select(Recording.id).where(*there).order_by(Recording.id.desc()).limit(LOOKED_AT)
        keys = [Recording(id=one).source_key for one in session.scalars(newest)]
    return sum(not context.blobs.exists(key) for key in keys), len(keys)


def known(schema: str) -> bool:
    """Whether this version of the product has that migration: it can then bring the tables up to date."""
    migrations = ScriptDirectory.from_config(Config(str(ALEMBIC))).walk_revisions()
    return schema in {one.revision for one in migrations}


def holds(context: Context, job_id: UUID) -> bool:
    with transaction(context.sessions) as session:
        there = _there(session, Job.__tablename__)
        return there and session.scalar(select(Job.id).where(Job.id == job_id)) is not None


def clear(context: Context) -> None:
    """Removes our tables and no others: the caller made sure that they hold no job."""
    names = ", ".join([*(table.name for table in Base.metadata.sorted_tables), _VERSION])
    with transaction(context.sessions) as session:
        session.execute(text(f"DROP TABLE IF EXISTS {names} CASCADE"))
        # Of triggers that went with the tables; the backup brings its own.
        session.execute(text("DROP FUNCTION IF EXISTS audit_entries_kept, audit_batches_kept, usage_stays"))


def settle(context: Context) -> int:
    """Queues the steps again that were running when the backup was taken, and returns how many they were. Deliveries
    that were under way are due again, under the same ids.

    Their workers are not here, so nobody would end them; a lease that ends by itself would count as a kill, and they
    did nothing wrong. Every queued step is due now: the time since the backup was no time in which a worker could
    have come. Call it with no worker running, and the tables up to date. A second call changes nothing.
    """
    back = {"status": StepStatus.QUEUED, "lease_until": None, "worker": None}
    with transaction(context.sessions) as session:
        running = update(Step).where(Step.status == StepStatus.RUNNING).values(**back).returning(Step.id)
        queued = len(session.scalars(running).all())
        session.execute(update(Step).where(Step.status == StepStatus.QUEUED).values(due_at=func.clock_timestamp()))
        sent = {**back, "status": DeliveryStatus.PENDING, "due_at": func.clock_timestamp()}
        session.execute(update(Delivery).where(Delivery.status == DeliveryStatus.DELIVERING).values(**sent))
        session.execute(delete(Worker))
        # The first sweep starts its own: the time since the backup was no outage of the sweep.
        session.execute(delete(SweepState))
        return queued
