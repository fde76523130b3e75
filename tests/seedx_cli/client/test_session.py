"""The tokens: where they are kept, and how processes share them."""

import json
import multiprocessing
import stat
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from seedx_cli.client import Client
from seedx_cli.client.documents import Login, User
from seedx_cli.client.session import MemorySession, StoredSession
from seedx_cli.errors import SignedOutError
from tests.seedx_cli.conftest import Server
from tests.seedx_cli.process import PASSWORD, Cli

SERVER = "https://desk.example.com"


def login(name: str, expires_in: float = 3600) -> Login:
    user: User = {
        "id": 1,
        "name": "Ada",
        "email": "ada@example.com",
        "role": "customer",
        "created_at": "2026-11-23T00:00:00Z",
    }
    return {
        "access_token": f"access-{name}",
        "token_type": "bearer",
        "expires_in": expires_in,
        "refresh_token": f"refresh-{name}",
        "user": user,
    }


@pytest.fixture
def stored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> StoredSession:
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "keyring.backends.null.Keyring")
    return StoredSession(tmp_path, SERVER, "default")


def test_tokens_survive_the_process(stored: StoredSession, tmp_path: Path) -> None:
    stored.start(login("a"))
    again = StoredSession(tmp_path, SERVER, "default").tokens()
    assert again is not None
    assert (again.access_token, again.refresh_token) == ("access-a", "refresh-a")
    assert stat.S_IMODE(stored.file.stat().st_mode) == 0o600


def test_another_server_or_profile_has_other_tokens(stored: StoredSession, tmp_path: Path) -> None:
    stored.start(login("a"))
    assert StoredSession(tmp_path, "https://desk.example.com:444", "default").tokens() is None
    assert StoredSession(tmp_path, SERVER, "work").tokens() is None


def test_a_token_is_stale_half_a_minute_before_its_end(tmp_path: Path) -> None:
    session = StoredSession(tmp_path, SERVER, "default", now=lambda: 1_000.0)
    tokens = session.start(login("a", expires_in=60))
    assert not tokens.is_stale(1_029.0)
    assert tokens.is_stale(1_031.0)


def test_renewing_keeps_the_new_tokens(stored: StoredSession) -> None:
    stored.start(login("a"))
    renewed = stored.renew("access-a", lambda spent: login(f"after-{spent}"))
    assert renewed is not None
    assert renewed.access_token == "access-after-refresh-a"
    assert stored.tokens() == renewed


def test_a_refresh_token_that_another_process_spent_is_not_spent_again(
    stored: StoredSession,
) -> None:
    stored.start(login("a"))
    stored.renew("access-a", lambda _: login("b"))
    late = stored.renew("access-a", lambda _: pytest.fail("spent twice"))
    assert late is not None
    assert late.access_token == "access-b"


def test_a_session_that_the_server_ended_is_forgotten(stored: StoredSession) -> None:
    stored.start(login("a"))

    def refuse(_: str) -> Login:
        raise SignedOutError("over")

    with pytest.raises(SignedOutError):
        stored.renew("access-a", refuse)
    assert stored.tokens() is None


def test_a_failed_renewal_keeps_the_tokens(stored: StoredSession) -> None:
    stored.start(login("a"))

    def fail(_: str) -> Login:
        raise ConnectionError

    with pytest.raises(ConnectionError):
        stored.renew("access-a", fail)
    kept = stored.tokens()
    assert kept is not None
    assert kept.refresh_token == "refresh-a"


def test_a_damaged_cache_says_so(stored: StoredSession) -> None:
    stored.start(login("a"))
    stored.file.write_text("{")
    with pytest.raises(Exception, match="is damaged"):
        stored.tokens()


def test_threads_of_one_program_renew_once() -> None:
    session = MemorySession()
    session.start(login("a"))
    spent: list[str] = []

    def exchange(refresh_token: str) -> Login:
        spent.append(refresh_token)
        return login("b")

    threads = [
        threading.Thread(target=session.renew, args=("access-a", exchange)) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert spent == ["refresh-a"]


def _list_tickets(folder: str, url: str, start: "multiprocessing.synchronize.Barrier") -> None:
    with Client(url, session=StoredSession(Path(folder), url, "default")) as client:
        start.wait()
        client.tickets.list()


def test_processes_that_renew_at_once_do_not_lose_the_session(
    customer: Cli, server: Server
) -> None:
    (kept,) = (customer.folder / "config" / "tokens").glob("*.json")
    stored = json.loads(kept.read_text())
    kept.write_text(json.dumps({**stored, "expires_at": time.time()}))
    context = multiprocessing.get_context("spawn")
    barrier = context.Barrier(6)
    arguments = (str(customer.folder / "config"), server.url, barrier)
    processes = [context.Process(target=_list_tickets, args=arguments) for _ in range(6)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0] * 6
    assert json.loads(kept.read_text())["refresh_token"] != stored["refresh_token"]
    assert customer.json("whoami")["email"] == customer.environment["EMAIL"]


def test_an_expired_token_is_renewed_unasked(customer: Cli) -> None:
    (kept,) = (customer.folder / "config" / "tokens").glob("*.json")
    stored = json.loads(kept.read_text())
    kept.write_text(json.dumps({**stored, "expires_at": 1.0}))
    customer.ok("ticket", "list")
    assert json.loads(kept.read_text())["refresh_token"] != stored["refresh_token"]


def test_a_client_in_memory_renews_after_a_refusal(
    server: Server, sign_up: Callable[[], tuple[str, str]]
) -> None:
    email, _ = sign_up()
    session = MemorySession()
    with Client(server.url, session=session) as client:
        client.auth.login(email, PASSWORD)
        tokens = session.tokens()
        assert tokens is not None
        refresh_token = str(tokens.refresh_token)
        session.start({**login("x"), "access_token": "refused", "refresh_token": refresh_token})
        assert client.auth.me()["email"] == email
