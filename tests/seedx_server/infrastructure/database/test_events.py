"""A ticket's event stream has each event once and in order, and none its reader may not see."""

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest

from tests.factories import Desk, Document, Person
from tests.seedx_server.conftest import StartDesk
from tests.streams import StreamEvent, followed, opened

EVENT_FIELDS = {"id", "ticket_id", "type", "actor", "data", "created_at"}


def events_of(ticket: Document) -> str:
    return f"/tickets/{ticket['id']}/events"


async def until(events: AsyncIterator[StreamEvent], content: str) -> list[StreamEvent]:
    """Read up to the message that says this."""
    read = []
    async for event in events:
        read.append(event)
        if event.name == "message.created" and content_of(event) == content:
            return read
    raise AssertionError(f"the stream ended before {content!r}")


def content_of(event: StreamEvent) -> str:
    content: str = event.data["data"]["message"]["content"]
    return content


async def take(events: AsyncIterator[StreamEvent], count: int) -> list[StreamEvent]:
    return [await anext(events) for _ in range(count)]


@pytest.fixture
async def desk(start_desk: StartDesk) -> Desk:
    """A server process on loopback: streams need a real connection."""
    return await start_desk()


class TestAStream:
    async def test_gives_a_tickets_events_from_its_beginning(self, desk: Desk) -> None:
        cleo, ada = await desk.customer(), await desk.staff()
        ticket = await cleo.ticket("It breaks")
        message = await cleo.message(ticket, "Look:\n\ndata: forged\nid: 9")
        await ada.change(ticket, priority="high", tags=["billing"])
        await ada.change(ticket, assignee_id=ada.user["id"])

        async with opened(cleo, events_of(ticket)) as stream:
            events = await take(stream, 4)

        names = ["ticket.created", "message.created", "ticket.updated", "ticket.updated"]
        assert [event.name for event in events] == names
        created, said, changed, assigned = (event.data for event in events)
        for event in events:
            assert set(event.data) == EVENT_FIELDS
            assert event.data["ticket_id"] == ticket["id"]
            assert event.data["type"] == event.name
            assert str(event.data["id"]) == event.id
        assert created["actor"] == {"id": cleo.user["id"], "name": "Cleo", "role": "customer"}
        assert created["data"] == {"title": "It breaks"}
        assert said["data"] == {"message": message}
        assert changed["actor"]["role"] == "agent"
        assert changed["data"] == {
            "changes": {"priority": ["normal", "high"], "tags": [[], ["billing"]]}
        }
        assert assigned["data"] == {"changes": {"assignee_id": [None, ada.user["id"]]}}

    async def test_gives_new_events_whichever_server_they_happen_on(
        self, desk: Desk, start_desk: StartDesk
    ) -> None:
        other = await start_desk()
        cleo = await desk.customer()
        there = Person(other.client, cleo.session)
        ticket = await cleo.ticket()

        async with (
            opened(cleo, events_of(ticket)) as here,
            opened(there, events_of(ticket)) as elsewhere,
        ):
            for stream in (here, elsewhere):
                assert (await anext(stream)).name == "ticket.created"
            for author, content in ((cleo, "from here"), (there, "from there")):
                await author.message(ticket, content)
                for stream in (here, elsewhere):
                    assert content_of(await anext(stream)) == content

    async def test_is_never_cached_or_buffered_by_proxies(self, desk: Desk) -> None:
        cleo = await desk.customer()
        ticket = await cleo.ticket()

        async with cleo.client.stream("GET", events_of(ticket), headers=cleo.headers) as answer:
            assert answer.headers["Content-Type"].startswith("text/event-stream")
            assert answer.headers["Cache-Control"] == "no-store"
            assert answer.headers["X-Request-ID"]
            first = await anext(answer.aiter_lines())
        assert first.startswith(":"), "something comes at once, so that the reader knows it is open"

    async def test_of_a_closed_ticket_goes_on_until_it_is_reopened(self, desk: Desk) -> None:
        cleo = await desk.customer()
        ticket = await cleo.ticket()

        async with opened(cleo, events_of(ticket)) as stream:
            await cleo.change(ticket, status="closed")
            await cleo.change(ticket, status="open")
            events = await take(stream, 3)

        moves = [event.data["data"]["changes"]["status"] for event in events[1:]]
        assert moves == [["open", "closed"], ["closed", "open"]]

    async def test_ends_when_the_server_stops_and_goes_on_elsewhere(
        self, desk: Desk, start_desk: StartDesk
    ) -> None:
        other = await start_desk()
        cleo = await desk.customer()
        ticket = await cleo.ticket()
        async with opened(cleo, events_of(ticket)) as stream:
            last = await anext(stream)
            desk.stop_streams()
            assert [event async for event in stream] == []

        there = Person(other.client, cleo.session)
        await there.message(ticket, "meanwhile")
        async with opened(there, events_of(ticket), last.id) as stream:
            assert content_of(await anext(stream)) == "meanwhile"


class TestResuming:
    async def test_after_any_event_gives_the_rest_and_nothing_twice(self, desk: Desk) -> None:
        cleo = await desk.customer()
        ticket = await cleo.ticket()
        for number in range(5):
            await cleo.message(ticket, str(number))
        async with opened(cleo, events_of(ticket)) as stream:
            every = await take(stream, 6)
        desk.stop_streams()

        for position, event in enumerate(every):
            rest = await followed(cleo, events_of(ticket), event.id)
            assert rest == every[position + 1 :]
        assert await followed(cleo, events_of(ticket), "0") == every

    async def test_gives_more_than_a_page_of_events(self, desk: Desk) -> None:
        cleo, ada = await desk.customer(), await desk.staff()
        ticket = await cleo.ticket()
        for number in range(105):
            await ada.change(ticket, title=str(number))

        async with opened(cleo, events_of(ticket)) as stream:
            events = await take(stream, 106)

        titles = [event.data["data"]["changes"]["title"][1] for event in events[1:]]
        assert titles == [str(number) for number in range(105)]

    @pytest.mark.parametrize(
        "last_event_id",
        [
            "x",
            "-1",
            "1.5",
            "17.305",
            "²",
            "1 OR 1=1",
            str(2**63),
            "0" * 20 + "9" * 30,
        ],
    )
    async def test_after_a_malformed_id_names_the_header(
        self, desk: Desk, last_event_id: str
    ) -> None:
        cleo = await desk.customer()
        ticket = await cleo.ticket()
        headers = {
            **{name.encode(): value.encode() for name, value in cleo.headers.items()},
            b"Last-Event-ID": last_event_id.encode(),
        }

        answer = await cleo.client.get(events_of(ticket), headers=headers)

        assert answer.status_code == 422
        assert [error["field"] for error in answer.json()["errors"]] == ["Last-Event-ID"]


class TestPermissions:
    async def test_may_see_the_ticket_may_see_its_events(self, desk: Desk) -> None:
        cleo, otto = await desk.customer(), await desk.customer("Otto")
        ada = await desk.staff()
        ticket = await cleo.ticket()

        assert (await desk.client.get(events_of(ticket))).status_code == 401
        assert (await otto.get(events_of(ticket))).status_code == 404
        assert (await otto.get(events_of(ticket), Last_Event_ID="1")).status_code == 404
        for person in (cleo, ada):
            async with opened(person, events_of(ticket)) as stream:
                assert (await anext(stream)).name == "ticket.created"

    async def test_a_customer_gets_no_event_of_a_note_draft_or_summary(self, desk: Desk) -> None:
        cleo, ada = await desk.customer(), await desk.staff()
        ticket = await cleo.ticket()

        async with (
            opened(cleo, events_of(ticket)) as of_cleo,
            opened(ada, events_of(ticket)) as of_ada,
        ):
            await ada.message(ticket, "he sounds upset", internal=True)
            for purpose in ("draft", "summary"):
                run = await started(ada, ticket, purpose)
                await followed(ada, f"/ai-runs/{run['id']}/events")
            await ada.message(ticket, "We look into it")
            seen = await until(of_cleo, "We look into it")
            staff_saw = await until(of_ada, "We look into it")

        assert [event.name for event in seen] == ["ticket.created", "message.created"]
        assert "upset" not in str(seen)
        names = [event.name for event in staff_saw]
        assert names.count("run.started") == names.count("run.finished") == 2
        assert names.count("message.created") == 2

    async def test_a_customer_who_resumes_from_a_hidden_event_gets_the_rest(
        self, desk: Desk
    ) -> None:
        cleo, ada = await desk.customer(), await desk.staff()
        ticket = await cleo.ticket()
        await ada.message(ticket, "he sounds upset", internal=True)
        async with opened(ada, events_of(ticket)) as stream:
            _, note = await take(stream, 2)
        await cleo.message(ticket, "anybody there?")

        async with opened(cleo, events_of(ticket), note.id) as stream:
            assert content_of(await anext(stream)) == "anybody there?"

    async def test_both_sides_get_the_event_of_an_ai_reply(self, desk: Desk) -> None:
        cleo, ada = await desk.customer(), await desk.staff()
        ticket = await cleo.ticket()

        async with (
            opened(cleo, events_of(ticket)) as of_cleo,
            opened(ada, events_of(ticket)) as of_ada,
        ):
            await followed(cleo, f"/tickets/{ticket['id']}/ai-response")
            for stream in (of_cleo, of_ada):
                names = []
                async for event in stream:
                    names.append(event.name)
                    if event.name == "run.finished":
                        break
                assert {"run.started", "message.created"} <= set(names)
                assert event.data["data"]["status"] == "done"
                assert event.data["actor"] is None


async def started(person: Person, ticket: Document, purpose: str) -> Document:
    answer: httpx.Response = await person.post(
        f"/tickets/{ticket['id']}/ai-runs", {"purpose": purpose}
    )
    assert answer.status_code == 202, answer.text
    run: Document = answer.json()
    return run


class TestManyWriters:
    async def test_at_once_on_two_servers_give_each_event_once_and_in_order(
        self, desk: Desk, start_desk: StartDesk
    ) -> None:
        other = await start_desk()
        cleo, ada = await desk.customer(), await desk.staff()
        there = Person(other.client, ada.session)
        ticket = await cleo.ticket()
        elsewhere = await cleo.ticket()
        said = {f"{name} {number}" for name in ("cleo", "ada") for number in range(15)}

        async def write(author: Person, name: str) -> None:
            await asyncio.gather(
                *(author.message(ticket, f"{name} {number}") for number in range(15)),
                *(author.message(elsewhere, f"{name} {number}") for number in range(5)),
            )

        async with (
            opened(cleo, events_of(ticket)) as stream,
            opened(there, events_of(ticket)) as of_other,
        ):
            await asyncio.gather(write(cleo, "cleo"), write(there, "ada"))
            await cleo.message(ticket, "last")
            here, beyond = await until(stream, "last"), await until(of_other, "last")

        assert [event.id for event in here] == [event.id for event in beyond]
        ids = [int(event.id) for event in here if event.id]
        assert ids == sorted(set(ids))
        told = [content_of(event) for event in here if event.name == "message.created"]
        assert sorted(told) == sorted({*said, "last"})
        conversation = (await cleo.read(ticket))["messages"]
        assert told == [message["content"] for message in conversation]
