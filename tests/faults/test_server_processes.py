"""Real server processes that are killed and stopped while they work on a run."""

import asyncio
import signal
import sys

import pytest

from tests.factories import Person
from tests.faults.conftest import A_SHORT_LEASE, TEXT, Scene, Serve, signed_up
from tests.streams import followed, text_of

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX signals")


@A_SHORT_LEASE
async def test_a_killed_owners_run_is_begun_anew_by_another_within_the_lease(
    scene: Scene,
) -> None:
    await scene.owner.end(signal.SIGKILL)

    events = await followed(scene.cleo, scene.path, scene.held[-1].id)

    assert "restarted" in [event.name for event in events]
    assert text_of(events, text_of(scene.held)) == TEXT
    assert events[-1].name == "done"
    messages = (await scene.cleo.read(scene.ticket))["messages"]
    assert [message["content"] for message in messages] == [TEXT]


@A_SHORT_LEASE
async def test_a_killed_owners_run_is_begun_anew_by_the_restarted_one(
    scene: Scene, serve: Serve
) -> None:
    await scene.other.end(signal.SIGTERM)
    await scene.owner.end(signal.SIGKILL)
    restarted = await serve()

    async with restarted.client() as client:
        cleo = Person(client, scene.cleo.session)
        events = await followed(cleo, scene.path, scene.held[-1].id)
        messages = (await cleo.read(scene.ticket))["messages"]

    assert text_of(events, text_of(scene.held)) == TEXT
    assert [message["content"] for message in messages] == [TEXT]


@A_SHORT_LEASE
async def test_a_frozen_owner_that_wakes_up_late_writes_nothing(scene: Scene) -> None:
    scene.owner.process.send_signal(signal.SIGSTOP)
    events = await followed(scene.cleo, scene.path, scene.held[-1].id)
    before = await scene.cleo.read(scene.ticket)

    scene.owner.process.send_signal(signal.SIGCONT)
    assert await scene.owner.end(signal.SIGTERM) == 0

    after = await scene.cleo.read(scene.ticket)
    assert text_of(events, text_of(scene.held)) == TEXT
    assert after == before
    assert (await scene.cleo.get("/ai-runs/1")).json()["text"] == TEXT


async def test_a_terminated_owner_leaves_in_time_and_gives_its_run_back(scene: Scene) -> None:
    assert await scene.owner.end(signal.SIGTERM) == 0

    events = await followed(scene.cleo, scene.path, scene.held[-1].id)
    assert text_of(events, text_of(scene.held)) == TEXT
    assert len((await scene.cleo.read(scene.ticket))["messages"]) == 1


async def test_servers_that_start_at_once_share_one_database_and_one_queue(
    database_url: str, serve: Serve
) -> None:
    assert database_url
    servers = await asyncio.gather(serve(), serve())

    async with servers[0].client() as client:
        cleo = await signed_up(client)
        tickets = [await cleo.ticket() for _ in range(4)]
        streams = await asyncio.gather(
            *(followed(cleo, f"/tickets/{ticket['id']}/ai-response") for ticket in tickets)
        )

    assert [text_of(events) for events in streams] == [TEXT] * 4
