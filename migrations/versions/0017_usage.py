"""The ledger of usage; what a tenant may use; jobs that are held back. Older code makes no held job and names none of
these.

What a lock or a scan would hold up comes first, outside a transaction, and may be repeated.
"""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"

_STEP = "ALTER TABLE steps DROP CONSTRAINT step_status_known, ADD CONSTRAINT step_status_known CHECK (status IN ({})) NOT VALID"
_STATES = "'queued', 'running', 'done', 'failed', 'cancelled'"
_LIMITS = ("monthly_minutes", "concurrent_jobs", "requests_per_minute")


def upgrade() -> None:
    with op.get_context().autocommit_block():
        op.execute("ALTER TABLE jobs ADD COLUMN IF NOT EXISTS held_at timestamptz")
        op.execute("ALTER TABLE jobs DROP CONSTRAINT IF EXISTS held_job_waits")
        op.execute(
            "ALTER TABLE jobs ADD CONSTRAINT held_job_waits CHECK (held_at IS NULL OR status = 'queued') NOT VALID"
        )
        op.execute("ALTER TABLE jobs VALIDATE CONSTRAINT held_job_waits")
        op.execute(_STEP.format(f"'held', {_STATES}"))
        op.execute("ALTER TABLE steps VALIDATE CONSTRAINT step_status_known")
        op.drop_index("jobs_held", table_name="jobs", if_exists=True, postgresql_concurrently=True)
        op.create_index(
            "jobs_held",
            "jobs",
            ["tenant_id", "held_at"],
            postgresql_where=sa.text("held_at IS NOT NULL"),
            postgresql_concurrently=True,
        )
    for name in _LIMITS:
        op.add_column("tenants", sa.Column(name, sa.Integer(), nullable=True))
    op.create_check_constraint(
        "tenant_limits_not_negative", "tenants", "least(monthly_minutes, concurrent_jobs, requests_per_minute) >= 0"
    )
    _ledger()


def _ledger() -> None:
    op.create_table(
        "usage",
        sa.Column("job_id", sa.Uuid(), nullable=False),
        sa.Column("run", sa.Integer(), nullable=False),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=True),
        sa.Column("tag", sa.Text(), nullable=True),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("audio_seconds", sa.Float(), nullable=False),
        sa.Column("compute_seconds", sa.Float(), nullable=False),
        sa.Column("cached_seconds", sa.Float(), nullable=False),
        sa.CheckConstraint(
            "least(audio_seconds, compute_seconds, cached_seconds) >= 0", name="usage_is_never_given_back"
        ),
        sa.CheckConstraint("cached_seconds <= audio_seconds", name="cached_is_part_of_billed"),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"]),
        sa.PrimaryKeyConstraint("job_id", "run"),
    )
    op.create_index("usage_of_tenant", "usage", ["tenant_id", "day"])
    op.execute(
        "CREATE OR REPLACE FUNCTION usage_stays() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION 'the ledger of usage is only added to'; END $$"
    )
    op.execute(
        "CREATE TRIGGER usage_stays BEFORE UPDATE OR DELETE ON usage FOR EACH ROW EXECUTE FUNCTION usage_stays()"
    )


def downgrade() -> None:
    op.drop_table("usage")
    op.execute("DROP FUNCTION usage_stays()")
    op.drop_constraint("tenant_limits_not_negative", "tenants")
    for name in _LIMITS:
        op.drop_column("tenants", name)
    op.execute("UPDATE steps SET status = 'queued' WHERE status = 'held'")
    op.drop_index("jobs_held", table_name="jobs")
    op.drop_column("jobs", "held_at")
    op.execute(_STEP.format(_STATES))
