"""Recordings that a worker fetches: until then their size and hash are not known. One column, which older code does not
fill; and a kind of step more, as in 0005. All outside a transaction, so each statement may be said again."""

from alembic import op

revision = "0014"
down_revision = "0013"

_RULE = (
    "ALTER TABLE steps DROP CONSTRAINT step_kind_known, ADD CONSTRAINT step_kind_known CHECK (kind IN ({})) NOT VALID"
)
_TOGETHER = (
    "ALTER TABLE recordings DROP CONSTRAINT IF EXISTS here_or_to_fetch,"
    " ADD CONSTRAINT here_or_to_fetch CHECK ((bytes IS NULL) = (sha256 IS NULL)) NOT VALID"
)
_BEFORE = "'ingest', 'transcribe', 'redecode', 'diarize', 'cluster', 'assemble'"


def upgrade() -> None:
    with op.get_context().autocommit_block():
        op.execute("ALTER TABLE jobs ADD COLUMN IF NOT EXISTS source_url TEXT")
        op.execute("ALTER TABLE recordings ALTER bytes DROP NOT NULL, ALTER sha256 DROP NOT NULL")
        op.execute(_TOGETHER)
        op.execute("ALTER TABLE recordings VALIDATE CONSTRAINT here_or_to_fetch")
        _replace(f"'fetch', {_BEFORE}")


def downgrade() -> None:
    with op.get_context().autocommit_block():
        op.execute("DELETE FROM steps WHERE kind = 'fetch'")
        _replace(_BEFORE)
        op.execute("ALTER TABLE recordings DROP CONSTRAINT IF EXISTS here_or_to_fetch")
        op.execute("UPDATE recordings SET bytes = 0, sha256 = '' WHERE bytes IS NULL")
        op.execute("ALTER TABLE recordings ALTER bytes SET NOT NULL, ALTER sha256 SET NOT NULL")
        op.execute("ALTER TABLE jobs DROP COLUMN IF EXISTS source_url")


def _replace(kinds: str) -> None:
    op.execute(_RULE.format(kinds))
    op.execute("ALTER TABLE steps VALIDATE CONSTRAINT step_kind_known")
