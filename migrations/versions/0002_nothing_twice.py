"""Idempotency keys, deadlines, budgets of steps that were alone, jobs that are deleted by themselves.

Every new column is nullable or has a default, so the code of 0001 goes on while this runs and afterwards.
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.create_table(
        "idempotency_keys",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("fingerprint", sa.Text(), nullable=False),
        sa.Column("job_id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"]),
        sa.ForeignKeyConstraint(["job_id"], ["jobs.id"], ondelete="CASCADE", deferrable=True, initially="DEFERRED"),
        sa.PrimaryKeyConstraint("tenant_id", "key"),
    )
    op.create_index("idempotency_keys_oldest", "idempotency_keys", ["created_at"])
    op.add_column("steps", sa.Column("outages", sa.Integer(), server_default="0", nullable=False))
    op.add_column("steps", sa.Column("suspect", sa.Boolean(), server_default=sa.text("false"), nullable=False))
    op.add_column("steps", sa.Column("alone", sa.Boolean(), server_default=sa.text("true"), nullable=False))
    op.add_column("steps", sa.Column("deadline_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("jobs", sa.Column("delete_at", sa.DateTime(timezone=True), nullable=True))


def downgrade() -> None:
    op.drop_column("jobs", "delete_at")
    for column in ("deadline_at", "alone", "suspect", "outages"):
        op.drop_column("steps", column)
    op.drop_table("idempotency_keys")
