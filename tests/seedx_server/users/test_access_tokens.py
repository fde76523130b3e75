"""Access tokens: what they say, which are refused, and when they stop working everywhere."""

import asyncio
import base64
import json
from collections.abc import Awaitable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import httpx
import jwt
import pytest

from seedx_server.config import Settings, load_settings
from seedx_server.infrastructure.access import Actor, Role
from seedx_server.infrastructure.errors import Unauthenticated
from seedx_server.users.revocation import Revocations
from seedx_server.users.security import AccessToken, TokenSigner
from tests.factories import Desk, Document, Person
from tests.seedx_server.conftest import SECRET, StartDesk
from tests.waiting import PATIENCE_SECONDS


async def refresh(desk: Desk, token: str) -> httpx.Response:
    return await desk.client.post("/auth/refresh", json={"refresh_token": token})


NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
CLEO = Actor(id=7, role=Role.CUSTOMER, name="Cleo", session_id=3)


def settings(**overrides: object) -> Settings:
    values: dict[str, object] = {
        "_env_file": None,
        "database_url": "postgresql://desk",
        "jwt_secret": SECRET,
        **overrides,
    }
    return load_settings(**values)


def signer(now: datetime = NOON, **overrides: object) -> TokenSigner:
    return TokenSigner(settings(**overrides), lambda: now)


def segment(document: Document) -> str:
    return base64.urlsafe_b64encode(json.dumps(document).encode()).decode().rstrip("=")


def claims_of(token: str) -> Document:
    claims: Document = jwt.decode(token, options={"verify_signature": False})
    return claims


class TestAccessTokens:
    def test_carry_the_actor_and_the_version(self) -> None:
        assert signer().verify(signer().sign(CLEO, 4)) == AccessToken(CLEO, 4)

    def test_are_valid_for_an_hour(self) -> None:
        token = signer().sign(CLEO, 1)

        signer(NOON + timedelta(minutes=59, seconds=59)).verify(token)
        with pytest.raises(Unauthenticated) as refusal:
            signer(NOON + timedelta(minutes=60)).verify(token)
        assert refusal.value.code == "token_expired"

    def test_of_a_machine_whose_clock_is_ahead_work(self) -> None:
        here = datetime.now(UTC)
        ahead = here + timedelta(minutes=5)

        assert signer(here).verify(signer(ahead).sign(CLEO, 1)).actor == CLEO

    def test_of_a_retired_key_still_verify(self) -> None:
        old = signer().sign(CLEO, 1)
        rotated = signer(jwt_key="new", jwt_secret="n" * 40, jwt_retired=f"default={SECRET}")

        assert rotated.verify(old).actor == CLEO
        assert jwt.get_unverified_header(rotated.sign(CLEO, 1))["kid"] == "new"

    def test_of_an_unknown_key_do_not(self) -> None:
        new = signer(jwt_key="new").sign(CLEO, 1)

        with pytest.raises(Unauthenticated):
            signer().verify(new)

    def test_of_a_retired_key_under_the_new_name_do_not(self) -> None:
        rotated = signer(jwt_key="new", jwt_secret="n" * 40, jwt_retired=f"default={SECRET}")
        forged = jwt.encode(claims_of(signer().sign(CLEO, 1)), SECRET, headers={"kid": "new"})

        with pytest.raises(Unauthenticated):
            rotated.verify(forged)

    @pytest.mark.parametrize("algorithm", ["none", "None", "NONE", "nOnE"])
    def test_with_no_signature_do_not_work(self, algorithm: str) -> None:
        claims = claims_of(signer().sign(CLEO, 1))
        header = {"alg": algorithm, "typ": "JWT", "kid": "default"}

        for signature in ("", "x", "e30"):
            with pytest.raises(Unauthenticated):
                signer().verify(f"{segment(header)}.{segment(claims)}.{signature}")

    @pytest.mark.parametrize("algorithm", ["HS384", "HS512"])
    def test_signed_otherwise_do_not_work(self, algorithm: str) -> None:
        claims = claims_of(signer().sign(CLEO, 1))
        token = jwt.encode(claims, "s" * 64, algorithm, {"kid": "default"})

        with pytest.raises(Unauthenticated):
            signer(jwt_secret="s" * 64).verify(token)

    def test_signed_by_somebody_else_do_not_work(self) -> None:
        with pytest.raises(Unauthenticated):
            signer().verify(signer(jwt_secret="somebody-elses-secret-of-32-bytes").sign(CLEO, 1))

    def test_with_another_role_pasted_in_do_not_work(self) -> None:
        header, _, signature = signer().sign(CLEO, 1).split(".")
        claims = {**claims_of(signer().sign(CLEO, 1)), "role": "admin"}

        with pytest.raises(Unauthenticated):
            signer().verify(f"{header}.{segment(claims)}.{signature}")

    @pytest.mark.parametrize(
        "fields",
        [
            {"exp": None},
            {"exp": "soon"},
            {"exp": []},
            {"sub": None},
            {"sub": "me"},
            {"sub": 7},
            {"role": "root"},
            {"role": []},
            {"sid": None},
            {"sid": "x"},
            {"ver": None},
            {"ver": {}},
            {"name": None},
        ],
    )
    def test_that_lack_a_claim_do_not_work(self, fields: Document) -> None:
        claims = {**claims_of(signer().sign(CLEO, 1)), **fields}
        claims = {name: value for name, value in claims.items() if value is not None}
        # `jwt.encode` itself would refuse some of these.
        signed = jwt.PyJWS().encode(
            json.dumps(claims).encode(), SECRET, "HS256", {"kid": "default"}
        )

        with pytest.raises(Unauthenticated):
            signer().verify(signed)

    @pytest.mark.parametrize("kid", [None, 7, ["default"], "", "../default", "other"])
    def test_with_a_strange_key_id_do_not_work(self, kid: object) -> None:
        claims = claims_of(signer().sign(CLEO, 1))
        header = {"alg": "HS256", "kid": kid}

        with pytest.raises(Unauthenticated):
            signer().verify(f"{segment(header)}.{segment(claims)}.e30")

    def test_are_remembered_as_revoked_only_until_they_expire(self) -> None:
        now = NOON
        revocations = Revocations(timedelta(hours=1), lambda: now)
        old, new = AccessToken(CLEO, 1), AccessToken(CLEO, 2)

        revocations.require_version(CLEO.id, 2)
        assert revocations.refuses(old)
        assert not revocations.refuses(new)
        revocations.end_session(CLEO.session_id)
        assert revocations.refuses(new)
        now = NOON + timedelta(hours=1, seconds=1)
        revocations.end_session(99)
        revocations.require_version(99, 2)
        assert not revocations.refuses(old)

    def test_are_remembered_as_revoked_as_long_as_they_live(self) -> None:
        now = NOON
        revocations = Revocations(timedelta(hours=1), lambda: now)
        revocations.end_session(CLEO.session_id)
        revocations.require_version(CLEO.id + 1, 2)

        now = NOON + timedelta(minutes=59)
        revocations.end_session(98)
        revocations.require_version(98, 2)

        other = replace(CLEO, id=CLEO.id + 1, session_id=CLEO.session_id + 1)
        assert revocations.refuses(AccessToken(CLEO, 1))
        assert revocations.refuses(AccessToken(other, 1))


def at(desk: Desk, person: Person) -> Person:
    """Return the person as they reach another server process."""
    return Person(desk.client, person.session)


async def heard(desk: Desk, topic: str, action: Awaitable[httpx.Response]) -> httpx.Response:
    """Do something elsewhere, and wait until this process was told of it."""
    with desk.app.state.parts.notifier.subscribed(topic) as told:
        answer = await action
        await asyncio.wait_for(told.wait(), PATIENCE_SECONDS)
    return answer


class TestSeveralServers:
    async def test_all_refuse_a_session_that_was_ended_on_one(self, start_desk: StartDesk) -> None:
        one, other = await start_desk(), await start_desk()
        cleo = await one.customer()
        assert (await at(other, cleo).get("/auth/me")).status_code == 200
        session_id = claims_of(cleo.session["access_token"])["sid"]

        await heard(other, f"session:{session_id}", cleo.post("/auth/logout"))

        for desk in (one, other):
            assert (await at(desk, cleo).get("/auth/me")).json()["code"] == "token_revoked"
            refused = await refresh(desk, cleo.session["refresh_token"])
            assert refused.json()["code"] == "session_ended"

    async def test_one_that_starts_later_refuses_it_too(self, start_desk: StartDesk) -> None:
        one = await start_desk()
        cleo = await one.customer()
        await cleo.post("/auth/logout")

        later = await start_desk()

        assert (await at(later, cleo).get("/auth/me")).json()["code"] == "token_revoked"

    async def test_one_without_notifications_asks_the_database(self, start_desk: StartDesk) -> None:
        one, deaf = await start_desk(), await start_desk()
        await deaf.app.state.parts.notifier.stop()
        cleo, otto = await one.customer(), await one.customer("Otto")
        await cleo.post("/auth/logout")

        assert (await at(deaf, cleo).get("/auth/me")).json()["code"] == "token_revoked"
        assert (await at(deaf, otto).get("/auth/me")).status_code == 200

    async def test_refresh_one_token_at_once_and_one_wins(self, start_desk: StartDesk) -> None:
        one, other = await start_desk(), await start_desk()
        cleo = await one.customer()
        token = cleo.session["refresh_token"]

        answers = await asyncio.gather(refresh(one, token), refresh(other, token))

        assert sorted(answer.status_code for answer in answers) == [200, 401]

    async def test_verify_each_others_tokens_while_the_key_is_rotated(
        self, start_desk: StartDesk
    ) -> None:
        old = await start_desk()
        new = await start_desk(
            jwt_key="2026-11", jwt_secret="n" * 40, jwt_retired=f"default={SECRET}"
        )
        cleo = await old.customer()

        assert (await at(new, cleo).get("/auth/me")).status_code == 200
        renewed = Person(new.client, (await refresh(new, cleo.session["refresh_token"])).json())
        assert (await renewed.get("/auth/me")).status_code == 200
        assert (await at(old, renewed).get("/auth/me")).json()["code"] == "invalid_token"
