"""Operators learn whether a server process is alive and ready, and its numbers."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import psycopg
import pytest

from seedx_server.app import create_app
from tests.conftest import address_of
from tests.factories import Desk
from tests.seedx_server.conftest import MakeSettings, StartDesk, settings_on
from tests.streams import opened

NOWHERE = "postgresql://somebody@127.0.0.1:1/nothing"


@asynccontextmanager
async def asking(database_url: str) -> AsyncIterator[httpx.AsyncClient]:
    """Reach an app whose database may not be what it should."""
    app = create_app(settings_on(database_url))
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://desk") as client:
        yield client
    await app.state.parts.engine.dispose()


class TestAlive:
    async def test_even_with_no_database(self) -> None:
        async with asking(NOWHERE) as client:
            answer = await client.get("/healthz")

        assert answer.status_code == 200
        assert answer.json() == {"status": "ok"}


class TestReady:
    async def test_with_a_migrated_database(self, desk: Desk) -> None:
        answer = await desk.client.get("/readyz")

        assert answer.status_code == 200
        assert answer.json() == {"status": "ok"}

    async def test_not_with_a_database_that_was_never_migrated(self, postgres_url: str) -> None:
        async with asking(address_of(postgres_url, "postgres")) as client:
            answer = await client.get("/readyz")

        assert answer.status_code == 503
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert answer.json()["code"] == "database_not_migrated"
        assert "seedx db upgrade" in answer.json()["detail"]
        assert int(answer.headers["Retry-After"]) > 0

    async def test_not_with_the_schema_of_a_newer_version(
        self, desk: Desk, database_url: str
    ) -> None:
        with psycopg.connect(database_url) as connection:
            connection.execute("UPDATE alembic_version SET version_num = '9999'")

        answer = await desk.client.get("/readyz")

        assert answer.status_code == 503
        assert answer.json()["code"] == "database_too_new"
        assert "newer version of SeedX (revision 9999)" in answer.json()["detail"]
        assert "seedx db upgrade" not in answer.json()["detail"]
        assert int(answer.headers["Retry-After"]) > 0

    async def test_not_without_a_database(self) -> None:
        async with asking(NOWHERE) as client:
            answer = await client.get("/readyz")

        assert answer.status_code == 503
        assert answer.json()["code"] == "database_unavailable"
        assert int(answer.headers["Retry-After"]) > 0


async def test_requests_go_on_when_the_database_cut_every_connection(
    desk: Desk, database_url: str
) -> None:
    cleo = await desk.customer()
    cut = (
        "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
        " WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )
    with psycopg.connect(database_url, autocommit=True) as connection:
        for _ in range(3):
            assert connection.execute(cut).fetchall() != [(0,)]
            answer = await cleo.get("/tickets")
            assert answer.status_code == 200, answer.text


class TestNumbers:
    async def test_are_prometheus_text_by_route_and_not_by_path(self, desk: Desk) -> None:
        cleo = await desk.customer()
        ticket = await cleo.ticket()
        await cleo.read(ticket)
        await cleo.get("/no/such/path")

        answer = await desk.client.get("/metrics")

        assert answer.headers["Content-Type"].startswith("text/plain; version=")
        read = 'seedx_http_requests_total{method="GET",route="/tickets/{ticket_id}",status="200"}'
        lost = 'seedx_http_requests_total{method="GET",route="unknown",status="404"}'
        for series in (read, lost):
            assert f"{series} 1.0" in answer.text
        assert f"/tickets/{ticket['id']}" not in answer.text
        assert "/no/such/path" not in answer.text

    async def test_count_the_streams_that_are_open(self, start_desk: StartDesk) -> None:
        desk = await start_desk()
        cleo = await desk.customer()
        ticket = await cleo.ticket()

        async with opened(cleo, f"/tickets/{ticket['id']}/events") as events:
            await anext(events)
            during = await desk.client.get("/metrics")

        assert re.search(r"^seedx_streams 1.0$", during.text, re.MULTILINE)

    async def test_of_two_apps_in_a_process_are_separate(self, make_settings: MakeSettings) -> None:
        one, other = create_app(make_settings()), create_app(make_settings())

        assert one.state.parts.metrics.registry is not other.state.parts.metrics.registry


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
async def test_a_probe_gets_the_same_answer_whether_or_not_it_signs_in(
    desk: Desk, path: str
) -> None:
    cleo = await desk.customer()
    forged = {"Authorization": "Bearer forged"}

    answers = [
        await desk.client.get(path),
        await desk.client.get(path, headers=forged),
        await cleo.get(path),
    ]

    assert [answer.json() for answer in answers] == [{"status": "ok"}] * 3
