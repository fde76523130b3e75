"""Connections to the server, and limits on what it may send."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

from seedx_cli.client.lean_httpx import httpx
from seedx_cli.config import is_this_machine
from seedx_cli.errors import SeedXError
from seedx_cli.version import VERSION

LONGEST_RESPONSE = 64 * 1024 * 1024
"""The most bytes read from one response; streams of events have their own limits."""


class LimitedBody(httpx.SyncByteStream):
    """The body of a response, which must end in time and within `LONGEST_RESPONSE`.

    A time-out of httpx starts again with each piece, so a body that trickles in would never
    reach it.

    Args:
        response: The response with the body.
        seconds: How long the body may take; None for no limit.
        clock: A monotonic clock, in seconds.
    """

    def __init__(
        self,
        response: httpx.Response,
        seconds: float | None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        assert isinstance(response.stream, httpx.SyncByteStream)  # noqa: S101  # of a sync client
        self._body = response.stream
        self._clock = clock
        self._ends_at = None if seconds is None else clock() + seconds

    def __iter__(self) -> Iterator[bytes]:
        length = 0
        for piece in self._body:
            length += len(piece)
            if length > LONGEST_RESPONSE:
                raise httpx.RemoteProtocolError("The response is too long")
            if self._ends_at is not None and self._clock() > self._ends_at:
                raise httpx.ReadTimeout("The response did not arrive in time")
            yield piece

    def close(self) -> None:
        """Give the connection back."""
        self._body.close()


def connect(server: str) -> httpx.Client:
    """Make an HTTP client for a server.

    It asks for uncompressed responses, which cannot expand beyond their limit. For a server on
    this machine it ignores the environment's proxies, and over plain http it loads no
    certificates, since that takes longer than a short command.

    Raises:
        SeedXError: The environment names a proxy or certificates that cannot be used.
    """
    is_local = is_this_machine(server)
    verify = not is_local or server.startswith("https:")
    try:
        return httpx.Client(
            verify=verify,
            # With a transport of its own, httpx ignores the environment's proxies.
            transport=httpx.HTTPTransport(verify=verify) if is_local else None,
            headers={"User-Agent": f"seedx/{VERSION}", "Accept-Encoding": "identity"},
        )
    except (ImportError, OSError, ValueError) as error:
        raise SeedXError(
            f"Cannot set up a connection: {error}",
            hint="Check SSL_CERT_FILE, HTTPS_PROXY and ALL_PROXY in the environment",
        ) from error


def is_compressed(response: httpx.Response) -> bool:
    """Whether a server compressed its response although it was asked not to."""
    encoding = response.headers.get("Content-Encoding", "")
    return encoding.strip().lower() not in {"", "identity"}
