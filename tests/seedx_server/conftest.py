"""A desk for each test: the real app on a database of its own."""

import asyncio
import socket
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from typing import Any

import httpx
import psycopg
import pytest
import pytest_asyncio
import uvicorn
from fastapi import FastAPI
from pydantic import AliasChoices

from seedx_server.ai.providers.protocol import Provider
from seedx_server.ai.providers.registry import make_provider
from seedx_server.app import create_app
from seedx_server.config import Settings, load_settings
from seedx_server.infrastructure.access import Role
from seedx_server.infrastructure.web.protocol import ProblemProtocol
from seedx_server.users import security
from tests.conftest import address_of, database
from tests.declared import DeclaredErrors
from tests.factories import Desk, Person
from tests.fake_upstream import FakeUpstream, Reply
from tests.generations import KEY, MODEL
from tests.runs import ANSWER, by_groq
from tests.waiting import PATIENCE_SECONDS

SECRET = "a-secret-of-tests-that-is-long-enough"

MakeSettings = Callable[..., Settings]
StartDesk = Callable[..., Awaitable[Desk]]

of_module = pytest_asyncio.fixture(scope="module", loop_scope="module")
in_module_loop = pytest.mark.asyncio(loop_scope="module")
"""For tests that share a module's desk: they have to run in its event loop."""


@pytest.fixture(scope="session", autouse=True)
def plain_environment() -> Iterator[None]:
    """Settings of the machine that tests, and the price of a good hash, stay outside."""
    with pytest.MonkeyPatch.context() as patch:
        for field in Settings.model_fields.values():
            alias = field.validation_alias
            for name in alias.choices if isinstance(alias, AliasChoices) else [alias]:
                patch.delenv(str(name), raising=False)
        cheap = security.PASSWORDS.using(argon2__time_cost=1, argon2__memory_cost=64)
        patch.setattr(security, "PASSWORDS", cheap)
        yield


def settings_on(database_url: str, **overrides: Any) -> Settings:
    """Settings of a desk in this process."""
    values: dict[str, Any] = {
        "_env_file": None,
        "database_url": database_url,
        "jwt_secret": SECRET,
        "database_pool_size": 5,
        "log_level": "warning",
        **overrides,
    }
    return load_settings(**values)


@pytest.fixture
def make_settings(database_url: str) -> MakeSettings:
    """Settings on the test's database."""
    return partial(settings_on, database_url)


@asynccontextmanager
async def running(app: FastAPI) -> AsyncIterator[FastAPI]:
    """Run the app's lifespan, and wait until it hears notifications."""
    async with app.router.lifespan_context(app):
        await asyncio.wait_for(app.state.parts.notifier.connected.wait(), PATIENCE_SECONDS)
        yield app


class Server(uvicorn.Server):
    """A server that says when it is up."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.is_up = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.is_up.set()


@asynccontextmanager
async def listening(app: FastAPI) -> AsyncIterator[str]:
    """Serve the app on loopback and give its address: streams need a real connection."""
    listener = socket.create_server(("127.0.0.1", 0))
    # What uvloop does by itself: without it, each answer waits 40 ms for an acknowledgement.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    config = uvicorn.Config(
        app,
        http=ProblemProtocol,
        log_config=None,
        access_log=False,
        timeout_graceful_shutdown=2,
    )
    server = Server(config)
    task = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        await asyncio.wait_for(server.is_up.wait(), PATIENCE_SECONDS)
        await asyncio.wait_for(app.state.parts.notifier.connected.wait(), PATIENCE_SECONDS)
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        app.state.parts.followers.stop()
        server.should_exit = True
        await task
        listener.close()


@pytest.fixture
async def app(make_settings: MakeSettings) -> AsyncIterator[FastAPI]:
    """The app, running."""
    async with running(create_app(make_settings())) as app:
        yield app


def checked_client(app: FastAPI, **options: Any) -> httpx.AsyncClient:
    """A client that fails the test when an error is not declared for its operation."""
    return httpx.AsyncClient(event_hooks={"response": [DeclaredErrors(app)]}, **options)


@asynccontextmanager
async def reached(app: FastAPI) -> AsyncIterator[Desk]:
    """Reach a running app through ASGI."""
    transport = httpx.ASGITransport(app)
    async with checked_client(app, base_url="http://desk", transport=transport) as client:
        yield Desk(client, app)


@pytest.fixture
async def desk(app: FastAPI) -> AsyncIterator[Desk]:
    """A desk reached through ASGI."""
    async with reached(app) as desk:
        yield desk


@of_module
async def shared_desk(
    postgres: psycopg.Connection, postgres_url: str, template: str
) -> AsyncIterator[Desk]:
    """One desk for all tests of a module, each of which opens tickets of its own."""
    name = f"seedx_test_{uuid.uuid4().hex}"
    with database(postgres, name, template):
        settings = settings_on(address_of(postgres_url, name))
        async with running(create_app(settings)) as app, reached(app) as desk:
            yield desk


@of_module
async def cleo(shared_desk: Desk) -> Person:
    """A customer."""
    return await shared_desk.customer("Cleo")


@of_module
async def otto(shared_desk: Desk) -> Person:
    """Another customer."""
    return await shared_desk.customer("Otto")


@of_module
async def ada(shared_desk: Desk) -> Person:
    """An agent."""
    return await shared_desk.staff("Ada")


@of_module
async def rosa(shared_desk: Desk) -> Person:
    """An admin."""
    return await shared_desk.staff("Rosa", Role.ADMIN)


@pytest.fixture
async def start_desk(make_settings: MakeSettings) -> AsyncIterator[StartDesk]:
    """Start a desk on loopback; several share the test's database, like server processes."""
    async with AsyncExitStack() as stack:

        async def start(**overrides: Any) -> Desk:
            app = create_app(make_settings(**overrides))
            address = await stack.enter_async_context(listening(app))
            client = checked_client(app, base_url=address, timeout=PATIENCE_SECONDS)
            await stack.enter_async_context(client)
            return Desk(client, app)

        yield start


@pytest.fixture
async def upstream() -> AsyncIterator[FakeUpstream]:
    """The AI, scripted."""
    async with FakeUpstream() as scripted:
        scripted.default = Reply(ANSWER)
        yield scripted


@pytest.fixture
async def groq_desk(start_desk: StartDesk, upstream: FakeUpstream) -> Desk:
    """A desk whose AI is the scripted one."""
    return await start_desk(**by_groq(upstream))


@pytest.fixture
async def groq(upstream: FakeUpstream) -> AsyncIterator[Provider]:
    """The scripted AI, as Groq's provider reaches it."""
    settings = load_settings(groq_api_key=KEY, groq_base_url=upstream.url, ai_model=MODEL)
    provider = make_provider("groq", settings)
    yield provider
    await provider.aclose()


@pytest.fixture
def knowledge() -> Provider:
    """The provider that needs no service."""
    return make_provider("knowledge", load_settings())
