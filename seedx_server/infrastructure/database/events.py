"""The append-only log of what happened to tickets, written with the change itself.

It is the only source for event streams and audits. Recording an event requires the lock on the
ticket's row, so that a ticket's events get their ids in the order in which they become visible
and a reader that goes by id skips none (docs/decisions/0003).
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from enum import StrEnum

from pydantic import JsonValue
from sqlalchemy import BigInteger, ForeignKey, Identity, Index, func, insert, select
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column
from sqlalchemy.types import UserDefinedType

from seedx_server.infrastructure.access import Actor, Role
from seedx_server.infrastructure.database.engine import Base, TextEnum, Timestamped
from seedx_server.infrastructure.database.notify import CHANNEL


class EventType(StrEnum):
    """The kinds of events that can happen to a ticket."""

    TICKET_CREATED = "ticket.created"
    TICKET_UPDATED = "ticket.updated"
    MESSAGE_CREATED = "message.created"
    RUN_STARTED = "run.started"
    RUN_FINISHED = "run.finished"


class Xid8(UserDefinedType[int]):
    """PostgreSQL's 64-bit transaction id."""

    cache_ok = True

    def get_col_spec(self, **_: object) -> str:
        """Return the type's name in DDL."""
        return "xid8"


class Event(Timestamped, Base):
    """One thing that happened, with the name and role that its actor had then.

    `xid` is the transaction that wrote it. A reader of the whole log must order by it, and stay
    below `pg_snapshot_xmin`, because ids alone do not follow the order of commits.
    """

    __tablename__ = "events"

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    ticket_id: Mapped[int] = mapped_column(ForeignKey("tickets.id", ondelete="CASCADE"))
    actor_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    actor_name: Mapped[str | None]
    actor_role: Mapped[Role | None] = mapped_column(TextEnum(Role))
    type: Mapped[EventType] = mapped_column(TextEnum(EventType))
    internal: Mapped[bool]
    data: Mapped[dict[str, JsonValue]] = mapped_column(JSONB)
    xid: Mapped[int] = mapped_column(Xid8, server_default=func.pg_current_xact_id())

    __table_args__ = (Index(None, "ticket_id", "id"),)


class EventLogInterface(ABC):
    """The operations on the event log that services rely on."""

    @abstractmethod
    async def record(
        self,
        ticket_id: int,
        event: EventType,
        actor: Actor | None,
        data: dict[str, JsonValue],
        *,
        internal: bool = False,
    ) -> None:
        """Write an event and wake the ticket's readers at the commit.

        Args:
            ticket_id: The ticket it happened to.
            event: What happened.
            actor: The person who did it; None for the AI and the desk itself.
            data: What a reader needs to know about it.
            internal: Whether only staff may see it.
        """


class EventLog(EventLogInterface):
    """Writes events in a session's transaction.

    Args:
        session: The transaction that makes the changes; it holds the tickets' row locks.
    """

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def record(
        self,
        ticket_id: int,
        event: EventType,
        actor: Actor | None,
        data: dict[str, JsonValue],
        *,
        internal: bool = False,
    ) -> None:
        """Write an event and wake the ticket's readers at the commit."""
        await self._session.execute(
            insert(Event)
            .values(
                ticket_id=ticket_id,
                actor_id=actor.id if actor else None,
                actor_name=actor.name if actor else None,
                actor_role=actor.role if actor else None,
                type=event,
                internal=internal,
                data=data,
            )
            .returning(func.pg_notify(CHANNEL, f"ticket:{ticket_id}"))
        )


async def read_after(
    session: AsyncSession, ticket_id: int, after: int, *, internal: bool, limit: int = 100
) -> Sequence[Event]:
    """Return a ticket's events with a greater id than `after`, oldest first.

    Args:
        session: Any session.
        ticket_id: The ticket, which the caller may see.
        after: The id of the last event that the reader has; 0 for all.
        internal: Whether the reader may see what is for staff only.
        limit: The most to return.
    """
    statement = select(Event).where(Event.ticket_id == ticket_id, Event.id > after)
    if not internal:
        statement = statement.where(Event.internal.is_(False))
    return (await session.scalars(statement.order_by(Event.id).limit(limit))).all()
