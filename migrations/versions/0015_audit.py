"""The audit trail. Two tables that only grow, which the database itself holds to."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0015"
down_revision = "0014"

# Who removes says up to where, in the same transaction: an accident does not (docs/decisions/0017-audit.md).
ENTRIES_KEPT = """
CREATE FUNCTION audit_entries_kept() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        IF NEW.position IS NULL THEN RETURN NEW; END IF;
        RAISE EXCEPTION 'an audit entry gets its position from the chainer' USING ERRCODE = 'restrict_violation';
    ELSIF TG_OP = 'UPDATE' THEN
        IF OLD.position IS NULL AND NEW.position IS NOT NULL
           AND to_jsonb(NEW) - '{position,batch,sha256}'::text[] = to_jsonb(OLD) - '{position,batch,sha256}'::text[]
        THEN RETURN NEW; END IF;
    ELSIF TG_OP = 'DELETE' THEN
        IF OLD.position <= coalesce(nullif(current_setting('scriptorium.audit_removes_until', true), ''), '0')::bigint
        THEN RETURN OLD; END IF;
    END IF;
    RAISE EXCEPTION 'audit entries are kept as they are' USING ERRCODE = 'restrict_violation';
END $$
"""
BATCHES_KEPT = """
CREATE FUNCTION audit_batches_kept() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        IF OLD.last <= coalesce(nullif(current_setting('scriptorium.audit_removes_until', true), ''), '0')::bigint
        THEN RETURN OLD; END IF;
    END IF;
    RAISE EXCEPTION 'audit batches are kept as they are' USING ERRCODE = 'restrict_violation';
END $$
"""
TRIGGERS = (
    "CREATE TRIGGER audit_entries_kept BEFORE INSERT OR UPDATE OR DELETE ON audit_entries FOR EACH ROW EXECUTE FUNCTION audit_entries_kept()",
    "CREATE TRIGGER audit_entries_whole BEFORE TRUNCATE ON audit_entries EXECUTE FUNCTION audit_entries_kept()",
    "CREATE TRIGGER audit_batches_kept BEFORE UPDATE OR DELETE ON audit_batches FOR EACH ROW EXECUTE FUNCTION audit_batches_kept()",
    "CREATE TRIGGER audit_batches_whole BEFORE TRUNCATE ON audit_batches EXECUTE FUNCTION audit_batches_kept()",
)


def upgrade() -> None:
    op.create_table(
        "audit_entries",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("request_id", sa.Text(), nullable=True),
        sa.Column("tenant_id", sa.Uuid(), nullable=True),
        sa.Column("subject", sa.Text(), nullable=True),
        sa.Column("method", sa.Text(), nullable=False),
        sa.Column("route", sa.Text(), nullable=False),
        sa.Column("ids", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("parameters", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("status", sa.Integer(), nullable=True),
        sa.Column("duration_ms", sa.Integer(), nullable=True),
        sa.Column("address", sa.Text(), nullable=True),
        sa.Column("user_agent", sa.Text(), nullable=True),
        sa.Column("position", sa.BigInteger(), nullable=True),
        sa.Column("batch", sa.BigInteger(), nullable=True),
        sa.Column("sha256", sa.LargeBinary(), nullable=True),
        sa.CheckConstraint(
            "(position IS NULL) = (batch IS NULL) AND (position IS NULL) = (sha256 IS NULL)", name="audit_entry_chained"
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("audit_entries_position", "audit_entries", ["position"], unique=True)
    op.create_index("audit_entries_unchained", "audit_entries", ["id"], postgresql_where=sa.text("position IS NULL"))
    op.create_index("audit_entries_of_tenant", "audit_entries", ["tenant_id", "position"])
    op.create_index(
        "audit_entries_removals", "audit_entries", ["id"], postgresql_where=sa.text("route = 'audit retention'")
    )
    op.create_table(
        "audit_batches",
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("first", sa.BigInteger(), nullable=False),
        sa.Column("last", sa.BigInteger(), nullable=False),
        sa.Column(
            "chained_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.Column("sha256", sa.LargeBinary(), nullable=False),
        sa.CheckConstraint("first <= last AND number > 0", name="audit_batch_has_entries"),
        sa.PrimaryKeyConstraint("number"),
        sa.UniqueConstraint("first"),
        sa.UniqueConstraint("last"),
    )
    for statement in (ENTRIES_KEPT, BATCHES_KEPT, *TRIGGERS):
        op.execute(statement)


def downgrade() -> None:
    op.drop_table("audit_entries")
    op.drop_table("audit_batches")
    op.execute("DROP FUNCTION audit_entries_kept, audit_batches_kept")
