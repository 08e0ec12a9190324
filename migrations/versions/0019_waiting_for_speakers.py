"""The index by which the sweep finds jobs that wait for speakers, which 0009 left out. Alone in its migration: it is
built outside a transaction, so that nobody who writes to the table waits."""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"

_NAME = "jobs_waiting_for_speakers"


def upgrade() -> None:
    with op.get_context().autocommit_block():
        # A build that was killed leaves an index that is not valid.
        op.drop_index(_NAME, table_name="jobs", if_exists=True, postgresql_concurrently=True)
        op.create_index(
            _NAME,
            "jobs",
            ["speakers_until"],
            postgresql_where=sa.text("speakers_until IS NOT NULL"),
            postgresql_concurrently=True,
        )


def downgrade() -> None:
    op.drop_index(_NAME, table_name="jobs")
