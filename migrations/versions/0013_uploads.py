"""Resumable uploads. A new table, which older code does not name."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    op.create_table(
        "uploads",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("filename", sa.Text(), nullable=False),
        sa.Column("told", sa.Text(), nullable=False),
        sa.Column("bytes", sa.BigInteger(), nullable=False),
        sa.Column("offset", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("attempt", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("recording_id", sa.Uuid(), nullable=True),
        sa.Column("error", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint('"offset" BETWEEN 0 AND bytes', name="upload_offset_within"),
        sa.CheckConstraint('finished_at IS NULL OR "offset" = bytes', name="finished_upload_is_whole"),
        sa.CheckConstraint(
            "num_nonnulls(recording_id, error) = (finished_at IS NOT NULL)::int", name="finished_upload_says_what"
        ),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"]),
        sa.ForeignKeyConstraint(["recording_id"], ["recordings.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("uploads_open", "uploads", ["tenant_id"], postgresql_where=sa.text("finished_at IS NULL"))
    op.create_index("uploads_expiring", "uploads", ["expires_at"])
    op.create_index(
        "uploads_to_finish", "uploads", ["id"], postgresql_where=sa.text('finished_at IS NULL AND "offset" = bytes')
    )


def downgrade() -> None:
    op.drop_table("uploads")
