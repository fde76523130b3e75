"""Lists contain what the reader may see, in the requested order, in pages."""

import base64
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from urllib.parse import quote, urlencode

import pytest
from sqlalchemy import event

from tests.factories import Desk, Document, Person
from tests.seedx_server.conftest import in_module_loop, of_module

NOT_A_CURSOR = "cursor: is not a cursor of this list; start again without it"


def cursor_of(*values: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(values).encode()).decode().rstrip("=")


async def page(reader: Person, query: str = "") -> Document:
    answer = await reader.get(f"/tickets?{query}")
    assert answer.status_code == 200, answer.text
    document: Document = answer.json()
    return document


async def titles(reader: Person, query: str = "") -> list[str]:
    """Every title of a list, page by page."""
    found: list[str] = []
    cursor = ""
    while True:
        document = await page(reader, f"{query}{cursor}")
        found += [ticket["title"] for ticket in document["items"]]
        if document["next_cursor"] is None:
            return found
        cursor = f"&cursor={document['next_cursor']}"


@dataclass(frozen=True)
class Queue:
    """A desk with work on it; no test of this module changes it."""

    desk: Desk
    mona: Person
    nick: Person
    vera: Person
    walt: Person


@of_module
async def queue(shared_desk: Desk) -> AsyncIterator[Queue]:
    """Six tickets of two customers."""
    desk = shared_desk
    mona, nick = await desk.customer("Mona"), await desk.customer("Nick")
    vera, walt = await desk.staff("Vera"), await desk.staff("Walt")
    one = await mona.ticket("m1", priority="urgent", tags=["billing", "eu"])
    await mona.ticket("m2", priority="low", tags=["billing"], description="The printer caught fire")
    three = await mona.ticket("m3")
    four = await nick.ticket("n1", priority="high", tags=["api"])
    await nick.ticket("n2", description="Printers everywhere, and invoices")
    six = await nick.ticket("n3", priority="urgent")
    await vera.change(one, assignee_id=vera.user["id"])
    await vera.change(three, status="pending", assignee_id=walt.user["id"])
    await vera.change(six, status="closed")
    await nick.message(four, "still there")
    yield Queue(desk, mona, nick, vera, walt)


@in_module_loop
class TestWhoSeesWhat:
    async def test_a_customer_sees_their_own_and_staff_see_all(self, queue: Queue) -> None:
        assert set(await titles(queue.mona)) == {"m1", "m2", "m3"}
        assert set(await titles(queue.nick)) == {"n1", "n2", "n3"}
        assert set(await titles(queue.vera)) == {"m1", "m2", "m3", "n1", "n2", "n3"}
        assert (await queue.desk.client.get("/tickets")).status_code == 401

    @pytest.mark.parametrize(
        "query",
        [
            "requester={nick}",
            "requester={nick}&requester={mona}",
            "assignee=none&requester={nick}",
            "q=invoices",
            "q=still there",
            "tag=api",
            "status=closed",
            "q=' OR true --",
            "tag=%25",
            "cursor={cursor}&requester={nick}",
        ],
    )
    async def test_no_filter_shows_a_customer_another_customers_tickets(
        self, queue: Queue, query: str
    ) -> None:
        names = {
            "nick": queue.nick.user["id"],
            "mona": queue.mona.user["id"],
            "cursor": (await page(queue.vera, "limit=1"))["next_cursor"],
        }

        found = await titles(queue.mona, query.format(**names))

        assert set(found) <= {"m1", "m2", "m3"}

    async def test_a_customer_learns_nothing_from_an_address(self, queue: Queue) -> None:
        for address in ("mona@example.com", "nick@example.com", "nobody@example.com"):
            answer = await queue.mona.get(f"/tickets?requester={address}")
            assert answer.status_code == 422
            assert answer.json()["detail"] == "requester: must be a user's id, `me`"

    async def test_tickets_of_others_leave_no_gap_in_the_list(self, queue: Queue) -> None:
        document = await page(queue.mona, "limit=3")

        assert len(document["items"]) == 3
        assert document["next_cursor"] is None
        assert set(document) == {"items", "next_cursor"}


@in_module_loop
class TestFilters:
    @pytest.mark.parametrize(
        ("query", "expected"),
        [
            ("status=open", {"m1", "m2", "n1", "n2"}),
            ("status=pending&status=closed", {"m3", "n3"}),
            ("priority=urgent", {"m1", "n3"}),
            ("priority=low&priority=high", {"m2", "n1"}),
            ("tag=billing", {"m1", "m2"}),
            ("tag=BILLING&tag=eu", {"m1"}),
            ("tag=bill", set()),
            ("tag=", set()),
            ("requester={mona}", {"m1", "m2", "m3"}),
            ("requester=me", set()),
            ("requester=999999", set()),
            ("assignee=me", {"m1"}),
            ("assignee={walt}", {"m3"}),
            ("assignee=none", {"m2", "n1", "n2", "n3"}),
            ("assignee=Walt@Example.com", {"m3"}),
            ("assignee=nobody@example.com", set()),
            ("requester=mona@example.com", {"m1", "m2", "m3"}),
            ("q=printer", {"m2", "n2"}),
            ("q=PRINTERS -invoices", {"m2"}),
            ('q="caught fire"', {"m2"}),
            ("q=m1", {"m1"}),
            ("q=  ", {"m1", "m2", "m3", "n1", "n2", "n3"}),
            ("status=open&priority=urgent&assignee=me&tag=eu&q=m1", {"m1"}),
        ],
    )
    async def test_narrow_the_list(self, queue: Queue, query: str, expected: set[str]) -> None:
        ids = {"mona": queue.mona.user["id"], "walt": queue.walt.user["id"]}

        assert set(await titles(queue.vera, query.format(**ids))) == expected

    @pytest.mark.parametrize(
        "words",
        [
            "'",
            '"',
            "\\",
            "a & | ! <-> :* (",
            "OR or AND -",
            "'; DELETE FROM tickets; --",
            "%_%",
            "\u202e\u200b🧨",
            "日本語 العربية",
            "the of and",
            "x" * 1_000,
            "\x1b[31m\r\n",
            ") OR 1=1 --",
            "- - - -",
            '"unclosed',
        ],
    )
    async def test_search_takes_whatever_is_typed(self, queue: Queue, words: str) -> None:
        assert await titles(queue.vera, urlencode({"q": words})) == []

    @pytest.mark.parametrize(
        ("query", "named"),
        [
            ("status=done", "status"),
            ("status=", "status"),
            ("status=open&status=OPEN", "status"),
            ("priority=1", "priority"),
            ("sort=title", "sort"),
            ("sort=updated; DROP TABLE tickets", "sort"),
            ("limit=0", "limit"),
            ("limit=101", "limit"),
            ("limit=-1", "limit"),
            ("limit=1e2", "limit"),
            (f"limit={10**30}", "limit"),
            ("assignee=", "assignee"),
            ("assignee=nobody", "assignee"),
            ("assignee=@", "assignee"),
            ("assignee=-1", "assignee"),
            (f"assignee={2**31}", "assignee"),
            (f"assignee={10**30}", "assignee"),
            ("assignee=%C2%B2", "assignee"),
            ("assignee=%00", "assignee"),
            ("requester=none", "requester"),
            ("requester=1 OR 1=1", "requester"),
            (f"requester={'9' * 5_000}", "requester"),
            ("q=%00", "q"),
            (f"q={'x' * 1_001}", "q"),
            ("tag=x&" * 21, "tag"),
            ("tag=%00", "tag"),
            ("tag=ok&tag=a%00b", "tag"),
        ],
    )
    async def test_with_bad_input_name_the_field(
        self, queue: Queue, query: str, named: str
    ) -> None:
        answer = await queue.vera.get(f"/tickets?{query}")

        assert answer.status_code == 422, answer.text
        assert [error["field"] for error in answer.json()["errors"]] == [named]


@in_module_loop
class TestOrder:
    @pytest.mark.parametrize(
        ("sort", "expected"),
        [
            ("", ["n1", "n3", "m3", "m1", "n2", "m2"]),
            ("sort=updated", ["n1", "n3", "m3", "m1", "n2", "m2"]),
            ("sort=created", ["n3", "n2", "n1", "m3", "m2", "m1"]),
            ("sort=priority", ["n3", "m1", "n1", "n2", "m3", "m2"]),
        ],
    )
    @pytest.mark.parametrize("limit", [1, 2, 5, 6, 100])
    async def test_is_the_same_whatever_the_size_of_a_page(
        self, queue: Queue, sort: str, expected: list[str], limit: int
    ) -> None:
        assert await titles(queue.vera, f"{sort}&limit={limit}") == expected


class TestPages:
    async def test_begin_with_the_newest_activity(self, desk: Desk) -> None:
        omar = await desk.customer("Omar")
        first, second = await omar.ticket("first"), await omar.ticket("second")
        assert await titles(omar) == ["second", "first"]

        await omar.message(first, "more")

        assert await titles(omar) == ["first", "second"]
        assert second["updated_at"] < (await omar.read(first))["updated_at"]

    async def test_hold_twenty_by_default(self, desk: Desk) -> None:
        olga = await desk.customer("Olga")
        for number in range(21):
            await olga.ticket(str(number))

        document = await page(olga)

        assert len(document["items"]) == 20
        rest = await page(olga, f"cursor={document['next_cursor']}")
        assert [ticket["title"] for ticket in rest["items"]] == ["0"]
        assert rest["next_cursor"] is None

    async def test_neither_repeat_nor_skip_tickets_opened_meanwhile(self, desk: Desk) -> None:
        oren = await desk.customer("Oren")
        for number in range(4):
            await oren.ticket(str(number))
        begun = await page(oren, "limit=2")

        await oren.ticket("newer")
        rest = await page(oren, f"limit=10&cursor={begun['next_cursor']}")

        assert [ticket["title"] for ticket in rest["items"]] == ["1", "0"]


@in_module_loop
class TestCursors:
    @pytest.mark.parametrize(
        "cursor",
        [
            "",
            "x",
            "====",
            "é",
            "\x00",
            "null",
            "' OR true --",
            cursor_of(),
            cursor_of(None, None),
            cursor_of(1),
            cursor_of("2026-11-23T00:00:00+00:00"),
            cursor_of("2026-11-23T00:00:00", 1),
            cursor_of("tomorrow", 1),
            cursor_of("\ud800", 1),
            cursor_of("infinity", 1),
            cursor_of("2026-11-23T00:00:00+00:00", "1"),
            cursor_of("2026-11-23T00:00:00+00:00", True),
            cursor_of("2026-11-23T00:00:00+00:00", 1.5),
            cursor_of("2026-11-23T00:00:00+00:00", 2**31),
            cursor_of("2026-11-23T00:00:00+00:00", -(10**30)),
            cursor_of("2026-11-23T00:00:00+00:00", 1, 2),
            base64.urlsafe_b64encode(b"[" * 700).decode(),
            base64.urlsafe_b64encode(b"\xff\xfe").decode(),
            base64.urlsafe_b64encode(b'{"id": 1}').decode(),
            base64.urlsafe_b64encode(b"[NaN, 1]").decode(),
        ],
    )
    async def test_that_are_damaged_are_refused(self, queue: Queue, cursor: str) -> None:
        answer = await queue.vera.get(f"/tickets?cursor={quote(cursor)}")

        assert answer.status_code == 422
        assert answer.json()["detail"] == NOT_A_CURSOR

    @pytest.mark.parametrize("given_by", ["updated", "created", "priority"])
    @pytest.mark.parametrize("used_in", ["updated", "created", "priority"])
    async def test_work_in_the_order_that_gave_them_and_no_other(
        self, queue: Queue, given_by: str, used_in: str
    ) -> None:
        cursor = (await page(queue.vera, f"sort={given_by}&limit=1"))["next_cursor"]

        answer = await queue.vera.get(f"/tickets?sort={used_in}&cursor={cursor}")

        assert answer.status_code == (200 if given_by == used_in else 422)

    @pytest.mark.parametrize(
        ("sort", "cursor"),
        [
            ("created", cursor_of(10**30)),
            ("created", cursor_of(2**31)),
            ("priority", cursor_of(10**30, 1)),
            ("priority", cursor_of(1, 10**30)),
        ],
    )
    async def test_with_numbers_that_no_row_has_are_refused(
        self, queue: Queue, sort: str, cursor: str
    ) -> None:
        answer = await queue.vera.get(f"/tickets?sort={sort}&cursor={cursor}")

        assert answer.status_code == 422

    @pytest.mark.parametrize(
        "cursor",
        [
            cursor_of("0001-01-01T00:00:00+23:59", 1),
            cursor_of("9999-12-31T23:59:59-23:59", 1),
            cursor_of("2026-11-23T00:00:00+00:00", -1),
        ],
    )
    async def test_at_the_ends_of_time_do_no_harm(self, queue: Queue, cursor: str) -> None:
        assert set(await titles(queue.mona, f"cursor={cursor}")) <= {"m1", "m2", "m3"}


@in_module_loop
async def test_a_page_is_one_query_however_long_it_is(queue: Queue) -> None:
    statements: list[str] = []

    def note(*arguments: object) -> None:
        statement = str(arguments[2])
        # The same process looks for runs now and then.
        if "ai_runs" not in statement:
            statements.append(statement)

    engine = queue.desk.app.state.parts.engine.sync_engine
    event.listen(engine, "before_cursor_execute", note)
    try:
        document = await page(queue.vera, "limit=100")
    finally:
        event.remove(engine, "before_cursor_execute", note)

    assert len(document["items"]) >= 6
    assert len(statements) == 1
    assert {"requester", "assignee"} <= set(document["items"][0])
