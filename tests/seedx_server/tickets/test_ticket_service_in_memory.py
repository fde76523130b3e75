"""The rules of tickets need no database: the service works on any repository of tickets."""

import pytest

from seedx_server.infrastructure.access import Actor, Role
from seedx_server.infrastructure.database.events import EventType
from seedx_server.infrastructure.errors import (
    Conflict,
    Forbidden,
    InvalidInput,
    NotFound,
    PreconditionFailed,
)
from seedx_server.tickets.core import NewTicket, Priority, Status, TicketPatch
from seedx_server.tickets.models import Ticket
from seedx_server.tickets.service import TicketService
from seedx_server.users.models import User
from tests.memory import EventsInMemory, TicketsInMemory, UsersInMemory


class Room:
    """A service on repositories in memory, with two customers and an agent."""

    def __init__(self) -> None:
        self.users = UsersInMemory()
        self.events = EventsInMemory()
        self.service = TicketService(TicketsInMemory(self.users), self.users, self.events)

    async def person(self, name: str, role: Role) -> Actor:
        row = await self.users.add(User(name=name, email=f"{name}@example.com", role=role))
        return Actor(id=row.id, role=role, name=name, session_id=1)


@pytest.fixture
async def room() -> Room:
    return Room()


@pytest.fixture
async def cleo(room: Room) -> Actor:
    return await room.person("Cleo", Role.CUSTOMER)


@pytest.fixture
async def otto(room: Room) -> Actor:
    return await room.person("Otto", Role.CUSTOMER)


@pytest.fixture
async def ada(room: Room) -> Actor:
    return await room.person("Ada", Role.AGENT)


@pytest.fixture
async def ticket(room: Room, cleo: Actor) -> Ticket:
    return await room.service.open(NewTicket(title="It breaks", description="Often."), cleo)


async def test_a_change_is_recorded_with_the_old_and_the_new_value(
    room: Room, ticket: Ticket, ada: Actor
) -> None:
    patch = TicketPatch(priority=Priority.HIGH, title="It breaks")

    changed = await room.service.change(ticket.id, patch, 1, ada)

    assert (changed.priority, changed.version) == (Priority.HIGH, 2)
    changes = {"priority": ["normal", "high"]}
    assert room.events.recorded[-1] == (ticket.id, EventType.TICKET_UPDATED, {"changes": changes})


async def test_a_change_that_changes_nothing_is_not_recorded(
    room: Room, ticket: Ticket, ada: Actor
) -> None:
    await room.service.change(ticket.id, TicketPatch(priority=Priority.NORMAL), None, ada)

    assert ticket.version == 1
    assert [event for _, event, _ in room.events.recorded] == [EventType.TICKET_CREATED]


async def test_a_version_that_was_overtaken_is_refused(
    room: Room, ticket: Ticket, ada: Actor
) -> None:
    await room.service.change(ticket.id, TicketPatch(priority=Priority.HIGH), None, ada)

    with pytest.raises(PreconditionFailed):
        await room.service.change(ticket.id, TicketPatch(priority=Priority.LOW), 1, ada)


async def test_a_requester_may_close_and_reopen_but_not_resolve(
    room: Room, ticket: Ticket, cleo: Actor
) -> None:
    for status in (Status.CLOSED, Status.OPEN):
        await room.service.change(ticket.id, TicketPatch(status=status), None, cleo)
        assert ticket.status is status
    with pytest.raises(Forbidden):
        await room.service.change(ticket.id, TicketPatch(status=Status.RESOLVED), None, cleo)


async def test_a_move_that_the_rules_do_not_have_names_those_they_do(
    room: Room, ticket: Ticket, ada: Actor
) -> None:
    await room.service.change(ticket.id, TicketPatch(status=Status.CLOSED), None, ada)

    with pytest.raises(Conflict, match="it can become open") as refusal:
        await room.service.change(ticket.id, TicketPatch(status=Status.PENDING), None, ada)
    assert refusal.value.code == "bad_transition"


async def test_only_staff_can_be_assigned(
    room: Room, ticket: Ticket, ada: Actor, cleo: Actor
) -> None:
    with pytest.raises(InvalidInput):
        await room.service.change(ticket.id, TicketPatch(assignee_id=cleo.id), None, ada)

    assigned = await room.service.change(ticket.id, TicketPatch(assignee_id=ada.id), None, ada)
    assert assigned.assignee is not None
    assert assigned.assignee.name == "Ada"


async def test_another_customers_ticket_is_not_found(
    room: Room, ticket: Ticket, otto: Actor
) -> None:
    with pytest.raises(NotFound):
        await room.service.change(ticket.id, TicketPatch(status=Status.CLOSED), None, otto)
    assert ticket.status is Status.OPEN


async def test_a_claim_assigns_a_waiting_ticket_once(
    room: Room, ticket: Ticket, ada: Actor
) -> None:
    claimed = await room.service.claim(ada)

    assert claimed is ticket
    assert ticket.assignee_id == ada.id
    assert await room.service.claim(ada) is None
