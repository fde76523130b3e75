"""Repositories: the only code that reads and writes rows, normally on behalf of an actor."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Generic, TypeVar

from sqlalchemy import Select
from sqlalchemy.orm.interfaces import ORMOption

from seedx_server.infrastructure.access import Actor
from seedx_server.infrastructure.database.cursor import decode_cursor, encode_cursor
from seedx_server.infrastructure.database.engine import Identified, Session, can_be_id

M = TypeVar("M", bound=Identified)
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """A slice of a list.

    Attributes:
        items: The rows of this page.
        next_cursor: Where the next page starts, or None on the last page.
    """

    items: Sequence[T]
    next_cursor: str | None


class RepositoryInterface(ABC, Generic[M]):
    """The operations that every repository has."""

    @abstractmethod
    async def get(self, key: int, *, actor: Actor) -> M | None:
        """Return the row with this id, or None if the actor may not see it or there is none."""

    @abstractmethod
    async def page(self, *, actor: Actor, limit: int, cursor: str | None = None) -> Page[M]:
        """Return a page of the rows that this actor may see, newest first."""

    @abstractmethod
    async def add(self, row: M) -> M:
        """Write a new row and return it with the values that the database filled in."""


class SqlRepository(RepositoryInterface[M]):
    """A repository over one table; a subclass says who may see which rows.

    Args:
        session: The session of the request.
    """

    model: ClassVar[type[Identified]]
    eager: ClassVar[Sequence[ORMOption]] = ()
    """The related rows that `get` and `page` load with each row."""

    def __init__(self, session: Session) -> None:
        self.session = session

    @abstractmethod
    def visible_to(self, actor: Actor) -> Select[M]:
        """Return the query of all rows that this actor may see."""

    async def get(self, key: int, *, actor: Actor) -> M | None:
        """Return the row with this id, or None if the actor may not see it or there is none."""
        return await self._by_id(self.visible_to(actor).options(*self.eager), key)

    async def lock(self, key: int, *, actor: Actor) -> M | None:
        """Return a row as `get` does, locked until the commit and without related rows.

        Related rows are left out because the row may refer to others once the lock is acquired.
        """
        return await self._by_id(self.visible_to(actor).with_for_update(of=self.model), key)

    async def page(self, *, actor: Actor, limit: int, cursor: str | None = None) -> Page[M]:
        """Return a page of the rows that this actor may see, newest first.

        Raises:
            InvalidInput: The cursor is not one that this list returned.
        """
        statement = self.visible_to(actor).options(*self.eager)
        if cursor is not None:
            statement = statement.where(self.model.id < decode_cursor(cursor, int)[0])
        statement = statement.order_by(self.model.id.desc()).limit(limit + 1)
        rows = (await self.session.scalars(statement)).all()
        more = len(rows) > limit
        return Page(rows[:limit], encode_cursor(rows[limit - 1].id) if more else None)

    async def add(self, row: M) -> M:
        """Write a new row and return it with the values that the database filled in."""
        self.session.add(row)
        await self.session.flush()
        return row

    async def _by_id(self, statement: Select[M], key: int) -> M | None:
        if not can_be_id(key):
            return None
        return await self.session.scalar(statement.where(self.model.id == key))
