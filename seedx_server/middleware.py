"""What happens around every request: plain ASGI, so that streams pass through untouched."""

import logging
import re
import time
import uuid

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from seedx_server.infrastructure.observability import Metrics, request_id
from seedx_server.infrastructure.problems import unexpected

logger = logging.getLogger("seedx.access")
failures = logging.getLogger("seedx.failure")

SENDER_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
SECURITY_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Content-Security-Policy": "frame-ancestors 'none'; base-uri 'none'; object-src 'none'",
}


class RequestContext:
    """Names each request, adds the headers of every answer, logs and counts it.

    Args:
        app: The app within.
        metrics: The numbers to add to.
    """

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        name = _request_name(Headers(scope=scope))
        token = request_id.set(name)
        began = time.perf_counter()

        async def send_named(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers["X-Request-ID"] = name
                for header, value in SECURITY_HEADERS.items():
                    headers.setdefault(header, value)
                self._note(scope, message["status"], time.perf_counter() - began)
            await send(message)

        try:
            await self._app(scope, receive, send_named)
        finally:
            request_id.reset(token)

    def _note(self, scope: Scope, status: int, seconds: float) -> None:
        route = getattr(scope.get("route"), "path_format", "unknown")
        self._metrics.requests.labels(scope["method"], route, status).inc()
        self._metrics.request_seconds.labels(scope["method"], route).observe(seconds)
        logger.info("%s %s %d %.1f ms", scope["method"], scope["path"], status, seconds * 1_000)


class CatchFailures:
    """Turns a failure of the server itself into a problem document and a log entry.

    Args:
        app: The app within.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = False

        async def send_noting(message: Message) -> None:
            nonlocal started
            started = started or message["type"] == "http.response.start"
            await send(message)

        try:
            await self._app(scope, receive, send_noting)
        except Exception:
            failures.exception("%s %s failed", scope["method"], scope["path"])
            if started:
                raise
            await unexpected()(scope, receive, send)


def _request_name(headers: Headers) -> str:
    given = headers.get("x-request-id", "")
    return given if SENDER_REQUEST_ID.fullmatch(given) else uuid.uuid4().hex
