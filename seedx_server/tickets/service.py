"""Rules of tickets."""

from pydantic import JsonValue

from seedx_server.infrastructure.access import Actor
from seedx_server.infrastructure.database.engine import Session
from seedx_server.infrastructure.database.events import EventLog, EventLogInterface, EventType
from seedx_server.infrastructure.database.repository import Page
from seedx_server.infrastructure.errors import (
    Conflict,
    Forbidden,
    InvalidInput,
    PreconditionFailed,
    existing,
)
from seedx_server.tickets.core import (
    MOVES,
    REQUESTER_MOVES,
    NewTicket,
    Status,
    TicketFilter,
    TicketPatch,
)
from seedx_server.tickets.models import Ticket
from seedx_server.tickets.repository import (
    TicketRepository,
    TicketRepositoryInterface,
    TicketValue,
)
from seedx_server.users.repository import UserRepository, UserRepositoryInterface


class TicketService:
    """Tickets.

    Args:
        tickets: The tickets.
        users: The accounts, to check that assignees are staff.
        events: The event log.
    """

    def __init__(
        self,
        tickets: TicketRepositoryInterface,
        users: UserRepositoryInterface,
        events: EventLogInterface,
    ) -> None:
        self._tickets = tickets
        self._users = users
        self._events = events

    async def open(self, wanted: NewTicket, actor: Actor) -> Ticket:
        """Open a ticket for the actor."""
        ticket = await self._tickets.add(
            Ticket(
                title=wanted.title,
                description=wanted.description,
                priority=wanted.priority,
                status=Status.OPEN,
                tags=wanted.tags,
                requester_id=actor.id,
            )
        )
        await self._events.record(
            ticket.id, EventType.TICKET_CREATED, actor, {"title": ticket.title}
        )
        return await self._with_people(ticket.id, actor)

    async def page(
        self, wanted: TicketFilter, actor: Actor, limit: int, cursor: str | None
    ) -> Page[Ticket]:
        """Return a page of the tickets that match a filter."""
        return await self._tickets.search(wanted, actor=actor, limit=limit, cursor=cursor)

    async def claim(self, actor: Actor) -> Ticket | None:
        """Assign the most urgent ticket in the queue to the actor; None if the queue is empty."""
        ticket = await self._tickets.lock_next(actor)
        if ticket is None:
            return None
        await self._write(ticket, {"assignee_id": actor.id}, actor)
        return await self._with_people(ticket.id, actor)

    async def change(
        self, ticket_id: int, patch: TicketPatch, version: int | None, actor: Actor
    ) -> Ticket:
        """Change a ticket's fields.

        Args:
            ticket_id: The ticket.
            patch: The fields to change.
            version: The version that the caller read, or None for any.
            actor: The author of the change.

        Raises:
            NotFound: It does not exist, or the actor may not see it.
            PreconditionFailed: It changed since the caller read it.
            Forbidden: The actor may not change one of these fields.
            Conflict: `bad_transition`.
            InvalidInput: The assignee is not staff.
        """
        ticket = existing(await self._tickets.lock(ticket_id, actor=actor), f"ticket {ticket_id}")
        wanted = patch.model_dump(exclude_unset=True)
        _refuse_null(wanted)
        if not actor.is_staff:
            _refuse_beyond_requester(wanted)
        if version is not None and version != ticket.version:
            raise PreconditionFailed("The ticket changed since you read it. Read it again.")
        await self._check_assignee(wanted.get("assignee_id"))
        changes = {name: new for name, new in wanted.items() if getattr(ticket, name) != new}
        if "status" in changes:
            check_move(ticket.status, changes["status"])
        if changes:
            await self._write(ticket, changes, actor)
        return await self._with_people(ticket.id, actor)

    async def _with_people(self, ticket_id: int, actor: Actor) -> Ticket:
        """Return a ticket with the people that its document names."""
        return existing(await self._tickets.get(ticket_id, actor=actor), f"ticket {ticket_id}")

    async def _check_assignee(self, assignee_id: int | None) -> None:
        if assignee_id is not None and not await self._users.unscoped_is_staff(assignee_id):
            raise InvalidInput.of("assignee_id", "is not the id of a member of staff")

    async def _write(self, ticket: Ticket, changes: dict[str, TicketValue], actor: Actor) -> None:
        record: dict[str, JsonValue] = {
            name: [_json(getattr(ticket, name)), _json(new)] for name, new in changes.items()
        }
        await self._tickets.write(ticket, changes)
        await self._events.record(ticket.id, EventType.TICKET_UPDATED, actor, {"changes": record})


def ticket_service(session: Session) -> TicketService:
    """Return the service that works in a session's transaction."""
    return TicketService(TicketRepository(session), UserRepository(session), EventLog(session))


def check_move(old: Status, new: Status) -> None:
    """Check that a ticket may go from one status to another.

    Raises:
        Conflict: `bad_transition`.
    """
    if new not in MOVES[old]:
        allowed = ", ".join(sorted(MOVES[old]))
        raise Conflict(
            f"A ticket that is {old} cannot become {new}; it can become {allowed}.",
            code="bad_transition",
        )


def _refuse_null(wanted: dict[str, object]) -> None:
    for name, value in wanted.items():
        if value is None and name != "assignee_id":
            raise InvalidInput.of(name, "must not be null; leave it out to keep it as it is")


def _refuse_beyond_requester(wanted: dict[str, object]) -> None:
    if set(wanted) - {"status"}:
        raise Forbidden("Only staff may change this. You may close and reopen your ticket.")
    if "status" in wanted and wanted["status"] not in REQUESTER_MOVES:
        raise Forbidden("You may close or reopen your ticket; only staff may set another status.")


def _json(value: object) -> JsonValue:
    return value if isinstance(value, int | list) or value is None else str(value)
