"""A write that is sent again with its `Idempotency-Key` is done once and gets the same answer."""

import asyncio

import pytest
from sqlalchemy import text

from tests.factories import Desk, Document, Person, fields_of
from tests.seedx_server.conftest import StartDesk, in_module_loop

BODY: Document = {"title": "It breaks", "description": "Often."}


async def how_many(person: Person) -> int:
    return len((await person.get("/tickets?limit=100")).json()["items"])


@in_module_loop
class TestARepeat:
    async def test_opens_one_ticket_and_gives_the_first_answer(self, shared_desk: Desk) -> None:
        ines = await shared_desk.customer("Ines")

        first = await ines.post("/tickets", BODY, Idempotency_Key="k1")
        again = await ines.post("/tickets", BODY, Idempotency_Key="k1")

        assert (first.status_code, again.status_code) == (201, 201)
        assert again.content == first.content
        assert again.headers["Location"] == first.headers["Location"]
        assert await how_many(ines) == 1

    async def test_adds_one_message(self, cleo: Person) -> None:
        ticket = await cleo.ticket()
        path = f"/tickets/{ticket['id']}/messages"

        answers = [await cleo.post(path, {"content": "x"}, Idempotency_Key="m1") for _ in range(3)]

        assert len({answer.content for answer in answers}) == 1
        assert len((await cleo.read(ticket))["messages"]) == 1

    async def test_gives_the_first_answer_even_when_the_ticket_went_on(
        self, cleo: Person, ada: Person
    ) -> None:
        first = await cleo.post("/tickets", BODY, Idempotency_Key="before")
        await ada.change(first.json(), status="closed")

        again = await cleo.post("/tickets", BODY, Idempotency_Key="before")

        assert again.json() == first.json()
        assert again.json()["status"] == "open"

    async def test_at_once_opens_one_ticket(self, shared_desk: Desk) -> None:
        ivan = await shared_desk.customer("Ivan")

        answers = await asyncio.gather(
            *(ivan.post("/tickets", BODY, Idempotency_Key="same") for _ in range(3))
        )

        assert [answer.status_code for answer in answers] == [201, 201, 201]
        assert len({answer.json()["id"] for answer in answers}) == 1
        assert await how_many(ivan) == 1

    async def test_without_a_key_or_with_another_is_another_write(self, shared_desk: Desk) -> None:
        ilse = await shared_desk.customer("Ilse")

        await ilse.post("/tickets", BODY)
        await ilse.post("/tickets", BODY)
        await ilse.post("/tickets", BODY, Idempotency_Key="a")
        await ilse.post("/tickets", BODY, Idempotency_Key="A")

        assert await how_many(ilse) == 4


@in_module_loop
class TestAKey:
    async def test_belongs_to_one_person(self, cleo: Person, otto: Person) -> None:
        of_cleo = await cleo.post("/tickets", BODY, Idempotency_Key="shared")
        of_otto = await otto.post("/tickets", BODY, Idempotency_Key="shared")

        assert of_otto.status_code == 201
        assert of_otto.json()["id"] != of_cleo.json()["id"]
        assert of_otto.json()["requester"]["name"] == "Otto"

    async def test_is_refused_for_another_request(self, cleo: Person) -> None:
        first = await cleo.post("/tickets", BODY, Idempotency_Key="used")
        path = f"/tickets/{first.json()['id']}/messages"

        for answer in (
            await cleo.post("/tickets", {**BODY, "title": "Other"}, Idempotency_Key="used"),
            await cleo.post(path, {"content": "x"}, Idempotency_Key="used"),
        ):
            assert answer.status_code == 422
            assert answer.json()["code"] == "idempotency_key_reused"
            assert fields_of(answer) == {"Idempotency-Key"}
        assert (await cleo.read(first.json()))["messages"] == []

    async def test_is_free_again_after_a_request_that_failed(
        self, cleo: Person, otto: Person
    ) -> None:
        ticket = await cleo.ticket()
        path = f"/tickets/{ticket['id']}/messages"
        await cleo.change(ticket, status="closed")
        refused = await cleo.post(path, {"content": "x"}, Idempotency_Key="later")
        assert refused.status_code == 409
        hidden = await otto.post(path, {"content": "x"}, Idempotency_Key="hidden")
        assert hidden.status_code == 404

        await cleo.change(ticket, status="open")
        answer = await cleo.post(path, {"content": "x"}, Idempotency_Key="later")

        assert answer.status_code == 201

    @pytest.mark.parametrize("key", ["", "k" * 256])
    async def test_of_a_strange_length_names_the_header(self, cleo: Person, key: str) -> None:
        answer = await cleo.post("/tickets", BODY, Idempotency_Key=key)

        assert answer.status_code == 422
        assert [error["field"] for error in answer.json()["errors"]] == ["Idempotency-Key"]

    @pytest.mark.parametrize("key", ["k" * 255, "'; DROP TABLE tickets", "{}", "a b", "%00"])
    async def test_may_be_any_other_text(self, cleo: Person, key: str) -> None:
        first = await cleo.post("/tickets", BODY, Idempotency_Key=key)
        again = await cleo.post("/tickets", BODY, Idempotency_Key=key)

        assert first.status_code == 201
        assert again.json()["id"] == first.json()["id"]

    async def test_shows_nothing_to_a_person_who_may_no_longer_see_the_ticket(
        self, shared_desk: Desk, cleo: Person
    ) -> None:
        ticket = await cleo.ticket()
        path = f"/tickets/{ticket['id']}/messages"
        agent = await shared_desk.staff("Ivo")
        note = {"content": "he sounds upset", "internal": True}
        assert (await agent.post(path, note, Idempotency_Key="note")).status_code == 201
        async with shared_desk.sessions() as session, session.begin():
            await session.execute(
                text("UPDATE users SET role = 'customer' WHERE id = :id"), {"id": agent.user["id"]}
            )
        customer = await shared_desk.log_in(agent.user["email"])

        answer = await customer.post(path, note, Idempotency_Key="note")

        assert answer.status_code == 422
        assert answer.json()["code"] == "idempotency_key_reused"


class TestTwoServers:
    async def test_do_one_write_once(self, start_desk: StartDesk) -> None:
        one, other = await start_desk(), await start_desk()
        cleo = await one.customer()
        there = Person(other.client, cleo.session)

        answers = await asyncio.gather(
            *(who.post("/tickets", BODY, Idempotency_Key="same") for who in (cleo, there) * 2)
        )

        assert len({answer.json()["id"] for answer in answers}) == 1
        assert await how_many(cleo) == 1
