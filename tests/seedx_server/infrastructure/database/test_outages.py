"""Work is retried while the database cannot be reached, and only then."""

import asyncio

import psycopg
import pytest
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from seedx_server.infrastructure.database import engine
from seedx_server.infrastructure.database.engine import outlasting_outages

CAUSE = Exception("gone")


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "RETRY_SECONDS", 0)


@pytest.mark.parametrize(
    "outage",
    [
        OperationalError("SELECT 1", {}, CAUSE),
        InterfaceError("SELECT 1", {}, CAUSE),
        PoolTimeoutError(),
        psycopg.OperationalError(),
        ConnectionResetError(),
        TimeoutError(),
    ],
    ids=lambda outage: type(outage).__name__,
)
async def test_an_outage_is_outlasted(outage: Exception) -> None:
    failures = [outage, outage]

    async def work() -> str:
        if failures:
            raise failures.pop()
        return "done"

    assert await asyncio.wait_for(outlasting_outages(work), 10) == "done"


@pytest.mark.parametrize(
    "fault", [FileNotFoundError("prompts/reply.md"), PermissionError(), ValueError()]
)
async def test_any_other_fault_is_raised_at_once(fault: Exception) -> None:
    async def work() -> None:
        raise fault

    with pytest.raises(type(fault)):
        await asyncio.wait_for(outlasting_outages(work), 10)
