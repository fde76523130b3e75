"""The table of tickets."""

from datetime import datetime

from sqlalchemy import Computed, ForeignKey, Index, SmallInteger, Text, func, text
from sqlalchemy.dialects.postgresql import ARRAY, TSVECTOR
from sqlalchemy.orm import Mapped, deferred, mapped_column, relationship

from seedx_server.infrastructure.database.engine import Identified, TextEnum, Timestamped, one_of
from seedx_server.tickets.core import Priority, Status
from seedx_server.users.models import User

PRIORITY_RANK = (
    "CASE priority WHEN 'urgent' THEN 3 WHEN 'high' THEN 2 WHEN 'normal' THEN 1 ELSE 0 END"
)
SEARCH_CONFIGURATION = "english"


class Ticket(Timestamped, Identified):
    """One problem. `version` counts its changes, public messages included."""

    __tablename__ = "tickets"

    title: Mapped[str]
    description: Mapped[str]
    status: Mapped[Status] = mapped_column(TextEnum(Status), default=Status.OPEN)
    priority: Mapped[Priority] = mapped_column(TextEnum(Priority), default=Priority.NORMAL)
    tags: Mapped[list[str]] = mapped_column(ARRAY(Text))
    requester_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    assignee_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    updated_at: Mapped[datetime] = mapped_column(server_default=func.now())
    version: Mapped[int] = mapped_column(default=1, server_default=text("1"))
    priority_rank: Mapped[int] = deferred(
        mapped_column(SmallInteger, Computed(PRIORITY_RANK, persisted=True)), raiseload=True
    )
    search: Mapped[str] = deferred(
        mapped_column(
            TSVECTOR,
            Computed(
                f"to_tsvector('{SEARCH_CONFIGURATION}', title || ' ' || description)",
                persisted=True,
            ),
        ),
        raiseload=True,
    )

    requester: Mapped[User] = relationship(foreign_keys=requester_id, lazy="raise")
    assignee: Mapped[User | None] = relationship(foreign_keys=assignee_id, lazy="raise")

    __table_args__ = (
        one_of("status", Status),
        one_of("priority", Priority),
        Index(None, "updated_at", "id"),
        Index(None, "requester_id", "updated_at", "id"),
        Index(None, "assignee_id", "updated_at", "id"),
        Index(None, "status", "updated_at", "id"),
        Index(None, "priority_rank", "id"),
        Index(
            "ix_tickets_queue",
            text("priority_rank DESC"),
            "id",
            postgresql_where=text("status = 'open' AND assignee_id IS NULL"),
        ),
        Index(None, "tags", postgresql_using="gin"),
        Index(None, "search", postgresql_using="gin"),
    )
