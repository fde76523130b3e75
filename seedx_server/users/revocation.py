"""The access tokens that this process refuses although they have not expired.

The list is kept in memory, so that a request needs no query, and is updated by notifications, so
that signing out takes effect at once on every server process. Each entry is kept only as long as
an older access token could still be valid.
"""

from datetime import datetime, timedelta

from seedx_server.users.security import AccessToken, Clock

SESSION_TOPIC = "session"
USER_TOPIC = "user"


class Revocations:
    """Sessions that ended and accounts whose older tokens no longer work.

    Args:
        life: How long an access token is valid.
        now: The clock.
    """

    def __init__(self, life: timedelta, now: Clock) -> None:
        self._life = life
        self._now = now
        self._sessions: dict[int, datetime] = {}
        self._versions: dict[int, tuple[int, datetime]] = {}

    def end_session(self, session_id: int) -> None:
        """Refuse the session's access tokens from now on."""
        self._drop_expired()
        self._sessions.pop(session_id, None)
        self._sessions[session_id] = self._now() + self._life

    def require_version(self, user_id: int, version: int) -> None:
        """Refuse the user's access tokens of an older version from now on."""
        self._drop_expired()
        known, _ = self._versions.pop(user_id, (version, None))
        self._versions[user_id] = (max(known, version), self._now() + self._life)

    def hear_session(self, payload: str) -> None:
        """Handle the notification `session:ID`."""
        self.end_session(int(payload))

    def hear_user(self, payload: str) -> None:
        """Handle the notification `user:ID:VERSION`."""
        user_id, _, version = payload.partition(":")
        self.require_version(int(user_id), int(version))

    def refuses(self, token: AccessToken) -> bool:
        """Return whether the token is refused."""
        if token.actor.session_id in self._sessions:
            return True
        required = self._versions.get(token.actor.id)
        return required is not None and token.version < required[0]

    def _drop_expired(self) -> None:
        now = self._now()
        while self._sessions and next(iter(self._sessions.values())) < now:
            del self._sessions[next(iter(self._sessions))]
        while self._versions and next(iter(self._versions.values()))[1] < now:
            del self._versions[next(iter(self._versions))]
