"""Real server processes on a database of their own, and an AI that is scripted."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from seedx_cli.local.server import importable
from tests.factories import PASSWORD, Document, Person
from tests.fake_upstream import FakeUpstream, Reply
from tests.streams import StreamEvent, opened
from tests.waiting import PATIENCE_SECONDS

PIECES = ("Sign out, ", "then sign in ", "again; ", "that mends it.")
TEXT = "".join(PIECES)
POLL_SECONDS = 0.05


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


Serve = Callable[..., Awaitable[ServerProcess]]
"""Starts `seedx serve` with further arguments, and with settings as keyword arguments."""


@pytest.fixture
async def upstream() -> AsyncIterator[FakeUpstream]:
    """The AI, scripted."""
    async with FakeUpstream() as running:
        running.default = Reply(PIECES)
        yield running


@pytest.fixture
def lease_seconds() -> int:
    """The lease of a run: so long that a busy machine loses none."""
    return 300


A_SHORT_LEASE = pytest.mark.parametrize("lease_seconds", [2])
"""For tests in which the lease of a dead owner runs out."""


@pytest.fixture
async def serve(
    database_url: str, upstream: FakeUpstream, lease_seconds: int, tmp_path: Path
) -> AsyncIterator[Serve]:
    """Start server processes on the test's database."""
    settings = {
        "DATABASE_URL": database_url,
        "JWT_SECRET": "a-secret-of-tests-that-is-long-enough",
        "GROK_API_KEY": "gsk-test",
        "GROK_API_URL": upstream.url,
        "SEEDX_AI_FALLBACK": "knowledge",
        "SEEDX_AI_LEASE_SECONDS": str(lease_seconds),
    }
    async with serving(tmp_path, settings) as start:
        yield start


@asynccontextmanager
async def serving(folder: Path, settings: dict[str, str]) -> AsyncIterator[Serve]:
    """Start server processes that work in a folder, and end those that still run."""
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder), **settings}
    processes: list[ServerProcess] = []

    async def start(*words: str, **further: str) -> ServerProcess:
        command = [sys.executable, "-m", "seedx_cli", "serve", "--port", "0", *words]
        process = await asyncio.create_subprocess_exec(
            *command,
            env={**importable(environment), **further},
            cwd=folder,
            stderr=asyncio.subprocess.PIPE,
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


async def until(reached: Callable[[], Awaitable[bool]]) -> None:
    """Ask until something in other processes is as wanted."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not await reached():  # noqa: ASYNC110  # another process sets no event here
            await asyncio.sleep(POLL_SECONDS)


async def ready_again(server: ServerProcess) -> None:
    """Wait until a server that lost its database is ready."""
    async with server.client() as client:

        async def ready() -> bool:
            return (await client.get("/readyz")).status_code == httpx.codes.OK

        await until(ready)


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
        cleo = await signed_up(await stack.enter_async_context(owner.client()))
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


async def signed_up(client: httpx.AsyncClient) -> Person:
    account = {"name": "Cleo", "email": "cleo@example.com", "password": PASSWORD}
    await client.post("/auth/signup", json=account)
    answer = await client.post("/auth/login", json=account)
    return Person(client, answer.json())
