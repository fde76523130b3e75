"""The rules of accounts need no database: the service works on any repository of accounts."""

from datetime import UTC, datetime

import pytest

from seedx_server.infrastructure.access import Actor, Role
from seedx_server.infrastructure.errors import Conflict, Forbidden, NotFound
from seedx_server.users.core import SignUp, UserPatch
from seedx_server.users.models import User
from seedx_server.users.security import PasswordHasher
from seedx_server.users.service import UserService
from tests.factories import PASSWORD
from tests.memory import UsersInMemory

NOW = datetime(2026, 11, 23, tzinfo=UTC)
ROSA = Actor(id=99, role=Role.ADMIN, name="Rosa", session_id=1)


@pytest.fixture
def users() -> UsersInMemory:
    return UsersInMemory()


@pytest.fixture
def service(users: UsersInMemory) -> UserService:
    return UserService(users, PasswordHasher(), lambda: NOW)


async def sign_up(service: UserService, name: str) -> User:
    wanted = SignUp(name=name, email=f"{name}@example.com", password=PASSWORD)
    return await service.sign_up(wanted)


async def test_an_address_has_one_account_however_it_is_written(
    service: UserService, users: UsersInMemory
) -> None:
    cleo = await sign_up(service, "cleo")

    with pytest.raises(Conflict) as refusal:
        await sign_up(service, "CLEO")

    assert refusal.value.code == "email_taken"
    assert list(users.rows.values()) == [cleo]
    assert cleo.password_hash != PASSWORD


async def test_disabling_an_account_ends_its_sessions_and_its_tokens(
    service: UserService, users: UsersInMemory
) -> None:
    cleo = await sign_up(service, "cleo")

    await service.change(cleo.id, UserPatch(disabled=True), ROSA)

    assert cleo.disabled_at == NOW
    assert users.ended == {cleo.id: NOW}
    assert cleo.token_version == 2


async def test_a_change_that_changes_nothing_leaves_the_tokens_valid(
    service: UserService, users: UsersInMemory
) -> None:
    cleo = await sign_up(service, "cleo")

    await service.change(cleo.id, UserPatch(role=Role.CUSTOMER, disabled=False), ROSA)

    assert cleo.token_version == 1
    assert users.ended == {}


async def test_admins_cannot_change_their_own_account(
    service: UserService, users: UsersInMemory
) -> None:
    rosa = await sign_up(service, "rosa")
    herself = Actor(id=rosa.id, role=Role.ADMIN, name="Rosa", session_id=1)

    with pytest.raises(Forbidden):
        await service.change(rosa.id, UserPatch(disabled=True), herself)

    assert users.rows[rosa.id].disabled_at is None


async def test_an_account_that_the_actor_may_not_see_is_not_found(service: UserService) -> None:
    cleo, otto = await sign_up(service, "cleo"), await sign_up(service, "otto")
    as_otto = Actor(id=otto.id, role=Role.CUSTOMER, name="Otto", session_id=1)

    with pytest.raises(NotFound):
        await service.get(cleo.id, as_otto)
    assert await service.get(otto.id, as_otto) is otto
