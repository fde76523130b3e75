"""Real server processes that are killed and stopped while they work on a run."""

import asyncio
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from tests.factories import PASSWORD, Document, Person
from tests.fake_upstream import FakeUpstream, Reply
from tests.streams import PATIENCE_SECONDS, StreamEvent, followed, opened, text_of

PIECES = ("Sign out, ", "then sign in ", "again; ", "that mends it.")
TEXT = "".join(PIECES)
LEASE_SECONDS = 2
SIGTERM_SECONDS = 10

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX signals")


@dataclass
class ServerProcess:
    """One `seedx serve`."""

    process: asyncio.subprocess.Process
    address: str

    def client(self) -> httpx.AsyncClient:
        """Return a client of it."""
        return httpx.AsyncClient(base_url=self.address, timeout=PATIENCE_SECONDS)

    async def end(self, number: signal.Signals) -> int:
        """Send it a signal and return its exit code."""
        self.process.send_signal(number)
        return await asyncio.wait_for(self.process.wait(), PATIENCE_SECONDS)


Serve = Callable[[], Awaitable[ServerProcess]]


@pytest.fixture
async def upstream() -> AsyncIterator[FakeUpstream]:
    """The AI, scripted."""
    async with FakeUpstream() as running:
        running.default = Reply(PIECES)
        yield running


@pytest.fixture
async def serve(database_url: str, upstream: FakeUpstream, tmp_path: Path) -> AsyncIterator[Serve]:
    """Start server processes on the test's database."""
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "DATABASE_URL": database_url,
        "JWT_SECRET": "a-secret-of-tests-that-is-long-enough",
        "GROK_API_KEY": "gsk-test",
        "GROK_API_URL": upstream.url,
        "SEEDX_AI_FALLBACK": "knowledge",
        "SEEDX_AI_LEASE_SECONDS": str(LEASE_SECONDS),
    }
    processes: list[ServerProcess] = []

    async def start() -> ServerProcess:
        command = [sys.executable, "-m", "seedx_cli", "serve", "--port", "0"]
        process = await asyncio.create_subprocess_exec(
            *command, env=environment, cwd=tmp_path, stderr=asyncio.subprocess.PIPE
        )
        assert process.stderr is not None
        said = b""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while b"answers at" not in said:
                line = await process.stderr.readline()
                assert line, said.decode()
                said += line
        address = said.decode().rpartition("answers at ")[2].split()[0]
        server = ServerProcess(process, address)
        processes.append(server)
        await _ready(server)
        return server

    yield start
    for server in processes:
        if server.process.returncode is None:
            await server.end(signal.SIGKILL)


async def _ready(server: ServerProcess) -> None:
    async with server.client() as client:
        answer = await client.get("/readyz")
    assert answer.status_code == 200, answer.text


@dataclass
class Scene:
    """A customer whose reply waits in mid-text at one of two servers."""

    owner: ServerProcess
    other: ServerProcess
    cleo: Person
    ticket: Document
    held: list[StreamEvent]

    @property
    def path(self) -> str:
        """Where the reply streams."""
        return f"/tickets/{self.ticket['id']}/ai-response"


@pytest.fixture
async def scene(serve: Serve, upstream: FakeUpstream) -> AsyncIterator[Scene]:
    """A reply that was begun by one server and that another can take over."""
    upstream.script(Reply(PIECES, gate=asyncio.Event(), gate_at=2))
    async with AsyncExitStack() as stack:
        owner = await serve()
        cleo = await _signed_up(await stack.enter_async_context(owner.client()))
        ticket = await cleo.ticket()
        held: list[StreamEvent] = []
        async with opened(cleo, f"/tickets/{ticket['id']}/ai-response") as events:
            async for event in events:
                held.append(event)
                if event.name is None:
                    break
        other = await serve()
        elsewhere = Person(await stack.enter_async_context(other.client()), cleo.session)
        yield Scene(owner, other, elsewhere, ticket, held)


async def _signed_up(client: httpx.AsyncClient) -> Person:
    account = {"name": "Cleo", "email": "cleo@example.com", "password": PASSWORD}
    await client.post("/auth/signup", json=account)
    answer = await client.post("/auth/login", json=account)
    return Person(client, answer.json())


async def test_a_killed_owners_run_is_begun_anew_by_another_within_the_lease(
    scene: Scene,
) -> None:
    await scene.owner.end(signal.SIGKILL)

    events = await followed(scene.cleo, scene.path, scene.held[-1].id)

    assert "restarted" in [event.name for event in events]
    assert text_of(events, text_of(scene.held)) == TEXT
    assert events[-1].name == "done"
    messages = (await scene.cleo.read(scene.ticket))["messages"]
    assert [message["content"] for message in messages] == [TEXT]


async def test_a_killed_owners_run_is_begun_anew_by_the_restarted_one(
    scene: Scene, serve: Serve
) -> None:
    await scene.other.end(signal.SIGTERM)
    await scene.owner.end(signal.SIGKILL)
    restarted = await serve()

    async with restarted.client() as client:
        cleo = Person(client, scene.cleo.session)
        events = await followed(cleo, scene.path, scene.held[-1].id)
        messages = (await cleo.read(scene.ticket))["messages"]

    assert text_of(events, text_of(scene.held)) == TEXT
    assert [message["content"] for message in messages] == [TEXT]


async def test_a_frozen_owner_that_wakes_up_late_writes_nothing(scene: Scene) -> None:
    scene.owner.process.send_signal(signal.SIGSTOP)
    events = await followed(scene.cleo, scene.path, scene.held[-1].id)
    before = await scene.cleo.read(scene.ticket)

    scene.owner.process.send_signal(signal.SIGCONT)
    assert await scene.owner.end(signal.SIGTERM) == 0

    after = await scene.cleo.read(scene.ticket)
    assert text_of(events, text_of(scene.held)) == TEXT
    assert after == before
    assert (await scene.cleo.get("/ai-runs/1")).json()["text"] == TEXT


async def test_a_terminated_owner_leaves_in_time_and_gives_its_run_back(scene: Scene) -> None:
    began = time.monotonic()

    assert await scene.owner.end(signal.SIGTERM) == 0

    assert time.monotonic() - began < SIGTERM_SECONDS
    events = await followed(scene.cleo, scene.path, scene.held[-1].id)
    assert text_of(events, text_of(scene.held)) == TEXT
    assert len((await scene.cleo.read(scene.ticket))["messages"]) == 1


async def test_servers_that_start_at_once_share_one_database_and_one_queue(
    database_url: str, serve: Serve
) -> None:
    assert database_url
    servers = await asyncio.gather(serve(), serve())

    async with servers[0].client() as client:
        cleo = await _signed_up(client)
        tickets = [await cleo.ticket() for _ in range(4)]
        streams = await asyncio.gather(
            *(followed(cleo, f"/tickets/{ticket['id']}/ai-response") for ticket in tickets)
        )

    assert [text_of(events) for events in streams] == [TEXT] * 4
