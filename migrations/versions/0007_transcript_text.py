"""Transcripts as they were written. Taking ten hours of words as jsonb made Postgres build 200 MB of tree for 11 MB of
text, which nothing ever asks a question of. Older rows stay where they are; older code finds what it wrote itself."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.add_column("transcripts", sa.Column("body", postgresql.JSON(astext_type=sa.Text()), nullable=True))
    op.alter_column("transcripts", "document", nullable=True)
    op.create_check_constraint("transcript_has_text", "transcripts", "body IS NOT NULL OR document IS NOT NULL")


def downgrade() -> None:
    op.drop_constraint("transcript_has_text", "transcripts")
    op.execute("UPDATE transcripts SET document = body::jsonb WHERE document IS NULL")
    op.alter_column("transcripts", "document", nullable=False)
    op.drop_column("transcripts", "body")
