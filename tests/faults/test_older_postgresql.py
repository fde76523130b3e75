"""SeedX works on PostgreSQL servers that are older than the one it brings."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from seedx_server import entry
from seedx_server.entry import EntryError
from seedx_server.infrastructure.database import migrate
from seedx_server.infrastructure.embedded.service_account import service_account

PROGRAMS = Path("/usr/lib/postgresql/15/bin")
"""Where Debian's package postgresql-15 puts them."""

pytestmark = pytest.mark.skipif(
    not (PROGRAMS / "initdb").exists(), reason="PostgreSQL 15 is not installed (postgresql-15)"
)


@pytest.fixture(scope="module")
def postgresql_15() -> Iterator[Path]:
    """The folder of a PostgreSQL 15 server's socket."""
    folder = Path(tempfile.mkdtemp(prefix="seedx-pg15-"))
    account = service_account()
    if account:
        shutil.chown(folder, account.uid, account.gid)

    def run(program: str, *words: str) -> None:
        subprocess.run(
            [PROGRAMS / program, "-D", folder / "data", *words],
            cwd=folder,
            env={"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"},
            user=account.uid if account else None,
            group=account.gid if account else None,
            extra_groups=[] if account else None,
            stdout=subprocess.DEVNULL,
            check=True,
        )

    run("initdb", "--auth=trust", "--username=postgres", "--no-sync")
    options = f"-c listen_addresses='' -c unix_socket_directories={folder} -c fsync=off"
    run("pg_ctl", "-w", "-l", str(folder / "log"), "-o", options, "start")
    try:
        yield folder
    finally:
        run("pg_ctl", "-w", "-m", "immediate", "stop")
        shutil.rmtree(folder)


@pytest.fixture
def server(postgresql_15: Path) -> Iterator[str]:
    """The address of an empty database there, owned by a role with no other rights."""
    superuser = f"host={postgresql_15} user=postgres"
    with psycopg.connect(superuser, autocommit=True) as connection:
        connection.execute("CREATE ROLE seedx LOGIN CREATEDB")
        connection.execute("CREATE DATABASE seedx OWNER seedx")
        yield f"postgresql://seedx@/seedx?host={postgresql_15}"
        connection.execute("DROP DATABASE seedx WITH (FORCE)")
        connection.execute("DROP ROLE seedx")


def operate_on(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the operator's commands work on a database."""
    monkeypatch.setenv("DATABASE_URL", address)
    monkeypatch.setenv("JWT_SECRET", "a-secret-of-tests-that-is-long-enough")


def add_user(address: str, email: str) -> None:
    """Add an account."""
    with psycopg.connect(address) as connection:
        connection.execute(
            "INSERT INTO users (name, email, password_hash, role)"
            " VALUES ('Kim', %s, 'x', 'customer')",
            [email],
        )


def emails(address: str) -> list[str]:
    """Return the addresses of all accounts."""
    with psycopg.connect(address) as connection:
        return [row[0] for row in connection.execute("SELECT email FROM users").fetchall()]


def test_a_backup_of_it_is_restored_on_it(
    server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    operate_on(server, monkeypatch)
    assert entry.db_upgrade() == migrate.newest()
    add_user(server, "before@example.com")
    entry.db_backup(tmp_path / "desk.dump")
    add_user(server, "after@example.com")

    entry.db_restore(tmp_path / "desk.dump")

    assert emails(server) == ["before@example.com"]


def test_a_backup_of_the_embedded_one_is_restored_on_it(
    server: str, database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    operate_on(database_url, monkeypatch)
    add_user(database_url, "embedded@example.com")
    entry.db_backup(tmp_path / "desk.dump")
    operate_on(server, monkeypatch)

    entry.db_restore(tmp_path / "desk.dump")

    assert emails(server) == ["embedded@example.com"]
    assert entry.doctor()[-1] == {
        "name": "database",
        "status": "ok",
        "detail": f"at revision {migrate.newest()}",
    }


def test_one_that_is_too_old_is_refused(server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    operate_on(server, monkeypatch)
    monkeypatch.setattr(migrate, "OLDEST_POSTGRESQL", 16)

    with pytest.raises(EntryError) as refused:
        entry.db_upgrade()

    assert refused.value.message == (
        "The database server is PostgreSQL 15, and SeedX needs 16 or newer."
    )
