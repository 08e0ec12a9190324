"""Two kinds of step more, for speakers. As in 0005: the rule is replaced without a look at the rows, and checked
afterwards without a lock that anybody would wait for, outside a transaction."""

from alembic import op

revision = "0008"
down_revision = "0007"

_RULE = (
    "ALTER TABLE steps DROP CONSTRAINT step_kind_known, ADD CONSTRAINT step_kind_known CHECK (kind IN ({})) NOT VALID"
)


def upgrade() -> None:
    _replace("'ingest', 'transcribe', 'redecode', 'diarize', 'cluster', 'assemble'")


def downgrade() -> None:
    op.execute("DELETE FROM steps WHERE kind IN ('diarize', 'cluster')")
    _replace("'ingest', 'transcribe', 'redecode', 'assemble'")


def _replace(kinds: str) -> None:
    with op.get_context().autocommit_block():
        op.execute(_RULE.format(kinds))
        op.execute("ALTER TABLE steps VALIDATE CONSTRAINT step_kind_known")
