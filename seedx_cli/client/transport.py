"""Requests and streams to one server: signed in, retried if safe, resumed if they break."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from seedx_cli.client import failures
from seedx_cli.client.connection import LimitedBody, connect, is_compressed
from seedx_cli.client.documents import Login
from seedx_cli.client.lean_httpx import httpx
from seedx_cli.client.retries import (
    ATTEMPTS,
    STREAM_ATTEMPTS,
    backoff,
    requested_wait,
    wait_after_error,
    wait_after_status,
)
from seedx_cli.client.session import Session
from seedx_cli.client.shapes import checked
from seedx_cli.client.sse import Event, events
from seedx_cli.errors import (
    ApiError,
    BadResponseError,
    SignedOutError,
    UnreachableError,
    UsageError,
)

# The server sends a comment every 15 s or sooner.
SILENCE_SECONDS = 40.0

_CONNECT_SECONDS = 5.0
_READY_SECONDS = 2.0
# Repeating one of these has no further effect (RFC 9110, 9.2.2).
_IDEMPOTENT = {"GET", "PUT", "DELETE"}

Wait = Callable[[float, str], None]
"""Waits for a number of seconds; the text says why."""


class Transport:
    """HTTP to one server, with the tokens of one session.

    Args:
        server: The server's URL.
        session: Where the tokens are kept.
        wait: Waits before a retry; it is called with the seconds and a reason.
        timeout: Seconds that a response may take.
    """

    def __init__(self, server: str, session: Session, *, wait: Wait, timeout: float) -> None:
        self.server = server.rstrip("/")
        self.session = session
        self._wait = wait
        self._timeout = httpx.Timeout(timeout, connect=_CONNECT_SECONDS)
        self._http = connect(self.server)
        self._has_responded = False

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def is_ready(self) -> bool:
        """Whether the server says that it is ready; asks once, without retrying."""
        try:
            url = f"{self.server}/readyz"
            with self._http.stream("GET", url, timeout=_READY_SECONDS) as response:
                return response.is_success
        except httpx.TransportError:
            return False

    def request(
        self,
        method: str,
        path: str,
        *,
        body: Mapping[str, object] | None = None,
        query: Mapping[str, object] | None = None,
        headers: Mapping[str, str] | None = None,
        signed_in: bool = True,
    ) -> tuple[int, object]:
        """Send one request and read the response.

        Args:
            method: The HTTP method.
            path: The path under the server's URL.
            body: A JSON body.
            query: Query parameters; those that are None are left out.
            headers: Further headers; an `Idempotency-Key` makes a POST safe to repeat.
            signed_in: Whether the request carries the session's access token.

        Returns:
            The status and the JSON document, None for an empty response.

        Raises:
            ApiError: The server refused.
            SignedOutError: There is no session, or it has ended.
            UnreachableError: The server did not respond.
        """
        request = self._request(method, path, body=body, query=query, headers=headers)
        with self._response(request, path, signed_in=signed_in) as response:
            return response.status_code, self._document(response) if response.content else None

    def stream(self, path: str, last_id: str | None = None) -> Iterator[Event]:
        """Read the events of one connection, which may end at any time; see `resume`.

        Raises:
            ApiError: The server refused.
            UnreachableError: The connection broke.
        """
        headers = {"Accept": "text/event-stream"}
        if last_id is not None:
            headers["Last-Event-ID"] = last_id
        timeout = httpx.Timeout(SILENCE_SECONDS, connect=_CONNECT_SECONDS)
        request = self._request("GET", path, headers=headers, timeout=timeout)
        with self._response(request, path, streaming=True) as response:
            if not response.headers.get("Content-Type", "").startswith("text/event-stream"):
                raise BadResponseError("something that is not a stream of events", self.server)
            try:
                yield from events(response.iter_raw())
            except httpx.RequestError as error:
                raise self._unreachable(error) from error
            except (ValueError, RecursionError) as error:
                raise BadResponseError("an event that cannot be read", self.server) from error

    def resume(
        self, open_stream: Callable[[str | None], Iterator[Event]], last_id: str | None = None
    ) -> Iterator[Event]:
        """Join the streams that `open_stream` opens into an endless one.

        Once the first event has come, a broken connection never ends it: the stream is opened
        again, after growing waits, for as long as that takes.

        Args:
            open_stream: Opens a stream that begins after the event with the given id.
            last_id: The id to begin after.

        Raises:
            ApiError: The server refused.
            UnreachableError: Nothing has come after several attempts.
        """
        failed = 0
        has_begun = False
        while True:
            error: ApiError | UnreachableError | None = None
            try:
                for event in open_stream(last_id):
                    has_begun = True
                    if event.id is not None:
                        failed, last_id = 0, event.id
                    yield event
            except (ApiError, UnreachableError) as cut:
                error = cut
            failed += 1
            wait = wait_after_error(error, failed) if error else backoff(failed)
            if wait is None or failed >= self._stream_attempts(has_begun=has_begun):
                raise error or UnreachableError(f"{self.server} keeps ending the stream")
            self._wait(wait, "Connection lost" if has_begun else self._reason_of(error))

    def _stream_attempts(self, *, has_begun: bool) -> float:
        if has_begun:
            return math.inf
        return STREAM_ATTEMPTS if self._has_responded else ATTEMPTS

    def _request(
        self,
        method: str,
        path: str,
        *,
        body: Mapping[str, object] | None = None,
        query: Mapping[str, object] | None = None,
        headers: Mapping[str, str] | None = None,
        timeout: httpx.Timeout | None = None,
    ) -> httpx.Request:
        given = {name: str(value) for name, value in (query or {}).items() if value is not None}
        try:
            return self._http.build_request(
                method,
                self.server + path,
                json=body,
                params=given or None,
                headers=headers,
                timeout=timeout or self._timeout,
            )
        except UnicodeEncodeError as error:
            raise UsageError("What you gave is not in UTF-8, so it cannot be sent") from error

    @contextmanager
    def _response(
        self, request: httpx.Request, path: str, *, signed_in: bool = True, streaming: bool = False
    ) -> Iterator[httpx.Response]:
        """Send a request, renew the tokens if needed, and keep the response open for the block."""
        token = self._authorize(request) if signed_in else None
        response = self._send_with_retries(request, streaming=streaming)
        if response.status_code == httpx.codes.UNAUTHORIZED and token is not None:
            response.close()
            self._authorize(request, refused=token)
            response = self._send_with_retries(request, streaming=streaming)
        try:
            if not response.is_success:
                raise failures.refusal(response, self.server, path)
            yield response
        finally:
            response.close()

    def _authorize(self, request: httpx.Request, refused: str | None = None) -> str:
        """Set a currently valid access token on the request, and return the token."""
        tokens = self.session.tokens()
        if tokens is None:
            raise SignedOutError("You are not signed in")
        spent = refused or (tokens.access_token if tokens.is_stale(time.time()) else None)
        if spent is not None:
            kept_in = tokens.kept_in
            tokens = self.session.renew(spent, self._exchange)
            if tokens is None:
                raise _session_ended(kept_in)
        request.headers["Authorization"] = f"Bearer {tokens.access_token}"
        return tokens.access_token

    def _exchange(self, refresh_token: str) -> Login:
        """Exchange a refresh token. Sent only once: sending it again would end the session."""
        path = "/auth/refresh"
        request = self._request("POST", path, body={"refresh_token": refresh_token})
        try:
            response = self._send(request)
        except httpx.RequestError as error:
            raise self._unreachable(error) from error
        if response.status_code == httpx.codes.UNAUTHORIZED:
            raise SignedOutError("Your session has ended")
        if not response.is_success:
            raise failures.refusal(response, self.server, path)
        return checked(self._document(response), Login)

    def _send_with_retries(self, request: httpx.Request, *, streaming: bool) -> httpx.Response:
        """Send a request, and retry after temporary failures if that is safe."""
        is_safe = "Idempotency-Key" in request.headers or request.method in _IDEMPOTENT
        # Streams are retried by `resume`.
        attempts = 1 if streaming else ATTEMPTS
        failed = 0
        while True:
            failed += 1
            try:
                response = self._send(request, streaming=streaming)
            except httpx.RequestError as error:
                never_sent = isinstance(error, (httpx.ConnectError, httpx.ConnectTimeout))
                if failed >= attempts or not (never_sent or is_safe):
                    raise self._unreachable(error) from error
                self._wait(backoff(failed), self._no_response)
                continue
            requested = requested_wait(response.headers)
            wait = wait_after_status(response.status_code, requested, failed, is_safe=is_safe)
            if wait is None or failed >= attempts:
                return response
            response.close()
            self._wait(wait, self._reason_to_wait(requested))

    def _send(self, request: httpx.Request, *, streaming: bool = False) -> httpx.Response:
        """Send once and read the whole response, unless it is a success to be streamed."""
        response = self._http.send(request, stream=True)
        self._has_responded = True
        if is_compressed(response):
            response.close()
            raise BadResponseError("a compressed document, which it was not asked for", self.server)
        if not (streaming and response.is_success):
            response.stream = LimitedBody(response, self._timeout.read)
            response.read()
        return response

    def _document(self, response: httpx.Response) -> object:
        try:
            return response.json()
        except (ValueError, RecursionError) as error:
            raise BadResponseError("something that is not JSON", self.server) from error

    def _reason_of(self, error: ApiError | UnreachableError | None) -> str:
        if isinstance(error, ApiError):
            return self._reason_to_wait(error.retry_after)
        return self._no_response

    def _reason_to_wait(self, requested: float | None) -> str:
        """Say why a request is sent again although there was a response."""
        if requested is None:
            return f"{self.server} is temporarily unavailable"
        return "The server asks to wait"

    @property
    def _no_response(self) -> str:
        return f"{self.server} does not respond"

    def _unreachable(self, error: httpx.RequestError) -> UnreachableError:
        return failures.unreachable(error, self.server, has_responded=self._has_responded)


def _session_ended(kept_in: str) -> SignedOutError:
    """Make the error for a session that cannot be renewed."""
    if kept_in == "SEEDX_TOKEN":
        return SignedOutError(
            "The server does not accept the token in SEEDX_TOKEN",
            hint="Set a valid one, or unset it and sign in: seedx login",
        )
    return SignedOutError("Your session has ended")
