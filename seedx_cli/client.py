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

import random
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from itertools import count
from types import ModuleType, TracebackType
from typing import TYPE_CHECKING, Self, cast
from urllib.parse import urlsplit

# httpx imports its own command line when click and rich are installed, which doubles its start-up.
# An empty module makes it do what it does without them.
_spared = sys.modules.setdefault("httpx._main", ModuleType("httpx._main"))
import httpx  # noqa: E402  # after the line above

if not hasattr(_spared, "main"):
    del sys.modules["httpx._main"]

from seedx_cli.config import is_this_machine  # noqa: E402  # the same
from seedx_cli.errors import ApiError, SeedXError, SignedOutError, UnreachableError  # noqa: E402
from seedx_cli.resources import Articles, Assistant, Auth, Tickets, Users  # noqa: E402
from seedx_cli.session import MemorySession, Session  # noqa: E402
from seedx_cli.sse import Event, events  # noqa: E402
from seedx_cli.version import VERSION  # noqa: E402

if TYPE_CHECKING:
    from seedx_cli.documents import Login

ATTEMPTS = 3
STREAM_ATTEMPTS = 8
LONGEST_WAIT_SECONDS = 60.0
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
        self._http = _http_client(self.server)
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
            answer.read()
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
            try:
                yield from events(answer.iter_bytes())
            except httpx.TransportError as error:
                raise self._unreachable(error) from error

    def resume(
        self, connect: Callable[[str | None], Iterator[Event]], last_id: str | None = None
    ) -> Iterator[Event]:
        """Join the connections that `connect` opens into one endless stream.

        Args:
            connect: Opens a connection after the event of that id.
            last_id: The id to begin after.

        Raises:
            UnreachableError: Connections kept failing and nothing came any more.
        """
        fruitless = 0
        while True:
            try:
                for event in connect(last_id):
                    fruitless = 0
                    last_id = event.id or last_id
                    yield event
            except UnreachableError:
                if fruitless >= STREAM_ATTEMPTS:
                    raise
            if fruitless >= STREAM_ATTEMPTS:
                raise UnreachableError(f"{self.server} keeps ending the stream")
            self._wait(_backoff(fruitless), "The stream was cut; going on")
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
        request = self._http.build_request(
            method,
            self.server + path,
            json=body,
            params=_present(query),
            headers=headers,
            timeout=httpx.Timeout(SILENCE_SECONDS, connect=5.0) if streaming else self._timeout,
        )
        token = self._authorize(request) if signed_in else None
        answer = self._persist(request)
        if answer.status_code == httpx.codes.UNAUTHORIZED and token is not None:
            answer.close()
            self._authorize(request, refused=token)
            answer = self._persist(request)
        try:
            if not answer.is_success:
                answer.read()
                raise self._refusal(answer)
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
            answer = self._http.send(request)
        except httpx.TransportError as error:
            raise self._unreachable(error) from error
        if answer.status_code == httpx.codes.UNAUTHORIZED:
            raise SignedOutError("Your session has ended")
        if not answer.is_success:
            raise self._refusal(answer)
        return cast("Login", self._document(answer))

    def _persist(self, request: httpx.Request) -> httpx.Response:
        """Send, and again after failures that may pass, as far as that is safe."""
        keyed = "Idempotency-Key" in request.headers
        repeatable = keyed or request.method in {"GET", "PUT", "DELETE"}
        for attempt in count(1):
            try:
                answer = self._http.send(request, stream=True)
            except httpx.TransportError as error:
                never_sent = isinstance(error, (httpx.ConnectError, httpx.ConnectTimeout))
                if attempt >= ATTEMPTS or not (never_sent or repeatable):
                    raise self._unreachable(error) from error
                self._wait(_backoff(attempt - 1), f"{self.server} does not answer")
                continue
            pause = _pause(answer, attempt, repeatable=repeatable)
            if pause is None:
                return answer
            answer.close()
            self._wait(pause, "The server asks to wait")
        raise AssertionError("unreachable: the loop ends by returning or raising")

    def _document(self, answer: httpx.Response) -> object:
        try:
            return answer.json()
        except ValueError as error:
            raise SeedXError(
                f"{self.server} answered {answer.status_code} with something that is not JSON",
                hint="Is it a SeedX server? seedx doctor",
            ) from error

    def _refusal(self, answer: httpx.Response) -> SeedXError:
        if answer.is_redirect:
            where = answer.headers.get("Location", "")
            return SeedXError(
                f"{self.server} sends us on to {where}", hint="Name that server with --server"
            )
        try:
            problem = answer.json()
        except ValueError:
            problem = None
        if not isinstance(problem, dict):
            problem = {"title": f"{self.server} answered {answer.status_code}"}
        if answer.status_code == httpx.codes.UNAUTHORIZED and _carried_token(answer):
            return SignedOutError("The server does not accept your session any more")
        return ApiError(answer.status_code, problem, retry_after=_retry_after(answer))

    def _unreachable(self, error: httpx.TransportError) -> UnreachableError:
        message, hint = _why(error, self.server)
        return UnreachableError(message, hint=hint)


def _http_client(server: str) -> httpx.Client:
    """An httpx client that goes straight to a server on this machine, without TLS if it is http."""
    local = is_this_machine(server)
    verify = not local or server.startswith("https:")
    return httpx.Client(
        verify=verify,
        # A transport of its own keeps the proxies of the environment out.
        transport=httpx.HTTPTransport(verify=verify) if local else None,
        headers={"User-Agent": f"seedx/{VERSION}"},
    )


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


def _backoff(failures: int) -> float:
    """Seconds before the next attempt: doubling from a quarter second, at most 10, spread."""
    longest: float = min(10.0, 0.25 * 2.0**failures)
    return longest * random.uniform(0.6, 1.0)  # noqa: S311  # no secret


def _retry_after(answer: httpx.Response) -> float | None:
    try:
        return max(0.0, float(answer.headers["Retry-After"]))
    except (KeyError, ValueError):
        return None


def _pause(answer: httpx.Response, attempt: int, *, repeatable: bool) -> float | None:
    """Seconds to wait before the request is sent again; None when this answer is to be taken."""
    status = answer.status_code
    if attempt >= ATTEMPTS:
        return None
    asked = _retry_after(answer)
    if status == httpx.codes.TOO_MANY_REQUESTS:
        asked = 1.0 if asked is None else asked
        return asked if asked <= LONGEST_WAIT_SECONDS else None
    if not repeatable or status not in {502, 503, 504}:
        return None
    if asked is None:
        return _backoff(attempt - 1)
    return asked if asked <= LONGEST_WAIT_SECONDS else None


def _why(error: httpx.TransportError, server: str) -> tuple[str, str | None]:
    """Say what a failure of the network means and what mends it."""
    import socket
    import ssl

    host = urlsplit(server).hostname
    causes: list[BaseException] = [error]
    while (cause := causes[-1].__cause__ or causes[-1].__context__) is not None:
        causes.append(cause)
    for cause in causes:
        match cause:
            case ConnectionRefusedError():
                return f"Nothing listens at {server}", "Start a server: seedx serve"
            case socket.gaierror():
                return f"There is no host named {host}", "See which server is set: seedx doctor"
            case ssl.SSLCertVerificationError():
                said = cause.verify_message or "it is not trusted"
                return (
                    f"The certificate of {host} is not good: {said}",
                    "For a certificate authority of your own, set SSL_CERT_FILE to its file",
                )
            case ssl.SSLError():
                return f"{server} does not speak TLS as it should", "Is it http:// instead?"
            case httpx.TimeoutException():
                return f"{server} took too long to answer", "Look what is wrong: seedx doctor"
    return f"The connection to {server} broke: {error}", "Try again, or look: seedx doctor"
