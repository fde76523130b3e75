"""Tables of accounts and sessions."""

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, LargeBinary, text
from sqlalchemy.orm import Mapped, mapped_column

from seedx_server.infrastructure.access import Role
from seedx_server.infrastructure.database.engine import (
    Base,
    Identified,
    TextEnum,
    Timestamped,
    one_of,
)


class User(Timestamped, Identified):
    """An account. `token_version` rises when older access tokens must stop working."""

    __tablename__ = "users"

    name: Mapped[str]
    email: Mapped[str] = mapped_column(unique=True)
    password_hash: Mapped[str]
    role: Mapped[Role] = mapped_column(TextEnum(Role), default=Role.CUSTOMER)
    token_version: Mapped[int] = mapped_column(default=1, server_default=text("1"))
    changed_at: Mapped[datetime | None]
    disabled_at: Mapped[datetime | None]

    __table_args__ = (
        one_of("role", Role),
        CheckConstraint("email = lower(email)", name="email_normalised"),
        Index(None, "changed_at", postgresql_where=text("changed_at IS NOT NULL")),
    )


class UserSession(Timestamped, Identified):
    """One sign-in on one device: a chain of refresh tokens of which one is valid."""

    __tablename__ = "sessions"

    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    expires_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]

    __table_args__ = (
        Index(None, "expires_at"),
        Index(None, "revoked_at", postgresql_where=text("revoked_at IS NOT NULL")),
    )


class RefreshToken(Timestamped, Base):
    """One refresh token, kept only as its SHA-256 hash."""

    __tablename__ = "refresh_tokens"

    token_hash: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    session_id: Mapped[int] = mapped_column(
        ForeignKey("sessions.id", ondelete="CASCADE"), index=True
    )
    spent_at: Mapped[datetime | None]

    __table_args__ = (Index(None, "spent_at", postgresql_where=text("spent_at IS NOT NULL")),)
