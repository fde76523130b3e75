"""A stream is resumed at any character, on any server process, with nothing lost or doubled."""

import asyncio

import pytest
from sqlalchemy import text

from seedx_server.infrastructure.database.engine import LARGEST_ID
from tests.factories import Desk, Document, Person
from tests.fake_upstream import FakeUpstream, Reply
from tests.runs import by_groq, reply_path
from tests.seedx_server.conftest import StartDesk
from tests.streams import followed, opened, text_of

PIECES = ("Grüße! ", "Sign out ", "🙂 and ", "in again.")
TEXT = "".join(PIECES)


@pytest.fixture(autouse=True)
def says_pieces(upstream: FakeUpstream) -> None:
    """Characters of several lengths in UTF-8, in several pieces."""
    upstream.default = Reply(PIECES)


@pytest.fixture
async def one(start_desk: StartDesk, upstream: FakeUpstream) -> Desk:
    """A server process that works on runs."""
    return await start_desk(**by_groq(upstream, ai_retries=1))


@pytest.fixture
async def other(start_desk: StartDesk, upstream: FakeUpstream) -> Desk:
    """A second one on the same database."""
    return await start_desk(**by_groq(upstream, ai_retries=1))


def at(desk: Desk, person: Person) -> Person:
    """Return the person as they reach another server process."""
    return Person(desk.client, person.session)


async def beginning(person: Person, ticket: Document) -> tuple[str, str | None]:
    """Read a reply up to its first text and leave; return what is held and its id."""
    async with opened(person, reply_path(ticket)) as events:
        async for event in events:
            if event.name is None:
                return event.data["content"], event.id
    raise AssertionError("the reply has no text")


class TestResuming:
    async def test_at_every_character_gives_the_rest_on_both_paths(self, one: Desk) -> None:
        cleo = await one.customer()
        ticket = await cleo.ticket()
        run = (await followed(cleo, reply_path(ticket)))[0].data["run_id"]

        for path in (reply_path(ticket), f"/ai-runs/{run}/events"):
            for offset in range(len(TEXT) + 1):
                events = await followed(cleo, path, f"{run}.{offset}")
                assert events[0].name == "run"
                assert events[-1].name == "done"
                assert text_of(events, TEXT[:offset]) == TEXT
                assert "restarted" not in [event.name for event in events]

    async def test_in_mid_run_goes_on_where_it_was_cut(
        self, one: Desk, upstream: FakeUpstream
    ) -> None:
        gate = asyncio.Event()
        upstream.script(Reply(PIECES, gate=gate, gate_at=2))
        cleo = await one.customer()
        ticket = await cleo.ticket()
        held, last_id = await beginning(cleo, ticket)

        resumed = asyncio.create_task(followed(cleo, reply_path(ticket), last_id))
        gate.set()

        assert text_of(await resumed, held) == TEXT

    @pytest.mark.parametrize("behind", [9_999, 999_999_999])
    async def test_behind_the_end_restarts_the_text(self, one: Desk, behind: int) -> None:
        cleo = await one.customer()
        ticket = await cleo.ticket()
        await followed(cleo, reply_path(ticket))

        events = await followed(cleo, reply_path(ticket), f"1.{behind}")

        assert [event.name for event in events][:2] == ["run", "restarted"]
        assert text_of(events, "discarded") == TEXT

    async def test_works_for_the_largest_id_of_a_run(self, one: Desk) -> None:
        cleo = await one.customer()
        ticket = await cleo.ticket()
        async with one.sessions() as session, session.begin():
            await session.execute(text(f"SELECT setval('ai_runs_id_seq', {LARGEST_ID}, false)"))
        await followed(cleo, reply_path(ticket))

        events = await followed(cleo, reply_path(ticket), f"{LARGEST_ID}.7")

        assert text_of(events, TEXT[:7]) == TEXT

    @pytest.mark.parametrize(
        "bad",
        [
            "",
            "x",
            "17",
            "1.-1",
            "1.5.5",
            "1.٣",
            "9" * 30 + ".1",
            "1.",
            "2147483648.1",
            "1.2147483647",
        ],
    )
    async def test_with_a_position_that_is_none_names_the_header(self, one: Desk, bad: str) -> None:
        cleo = await one.customer()
        ticket = await cleo.ticket()
        await followed(cleo, reply_path(ticket))

        sent = {b"Last-Event-ID": bad.encode()}
        signed = {name.encode(): value.encode() for name, value in cleo.headers.items()}
        answer = await cleo.client.get("/ai-runs/1/events", headers=signed | sent)

        assert answer.status_code == (200 if bad == "" else 422)
        if bad:
            assert answer.json()["errors"][0]["field"] == "Last-Event-ID"

    async def test_in_a_run_of_another_ticket_is_not_there(self, one: Desk) -> None:
        cleo = await one.customer()
        first, second = await cleo.ticket(), await cleo.ticket()
        await followed(cleo, reply_path(first))

        answer = await cleo.get(reply_path(second), Last_Event_ID="1.3")

        assert answer.status_code == 404


class TestTwoProcesses:
    async def test_a_reader_at_the_other_process_gets_the_same_text(
        self, one: Desk, other: Desk, upstream: FakeUpstream
    ) -> None:
        gate = asyncio.Event()
        upstream.script(Reply(PIECES, gate=gate, gate_at=2))
        cleo = await one.customer()
        ticket = await cleo.ticket()
        readers = [
            asyncio.create_task(followed(at(desk, cleo), reply_path(ticket)))
            for desk in (one, other)
        ]
        await upstream.received()
        gate.set()

        streams = await asyncio.gather(*readers)

        assert [text_of(events) for events in streams] == [TEXT, TEXT]
        assert streams[0][-1] == streams[1][-1]
        assert len((await cleo.read(ticket))["messages"]) == 1

    async def test_a_reader_moves_from_one_to_the_other_in_mid_text(
        self, one: Desk, other: Desk, upstream: FakeUpstream
    ) -> None:
        gate = asyncio.Event()
        upstream.script(Reply(PIECES, gate=gate, gate_at=2))
        cleo = await one.customer()
        ticket = await cleo.ticket()
        held, last_id = await beginning(cleo, ticket)

        moved = asyncio.create_task(followed(at(other, cleo), reply_path(ticket), last_id))
        gate.set()

        assert text_of(await moved, held) == TEXT

    async def test_a_reader_resumes_at_the_other_at_every_character_in_mid_text(
        self, one: Desk, other: Desk, upstream: FakeUpstream
    ) -> None:
        gate = asyncio.Event()
        upstream.script(Reply(PIECES, gate=gate, gate_at=2))
        cleo = await one.customer()
        ticket = await cleo.ticket()
        await beginning(cleo, ticket)
        # A space is held back: if a citation without a passage follows it, it is dropped too.
        so_far = "".join(PIECES[:2]).rstrip()

        for offset in range(len(so_far)):
            text = so_far[:offset]
            async with opened(at(other, cleo), reply_path(ticket), f"1.{offset}") as events:
                async for event in events:
                    text += event.data.get("content", "")
                    if len(text) >= len(so_far):
                        break
            assert text == so_far
        gate.set()


class TestARestart:
    async def test_after_a_cut_in_mid_text_discards_it_for_every_reader(
        self, one: Desk, other: Desk, upstream: FakeUpstream
    ) -> None:
        gate = asyncio.Event()
        broken = Reply(("A first try ", "that breaks"), gate=gate, gate_at=1, cut_before=1)
        upstream.script(broken, Reply(PIECES))
        cleo = await one.customer()
        ticket = await cleo.ticket()
        seen = [asyncio.Event(), asyncio.Event()]

        async def reader(desk: Desk, has_text: asyncio.Event) -> tuple[str, list[str | None]]:
            events = []
            async with opened(at(desk, cleo), reply_path(ticket)) as stream:
                async for event in stream:
                    events.append(event)
                    if event.name is None:
                        has_text.set()
            return text_of(events), [event.name for event in events]

        readers = [asyncio.create_task(reader(*of)) for of in zip((one, other), seen, strict=True)]
        for has_text in seen:
            await has_text.wait()
        gate.set()

        (here, names), (there, _) = await asyncio.gather(*readers)

        assert (here, there) == (TEXT, TEXT)
        assert "restarted" in names
        assert [message["content"] for message in (await cleo.read(ticket))["messages"]] == [TEXT]

    async def test_is_told_to_a_reader_who_comes_back_with_old_text(
        self, one: Desk, upstream: FakeUpstream
    ) -> None:
        broken = Reply(("A first try ", "that breaks ", "off"), cut_before=2)
        upstream.script(broken, Reply(PIECES))
        cleo = await one.customer()
        ticket = await cleo.ticket()
        await followed(cleo, reply_path(ticket))

        events = await followed(cleo, reply_path(ticket), "1.7")

        assert "restarted" in [event.name for event in events]
        assert text_of(events, "A first") == TEXT


async def test_a_stream_ends_when_the_server_stops(one: Desk, upstream: FakeUpstream) -> None:
    gate = asyncio.Event()
    upstream.script(Reply(PIECES, gate=gate, gate_at=1))
    cleo = await one.customer()
    ticket = await cleo.ticket()
    async with opened(cleo, reply_path(ticket)) as events:
        assert (await anext(events)).name == "run"
        one.stop_streams()
        names = [event.name async for event in events]
    gate.set()

    assert "done" not in names


async def test_a_ticket_shows_the_life_of_its_run(one: Desk) -> None:
    cleo = await one.customer()
    ticket = await cleo.ticket()
    await followed(cleo, reply_path(ticket))

    names = []
    async with opened(cleo, f"/tickets/{ticket['id']}/events") as events:
        async for event in events:
            names.append(event.name)
            if event.name == "run.finished":
                break

    assert names == [
        "ticket.created",
        "run.started",
        "message.created",
        "ticket.updated",
        "run.finished",
    ]
