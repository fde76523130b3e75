"""The middleware around every request: plain ASGI, so that streams pass through untouched."""

import logging
import re
import time
import uuid
from http import HTTPStatus
from urllib.parse import quote

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from seedx_server.infrastructure.errors import DomainError
from seedx_server.infrastructure.observability import Metrics, request_id
from seedx_server.infrastructure.web.problems import methods_of, problem_response, unexpected

logger = logging.getLogger("seedx.access")
failures = logging.getLogger("seedx.failure")

SENDER_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
SECURITY_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Content-Security-Policy": "frame-ancestors 'none'; base-uri 'none'; object-src 'none'",
    "Cache-Control": "no-store",
}


class RequestContext:
    """Gives each request an id, adds headers to the response, and logs and counts the request.

    Args:
        app: The wrapped app.
        metrics: The metrics to update.
    """

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection, as ASGI has it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        name = _request_id(Headers(scope=scope))
        token = request_id.set(name)
        began = time.perf_counter()

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers["X-Request-ID"] = name
                for header, value in SECURITY_HEADERS.items():
                    headers.setdefault(header, value)
                self._log_and_count(scope, message["status"], time.perf_counter() - began)
            await send(message)

        try:
            await self._app(scope, receive, send_with_headers)
        finally:
            request_id.reset(token)

    def _log_and_count(self, scope: Scope, status: int, seconds: float) -> None:
        route = getattr(scope.get("route"), "path_format", "unknown")
        self._metrics.requests.labels(scope["method"], route, status).inc()
        self._metrics.request_seconds.labels(scope["method"], route).observe(seconds)
        path = quote(scope["path"])  # a decoded path may contain line breaks
        logger.info("%s %s %d %.1f ms", scope["method"], path, status, seconds * 1_000)


class CatchFailures:
    """Turns a failure of the server itself into a problem document and a log entry.

    Args:
        app: The app within.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection, as ASGI has it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = False

        async def send_and_watch(message: Message) -> None:
            nonlocal started
            started = started or message["type"] == "http.response.start"
            await send(message)

        try:
            await self._app(scope, receive, send_and_watch)
        except Exception:
            failures.exception("%s %s failed", scope["method"], quote(scope["path"]))
            if started:
                raise
            await unexpected()(scope, receive, send)


class HeadAsGet:
    """Answers HEAD like GET, on every path without a HEAD route.

    The server leaves the body out. Event streams have their own HEAD, which starts nothing.

    Args:
        app: The app within.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection, as ASGI has it."""
        if scope["type"] != "http" or scope["method"] != "HEAD":
            await self._app(scope, receive, send)
            return
        if "HEAD" in methods_of(scope):
            await self._app(scope, receive, send)
            return
        as_get = {**scope, "method": "GET"}

        async def send_with_route(message: Message) -> None:
            if "route" in as_get:
                scope["route"] = as_get["route"]  # for the log and the metrics
            await send(message)

        await self._app(as_get, receive, send_with_route)


class Cors(CORSMiddleware):
    """Starlette's CORS middleware, but a refused preflight gets a problem document."""

    def preflight_response(self, request_headers: Headers) -> Response:
        """Answer a preflight request."""
        response = super().preflight_response(request_headers)
        if response.status_code == HTTPStatus.OK:
            return response
        refusal = problem_response(
            DomainError(
                "This origin, or what it asks for, is not allowed. The setting ALLOWED_ORIGINS "
                "lists the origins that are.",
                code="cors_refused",
            )
        )
        refusal.headers.update(
            {
                name: value
                for name, value in response.headers.items()
                if name not in {"content-type", "content-length"}
            }
        )
        return refusal


class LimitBody:
    """Refuses request bodies that are too large, whether or not they declare their size.

    FastAPI's `max_body_size` is no alternative: it answers a body that declares too large a size
    outside all middleware, in plain text and without an `X-Request-ID`.

    Args:
        app: The app within.
        largest: The most bytes of a body.
    """

    def __init__(self, app: ASGIApp, largest: int) -> None:
        self._app = app
        self._largest = largest

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection, as ASGI has it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        declared = Headers(scope=scope).get("content-length", "")
        left = self._largest

        async def receive_limited() -> Message:
            nonlocal left
            if declared.isdecimal() and int(declared) > self._largest:
                raise self._too_large()
            message = await receive()
            left -= len(message.get("body", b""))
            if left < 0:
                raise self._too_large()
            return message

        await self._app(scope, receive_limited, send)

    def _too_large(self) -> HTTPException:
        most = self._largest // 1_048_576
        return HTTPException(
            HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"The body is larger than {most} MB."
        )


def _request_id(headers: Headers) -> str:
    given = headers.get("x-request-id", "")
    return given if SENDER_REQUEST_ID.fullmatch(given) else uuid.uuid4().hex
