"""Rows that have outlived their use are deleted; rows still in use are kept."""

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import text

from seedx_server import housekeeping
from seedx_server.housekeeping import clean_forever, clean_up
from seedx_server.infrastructure.database import retention
from tests.factories import Desk

LIFE = timedelta(days=30)


async def change_rows(desk: Desk, statement: str, **values: object) -> None:
    """Make rows look as they will some day."""
    async with desk.sessions() as session, session.begin():
        await session.execute(text(statement), values)


@pytest.mark.parametrize(("hours", "tickets"), [(23, 1), (25, 2)])
async def test_an_idempotency_key_is_good_for_a_day(desk: Desk, hours: int, tickets: int) -> None:
    cleo = await desk.customer()
    body = {"title": "It breaks", "description": "When I start it."}
    await cleo.post("/tickets", body, Idempotency_Key="k")
    await change_rows(
        desk,
        "UPDATE idempotency_keys SET created_at = now() - make_interval(hours => :hours)",
        hours=hours,
    )

    await clean_up(desk.sessions, LIFE)
    await cleo.post("/tickets", body, Idempotency_Key="k")

    assert len((await cleo.get("/tickets")).json()["items"]) == tickets


async def test_a_session_that_is_over_is_forgotten_and_others_go_on(desk: Desk) -> None:
    cleo, ada = await desk.customer(), await desk.customer("Ada")
    await change_rows(
        desk,
        "UPDATE sessions SET expires_at = now() - interval '1s' WHERE user_id = :user",
        user=cleo.user["id"],
    )

    await clean_up(desk.sessions, LIFE)

    tokens = [{"refresh_token": person.session["refresh_token"]} for person in (cleo, ada)]
    answers = [await desk.client.post("/auth/refresh", json=body) for body in tokens]
    assert [answer.status_code for answer in answers] == [401, 200]


async def test_a_spent_token_is_remembered_as_long_as_it_could_be_copied(desk: Desk) -> None:
    cleo = await desk.customer()
    spent = {"refresh_token": cleo.session["refresh_token"]}
    renewed = (await desk.client.post("/auth/refresh", json=spent)).json()["refresh_token"]

    await clean_up(desk.sessions, LIFE)
    again = await desk.client.post("/auth/refresh", json=spent)
    after = await desk.client.post("/auth/refresh", json={"refresh_token": renewed})

    assert again.json()["code"] == "refresh_token_reused"
    assert after.json()["code"] == "session_ended"


async def expired_sessions(desk: Desk) -> int:
    async with desk.sessions() as session:
        count = "SELECT count(*) FROM sessions WHERE expires_at < now()"
        return int(await session.scalar(text(count)) or 0)


async def test_more_rows_than_a_batch_are_deleted_a_batch_at_a_time(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    cleo = await desk.customer()
    await change_rows(
        desk,
        "INSERT INTO sessions (user_id, expires_at)"
        " SELECT :user, now() - interval '1s' FROM generate_series(1, 7)",
        user=cleo.user["id"],
    )
    monkeypatch.setattr(retention, "BATCH", 3)

    await clean_up(desk.sessions, LIFE)

    assert await expired_sessions(desk) == 0
    assert (await cleo.get("/auth/me")).status_code == 200


async def test_a_row_that_somebody_works_on_is_left_for_the_next_time(desk: Desk) -> None:
    cleo, ada = await desk.customer(), await desk.customer("Ada")
    await change_rows(desk, "UPDATE sessions SET expires_at = now() - interval '1s'")
    lock = text("SELECT 1 FROM sessions WHERE user_id = :id FOR UPDATE")

    async with desk.sessions() as session, session.begin():
        await session.execute(lock, {"id": ada.user["id"]})
        await asyncio.wait_for(clean_up(desk.sessions, LIFE), 10)

    assert cleo.user["id"] != ada.user["id"]
    assert await expired_sessions(desk) == 1


async def test_the_first_clean_up_comes_at_the_start_and_not_an_hour_later(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    delays: list[float] = []
    stop = asyncio.Event()

    async def sleep(seconds: float) -> None:
        delays.append(seconds)
        if len(delays) == 2:
            stop.set()
            await asyncio.Event().wait()

    await desk.customer()
    await change_rows(desk, "UPDATE sessions SET expires_at = now() - interval '1s'")
    monkeypatch.setattr(housekeeping, "sleep", sleep)
    task = asyncio.create_task(clean_forever(desk.sessions, LIFE))
    await asyncio.wait_for(stop.wait(), 10)
    task.cancel()

    assert 0 <= delays[0] <= housekeeping.LONGEST_DELAY.total_seconds()
    assert delays[1] == housekeeping.INTERVAL.total_seconds()
    assert await expired_sessions(desk) == 0
