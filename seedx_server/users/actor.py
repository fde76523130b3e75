"""Who sends a request: the dependency that every route but the public ones stands behind."""

from collections.abc import Callable
from typing import Annotated

from fastapi import Depends, Request
from fastapi.security import OAuth2PasswordBearer

from seedx_server.infrastructure.access import STAFF, Actor, Role
from seedx_server.infrastructure.database.engine import Sessions
from seedx_server.infrastructure.database.notify import Notifier
from seedx_server.infrastructure.errors import Forbidden, Unauthenticated
from seedx_server.users.repository import SessionRepository
from seedx_server.users.revocation import Revocations
from seedx_server.users.security import AccessToken, TokenSigner

bearer = OAuth2PasswordBearer(tokenUrl="auth/token", auto_error=False)


async def current_actor(
    request: Request, credentials: Annotated[str | None, Depends(bearer)]
) -> Actor:
    """Return who sends the request.

    Raises:
        Unauthenticated: There is no token, or it does not work (any more).
    """
    if credentials is None:
        raise Unauthenticated("Sign in first and send the access token: Authorization: Bearer …")
    signer: TokenSigner = request.app.state.signer
    token = signer.verify(credentials)
    if await _refused(request, token):
        raise Unauthenticated(
            "This session or token has ended. Refresh it or sign in again.", code="token_revoked"
        )
    return token.actor


async def _refused(request: Request, token: AccessToken) -> bool:
    revocations: Revocations = request.app.state.revocations
    notifier: Notifier = request.app.state.notifier
    if revocations.refuses(token):
        return True
    if notifier.connected.is_set():
        return False
    # Nobody tells this process of sessions that end elsewhere now, so it asks.
    sessions: Sessions = request.app.state.sessions
    async with sessions() as session:
        return not await SessionRepository(session).is_good(
            token.actor.session_id, token.actor.id, token.version
        )


ActorDep = Annotated[Actor, Depends(current_actor)]


def require(*roles: Role) -> Callable[[Actor], Actor]:
    """Return a dependency that lets only these roles pass.

    Raises:
        Forbidden: The caller has another role.
    """

    def check(actor: ActorDep) -> Actor:
        if actor.role not in roles:
            raise Forbidden(
                f"Only {' and '.join(f'{role}s' for role in sorted(roles))} may do this."
            )
        return actor

    return check


StaffDep = Annotated[Actor, Depends(require(*STAFF))]
AdminDep = Annotated[Actor, Depends(require(Role.ADMIN))]
