"""The engine, the base of all tables, and retries while the database cannot be reached."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import datetime
from enum import StrEnum
from typing import ClassVar, TypeVar

import psycopg
from sqlalchemy import (
    CheckConstraint,
    DateTime,
    Dialect,
    Identity,
    MetaData,
    Text,
    TypeDecorator,
    func,
)
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import (
    AsyncEngine,
    AsyncSession,
    async_sessionmaker,
    create_async_engine,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

logger = logging.getLogger(__name__)

NAMING_CONVENTION = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}


class Base(DeclarativeBase):
    """The base of every table."""

    metadata = MetaData(naming_convention=NAMING_CONVENTION)
    type_annotation_map: ClassVar[dict[type, object]] = {
        datetime: DateTime(timezone=True),
        str: Text(),
    }


LARGEST_ID = 2**31 - 1
"""The largest value of PostgreSQL's `integer`, the type of ids."""


def can_be_id(number: int) -> bool:
    """Return whether a row can have this id; PostgreSQL fails on numbers outside its range."""
    return 0 < number <= LARGEST_ID


class Identified(Base):
    """A table whose rows have a numeric id that a person can type."""

    __abstract__ = True

    id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True, sort_order=-1)


class Timestamped:
    """A table whose rows record when they were created."""

    created_at: Mapped[datetime] = mapped_column(server_default=func.now(), sort_order=1)


E = TypeVar("E", bound=StrEnum)
T = TypeVar("T")


class TextEnum(TypeDecorator[E]):
    """A text column whose values are the members of an enumeration.

    It is text with a CHECK instead of PostgreSQL's enum, so that a member can be removed later.
    """

    impl = Text
    cache_ok = True

    def __init__(self, kind: type[E]) -> None:
        super().__init__()
        self.kind = kind

    def process_result_value(self, value: str | None, _: Dialect) -> E | None:
        """Return the member that the database's text names."""
        return None if value is None else self.kind(value)


def one_of(column: str, kind: type[StrEnum]) -> CheckConstraint:
    """Return the CHECK that goes with a `TextEnum` column."""
    values = ", ".join(f"'{member}'" for member in kind)
    return CheckConstraint(f"{column} IN ({values})", name=f"{column}_known")


Session = AsyncSession
Sessions = async_sessionmaker[AsyncSession]

CONNECTION = {
    "connect_timeout": 10,
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
}
"""libpq's parameters, times in seconds: a lost database is noticed within about a minute."""

OUTAGE = (
    OperationalError,
    InterfaceError,
    PoolTimeoutError,
    psycopg.OperationalError,
    ConnectionError,
    TimeoutError,
)
"""The errors raised while the database cannot be reached; the same work may succeed later.

`OSError` in general is not one of them: a missing file is not an outage.
"""

RETRY_SECONDS = 0.5


def connection_url(address: str) -> str:
    """Return the address in the form that SQLAlchemy's psycopg dialect needs."""
    return "postgresql+psycopg://" + address.partition("://")[2]


def make_engine(address: str, pool_size: int) -> AsyncEngine:
    """Return the engine for a database.

    Args:
        address: `postgresql://…`.
        pool_size: Connections kept open; as many again may be opened under load.
    """
    return create_async_engine(
        connection_url(address),
        pool_size=pool_size,
        max_overflow=pool_size,
        pool_pre_ping=True,
        pool_recycle=1_800,
        connect_args=CONNECTION,
    )


def make_sessions(engine: AsyncEngine) -> Sessions:
    """Return the factory of sessions."""
    return async_sessionmaker(engine, expire_on_commit=False)


async def outlasting_outages(work: Callable[[], Awaitable[T]]) -> T:
    """Do some work in the database, and retry for as long as the database cannot be reached.

    Args:
        work: Opens its own session, and must be safe to repeat: if the reply to a commit is lost,
            it is unknown whether the commit succeeded.
    """
    while True:
        try:
            return await work()
        except OUTAGE as error:
            logger.warning("waiting for the database: %s", error)
            await asyncio.sleep(RETRY_SECONDS)
