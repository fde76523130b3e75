"""A real server for the command line's tests, and people who use it."""

import json
import os
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest

from seedx_cli.client import Client
from seedx_cli.client.session import StoredSession
from seedx_cli.config import Config
from seedx_cli.local.server import free_port, running
from tests.conftest import address_of, database
from tests.seedx_cli.process import NO_KEYRING, PASSWORD, ROOT, Cli, base_environment

REPLY = (
    "## What to do\n\nPull the **plug**, then wait.\n\n"
    "```sh\nsudo systemctl stop printer\n```\n\n- one\n- two\n"
)
"""What the AI answers in these tests."""


@dataclass(frozen=True)
class Server:
    """A running server: its address, and the settings it runs with."""

    url: str
    environment: dict[str, str]


@pytest.fixture(scope="session")
def upstream(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of an AI service that answers `REPLY`, some milliseconds a piece."""
    port_file = tmp_path_factory.mktemp("upstream") / "port"
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "tests.fake_upstream", "--port-file", str(port_file)),
            *("--text", REPLY, "--delay-ms", "20"),
        ],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    try:
        yield process.stdout.readline().split()[-1]
    finally:
        process.terminate()
        process.wait()
        process.stdout.close()


@pytest.fixture(scope="session")
def server(
    postgres: psycopg.Connection,
    postgres_url: str,
    template: str,
    upstream: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Server]:
    """A `seedx serve` process on a database of this worker's own."""
    name = f"seedx_cli_{uuid.uuid4().hex}"
    folder = tmp_path_factory.mktemp("server")
    with database(postgres, name, template):
        environment = {
            **base_environment(),
            "DATABASE_URL": address_of(postgres_url, name),
            "JWT_SECRET": "a-secret-of-tests-that-is-long-enough",
            "GROK_API_KEY": "gsk-of-a-test",
            "GROK_API_URL": upstream,
            "SEEDX_DATA_DIR": str(folder),
            "SEEDX_AI_RUNS_PER_HOUR": "100000",
        }
        with running(folder, environment, free_port()) as url:
            yield Server(url, environment)


@pytest.fixture
def cli(tmp_path: Path) -> Cli:
    """A command line that has no server yet."""
    return Cli(tmp_path)


@pytest.fixture
def newcomer(cli: Cli, server: Server) -> Cli:
    """A command line that knows the server; nobody is signed in."""
    cli.environment["SEEDX_URL"] = server.url
    return cli


@pytest.fixture
def sign_up(server: Server) -> Callable[[], tuple[str, str]]:
    """Makes accounts; gives the e-mail address and an access token."""

    def make() -> tuple[str, str]:
        email = f"ada-{uuid.uuid4().hex[:8]}@example.com"
        with Client(server.url) as client:
            client.auth.signup("Ada", email, PASSWORD)
            client.auth.login(email, PASSWORD)
            tokens = client.session.tokens()
            assert tokens is not None
            return email, tokens.access_token

    return make


@pytest.fixture
def customer(newcomer: Cli) -> Cli:
    """A customer's command line, signed in."""
    email = f"ada-{uuid.uuid4().hex[:8]}@example.com"
    with client_of(newcomer) as client:
        client.auth.signup("Ada", email, PASSWORD)
        client.auth.login(email, PASSWORD)
    newcomer.environment["EMAIL"] = email
    return newcomer


def client_of(cli: Cli) -> Client:
    """A client with the session of a command line, to sign in without starting a process."""
    config = Config(cli.environment)
    session = StoredSession(config.directory, config.server.value, config.profile.value)
    return Client(config.server.value, session=session)


@pytest.fixture(scope="session")
def staff_email(server: Server, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The address of an admin, made as the documentation says: on the server's own machine."""
    email = f"kim-{uuid.uuid4().hex[:8]}@example.com"
    with Client(server.url) as client:
        client.auth.signup("Kim", email, PASSWORD)
    machine = Cli(tmp_path_factory.mktemp("machine"), dict(server.environment))
    assert json.loads(machine.ok("user", "role", email, "admin", "--json"))["role"] == "admin"
    return email


@pytest.fixture
def staff(server: Server, staff_email: str, tmp_path_factory: pytest.TempPathFactory) -> Cli:
    """An admin's command line, signed in."""
    machine = Cli(tmp_path_factory.mktemp("staff"))
    machine.environment["SEEDX_URL"] = server.url
    with client_of(machine) as client:
        client.auth.login(staff_email, PASSWORD)
    return machine


@pytest.fixture(autouse=True)
def _no_settings_of_the_developer(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("SEEDX_") and "TEST" not in name]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", NO_KEYRING)
