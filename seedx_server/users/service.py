"""Rules of accounts and of signing in."""

from dataclasses import dataclass
from datetime import timedelta

from seedx_server.infrastructure.access import Actor, Role
from seedx_server.infrastructure.database.repository import Page
from seedx_server.infrastructure.errors import Conflict, Forbidden, InvalidInput, NotFound
from seedx_server.infrastructure.errors import Unauthenticated as NotSignedIn
from seedx_server.users.core import Login, SignUp, UserPatch, normalised_email
from seedx_server.users.models import RefreshToken, User, UserSession
from seedx_server.users.repository import SessionRepository, UserRepository
from seedx_server.users.revocation import Revocations
from seedx_server.users.security import (
    Clock,
    PasswordHasher,
    TokenSigner,
    new_refresh_token,
    refresh_token_hash,
)


class SpentToken(NotSignedIn):
    """A refresh token came a second time; ending its session is kept, not rolled back."""

    keeps_changes = True


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A new pair of tokens and whose they are."""

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
        revocations: What this process refuses; None where it answers no requests.
    """

    def __init__(
        self,
        users: UserRepository,
        hasher: PasswordHasher,
        now: Clock,
        revocations: Revocations | None = None,
    ) -> None:
        self._users = users
        self._hasher = hasher
        self._now = now
        self._revocations = revocations

    async def sign_up(self, wanted: SignUp) -> User:
        """Make a customer's account.

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
                "There is an account with this e-mail address already. Log in instead.",
                code="email_taken",
            )
        return user

    async def get(self, user_id: int, actor: Actor) -> User:
        """Return an account.

        Raises:
            NotFound: It is not there for this actor.
        """
        return _found(await self._users.get(user_id, actor=actor), user_id)

    async def list(self, actor: Actor, limit: int, cursor: str | None) -> Page[User]:
        """Return a page of accounts, newest first."""
        return await self._users.list(actor=actor, limit=limit, cursor=cursor)

    async def change(self, user_id: int, patch: UserPatch, actor: Actor) -> User:
        """Change an account's role, or shut it out or in.

        Raises:
            NotFound: There is no such account.
            Forbidden: An admin may not lock themself out.
        """
        user = _found(await self._users.lock(user_id, actor=actor), user_id)
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
        await self._void_tokens(user)
        return user

    async def set_role_of(self, email: str, role: Role) -> User:
        """Change a role on the server's own machine, where there is no actor.

        Raises:
            NotFound: There is no account with this address.
            InvalidInput: It is no address.
        """
        try:
            address = normalised_email(email)
        except ValueError as error:
            raise InvalidInput.of("email", str(error)) from None
        user = await self._users.unscoped_lock_by_email(address)
        if user is None:
            raise NotFound(f"There is no account for {address}. Sign it up first: seedx signup")
        user.role = role
        await self._void_tokens(user)
        return user

    async def _void_tokens(self, user: User) -> None:
        await self._users.void_tokens(user, self._now())
        if self._revocations is not None:
            self._revocations.require_version(user.id, user.token_version)


def _found(user: User | None, user_id: int) -> User:
    if user is None:
        raise NotFound(f"There is no user {user_id}.")
    return user


def _hash_of(user: User | None) -> str | None:
    return user.password_hash if user and user.disabled_at is None else None


class AuthService:
    """Signing in, staying signed in, signing out.

    Args:
        users: The accounts.
        sessions: The sign-ins.
        hasher: Verifies passwords.
        signer: Makes access tokens.
        revocations: What this process refuses.
        refresh_life: How long a refresh token is good.
        now: The clock.
    """

    def __init__(
        self,
        *,
        users: UserRepository,
        sessions: SessionRepository,
        hasher: PasswordHasher,
        signer: TokenSigner,
        revocations: Revocations,
        refresh_life: timedelta,
        now: Clock,
    ) -> None:
        self._users = users
        self._sessions = sessions
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
        kept = _hash_of(await self._user_of(credentials.email))
        # Hashing takes long, and connections are few.
        await self._users.release()
        fits = await self._hasher.verify(credentials.password, kept)
        user = await self._user_of(credentials.email)
        if not fits or user is None or _hash_of(user) != kept:
            raise NotSignedIn(
                "The e-mail address or the password is wrong.", code="bad_credentials"
            )
        session = await self._sessions.begin(user.id, self._now() + self._refresh_life)
        return await self._grant(user, session)

    async def refresh(self, token: str) -> SignedIn:
        """Exchange a refresh token for a new pair.

        A token that comes a second time was copied by somebody: the session ends (RFC 9700,
        section 4.14.2).

        Raises:
            Unauthenticated: The token is unknown, over, spent, or its session has ended.
        """
        found = await self._sessions.by_token(refresh_token_hash(token))
        if found is None:
            raise NotSignedIn("The session is over. Log in again.", code="invalid_refresh_token")
        kept, session, user = found
        await self._refuse_spent(kept, session)
        over = session.revoked_at is not None or session.expires_at <= self._now()
        if over or user.disabled_at is not None:
            raise NotSignedIn("The session is over. Log in again.", code="session_ended")
        kept.spent_at = self._now()
        session.expires_at = self._now() + self._refresh_life
        return await self._grant(user, session)

    async def log_out(self, actor: Actor) -> None:
        """End the actor's session: its access and refresh tokens stop working."""
        await self._end(actor.session_id)

    async def _user_of(self, email: str) -> User | None:
        try:
            return await self._users.unscoped_by_email(normalised_email(email))
        except ValueError:
            return None

    async def _refuse_spent(self, kept: RefreshToken, session: UserSession) -> None:
        if kept.spent_at is None:
            return
        await self._end(session.id)
        raise SpentToken(
            "This refresh token was used before, so the session was ended. Log in again.",
            code="refresh_token_reused",
        )

    async def _end(self, session_id: int) -> None:
        await self._sessions.revoke(session_id, self._now())
        self._revocations.end_session(session_id)

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
