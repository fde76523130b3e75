"""Repositories in memory: what the services of accounts and tickets need, without a database."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from pydantic import JsonValue

from seedx_server.infrastructure.access import STAFF, Actor, Role
from seedx_server.infrastructure.database.events import EventLogInterface, EventType
from seedx_server.infrastructure.database.repository import Page
from seedx_server.tickets.core import TicketFilter
from seedx_server.tickets.models import Ticket
from seedx_server.tickets.repository import TicketRepositoryInterface, TicketValue
from seedx_server.users.models import User
from seedx_server.users.repository import UserRepositoryInterface


class UsersInMemory(UserRepositoryInterface):
    """Accounts in a dictionary.

    Attributes:
        rows: The accounts by id.
        ended: When the sessions of an account were ended, by its id.
    """

    def __init__(self) -> None:
        self.rows: dict[int, User] = {}
        self.ended: dict[int, datetime] = {}

    async def get(self, key: int, *, actor: Actor) -> User | None:
        """Return an account that the actor may see."""
        row = self.rows.get(key)
        return row if row and (actor.role is Role.ADMIN or actor.id == row.id) else None

    async def lock(self, key: int, *, actor: Actor) -> User | None:
        """Return an account; nothing else could change it meanwhile."""
        return await self.get(key, actor=actor)

    async def page(self, *, actor: Actor, limit: int, cursor: str | None = None) -> Page[User]:
        """Return the newest accounts that the actor may see."""
        assert cursor is None, "these tests read one page"
        seen = [await self.get(key, actor=actor) for key in sorted(self.rows, reverse=True)]
        return Page([row for row in seen if row][:limit], None)

    async def add(self, row: User) -> User:
        """Write an account."""
        row.id, row.token_version = len(self.rows) + 1, 1
        self.rows[row.id] = row
        return row

    async def unscoped_by_email(self, email: str) -> User | None:
        """Return the account of an address."""
        return next((row for row in self.rows.values() if row.email == email), None)

    async def unscoped_lock_by_email(self, email: str) -> User | None:
        """Return the account of an address."""
        return await self.unscoped_by_email(email)

    async def unscoped_staff(self) -> Sequence[User]:
        """Return the members of staff, by name."""
        staff = [row for key, row in self.rows.items() if await self.unscoped_is_staff(key)]
        return sorted(staff, key=lambda row: row.name)

    async def unscoped_is_staff(self, user_id: int) -> bool:
        """Tell whether this is a member of staff whose account is not disabled."""
        row = self.rows.get(user_id)
        return row is not None and row.role in STAFF and row.disabled_at is None

    async def add_unless_taken(self, row: User) -> User | None:
        """Write an account whose address is free."""
        return None if await self.unscoped_by_email(row.email) else await self.add(row)

    async def end_sessions(self, user: User, now: datetime) -> None:
        """Note when the account's sessions ended."""
        self.ended[user.id] = now

    async def invalidate_tokens(self, user: User, now: datetime) -> None:
        """Give the account a new version."""
        user.token_version += 1
        user.changed_at = now

    async def replace_hash(self, user: User, password_hash: str) -> None:
        """Replace the hash of the password."""
        user.password_hash = password_hash


class TicketsInMemory(TicketRepositoryInterface):
    """Tickets in a dictionary.

    Args:
        users: The accounts that tickets refer to.
    """

    def __init__(self, users: UsersInMemory) -> None:
        self.rows: dict[int, Ticket] = {}
        self._users = users

    async def get(self, key: int, *, actor: Actor) -> Ticket | None:
        """Return a ticket that the actor may see, with its people."""
        row = self.rows.get(key)
        if row is None or not (actor.is_staff or row.requester_id == actor.id):
            return None
        row.requester = self._users.rows[row.requester_id]
        row.assignee = self._users.rows[row.assignee_id] if row.assignee_id else None
        return row

    async def lock(self, key: int, *, actor: Actor) -> Ticket | None:
        """Return a ticket; nothing else could change it meanwhile."""
        return await self.get(key, actor=actor)

    async def page(self, *, actor: Actor, limit: int, cursor: str | None = None) -> Page[Ticket]:
        """Return the newest tickets that the actor may see."""
        return await self.search(TicketFilter(), actor=actor, limit=limit, cursor=cursor)

    async def search(
        self, wanted: TicketFilter, *, actor: Actor, limit: int, cursor: str | None
    ) -> Page[Ticket]:
        """Return the newest tickets that the actor may see."""
        assert wanted == TicketFilter(), "these tests do not filter"
        assert cursor is None, "these tests read one page"
        seen = [await self.get(key, actor=actor) for key in sorted(self.rows, reverse=True)]
        return Page([row for row in seen if row][:limit], None)

    async def lock_next(self, actor: Actor) -> Ticket | None:
        """Return the first ticket without an assignee."""
        free = (key for key, row in sorted(self.rows.items()) if row.assignee_id is None)
        key = next(free, None)
        return await self.get(key, actor=actor) if key else None

    async def add(self, row: Ticket) -> Ticket:
        """Write a ticket."""
        row.id, row.version = len(self.rows) + 1, 1
        self.rows[row.id] = row
        return row

    async def write(self, ticket: Ticket, changes: Mapping[str, TicketValue]) -> None:
        """Change a ticket."""
        for column, value in changes.items():
            setattr(ticket, column, value)
        ticket.version += 1
        ticket.updated_at = datetime.now(UTC)


class EventsInMemory(EventLogInterface):
    """A list of what was recorded: the ticket's id, the event and its data."""

    def __init__(self) -> None:
        self.recorded: list[tuple[int, EventType, dict[str, JsonValue]]] = []

    async def record(
        self,
        ticket_id: int,
        event: EventType,
        actor: Actor | None,  # noqa: ARG002  # the interface's
        data: dict[str, JsonValue],
        *,
        internal: bool = False,  # noqa: ARG002  # the interface's
    ) -> None:
        """Note an event."""
        self.recorded.append((ticket_id, event, data))
