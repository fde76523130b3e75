"""Passwords and tokens."""

import asyncio
import hashlib
import secrets
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TypeVar

import jwt
from passlib.context import CryptContext

from seedx_server.config import Settings
from seedx_server.infrastructure.access import Actor, Role
from seedx_server.infrastructure.errors import Unauthenticated

ALGORITHM = "HS256"
HASHING_THREADS = 2
PASSWORDS = CryptContext(schemes=["argon2", "bcrypt"], deprecated="auto")

T = TypeVar("T")
Clock = Callable[[], datetime]


def utc_now() -> datetime:
    """Return the current time in UTC."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class PasswordCheck:
    """The result of comparing a password with a hash.

    Attributes:
        fits: Whether the password is right.
        renewed_hash: If the password is right but its hash has an outdated scheme or cost, a new
            hash to store.
    """

    fits: bool
    renewed_hash: str | None = None


class PasswordHasher:
    """Hashes passwords in separate threads, so that the event loop is not blocked."""

    def __init__(self) -> None:
        self._context = PASSWORDS
        self._threads = ThreadPoolExecutor(HASHING_THREADS, thread_name_prefix="password")
        self._decoy: str | None = None

    async def hash(self, password: str) -> str:
        """Return the hash of a password, to store in its place."""
        return await self._in_thread(lambda: self._context.hash(password))

    async def verify(self, password: str, kept: str | None) -> PasswordCheck:
        """Compare a password with the hash of an account.

        Args:
            password: The password that was entered.
            kept: The account's hash. With None the same work is done and the password never fits,
                so that the time does not reveal whether there is an account.
        """
        return await self._in_thread(lambda: self._verify(password, kept))

    def close(self) -> None:
        """End the threads."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _verify(self, password: str, kept: str | None) -> PasswordCheck:
        if self._decoy is None:
            self._decoy = self._context.hash(secrets.token_hex())
        fits, renewed = self._context.verify_and_update(password, kept or self._decoy)
        return PasswordCheck(fits, renewed) if kept is not None else PasswordCheck(fits=False)

    async def _in_thread(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)


@dataclass(frozen=True, slots=True)
class AccessToken:
    """The claims of a verified access token.

    Attributes:
        actor: The actor it belongs to.
        version: The account's `token_version` when it was made.
    """

    actor: Actor
    version: int


class TokenSigner:
    """Makes and verifies access tokens (RFC 7519), signed with a secret that can be rotated.

    Args:
        settings: The secret, its key id, and the retired secrets that are still accepted.
        now: The clock.
    """

    def __init__(self, settings: Settings, now: Clock = utc_now) -> None:
        if settings.jwt_secret is None:
            raise ValueError("a signing secret is needed")
        self._key = settings.jwt_key
        self._secrets = {
            **{kid: secret.get_secret_value() for kid, secret in settings.jwt_retired.items()},
            self._key: settings.jwt_secret.get_secret_value(),
        }
        self._life = timedelta(minutes=settings.expire_minutes)
        self._now = now

    @property
    def life(self) -> timedelta:
        """How long an access token is valid."""
        return self._life

    def sign(self, actor: Actor, version: int) -> str:
        """Return an access token for the actor."""
        now = self._now()
        claims: dict[str, str | int] = {
            "sub": str(actor.id),
            "sid": actor.session_id,
            "role": actor.role,
            "name": actor.name,
            "ver": version,
            "iat": int(now.timestamp()),
            "exp": int((now + self._life).timestamp()),
        }
        return jwt.encode(claims, self._secrets[self._key], ALGORITHM, {"kid": self._key})

    def verify(self, token: str) -> AccessToken:
        """Return the claims of a token.

        Raises:
            Unauthenticated: It is forged, damaged or expired.
        """
        try:
            kid = jwt.get_unverified_header(token).get("kid")
            claims = jwt.decode(
                token,
                self._secrets[str(kid)],
                [ALGORITHM],
                # Expiry is checked below against `now`; the clock that wrote `iat` may be ahead.
                options={
                    "require": ["sub", "sid", "role", "ver", "exp"],
                    "verify_exp": False,
                    "verify_iat": False,
                },
            )
            expired = float(claims["exp"]) <= self._now().timestamp()
            actor = Actor(
                id=int(claims["sub"]),
                role=Role(claims["role"]),
                name=str(claims["name"]),
                session_id=int(claims["sid"]),
            )
            version = int(claims["ver"])
        except (jwt.PyJWTError, KeyError, ValueError, TypeError):
            raise Unauthenticated(
                "The access token is not valid. Sign in again.", code="invalid_token"
            ) from None
        if expired:
            raise Unauthenticated(
                "The access token has expired. Refresh it or sign in again.", code="token_expired"
            )
        return AccessToken(actor, version)


def new_refresh_token() -> str:
    """Return a refresh token: 256 random bits."""
    return secrets.token_urlsafe(32)


def refresh_token_hash(token: str) -> bytes:
    """Return the hash that is stored in place of a refresh token.

    A plain hash is enough: the token is random, not chosen by a person.
    """
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()
