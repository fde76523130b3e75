"""`Idempotency-Key`: a repeated write gets the first response and is not carried out again.

Source: draft-ietf-httpapi-idempotency-key-header. The key's row is written in the transaction of
the write itself, so both are committed or neither is; a request that arrives while the first one
is in progress waits for it on the unique index.
"""

import hashlib
from datetime import timedelta
from typing import Annotated

from fastapi import Depends, Header, Request, Response
from sqlalchemy import ColumnElement, ForeignKey, Index, LargeBinary, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, mapped_column

from seedx_server.infrastructure.access import Actor
from seedx_server.infrastructure.database.engine import Base, Session, Sessions, Timestamped
from seedx_server.infrastructure.database.retention import delete_in_batches
from seedx_server.infrastructure.errors import FieldError, InvalidInput
from seedx_server.infrastructure.web.dependencies import SessionDep

KEPT_FOR = timedelta(hours=24)
LONGEST_KEY = 255


class IdempotencyKey(Timestamped, Base):
    """A key that a user sent, a hash of the request, and the response to it.

    `body` is kept as text, so that a repeated request gets the same response byte for byte.
    """

    __tablename__ = "idempotency_keys"

    user_id: Mapped[int] = mapped_column(
        ForeignKey("users.id", ondelete="CASCADE"), primary_key=True
    )
    key: Mapped[str] = mapped_column(primary_key=True)
    request_hash: Mapped[bytes] = mapped_column(LargeBinary)
    status: Mapped[int | None]
    location: Mapped[str | None]
    body: Mapped[str | None]

    __table_args__ = (Index(None, "created_at"),)


KEY_REUSED = (InvalidInput, "idempotency_key_reused")


class Idempotency:
    """Answers a repeated request with the first response.

    A route calls `earlier_response` before it writes, and returns its own response through `keep`:

        if earlier := await idempotency.earlier_response(actor):
            return earlier
        ...
        return await idempotency.keep(json_response(document, HTTPStatus.CREATED))

    Args:
        request: The request; its body tells a repeated request from a reused key.
        session: The transaction of the write.
        key: The header, if it was sent.
    """

    def __init__(self, request: Request, session: Session, key: str | None) -> None:
        self._request = request
        self._session = session
        self._key = key
        self._user_id: int | None = None

    async def earlier_response(self, actor: Actor) -> Response | None:
        """Return the response to an earlier request with the key; None if there was none.

        Raises:
            InvalidInput: The key is too long, or was used for another request.
        """
        if self._key is None:
            return None
        if not 0 < len(self._key) <= LONGEST_KEY:
            raise InvalidInput.of("Idempotency-Key", f"must be 1 to {LONGEST_KEY} characters")
        self._user_id = actor.id
        request_hash = await self._request_hash(actor)
        if await self._claim(request_hash):
            return None
        first = (await self._session.scalars(select(IdempotencyKey).where(*self._own_row()))).one()
        if first.request_hash != request_hash:
            raise InvalidInput(
                "This Idempotency-Key was used for another request. Use a new one.",
                code="idempotency_key_reused",
                fields=(FieldError("Idempotency-Key", "was used for another request"),),
            )
        headers = {"Location": first.location} if first.location else None
        return Response(first.body, first.status or 200, headers, media_type="application/json")

    async def keep(self, response: Response) -> Response:
        """Store the response to the request that claimed the key, and return it."""
        if self._key is not None:
            await self._session.execute(
                update(IdempotencyKey)
                .where(*self._own_row())
                .values(
                    status=response.status_code,
                    location=response.headers.get("Location"),
                    body=bytes(response.body).decode(),
                )
            )
        return response

    async def _claim(self, request_hash: bytes) -> bool:
        taken = await self._session.scalar(
            insert(IdempotencyKey)
            .values(user_id=self._user_id, key=self._key, request_hash=request_hash)
            .on_conflict_do_nothing()
            .returning(IdempotencyKey.key)
        )
        return taken is not None

    def _own_row(self) -> tuple[ColumnElement[bool], ...]:
        return IdempotencyKey.user_id == self._user_id, IdempotencyKey.key == self._key

    async def _request_hash(self, actor: Actor) -> bytes:
        # After a change of role, the actor may no longer be allowed to see the earlier response.
        request = self._request
        digest = hashlib.sha256(f"{actor.role} {request.method} {request.url.path}\n".encode())
        digest.update(await request.body())
        return digest.digest()


async def _idempotency(
    request: Request,
    session: SessionDep,
    idempotency_key: Annotated[
        str | None,
        Header(
            description="A request that is repeated with the same key is carried out only once."
        ),
    ] = None,
) -> Idempotency:
    return Idempotency(request, session, idempotency_key)


IdempotencyDep = Annotated[Idempotency, Depends(_idempotency, scope="function")]


async def delete_expired(sessions: Sessions) -> None:
    """Delete the keys that are older than a day."""
    await delete_in_batches(
        sessions, IdempotencyKey, IdempotencyKey.created_at < func.now() - KEPT_FOR
    )
