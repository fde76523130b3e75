"""Queries over tickets."""

from datetime import datetime

from sqlalchemy import ColumnElement, Select, UnaryExpression, func, select, tuple_, update
from sqlalchemy.orm import joinedload
from sqlalchemy.orm.attributes import set_committed_value

from seedx_server.infrastructure.access import Actor
from seedx_server.infrastructure.database.cursor import decode_cursor, encode_cursor, foreign_cursor
from seedx_server.infrastructure.database.repository import LARGEST_ID, Page, SqlRepository
from seedx_server.infrastructure.errors import InvalidInput
from seedx_server.tickets.core import Priority, Sort, Status, TicketFilter
from seedx_server.tickets.models import SEARCH_CONFIGURATION, Ticket

TicketValue = str | int | list[str] | None


class TicketRepository(SqlRepository[Ticket]):
    """Tickets: a customer sees their own, staff see all."""

    model = Ticket

    def visible_to(self, actor: Actor) -> Select[Ticket]:
        """Return the query of all tickets that this actor may see, with their people."""
        statement = select(Ticket).options(
            joinedload(Ticket.requester, innerjoin=True), joinedload(Ticket.assignee)
        )
        return statement if actor.is_staff else statement.where(Ticket.requester_id == actor.id)

    async def lock(self, key: int, *, actor: Actor) -> Ticket | None:
        """Return a ticket as `get` does, its row locked until the commit."""
        if not 0 < key <= LARGEST_ID:
            return None
        return await self.session.scalar(
            self.visible_to(actor)
            .where(Ticket.id == key)
            .with_for_update(of=Ticket)
            .execution_options(populate_existing=True)
        )

    async def unscoped(self, key: int) -> Ticket:
        """Return a ticket that is known to be there, whoever asks: for AI runs."""
        return await self.session.get_one(Ticket, key)

    async def unscoped_lock(self, key: int) -> Ticket | None:
        """Return a ticket, whoever asks, its row locked until the commit: for AI runs."""
        return await self.session.scalar(
            select(Ticket)
            .where(Ticket.id == key)
            .with_for_update()
            .execution_options(populate_existing=True)
        )

    async def search(
        self, wanted: TicketFilter, *, actor: Actor, limit: int, cursor: str | None
    ) -> Page[Ticket]:
        """Return a page of the tickets that fit.

        Args:
            wanted: Filter and order.
            actor: Who asks.
            limit: The most tickets to return.
            cursor: The `next_cursor` of the page before.

        Raises:
            InvalidInput: The cursor belongs to another order.
        """
        statement = self.visible_to(actor).where(*_conditions(wanted, actor))
        if cursor is not None:
            statement = statement.where(_after(wanted.sort, cursor))
        statement = statement.order_by(*_order(wanted.sort)).limit(limit + 1)
        rows = (await self.session.scalars(statement)).all()
        more = len(rows) > limit
        return Page(rows[:limit], _cursor_of(wanted.sort, rows[limit - 1]) if more else None)

    async def claim(self, actor: Actor) -> Ticket | None:
        """Lock and return the most urgent, then oldest, open ticket that nobody has.

        A ticket that another transaction is claiming is passed over.
        """
        return await self.session.scalar(
            self.visible_to(actor)
            .where(Ticket.status == Status.OPEN, Ticket.assignee_id.is_(None))
            .order_by(Ticket.priority_rank.desc(), Ticket.id)
            .limit(1)
            .with_for_update(of=Ticket, skip_locked=True)
        )

    async def change(self, ticket: Ticket, **values: TicketValue) -> None:
        """Write values to a locked ticket, with a new version and time of activity."""
        statement = (
            update(Ticket)
            .where(Ticket.id == ticket.id)
            .values(version=Ticket.version + 1, updated_at=func.clock_timestamp(), **values)
            .returning(Ticket.version, Ticket.updated_at)
            .execution_options(synchronize_session=False)
        )
        written = (await self.session.execute(statement)).mappings().one()
        for name, value in {**values, **written}.items():
            set_committed_value(ticket, name, value)

    def forget(self, ticket: Ticket) -> None:
        """Let the next `get` read the ticket anew, its people included."""
        self.session.expunge(ticket)


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
    return Ticket.requester_id == _user_id("requester", requester, "`me`")


def _assigned_to(assignee: str, actor: Actor) -> ColumnElement[bool]:
    if assignee == "none":
        return Ticket.assignee_id.is_(None)
    if assignee == "me":
        return Ticket.assignee_id == actor.id
    return Ticket.assignee_id == _user_id("assignee", assignee, "`me` or `none`")


def _user_id(field: str, value: str, others: str) -> int:
    well_formed = value.isascii() and value.isdecimal() and len(value) <= len(str(LARGEST_ID))
    if well_formed and int(value) <= LARGEST_ID:
        return int(value)
    raise InvalidInput.of(field, f"must be a user's id, {others}")
