"""Keys with names, scopes and an end, and what tokens are signed with; jobs that say whose key asked for them.

Keys of before keep every scope.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0011"
down_revision = "0010"

_ID = sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False)
_SCOPES: sa.Column[list[str]] = sa.Column(
    "scopes", postgresql.ARRAY(sa.Text()), server_default=sa.text("'{admin}'"), nullable=False
)
_MOMENTS = ("expires_at", "last_used_at")


def upgrade() -> None:
    op.add_column("api_keys", _ID)
    op.create_unique_constraint("api_keys_id_key", "api_keys", ["id"])
    op.add_column("api_keys", sa.Column("name", sa.Text(), server_default="", nullable=False))
    op.add_column("api_keys", _SCOPES)
    op.create_check_constraint("api_key_has_scopes", "api_keys", "cardinality(scopes) > 0")
    for name in _MOMENTS:
        op.add_column("api_keys", sa.Column(name, sa.DateTime(timezone=True), nullable=True))
    op.create_table(
        "signing_keys",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("algorithm", sa.Text(), nullable=False),
        sa.Column("public", postgresql.JSONB(), nullable=False),
        sa.Column("sealed", sa.Text(), nullable=False),
        sa.Column(
            "created_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.Column("retired_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.add_column("jobs", sa.Column("submitted_by", sa.Text(), nullable=True))


def downgrade() -> None:
    op.drop_table("signing_keys")
    op.drop_column("jobs", "submitted_by")
    op.drop_constraint("api_key_has_scopes", "api_keys")
    for name in ("scopes", "name", "id", *_MOMENTS):
        op.drop_column("api_keys", name)
