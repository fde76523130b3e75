"""Routes for operators and their machines: health, readiness and metrics."""

import asyncio
from typing import Literal

from fastapi import APIRouter, Response
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from pydantic import BaseModel
from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError, SQLAlchemyError

from seedx_server.infrastructure.database import migrate
from seedx_server.infrastructure.database.engine import OUTAGE, Sessions
from seedx_server.infrastructure.errors import Unavailable
from seedx_server.infrastructure.web.dependencies import InfrastructureDep, json_response
from seedx_server.infrastructure.web.openapi import problems

DATABASE_SECONDS = 3.0
REVISION = text("SELECT version_num FROM alembic_version")

router = APIRouter(tags=["operations"])


class Health(BaseModel):
    """The state of one server process."""

    status: Literal["ok"] = "ok"


@router.get("/healthz", response_model=Health)
async def alive() -> Response:
    """Report that the process responds."""
    return json_response(Health())


@router.get(
    "/readyz",
    response_model=Health,
    responses=problems((Unavailable, "database_not_migrated"), (Unavailable, "database_too_new")),
)
async def ready(parts: InfrastructureDep) -> Response:
    """Report whether the database can be reached and has the schema of this version."""
    found = await _revision(parts.sessions)
    if found == parts.revision:
        return json_response(Health())
    if found is not None and not migrate.knows(found):
        error = migrate.NewerSchemaError(found)
        raise Unavailable(f"{error.message} {error.hint}", code="database_too_new")
    raise Unavailable(
        f"The database is at revision {found or 'none'}, but this server needs {parts.revision}. "
        "Run: seedx db upgrade",
        code="database_not_migrated",
    )


@router.get("/metrics", response_class=Response)
async def metrics(parts: InfrastructureDep) -> Response:
    """Show the server's metrics in Prometheus' text format."""
    return Response(parts.metrics.exposition(), media_type=CONTENT_TYPE_LATEST)


async def _revision(sessions: Sessions) -> str | None:
    try:
        async with asyncio.timeout(DATABASE_SECONDS), sessions() as session:
            found: str | None = await session.scalar(REVISION)
            return found
    except ProgrammingError:
        return None
    except (SQLAlchemyError, *OUTAGE) as error:
        raise Unavailable("The database cannot be reached.", code="database_unavailable") from error
