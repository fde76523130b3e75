"""The SeedX API for Python programs, and for every command of the terminal client.

Example:
    >>> from seedx_cli.client import Client
    >>> with Client("http://127.0.0.1:8443") as client:
    ...     client.auth.login("ada@example.com", "a long password")
    ...     ticket = client.tickets.new("Printer on fire", "It smokes since Monday.")
    ...     for event in client.ai.stream(ticket["id"]):
    ...         print(event.text, end="")
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from itertools import count
from types import TracebackType
from typing import Self

from seedx_cli.client.connection import Bounded, http_client, httpx, why
from seedx_cli.client.documents import Login
from seedx_cli.client.resources import Articles, Assistant, Auth, Tickets, Users
from seedx_cli.client.retries import ATTEMPTS, PASSING, backoff, pause, retry_after
from seedx_cli.client.session import MemorySession, Session
from seedx_cli.client.shapes import checked
from seedx_cli.client.sse import Event, events
from seedx_cli.errors import (
    ApiError,
    SeedXError,
    SignedOutError,
    UnreachableError,
    UsageError,
)

STREAM_ATTEMPTS = 8
# The server sends a comment every 15 s or sooner.
SILENCE_SECONDS = 40.0

Wait = Callable[[float, str], None]


def _sleep(seconds: float, _reason: str) -> None:
    time.sleep(seconds)


class Client:
    """One server, seen by one user.

    Reads, and writes that carry an `Idempotency-Key`, are repeated after a failure of the network
    or of the server; a 429 is waited out. Tokens are renewed unasked. A stream that is cut goes on
    where it stopped.

    Args:
        server: The server's URL.
        token: An access token, where there is no session to keep.
        session: Where tokens are kept; in memory if not given.
        wait: Called with seconds and a reason before something is tried again; it must wait.
        timeout: Seconds that an answer may take.
    """

    def __init__(
        self,
        server: str,
        *,
        token: str | None = None,
        session: Session | None = None,
        wait: Wait = _sleep,
        timeout: float = 30.0,
    ) -> None:
        self.server = server.rstrip("/")
        self.session: Session = session if session is not None else MemorySession(token)
        self._wait = wait
        self._timeout = httpx.Timeout(timeout, connect=5.0)
        self._http = http_client(self.server)
        self.auth = Auth(self)
        self.tickets = Tickets(self)
        self.ai = Assistant(self)
        self.articles = Articles(self)
        self.users = Users(self)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def is_ready(self) -> bool:
        """Whether the server says that it can work, asked once, without waiting."""
        try:
            return self._http.get(f"{self.server}/readyz", timeout=2.0).is_success
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
        """Send one request and read the answer.

        Args:
            method: The HTTP method.
            path: The path under the server's URL.
            body: A JSON body.
            query: Query parameters; those that are None are left out.
            headers: Further headers; an `Idempotency-Key` makes a POST safe to repeat.
            signed_in: Whether the request carries the session's access token.

        Returns:
            The status and the JSON document, None for an empty answer.

        Raises:
            ApiError: The server refused.
            SignedOutError: There is no session, or it has ended.
            UnreachableError: The server did not answer.
        """
        with self._answer(
            method, path, body=body, query=query, headers=headers, signed_in=signed_in
        ) as answer:
            if not answer.content:
                return answer.status_code, None
            return answer.status_code, self._document(answer)

    def stream(self, path: str, last_id: str | None = None) -> Iterator[Event]:
        """Read one connection's events; it may end at any time, see `resume`.

        Raises:
            ApiError: The server refused.
            UnreachableError: The connection broke.
        """
        headers = {"Accept": "text/event-stream"}
        if last_id is not None:
            headers["Last-Event-ID"] = last_id
        with self._answer("GET", path, headers=headers, streaming=True) as answer:
            if not answer.headers.get("Content-Type", "").startswith("text/event-stream"):
                raise self._no_seedx("something that is no stream of events")
            try:
                yield from events(answer.iter_bytes())
            except httpx.RequestError as error:
                raise self._unreachable(error) from error
            except (ValueError, RecursionError) as error:
                raise self._no_seedx("an event that cannot be read") from error

    def resume(
        self, connect: Callable[[str | None], Iterator[Event]], last_id: str | None = None
    ) -> Iterator[Event]:
        """Join the connections that `connect` opens into one endless stream.

        Args:
            connect: Opens a connection after the event of that id.
            last_id: The id to begin after.

        Raises:
            ApiError: The server refused.
            UnreachableError: Connections kept failing and nothing came any more.
        """
        fruitless = 0
        while True:
            try:
                for event in connect(last_id):
                    fruitless = 0
                    last_id = event.id or last_id
                    yield event
            except (UnreachableError, ApiError) as error:
                refused = isinstance(error, ApiError) and error.status not in PASSING
                if refused or fruitless >= STREAM_ATTEMPTS:
                    raise
            if fruitless >= STREAM_ATTEMPTS:
                raise UnreachableError(f"{self.server} keeps ending the stream")
            self._wait(backoff(fruitless), "The stream was cut; going on")
            fruitless += 1

    @contextmanager
    def _answer(
        self,
        method: str,
        path: str,
        *,
        body: Mapping[str, object] | None = None,
        query: Mapping[str, object] | None = None,
        headers: Mapping[str, str] | None = None,
        signed_in: bool = True,
        streaming: bool = False,
    ) -> Iterator[httpx.Response]:
        """Send, renewing the tokens if need be, and hold the answer open; errors are raised."""
        timeout = httpx.Timeout(SILENCE_SECONDS, connect=5.0) if streaming else self._timeout
        try:
            request = self._http.build_request(
                method,
                self.server + path,
                json=body,
                params=_present(query),
                headers=headers,
                timeout=timeout,
            )
        except UnicodeEncodeError as error:
            raise UsageError("What you gave is not in UTF-8, so it cannot be sent") from error
        token = self._authorize(request) if signed_in else None
        answer = self._persist(request, streaming=streaming)
        if answer.status_code == httpx.codes.UNAUTHORIZED and token is not None:
            answer.close()
            self._authorize(request, refused=token)
            answer = self._persist(request, streaming=streaming)
        try:
            if not answer.is_success:
                raise self._refusal(answer, path)
            yield answer
        finally:
            answer.close()

    def _authorize(self, request: httpx.Request, refused: str | None = None) -> str:
        """Put an access token that should work on the request, and return it."""
        tokens = self.session.tokens()
        if tokens is None:
            raise SignedOutError("You are not signed in")
        spent = refused or (tokens.access_token if tokens.is_stale(time.time()) else None)
        if spent is not None:
            kept_in = tokens.kept_in
            tokens = self.session.renew(spent, self._exchange)
            if tokens is None:
                raise _ended(kept_in)
        request.headers["Authorization"] = f"Bearer {tokens.access_token}"
        return tokens.access_token

    def _exchange(self, refresh_token: str) -> Login:
        """Trade a refresh token. It is sent once: to send it again would end the session."""
        request = self._http.build_request(
            "POST",
            f"{self.server}/auth/refresh",
            json={"refresh_token": refresh_token},
            timeout=self._timeout,
        )
        try:
            answer = self._send(request)
        except httpx.RequestError as error:
            raise self._unreachable(error) from error
        if answer.status_code == httpx.codes.UNAUTHORIZED:
            raise SignedOutError("Your session has ended")
        if not answer.is_success:
            raise self._refusal(answer, "/auth/refresh")
        return checked(self._document(answer), Login)

    def _send(self, request: httpx.Request, *, streaming: bool = False) -> httpx.Response:
        """Send once; the answer is read whole, or if it is a success left open for streaming."""
        answer = self._http.send(request, stream=True)
        if not (streaming and answer.is_success):
            answer.stream = Bounded(answer, self._timeout.read)
            answer.read()
        return answer

    def _persist(self, request: httpx.Request, *, streaming: bool = False) -> httpx.Response:
        """Send, and again after failures that may pass, as far as that is safe."""
        keyed = "Idempotency-Key" in request.headers
        repeatable = keyed or request.method in {"GET", "PUT", "DELETE"}
        for attempt in count(1):
            try:
                answer = self._send(request, streaming=streaming)
            except httpx.RequestError as error:
                never_sent = isinstance(error, (httpx.ConnectError, httpx.ConnectTimeout))
                if attempt >= ATTEMPTS or not (never_sent or repeatable):
                    raise self._unreachable(error) from error
                self._wait(backoff(attempt - 1), f"{self.server} does not answer")
                continue
            seconds = pause(answer, attempt, repeatable=repeatable)
            if seconds is None:
                return answer
            answer.close()
            self._wait(seconds, "The server asks to wait")
        raise AssertionError("unreachable: the loop ends by returning or raising")

    def _document(self, answer: httpx.Response) -> object:
        try:
            return answer.json()
        except (ValueError, RecursionError) as error:
            raise self._no_seedx("something that is not JSON") from error

    def _no_seedx(self, sent: str) -> SeedXError:
        return SeedXError(
            f"{self.server} answered with {sent}",
            hint="Is it a SeedX server? seedx doctor",
            code="bad_answer",
        )

    def _refusal(self, answer: httpx.Response, path: str) -> SeedXError:
        if answer.is_redirect:
            where = answer.headers.get("Location", "")
            return SeedXError(
                f"{self.server} sends us on to {where}", hint="Name that server with --server"
            )
        try:
            problem = answer.json()
        except (ValueError, RecursionError):
            problem = None
        if not isinstance(problem, dict):
            problem = {"title": f"{self.server} answered {answer.status_code}"}
        if answer.status_code == httpx.codes.UNAUTHORIZED and _carried_token(answer):
            return SignedOutError("The server does not accept your session any more")
        return ApiError(answer.status_code, problem, path=path, retry_after=retry_after(answer))

    def _unreachable(self, error: httpx.RequestError) -> UnreachableError:
        message, hint = why(error, self.server)
        return UnreachableError(message, hint=hint)


def _ended(kept_in: str) -> SignedOutError:
    """What to say of a session that cannot be renewed."""
    if kept_in == "SEEDX_TOKEN":
        return SignedOutError(
            "The server does not accept the token in SEEDX_TOKEN",
            hint="Set a good one, or unset it and sign in: seedx login",
        )
    return SignedOutError("Your session has ended")


def _carried_token(answer: httpx.Response) -> bool:
    return "Authorization" in answer.request.headers


def _present(query: Mapping[str, object] | None) -> dict[str, str] | None:
    if query is None:
        return None
    return {name: str(value) for name, value in query.items() if value is not None}
