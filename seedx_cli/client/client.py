"""One server, seen by one user: what a Python program starts from."""

from __future__ import annotations

import time
from types import TracebackType
from typing import Self

from seedx_cli.client.resources import AI, Articles, Auth, Tickets, Users
from seedx_cli.client.session import MemorySession, Session
from seedx_cli.client.transport import Transport, Wait


def _sleep(seconds: float, _reason: str) -> None:
    time.sleep(seconds)


class Client:
    """One server, seen by one user.

    Reads, and writes that carry an `Idempotency-Key`, are retried after a failure of the network
    or of the server, and after a 429. Tokens are renewed automatically. A stream whose connection
    breaks resumes where it stopped.

    Args:
        server: The server's URL.
        token: An access token, if there is no session to keep.
        session: Where tokens are kept; in memory if not given.
        wait: Waits before a retry; it is called with the seconds and a reason.
        timeout: Seconds that a response may take.

    Attributes:
        auth: Accounts and sessions.
        tickets: Tickets and their conversations.
        ai: AI runs.
        articles: The knowledge base.
        users: Accounts, for admins.
        transport: Any other requests.
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
        self.session = session if session is not None else MemorySession(token)
        self.transport = Transport(server, self.session, wait=wait, timeout=timeout)
        self.auth = Auth(self.transport)
        self.tickets = Tickets(self.transport)
        self.ai = AI(self.transport)
        self.articles = Articles(self.transport)
        self.users = Users(self.transport)

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
        self.transport.close()
