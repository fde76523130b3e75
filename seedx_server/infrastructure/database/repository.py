"""Repositories: the only place that reads and writes rows, always through an actor's eyes."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Generic, TypeVar

from sqlalchemy import Select
from sqlalchemy.ext.asyncio import AsyncSession

from seedx_server.infrastructure.access import Actor
from seedx_server.infrastructure.database.cursor import (
    LARGEST_INTEGER,
    decode_cursor,
    encode_cursor,
)
from seedx_server.infrastructure.database.engine import Identified

M = TypeVar("M", bound=Identified)
T = TypeVar("T")

LARGEST_ID = LARGEST_INTEGER


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """A slice of a list.

    Attributes:
        items: What is on this page.
        next_cursor: Where the next page begins, or None on the last.
    """

    items: Sequence[T]
    next_cursor: str | None


class RepositoryInterface(ABC, Generic[M]):
    """What every repository offers."""

    @abstractmethod
    async def get(self, key: int, *, actor: Actor) -> M | None:
        """Return the row with this id, or None if it is not there for this actor."""

    @abstractmethod
    async def list(self, *, actor: Actor, limit: int, cursor: str | None = None) -> Page[M]:
        """Return a page of the rows that this actor sees, newest first."""

    @abstractmethod
    async def add(self, row: M) -> M:
        """Write a new row and return it with what the database filled in."""


class SqlRepository(RepositoryInterface[M]):
    """A repository over one table; a subclass says who sees which rows.

    Args:
        session: The session of the request.
    """

    model: ClassVar[type[Identified]]

    def __init__(self, session: AsyncSession) -> None:
        self.session = session

    @abstractmethod
    def visible_to(self, actor: Actor) -> Select[M]:
        """Return the query of all rows that this actor may see."""

    async def get(self, key: int, *, actor: Actor) -> M | None:
        """Return the row with this id, or None if it is not there for this actor."""
        if not 0 < key <= LARGEST_ID:
            return None
        return await self.session.scalar(self.visible_to(actor).where(self.model.id == key))

    async def list(self, *, actor: Actor, limit: int, cursor: str | None = None) -> Page[M]:
        """Return a page of the rows that this actor sees, newest first.

        Raises:
            InvalidInput: The cursor is not one that this list gave.
        """
        statement = self.visible_to(actor)
        if cursor is not None:
            statement = statement.where(self.model.id < decode_cursor(cursor, int)[0])
        statement = statement.order_by(self.model.id.desc()).limit(limit + 1)
        rows = (await self.session.scalars(statement)).all()
        more = len(rows) > limit
        return Page(rows[:limit], encode_cursor(rows[limit - 1].id) if more else None)

    async def add(self, row: M) -> M:
        """Write a new row and return it with what the database filled in."""
        self.session.add(row)
        await self.session.flush()
        return row
