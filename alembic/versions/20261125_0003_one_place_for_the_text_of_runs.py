"""one place for the text of runs

Revision: 0003
Follows: 0002
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute("SET LOCAL statement_timeout = '10min'")
    op.add_column("ai_runs", sa.Column("final_text", sa.Text(), nullable=True))
    op.add_column(
        "ai_runs",
        sa.Column("estimated_tokens", sa.Integer(), server_default=sa.text("0"), nullable=False),
    )
    # A posted message is its run's text; other runs that have ended get theirs from their chunks.
    op.execute(
        "UPDATE ai_runs SET final_text = coalesce((SELECT string_agg(text, '' ORDER BY \"offset\")"
        " FROM ai_run_chunks WHERE run_id = ai_runs.id), '')"
        " WHERE status NOT IN ('queued', 'running') AND result_message_id IS NULL"
    )
    op.execute(
        "DELETE FROM ai_run_chunks USING ai_runs"
        " WHERE ai_runs.id = run_id AND status NOT IN ('queued', 'running')"
    )


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute("SET LOCAL statement_timeout = '10min'")
    op.execute(
        'INSERT INTO ai_run_chunks (run_id, "offset", text)'
        " SELECT ai_runs.id, 0, coalesce(final_text, content)"
        " FROM ai_runs LEFT JOIN messages ON messages.id = result_message_id"
        " WHERE ai_runs.status NOT IN ('queued', 'running')"
        " AND coalesce(final_text, content) <> ''"
    )
    op.drop_column("ai_runs", "estimated_tokens")
    op.drop_column("ai_runs", "final_text")
