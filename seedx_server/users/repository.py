"""Queries over accounts and sessions."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Select, delete, exists, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from seedx_server.infrastructure.access import Actor, Role
from seedx_server.infrastructure.database.notify import notify
from seedx_server.infrastructure.database.repository import LARGEST_ID, SqlRepository
from seedx_server.users.models import RefreshToken, User, UserSession
from seedx_server.users.revocation import SESSION_TOPIC, USER_TOPIC


class UserRepository(SqlRepository[User]):
    """Accounts: an admin sees all, everybody else their own."""

    model = User

    def visible_to(self, actor: Actor) -> Select[User]:
        """Return the query of all accounts that this actor may see."""
        statement = select(User)
        return statement if actor.role is Role.ADMIN else statement.where(User.id == actor.id)

    async def lock(self, key: int, *, actor: Actor) -> User | None:
        """Return an account as `get` does, its row locked until the commit."""
        if not 0 < key <= LARGEST_ID:
            return None
        return await self.session.scalar(
            self.visible_to(actor).where(User.id == key).with_for_update()
        )

    async def unscoped_by_email(self, email: str) -> User | None:
        """Return the account of an address in normal form, whoever asks."""
        return await self.session.scalar(select(User).where(User.email == email))

    async def unscoped_lock_by_email(self, email: str) -> User | None:
        """Return the account of an address, whoever asks, its row locked until the commit."""
        return await self.session.scalar(select(User).where(User.email == email).with_for_update())

    async def release(self) -> None:
        """Give the connection back for a while; what is read after it is read anew."""
        await self.session.close()

    async def unscoped_staff(self, user_id: int) -> bool:
        """Tell whether this is the id of a member of staff who may sign in."""
        if not 0 < user_id <= LARGEST_ID:
            return False
        return bool(
            await self.session.scalar(
                select(
                    exists().where(
                        User.id == user_id,
                        User.role.in_((Role.AGENT, Role.ADMIN)),
                        User.disabled_at.is_(None),
                    )
                )
            )
        )

    async def add_unless_taken(self, row: User) -> User | None:
        """Write a new account, or return None if its address has one already."""
        return await self.session.scalar(
            insert(User)
            .values(name=row.name, email=row.email, password_hash=row.password_hash, role=row.role)
            .on_conflict_do_nothing(index_elements=[User.email])
            .returning(User)
        )

    async def end_sessions(self, user: User, now: datetime) -> None:
        """End every sign-in of a locked account: none of its refresh tokens works again."""
        await self.session.execute(
            update(UserSession)
            .where(UserSession.user_id == user.id, UserSession.revoked_at.is_(None))
            .values(revoked_at=now)
            .execution_options(synchronize_session=False)
        )

    async def void_tokens(self, user: User, now: datetime) -> None:
        """Make a locked account's access tokens stop working on every server process."""
        user.token_version += 1
        user.changed_at = now
        await self.session.flush()
        await notify(self.session, f"{USER_TOPIC}:{user.id}:{user.token_version}")


@dataclass(frozen=True, slots=True)
class RevokedLately:
    """What an access token may not rest on any more."""

    sessions: list[int]
    versions: list[tuple[int, int]]


class SessionRepository:
    """Sign-ins and their refresh tokens. Holding the token is the right to see the row.

    Args:
        session: The session of the request.
    """

    def __init__(self, session: AsyncSession) -> None:
        self.session = session

    async def begin(self, user_id: int, expires_at: datetime) -> UserSession:
        """Write a new sign-in."""
        row = UserSession(user_id=user_id, expires_at=expires_at)
        self.session.add(row)
        await self.session.flush()
        return row

    async def add_token(self, session_id: int, token_hash: bytes) -> None:
        """Write the refresh token that is good from now on."""
        self.session.add(RefreshToken(session_id=session_id, token_hash=token_hash))
        await self.session.flush()

    async def by_token(self, token_hash: bytes) -> tuple[RefreshToken, UserSession, User] | None:
        """Return the token with its sign-in and account, locked until the commit."""
        statement = (
            select(RefreshToken, UserSession, User)
            .join(UserSession, UserSession.id == RefreshToken.session_id)
            .join(User, User.id == UserSession.user_id)
            .where(RefreshToken.token_hash == token_hash)
            .with_for_update(of=UserSession)
            .execution_options(populate_existing=True)
        )
        row = (await self.session.execute(statement)).one_or_none()
        if row is None:
            return None
        token, session, user = row
        # The lock was waited for: what another request did to the token meanwhile counts.
        await self.session.refresh(token)
        return token, session, user

    async def revoke(self, session_id: int, now: datetime) -> None:
        """End a sign-in on every server process."""
        await self.session.execute(
            update(UserSession)
            .where(UserSession.id == session_id, UserSession.revoked_at.is_(None))
            .values(revoked_at=now)
        )
        await notify(self.session, f"{SESSION_TOPIC}:{session_id}")

    async def revoked_since(self, moment: datetime) -> RevokedLately:
        """Return the sign-ins that ended and accounts that changed after a moment."""
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
        return RevokedLately(list(sessions), [(row.id, row.token_version) for row in versions])

    async def forget_old(self, life: timedelta) -> None:
        """Delete sign-ins that are over, and refresh tokens spent longer ago than they live."""
        await self.session.execute(delete(UserSession).where(UserSession.expires_at < func.now()))
        await self.session.execute(
            delete(RefreshToken).where(RefreshToken.spent_at < func.now() - life)
        )

    async def is_good(self, session_id: int, user_id: int, version: int) -> bool:
        """Tell whether an access token of this sign-in and version still works."""
        return bool(
            await self.session.scalar(
                select(func.count())
                .select_from(UserSession)
                .join(User, User.id == UserSession.user_id)
                .where(
                    UserSession.id == session_id,
                    UserSession.revoked_at.is_(None),
                    User.id == user_id,
                    User.token_version <= version,
                )
            )
        )
