"""What bounds runs and their streams: attempts, time, and each person's own share."""

import asyncio

import pytest
from sqlalchemy import text

from seedx_server.ai.engine import composer, stream
from tests.factories import Desk
from tests.fake_upstream import FakeUpstream, Reply
from tests.runs import ANSWER, answered, by_groq, reply_path
from tests.seedx_server.conftest import StartDesk
from tests.streams import followed


async def test_a_run_that_was_started_three_times_fails_instead(
    groq_desk: Desk, upstream: FakeUpstream
) -> None:
    upstream.script(Reply(ANSWER, gate=asyncio.Event(), gate_at=1))
    cleo = await groq_desk.customer()
    ticket = await cleo.ticket()
    reading = asyncio.create_task(followed(cleo, reply_path(ticket)))
    await upstream.received()

    await return_to_queue(groq_desk)

    assert (await reading)[-1].name == "error"
    assert (await cleo.get("/ai-runs/1")).json()["status"] == "failed"
    assert len(upstream.requests) == 1


async def test_a_draft_that_never_finished_is_not_called_a_reply(
    groq_desk: Desk, upstream: FakeUpstream
) -> None:
    upstream.script(Reply(ANSWER, gate=asyncio.Event(), gate_at=1))
    cleo, ada = await groq_desk.customer(), await groq_desk.staff()
    ticket = await cleo.ticket()
    run = (await ada.post(f"/tickets/{ticket['id']}/ai-runs", {"purpose": "draft"})).json()
    reading = asyncio.create_task(followed(ada, f"/ai-runs/{run['id']}/events"))
    await upstream.received()

    await return_to_queue(groq_desk)

    detail = (await reading)[-1].data["detail"]
    assert detail.startswith("The draft was started several times and never finished.")


async def return_to_queue(desk: Desk) -> None:
    """Make all runs look as if three processes had started them and died."""
    async with desk.sessions() as session, session.begin():
        await session.execute(
            text(
                "UPDATE ai_runs SET status = 'queued', attempts = 3,"
                " lease_token = NULL, lease_until = NULL"
            )
        )
        # The process looks at its leases, and then for runs.
        await session.execute(text("SELECT pg_notify('seedx', 'cancel:1')"))


async def test_streams_end_after_ten_minutes_and_clients_resume(
    groq_desk: Desk, upstream: FakeUpstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert stream.LONGEST_SECONDS == 600
    gate = asyncio.Event()
    upstream.script(Reply(ANSWER, gate=gate))
    cleo = await groq_desk.customer()
    ticket = await cleo.ticket()
    monkeypatch.setattr(stream, "LONGEST_SECONDS", 0)

    of_run = await followed(cleo, reply_path(ticket))
    of_ticket = await followed(cleo, f"/tickets/{ticket['id']}/events")

    gate.set()
    assert [event.name for event in of_run] == ["run"]
    assert [event.name for event in of_ticket] == ["ticket.created", "run.started"]


async def test_the_runs_of_others_do_not_count(
    start_desk: StartDesk, upstream: FakeUpstream
) -> None:
    desk = await start_desk(**by_groq(upstream, ai_runs_per_hour=1))
    cleo, otto = await desk.customer("Cleo"), await desk.customer("Otto")

    assert (await answered(cleo, await cleo.ticket())).name == "done"
    assert (await answered(otto, await otto.ticket())).name == "done"


async def test_notes_take_no_room_from_what_the_customer_said(
    groq_desk: Desk, upstream: FakeUpstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(composer, "MOST_MESSAGES", 2)
    cleo, ada = await groq_desk.customer(), await groq_desk.staff()
    ticket = await cleo.ticket()
    await cleo.message(ticket, "The lamp blinks three times.")
    for number in range(3):
        await ada.message(ticket, f"Note {number}", internal=True)

    await answered(cleo, ticket)

    assert "The lamp blinks three times." in upstream.requests[0].prompt
