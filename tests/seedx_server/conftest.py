"""A desk for each test: the real app on a database of its own."""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import httpx
import pytest
import uvicorn
from fastapi import FastAPI

from seedx_server.app import create_app
from seedx_server.config import Settings, load_settings
from tests.factories import Desk

SECRET = "a-secret-of-tests-that-is-long-enough"

MakeSettings = Callable[..., Settings]
StartDesk = Callable[..., Awaitable[Desk]]


@pytest.fixture
def make_settings(database_url: str, monkeypatch: pytest.MonkeyPatch) -> MakeSettings:
    """Settings on the test's database, whatever the environment of the tests says."""
    for name in ("GROK_API_KEY", "GROQ_API_KEY", "SEEDX_AI_BASE_URL", "SEEDX_AI_PROVIDER"):
        monkeypatch.delenv(name, raising=False)

    def make(**overrides: Any) -> Settings:
        values: dict[str, Any] = {
            "_env_file": None,
            "database_url": database_url,
            "jwt_secret": SECRET,
            "database_pool_size": 5,
            "log_level": "warning",
            **overrides,
        }
        return load_settings(**values)

    return make


@asynccontextmanager
async def running(app: FastAPI) -> AsyncIterator[FastAPI]:
    """Run the app's lifespan, and wait until it hears notifications."""
    async with app.router.lifespan_context(app):
        await asyncio.wait_for(app.state.notifier.connected.wait(), 10)
        yield app


@asynccontextmanager
async def listening(app: FastAPI) -> AsyncIterator[str]:
    """Serve the app on loopback and give its address: streams need a real connection."""
    listener = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(app, log_config=None, access_log=False, timeout_graceful_shutdown=2)
    server = uvicorn.Server(config)
    task = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        await asyncio.wait_for(_started(server), 10)
        await asyncio.wait_for(app.state.notifier.connected.wait(), 10)
        yield "http://127.0.0.1:{}".format(listener.getsockname()[1])
    finally:
        app.state.followers.stop()
        server.should_exit = True
        await task
        listener.close()


async def _started(server: uvicorn.Server) -> None:
    while not server.started:
        await asyncio.sleep(0.01)


@pytest.fixture
async def app(make_settings: MakeSettings) -> AsyncIterator[FastAPI]:
    """The app, running."""
    async with running(create_app(make_settings())) as app:
        yield app


@pytest.fixture
async def desk(app: FastAPI) -> AsyncIterator[Desk]:
    """A desk reached through ASGI."""
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://desk") as client:
        yield Desk(client, app)


@pytest.fixture
async def start_desk(make_settings: MakeSettings) -> AsyncIterator[StartDesk]:
    """Start a desk on loopback; several share the test's database, like server processes."""
    async with AsyncExitStack() as stack:

        async def start(**overrides: Any) -> Desk:
            app = create_app(make_settings(**overrides))
            address = await stack.enter_async_context(listening(app))
            client = await stack.enter_async_context(httpx.AsyncClient(base_url=address))
            return Desk(client, app)

        yield start
