"""Rules of conversations."""

from collections.abc import Sequence
from dataclasses import dataclass

from pydantic import JsonValue

from seedx_server.infrastructure.access import Actor
from seedx_server.infrastructure.database.engine import Session
from seedx_server.infrastructure.database.events import EventLog, EventType
from seedx_server.infrastructure.database.repository import Page
from seedx_server.infrastructure.errors import Conflict, Forbidden, existing
from seedx_server.messages.core import Citation, NewFeedback, NewMessage
from seedx_server.messages.models import Message
from seedx_server.messages.repository import MessageRepository
from seedx_server.tickets.core import REOPENED_BY_CUSTOMER, Status
from seedx_server.tickets.models import Ticket
from seedx_server.tickets.repository import TicketRepository, TicketRepositoryInterface

MESSAGES_SHOWN_WITH_TICKET = 100
TICKET_CLOSED = (Conflict, "ticket_closed")


@dataclass(frozen=True, slots=True)
class Conversation:
    """A ticket with the first page of its messages."""

    ticket: Ticket
    messages: Page[Message]


class MessageService:
    """Conversations.

    Args:
        messages: The messages.
        tickets: The tickets they belong to.
        events: The event log.
    """

    def __init__(
        self, messages: MessageRepository, tickets: TicketRepositoryInterface, events: EventLog
    ) -> None:
        self._messages = messages
        self._tickets = tickets
        self._events = events

    async def conversation(self, ticket_id: int, actor: Actor) -> Conversation:
        """Return a ticket with its first messages.

        Raises:
            NotFound: The ticket does not exist, or the actor may not see it.
        """
        ticket = await self._ticket(ticket_id, actor)
        messages = await self._messages.of_ticket(
            ticket_id, actor=actor, limit=MESSAGES_SHOWN_WITH_TICKET, cursor=None
        )
        return Conversation(ticket, messages)

    async def page(
        self, ticket_id: int, actor: Actor, limit: int, cursor: str | None
    ) -> Page[Message]:
        """Return a page of a ticket's messages, oldest first.

        Raises:
            NotFound: The ticket does not exist, or the actor may not see it.
        """
        await self._ticket(ticket_id, actor)
        return await self._messages.of_ticket(ticket_id, actor=actor, limit=limit, cursor=cursor)

    async def post(self, ticket_id: int, wanted: NewMessage, actor: Actor) -> Message:
        """Add the actor's message, or a note.

        A customer's message reopens a ticket that is waiting or resolved; a public message from
        staff makes it the customer's turn. A note leaves the ticket unchanged: a new version or
        time of activity would reveal it to the customer.

        Raises:
            NotFound: The ticket does not exist, or the actor may not see it.
            Forbidden: Only staff may write notes.
            Conflict: `ticket_closed`.
        """
        ticket = existing(await self._tickets.lock(ticket_id, actor=actor), f"ticket {ticket_id}")
        if wanted.internal and not actor.is_staff:
            raise Forbidden("Only staff may write notes.")
        if not wanted.internal:
            refuse_closed(ticket)
        message = await self._add(
            Message(
                ticket_id=ticket.id,
                author_id=actor.id,
                content=wanted.content,
                is_ai=False,
                internal=wanted.internal,
                citations=[],
            ),
            actor,
        )
        if not wanted.internal:
            await self.move(ticket, status_after(ticket, actor), actor)
        return message

    async def post_from_ai(
        self, ticket: Ticket, content: str, citations: Sequence[Citation], status: Status
    ) -> Message:
        """Add the AI's message to a ticket that the caller has locked.

        Args:
            ticket: The locked ticket.
            content: The Markdown text.
            citations: The articles it is based on.
            status: The ticket's new status.
        """
        message = await self._add(
            Message(
                ticket_id=ticket.id,
                author_id=None,
                content=content,
                is_ai=True,
                internal=False,
                citations=[citation.model_dump(mode="json") for citation in citations],
            ),
            None,
        )
        await self.move(ticket, status, None)
        return message

    async def rate(self, message_id: int, feedback: NewFeedback, actor: Actor) -> None:
        """Record the actor's rating of an AI message.

        Raises:
            NotFound: The message does not exist, or the actor may not see it.
            Conflict: `not_ai`: a person wrote it.
        """
        message = existing(
            await self._messages.get(message_id, actor=actor), f"message {message_id}"
        )
        if not message.is_ai:
            raise Conflict("Only AI messages can be rated.", code="not_ai")
        await self._messages.rate(message_id, actor, feedback.rating, feedback.reason)

    async def move(self, ticket: Ticket, status: Status, actor: Actor | None) -> None:
        """Record activity on a locked ticket, and its new status if that has changed."""
        old = ticket.status
        if old is status:
            await self._tickets.write(ticket, {})
            return
        await self._tickets.write(ticket, {"status": status})
        changes: dict[str, JsonValue] = {"status": [old, status]}
        await self._events.record(ticket.id, EventType.TICKET_UPDATED, actor, {"changes": changes})

    async def _ticket(self, ticket_id: int, actor: Actor) -> Ticket:
        return existing(await self._tickets.get(ticket_id, actor=actor), f"ticket {ticket_id}")

    async def _add(self, message: Message, actor: Actor | None) -> Message:
        await self._messages.add(message)
        await self._events.record(
            message.ticket_id,
            EventType.MESSAGE_CREATED,
            actor,
            {"message_id": message.id},
            internal=message.internal,
        )
        return message


def message_service(session: Session) -> MessageService:
    """Return the service that works in a session's transaction."""
    return MessageService(MessageRepository(session), TicketRepository(session), EventLog(session))


def refuse_closed(ticket: Ticket) -> None:
    """Check that a ticket accepts public messages.

    Raises:
        Conflict: `ticket_closed`.
    """
    if ticket.status is Status.CLOSED:
        raise Conflict(
            f"Ticket {ticket.id} is closed. Reopen it, or open a follow-up that names it: "
            f'seedx ticket new -t "Follow-up to #{ticket.id}"',
            code=TICKET_CLOSED[1],
        )


def status_after(ticket: Ticket, author: Actor) -> Status:
    """Return a ticket's status after a person's public message."""
    if author.is_staff and author.id != ticket.requester_id:
        return Status.PENDING if ticket.status is Status.OPEN else ticket.status
    return Status.OPEN if ticket.status in REOPENED_BY_CUSTOMER else ticket.status
