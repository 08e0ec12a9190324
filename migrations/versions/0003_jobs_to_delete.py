"""The index by which the sweep finds jobs to delete. Alone in its migration: it is built outside a transaction, so
that nobody who writes to the table waits."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    with op.get_context().autocommit_block():
        # A build that was killed leaves an index that is not valid.
        op.drop_index("jobs_to_delete", table_name="jobs", if_exists=True, postgresql_concurrently=True)
        op.create_index(
            "jobs_to_delete",
            "jobs",
            ["delete_at"],
            postgresql_where=sa.text("delete_at IS NOT NULL AND deleted_at IS NULL"),
            postgresql_concurrently=True,
        )


def downgrade() -> None:
    op.drop_index("jobs_to_delete", table_name="jobs")
