"""Runs whose database goes away, and servers that stop with much to do."""

import asyncio
import signal
import sys
from urllib.parse import urlsplit

import httpx
import psycopg
import pytest

from tests.factories import Document, Person
from tests.fake_upstream import FakeUpstream, Reply
from tests.faults.conftest import A_SHORT_LEASE, PIECES, TEXT, Scene, Serve, signed_up
from tests.streams import StreamEvent, events_of, followed, opened, text_of
from tests.waiting import PATIENCE_SECONDS

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX signals")

CUT_ALL = (
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
    " WHERE datname = current_database() AND pid <> pg_backend_pid()"
)


async def resumed(person: Person, path: str, held: list[StreamEvent]) -> list[StreamEvent]:
    """Follow a run to its end as a client does: come back after each cut and each 503."""
    events = list(held)
    async with asyncio.timeout(PATIENCE_SECONDS):
        while events[-1].name not in {"done", "error"}:
            last_id = next(event.id for event in reversed(events) if event.id is not None)
            headers = {**person.headers, "Last-Event-ID": last_id}
            async with person.client.stream("GET", path, headers=headers) as answer:
                if answer.status_code == httpx.codes.SERVICE_UNAVAILABLE:
                    assert "Retry-After" in answer.headers
                    continue
                assert answer.status_code == httpx.codes.OK, await answer.aread()
                events += [event async for event in events_of(answer) if event.name != "run"]
    return events


async def test_all_connections_cut_in_mid_run_lose_and_double_nothing(
    serve: Serve, upstream: FakeUpstream, database_url: str
) -> None:
    gate = asyncio.Event()
    upstream.script(Reply(PIECES, gate=gate, gate_at=2))
    owner, other = await serve(), await serve()
    async with owner.client() as here, other.client() as there:
        cleo = await signed_up(here)
        ticket = await cleo.ticket()
        path = f"/tickets/{ticket['id']}/ai-response"
        async with opened(cleo, path) as stream:
            held = [await anext(stream), await anext(stream)]
        readers = [
            asyncio.create_task(resumed(Person(client, cleo.session), path, held))
            for client in (here, there)
        ]
        async with await psycopg.AsyncConnection.connect(database_url) as database:
            await database.execute(CUT_ALL)
        gate.set()

        streams = await asyncio.gather(*readers)
        messages = (await cleo.read(ticket))["messages"]

    assert [text_of(events) for events in streams] == [TEXT, TEXT]
    assert [message["content"] for message in messages] == [TEXT]
    assert len(upstream.requests) == 1


async def test_a_terminated_server_gives_many_runs_back_in_time(
    serve: Serve, upstream: FakeUpstream
) -> None:
    upstream.script(*[Reply(PIECES, gate=asyncio.Event(), gate_at=2) for _ in range(10)])
    owner = await serve()
    async with owner.client() as here:
        cleo = await signed_up(here)
        tickets = [await cleo.ticket() for _ in range(10)]
        for ticket in tickets:
            await cleo.post(f"/tickets/{ticket['id']}/ai-runs", {"purpose": "reply"})
        await upstream.received(10)
    other = await serve()

    assert await owner.end(signal.SIGTERM) == 0

    async with other.client() as there:
        elsewhere = Person(there, cleo.session)
        streams = await asyncio.gather(*(_reply(elsewhere, ticket) for ticket in tickets))
    assert [text_of(events) for events in streams] == [TEXT] * 10


async def _reply(person: Person, ticket: Document) -> list[StreamEvent]:
    return await followed(person, f"/tickets/{ticket['id']}/ai-response")


@A_SHORT_LEASE
async def test_a_server_that_has_lost_its_database_still_leaves_in_time(
    scene: Scene, database_url: str, postgres_url: str
) -> None:
    name = urlsplit(database_url).path.removeprefix("/")
    async with await psycopg.AsyncConnection.connect(postgres_url, autocommit=True) as database:
        await database.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS false')
        try:
            await database.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name]
            )
            assert await scene.owner.end(signal.SIGTERM) == 0
        finally:
            await database.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS true')

    events = await followed(scene.cleo, scene.path, scene.held[-1].id)

    assert text_of(events, text_of(scene.held)) == TEXT
    assert len((await scene.cleo.read(scene.ticket))["messages"]) == 1
