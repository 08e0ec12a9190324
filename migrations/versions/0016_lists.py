"""Indexes for lists and estimates: jobs by their metadata, steps by when they were done. Alone in their migration: they
are built outside a transaction, so that nobody who writes to the tables waits."""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    with op.get_context().autocommit_block():
        # A build that was killed leaves an index that is not valid.
        for name, table in (("jobs_metadata", "jobs"), ("steps_done", "steps")):
            op.drop_index(name, table_name=table, if_exists=True, postgresql_concurrently=True)
        op.create_index(
            "jobs_metadata",
            "jobs",
            ["metadata"],
            postgresql_using="gin",
            postgresql_ops={"metadata": "jsonb_path_ops"},
            postgresql_concurrently=True,
        )
        op.create_index(
            "steps_done",
            "steps",
            ["kind", "model", "finished_at"],
            postgresql_where=sa.text("status = 'done'"),
            postgresql_concurrently=True,
        )


def downgrade() -> None:
    op.drop_index("steps_done", table_name="steps")
    op.drop_index("jobs_metadata", table_name="jobs")
