"""A ticket is opened, read, changed and claimed only by those who may."""

import asyncio
import itertools
import json
from datetime import UTC, datetime

import httpx
import pytest
from sqlalchemy import text

from seedx_server.tickets.core import MOVES, Status
from tests.factories import Desk, Document, Person, fields_of, in_status, lock_row, path_of
from tests.seedx_server.conftest import in_module_loop
from tests.waiting import until_blocked

TICKET_FIELDS = {
    "id",
    "title",
    "description",
    "status",
    "priority",
    "tags",
    "requester",
    "assignee",
    "created_at",
    "updated_at",
    "version",
}
STRANGE_IDS = ["0", "-1", "2147483648", "9223372036854775808", "1" + "0" * 30]
NO_IDS = ["x", "1;DROP TABLE tickets", "9" * 5_000, "%00", "%E2%91%A1", "1e3", "null"]


async def send_raw(person: Person, method: str, path: str, body: Document) -> httpx.Response:
    """Send what no client would: JSON with lone surrogates, infinities and huge numbers."""
    headers = {**person.headers, "Content-Type": "application/json"}
    return await person.client.request(method, path, content=json.dumps(body), headers=headers)


@in_module_loop
class TestOpening:
    async def test_returns_the_ticket_and_its_location(self, cleo: Person) -> None:
        before = datetime.now(UTC)
        body = {"title": "It breaks", "description": "Often.", "priority": "high", "tags": ["a"]}

        answer = await cleo.post("/tickets", body)

        assert answer.status_code == 201
        ticket = answer.json()
        assert set(ticket) == TICKET_FIELDS
        assert body.items() <= ticket.items()
        assert ticket["requester"] == {"id": cleo.user["id"], "name": "Cleo"}
        assert (ticket["status"], ticket["assignee"], ticket["version"]) == ("open", None, 1)
        assert before <= datetime.fromisoformat(ticket["created_at"]) <= datetime.now(UTC)
        assert answer.headers["Location"] == path_of(ticket)
        assert (await cleo.get(answer.headers["Location"])).json()["id"] == ticket["id"]

    async def test_needs_neither_priority_nor_tags(self, cleo: Person) -> None:
        ticket = await cleo.ticket()

        assert (ticket["priority"], ticket["tags"]) == ("normal", [])

    async def test_is_for_people_who_are_signed_in(self, shared_desk: Desk) -> None:
        body = {"title": "x", "description": "x"}

        assert (await shared_desk.client.post("/tickets", json=body)).status_code == 401

    async def test_cannot_be_done_for_somebody_else(self, cleo: Person, otto: Person) -> None:
        ticket = await cleo.ticket(
            requester_id=otto.user["id"], requester=otto.user, status="closed", id=1, version=9
        )

        assert ticket["requester"]["id"] == cleo.user["id"]
        assert (ticket["status"], ticket["version"]) == ("open", 1)

    @pytest.mark.parametrize(
        ("title", "description"),
        [
            ("x", "x"),
            ("t" * 200, "d" * 50_000),
            ("🧨" * 200, "漢" * 50_000),
            ("Ça casse, ça", "שלום \u202e Привет\r\n\t\x1b[31m 日本語"),
            ("'; DROP TABLE tickets; --", "{{7*7}} <script>alert(1)</script> $(id) %s %(x)s"),
        ],
        ids=["shortest", "longest", "longest in emoji", "other scripts", "operators"],
    )
    async def test_keeps_text_as_it_was_typed(
        self, cleo: Person, title: str, description: str
    ) -> None:
        ticket = await cleo.ticket(title, description=description)

        read = await cleo.read(ticket)
        assert (read["title"], read["description"]) == (title, description)

    async def test_makes_tags_lower_case_and_distinct(self, cleo: Person) -> None:
        ticket = await cleo.ticket(tags=["Billing", " billing ", "API", "ünï"])

        assert ticket["tags"] == ["billing", "api", "ünï"]

    @pytest.mark.parametrize(
        ("fields", "named"),
        [
            ({"title": ""}, "title"),
            ({"title": " \n\t "}, "title"),
            ({"title": "t" * 201}, "title"),
            ({"title": "a\x00b"}, "title"),
            ({"title": "\ud800"}, "title"),
            ({"title": None}, "title"),
            ({"title": 7}, "title"),
            ({"title": ["x"]}, "title"),
            ({"description": ""}, "description"),
            ({"description": "d" * 50_001}, "description"),
            ({"description": "\x00"}, "description"),
            ({"description": "\udc80"}, "description"),
            ({"priority": "urgentest"}, "priority"),
            ({"priority": "HIGH"}, "priority"),
            ({"priority": None}, "priority"),
            ({"priority": 3}, "priority"),
            ({"tags": "billing"}, "tags"),
            ({"tags": None}, "tags"),
            ({"tags": [""]}, "tags.0"),
            ({"tags": ["ok", "two words"]}, "tags.1"),
            ({"tags": ["a,b"]}, "tags.0"),
            ({"tags": ["t" * 51]}, "tags.0"),
            ({"tags": ["\x00"]}, "tags.0"),
            ({"tags": ["\ud800"]}, "tags.0"),
            ({"tags": [None]}, "tags.0"),
            ({"tags": [f"t{number}" for number in range(21)]}, "tags"),
        ],
    )
    async def test_with_bad_input_names_the_field(
        self, cleo: Person, fields: Document, named: str
    ) -> None:
        body = {"title": "It breaks", "description": "Often.", **fields}

        answer = await send_raw(cleo, "POST", "/tickets", body)

        assert answer.status_code == 422, answer.text
        assert fields_of(answer) == {named}
        assert named in answer.json()["detail"]

    async def test_says_how_long_a_text_may_be(self, cleo: Person) -> None:
        answer = await cleo.post("/tickets", {"title": "t" * 201, "description": "x"})

        assert answer.json()["errors"] == [
            {"field": "title", "message": "string should have at most 200 characters"}
        ]


@in_module_loop
class TestReading:
    async def test_shows_the_ticket_with_its_conversation(self, cleo: Person, ada: Person) -> None:
        ticket = await cleo.ticket()
        await cleo.message(ticket, "first")
        await ada.message(ticket, "second")

        answer = await cleo.get(path_of(ticket))

        assert answer.status_code == 200
        read = answer.json()
        assert set(read) == TICKET_FIELDS | {"messages", "messages_next_cursor"}
        assert [message["content"] for message in read["messages"]] == ["first", "second"]
        assert read["messages_next_cursor"] is None
        assert answer.headers["ETag"] == f'"{read["version"]}"'

    async def test_is_for_its_requester_and_staff(
        self, shared_desk: Desk, cleo: Person, otto: Person, ada: Person, rosa: Person
    ) -> None:
        ticket = await cleo.ticket()
        answers = [await who.get(path_of(ticket)) for who in (cleo, ada, rosa, otto)]
        signed_out = await shared_desk.client.get(path_of(ticket))

        assert [answer.status_code for answer in answers] == [200, 200, 200, 404]
        assert signed_out.status_code == 401

    async def test_of_another_customers_ticket_is_like_reading_none(
        self, cleo: Person, otto: Person
    ) -> None:
        ticket = await cleo.ticket()
        missing = ticket["id"] + 1_000_000

        hidden = (await otto.get(path_of(ticket))).json()
        absent = (await otto.get(f"/tickets/{missing}")).json()

        assert hidden["detail"].replace(str(ticket["id"]), "N") == absent["detail"].replace(
            str(missing), "N"
        )
        assert {**hidden, "detail": ""} == {**absent, "detail": ""}

    @pytest.mark.parametrize("ticket_id", STRANGE_IDS)
    @pytest.mark.parametrize(
        ("method", "rest", "body"),
        [
            ("GET", "", None),
            ("PATCH", "", {"status": "closed"}),
            ("GET", "/messages", None),
            ("POST", "/messages", {"content": "x"}),
            ("GET", "/events", None),
        ],
    )
    async def test_of_an_id_that_no_ticket_has_is_not_found(
        self, ada: Person, ticket_id: str, method: str, rest: str, body: object
    ) -> None:
        answer = await ada.send(method, f"/tickets/{ticket_id}{rest}", body)

        assert answer.status_code == 404
        assert answer.json()["code"] == "not_found"

    @pytest.mark.parametrize("ticket_id", NO_IDS)
    async def test_of_a_malformed_id_is_bad_input(self, ada: Person, ticket_id: str) -> None:
        answer = await ada.get(f"/tickets/{ticket_id}")

        assert answer.status_code == 422
        assert fields_of(answer) == {"ticket_id"}


@in_module_loop
class TestChanging:
    @pytest.mark.parametrize(
        ("field", "value"),
        [
            ("title", "Another title"),
            ("priority", "urgent"),
            ("tags", ["billing", "eu"]),
            ("tags", []),
            ("status", "on_hold"),
        ],
    )
    async def test_is_for_staff(self, cleo: Person, ada: Person, field: str, value: object) -> None:
        ticket = await cleo.ticket(tags=["old"])

        refused = await cleo.patch(path_of(ticket), {field: value})
        changed = await ada.patch(path_of(ticket), {field: value})

        assert refused.status_code == 403
        assert refused.json()["code"] == "forbidden"
        assert changed.status_code == 200
        assert changed.json()[field] == value
        assert changed.json()["version"] == 2
        assert changed.headers["ETag"] == '"2"'
        assert changed.json()["updated_at"] > ticket["updated_at"]

    @pytest.mark.parametrize("body", [{"status": "closed"}, {"title": "mine"}, {"assignee_id": 1}])
    async def test_of_another_customers_ticket_is_not_found(
        self, cleo: Person, otto: Person, body: Document
    ) -> None:
        ticket = await cleo.ticket()

        assert (await otto.patch(path_of(ticket), body)).status_code == 404
        assert (await cleo.read(ticket))["version"] == 1

    async def test_lets_the_requester_close_and_reopen(self, cleo: Person) -> None:
        ticket = await cleo.ticket()

        assert (await cleo.change(ticket, status="closed"))["status"] == "closed"
        assert (await cleo.change(ticket, status="open"))["status"] == "open"

    async def test_that_is_half_allowed_changes_nothing(self, cleo: Person) -> None:
        ticket = await cleo.ticket()

        answer = await cleo.patch(path_of(ticket), {"status": "closed", "priority": "urgent"})

        assert answer.status_code == 403
        read = await cleo.read(ticket)
        assert (read["status"], read["priority"], read["version"]) == ("open", "normal", 1)

    @pytest.mark.parametrize(("old", "new"), list(itertools.product(Status, Status)))
    async def test_of_the_status_goes_where_it_may(
        self, cleo: Person, ada: Person, old: Status, new: Status
    ) -> None:
        ticket = await in_status(ada, cleo, old)

        answer = await ada.patch(path_of(ticket), {"status": new})

        if new is old or new in MOVES[old]:
            assert answer.status_code == 200
            assert answer.json()["status"] == new
        else:
            assert answer.status_code == 409
            assert answer.json()["code"] == "bad_transition"
            assert str(old) in answer.json()["detail"]
            assert (await cleo.read(ticket))["status"] == old

    async def test_assigns_and_unassigns_staff(self, cleo: Person, ada: Person) -> None:
        ticket = await cleo.ticket()

        assigned = await ada.change(ticket, assignee_id=ada.user["id"])
        freed = await ada.change(ticket, assignee_id=None)

        assert assigned["assignee"] == {"id": ada.user["id"], "name": "Ada"}
        assert freed["assignee"] is None

    async def test_assigns_only_to_staff(self, cleo: Person, ada: Person) -> None:
        ticket = await cleo.ticket()

        for stranger in (cleo.user["id"], 0, -1, 999_999, 2**31, 2**63, 10**30):
            answer = await ada.patch(path_of(ticket), {"assignee_id": stranger})
            assert answer.status_code == 422, stranger
            assert fields_of(answer) == {"assignee_id"}

    async def test_does_not_reveal_to_a_customer_who_is_staff(
        self, cleo: Person, ada: Person
    ) -> None:
        ticket = await cleo.ticket()

        for user_id in (ada.user["id"], cleo.user["id"], 999_999):
            answer = await cleo.patch(path_of(ticket), {"assignee_id": user_id})
            assert answer.status_code == 403

    @pytest.mark.parametrize(
        ("body", "named"),
        [
            ({"status": "done"}, "status"),
            ({"status": None}, "status"),
            ({"priority": None}, "priority"),
            ({"tags": None}, "tags"),
            ({"title": None}, "title"),
            ({"title": ""}, "title"),
            ({"title": "\x00"}, "title"),
            ({"title": "\ud800"}, "title"),
            ({"tags": ["a b"]}, "tags.0"),
            ({"assignee_id": "7"}, "assignee_id"),
            ({"assignee_id": True}, "assignee_id"),
            ({"assignee_id": 1.0}, "assignee_id"),
            ({"assignee_id": float("nan")}, "assignee_id"),
            ({"assignee_id": float("inf")}, "assignee_id"),
            ({"assignee_id": [1]}, "assignee_id"),
            ({"description": "no"}, "description"),
            ({"requester_id": 1}, "requester_id"),
            ({"version": 3}, "version"),
            ({"\ud800": 1}, "body"),
        ],
    )
    async def test_with_bad_input_names_the_field(
        self, cleo: Person, ada: Person, body: Document, named: str
    ) -> None:
        ticket = await cleo.ticket()

        answer = await send_raw(ada, "PATCH", path_of(ticket), body)

        assert answer.status_code == 422, answer.text
        assert fields_of(answer) == {named}
        assert (await cleo.read(ticket))["version"] == 1

    async def test_to_the_current_value_changes_nothing(self, cleo: Person, ada: Person) -> None:
        ticket = await cleo.ticket(tags=["a"])

        for body in ({}, {"status": "open"}, {"tags": ["A"]}, {"assignee_id": None}):
            same = await ada.change(ticket, **body)
            assert same == ticket

    async def test_at_once_by_two_counts_both(self, cleo: Person, ada: Person) -> None:
        ticket = await cleo.ticket()

        await asyncio.gather(
            ada.change(ticket, priority="high"),
            ada.change(ticket, title="Another"),
            ada.change(ticket, assignee_id=ada.user["id"]),
        )

        read = await cleo.read(ticket)
        assert (read["priority"], read["title"], read["version"]) == ("high", "Another", 4)
        assert read["assignee"]["name"] == "Ada"

    async def test_answers_with_the_assignee_that_was_set_while_it_waited(
        self, cleo: Person, ada: Person, shared_desk: Desk
    ) -> None:
        ticket = await cleo.ticket()
        async with shared_desk.sessions() as session, session.begin():
            await session.execute(lock_row(ticket))
            waiting = asyncio.gather(
                ada.patch(path_of(ticket), {"assignee_id": ada.user["id"]}),
                ada.patch(path_of(ticket), {}),
                ada.patch(path_of(ticket), {"assignee_id": ada.user["id"]}),
            )
            await session.execute(text(until_blocked(sessions=3)))
        answers = [answer.json() for answer in await waiting]

        for answer in answers:
            named = answer["assignee"] and answer["assignee"]["id"]
            assert named == (ada.user["id"] if answer["version"] == 2 else None)
