"""What every test may use: a PostgreSQL database of its own, and no network but loopback."""

import errno
import gc
import ipaddress
import logging
import os
import shutil
import signal
import socket
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg
import pytest
from hypothesis import HealthCheck, settings
from psycopg import sql

from seedx_server.infrastructure.database import migrate
from seedx_server.infrastructure.embedded.server import EmbeddedPostgres

FOLDER = "SEEDX_TEST_FOLDER"
"""The environment's name for the folder of this run's server, shared by pytest's workers."""

SERVER = "SEEDX_TEST_DATABASE_URL"
"""The environment's name for a server to use instead; the user needs the right to CREATEDB."""

# How long an example takes says more of the machine than of the code.
settings.register_profile(
    "patient", deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True
)
settings.load_profile("patient")

ROOM_BYTES = 2 * 1024**3
"""More than the server's files ever need."""


def pytest_configure(config: pytest.Config) -> None:
    """Choose the folder in the process that starts the workers; they inherit the name."""
    # A shell's background job ignores interrupts, and so would every program that tests start.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    if not hasattr(config, "workerinput"):
        os.environ[FOLDER] = tempfile.mkdtemp(prefix="seedx-tests-", dir=_memory())
        # The programs that tests start compile our code once, not each time.
        os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
        # pytest's name for where `tmp_path` is: many tests make whole database clusters there.
        os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", os.environ[FOLDER])
        # `timeout` and CI end a run by SIGTERM; as an interrupt it is wound up in order.
        signal.signal(signal.SIGTERM, signal.default_int_handler)


def _memory() -> Path | None:
    """Return a folder that is in memory, where databases are made ten times as fast."""
    folder = Path("/dev/shm")  # noqa: S108  # mkdtemp makes a private folder in it
    has_room = os.access(folder, os.W_OK) and shutil.disk_usage(folder).free > ROOM_BYTES
    return folder if has_room else None


def pytest_collection_finish() -> None:
    """Collect garbage only when a test has ended, and leave out what the imports made.

    What a test makes then is all in the youngest generation, which is cheap to collect.
    """
    gc.collect()
    gc.freeze()
    gc.disable()


def pytest_unconfigure(config: pytest.Config) -> None:
    """Leave nothing behind, not even what a killed worker could not stop."""
    if hasattr(config, "workerinput"):
        return
    folder = Path(os.environ[FOLDER])
    if (folder / "postgres" / "postmaster.pid").exists():
        with EmbeddedPostgres(folder, durable=False):
            pass
    shutil.rmtree(folder)


@pytest.fixture(autouse=True)
def no_leaks() -> Iterator[None]:
    """Find what a test left open in that test, not in whichever one the collector runs next.

    Python warns of it, and warnings are errors. PYTHONTRACEMALLOC=20 shows where it was opened.
    """
    yield
    gc.collect(0)


@pytest.fixture(scope="module", autouse=True)
def no_leaks_of_module() -> Iterator[None]:
    """Find what the fixtures of a module left open."""
    yield
    gc.collect()


@pytest.fixture(autouse=True)
def logging_as_it_was() -> Iterator[None]:
    """Undo what a test configures, so that the next one logs as if it ran alone."""
    root = logging.getLogger()
    level, handlers = root.level, set(root.handlers)
    yield
    root.setLevel(level)
    for handler in set(root.handlers) - handlers:
        if type(handler) is logging.StreamHandler:
            root.removeHandler(handler)


@pytest.fixture(scope="session", autouse=True)
def only_loopback() -> Iterator[None]:
    """Refuse every connection that would leave this machine."""
    connect, connect_ex = socket.socket.connect, socket.socket.connect_ex

    def guarded_connect(self: socket.socket, address: Any) -> None:
        refuse_outside(self.family, address)
        connect(self, address)

    def guarded_connect_ex(self: socket.socket, address: Any) -> int:
        refuse_outside(self.family, address)
        return connect_ex(self, address)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket.socket, "connect", guarded_connect)
        patch.setattr(socket.socket, "connect_ex", guarded_connect_ex)
        yield


def refuse_outside(family: int, address: Any) -> None:
    if family not in {socket.AF_INET, socket.AF_INET6}:
        return
    host = address[0]
    try:
        inside = ipaddress.ip_address(host.partition("%")[0]).is_loopback
    except ValueError:
        inside = host == "localhost"
    if not inside:
        # What a firewall answers; the programs under test close their sockets after it.
        raise PermissionError(errno.EPERM, f"tests stay on this machine, but one tried {host}")


@contextmanager
def database(postgres: psycopg.Connection, name: str, template: str) -> Iterator[None]:
    """Make a database as a copy of another, and drop it afterwards, whoever is connected."""
    # Copying a few megabytes of files takes half the time of writing them to the log.
    create = "CREATE DATABASE {} TEMPLATE {} STRATEGY FILE_COPY"
    postgres.execute(sql.SQL(create).format(sql.Identifier(name), sql.Identifier(template)))
    try:
        yield
    finally:
        postgres.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


def address_of(server: str, name: str) -> str:
    return urlsplit(server)._replace(path=f"/{name}").geturl()


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """A server's `postgres` database, where other databases are made.

    The embedded server belongs to the whole run: the last worker that leaves stops it.
    """
    if given := os.environ.get(SERVER):
        yield given
        return
    with EmbeddedPostgres(Path(os.environ[FOLDER]), durable=False) as server:
        yield server.url("postgres")


@pytest.fixture(scope="session")
def postgres(postgres_url: str) -> Iterator[psycopg.Connection]:
    """A connection that makes and drops databases."""
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        yield connection


@pytest.fixture(scope="session")
def template(postgres: psycopg.Connection, postgres_url: str) -> Iterator[str]:
    """The name of this worker's database with the newest schema and no rows."""
    name = f"seedx_template_{uuid.uuid4().hex}"
    with database(postgres, name, template="template0"):
        migrate.upgrade(address_of(postgres_url, name))
        yield name


@pytest.fixture
def database_url(postgres: psycopg.Connection, postgres_url: str, template: str) -> Iterator[str]:
    """The address of a database for one test: the newest schema and no rows."""
    name = f"seedx_test_{uuid.uuid4().hex}"
    with database(postgres, name, template):
        yield address_of(postgres_url, name)
