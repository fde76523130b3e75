"""Every error is a problem document that says what is wrong and what to do, and no more."""

import asyncio
import json
import logging

import httpx
import pytest

from seedx_server.app import create_app
from seedx_server.infrastructure.web.problems import MOST_ERRORS
from seedx_server.tickets.service import TicketService
from tests.factories import Desk, Document, Person
from tests.seedx_server.conftest import StartDesk, in_module_loop, settings_on

NOWHERE = "postgresql://somebody@127.0.0.1:1/nothing"


def assert_problem(answer: httpx.Response, status: int, code: str) -> Document:
    """Check what RFC 9457 and the API promise of every error, and return the document."""
    assert answer.status_code == status, answer.text
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.headers["X-Request-ID"]
    document: Document = answer.json()
    assert {"type", "title", "status", "detail", "code"} <= set(document)
    assert (document["status"], document["code"]) == (status, code)
    assert document["type"] == f"urn:seedx:problem:{code}"
    assert document["title"]
    assert document["detail"]
    return document


@in_module_loop
class TestEveryError:
    async def test_is_a_problem_document(
        self, shared_desk: Desk, cleo: Person, ada: Person
    ) -> None:
        ticket = await cleo.ticket()
        path = f"/tickets/{ticket['id']}"
        closed = await cleo.change(await cleo.ticket(), status="closed")
        taken = {"name": "x", "email": cleo.user["email"], "password": "three-lamps-or-so"}
        client = shared_desk.client

        assert_problem(await client.get("/tickets"), 401, "not_authenticated")
        assert_problem(await cleo.post("/tickets/claim"), 403, "forbidden")
        assert_problem(await cleo.get("/tickets/999999"), 404, "not_found")
        assert_problem(await client.get("/no/such/path"), 404, "not_found")
        assert_problem(await client.get("/tickets/"), 404, "not_found")
        assert_problem(await client.delete("/tickets"), 405, "method_not_allowed")
        assert_problem(await client.post("/auth/signup", json=taken), 409, "email_taken")
        assert_problem(
            await cleo.post(f"/tickets/{closed['id']}/messages", {"content": "x"}),
            409,
            "ticket_closed",
        )
        assert_problem(await ada.patch(path, {}, If_Match='"9"'), 412, "precondition_failed")
        assert_problem(await cleo.post("/tickets", {}), 422, "invalid_input")

    async def test_of_bad_input_has_each_field_with_its_message(self, cleo: Person) -> None:
        answer = await cleo.post("/tickets", {"title": "", "priority": "x"})

        document = assert_problem(answer, 422, "invalid_input")
        assert document["errors"] == [
            {"field": "title", "message": "must not be blank"},
            {"field": "description", "message": "is missing"},
            {"field": "priority", "message": "input should be 'low', 'normal', 'high' or 'urgent'"},
        ]

    async def test_of_bad_input_does_not_repeat_the_input(self, shared_desk: Desk) -> None:
        body = {"name": "x", "email": "<script>", "password": "hunter2"}

        answer = await shared_desk.client.post("/auth/signup", json=body)

        assert "hunter2" not in answer.text
        assert "<script>" not in answer.text

    @pytest.mark.parametrize(
        ("path", "allowed"),
        [
            ("/healthz", "GET, HEAD"),
            ("/docs", "GET, HEAD"),
            ("/auth/login", "POST"),
            ("/tickets", "GET, HEAD, POST"),
            ("/tickets/1", "GET, HEAD, PATCH"),
            ("/tickets/1/events", "GET, HEAD"),
            ("/articles/a/b", "DELETE, GET, HEAD, PUT"),
        ],
    )
    async def test_405_names_all_methods_of_the_path(
        self, shared_desk: Desk, path: str, allowed: str
    ) -> None:
        answer = await shared_desk.client.request("TRACE", path)

        assert_problem(answer, 405, "method_not_allowed")
        assert answer.headers["Allow"] == allowed

    async def test_names_the_values_of_an_enumeration_plainly(self, cleo: Person) -> None:
        ticket = await cleo.ticket()

        answer = await cleo.post(f"/tickets/{ticket['id']}/ai-runs", {"purpose": "x"})

        document = assert_problem(answer, 422, "invalid_input")
        message = "input should be 'reply', 'draft' or 'summary'"
        assert document["errors"] == [{"field": "purpose", "message": message}]

    async def test_is_never_much_larger_than_the_request(self, rosa: Person, ada: Person) -> None:
        path = f"/users/{ada.user['id']}"

        many = await rosa.patch(path, {f"k{number}": 1 for number in range(100)})
        too_many = await rosa.patch(path, {f"k{number}": 1 for number in range(101)})
        long = await rosa.patch(path, {"k" * 100_000: 1})

        document = assert_problem(many, 422, "invalid_input")
        assert len(document["errors"]) == MOST_ERRORS
        assert document["detail"].endswith("and 80 more")
        assert too_many.json()["errors"] == [
            {"field": "body", "message": "has more than 100 fields"}
        ]
        assert len(long.content) < 1_000


@in_module_loop
class TestABody:
    @pytest.mark.parametrize(
        "content",
        [
            b"",
            b"{",
            b"{'title': 'x'}",
            b'{"title": "x",}',
            b"\xff\xfe\x00",
            b"\x00",
            b'"text"',
            b"null",
            b"[1]",
            b"7",
            b"NaN",
            b'{"title": "\xed\xa0\x80", "description": "x"}',
            b'{"\\ud800": "\\udfff"}',
            b"[" * 100_000,
            b'{"title": ' + b"9" * 5_000 + b"}",
            b'{"a":' * 50_000 + b"1" + b"}" * 50_000,
        ],
    )
    async def test_that_is_not_a_document_is_refused(self, cleo: Person, content: bytes) -> None:
        headers = {**cleo.headers, "Content-Type": "application/json"}

        answer = await cleo.client.post("/tickets", content=content, headers=headers)

        document = assert_problem(answer, 422, "invalid_input")
        assert document["errors"]

    @pytest.mark.parametrize(
        "content_type",
        [None, "text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "x"],
    )
    async def test_of_another_type_is_refused_and_says_which_is_right(
        self, cleo: Person, content_type: str | None
    ) -> None:
        headers = dict(cleo.headers)
        if content_type is not None:
            headers["Content-Type"] = content_type
        content = json.dumps({"title": "x", "description": "x"}).encode()

        answer = await cleo.client.post("/tickets", content=content, headers=headers)

        document = assert_problem(answer, 422, "invalid_input")
        assert document["errors"] == [
            {"field": "body", "message": "must be a JSON object, sent as application/json"}
        ]

    @pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
    async def test_may_be_in_any_encoding_of_unicode(self, cleo: Person, encoding: str) -> None:
        content = json.dumps({"title": "Grüße", "description": "漢"}, ensure_ascii=False)
        headers = {**cleo.headers, "Content-Type": "application/json; charset=utf-8"}

        answer = await cleo.client.post(
            "/tickets", content=content.encode(encoding), headers=headers
        )

        assert answer.json()["title"] == "Grüße"


@in_module_loop
class TestAFailureOfTheServer:
    async def test_is_a_500_whose_cause_is_only_in_the_log(
        self,
        cleo: Person,
        monkeypatch: pytest.MonkeyPatch,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        async def fail(*_: object) -> None:
            raise RuntimeError("the key of the safe is 1234")

        monkeypatch.setattr(TicketService, "page", fail)
        with caplog.at_level(logging.ERROR, "seedx.failure"):
            answer = await cleo.get("/tickets", Origin="http://localhost")

        assert_problem(answer, 500, "internal_error")
        assert "1234" not in answer.text
        assert "1234" in caplog.text
        assert answer.headers["Access-Control-Allow-Origin"] == "http://localhost"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"

    async def test_of_the_database_is_a_503_to_try_again(self) -> None:
        transport = httpx.ASGITransport(create_app(settings_on(NOWHERE)))
        async with httpx.AsyncClient(transport=transport, base_url="http://desk") as client:
            answer = await client.post("/auth/login", json={"email": "a@b.co", "password": "x"})

        document = assert_problem(answer, 503, "database_unavailable")
        assert int(answer.headers["Retry-After"]) > 0
        assert "127.0.0.1" not in document["detail"]


async def test_what_is_not_http_at_all_is_answered_with_a_problem_document(
    start_desk: StartDesk,
) -> None:
    url = (await start_desk()).client.base_url
    reader, writer = await asyncio.open_connection(url.host, url.port)
    writer.write(b"GET /healthz HTTP/1.1\r\nHost: desk\r\nX-Name: a\x01b\r\n\r\n")
    answer = await asyncio.wait_for(reader.read(), 10)
    writer.close()
    await writer.wait_closed()

    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 400 ")
    assert b"Content-Type: application/problem+json" in head
    assert b"X-Request-ID: " in head
    assert json.loads(body)["code"] == "bad_request"
