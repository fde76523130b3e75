"""Rules of accounts and of signing in."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from seedx_server.infrastructure.access import Actor, Role
from seedx_server.infrastructure.database.repository import Page
from seedx_server.infrastructure.errors import (
    Conflict,
    Forbidden,
    InvalidInput,
    NotFound,
    Unauthenticated,
    existing,
)
from seedx_server.users.core import Login, SignUp, UserPatch, normalised_email
from seedx_server.users.models import User, UserSession
from seedx_server.users.repository import (
    AccountLookup,
    SessionRepository,
    UserRepositoryInterface,
)
from seedx_server.users.revocation import Revocations
from seedx_server.users.security import (
    Clock,
    PasswordHasher,
    TokenSigner,
    new_refresh_token,
    refresh_token_hash,
)


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A new pair of tokens and the account they belong to."""

    access_token: str
    expires_in: int
    refresh_token: str
    user: User


class UserService:
    """Accounts.

    Args:
        users: The accounts.
        hasher: Hashes passwords.
        now: The clock.
        revocations: The access tokens that this process refuses; None outside a server.
    """

    def __init__(
        self,
        users: UserRepositoryInterface,
        hasher: PasswordHasher,
        now: Clock,
        revocations: Revocations | None = None,
    ) -> None:
        self._users = users
        self._hasher = hasher
        self._now = now
        self._revocations = revocations

    async def sign_up(self, wanted: SignUp) -> User:
        """Create a customer's account.

        Raises:
            Conflict: `email_taken`.
        """
        password_hash = await self._hasher.hash(wanted.password)
        user = await self._users.add_unless_taken(
            User(
                name=wanted.name,
                email=wanted.email,
                password_hash=password_hash,
                role=Role.CUSTOMER,
            )
        )
        if user is None:
            raise Conflict(
                "There is already an account with this e-mail address. Sign in instead.",
                code="email_taken",
            )
        return user

    async def get(self, user_id: int, actor: Actor) -> User:
        """Return an account.

        Raises:
            NotFound: It does not exist, or the actor may not see it.
        """
        return existing(await self._users.get(user_id, actor=actor), f"user {user_id}")

    async def page(self, actor: Actor, limit: int, cursor: str | None) -> Page[User]:
        """Return a page of accounts, newest first."""
        return await self._users.page(actor=actor, limit=limit, cursor=cursor)

    async def staff(self) -> Sequence[User]:
        """Return the people whom a ticket can be assigned to, by name."""
        return await self._users.unscoped_staff()

    async def change(self, user_id: int, patch: UserPatch, actor: Actor) -> User:
        """Change an account's role, or disable or enable it.

        Raises:
            NotFound: There is no such account.
            Forbidden: Admins cannot change their own account.
        """
        user = existing(await self._users.lock(user_id, actor=actor), f"user {user_id}")
        if user.id == actor.id:
            raise Forbidden("You cannot change your own account's role or disable it.")
        role = user.role if patch.role is None else patch.role
        was_disabled = user.disabled_at is not None
        disabled = was_disabled if patch.disabled is None else patch.disabled
        if (role, disabled) == (user.role, was_disabled):
            return user
        user.role = role
        if disabled is not was_disabled:
            user.disabled_at = self._now() if disabled else None
        if disabled:
            await self._users.end_sessions(user, self._now())
        await self._invalidate_tokens(user)
        return user

    async def set_role_of(self, email: str, role: Role) -> User:
        """Change a role on the server's own machine, where there is no actor.

        Raises:
            NotFound: There is no account with this address.
            InvalidInput: It is not an e-mail address.
        """
        try:
            address = normalised_email(email)
        except ValueError as error:
            raise InvalidInput.of("email", str(error)) from None
        user = await self._users.unscoped_lock_by_email(address)
        if user is None:
            raise NotFound(f"There is no account for {address}. Sign up first: seedx signup")
        user.role = role
        await self._invalidate_tokens(user)
        return user

    async def _invalidate_tokens(self, user: User) -> None:
        await self._users.invalidate_tokens(user, self._now())
        if self._revocations is not None:
            self._revocations.require_version(user.id, user.token_version)


def _hash_of(user: User | None) -> str | None:
    return user.password_hash if user and user.disabled_at is None else None


class AuthService:
    """Signing in, staying signed in, signing out.

    Args:
        users: The accounts.
        sessions: The sessions.
        lookup: The accounts, read outside the request's transaction.
        hasher: Verifies passwords.
        signer: Makes access tokens.
        revocations: The access tokens that this process refuses.
        refresh_life: How long a refresh token is valid.
        now: The clock.
    """

    def __init__(
        self,
        *,
        users: UserRepositoryInterface,
        sessions: SessionRepository,
        lookup: AccountLookup,
        hasher: PasswordHasher,
        signer: TokenSigner,
        revocations: Revocations,
        refresh_life: timedelta,
        now: Clock,
    ) -> None:
        self._users = users
        self._sessions = sessions
        self._lookup = lookup
        self._hasher = hasher
        self._signer = signer
        self._revocations = revocations
        self._refresh_life = refresh_life
        self._now = now

    async def log_in(self, credentials: Login) -> SignedIn:
        """Begin a session.

        Raises:
            Unauthenticated: `bad_credentials`, for a wrong password, an unknown address and
                a disabled account alike.
        """
        email = _address(credentials.email)
        # Hashing is slow and connections are few, so none is held meanwhile.
        kept = _hash_of(await self._lookup.by_email(email)) if email else None
        check = await self._hasher.verify(credentials.password, kept)
        user = await self._users.unscoped_by_email(email) if email else None
        if not check.fits or user is None or _hash_of(user) != kept:
            raise Unauthenticated(
                "The e-mail address or the password is wrong.", code="bad_credentials"
            )
        if check.renewed_hash is not None:
            await self._users.replace_hash(user, check.renewed_hash)
        session = await self._sessions.begin(user.id, self._now() + self._refresh_life)
        return await self._grant(user, session)

    async def refresh(self, token: str) -> SignedIn | Unauthenticated:
        """Exchange a refresh token for a new pair.

        A token that is used a second time may have been stolen, so the session ends (RFC 9700,
        section 4.14.2). That error is returned and not raised, which would roll back the end of
        the session.

        Raises:
            Unauthenticated: The token is unknown, or its session has ended.
        """
        token_hash = refresh_token_hash(token)
        spent = await self._sessions.spend_token(token_hash, self._now())
        if spent is None:
            return await self._end_reused(token_hash)
        session, user = spent
        over = session.revoked_at is not None or session.expires_at <= self._now()
        if over or user.disabled_at is not None:
            raise Unauthenticated("The session has ended. Sign in again.", code="session_ended")
        session.expires_at = self._now() + self._refresh_life
        return await self._grant(user, session)

    async def log_out(self, actor: Actor) -> None:
        """End the actor's session: its access and refresh tokens stop working."""
        await self._end(actor.session_id)

    async def _end(self, session_id: int) -> None:
        await self._sessions.revoke(session_id, self._now())
        self._revocations.end_session(session_id)

    async def _end_reused(self, token_hash: bytes) -> Unauthenticated:
        session_id = await self._sessions.session_of_token(token_hash)
        if session_id is None:
            raise Unauthenticated(
                "The refresh token is not valid. Sign in again.", code="invalid_refresh_token"
            )
        await self._end(session_id)
        return Unauthenticated(
            "This refresh token was used before, so the session was ended. Sign in again.",
            code="refresh_token_reused",
        )

    async def _grant(self, user: User, session: UserSession) -> SignedIn:
        token = new_refresh_token()
        await self._sessions.add_token(session.id, refresh_token_hash(token))
        actor = Actor(id=user.id, role=user.role, name=user.name, session_id=session.id)
        return SignedIn(
            access_token=self._signer.sign(actor, user.token_version),
            expires_in=int(self._signer.life.total_seconds()),
            refresh_token=token,
            user=user,
        )


def _address(email: str) -> str | None:
    try:
        return normalised_email(email)
    except ValueError:
        return None
