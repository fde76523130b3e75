"""Dependencies and responses that the routes of every domain share."""

import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated, TypeVar

from fastapi import Depends, Header, Query, Request, Response
from pydantic import BaseModel
from sqlalchemy.ext.asyncio import AsyncEngine

from seedx_server.config import Settings
from seedx_server.infrastructure.database.engine import Session, Sessions
from seedx_server.infrastructure.database.notify import Notifier
from seedx_server.infrastructure.errors import PreconditionFailed
from seedx_server.infrastructure.observability import Metrics

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class InfrastructureParts:
    """The parts of an app that every domain may use.

    A domain that needs more parts subclasses it; `seedx_server.parts.Parts` has them all.

    Attributes:
        settings: The settings.
        engine: The database's connections.
        sessions: Makes sessions on them.
        notifier: Receives notifications from other server processes.
        metrics: The metrics that `/metrics` shows.
        revision: The database revision that this version needs.
    """

    settings: Settings
    engine: AsyncEngine
    sessions: Sessions
    notifier: Notifier
    metrics: Metrics
    revision: str


def parts_as(kind: type[T]) -> Callable[[Request], Awaitable[T]]:
    """Return the dependency that gives a domain the parts it may use.

    Args:
        kind: `seedx_server.parts.Parts`, or one of its base classes.
    """

    async def parts(request: Request) -> T:
        found = request.app.state.parts
        if not isinstance(found, kind):
            raise TypeError(f"the app has no {kind.__name__}")
        return found

    return parts


InfrastructureDep = Annotated[InfrastructureParts, Depends(parts_as(InfrastructureParts))]


async def _session(parts: InfrastructureDep) -> AsyncIterator[Session]:
    async with parts.sessions() as session:
        yield session
        await session.commit()


# Function scope commits before the response is sent: a commit that fails is a 500, never a 200.
SessionDep = Annotated[Session, Depends(_session, scope="function")]

Limit = Annotated[int, Query(ge=1, le=100, description="The maximum number of items in a page.")]
Cursor = Annotated[
    str | None, Query(max_length=1_000, description="The `next_cursor` of the previous page.")
]
VERSION = re.compile(r'(?:W/)?"?([0-9]{1,10})"?')
IfMatch = Annotated[str | None, Header(description="The ETag of the version to change.")]


def json_response(
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
    """Return the version that `If-Match` asks for, or None if any version will do.

    A weak ETag is accepted as well, because proxies that compress responses make ETags weak.

    Raises:
        PreconditionFailed: The header does not have the form of this server's ETags.
    """
    if if_match is None or if_match.strip() == "*":
        return None
    named = VERSION.fullmatch(if_match.strip())
    if named is None:
        raise PreconditionFailed("If-Match does not name a version. Read the resource again.")
    return int(named[1])
