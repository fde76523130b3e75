"""The table of messages."""

from pydantic import JsonValue
from sqlalchemy import CheckConstraint, ForeignKey, Index, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column, relationship

from seedx_server.infrastructure.database.engine import Identified, TextEnum, Timestamped, one_of
from seedx_server.messages.core import Rating
from seedx_server.users.models import User


class Message(Timestamped, Identified):
    """One entry of a ticket's conversation. It never changes once it is written."""

    __tablename__ = "messages"

    ticket_id: Mapped[int] = mapped_column(ForeignKey("tickets.id", ondelete="CASCADE"))
    author_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    content: Mapped[str]
    is_ai: Mapped[bool]
    internal: Mapped[bool]
    citations: Mapped[list[dict[str, JsonValue]]] = mapped_column(
        JSONB, server_default=text("'[]'")
    )

    author: Mapped[User | None] = relationship(lazy="raise")

    __table_args__ = (
        CheckConstraint("is_ai = (author_id IS NULL)", name="written_by_ai_or_person"),
        Index(None, "ticket_id", "id"),
    )


class Feedback(Timestamped, Identified):
    """One person's rating of one AI message; the latest rating counts."""

    __tablename__ = "message_feedback"

    message_id: Mapped[int] = mapped_column(ForeignKey("messages.id", ondelete="CASCADE"))
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    rating: Mapped[Rating] = mapped_column(TextEnum(Rating))
    reason: Mapped[str | None]

    __table_args__ = (
        one_of("rating", Rating),
        Index("uq_message_feedback_message_id_user_id", "message_id", "user_id", unique=True),
    )
