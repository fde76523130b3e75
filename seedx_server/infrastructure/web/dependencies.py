"""What routes of every domain share: the request's session, answers, ETags, repeats."""

import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from http import HTTPStatus
from typing import Annotated

from fastapi import Depends, Header, Query, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, TypeAdapter
from sqlalchemy.ext.asyncio import AsyncSession

from seedx_server.infrastructure.access import Actor
from seedx_server.infrastructure.database.engine import Sessions
from seedx_server.infrastructure.errors import DomainError, PreconditionFailed
from seedx_server.infrastructure.web import idempotency


async def _session(request: Request) -> AsyncIterator[AsyncSession]:
    sessions: Sessions = request.app.state.sessions
    async with sessions() as session:
        try:
            yield session
        except DomainError as error:
            if error.keeps_changes:
                await session.commit()
            raise
        await session.commit()


# Function scope commits before the answer is sent: a commit that fails is a 500, never a 200.
SessionDep = Annotated[AsyncSession, Depends(_session, scope="function")]

Limit = Annotated[int, Query(ge=1, le=100, description="The most items of a page.")]
Cursor = Annotated[
    str | None, Query(max_length=1_000, description="The `next_cursor` of the page before.")
]
VERSION = re.compile(r'(?:W/)?"?([0-9]{1,10})"?')
IfMatch = Annotated[str | None, Header(description="The ETag of the version to change.")]


def answer(
    document: BaseModel,
    status: int = HTTPStatus.OK,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """Return the document as JSON, without validating it a second time."""
    return Response(document.model_dump_json(), status, headers, media_type="application/json")


def etag(version: int) -> str:
    """Return the ETag of a version (RFC 9110, section 8.8.3)."""
    return f'"{version}"'


def expected_version(if_match: str | None) -> int | None:
    """Return the version that `If-Match` asks for, or None if any will do.

    A weak form is taken as well: proxies that compress answers make ETags weak.

    Raises:
        PreconditionFailed: The header does not name one version that this server may have
            given out.
    """
    if if_match is None or if_match.strip() == "*":
        return None
    named = VERSION.fullmatch(if_match.strip())
    if named is None:
        raise PreconditionFailed("If-Match names no version of this. Read it again.")
    return int(named[1])


class Repeatable:
    """Does a write once for each `Idempotency-Key`, and gives the first answer again.

    Args:
        request: The request; its body tells a repeat from another use of the key.
        session: The transaction of the write.
        idempotency_key: The header, if it was sent.
    """

    def __init__(
        self,
        request: Request,
        session: SessionDep,
        idempotency_key: Annotated[
            str | None, Header(description="Repeats with the same key are done once.")
        ] = None,
    ) -> None:
        self._request = request
        self._session = session
        self._key = idempotency_key

    async def __call__(
        self,
        actor: Actor,
        status: HTTPStatus,
        action: Callable[[], Awaitable[tuple[BaseModel, str | None]]],
    ) -> Response:
        """Answer the request.

        Args:
            actor: Who sends it.
            status: The status of a success.
            action: Does the write; returns the document and its `Location`.
        """
        if self._key is None:
            document, location = await action()
            return answer(document, status, {"Location": location} if location else None)
        fingerprint = idempotency.request_hash(
            actor.role, self._request.method, self._request.url.path, await self._request.body()
        )
        first = await idempotency.claim(self._session, actor.id, self._key, fingerprint)
        if first is None:
            document, location = await action()
            first = idempotency.Answer(
                status, location, TypeAdapter(type(document)).dump_python(document, mode="json")
            )
            await idempotency.keep(self._session, actor.id, self._key, first)
        return JSONResponse(
            first.body, first.status, {"Location": first.location} if first.location else None
        )


RepeatableDep = Annotated[Repeatable, Depends(scope="function")]
