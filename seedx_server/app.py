"""The app factory: everything is made here, from the settings, and handed on."""

import asyncio
import logging
import signal
import threading
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from datetime import timedelta
from types import FrameType
from typing import Any

from fastapi import APIRouter, Depends, FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.routing import iter_route_contexts
from fastapi_offline import FastAPIOffline
from starlette.middleware.cors import CORSMiddleware

from seedx_server import __version__
from seedx_server.ai import resource as ai
from seedx_server.ai.answer.prompts import Prompts
from seedx_server.ai.engine.composer import AIComposer
from seedx_server.ai.engine.runner import Runner
from seedx_server.ai.engine.stream import Followers
from seedx_server.ai.providers.protocol import Provider
from seedx_server.ai.providers.registry import configured
from seedx_server.config import Settings
from seedx_server.housekeeping import tidy_forever
from seedx_server.infrastructure.database import migrate
from seedx_server.infrastructure.database.engine import Sessions, make_engine, make_sessions
from seedx_server.infrastructure.database.notify import Notifier
from seedx_server.infrastructure.observability import Metrics
from seedx_server.infrastructure.web import health, problems
from seedx_server.infrastructure.web.middleware import CatchFailures, LimitBody, RequestContext
from seedx_server.infrastructure.web.problems import Problem
from seedx_server.knowledge import resource as knowledge
from seedx_server.messages import resource as messages
from seedx_server.tickets import resource as tickets
from seedx_server.users import resource as users
from seedx_server.users.actor import bearer, current_actor
from seedx_server.users.repository import SessionRepository
from seedx_server.users.revocation import SESSION_TOPIC, USER_TOPIC, Revocations
from seedx_server.users.security import PasswordHasher, TokenSigner, utc_now

logger = logging.getLogger(__name__)

LARGEST_BODY = 4 * 1024 * 1024
PROBLEM = {"schema": {"$ref": f"#/components/schemas/{Problem.__name__}"}}

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
"""Every path that answers somebody who is not signed in; nothing else does."""


class UnguardedRouteError(Exception):
    """A route asks for nobody and is not on the list of public paths."""


def create_app(settings: Settings) -> FastAPI:
    """Make the app. Nothing connects before its lifespan begins.

    The app can be mounted inside another ASGI app, which then has to run its lifespan:
    `FastAPI(lifespan=lambda _: app.router.lifespan_context(app))`.

    Args:
        settings: The settings; the database's address and the signing secret are set.

    Raises:
        SettingsError: A setting does not fit.
        UnguardedRouteError: A route would answer anybody.
    """
    app: FastAPI = FastAPIOffline(
        title="SeedX",
        version=__version__,
        summary="A support desk that lives in the terminal.",
        lifespan=_lifespan,
        redirect_slashes=False,
        responses={"default": {"model": Problem, "description": "A problem document."}},
    )
    _make_parts(app, settings)
    problems.install(app)
    _include(app, settings.api_prefix)
    app.add_middleware(LimitBody, largest=LARGEST_BODY)
    app.add_middleware(CatchFailures)
    app.add_middleware(
        CORSMiddleware,
        allow_origins=settings.allowed_origins,
        allow_credentials=True,
        allow_methods=["*"],
        allow_headers=["*"],
        expose_headers=["ETag", "Location", "Retry-After", "X-Request-ID"],
    )
    app.add_middleware(RequestContext, metrics=app.state.metrics)
    check_guarded(app, settings.api_prefix)
    return app


def _make_parts(app: FastAPI, settings: Settings) -> None:
    state = app.state
    state.settings = settings
    state.metrics = Metrics()
    state.engine = make_engine(settings.database, settings.database_pool_size)
    state.sessions = make_sessions(state.engine)
    state.writer_engine = make_engine(settings.database, 1)
    state.notifier = Notifier(settings.listen_database)
    state.hasher = PasswordHasher()
    state.signer = TokenSigner(settings)
    state.revocations = Revocations(state.signer.life, utc_now)
    state.notifier.on_topic(SESSION_TOPIC, state.revocations.hear_session)
    state.notifier.on_topic(USER_TOPIC, state.revocations.hear_user)
    state.providers = configured(settings)
    state.revision = migrate.newest()
    composer = AIComposer(
        sessions=state.sessions,
        providers=state.providers,
        prompts=Prompts.load(settings),
        settings=settings,
        articles_path=f"{settings.api_prefix}/articles",
        metrics=state.metrics,
    )
    state.runner = Runner(
        sessions=state.sessions,
        writer_sessions=make_sessions(state.writer_engine),
        notifier=state.notifier,
        composer=composer,
        lease=timedelta(seconds=settings.ai_lease_seconds),
        concurrency=settings.ai_concurrency,
        metrics=state.metrics,
    )
    state.followers = Followers(
        state.sessions, state.notifier, state.runner.live, state.metrics.streams
    )


def _include(app: FastAPI, prefix: str) -> None:
    guarded = APIRouter(dependencies=[Depends(current_actor)])
    for router in (
        users.signed_in,
        users.router,
        tickets.router,
        messages.router,
        ai.router,
        knowledge.router,
    ):
        guarded.include_router(router)
    app.include_router(guarded, prefix=prefix)
    app.include_router(users.public, prefix=prefix)
    app.include_router(health.router)
    _describe(app, prefix)


def _describe(app: FastAPI, prefix: str) -> None:
    """Let the OpenAPI document name the prefix where one signs in, and the type of errors."""
    make = app.openapi

    def openapi() -> dict[str, Any]:
        document = make()
        scheme = document["components"]["securitySchemes"][bearer.scheme_name]
        scheme["flows"]["password"]["tokenUrl"] = f"{prefix}/auth/token".removeprefix("/")
        for operations in document["paths"].values():
            for operation in operations.values():
                operation["responses"]["default"]["content"] = {problems.MEDIA_TYPE: PROBLEM}
        return document

    app.openapi = openapi  # type: ignore[method-assign]  # FastAPI's way to change the document


def check_guarded(app: FastAPI, prefix: str = "") -> int:
    """Check that each route stands behind `current_actor` or is on the public list.

    Args:
        app: The app with all its routes.
        prefix: The prefix that the API's routes have.

    Returns:
        How many routes were seen.

    Raises:
        UnguardedRouteError: One does neither.
    """
    seen = 0
    for context in iter_route_contexts(app.routes):
        seen += 1
        path = (context.path or "").removeprefix(prefix)
        dependant: Dependant | None = getattr(context, "dependant", None)
        guarded = dependant is not None and current_actor in _calls(dependant)
        if not guarded and path not in PUBLIC_PATHS:
            raise UnguardedRouteError(f"{context.path} is neither public nor guarded")
    return seen


def _calls(dependant: Dependant) -> Iterator[Callable[..., object] | None]:
    yield dependant.call
    for part in dependant.dependencies:
        yield from _calls(part)


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    state = app.state
    state.notifier.on_connect(
        lambda: _reload_revocations(state.sessions, state.revocations, state.signer.life)
    )
    await state.notifier.start()
    await state.runner.start()
    tidying = asyncio.create_task(
        tidy_forever(state.sessions, timedelta(days=state.settings.refresh_days)), name="tidying"
    )
    with _streams_end_at_signal(state.followers):
        try:
            yield
        finally:
            tidying.cancel()
            state.followers.stop()
            await state.runner.stop()
            await state.notifier.stop()
            await _close(state.providers)
            state.hasher.close()
            await state.writer_engine.dispose()
            await state.engine.dispose()


async def _close(providers: Sequence[Provider]) -> None:
    for provider in providers:
        try:
            await provider.aclose()
        except Exception:  # others are to be closed as well
            logger.exception("AI provider %s could not be closed", provider.name)


async def _reload_revocations(
    sessions: Sessions, revocations: Revocations, life: timedelta
) -> None:
    async with sessions() as session:
        lately = await SessionRepository(session).revoked_since(utc_now() - life)
    for session_id in lately.sessions:
        revocations.end_session(session_id)
    for user_id, version in lately.versions:
        revocations.require_version(user_id, version)


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
