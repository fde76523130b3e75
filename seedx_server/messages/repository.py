"""Queries over messages."""

from collections.abc import Sequence

from sqlalchemy import Select, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import joinedload

from seedx_server.infrastructure.access import Actor
from seedx_server.infrastructure.database.cursor import decode_cursor, encode_cursor
from seedx_server.infrastructure.database.repository import Page, SqlRepository
from seedx_server.messages.core import Rating
from seedx_server.messages.models import Feedback, Message
from seedx_server.tickets.models import Ticket
from seedx_server.users.models import User


class MessageRepository(SqlRepository[Message]):
    """Messages: whoever may see a ticket sees its messages; notes are for staff."""

    model = Message
    eager = (joinedload(Message.author).load_only(User.name, User.role, raiseload=True),)

    def visible_to(self, actor: Actor) -> Select[Message]:
        """Return the query of all messages that this actor may see."""
        statement = select(Message)
        if actor.is_staff:
            return statement
        return statement.join(Ticket, Ticket.id == Message.ticket_id).where(
            Ticket.requester_id == actor.id, Message.internal.is_(False)
        )

    async def of_ticket(
        self, ticket_id: int, *, actor: Actor, limit: int, cursor: str | None
    ) -> Page[Message]:
        """Return a page of a ticket's messages with their authors, oldest first.

        Raises:
            InvalidInput: The cursor is not one that this list returned.
        """
        statement = self._with_authors(actor).where(Message.ticket_id == ticket_id)
        if cursor is not None:
            statement = statement.where(Message.id > decode_cursor(cursor, int)[0])
        statement = statement.order_by(Message.id).limit(limit + 1)
        rows = (await self.session.scalars(statement)).all()
        more = len(rows) > limit
        return Page(rows[:limit], encode_cursor(rows[limit - 1].id) if more else None)

    async def of_ids(self, ids: Sequence[int], *, actor: Actor) -> Sequence[Message]:
        """Return the messages with these ids that the actor may see, with their authors."""
        if not ids:
            return []
        statement = self._with_authors(actor).where(Message.id.in_(ids))
        return (await self.session.scalars(statement)).all()

    async def unscoped_newest(
        self, ticket_id: int, *, internal: bool, limit: int
    ) -> Sequence[Message]:
        """Return a ticket's newest messages, oldest first, for the AI's prompt.

        Args:
            ticket_id: The ticket.
            internal: Whether to include notes; never for a text that a customer will read.
            limit: The most messages to return.
        """
        statement = (
            select(Message)
            .options(*self.eager)
            .where(Message.ticket_id == ticket_id)
            .order_by(Message.id.desc())
            .limit(limit)
        )
        if not internal:
            statement = statement.where(Message.internal.is_(False))
        return (await self.session.scalars(statement)).all()[::-1]

    async def unscoped_newest_public_id(self, ticket_id: int) -> int | None:
        """Return the id of a ticket's newest message that is not a note."""
        return await self.session.scalar(
            select(func.max(Message.id)).where(
                Message.ticket_id == ticket_id, Message.internal.is_(False)
            )
        )

    async def rate(self, message_id: int, actor: Actor, rating: Rating, reason: str | None) -> None:
        """Write the actor's rating of a message; it replaces their earlier one."""
        statement = insert(Feedback).values(
            message_id=message_id, user_id=actor.id, rating=rating, reason=reason
        )
        await self.session.execute(
            statement.on_conflict_do_update(
                index_elements=[Feedback.message_id, Feedback.user_id],
                set_={"rating": rating, "reason": reason, "created_at": func.now()},
            )
        )

    def _with_authors(self, actor: Actor) -> Select[Message]:
        return self.visible_to(actor).options(*self.eager)
