"""Conversations: who may write and read what, and what a message does to its ticket."""

import asyncio
import json

import pytest
from sqlalchemy import text

from seedx_server.infrastructure.database.cursor import encode_cursor
from seedx_server.tickets.core import Status
from tests.factories import Desk, Document, Person, fields_of
from tests.seedx_server.conftest import in_module_loop

MESSAGE_FIELDS = {
    "id",
    "ticket_id",
    "author",
    "content",
    "is_ai",
    "internal",
    "citations",
    "created_at",
}


def messages_of(ticket: Document) -> str:
    return f"/tickets/{ticket['id']}/messages"


async def conversation(reader: Person, ticket: Document, query: str = "") -> Document:
    answer = await reader.get(f"{messages_of(ticket)}?{query}")
    assert answer.status_code == 200, answer.text
    document: Document = answer.json()
    return document


async def answered_by_ai(desk: Desk, ticket: Document) -> int:
    """Let the ticket have an AI message, as a run would leave it."""
    insert = (
        "INSERT INTO messages (ticket_id, content, is_ai, internal)"
        " VALUES (:ticket, 'Try this.', true, false) RETURNING id"
    )
    async with desk.sessions() as session, session.begin():
        message_id: int = await session.scalar(text(insert), {"ticket": ticket["id"]})
    return message_id


@in_module_loop
class TestWriting:
    async def test_returns_the_message(self, cleo: Person) -> None:
        ticket = await cleo.ticket()

        answer = await cleo.post(messages_of(ticket), {"content": "It happened again"})

        assert answer.status_code == 201
        message = answer.json()
        assert set(message) == MESSAGE_FIELDS
        assert message["ticket_id"] == ticket["id"]
        assert message["author"] == {"id": cleo.user["id"], "name": "Cleo", "role": "customer"}
        assert message["content"] == "It happened again"
        assert (message["is_ai"], message["internal"], message["citations"]) == (False, False, [])

    async def test_is_for_the_requester_and_staff(
        self, shared_desk: Desk, cleo: Person, otto: Person, ada: Person
    ) -> None:
        ticket = await cleo.ticket()
        body = {"content": "hello"}

        answers = [await who.post(messages_of(ticket), body) for who in (cleo, ada, otto)]
        signed_out = await shared_desk.client.post(messages_of(ticket), json=body)

        assert [answer.status_code for answer in answers] == [201, 201, 404]
        assert signed_out.status_code == 401

    async def test_cannot_be_done_in_the_name_of_others_or_the_ai(self, cleo: Person) -> None:
        ticket = await cleo.ticket()

        message = await cleo.message(
            ticket, "x", is_ai=True, author_id=1, author=None, citations=[{"slug": "x"}], id=1
        )

        assert message["author"]["id"] == cleo.user["id"]
        assert (message["is_ai"], message["citations"]) == (False, [])

    @pytest.mark.parametrize(
        ("body", "named"),
        [
            ({}, "content"),
            ({"content": ""}, "content"),
            ({"content": " \n"}, "content"),
            ({"content": "c" * 50_001}, "content"),
            ({"content": "a\x00"}, "content"),
            ({"content": "\udfff"}, "content"),
            ({"content": None}, "content"),
            ({"content": {"$ne": 1}}, "content"),
            ({"content": "x", "internal": None}, "internal"),
            ({"content": "x", "internal": "perhaps"}, "internal"),
            ([], "body"),
        ],
    )
    async def test_with_bad_input_names_the_field(
        self, cleo: Person, body: object, named: str
    ) -> None:
        ticket = await cleo.ticket()
        headers = {**cleo.headers, "Content-Type": "application/json"}

        answer = await cleo.client.post(
            messages_of(ticket), content=json.dumps(body), headers=headers
        )

        assert answer.status_code == 422, answer.text
        assert fields_of(answer) == {named}
        assert (await conversation(cleo, ticket))["items"] == []

    @pytest.mark.parametrize(
        "content",
        [
            "漢" * 50_000,
            "\u202e漢字\x1b]0;owned\x07\r\n",
            "'); DROP TABLE messages; --",
            " padded ",
        ],
        ids=["longest", "control characters", "SQL", "white space"],
    )
    async def test_keeps_text_as_it_was_typed(self, cleo: Person, content: str) -> None:
        ticket = await cleo.ticket()
        await cleo.message(ticket, content)

        assert (await cleo.read(ticket))["messages"][0]["content"] == content


@in_module_loop
class TestTheTicketAfterAMessage:
    @pytest.mark.parametrize(
        ("old", "of_customer", "of_staff"),
        [
            (Status.OPEN, "open", "pending"),
            (Status.PENDING, "open", "pending"),
            (Status.ON_HOLD, "open", "on_hold"),
            (Status.RESOLVED, "open", "resolved"),
        ],
    )
    async def test_waits_for_the_other_side(
        self, cleo: Person, ada: Person, old: Status, of_customer: str, of_staff: str
    ) -> None:
        for author, expected in ((cleo, of_customer), (ada, of_staff)):
            ticket = await cleo.ticket()
            if old is not Status.OPEN:
                await ada.change(ticket, status=old)

            await author.message(ticket, "hello")

            assert (await cleo.read(ticket))["status"] == expected

    async def test_of_staff_on_their_own_ticket_is_open(self, ada: Person) -> None:
        ticket = await ada.ticket()

        await ada.message(ticket, "one more thing")

        assert (await ada.read(ticket))["status"] == "open"

    async def test_has_a_new_version_and_time_of_activity(self, cleo: Person) -> None:
        ticket = await cleo.ticket()

        await cleo.message(ticket, "hello")

        read = await cleo.read(ticket)
        assert read["version"] == 2
        assert read["updated_at"] > ticket["updated_at"]

    async def test_closed_takes_no_message_and_says_what_to_do(
        self, cleo: Person, ada: Person
    ) -> None:
        ticket = await cleo.ticket()
        await cleo.change(ticket, status="closed")

        for author in (cleo, ada):
            answer = await author.post(messages_of(ticket), {"content": "hello"})
            assert answer.status_code == 409
            assert answer.json()["code"] == "ticket_closed"
            assert "seedx ticket new" in answer.json()["detail"]
        assert (await conversation(ada, ticket))["items"] == []

    async def test_closed_takes_notes(self, cleo: Person, ada: Person) -> None:
        ticket = await cleo.ticket()
        await cleo.change(ticket, status="closed")

        await ada.message(ticket, "for the record", internal=True)

        assert (await cleo.read(ticket))["status"] == "closed"

    async def test_counts_each_of_many_at_once(self, cleo: Person, ada: Person) -> None:
        ticket = await cleo.ticket()

        await asyncio.gather(*(who.message(ticket, "at once") for who in (cleo, ada) * 4))

        read = await cleo.read(ticket)
        assert read["version"] == ticket["version"] + 8
        assert len(read["messages"]) == 8
        ids = [message["id"] for message in read["messages"]]
        assert ids == sorted(ids)


@in_module_loop
class TestNotes:
    async def test_are_written_only_by_staff(self, cleo: Person, otto: Person, ada: Person) -> None:
        ticket = await cleo.ticket()
        body = {"content": "he sounds upset", "internal": True}

        answers = [await who.post(messages_of(ticket), body) for who in (ada, cleo, otto)]

        assert [answer.status_code for answer in answers] == [201, 403, 404]
        assert answers[0].json()["internal"] is True

    async def test_leave_nothing_for_the_customer_to_see(self, cleo: Person, ada: Person) -> None:
        ticket = await cleo.ticket("A quiet ticket")
        await cleo.message(ticket, "hello")
        seen = [await cleo.get(path) for path in everything_about(ticket)]

        await ada.message(ticket, "he sounds upset", internal=True)

        for before, path in zip(seen, everything_about(ticket), strict=True):
            after = await cleo.get(path)
            assert after.json() == before.json(), path
            assert after.headers.get("ETag") == before.headers.get("ETag"), path
        staff_view = await conversation(ada, ticket)
        assert [message["internal"] for message in staff_view["items"]] == [False, True]
        assert len((await ada.read(ticket))["messages"]) == 2

    async def test_leave_no_gap_in_a_customers_pages(self, cleo: Person, ada: Person) -> None:
        ticket = await cleo.ticket()
        for number in range(6):
            await ada.message(ticket, str(number), internal=number % 2 == 1)

        first = await conversation(cleo, ticket, "limit=2")
        rest = await conversation(cleo, ticket, f"limit=2&cursor={first['next_cursor']}")

        contents = [message["content"] for message in first["items"] + rest["items"]]
        assert contents == ["0", "2", "4"]
        assert rest["next_cursor"] is None

    async def test_cannot_be_rated_by_the_customer(self, cleo: Person, ada: Person) -> None:
        ticket = await cleo.ticket()
        note = await ada.message(ticket, "x", internal=True)

        answer = await cleo.post(f"/messages/{note['id']}/feedback", {"rating": "up"})

        assert answer.status_code == 404


def everything_about(ticket: Document) -> list[str]:
    path = f"/tickets/{ticket['id']}"
    return [path, f"{path}/messages", "/tickets", "/tickets?q=upset", "/tickets?q=quiet"]


@in_module_loop
class TestReading:
    async def test_gives_pages_oldest_first(self, cleo: Person) -> None:
        ticket = await cleo.ticket()
        for number in range(5):
            await cleo.message(ticket, str(number))
        found: list[str] = []
        cursor = ""
        while True:
            document = await conversation(cleo, ticket, f"limit=2{cursor}")
            found += [message["content"] for message in document["items"]]
            if document["next_cursor"] is None:
                break
            cursor = f"&cursor={document['next_cursor']}"

        assert found == ["0", "1", "2", "3", "4"]

    async def test_continues_after_the_hundred_that_the_ticket_shows(
        self, shared_desk: Desk, cleo: Person
    ) -> None:
        ticket = await cleo.ticket()
        insert = (
            "INSERT INTO messages (ticket_id, author_id, content, is_ai, internal)"
            " SELECT :ticket, :author, n, false, false FROM generate_series(1, 101) AS n"
        )
        async with shared_desk.sessions() as session, session.begin():
            await session.execute(text(insert), {"ticket": ticket["id"], "author": cleo.user["id"]})

        read = await cleo.read(ticket)
        rest = await conversation(cleo, ticket, f"cursor={read['messages_next_cursor']}")

        assert [message["content"] for message in read["messages"]] == [
            str(number) for number in range(1, 101)
        ]
        assert [message["content"] for message in rest["items"]] == ["101"]

    async def test_is_for_the_requester_and_staff(
        self, shared_desk: Desk, cleo: Person, otto: Person, ada: Person
    ) -> None:
        ticket = await cleo.ticket()
        answers = [await who.get(messages_of(ticket)) for who in (cleo, ada, otto)]
        signed_out = await shared_desk.client.get(messages_of(ticket))

        assert [answer.status_code for answer in answers] == [200, 200, 404]
        assert signed_out.status_code == 401

    async def test_by_a_cursor_of_another_ticket_shows_only_this_one(
        self, cleo: Person, otto: Person
    ) -> None:
        other = await otto.ticket()
        for _ in range(2):
            await otto.message(other, "private")
        cursor = (await conversation(otto, other, "limit=1"))["next_cursor"]
        ticket = await cleo.ticket()

        assert (await conversation(cleo, ticket, f"cursor={cursor}"))["items"] == []

    @pytest.mark.parametrize(
        ("query", "named"),
        [
            ("limit=0", "limit"),
            ("limit=101", "limit"),
            ("cursor=", "cursor"),
            ("cursor=x", "cursor"),
            (f"cursor={encode_cursor(10**30)}", "cursor"),
        ],
    )
    async def test_with_bad_input_names_the_field(
        self, cleo: Person, query: str, named: str
    ) -> None:
        ticket = await cleo.ticket()

        answer = await cleo.get(f"{messages_of(ticket)}?{query}")

        assert answer.status_code == 422
        assert fields_of(answer) == {named}


@in_module_loop
class TestFeedback:
    async def test_rates_an_ai_message_and_the_latest_rating_counts(
        self, shared_desk: Desk, cleo: Person
    ) -> None:
        message_id = await answered_by_ai(shared_desk, await cleo.ticket())
        path = f"/messages/{message_id}/feedback"

        for body in ({"rating": "up"}, {"rating": "down", "reason": "It is another printer"}):
            assert (await cleo.post(path, body)).status_code == 204

        query = text("SELECT rating, reason FROM message_feedback WHERE message_id = :id")
        async with shared_desk.sessions() as session:
            rows = (await session.execute(query, {"id": message_id})).all()
        assert [tuple(row) for row in rows] == [("down", "It is another printer")]

    async def test_is_for_whoever_may_see_the_message(
        self, shared_desk: Desk, cleo: Person, otto: Person
    ) -> None:
        message_id = await answered_by_ai(shared_desk, await cleo.ticket())
        path = f"/messages/{message_id}/feedback"

        assert (await otto.post(path, {"rating": "down"})).status_code == 404
        signed_out = await shared_desk.client.post(path, json={"rating": "down"})
        assert signed_out.status_code == 401

    async def test_is_for_messages_of_the_ai(self, cleo: Person) -> None:
        message = await cleo.message(await cleo.ticket(), "by me")

        answer = await cleo.post(f"/messages/{message['id']}/feedback", {"rating": "up"})

        assert answer.status_code == 409
        assert answer.json()["code"] == "not_ai"

    @pytest.mark.parametrize(
        ("body", "named"),
        [
            ({}, "rating"),
            ({"rating": "meh"}, "rating"),
            ({"rating": "up", "reason": "r" * 2_001}, "reason"),
            ({"rating": "up", "reason": "\x00"}, "reason"),
            ({"rating": "up", "reason": ""}, "reason"),
        ],
    )
    async def test_with_bad_input_names_the_field(
        self, shared_desk: Desk, cleo: Person, body: Document, named: str
    ) -> None:
        message_id = await answered_by_ai(shared_desk, await cleo.ticket())

        answer = await cleo.post(f"/messages/{message_id}/feedback", body)

        assert answer.status_code == 422
        assert fields_of(answer) == {named}

    @pytest.mark.parametrize("message_id", ["0", "-1", "2147483648", "1" + "0" * 30])
    async def test_of_no_message_is_not_found(self, cleo: Person, message_id: str) -> None:
        answer = await cleo.post(f"/messages/{message_id}/feedback", {"rating": "up"})

        assert answer.status_code == 404
