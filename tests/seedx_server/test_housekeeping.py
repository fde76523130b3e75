"""What has outlived its use goes; what is still good stays."""

from datetime import timedelta

import pytest
from sqlalchemy import text

from seedx_server.housekeeping import tidy
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

    await tidy(desk.sessions, LIFE)
    await cleo.post("/tickets", body, Idempotency_Key="k")

    assert len((await cleo.get("/tickets")).json()["items"]) == tickets


async def test_a_session_that_is_over_is_forgotten_and_others_go_on(desk: Desk) -> None:
    cleo, ada = await desk.customer(), await desk.customer("Ada")
    await change_rows(
        desk,
        "UPDATE sessions SET expires_at = now() - interval '1s' WHERE user_id = :user",
        user=cleo.user["id"],
    )

    await tidy(desk.sessions, LIFE)

    tokens = [{"refresh_token": person.session["refresh_token"]} for person in (cleo, ada)]
    answers = [await desk.client.post("/auth/refresh", json=body) for body in tokens]
    assert [answer.status_code for answer in answers] == [401, 200]


async def test_a_spent_token_is_remembered_as_long_as_it_could_be_copied(desk: Desk) -> None:
    cleo = await desk.customer()
    spent = {"refresh_token": cleo.session["refresh_token"]}
    renewed = (await desk.client.post("/auth/refresh", json=spent)).json()["refresh_token"]

    await tidy(desk.sessions, LIFE)
    again = await desk.client.post("/auth/refresh", json=spent)
    after = await desk.client.post("/auth/refresh", json={"refresh_token": renewed})

    assert again.json()["code"] == "refresh_token_reused"
    assert after.json()["code"] == "session_ended"
