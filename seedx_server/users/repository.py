"""Queries over accounts and sessions."""

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Select, exists, func, select, update
from sqlalchemy.dialects.postgresql import insert

from seedx_server.infrastructure.access import STAFF, Actor, Role
from seedx_server.infrastructure.database.engine import Session, Sessions, can_be_id
from seedx_server.infrastructure.database.notify import notify
from seedx_server.infrastructure.database.repository import RepositoryInterface, SqlRepository
from seedx_server.infrastructure.database.retention import delete_in_batches
from seedx_server.users.models import RefreshToken, User, UserSession
from seedx_server.users.revocation import SESSION_TOPIC, USER_TOPIC

MOST_STAFF = 1_000
"""More members of staff than this are not listed: the list is a menu, not a report."""


class UserRepositoryInterface(RepositoryInterface[User]):
    """The operations on accounts that services rely on."""

    @abstractmethod
    async def lock(self, key: int, *, actor: Actor) -> User | None:
        """Return an account, locked until the commit."""

    @abstractmethod
    async def unscoped_by_email(self, email: str) -> User | None:
        """Return the account of a normalised address, regardless of the actor."""

    @abstractmethod
    async def unscoped_lock_by_email(self, email: str) -> User | None:
        """Return the account of a normalised address, regardless of the actor, and lock it."""

    @abstractmethod
    async def unscoped_staff(self) -> Sequence[User]:
        """Return the members of staff whose accounts are not disabled, by name."""

    @abstractmethod
    async def unscoped_is_staff(self, user_id: int) -> bool:
        """Return whether this is the id of a member of staff whose account is not disabled."""

    @abstractmethod
    async def add_unless_taken(self, row: User) -> User | None:
        """Write a new account, or return None if its address already has one."""

    @abstractmethod
    async def end_sessions(self, user: User, now: datetime) -> None:
        """End every session of a locked account: none of its refresh tokens works again."""

    @abstractmethod
    async def invalidate_tokens(self, user: User, now: datetime) -> None:
        """Make a locked account's access tokens stop working on every server process."""

    @abstractmethod
    async def replace_hash(self, user: User, password_hash: str) -> None:
        """Replace the hash of an account's password, unless the password changed meanwhile."""


class UserRepository(SqlRepository[User], UserRepositoryInterface):
    """Accounts: an admin sees all, everybody else their own."""

    model = User

    def visible_to(self, actor: Actor) -> Select[User]:
        """Return the query of all accounts that this actor may see."""
        statement = select(User)
        return statement if actor.role is Role.ADMIN else statement.where(User.id == actor.id)

    async def unscoped_by_email(self, email: str) -> User | None:
        """Return the account of a normalised address, regardless of the actor."""
        return await self.session.scalar(select(User).where(User.email == email))

    async def unscoped_lock_by_email(self, email: str) -> User | None:
        """Return the account of a normalised address, regardless of the actor, and lock it."""
        return await self.session.scalar(select(User).where(User.email == email).with_for_update())

    async def unscoped_staff(self) -> Sequence[User]:
        """Return the members of staff whose accounts are not disabled, by name."""
        statement = (
            select(User)
            .where(User.role.in_(STAFF), User.disabled_at.is_(None))
            .order_by(User.name, User.id)
            .limit(MOST_STAFF)
        )
        return (await self.session.scalars(statement)).all()

    async def unscoped_is_staff(self, user_id: int) -> bool:
        """Return whether this is the id of a member of staff whose account is not disabled."""
        if not can_be_id(user_id):
            return False
        is_staff = exists().where(
            User.id == user_id, User.role.in_(STAFF), User.disabled_at.is_(None)
        )
        return bool(await self.session.scalar(select(is_staff)))

    async def add_unless_taken(self, row: User) -> User | None:
        """Write a new account, or return None if its address already has one."""
        return await self.session.scalar(
            insert(User)
            .values(name=row.name, email=row.email, password_hash=row.password_hash, role=row.role)
            .on_conflict_do_nothing(index_elements=[User.email])
            .returning(User)
        )

    async def end_sessions(self, user: User, now: datetime) -> None:
        """End every session of a locked account: none of its refresh tokens works again."""
        await self.session.execute(
            update(UserSession)
            .where(UserSession.user_id == user.id, UserSession.revoked_at.is_(None))
            .values(revoked_at=now)
            .execution_options(synchronize_session=False)
        )

    async def invalidate_tokens(self, user: User, now: datetime) -> None:
        """Make a locked account's access tokens stop working on every server process."""
        user.token_version += 1
        user.changed_at = now
        await self.session.flush()
        await notify(self.session, f"{USER_TOPIC}:{user.id}:{user.token_version}")

    async def replace_hash(self, user: User, password_hash: str) -> None:
        """Replace the hash of an account's password, unless the password changed meanwhile."""
        await self.session.execute(
            update(User)
            .where(User.id == user.id, User.password_hash == user.password_hash)
            .values(password_hash=password_hash)
            .execution_options(synchronize_session=False)
        )


@dataclass(frozen=True, slots=True)
class RecentlyRevoked:
    """The recent changes that make access tokens invalid before they expire.

    Attributes:
        sessions: The sessions that ended.
        versions: The ids of accounts that changed, each with its current `token_version`.
    """

    sessions: list[int]
    versions: list[tuple[int, int]]


class SessionRepository:
    """Sessions and their refresh tokens. Whoever has the token may see the row.

    Args:
        session: The session of the request.
    """

    def __init__(self, session: Session) -> None:
        self.session = session

    async def begin(self, user_id: int, expires_at: datetime) -> UserSession:
        """Write a new session."""
        row = UserSession(user_id=user_id, expires_at=expires_at)
        self.session.add(row)
        await self.session.flush()
        return row

    async def add_token(self, session_id: int, token_hash: bytes) -> None:
        """Write the refresh token that is valid from now on."""
        self.session.add(RefreshToken(session_id=session_id, token_hash=token_hash))
        await self.session.flush()

    async def spend_token(
        self, token_hash: bytes, now: datetime
    ) -> tuple[UserSession, User] | None:
        """Mark a refresh token as spent; of two requests that try, one succeeds.

        Returns:
            Its session, locked until the commit, and its account; None if the token is unknown or
            was spent before.
        """
        session_id = await self.session.scalar(
            update(RefreshToken)
            .where(RefreshToken.token_hash == token_hash, RefreshToken.spent_at.is_(None))
            .values(spent_at=now)
            .returning(RefreshToken.session_id)
            .execution_options(synchronize_session=False)
        )
        if session_id is None:
            return None
        statement = (
            select(UserSession, User)
            .join(User, User.id == UserSession.user_id)
            .where(UserSession.id == session_id)
            .with_for_update(of=UserSession)
        )
        session, user = (await self.session.execute(statement)).one()
        return session, user

    async def session_of_token(self, token_hash: bytes) -> int | None:
        """Return the id of a refresh token's session, or None if the token is unknown."""
        return await self.session.scalar(
            select(RefreshToken.session_id).where(RefreshToken.token_hash == token_hash)
        )

    async def revoke(self, session_id: int, now: datetime) -> None:
        """End a session on every server process."""
        await self.session.execute(
            update(UserSession)
            .where(UserSession.id == session_id, UserSession.revoked_at.is_(None))
            .values(revoked_at=now)
            .execution_options(synchronize_session=False)
        )
        await notify(self.session, f"{SESSION_TOPIC}:{session_id}")

    async def revoked_since(self, moment: datetime) -> RecentlyRevoked:
        """Return the sessions that ended and the accounts that changed after a moment."""
        sessions = await self.session.scalars(
            select(UserSession.id)
            .where(UserSession.revoked_at > moment)
            .order_by(UserSession.revoked_at)
        )
        versions = await self.session.execute(
            select(User.id, User.token_version)
            .where(User.changed_at > moment)
            .order_by(User.changed_at)
        )
        return RecentlyRevoked(list(sessions), [(row.id, row.token_version) for row in versions])

    async def is_valid(self, session_id: int, user_id: int, version: int) -> bool:
        """Return whether an access token of this session and version is still valid."""
        is_valid = exists().where(
            UserSession.id == session_id,
            UserSession.revoked_at.is_(None),
            User.id == UserSession.user_id,
            User.id == user_id,
            User.token_version <= version,
        )
        return bool(await self.session.scalar(select(is_valid)))


class AccountLookup:
    """Reads accounts outside the request's transaction, so that it holds no connection.

    Args:
        sessions: Makes sessions.
    """

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions

    async def by_email(self, email: str) -> User | None:
        """Return the account of a normalised address, regardless of the actor."""
        async with self._sessions() as session:
            return await UserRepository(session).unscoped_by_email(email)


async def delete_expired(sessions: Sessions, refresh_life: timedelta) -> None:
    """Delete expired sessions, and refresh tokens that were spent a lifetime ago or longer."""
    await delete_in_batches(sessions, UserSession, UserSession.expires_at < func.now())
    await delete_in_batches(
        sessions, RefreshToken, RefreshToken.spent_at < func.now() - refresh_life
    )
