"""Sets roles directly in the database, which is how the first admin is made."""

import asyncio

from seedx_server.config import Settings
from seedx_server.entry.database import reachable_database
from seedx_server.entry.errors import EntryError, NotFoundError
from seedx_server.infrastructure.access import Role
from seedx_server.infrastructure.database import migrate
from seedx_server.infrastructure.database.engine import make_engine, make_sessions
from seedx_server.infrastructure.errors import DomainError, NotFound
from seedx_server.users.core import UserDocument
from seedx_server.users.repository import UserRepository
from seedx_server.users.security import PasswordHasher, utc_now
from seedx_server.users.service import UserService


def set_role(email: str, role: str) -> dict[str, object]:
    """Give an account a role, directly in the database, and return the user document.

    Raises:
        NotFoundError: No account has this e-mail address.
        EntryError: The role does not exist, or the database cannot be reached.
    """
    if role not in set(Role):
        raise EntryError(f"There is no role {role!r}.", f"The roles are {', '.join(Role)}.")
    with reachable_database() as settings:
        migrate.upgrade(settings.listen_database)
        try:
            document = asyncio.run(_set_role(settings, email, Role(role)))
        except NotFound as error:
            raise NotFoundError(error.detail) from error
        except DomainError as error:
            raise EntryError(error.detail) from error
    return document.model_dump(mode="json")


async def _set_role(settings: Settings, email: str, role: Role) -> UserDocument:
    engine = make_engine(settings.database, pool_size=1)
    try:
        async with make_sessions(engine)() as session, session.begin():
            service = UserService(UserRepository(session), PasswordHasher(), utc_now)
            return UserDocument.model_validate(await service.set_role_of(email, role))
    finally:
        await engine.dispose()
