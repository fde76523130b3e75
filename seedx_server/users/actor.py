"""The actor of a request: every route except the public ones depends on it."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends
from fastapi.security import OAuth2PasswordBearer

from seedx_server.infrastructure.access import STAFF, Actor, Role
from seedx_server.infrastructure.errors import Forbidden, Unauthenticated
from seedx_server.infrastructure.web import openapi
from seedx_server.infrastructure.web.dependencies import InfrastructureParts, parts_as
from seedx_server.users.repository import SessionRepository
from seedx_server.users.revocation import Revocations
from seedx_server.users.security import AccessToken, PasswordHasher, TokenSigner


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountParts(InfrastructureParts):
    """The parts of an app that deal with accounts.

    Attributes:
        hasher: Hashes passwords.
        signer: Makes and verifies access tokens.
        revocations: The access tokens that this process refuses.
    """

    hasher: PasswordHasher
    signer: TokenSigner
    revocations: Revocations


AccountPartsDep = Annotated[AccountParts, Depends(parts_as(AccountParts))]


SIGNED_OUT: tuple[openapi.Kind, ...] = (
    Unauthenticated,
    (Unauthenticated, "invalid_token"),
    (Unauthenticated, "token_expired"),
    (Unauthenticated, "token_revoked"),
)
"""The errors of every route that requires an actor."""

bearer = OAuth2PasswordBearer(tokenUrl="auth/token", auto_error=False)


async def current_actor(
    parts: AccountPartsDep, credentials: Annotated[str | None, Depends(bearer)]
) -> Actor:
    """Return the actor of the request.

    Raises:
        Unauthenticated: The token is missing or not valid.
    """
    if credentials is None:
        raise Unauthenticated("Sign in first and send the access token: Authorization: Bearer …")
    token = parts.signer.verify(credentials)
    if await _is_refused(parts, token):
        raise Unauthenticated(
            "This session or token has ended. Refresh it or sign in again.", code="token_revoked"
        )
    return token.actor


async def _is_refused(parts: AccountParts, token: AccessToken) -> bool:
    if parts.revocations.refuses(token):
        return True
    if parts.notifier.connected.is_set():
        return False
    # At the moment this process does not hear of sessions that end elsewhere, so it queries.
    async with parts.sessions() as session:
        return not await SessionRepository(session).is_valid(
            token.actor.session_id, token.actor.id, token.version
        )


ActorDep = Annotated[Actor, Depends(current_actor)]


def require(*roles: Role) -> Callable[[Actor], Awaitable[Actor]]:
    """Return a dependency that admits only these roles.

    Raises:
        Forbidden: The caller has another role.
    """

    async def check(actor: ActorDep) -> Actor:
        if actor.role not in roles:
            raise Forbidden(
                f"Only {' and '.join(f'{role}s' for role in sorted(roles))} may do this."
            )
        return actor

    return check


StaffDep = Annotated[Actor, Depends(require(*STAFF))]
AdminDep = Annotated[Actor, Depends(require(Role.ADMIN))]
