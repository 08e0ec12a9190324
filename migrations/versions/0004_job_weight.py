"""The weight that a job's tags were made with, so that the sweep sees when its share has become another."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.add_column("jobs", sa.Column("weight", sa.Float(), nullable=True))


def downgrade() -> None:
    op.drop_column("jobs", "weight")
