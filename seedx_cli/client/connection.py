"""httpx as this client uses it: light to import, bounded, and its failures in words for people."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from types import ModuleType
from urllib.parse import urlsplit

# httpx imports its own command line when click and rich are installed, which doubles its start-up.
# An empty module makes it do what it does without them.
_spared = sys.modules.setdefault("httpx._main", ModuleType("httpx._main"))
import httpx  # noqa: E402  # after the line above

if not hasattr(_spared, "main"):
    del sys.modules["httpx._main"]

from seedx_cli.config import DEFAULT_SERVER, is_this_machine  # noqa: E402  # the same
from seedx_cli.errors import SeedXError  # noqa: E402  # the same
from seedx_cli.version import VERSION  # noqa: E402  # the same

__all__ = ["Bounded", "http_client", "httpx", "why"]

_LONGEST_ANSWER = 64 * 1024 * 1024


class Bounded(httpx.SyncByteStream):
    """A body that must arrive in time and within bounds, however it trickles.

    Args:
        answer: The answer whose body it is.
        seconds: How long it may take; None for ever.
        clock: Seconds that pass.
    """

    def __init__(
        self,
        answer: httpx.Response,
        seconds: float | None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        assert isinstance(answer.stream, httpx.SyncByteStream)  # noqa: S101  # of a sync client
        self._body = answer.stream
        self._clock = clock
        self._ends = None if seconds is None else clock() + seconds

    def __iter__(self) -> Iterator[bytes]:
        left = _LONGEST_ANSWER
        for piece in self._body:
            left -= len(piece)
            if left < 0:
                raise httpx.RemoteProtocolError("The answer is too long")
            if self._ends is not None and self._clock() > self._ends:
                raise httpx.ReadTimeout("The answer did not arrive in time")
            yield piece

    def close(self) -> None:
        """Give the connection back."""
        self._body.close()


def http_client(server: str) -> httpx.Client:
    """An httpx client that goes straight to a server on this machine, without TLS if it is http."""
    local = is_this_machine(server)
    verify = not local or server.startswith("https:")
    try:
        return httpx.Client(
            verify=verify,
            # A transport of its own keeps the proxies of the environment out.
            transport=httpx.HTTPTransport(verify=verify) if local else None,
            headers={"User-Agent": f"seedx/{VERSION}"},
        )
    except (ImportError, OSError, ValueError) as error:
        raise SeedXError(
            f"No connection can be made: {error}",
            hint="Look at SSL_CERT_FILE, HTTPS_PROXY and ALL_PROXY in the environment",
        ) from error


def why(error: httpx.RequestError, server: str) -> tuple[str, str | None]:
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
                return f"Nothing listens at {server}", _start(server)
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


def _start(server: str) -> str:
    """The command that would make a server listen there, where it can be this machine's."""
    if not is_this_machine(server):
        return "Look what is wrong: seedx doctor"
    port = urlsplit(server).port
    usual = port is None or port == urlsplit(DEFAULT_SERVER).port
    return f"Start a server: seedx serve{'' if usual else f' --port {port}'}"
