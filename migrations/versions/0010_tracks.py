"""Several sounds in one job, and who the meeting system heard when. Two tables, which older code does not name."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    op.create_table(
        "participants",
        sa.Column("job_id", sa.Uuid(), nullable=False),
        sa.Column("body", postgresql.JSON(astext_type=sa.Text()), nullable=False),
        sa.ForeignKeyConstraint(["job_id"], ["jobs.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("job_id"),
    )
    op.create_table(
        "tracks",
        sa.Column("job_id", sa.Uuid(), nullable=False),
        sa.Column("index", sa.Integer(), nullable=False),
        sa.Column("recording_id", sa.Uuid(), nullable=False),
        sa.Column("channel", sa.Integer(), nullable=True),
        sa.Column("offset_seconds", sa.Float(), server_default=sa.text("0"), nullable=False),
        sa.Column("name", sa.Text(), nullable=True),
        sa.Column("generation", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["job_id"], ["jobs.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["recording_id"], ["recordings.id"]),
        sa.PrimaryKeyConstraint("job_id", "index"),
    )
    op.create_index("tracks_of_recording", "tracks", ["recording_id"])


def downgrade() -> None:
    op.drop_table("tracks")
    op.drop_table("participants")
