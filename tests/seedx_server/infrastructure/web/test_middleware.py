"""What every response has: HEAD, an id, a log line, origins, a limit for the body."""

import asyncio
import logging
import re
from collections.abc import AsyncIterator

import pytest

from seedx_server.app import LARGEST_BODY
from tests.factories import Desk, Person, path_of
from tests.seedx_server.conftest import in_module_loop

ORIGIN = "http://localhost:3000"
SECURITY_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}


@in_module_loop
class TestHead:
    @pytest.mark.parametrize(
        "path",
        ["/healthz", "/metrics", "/openapi.json", "/docs", "/tickets", "/auth/me", "/articles"],
    )
    async def test_answers_like_get_without_a_body(self, cleo: Person, path: str) -> None:
        read, asked = await cleo.get(path), await cleo.send("HEAD", path)

        assert asked.status_code == read.status_code == 200
        assert asked.content == b""
        own = {"x-request-id", "content-length"} if path == "/metrics" else {"x-request-id"}
        assert {name: asked.headers[name] for name in set(asked.headers) - own} == {
            name: read.headers[name] for name in set(read.headers) - own
        }

    async def test_of_a_ticket_has_its_etag(self, cleo: Person, otto: Person) -> None:
        path = path_of(await cleo.ticket())

        assert (await cleo.send("HEAD", path)).headers["ETag"] == '"1"'
        assert (await otto.send("HEAD", path)).status_code == 404

    async def test_of_a_stream_starts_neither_a_run_nor_a_stream(
        self, cleo: Person, otto: Person
    ) -> None:
        ticket = await cleo.ticket()
        run = (await cleo.post("/ask", {"question": "Where is my invoice?"})).json()
        streams = [
            f"{path_of(ticket)}/events",
            f"{path_of(ticket)}/ai-response",
            f"/ai-runs/{run['id']}/events",
        ]

        for path in streams:
            asked = await asyncio.wait_for(cleo.send("HEAD", path), 10)
            assert asked.status_code == 200, path
            assert asked.headers["Content-Type"].startswith("text/event-stream")
            assert (await otto.send("HEAD", path)).status_code == 404, path
        assert (await cleo.post(f"{path_of(ticket)}/ai-runs", {})).status_code == 202

    async def test_is_logged_and_counted_under_its_own_name(
        self, shared_desk: Desk, caplog: pytest.LogCaptureFixture
    ) -> None:
        with caplog.at_level(logging.INFO, "seedx.access"):
            await shared_desk.client.head("/healthz")

        assert any(record.getMessage().startswith("HEAD /healthz 200") for record in caplog.records)
        metrics = (await shared_desk.client.get("/metrics")).text
        assert 'method="HEAD",route="/healthz"' in metrics


@in_module_loop
class TestEveryAnswer:
    @pytest.mark.parametrize(
        ("method", "path", "status"),
        [
            ("GET", "/healthz", 200),
            ("GET", "/docs", 200),
            ("GET", "/openapi.json", 200),
            ("GET", "/tickets", 401),
            ("GET", "/nowhere", 404),
            ("DELETE", "/tickets", 405),
            ("POST", "/auth/login", 422),
        ],
    )
    async def test_has_the_headers_that_keep_it_safe(
        self, shared_desk: Desk, method: str, path: str, status: int
    ) -> None:
        answer = await shared_desk.client.request(method, path)

        assert answer.status_code == status
        for name, value in SECURITY_HEADERS.items():
            assert answer.headers[name] == value
        assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]
        assert "Server" not in answer.headers

    async def test_has_an_id_of_its_own(self, shared_desk: Desk) -> None:
        ids = [(await shared_desk.client.get("/healthz")).headers["X-Request-ID"] for _ in "ab"]

        assert all(re.fullmatch(r"[0-9a-f]{32}", given) for given in ids)
        assert ids[0] != ids[1]

    @pytest.mark.parametrize("given", ["a", "web-1.req_42", "x" * 64])
    async def test_keeps_the_id_that_the_sender_gave(self, shared_desk: Desk, given: str) -> None:
        answer = await shared_desk.client.get("/nowhere", headers={"X-Request-ID": given})

        assert answer.headers["X-Request-ID"] == given

    @pytest.mark.parametrize(
        "given", ["", "x" * 65, "a b", "<script>", "a;b", "a\x1b[31m", "\xff", "%0d%0aSet-Cookie:x"]
    )
    async def test_takes_no_id_that_could_do_harm(self, shared_desk: Desk, given: str) -> None:
        headers = {b"X-Request-ID": given.encode("latin-1")}

        answer = await shared_desk.client.get("/healthz", headers=headers)

        assert re.fullmatch(r"[0-9a-f]{32}", answer.headers["X-Request-ID"])

    async def test_is_one_line_of_the_log(
        self, shared_desk: Desk, caplog: pytest.LogCaptureFixture
    ) -> None:
        with caplog.at_level(logging.INFO, "seedx.access"):
            await shared_desk.client.get("/a%0a2026-11-23 FORGED%1b[2J?password=hunter2")

        lines = [record.getMessage() for record in caplog.records if record.name == "seedx.access"]
        assert len(lines) == 1
        assert lines[0].isprintable()
        assert "hunter2" not in lines[0]


@in_module_loop
class TestOtherOrigins:
    async def test_that_are_allowed_may_read_and_send_credentials(self, shared_desk: Desk) -> None:
        answer = await shared_desk.client.get("/healthz", headers={"Origin": ORIGIN})
        asked = await shared_desk.client.options(
            "/tickets/1",
            headers={
                "Origin": ORIGIN,
                "Access-Control-Request-Method": "PATCH",
                "Access-Control-Request-Headers": "authorization,if-match,idempotency-key",
            },
        )

        for headers in (answer.headers, asked.headers):
            assert headers["Access-Control-Allow-Origin"] == ORIGIN
            assert headers["Access-Control-Allow-Credentials"] == "true"
        exposed = answer.headers["Access-Control-Expose-Headers"]
        assert {"ETag", "Location", "Retry-After", "X-Request-ID"} <= set(exposed.split(", "))
        assert asked.status_code == 200
        assert "PATCH" in asked.headers["Access-Control-Allow-Methods"]
        assert "if-match" in asked.headers["Access-Control-Allow-Headers"].lower()

    @pytest.mark.parametrize(
        "origin",
        [
            "https://evil.example",
            "http://localhost:3001",
            "https://localhost:3000",
            "http://localhost:3000.evil.example",
            "http://localhost:3000/",
            "null",
            "*",
            "",
        ],
    )
    async def test_that_are_not_may_not(self, shared_desk: Desk, origin: str) -> None:
        headers = {"Origin": origin, "Access-Control-Request-Method": "POST"}

        read = await shared_desk.client.get("/healthz", headers={"Origin": origin})
        asked = await shared_desk.client.options("/tickets", headers=headers)

        for answer in (read, asked):
            assert "Access-Control-Allow-Origin" not in answer.headers
        assert asked.status_code == 400
        assert asked.headers["Content-Type"] == "application/problem+json"
        assert asked.json()["code"] == "cors_refused"
        assert "Origin" in asked.headers["Vary"]


@in_module_loop
class TestALargeBody:
    @pytest.mark.parametrize(
        ("path", "says_how_large"),
        [("/tickets", True), ("/tickets", False), ("/auth/signup", False), ("/auth/token", True)],
    )
    async def test_is_refused_whether_or_not_it_says_how_large_it_is(
        self, cleo: Person, path: str, says_how_large: bool
    ) -> None:
        async def pieces() -> AsyncIterator[bytes]:
            for _ in range(LARGEST_BODY // 65_536 + 1):
                yield b"x" * 65_536

        kind = "application/x-www-form-urlencoded" if "token" in path else "application/json"
        headers = {**cleo.headers, "Content-Type": kind}
        content = b"x" * (LARGEST_BODY + 1) if says_how_large else pieces()

        answer = await cleo.client.post(path, content=content, headers=headers)

        assert answer.status_code == 413
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert answer.headers["X-Request-ID"]
        assert answer.json()["code"] == "body_too_large"
        assert answer.json()["detail"] == "The body is larger than 4 MB."

    async def test_of_just_that_size_is_read(self, cleo: Person) -> None:
        content = b'{"title": "' + b"x" * (LARGEST_BODY - 13) + b'"}'
        headers = {**cleo.headers, "Content-Type": "application/json"}

        answer = await cleo.client.post("/tickets", content=content, headers=headers)

        assert len(content) == LARGEST_BODY
        assert answer.status_code == 422
