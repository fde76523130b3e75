"""Tables of AI runs and their text."""

import uuid
from datetime import datetime
from decimal import Decimal

from pydantic import JsonValue
from sqlalchemy import CheckConstraint, ForeignKey, Index, Numeric, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from seedx_server.ai.core import HandoffReason, Purpose, RunStatus, Usage
from seedx_server.infrastructure.database.engine import (
    Base,
    Identified,
    TextEnum,
    Timestamped,
    one_of,
)

IS_LIVE = text("status IN ('queued', 'running')")


class Run(Timestamped, Identified):
    """One AI generation, for a ticket or for a question that has none.

    `attempts` counts how often a process claimed the run; `edition` counts how often its text was
    started, so that a reader knows when the text it has is discarded.

    The text is kept in one place: in chunks until the run ends, then in the posted message, or in
    `final_text` if there is none. `estimated_tokens` is roughly how many tokens the run has used so
    far; it is counted when the provider reports no usage.
    """

    __tablename__ = "ai_runs"

    ticket_id: Mapped[int | None] = mapped_column(ForeignKey("tickets.id", ondelete="CASCADE"))
    requested_by: Mapped[int] = mapped_column(ForeignKey("users.id"))
    purpose: Mapped[Purpose] = mapped_column(TextEnum(Purpose))
    instructions: Mapped[str | None]
    question: Mapped[str | None]
    context: Mapped[str | None]
    status: Mapped[RunStatus] = mapped_column(TextEnum(RunStatus), default=RunStatus.QUEUED)
    trigger_message_id: Mapped[int | None] = mapped_column(
        ForeignKey("messages.id", ondelete="SET NULL")
    )
    assignee_id: Mapped[int | None]
    attempts: Mapped[int] = mapped_column(default=0, server_default=text("0"))
    edition: Mapped[int] = mapped_column(default=0, server_default=text("0"))
    lease_token: Mapped[uuid.UUID | None]
    lease_until: Mapped[datetime | None]
    cancel_requested: Mapped[bool] = mapped_column(default=False, server_default=text("false"))
    provider: Mapped[str | None]
    model: Mapped[str | None]
    prompt_version: Mapped[str | None]
    finish_reason: Mapped[str | None]
    handoff: Mapped[HandoffReason | None] = mapped_column(TextEnum(HandoffReason))
    posted: Mapped[bool] = mapped_column(default=False, server_default=text("false"))
    error: Mapped[str | None]
    message_id: Mapped[int | None] = mapped_column(
        "result_message_id", ForeignKey("messages.id", ondelete="SET NULL")
    )
    final_text: Mapped[str | None] = mapped_column(deferred=True, deferred_raiseload=True)
    citations: Mapped[list[dict[str, JsonValue]]] = mapped_column(
        JSONB, default=list, server_default=text("'[]'")
    )
    prompt_tokens: Mapped[int | None]
    completion_tokens: Mapped[int | None]
    estimated_tokens: Mapped[int] = mapped_column(default=0, server_default=text("0"))
    cost: Mapped[Decimal | None] = mapped_column(Numeric(14, 6))
    first_text_ms: Mapped[int | None]
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]

    __table_args__ = (
        one_of("purpose", Purpose),
        one_of("status", RunStatus),
        one_of("handoff", HandoffReason),
        CheckConstraint("(purpose = 'ask') = (ticket_id IS NULL)", name="ask_has_no_ticket"),
        CheckConstraint("(purpose = 'ask') = (question IS NOT NULL)", name="ask_has_question"),
        Index("uq_ai_runs_live", "ticket_id", "purpose", unique=True, postgresql_where=IS_LIVE),
        Index("ix_ai_runs_claim", "lease_until", "id", postgresql_where=IS_LIVE),
        Index(None, "ticket_id", "id"),
        Index(None, "requested_by", "created_at"),
        Index(None, "created_at"),
        Index(None, "result_message_id"),
        Index(None, "trigger_message_id"),
    )

    @property
    def usage(self) -> Usage:
        """The tokens that the provider counted."""
        return Usage(prompt_tokens=self.prompt_tokens, completion_tokens=self.completion_tokens)


class RunChunk(Base):
    """A piece of a live run's text, and its offset in characters from the start."""

    __tablename__ = "ai_run_chunks"

    run_id: Mapped[int] = mapped_column(
        ForeignKey("ai_runs.id", ondelete="CASCADE"), primary_key=True
    )
    offset: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    text: Mapped[str]
