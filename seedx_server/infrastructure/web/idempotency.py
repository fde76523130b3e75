"""`Idempotency-Key`: a write that is sent again gets the first answer and is not done again.

Source: draft-ietf-httpapi-idempotency-key-header. The key's row is written in the
transaction of the write itself, so both stand or neither does; a request that comes while the
first is still under way waits for it at the unique index.
"""

import hashlib
from dataclasses import dataclass
from datetime import timedelta

from pydantic import JsonValue
from sqlalchemy import ForeignKey, LargeBinary, delete, func, select, update
from sqlalchemy.dialects.postgresql import JSONB, insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from seedx_server.infrastructure.access import Role
from seedx_server.infrastructure.database.engine import Base, Timestamped
from seedx_server.infrastructure.errors import InvalidInput

KEPT_FOR = timedelta(hours=24)
LONGEST_KEY = 255


class IdempotencyKey(Timestamped, Base):
    """A key that a user sent, what was asked with it and what was answered."""

    __tablename__ = "idempotency_keys"

    user_id: Mapped[int] = mapped_column(
        ForeignKey("users.id", ondelete="CASCADE"), primary_key=True
    )
    key: Mapped[str] = mapped_column(primary_key=True)
    request_hash: Mapped[bytes] = mapped_column(LargeBinary)
    status: Mapped[int | None]
    location: Mapped[str | None]
    body: Mapped[JsonValue] = mapped_column(JSONB, nullable=True)


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer that was given to the first request with a key."""

    status: int
    location: str | None
    body: JsonValue


def request_hash(role: Role, method: str, path: str, body: bytes) -> bytes:
    """Return what tells one request from another.

    The role is part of it: who has another now may not see any more what was answered then.
    """
    digest = hashlib.sha256(f"{role} {method} {path}\n".encode())
    digest.update(body)
    return digest.digest()


async def claim(session: AsyncSession, user_id: int, key: str, request: bytes) -> Answer | None:
    """Take a key for this request, or return the answer that it got before.

    Args:
        session: The transaction in which the write will be done.
        user_id: Whose key it is.
        key: The header's value.
        request: What `request_hash` gave.

    Raises:
        InvalidInput: The key is too long, or was used for another request.
    """
    if not 0 < len(key) <= LONGEST_KEY:
        raise InvalidInput.of("Idempotency-Key", f"must be 1 to {LONGEST_KEY} characters")
    taken = await session.scalar(
        insert(IdempotencyKey)
        .values(user_id=user_id, key=key, request_hash=request)
        .on_conflict_do_nothing()
        .returning(IdempotencyKey.key)
    )
    if taken is not None:
        return None
    first = await session.scalar(
        select(IdempotencyKey).where(IdempotencyKey.user_id == user_id, IdempotencyKey.key == key)
    )
    if first is None or first.status is None:
        raise InvalidInput.of("Idempotency-Key", "could not be used; take a new one")
    if first.request_hash != request:
        raise InvalidInput(
            "This Idempotency-Key was used for another request. Take a new one.",
            code="idempotency_key_reused",
        )
    return Answer(first.status, first.location, first.body)


async def keep(session: AsyncSession, user_id: int, key: str, answer: Answer) -> None:
    """Write the answer to the request that claimed the key."""
    await session.execute(
        update(IdempotencyKey)
        .where(IdempotencyKey.user_id == user_id, IdempotencyKey.key == key)
        .values(status=answer.status, location=answer.location, body=answer.body)
    )


async def forget_old(session: AsyncSession) -> None:
    """Delete the keys that are past their day."""
    await session.execute(
        delete(IdempotencyKey).where(IdempotencyKey.created_at < func.now() - KEPT_FOR)
    )
