"""Admins see all accounts, give roles, and disable and enable accounts."""

import asyncio

import httpx
import pytest
from sqlalchemy import text

from seedx_server.infrastructure.access import Role
from seedx_server.infrastructure.errors import InvalidInput, NotFound
from seedx_server.users.repository import UserRepository
from seedx_server.users.security import PasswordCheck, PasswordHasher, utc_now
from seedx_server.users.service import UserService
from tests.factories import PASSWORD, Desk, Document, Person
from tests.seedx_server.conftest import StartDesk, in_module_loop
from tests.waiting import PATIENCE_SECONDS

MANAGED_FIELDS = {"id", "name", "email", "role", "created_at", "disabled"}


async def change(admin: Person, person: Person, **fields: object) -> httpx.Response:
    return await admin.patch(f"/users/{person.user['id']}", fields)


async def refreshed(desk: Desk, person: Person) -> Person:
    body = {"refresh_token": person.session["refresh_token"]}
    answer = await desk.client.post("/auth/refresh", json=body)
    assert answer.status_code == 200, answer.text
    return Person(desk.client, answer.json())


@in_module_loop
class TestPermissions:
    @pytest.mark.parametrize(("method", "path"), [("GET", "/users"), ("PATCH", "/users/1")])
    async def test_only_admins_may_manage_accounts(
        self, shared_desk: Desk, cleo: Person, ada: Person, method: str, path: str
    ) -> None:
        signed_out = await shared_desk.client.request(method, path, json={"role": "admin"})
        others = [await who.send(method, path, {"role": "admin"}) for who in (cleo, ada)]

        assert signed_out.status_code == 401
        for answer in others:
            assert answer.status_code == 403
            assert answer.json()["code"] == "forbidden"
            assert answer.json()["detail"] == "Only admins may do this."

    async def test_no_admin_may_change_their_own_account(self, rosa: Person) -> None:
        for fields in ({"role": "customer"}, {"disabled": True}):
            answer = await change(rosa, rosa, **fields)
            assert answer.status_code == 403
        assert (await rosa.get("/users")).status_code == 200


@in_module_loop
class TestTheStaff:
    async def test_are_shown_to_staff_with_their_addresses_by_name(
        self, shared_desk: Desk, rosa: Person
    ) -> None:
        await shared_desk.staff("Zoe")
        gone = await shared_desk.staff("Bert")
        await change(rosa, gone, disabled=True)
        await shared_desk.customer("Cara")

        staff = (await rosa.get("/staff")).json()["items"]

        names = [member["name"] for member in staff]
        assert names == sorted(names)
        assert {"Rosa", "Zoe"} <= {*names}
        assert not {"Bert", "Cara"} & {*names}
        assert set(staff[0]) == {"id", "name", "email", "role"}

    async def test_are_not_shown_to_customers(self, cleo: Person, ada: Person) -> None:
        assert (await cleo.get("/staff")).status_code == 403
        assert (await ada.get("/staff")).status_code == 200


@in_module_loop
class TestTheList:
    async def test_has_every_account_newest_first_in_pages(
        self, shared_desk: Desk, rosa: Person
    ) -> None:
        names = [f"Lister{number}" for number in range(5)]
        people = [await shared_desk.customer(name) for name in names]
        items, cursor = [], ""
        while True:
            answer = await rosa.get(f"/users?limit=2{cursor}")
            assert answer.status_code == 200
            page = answer.json()
            items += page["items"]
            if page["next_cursor"] is None:
                break
            assert len(page["items"]) == 2
            cursor = f"&cursor={page['next_cursor']}"

        ids = [item["id"] for item in items]
        assert ids == sorted(set(ids), reverse=True)
        assert {person.user["id"] for person in people} < set(ids)
        assert all(set(item) == MANAGED_FIELDS for item in items)

    @pytest.mark.parametrize(
        ("query", "named"),
        [
            ("limit=0", "limit"),
            ("limit=101", "limit"),
            ("limit=x", "limit"),
            ("cursor=x", "cursor"),
        ],
    )
    async def test_with_bad_input_names_the_field(
        self, rosa: Person, query: str, named: str
    ) -> None:
        answer = await rosa.get(f"/users?{query}")

        assert answer.status_code == 422
        assert [error["field"] for error in answer.json()["errors"]] == [named]


@in_module_loop
class TestARole:
    async def test_given_counts_at_once_and_ends_tokens_with_the_old_one(
        self, shared_desk: Desk, rosa: Person, cleo: Person
    ) -> None:
        ticket = await cleo.ticket()
        ned = await shared_desk.customer("Ned")
        assert (await ned.get(f"/tickets/{ticket['id']}")).status_code == 404

        answer = await change(rosa, ned, role="agent")

        assert answer.status_code == 200
        assert answer.json()["role"] == "agent"
        assert (await ned.get("/auth/me")).json()["code"] == "token_revoked"
        agent = await refreshed(shared_desk, ned)
        assert (await agent.get(f"/tickets/{ticket['id']}")).status_code == 200

    async def test_taken_away_hides_other_peoples_tickets(
        self, shared_desk: Desk, rosa: Person, cleo: Person
    ) -> None:
        ticket = await cleo.ticket()
        agent = await shared_desk.staff("Nora")
        assert (await agent.get(f"/tickets/{ticket['id']}")).status_code == 200

        await change(rosa, agent, role="customer")

        assert (await agent.get(f"/tickets/{ticket['id']}")).status_code == 401
        customer = await refreshed(shared_desk, agent)
        assert (await customer.get(f"/tickets/{ticket['id']}")).status_code == 404

    async def test_that_stays_the_same_ends_no_session(
        self, shared_desk: Desk, rosa: Person
    ) -> None:
        nils = await shared_desk.customer("Nils")

        for fields in ({"role": "customer"}, {"disabled": False}, {}):
            assert (await change(rosa, nils, **fields)).status_code == 200

        assert (await nils.get("/auth/me")).status_code == 200

    async def test_changed_twice_at_once_ends_tokens_made_in_between(
        self, shared_desk: Desk, rosa: Person
    ) -> None:
        nell = await shared_desk.customer("Nell")

        await asyncio.gather(
            change(rosa, nell, role="agent"),
            change(rosa, nell, role="admin"),
            change(rosa, nell, disabled=True),
        )

        async with shared_desk.sessions() as session:
            version = await session.scalar(
                text("SELECT token_version FROM users WHERE id = :id"), {"id": nell.user["id"]}
            )
        assert version == 4

    @pytest.mark.parametrize(
        ("body", "named"),
        [
            ({"role": "root"}, "role"),
            ({"role": "Admin"}, "role"),
            ({"disabled": "perhaps"}, "disabled"),
            ({"email": "other@example.com"}, "email"),
            ({"id": 1}, "id"),
            ([], "body"),
            (None, "body"),
        ],
    )
    async def test_with_bad_input_names_the_field(
        self, rosa: Person, cleo: Person, body: object, named: str
    ) -> None:
        answer = await rosa.patch(f"/users/{cleo.user['id']}", body)

        assert answer.status_code == 422
        assert [error["field"] for error in answer.json()["errors"]] == [named]

    @pytest.mark.parametrize("user_id", ["0", "-1", "999999", "2147483648", "1" + "0" * 30])
    async def test_of_an_account_that_does_not_exist_is_not_found(
        self, rosa: Person, user_id: str
    ) -> None:
        answer = await rosa.patch(f"/users/{user_id}", {"role": "agent"})

        assert answer.status_code == 404


@in_module_loop
class TestDisabling:
    async def test_ends_tokens_sessions_and_signing_in(
        self, shared_desk: Desk, rosa: Person
    ) -> None:
        dora = await shared_desk.customer("Dora")

        answer = await change(rosa, dora, disabled=True)

        assert answer.json()["disabled"] is True
        assert (await dora.get("/auth/me")).json()["code"] == "token_revoked"
        for path, body in (
            ("/auth/refresh", {"refresh_token": dora.session["refresh_token"]}),
            ("/auth/login", {"email": dora.user["email"], "password": PASSWORD}),
        ):
            refused = await shared_desk.client.post(path, json=body)
            assert refused.status_code == 401, path
        assert refused.json()["code"] == "bad_credentials"

    async def test_can_be_undone(self, shared_desk: Desk, rosa: Person) -> None:
        dirk = await shared_desk.customer("Dirk")
        await change(rosa, dirk, disabled=True)

        await change(rosa, dirk, disabled=False)

        again = await shared_desk.log_in(dirk.user["email"])
        assert (await again.get("/auth/me")).status_code == 200
        assert (await dirk.get("/auth/me")).status_code == 401
        old = {"refresh_token": dirk.session["refresh_token"]}
        assert (await shared_desk.client.post("/auth/refresh", json=old)).status_code == 401

    async def test_while_the_password_is_hashed_wins(
        self, shared_desk: Desk, rosa: Person, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        dana = await shared_desk.customer("Dana")
        hasher: PasswordHasher = shared_desk.app.state.parts.hasher
        verify = hasher.verify

        async def meanwhile(password: str, kept: str | None) -> PasswordCheck:
            await change(rosa, dana, disabled=True)
            return await verify(password, kept)

        monkeypatch.setattr(hasher, "verify", meanwhile)
        body = {"email": dana.user["email"], "password": PASSWORD}
        answer = await shared_desk.client.post("/auth/login", json=body)

        assert answer.status_code == 401

    async def test_an_agent_makes_them_unassignable(
        self, shared_desk: Desk, rosa: Person, cleo: Person
    ) -> None:
        gone = await shared_desk.staff("Gus")
        ticket = await cleo.ticket()
        await change(rosa, gone, disabled=True)

        answer = await rosa.patch(f"/tickets/{ticket['id']}", {"assignee_id": gone.user["id"]})

        assert answer.status_code == 422


@in_module_loop
class TestOnTheServersOwnMachine:
    async def role_of(self, desk: Desk, email: str, role: Role) -> None:
        async with desk.sessions() as session, session.begin():
            service = UserService(UserRepository(session), PasswordHasher(), utc_now)
            await service.set_role_of(email, role)

    async def test_a_role_is_given_by_address_in_any_form(self, shared_desk: Desk) -> None:
        mia = await shared_desk.customer("Mia")

        await self.role_of(shared_desk, " MIA@Example.com ", Role.ADMIN)

        assert (await shared_desk.log_in(mia.user["email"])).user["role"] == "admin"

    async def test_an_address_without_account_is_not_found(self, shared_desk: Desk) -> None:
        with pytest.raises(NotFound, match="seedx signup"):
            await self.role_of(shared_desk, "nobody@example.com", Role.ADMIN)

    async def test_what_is_not_an_address_is_bad_input(self, shared_desk: Desk) -> None:
        with pytest.raises(InvalidInput) as refusal:
            await self.role_of(shared_desk, "nobody", Role.ADMIN)
        assert [problem.field for problem in refusal.value.fields] == ["email"]


class TestSeveralServers:
    @pytest.mark.parametrize("fields", [{"role": "customer"}, {"disabled": True}])
    async def test_all_follow_a_change_that_was_made_on_one(
        self, start_desk: StartDesk, fields: Document
    ) -> None:
        one, other = await start_desk(), await start_desk()
        rosa = await one.staff("Rosa", Role.ADMIN)
        ada = await one.staff("Ada")
        there = Person(other.client, ada.session)
        assert (await there.get("/tickets")).status_code == 200
        topic = f"user:{ada.user['id']}:3"

        with other.app.state.parts.notifier.subscribed(topic) as told:
            assert (await change(rosa, ada, **fields)).status_code == 200
            await asyncio.wait_for(told.wait(), PATIENCE_SECONDS)

        for person in (ada, there):
            answer = await person.post("/tickets/claim")
            assert answer.status_code == 401
            assert answer.json()["code"] == "token_revoked"
