"""The app as a whole: who gets in, where it may live, and what surrounds every answer."""

import asyncio
import inspect
import logging
import re
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager

import httpx
import pytest
from fastapi import APIRouter, FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.routing import iter_route_contexts

from seedx_server.app import PUBLIC_PATHS, UnguardedRouteError, check_guarded, create_app
from tests.declared import codes_of
from tests.factories import PASSWORD, Desk, Person
from tests.seedx_server.conftest import MakeSettings, in_module_loop, of_module, reached, running


@of_module
async def guarded_routes(shared_desk: Desk) -> list[tuple[str, str]]:
    """Each method and path of the OpenAPI document that is not public."""
    document = (await shared_desk.client.get("/openapi.json")).json()
    return [
        (method.upper(), re.sub(r"\{\w+\}", "1", path))
        for path, operations in document["paths"].items()
        for method in operations
        if path not in PUBLIC_PATHS
    ]


class TestTheGuard:
    @pytest.mark.parametrize("path", ["/secrets", "/tickets/{ticket_id}/export", "/auth/signup2"])
    def test_refuses_a_route_that_asks_for_no_actor(
        self, make_settings: MakeSettings, path: str
    ) -> None:
        app = create_app(make_settings())
        inner, outer = APIRouter(), APIRouter(prefix="/reports")
        inner.add_api_route(path, lambda: "open to all")
        outer.include_router(inner)
        app.include_router(outer)

        with pytest.raises(UnguardedRouteError, match=re.escape(f"/reports{path}")):
            check_guarded(app)

    def test_refuses_a_mount_and_a_socket(self, make_settings: MakeSettings) -> None:
        mounted, socket = create_app(make_settings()), create_app(make_settings())
        mounted.mount("/other", FastAPI())
        socket.add_api_websocket_route("/live", lambda _: None)

        for app in (mounted, socket):
            with pytest.raises(UnguardedRouteError):
                check_guarded(app)

    @in_module_loop
    async def test_answers_no_caller_who_is_not_signed_in(
        self, shared_desk: Desk, guarded_routes: list[tuple[str, str]]
    ) -> None:
        assert len(guarded_routes) > 20
        for method, path in guarded_routes:
            for headers in ({}, {"Authorization": "Bearer forged"}):
                answer = await shared_desk.client.request(method, path, json={}, headers=headers)
                assert answer.status_code == 401, (method, path)
                assert answer.headers["WWW-Authenticate"] == "Bearer"

    @in_module_loop
    async def test_no_route_fails_whatever_is_sent(
        self, ada: Person, guarded_routes: list[tuple[str, str]]
    ) -> None:
        for method, path in guarded_routes:
            if path.endswith(("/events", "/ai-response", "/logout")):
                continue
            bodies: list[object] = [{}, [], None, {"content": 1, "title": [], "role": {}}]
            for body in bodies:
                answer = await ada.send(method, path, body)
                assert answer.status_code < 500, (method, path, body)


def test_no_dependency_runs_in_a_thread(make_settings: MakeSettings) -> None:
    """A plain function among the dependencies costs each request a trip to the thread pool."""
    app = create_app(make_settings())
    dependants = [
        dependant
        for context in iter_route_contexts(app.routes)
        if isinstance(dependant := getattr(context, "dependant", None), Dependant)
    ]

    assert len(dependants) > 20
    for dependant in dependants:
        for call in calls_of(dependant):
            assert runs_in_the_event_loop(call), call


def calls_of(dependant: Dependant) -> Iterator[Callable[..., object]]:
    for part in (dependant, *dependant.dependencies):
        assert part.call is not None
        yield part.call
    for part in dependant.dependencies:
        yield from calls_of(part)


def runs_in_the_event_loop(call: Callable[..., object]) -> bool:
    return any(
        inspect.iscoroutinefunction(each) or inspect.isasyncgenfunction(each)
        for each in (call, getattr(call, "__call__", None))  # noqa: B004  # security schemes
    )


class TestThePrefix:
    async def test_applies_to_the_api_and_not_to_the_operators_paths(
        self, make_settings: MakeSettings
    ) -> None:
        async with (
            running(create_app(make_settings(api_prefix="/v1"))) as app,
            reached(app) as desk,
        ):
            account = {"name": "Cleo", "email": "cleo@example.com", "password": PASSWORD}
            assert (await desk.client.post("/v1/auth/signup", json=account)).status_code == 201
            session = await desk.client.post("/v1/auth/login", json=account)
            cleo = Person(desk.client, session.json())
            body = {"title": "x", "description": "x"}

            opened = await cleo.post("/v1/tickets", body)

            assert opened.headers["Location"] == f"/v1/tickets/{opened.json()['id']}"
            assert (await cleo.get(opened.headers["Location"])).status_code == 200
            assert (await cleo.get("/tickets")).status_code == 404
            assert (await desk.client.get("/v1/healthz")).status_code == 404
            assert (await desk.client.get("/healthz")).status_code == 200
            document = (await desk.client.get("/openapi.json")).json()
            scheme = document["components"]["securitySchemes"]["OAuth2PasswordBearer"]
            assert scheme["flows"]["password"]["tokenUrl"] == "v1/auth/token"


@asynccontextmanager
async def mounted(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    """Run the app inside another one, at `/desk`."""
    host = FastAPI(
        lifespan=lambda _: app.router.lifespan_context(app)  # type: ignore[arg-type]  # Starlette's type is wider
    )
    host.add_api_route("/tickets", lambda: "of the host")
    host.mount("/desk", app)
    transport = httpx.ASGITransport(host)
    async with (
        host.router.lifespan_context(host),
        httpx.AsyncClient(transport=transport, base_url="http://host") as client,
    ):
        yield client


class TestInsideAnotherApp:
    async def test_it_works_below_the_path_where_it_is_mounted(
        self, make_settings: MakeSettings
    ) -> None:
        handlers = list(logging.getLogger().handlers)
        async with mounted(create_app(make_settings())) as client:
            account = {"name": "Cleo", "email": "cleo@example.com", "password": PASSWORD}
            await client.post("/desk/auth/signup", json=account)
            session = await client.post("/desk/auth/login", json=account)
            cleo = Person(client, session.json())

            opened = await cleo.post("/desk/tickets", {"title": "x", "description": "x"})
            again = await cleo.get(opened.headers["Location"])
            lost = await cleo.get("/desk/tickets/999")
            of_host = await client.get("/tickets")
            page = await client.get("/desk/docs")

            assert logging.getLogger().handlers == handlers
        assert opened.headers["Location"] == f"/desk/tickets/{opened.json()['id']}"
        assert again.json()["id"] == opened.json()["id"]
        assert again.headers["X-Request-ID"]
        assert lost.headers["Content-Type"] == "application/problem+json"
        assert of_host.json() == "of the host"
        assert "X-Request-ID" not in of_host.headers
        assert "/desk/openapi.json" in page.text

    async def test_its_background_work_ends_with_the_host(
        self, make_settings: MakeSettings
    ) -> None:
        app = create_app(make_settings())
        async with mounted(app) as client:
            assert (await client.get("/desk/readyz")).status_code == 200

        assert app.state.parts.engine.pool.checkedout() == 0
        assert not app.state.parts.notifier.connected.is_set()


class TestStartingAndStopping:
    async def test_stops_what_was_started_if_a_later_part_does_not_start(
        self, make_settings: MakeSettings, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        app = create_app(make_settings())
        parts = app.state.parts
        monkeypatch.setattr(parts.runner, "start", broken)
        tasks = asyncio.all_tasks()

        with pytest.raises(RuntimeError, match="broken"):
            async with app.router.lifespan_context(app):
                raise AssertionError("it started")

        assert asyncio.all_tasks() == tasks
        assert not parts.notifier.connected.is_set()

    async def test_stops_every_part_if_one_cannot_be_stopped(
        self, make_settings: MakeSettings, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        app = create_app(make_settings())
        parts = app.state.parts
        stop = parts.runner.stop

        async def stop_and_break() -> None:
            await stop()
            await broken()

        monkeypatch.setattr(parts.runner, "stop", stop_and_break)

        async def run_with_a_connection() -> None:
            async with running(app), parts.sessions() as session:
                await session.connection()
                assert parts.engine.pool.checkedout() > 0

        with pytest.raises(RuntimeError, match="broken"):
            await run_with_a_connection()

        assert parts.engine.pool.checkedin() == 0
        assert not parts.notifier.connected.is_set()


async def broken() -> None:
    raise RuntimeError("broken")


@in_module_loop
class TestThePagesOfTheApi:
    @pytest.mark.parametrize("path", ["/docs", "/redoc"])
    async def test_need_no_other_host(self, shared_desk: Desk, path: str) -> None:
        page = await shared_desk.client.get(path)

        assert page.status_code == 200
        assert re.findall(r"(?:https?:)?//[\w.-]+\.\w+", page.text) == []
        assets = re.findall(r'(?:src|href)="([^"]+)"', page.text)
        assert len(assets) >= 2
        for asset in assets:
            assert asset.startswith("/static-offline-docs/")
            assert (await shared_desk.client.get(asset)).status_code == 200

    async def test_style_needs_no_other_host(self, shared_desk: Desk) -> None:
        style = await shared_desk.client.get("/static-offline-docs/swagger-ui.css")

        assert re.findall(r"@import|url\([\"']?(?:https?:)?//", style.text) == []

    async def test_know_what_every_error_looks_like(self, shared_desk: Desk) -> None:
        document = (await shared_desk.client.get("/openapi.json")).json()

        for path, operations in document["paths"].items():
            for method, operation in operations.items():
                content = operation["responses"]["default"]["content"]
                assert list(content) == ["application/problem+json"], (method, path)
        assert "code" in document["components"]["schemas"]["Problem"]["required"]


@in_module_loop
class TestTheErrorsOfAnOperation:
    """What is declared; that no undeclared one is answered, `tests/declared.py` checks."""

    async def test_name_what_its_path_and_its_guard_can_answer(self, shared_desk: Desk) -> None:
        document = (await shared_desk.client.get("/openapi.json")).json()

        for path, methods in document["paths"].items():
            for method, operation in methods.items():
                codes = codes_of(operation)
                where = f"{method} {path}"
                if path not in PUBLIC_PATHS:
                    assert {"not_authenticated", "token_revoked"} <= codes["401"], where
                if "{" in path:
                    assert "invalid_input" in codes["422"], where
                    assert method == "put" or codes["404"] == {"not_found"}, where
                if "requestBody" in operation:
                    assert "invalid_input" in codes["422"], where

    async def test_name_those_that_are_its_own(self, shared_desk: Desk) -> None:
        document = (await shared_desk.client.get("/openapi.json")).json()
        post = document["paths"]["/tickets/{ticket_id}/messages"]["post"]

        assert codes_of(post)["409"] == {"ticket_closed"}
        assert post["responses"]["409"]["description"] == "`ticket_closed`"
