"""Queries over tickets."""

from abc import abstractmethod
from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import ColumnElement, ScalarSelect, Select, UnaryExpression, func, select, tuple_
from sqlalchemy.orm import joinedload

from seedx_server.infrastructure.access import Actor
from seedx_server.infrastructure.database.cursor import decode_cursor, encode_cursor, foreign_cursor
from seedx_server.infrastructure.database.engine import LARGEST_ID
from seedx_server.infrastructure.database.repository import Page, RepositoryInterface, SqlRepository
from seedx_server.infrastructure.errors import InvalidInput
from seedx_server.infrastructure.text import whole_number
from seedx_server.tickets.core import Priority, Sort, Status, TicketFilter
from seedx_server.tickets.models import SEARCH_CONFIGURATION, Ticket
from seedx_server.users.core import normalised_email
from seedx_server.users.models import User

TicketValue = str | int | list[str] | None


class TicketRepositoryInterface(RepositoryInterface[Ticket]):
    """The operations on tickets that services rely on."""

    @abstractmethod
    async def lock(self, key: int, *, actor: Actor) -> Ticket | None:
        """Return a ticket, locked until the commit, without its requester and assignee."""

    @abstractmethod
    async def search(
        self, wanted: TicketFilter, *, actor: Actor, limit: int, cursor: str | None
    ) -> Page[Ticket]:
        """Return a page of the tickets that match a filter, in its order."""

    @abstractmethod
    async def lock_next(self, actor: Actor) -> Ticket | None:
        """Return the most urgent, then oldest, open ticket without an assignee, locked."""

    @abstractmethod
    async def write(self, ticket: Ticket, changes: Mapping[str, TicketValue]) -> None:
        """Change a locked ticket, and give it a new version and time of activity."""


class TicketRepository(SqlRepository[Ticket], TicketRepositoryInterface):
    """Tickets: customers see their own, staff see all."""

    model = Ticket
    eager = (
        joinedload(Ticket.requester, innerjoin=True).load_only(User.name, raiseload=True),
        joinedload(Ticket.assignee).load_only(User.name, raiseload=True),
    )

    def visible_to(self, actor: Actor) -> Select[Ticket]:
        """Return the query of all tickets that this actor may see."""
        statement = select(Ticket)
        return statement if actor.is_staff else statement.where(Ticket.requester_id == actor.id)

    async def unscoped(self, key: int) -> Ticket:
        """Return an existing ticket for an AI run, regardless of the actor."""
        return await self.session.get_one(Ticket, key)

    async def unscoped_lock(self, key: int) -> Ticket | None:
        """Return a ticket for an AI run, regardless of the actor, locked until the commit."""
        return await self.session.scalar(select(Ticket).where(Ticket.id == key).with_for_update())

    async def search(
        self, wanted: TicketFilter, *, actor: Actor, limit: int, cursor: str | None
    ) -> Page[Ticket]:
        """Return a page of the tickets that match a filter, in its order.

        Args:
            wanted: Filter and order.
            actor: The reader.
            limit: The most tickets to return.
            cursor: The `next_cursor` of the previous page.

        Raises:
            InvalidInput: The cursor comes from a list in another order.
        """
        statement = self.visible_to(actor).options(*self.eager).where(*_conditions(wanted, actor))
        if cursor is not None:
            statement = statement.where(_after(wanted.sort, cursor))
        statement = statement.order_by(*_order(wanted.sort)).limit(limit + 1)
        rows = (await self.session.scalars(statement)).all()
        more = len(rows) > limit
        return Page(rows[:limit], _cursor_of(wanted.sort, rows[limit - 1]) if more else None)

    async def lock_next(self, actor: Actor) -> Ticket | None:
        """Return the most urgent, then oldest, open ticket without an assignee, locked.

        Tickets that another transaction has locked are skipped.
        """
        return await self.session.scalar(
            self.visible_to(actor)
            .where(Ticket.status == Status.OPEN, Ticket.assignee_id.is_(None))
            .order_by(Ticket.priority_rank.desc(), Ticket.id)
            .limit(1)
            .with_for_update(of=Ticket, skip_locked=True)
        )

    async def write(self, ticket: Ticket, changes: Mapping[str, TicketValue]) -> None:
        """Change a locked ticket, and give it a new version and time of activity."""
        for column, value in changes.items():
            setattr(ticket, column, value)
        ticket.version += 1
        ticket.updated_at = func.clock_timestamp()
        await self.session.flush()


def _order(sort: Sort) -> tuple[UnaryExpression[datetime] | UnaryExpression[int], ...]:
    if sort is Sort.UPDATED:
        return (Ticket.updated_at.desc(), Ticket.id.desc())
    if sort is Sort.PRIORITY:
        return (Ticket.priority_rank.desc(), Ticket.id.desc())
    return (Ticket.id.desc(),)


def _cursor_of(sort: Sort, last: Ticket) -> str:
    if sort is Sort.UPDATED:
        return encode_cursor(last.updated_at.isoformat(), last.id)
    if sort is Sort.PRIORITY:
        return encode_cursor(list(Priority).index(last.priority), last.id)
    return encode_cursor(last.id)


def _after(sort: Sort, cursor: str) -> ColumnElement[bool]:
    if sort is Sort.UPDATED:
        moment, last_id = decode_cursor(cursor, str, int)
        key = tuple_(Ticket.updated_at, Ticket.id)
        return key < tuple_(_moment(str(moment)), last_id)
    if sort is Sort.PRIORITY:
        rank, last_id = decode_cursor(cursor, int, int)
        return tuple_(Ticket.priority_rank, Ticket.id) < tuple_(rank, last_id)
    return Ticket.id < decode_cursor(cursor, int)[0]


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise foreign_cursor()
    return moment


def _conditions(wanted: TicketFilter, actor: Actor) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if wanted.status:
        conditions.append(Ticket.status.in_(wanted.status))
    if wanted.priority:
        conditions.append(Ticket.priority.in_(wanted.priority))
    if wanted.tag:
        conditions.append(Ticket.tags.contains([tag.lower() for tag in wanted.tag]))
    if wanted.requester is not None:
        conditions.append(_requested_by(wanted.requester, actor))
    if wanted.assignee is not None:
        conditions.append(_assigned_to(wanted.assignee, actor))
    if wanted.q is not None and wanted.q.strip():
        query = func.websearch_to_tsquery(SEARCH_CONFIGURATION, wanted.q)
        conditions.append(Ticket.search.op("@@")(query))
    return conditions


def _requested_by(requester: str, actor: Actor) -> ColumnElement[bool]:
    if requester == "me":
        return Ticket.requester_id == actor.id
    return Ticket.requester_id == _user("requester", requester, actor, "`me`")


def _assigned_to(assignee: str, actor: Actor) -> ColumnElement[bool]:
    if assignee == "none":
        return Ticket.assignee_id.is_(None)
    if assignee == "me":
        return Ticket.assignee_id == actor.id
    return Ticket.assignee_id == _user("assignee", assignee, actor, "`me` or `none`")


def _user(field: str, value: str, actor: Actor, others: str) -> int | ScalarSelect[int]:
    """Return the id that a filter names, or for staff the id of an e-mail address' account."""
    if actor.is_staff and "@" in value:
        try:
            address = normalised_email(value)
        except ValueError as error:
            raise InvalidInput.of(field, str(error)) from None
        return select(User.id).where(User.email == address).scalar_subquery()
    user_id = whole_number(value, LARGEST_ID)
    if not user_id:
        email = "an e-mail address, " if actor.is_staff else ""
        raise InvalidInput.of(field, f"must be a user's id, {email}{others}")
    return user_id
