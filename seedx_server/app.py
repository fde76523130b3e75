"""The app factory, and the lifespan of a server process."""

import asyncio
import logging
import signal
import threading
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import (
    AbstractAsyncContextManager,
    AsyncExitStack,
    asynccontextmanager,
    contextmanager,
)
from datetime import timedelta
from types import FrameType

from fastapi import APIRouter, Depends, FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.routing import iter_route_contexts
from fastapi_offline import FastAPIOffline

from seedx_server import __version__
from seedx_server.ai import resource as ai
from seedx_server.ai.engine.stream import Followers
from seedx_server.ai.providers.protocol import Provider
from seedx_server.config import Settings
from seedx_server.housekeeping import clean_forever
from seedx_server.infrastructure.web import health, openapi, problems
from seedx_server.infrastructure.web.middleware import (
    CatchFailures,
    Cors,
    HeadAsGet,
    LimitBody,
    RequestContext,
)
from seedx_server.knowledge import resource as knowledge
from seedx_server.messages import resource as messages
from seedx_server.parts import Parts, make_parts
from seedx_server.tickets import resource as tickets
from seedx_server.users import resource as users
from seedx_server.users.actor import SIGNED_OUT, bearer, current_actor
from seedx_server.users.repository import SessionRepository
from seedx_server.users.security import utc_now

logger = logging.getLogger(__name__)

LARGEST_BODY = 4 * 1024 * 1024

PUBLIC_PATHS = frozenset(
    {
        "/auth/signup",
        "/auth/login",
        "/auth/token",
        "/auth/refresh",
        "/healthz",
        "/readyz",
        "/metrics",
        "/openapi.json",
        "/docs",
        "/docs/oauth2-redirect",
        "/redoc",
        "/static-offline-docs",
    }
)
"""The paths that are open to callers who are not signed in; no other path is."""


class UnguardedRouteError(Exception):
    """A route neither requires an actor nor is on the list of public paths."""


def create_app(settings: Settings) -> FastAPI:
    """Return the app. Nothing connects before its lifespan begins.

    The app can be mounted inside another ASGI app, which then must run its lifespan:
    `FastAPI(lifespan=lambda _: app.router.lifespan_context(app))`.

    Args:
        settings: The settings; the database's address and the signing secret are set.

    Raises:
        SettingsError: A setting cannot be used.
        UnguardedRouteError: A route would be open to callers who are not signed in.
    """
    parts = make_parts(settings)
    app: FastAPI = FastAPIOffline(
        title="SeedX",
        version=__version__,
        summary="A support desk that lives in the terminal.",
        lifespan=_lifespan(parts),
        redirect_slashes=False,
        responses=openapi.DEFAULT,
    )
    app.state.parts = parts
    problems.install(app)
    _include(app, settings.api_prefix)
    app.add_middleware(HeadAsGet)
    app.add_middleware(LimitBody, largest=LARGEST_BODY)
    app.add_middleware(CatchFailures)
    app.add_middleware(
        Cors,
        allow_origins=settings.allowed_origins,
        allow_credentials=True,
        allow_methods=["*"],
        allow_headers=["*"],
        expose_headers=["ETag", "Location", "Retry-After", "X-Request-ID"],
    )
    app.add_middleware(RequestContext, metrics=parts.metrics)
    check_guarded(app, settings.api_prefix)
    return app


def _include(app: FastAPI, prefix: str) -> None:
    guarded = APIRouter(
        dependencies=[Depends(current_actor)], responses=openapi.problems(*SIGNED_OUT)
    )
    for router in (
        users.signed_in,
        users.router,
        users.staff,
        tickets.router,
        messages.router,
        ai.router,
        knowledge.router,
    ):
        guarded.include_router(router)
    app.include_router(guarded, prefix=prefix)
    app.include_router(users.public, prefix=prefix)
    app.include_router(health.router)
    openapi.describe(app, bearer.scheme_name, prefix)


def check_guarded(app: FastAPI, prefix: str = "") -> None:
    """Check that each route depends on `current_actor` or is on the public list.

    Args:
        app: The app with all its routes.
        prefix: The prefix of the API's paths.

    Raises:
        UnguardedRouteError: A route does neither.
    """
    for context in iter_route_contexts(app.routes):
        path = (context.path or "").removeprefix(prefix)
        dependant: Dependant | None = getattr(context, "dependant", None)
        guarded = dependant is not None and current_actor in _calls(dependant)
        if not guarded and path not in PUBLIC_PATHS:
            raise UnguardedRouteError(f"{context.path} is neither public nor guarded")


def _calls(dependant: Dependant) -> Iterator[Callable[..., object] | None]:
    yield dependant.call
    for part in dependant.dependencies:
        yield from _calls(part)


def _lifespan(parts: Parts) -> Callable[[FastAPI], AbstractAsyncContextManager[None]]:
    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            await _start(parts, stack)
            yield

    return lifespan


async def _start(parts: Parts, stack: AsyncExitStack) -> None:
    """Start the parts, each once the stack knows how to stop it; they stop in reverse order."""
    stack.enter_context(_streams_end_at_signal(parts.followers))
    stack.push_async_callback(parts.engine.dispose)
    stack.push_async_callback(parts.writer_engine.dispose)
    stack.callback(parts.hasher.close)
    stack.push_async_callback(_close, parts.providers)
    parts.notifier.on_connect(lambda: _reload_revocations(parts))
    stack.push_async_callback(parts.notifier.stop)
    await parts.notifier.start()
    stack.push_async_callback(parts.runner.stop)
    await parts.runner.start()
    refresh_life = timedelta(days=parts.settings.refresh_days)
    housekeeping = asyncio.create_task(
        clean_forever(parts.sessions, refresh_life), name="housekeeping"
    )
    stack.callback(housekeeping.cancel)
    stack.callback(parts.followers.stop)


async def _close(providers: Sequence[Provider]) -> None:
    for provider in providers:
        try:
            await provider.aclose()
        except Exception:  # the others must still be closed
            logger.exception("AI provider %s could not be closed", provider.name)


async def _reload_revocations(parts: Parts) -> None:
    async with parts.sessions() as session:
        recent = await SessionRepository(session).revoked_since(utc_now() - parts.signer.life)
    for session_id in recent.sessions:
        parts.revocations.end_session(session_id)
    for user_id, version in recent.versions:
        parts.revocations.require_version(user_id, version)


@contextmanager
def _streams_end_at_signal(followers: Followers) -> Iterator[None]:
    """End event streams when the process is told to stop; the server waits for them."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    loop = asyncio.get_running_loop()
    kept = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}

    def handle(number: int, frame: FrameType | None) -> None:
        loop.call_soon_threadsafe(followers.stop)
        handler = kept[signal.Signals(number)]
        if callable(handler):
            handler(number, frame)

    for number in kept:
        signal.signal(number, handle)
    try:
        yield
    finally:
        for number, handler in kept.items():
            signal.signal(number, handler)
