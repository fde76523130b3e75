"""Concurrent changes: If-Match, claims, and the moves that the rules allow."""

import asyncio

import pytest

from seedx_server.tickets.core import MOVES, Status
from tests.factories import Desk, Person, in_status, lock_row, path_of
from tests.seedx_server.conftest import StartDesk, in_module_loop
from tests.waiting import PATIENCE_SECONDS


@in_module_loop
class TestIfMatch:
    @pytest.mark.parametrize("form", ['"1"', 'W/"1"', "1", ' "1" ', "*"])
    async def test_that_names_the_version_lets_the_change_through(
        self, cleo: Person, ada: Person, form: str
    ) -> None:
        ticket = await cleo.ticket()

        answer = await ada.patch(path_of(ticket), {"priority": "high"}, If_Match=form)

        assert answer.status_code == 200

    @pytest.mark.parametrize(
        "form",
        [
            '"2"',
            '"0"',
            '""',
            "",
            "x",
            '"1", "2"',
            '"01x"',
            '"-1"',
            '"' + "9" * 10 + '"',
            '"' + "9" * 5_000 + '"',
            "null",
            '"1"; DROP TABLE tickets',
        ],
    )
    async def test_that_names_no_such_version_is_refused(
        self, cleo: Person, ada: Person, form: str
    ) -> None:
        ticket = await cleo.ticket()

        answer = await ada.patch(path_of(ticket), {"priority": "high"}, If_Match=form)

        assert answer.status_code == 412
        assert answer.json()["code"] == "precondition_failed"
        assert (await cleo.read(ticket))["priority"] == "normal"

    async def test_does_not_bypass_permissions(self, cleo: Person, otto: Person) -> None:
        ticket = await cleo.ticket()

        forbidden = await cleo.patch(path_of(ticket), {"priority": "high"}, If_Match='"9"')
        hidden = await otto.patch(path_of(ticket), {"status": "closed"}, If_Match='"9"')

        assert (forbidden.status_code, hidden.status_code) == (403, 404)

    async def test_lets_one_of_two_changes_of_a_version_through(
        self, cleo: Person, ada: Person
    ) -> None:
        ticket = await cleo.ticket()

        answers = await asyncio.gather(
            ada.patch(path_of(ticket), {"priority": "high"}, If_Match='"1"'),
            ada.patch(path_of(ticket), {"priority": "low"}, If_Match='"1"'),
        )

        assert sorted(answer.status_code for answer in answers) == [200, 412]

    async def test_notices_a_message_in_between(self, cleo: Person, ada: Person) -> None:
        ticket = await cleo.ticket()
        await cleo.message(ticket, "One more thing")

        answer = await ada.patch(path_of(ticket), {"status": "resolved"}, If_Match='"1"')

        assert answer.status_code == 412


class TestClaiming:
    async def test_takes_the_most_urgent_then_the_oldest(self, desk: Desk) -> None:
        cleo, ada = await desk.customer(), await desk.staff()
        for title, priority in (
            ("normal", "normal"),
            ("urgent, older", "urgent"),
            ("low", "low"),
            ("urgent, newer", "urgent"),
            ("high", "high"),
        ):
            await cleo.ticket(title, priority=priority)

        claimed = [await ada.post("/tickets/claim") for _ in range(5)]

        assert [answer.json()["title"] for answer in claimed] == [
            "urgent, older",
            "urgent, newer",
            "high",
            "normal",
            "low",
        ]
        for answer in claimed:
            assert answer.status_code == 200
            assert answer.json()["assignee"] == {"id": ada.user["id"], "name": "Ada"}
            assert answer.headers["ETag"] == '"2"'
        assert (await ada.post("/tickets/claim")).status_code == 204

    async def test_passes_over_tickets_that_are_assigned_or_not_open(self, desk: Desk) -> None:
        cleo, ada = await desk.customer(), await desk.staff()
        await ada.change(await cleo.ticket(), assignee_id=ada.user["id"])
        for status in set(Status) - {Status.OPEN}:
            await in_status(ada, cleo, status)

        answer = await ada.post("/tickets/claim")

        assert answer.status_code == 204
        assert answer.content == b""

    async def test_does_not_wait_for_a_locked_ticket(self, desk: Desk) -> None:
        cleo, ada = await desk.customer(), await desk.staff()
        busy, free = await cleo.ticket(priority="urgent"), await cleo.ticket()

        async with desk.sessions() as session, session.begin():
            await session.execute(lock_row(busy))
            answer = await asyncio.wait_for(ada.post("/tickets/claim"), PATIENCE_SECONDS)

        assert answer.json()["id"] == free["id"]

    async def test_is_for_staff(self, desk: Desk) -> None:
        cleo = await desk.customer()
        ticket = await cleo.ticket()

        answer = await cleo.post("/tickets/claim")

        assert answer.status_code == 403
        assert answer.json()["detail"] == "Only admins and agents may do this."
        assert (await desk.client.post("/tickets/claim")).status_code == 401
        assert (await cleo.read(ticket))["assignee"] is None

    async def test_by_many_at_once_on_two_servers_never_assigns_a_ticket_twice(
        self, start_desk: StartDesk
    ) -> None:
        one, other = await start_desk(), await start_desk()
        cleo, ada, bea = await one.customer(), await one.staff(), await one.staff("Bea")
        tickets = [await cleo.ticket() for _ in range(8)]
        there = Person(other.client, bea.session)

        answers = await asyncio.gather(
            *(who.post("/tickets/claim") for who in (ada, there) for _ in range(6))
        )

        given = [answer.json()["id"] for answer in answers if answer.status_code == 200]
        assert len(given) == len(set(given))
        assert set(given) <= {ticket["id"] for ticket in tickets}
        for answer in answers:
            assert answer.status_code in {200, 204}
        rest = 8 - len(given)
        later = [await ada.post("/tickets/claim") for _ in range(rest + 1)]
        assert [answer.status_code for answer in later] == [200] * rest + [204]


def test_the_moves_are_those_of_the_rules() -> None:
    rules = {
        "open": {"pending", "on_hold", "resolved", "closed"},
        "pending": {"open", "on_hold", "resolved", "closed"},
        "on_hold": {"open", "pending", "resolved", "closed"},
        "resolved": {"open", "closed"},
        "closed": {"open"},
    }

    assert {str(old): set(map(str, new)) for old, new in MOVES.items()} == rules
