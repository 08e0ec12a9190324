"""Recordings without a job: which were sent on their own, with which key, and in what container.

New columns are nullable or have a default. The indexes are built outside the transaction, so that nobody who writes to
the table waits; what was done when a build was killed is passed over by the next.
"""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"

_INDEXES = ("recordings_newest", "recordings_upload_key")


def upgrade() -> None:
    for column in (
        sa.Column("container", sa.Text(), nullable=True),
        sa.Column("kept", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("upload_key", sa.Text(), nullable=True),
    ):
        op.add_column("recordings", column, if_not_exists=True)
    with op.get_context().autocommit_block():
        for name in _INDEXES:  # a build that was killed leaves an index that is not valid
            op.drop_index(name, table_name="recordings", if_exists=True, postgresql_concurrently=True)
        op.create_index(
            "recordings_newest",
            "recordings",
            ["tenant_id", "id"],
            postgresql_where=sa.text("deleted_at IS NULL"),
            postgresql_concurrently=True,
        )
        op.create_index(
            "recordings_upload_key",
            "recordings",
            ["tenant_id", "upload_key"],
            unique=True,
            postgresql_where=sa.text("upload_key IS NOT NULL"),
            postgresql_concurrently=True,
        )


def downgrade() -> None:
    for name in _INDEXES:
        op.drop_index(name, table_name="recordings")
    for column in ("upload_key", "kept", "container"):
        op.drop_column("recordings", column)
