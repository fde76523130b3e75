"""People sign up, sign in, stay signed in and sign out."""

import asyncio
import json
import sys
from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest
from passlib.context import CryptContext
from sqlalchemy import text

from seedx_server.users import security
from seedx_server.users.core import normalised_email, uncommon
from seedx_server.users.security import PasswordCheck, PasswordHasher
from tests.factories import PASSWORD, Desk, Document, Person, fields_of
from tests.seedx_server.conftest import in_module_loop

USER_FIELDS = {"id", "name", "email", "role", "created_at"}
CHEAPER = security.PASSWORDS.using(argon2__time_cost=1, argon2__memory_cost=32)
"""Hashes as an earlier version would have, at less than the cost of today (64 in the tests)."""
SESSION_FIELDS = {"access_token", "token_type", "expires_in", "refresh_token", "user"}


def account(email: str, **fields: object) -> Document:
    return {"name": "Nia", "email": email, "password": PASSWORD, **fields}


async def refresh(desk: Desk, token: str) -> httpx.Response:
    return await desk.client.post("/auth/refresh", json={"refresh_token": token})


@in_module_loop
class TestSigningUp:
    async def test_returns_a_customer_account_and_no_secret(self, shared_desk: Desk) -> None:
        answer = await shared_desk.client.post("/auth/signup", json=account("new@example.com"))

        assert answer.status_code == 201
        user = answer.json()
        assert set(user) == USER_FIELDS
        assert (user["email"], user["role"]) == ("new@example.com", "customer")
        assert datetime.fromisoformat(user["created_at"]).utcoffset() == timedelta(0)

    async def test_ignores_a_role(self, shared_desk: Desk) -> None:
        wanted = account("climber@example.com", role="admin", is_admin=True, id=1)

        answer = await shared_desk.client.post("/auth/signup", json=wanted)

        assert answer.json()["role"] == "customer"

    @pytest.mark.parametrize(
        ("kept", "typed"),
        [
            ("case@example.com", "  CASE@Example.COM "),
            ("andré@example.com", "ANDRE\u0301@example.com"),
            ("post@bücher.example", "post@XN--bcher-kva.example"),
        ],
        ids=["case", "unicode form", "domain in ASCII"],
    )
    async def test_allows_one_account_for_all_forms_of_an_address(
        self, shared_desk: Desk, kept: str, typed: str
    ) -> None:
        first = await shared_desk.client.post("/auth/signup", json=account(typed))
        again = await shared_desk.client.post("/auth/signup", json=account(kept))

        assert first.json()["email"] == kept
        assert again.status_code == 409
        assert again.json()["code"] == "email_taken"
        for form in (kept, typed):
            assert (await shared_desk.log_in(form)).user["id"] == first.json()["id"]

    async def test_twice_at_once_makes_one_account(self, shared_desk: Desk) -> None:
        attempts = [account("race@example.com"), account("RACE@example.com")]

        answers = await asyncio.gather(
            *(shared_desk.client.post("/auth/signup", json=attempt) for attempt in attempts)
        )

        assert sorted(answer.status_code for answer in answers) == [201, 409]

    @pytest.mark.parametrize(
        ("fields", "named"),
        [
            ({"email": "nobody"}, "email"),
            ({"email": "a@b@c.example"}, "email"),
            ({"email": "a\x00@example.com"}, "email"),
            ({"email": "\ud800@example.com"}, "email"),
            ({"email": "x" * 330 + "@example.com"}, "email"),
            ({"email": None}, "email"),
            ({"email": 7}, "email"),
            ({"name": ""}, "name"),
            ({"name": " \t "}, "name"),
            ({"name": "x" * 101}, "name"),
            ({"name": "N\x00"}, "name"),
            ({"name": "\udfff"}, "name"),
            ({"password": "short-one"}, "password"),
            ({"password": "x" * 1_025}, "password"),
            ({"password": "stone\x00and-two-lamps"}, "password"),
            ({"password": "\ud800and-two-lamps"}, "password"),
        ],
    )
    async def test_with_bad_input_names_the_field(
        self, shared_desk: Desk, fields: Document, named: str
    ) -> None:
        body = json.dumps({**account("bad@example.com"), **fields})
        headers = {"Content-Type": "application/json"}

        answer = await shared_desk.client.post("/auth/signup", content=body, headers=headers)

        assert answer.status_code == 422
        assert fields_of(answer) == {named}

    async def test_names_every_field_at_fault(self, shared_desk: Desk) -> None:
        answer = await shared_desk.client.post("/auth/signup", json={"email": "nobody"})

        assert fields_of(answer) == {"name", "email", "password"}

    @pytest.mark.parametrize("password", ["ten-chars!", "🗝" * 10 + "🜂" * 1_014])
    async def test_takes_passwords_of_10_to_1024_characters(
        self, shared_desk: Desk, password: str
    ) -> None:
        email = f"length{len(password)}@example.com"
        made = await shared_desk.client.post("/auth/signup", json=account(email, password=password))

        assert made.status_code == 201, made.text
        assert (await shared_desk.log_in(email, password)).user["email"] == email
        nearly = {"email": email, "password": password[:-1] + "x"}
        refused = await shared_desk.client.post("/auth/login", json=nearly)
        assert refused.status_code == 401

    @pytest.mark.parametrize(
        "password", ["password123", "P@ssw0rd!!", "qwertyuiop", "1234567890", "aaaaaaaaaaaaaaaa"]
    )
    async def test_refuses_common_passwords(self, shared_desk: Desk, password: str) -> None:
        wanted = account("common@example.com", password=password)

        answer = await shared_desk.client.post("/auth/signup", json=wanted)

        assert fields_of(answer) == {"password"}
        assert "easy to guess" in answer.json()["detail"]


def test_a_password_made_to_take_long_is_judged_at_once() -> None:
    calls = 0

    def count(*_: object) -> None:
        nonlocal calls
        calls += 1

    sys.setprofile(count)
    try:
        uncommon("4@8({[<369&g!1|0$5+7%2xz" * 42)
    finally:
        sys.setprofile(None)

    assert calls < 100_000, "it took millions to try all of its spellings"


@in_module_loop
class TestSigningIn:
    async def test_gives_a_pair_of_tokens_and_the_account(
        self, shared_desk: Desk, cleo: Person
    ) -> None:
        answer = await shared_desk.client.post(
            "/auth/login", json={"email": cleo.user["email"], "password": PASSWORD}
        )

        assert answer.status_code == 200
        session = answer.json()
        assert set(session) == SESSION_FIELDS
        assert (session["token_type"], session["expires_in"]) == ("bearer", 3_600)
        assert set(session["user"]) == USER_FIELDS
        assert answer.headers["Cache-Control"] == "no-store"

    async def test_by_the_oauth2_form_is_the_same(self, shared_desk: Desk, cleo: Person) -> None:
        form = {"grant_type": "password", "username": cleo.user["email"], "password": PASSWORD}

        answer = await shared_desk.client.post("/auth/token", data={**form, "scope": ""})

        assert answer.status_code == 200
        assert set(answer.json()) == SESSION_FIELDS

    @pytest.mark.parametrize(
        ("email", "password"),
        [
            ("cleo@example.com", "another-password"),
            ("cleo@example.com", PASSWORD.upper()),
            ("cleo@example.com", f"{PASSWORD} "),
            ("cleo@example.com", ""),
            ("cleo@example.com", "\x00"),
            ("cleo@example.com", "x" * 1_024),
            ("stranger@example.com", PASSWORD),
            ("no address", PASSWORD),
            ("\x00", PASSWORD),
            ("' OR ''='", PASSWORD),
            ("%", PASSWORD),
        ],
    )
    @pytest.mark.parametrize("path", ["/auth/login", "/auth/token"])
    async def test_that_is_refused_does_not_say_what_was_wrong(
        self, shared_desk: Desk, cleo: Person, path: str, email: str, password: str
    ) -> None:
        assert cleo.user["email"] == "cleo@example.com"
        if path == "/auth/login":
            body = {"email": email, "password": password}
            answer = await shared_desk.client.post(path, json=body)
        else:
            form = {"username": email, "password": password or " "}
            answer = await shared_desk.client.post(path, data=form)

        assert answer.status_code == 401
        assert answer.headers["WWW-Authenticate"] == "Bearer"
        assert answer.json()["code"] == "bad_credentials"
        assert answer.json()["detail"] == "The e-mail address or the password is wrong."

    @pytest.mark.parametrize("email", ["cleo@example.com", "stranger@example.com", "no address"])
    async def test_does_the_same_work_whether_or_not_there_is_an_account(
        self, shared_desk: Desk, cleo: Person, monkeypatch: pytest.MonkeyPatch, email: str
    ) -> None:
        await shared_desk.log_in(cleo.user["email"])
        done: Counter[str] = Counter()
        for name in ("hash", "verify_and_update"):
            monkeypatch.setattr(CryptContext, name, counting(done, name))
        wrong = {"email": email, "password": "not-the-password"}

        answer = await shared_desk.client.post("/auth/login", json=wrong)

        assert answer.status_code == 401
        assert done == {"verify_and_update": 1}

    @pytest.mark.parametrize(
        ("body", "named"),
        [
            ({"email": "cleo@example.com"}, "password"),
            ({"password": PASSWORD}, "email"),
            ({"email": "cleo@example.com", "password": "x" * 1_025}, "password"),
            ({"email": "x" * 321, "password": PASSWORD}, "email"),
        ],
    )
    async def test_with_bad_input_names_the_field(
        self, shared_desk: Desk, body: Document, named: str
    ) -> None:
        login = await shared_desk.client.post("/auth/login", json=body)
        form = {"username" if name == "email" else name: value for name, value in body.items()}
        token = await shared_desk.client.post("/auth/token", data=form)

        assert (login.status_code, token.status_code) == (422, 422)
        assert fields_of(login) == {named}
        assert fields_of(token) == {"username" if named == "email" else named}

    async def test_holds_no_connection_while_the_password_is_hashed(
        self, shared_desk: Desk, cleo: Person, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        pool = shared_desk.app.state.parts.engine.pool
        held = []
        hasher: PasswordHasher = shared_desk.app.state.parts.hasher
        verify = hasher.verify

        async def watched(password: str, kept: str | None) -> PasswordCheck:
            held.append(pool.checkedout())
            return await verify(password, kept)

        monkeypatch.setattr(hasher, "verify", watched)
        await shared_desk.log_in(cleo.user["email"])

        assert held == [0]


def counting(done: Counter[str], name: str) -> Callable[..., Any]:
    real = getattr(CryptContext, name)

    def counted(*arguments: Any, **named: Any) -> Any:
        done[name] += 1
        return real(*arguments, **named)

    return counted


@in_module_loop
class TestRefreshing:
    async def test_gives_a_new_pair_and_the_old_token_is_spent(self, shared_desk: Desk) -> None:
        person = await shared_desk.customer("Rhea")

        answer = await refresh(shared_desk, person.session["refresh_token"])

        assert answer.status_code == 200
        session = answer.json()
        assert set(session) == SESSION_FIELDS
        assert session["refresh_token"] != person.session["refresh_token"]
        fresh = Person(person.client, session)
        assert (await fresh.get("/auth/me")).status_code == 200
        assert (await person.get("/auth/me")).status_code == 200
        assert (await refresh(shared_desk, session["refresh_token"])).status_code == 200

    async def test_with_a_spent_token_ends_the_whole_session(self, shared_desk: Desk) -> None:
        person = await shared_desk.customer("Reuben")
        elsewhere = await shared_desk.log_in(person.user["email"])
        spent = person.session["refresh_token"]
        fresh = Person(person.client, (await refresh(shared_desk, spent)).json())

        answer = await refresh(shared_desk, spent)

        assert answer.status_code == 401
        assert answer.json()["code"] == "refresh_token_reused"
        for ended in (person, fresh):
            assert (await ended.get("/auth/me")).json()["code"] == "token_revoked"
        last = await refresh(shared_desk, fresh.session["refresh_token"])
        assert last.json()["code"] == "session_ended"
        assert (await elsewhere.get("/auth/me")).status_code == 200

    async def test_twice_at_once_gives_one_pair_and_ends_the_session(
        self, shared_desk: Desk
    ) -> None:
        person = await shared_desk.customer("Remy")
        token = person.session["refresh_token"]

        answers = await asyncio.gather(refresh(shared_desk, token), refresh(shared_desk, token))

        won, lost = sorted(answers, key=lambda answer: answer.status_code)
        assert (won.status_code, lost.status_code) == (200, 401)
        assert lost.json()["code"] == "refresh_token_reused"
        again = await refresh(shared_desk, won.json()["refresh_token"])
        assert again.json()["code"] == "session_ended"

    @pytest.mark.parametrize("token", ["", "unknown", "\x00", "é" * 100, "' OR true --"])
    async def test_with_an_unknown_token_is_refused(self, shared_desk: Desk, token: str) -> None:
        answer = await refresh(shared_desk, token)

        assert answer.status_code == 401
        assert answer.json()["code"] == "invalid_refresh_token"
        assert answer.headers["WWW-Authenticate"] == "Bearer"

    async def test_with_no_token_names_the_field(self, shared_desk: Desk) -> None:
        answer = await shared_desk.client.post("/auth/refresh", json={"refresh_token": "x" * 257})

        assert answer.status_code == 422
        assert fields_of(answer) == {"refresh_token"}

    async def test_does_not_accept_an_access_token(self, shared_desk: Desk, cleo: Person) -> None:
        answer = await refresh(shared_desk, cleo.session["access_token"])

        assert answer.status_code in {401, 422}

    async def test_after_the_session_ran_out_is_refused(self, shared_desk: Desk) -> None:
        person = await shared_desk.customer("Rolf")
        async with shared_desk.sessions() as session, session.begin():
            await session.execute(
                text("UPDATE sessions SET expires_at = now() WHERE user_id = :id"),
                {"id": person.user["id"]},
            )

        answer = await refresh(shared_desk, person.session["refresh_token"])

        assert answer.status_code == 401
        assert answer.json()["code"] == "session_ended"

    async def test_keeps_only_a_hash_of_the_token(self, shared_desk: Desk) -> None:
        person = await shared_desk.customer("Runa")
        async with shared_desk.sessions() as session:
            rows = await session.execute(text("SELECT token_hash::text FROM refresh_tokens"))
            kept = "".join(row[0] for row in rows)

        token: str = person.session["refresh_token"]
        assert token.encode().hex() not in kept


@in_module_loop
class TestSigningOut:
    async def test_ends_this_session_at_once_and_no_other(self, shared_desk: Desk) -> None:
        here = await shared_desk.customer("Lou")
        elsewhere = await shared_desk.log_in(here.user["email"])

        answer = await here.post("/auth/logout")

        assert answer.status_code == 204
        assert answer.content == b""
        assert (await here.get("/auth/me")).json()["code"] == "token_revoked"
        spent = await refresh(shared_desk, here.session["refresh_token"])
        assert spent.json()["code"] == "session_ended"
        assert (await elsewhere.get("/auth/me")).status_code == 200

    async def test_a_second_time_is_refused(self, shared_desk: Desk) -> None:
        person = await shared_desk.customer("Lia")
        await person.post("/auth/logout")

        assert (await person.post("/auth/logout")).status_code == 401


@in_module_loop
class TestWhoAmI:
    async def test_is_the_account(self, cleo: Person) -> None:
        answer = await cleo.get("/auth/me")

        assert answer.status_code == 200
        assert answer.json() == cleo.user
        assert set(answer.json()) == USER_FIELDS

    @pytest.mark.parametrize(
        "header",
        [
            None,
            "",
            "Bearer",
            "Bearer ",
            "Bearer garbage",
            "Bearer a.b.c",
            "Bearer e30.e30.e30",
            "Bearer \xff\xfe",
            "Basic Y2xlbzpwdw==",
            f"Bearer {'a' * 9_000}",
        ],
    )
    async def test_needs_a_token(self, shared_desk: Desk, header: str | None) -> None:
        headers = {} if header is None else {b"Authorization": header.encode("latin-1")}

        answer = await shared_desk.client.get("/auth/me", headers=headers)

        assert answer.status_code == 401
        assert answer.headers["WWW-Authenticate"] == "Bearer"
        assert answer.json()["code"] in {"not_authenticated", "invalid_token"}

    async def test_takes_the_scheme_in_any_case(self, shared_desk: Desk, cleo: Person) -> None:
        headers = {"Authorization": f"bearer {cleo.session['access_token']}"}

        assert (await shared_desk.client.get("/auth/me", headers=headers)).status_code == 200


@pytest.mark.parametrize("address", ["A@Example.COM", "É@b.co", "\u212a@b.co", "a@BÜCHER.example"])
def test_the_normal_form_of_an_address_is_its_own_normal_form(address: str) -> None:
    normal = normalised_email(address)

    assert normalised_email(normal) == normal == normal.lower()


@in_module_loop
class TestAnOldHash:
    async def hash_of(self, desk: Desk, person: Person) -> str:
        query = text("SELECT password_hash FROM users WHERE id = :id")
        async with desk.sessions() as session:
            return str(await session.scalar(query, {"id": person.user["id"]}))

    async def keep(self, desk: Desk, person: Person, password_hash: str) -> None:
        change = text("UPDATE users SET password_hash = :hash WHERE id = :id")
        async with desk.sessions() as session, session.begin():
            await session.execute(change, {"hash": password_hash, "id": person.user["id"]})

    async def test_is_renewed_at_sign_in(self, shared_desk: Desk) -> None:
        berta = await shared_desk.customer("Berta")
        old = CHEAPER.hash(PASSWORD)
        await self.keep(shared_desk, berta, old)

        await shared_desk.log_in(berta.user["email"])

        renewed = await self.hash_of(shared_desk, berta)
        assert "m=64," in renewed
        await shared_desk.log_in(berta.user["email"])
        assert await self.hash_of(shared_desk, berta) == renewed

    async def test_is_kept_when_the_password_is_wrong(self, shared_desk: Desk) -> None:
        bruno = await shared_desk.customer("Bruno")
        old = CHEAPER.hash(PASSWORD)
        await self.keep(shared_desk, bruno, old)

        wrong = {"email": bruno.user["email"], "password": "not-the-password"}
        assert (await shared_desk.client.post("/auth/login", json=wrong)).status_code == 401

        assert await self.hash_of(shared_desk, bruno) == old
