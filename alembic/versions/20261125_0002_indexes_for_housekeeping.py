"""indexes for housekeeping; idempotent answers as text

Revision: 0002
Follows: 0001
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # A migration that cannot get its lock gives up instead of blocking the desk.
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute("SET LOCAL statement_timeout = '10min'")
    op.create_index(op.f("ix_sessions_expires_at"), "sessions", ["expires_at"])
    op.create_index(
        op.f("ix_refresh_tokens_spent_at"),
        "refresh_tokens",
        ["spent_at"],
        postgresql_where=sa.text("spent_at IS NOT NULL"),
    )
    op.create_index(op.f("ix_idempotency_keys_created_at"), "idempotency_keys", ["created_at"])
    op.create_index(op.f("ix_ai_runs_trigger_message_id"), "ai_runs", ["trigger_message_id"])
    # As text, a response is repeated byte for byte; jsonb would reorder its fields.
    op.alter_column(
        "idempotency_keys",
        "body",
        existing_type=postgresql.JSONB(),
        type_=sa.Text(),
        postgresql_using="body::text",
    )


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute("SET LOCAL statement_timeout = '10min'")
    op.alter_column(
        "idempotency_keys",
        "body",
        existing_type=sa.Text(),
        type_=postgresql.JSONB(),
        postgresql_using="body::jsonb",
    )
    op.drop_index(op.f("ix_ai_runs_trigger_message_id"), table_name="ai_runs")
    op.drop_index(op.f("ix_idempotency_keys_created_at"), table_name="idempotency_keys")
    op.drop_index(
        op.f("ix_refresh_tokens_spent_at"),
        table_name="refresh_tokens",
        postgresql_where=sa.text("spent_at IS NOT NULL"),
    )
    op.drop_index(op.f("ix_sessions_expires_at"), table_name="sessions")
