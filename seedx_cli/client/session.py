"""The session: its tokens, where they are kept, and how processes share them."""

from __future__ import annotations

import hashlib
import json
import re
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Protocol, cast
from urllib.parse import urlsplit

from seedx_cli.client.documents import User
from seedx_cli.client.shapes import fits
from seedx_cli.config import is_token, locked, read_json, write_private
from seedx_cli.errors import SignedOutError

if TYPE_CHECKING:
    from seedx_cli.client.documents import Login

# A token that expires this soon is renewed before it is used.
MARGIN_SECONDS = 30.0

Exchange = Callable[[str], "Login"]


class Tokens(NamedTuple):
    """A session's tokens.

    Attributes:
        access_token: The token that each request carries.
        refresh_token: The token that is exchanged for new tokens, once; None if there is none.
        expires_at: When the access token expires, in seconds since the epoch; None if unknown.
        user: Whose session it is, if known.
        kept_in: Where the refresh token is kept: `file`, `keyring`, `memory` or `SEEDX_TOKEN`.
    """

    access_token: str
    refresh_token: str | None = None
    expires_at: float | None = None
    user: User | None = None
    kept_in: str = "memory"

    def is_stale(self, now: float) -> bool:
        """Whether the access token has expired, or will within `MARGIN_SECONDS`."""
        return self.expires_at is not None and self.expires_at - now < MARGIN_SECONDS


class Session(Protocol):
    """Where a client gets its tokens from.

    Attributes:
        profile: The profile that the tokens are kept under, None if they are not kept.
    """

    profile: str | None

    def tokens(self) -> Tokens | None:
        """Return the current tokens; None when nobody is signed in."""

    def start(self, login: Login) -> Tokens:
        """Keep the tokens of a sign-in."""

    def renew(self, spent: str, exchange: Exchange) -> Tokens | None:
        """Replace an access token that has expired.

        Args:
            spent: The access token that no longer works.
            exchange: Exchanges a refresh token at the server.

        Returns:
            The new tokens, or None if they cannot be renewed.

        Raises:
            SignedOutError: The server ended the session; its tokens are forgotten.
        """

    def end(self) -> None:
        """Forget the tokens."""


class MemorySession:
    """A session that lasts as long as this object: for programs, and for ``SEEDX_TOKEN``."""

    def __init__(self, token: str | None = None, *, kept_in: str = "memory") -> None:
        self.profile: str | None = None
        self._tokens = Tokens(token, kept_in=kept_in) if token else None
        self._kept_in = kept_in
        self._lock = threading.Lock()

    def tokens(self) -> Tokens | None:
        """Return the current tokens; None when nobody is signed in."""
        return self._tokens

    def start(self, login: Login) -> Tokens:
        """Keep the tokens of a sign-in."""
        self._tokens = _tokens_of(login, time.time())._replace(kept_in=self._kept_in)
        return self._tokens

    def renew(self, spent: str, exchange: Exchange) -> Tokens | None:
        """Exchange the refresh token, unless another thread has already done so."""
        with self._lock:
            held = self._tokens
            if held is None or held.access_token != spent:
                return held
            if held.refresh_token is None:
                return None
            try:
                return self.start(exchange(held.refresh_token))
            except SignedOutError:
                self._tokens = None
                raise

    def end(self) -> None:
        """Forget the tokens."""
        self._tokens = None


class StoredSession:
    """A session kept on disk for one server and profile, shared by every process of the user.

    The long-lived refresh token is kept in the system's keyring if one works; the file, with mode
    0600, holds the short-lived access token.

    Args:
        directory: The configuration folder.
        server: The server's URL; tokens are never sent to another one.
        profile: The profile's name.
        now: The clock, in seconds since the epoch.
    """

    def __init__(
        self, directory: Path, server: str, profile: str, *, now: Callable[[], float] = time.time
    ) -> None:
        self.profile: str | None = profile
        self._name = f"{profile}@{server}"
        self._now = now
        self.file = directory / "tokens" / f"{_file_name(server, profile)}.json"

    def tokens(self) -> Tokens | None:
        """Return the current tokens; without the refresh token if the keyring has it."""
        stored = read_json(self.file)
        access_token = stored.get("access_token")
        if not isinstance(access_token, str) or not is_token(access_token):
            return None
        user = stored.get("user")
        refresh_token, expires_at = stored.get("refresh_token"), stored.get("expires_at")
        return Tokens(
            access_token,
            refresh_token if isinstance(refresh_token, str) else None,
            expires_at if isinstance(expires_at, (int, float)) else None,
            cast("User", user) if fits(user, User) else None,
            str(stored.get("kept_in", "file")),
        )

    def start(self, login: Login) -> Tokens:
        """Keep the tokens of a sign-in, in the keyring if it works."""
        from seedx_cli.client import keyring_store

        tokens = _tokens_of(login, self._now())
        kept = keyring_store.put(self._name, login["refresh_token"])
        with locked(self.file):
            return self._write(tokens, "keyring" if kept else "file")

    def renew(self, spent: str, exchange: Exchange) -> Tokens | None:
        """Exchange the refresh token, one process at a time.

        A refresh token works once, and using it again ends the whole session. So the file is
        read again inside the lock: if another process was faster, its tokens are the new ones.
        An interrupt is held back until the new tokens are on disk.
        """
        with locked(self.file), _uninterrupted():
            held = self.tokens()
            if held is None or held.access_token != spent:
                return held
            refresh_token = held.refresh_token or self._from_keyring(held)
            if refresh_token is None:
                return None
            # If the file cannot be written, fail before the token is used up.
            self._write(held, held.kept_in)
            try:
                login = exchange(refresh_token)
            except SignedOutError:
                self.file.unlink()
                raise
            kept_in = self._store_renewed(held, login["refresh_token"])
            return self._write(_tokens_of(login, self._now()), kept_in)

    def end(self) -> None:
        """Forget the tokens, in the keyring too."""
        with locked(self.file):
            held = self.tokens()
            self.file.unlink(missing_ok=True)
        if held is not None and held.kept_in == "keyring":
            from seedx_cli.client import keyring_store

            keyring_store.delete(self._name)

    def _from_keyring(self, held: Tokens) -> str | None:
        if held.kept_in != "keyring":
            return None
        from seedx_cli.client import keyring_store

        return keyring_store.get(self._name)

    def _store_renewed(self, held: Tokens, refresh_token: str) -> str:
        if held.kept_in != "keyring":
            return "file"
        from seedx_cli.client import keyring_store

        return "keyring" if keyring_store.put(self._name, refresh_token) else "file"

    def _write(self, tokens: Tokens, kept_in: str) -> Tokens:
        kept = tokens._replace(kept_in=kept_in)
        on_disk = kept._replace(refresh_token=None) if kept_in == "keyring" else kept
        write_private(self.file, json.dumps(on_disk._asdict(), indent=2) + "\n")
        return kept


def _tokens_of(login: Login, now: float) -> Tokens:
    return Tokens(
        login["access_token"], login["refresh_token"], now + login["expires_in"], login["user"]
    )


def _file_name(server: str, profile: str) -> str:
    """Return a readable file name; its hash keeps two servers or profiles apart."""
    readable = re.sub(r"[^A-Za-z0-9.-]+", "_", f"{profile}-{urlsplit(server).netloc}")[:80]
    return f"{readable}-{hashlib.sha256(f'{profile} {server}'.encode()).hexdigest()[:12]}"


@contextmanager
def _uninterrupted() -> Iterator[None]:
    """Hold back SIGINT and SIGTERM until the end of the block."""
    held = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, held)
