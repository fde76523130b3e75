"""Migrations bring any database to the newest schema, once, without stopping the desk for long."""

import asyncio
import re
import shutil
import sys
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import psycopg
import pytest
from alembic import command
from psycopg.sql import SQL, Identifier
from sqlalchemy import create_engine
from sqlalchemy.exc import OperationalError
from sqlalchemy.pool import NullPool

from seedx_server.infrastructure.database import migrate
from seedx_server.infrastructure.database.engine import connection_url
from tests.conftest import address_of, database
from tests.waiting import PATIENCE_SECONDS, until_blocked

PROCESSES = 3
TABLES = (
    "SELECT count(*) FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'alembic_version'"
)
TABLE_NAMES = "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
UPGRADE = (
    "import sys; from seedx_server.infrastructure.database import migrate;"
    " print(migrate.upgrade(sys.argv[1]))"
)


@pytest.fixture
def empty_url(postgres: psycopg.Connection, postgres_url: str) -> Iterator[str]:
    """The address of a database with nothing in it."""
    name = f"seedx_empty_{uuid.uuid4().hex}"
    with database(postgres, name, template="template0"):
        yield address_of(postgres_url, name)


def tables_of(url: str) -> int:
    with psycopg.connect(url) as connection:
        row = connection.execute(TABLES).fetchone()
    assert row is not None
    return int(row[0])


def downgrade(url: str, revision: str) -> None:
    engine = create_engine(connection_url(url), poolclass=NullPool)
    with engine.connect() as connection:
        command.downgrade(migrate.configuration(connection), revision)
        connection.commit()


class TestUpgrading:
    def test_an_empty_database_makes_every_table(self, empty_url: str) -> None:
        assert migrate.current(empty_url) is None

        assert migrate.upgrade(empty_url) == migrate.newest()

        assert migrate.current(empty_url) == migrate.newest()
        assert tables_of(empty_url) > 10

    def test_a_second_time_changes_nothing(self, database_url: str) -> None:
        with psycopg.connect(database_url) as connection:
            connection.execute(
                "INSERT INTO users (name, email, password_hash, role)"
                " VALUES ('Cleo', 'cleo@example.com', 'x', 'customer')"
            )

        assert migrate.upgrade(database_url) == migrate.newest()

        with psycopg.connect(database_url) as connection:
            assert connection.execute("SELECT name FROM users").fetchall() == [("Cleo",)]

    async def test_by_several_processes_at_once_works_for_all(self, empty_url: str) -> None:
        upgrading = [
            await asyncio.create_subprocess_exec(
                sys.executable,
                "-c",
                UPGRADE,
                empty_url,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
            )
            for _ in range(PROCESSES)
        ]
        done = await asyncio.gather(*(process.communicate() for process in upgrading))

        for process, (said, complained) in zip(upgrading, done, strict=True):
            assert process.returncode == 0, complained.decode()
            assert said.decode().strip() == migrate.newest()
        assert migrate.current(empty_url) == migrate.newest()

    def test_waits_for_the_process_that_upgrades_already(self, empty_url: str) -> None:
        with psycopg.connect(empty_url, autocommit=True) as other:
            other.execute("SELECT pg_advisory_lock(%s)", [migrate.UPGRADE_LOCK])
            upgrading = threading.Thread(target=migrate.upgrade, args=[empty_url])
            upgrading.start()
            other.execute(until_blocked())
            assert tables_of(empty_url) == 0
            other.execute("SELECT pg_advisory_unlock(%s)", [migrate.UPGRADE_LOCK])
            upgrading.join(PATIENCE_SECONDS)

        assert migrate.current(empty_url) == migrate.newest()

    def test_a_database_of_a_newer_version_is_refused(self, database_url: str) -> None:
        with psycopg.connect(database_url) as connection:
            connection.execute("UPDATE alembic_version SET version_num = '9999'")

        with pytest.raises(migrate.NewerSchemaError, match="9999"):
            migrate.upgrade(database_url)

    def test_gives_up_when_another_process_upgrades_for_too_long(
        self, empty_url: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(migrate, "LOCK_TIMEOUT", "10ms")
        with psycopg.connect(empty_url) as other:
            other.execute("SELECT pg_advisory_xact_lock(%s)", [migrate.UPGRADE_LOCK])

            with pytest.raises(migrate.MigrationError, match="has been upgrading"):
                migrate.upgrade(empty_url)

        assert tables_of(empty_url) == 0
        assert migrate.upgrade(empty_url) == migrate.newest()

    def test_leaves_no_lock_on_a_connection_that_a_pooler_keeps(
        self, empty_url: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with psycopg.connect(empty_url, autocommit=True) as kept:

            @contextmanager
            def pooled(_: str) -> Iterator[psycopg.Connection]:
                with kept.transaction():
                    yield kept

            pooler = SimpleNamespace(connect=pooled, errors=psycopg.errors)
            monkeypatch.setattr(migrate, "psycopg", pooler)
            migrate.upgrade(empty_url)
            held = kept.execute("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'")

            assert held.fetchone() == (0,)


class TestDowngrading:
    def test_removes_everything_and_upgrading_restores_it(self, database_url: str) -> None:
        downgrade(database_url, "base")
        assert tables_of(database_url) == 0
        assert migrate.current(database_url) is None

        migrate.check(database_url)

        assert migrate.current(database_url) == migrate.newest()


@pytest.fixture
def scripts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A copy of the migrations, which wait less long for a lock."""
    folder = tmp_path / "alembic"
    shutil.copytree(migrate.scripts_folder(), folder)
    for script in folder.glob("versions/*.py"):
        script.write_text(script.read_text().replace("lock_timeout = '5s'", "lock_timeout = '9ms'"))
    monkeypatch.setattr(migrate, "scripts_folder", lambda: folder)


class TestLocks:
    @pytest.mark.usefixtures("scripts")
    def test_the_template_gives_up_instead_of_queueing_before_the_desk(self) -> None:
        made = command.revision(migrate.configuration(), message="what changes")
        assert made is not None
        assert not isinstance(made, list)

        assert_gives_up(Path(made.path))

    @pytest.mark.parametrize(
        "path", sorted(migrate.scripts_folder().glob("versions/*.py")), ids=lambda path: path.stem
    )
    def test_every_migration_gives_up_the_same_way(self, path: Path) -> None:
        assert_gives_up(path)

    @pytest.mark.usefixtures("scripts")
    def test_a_migration_that_cannot_have_its_lock_changes_nothing(self, database_url: str) -> None:
        tables = tables_of(database_url)
        with psycopg.connect(database_url) as reader:
            for (table,) in reader.execute(TABLE_NAMES).fetchall():
                reader.execute(SQL("SELECT count(*) FROM {}").format(Identifier(table)))
            with pytest.raises(OperationalError, match="lock timeout"):
                downgrade(database_url, "base")

        assert tables_of(database_url) == tables
        assert migrate.current(database_url) == migrate.newest()


def assert_gives_up(migration: Path) -> None:
    """Check that both ways begin by limiting how long they wait."""
    ways = re.split(r"^def (?:upgrade|downgrade)\(\).*$", migration.read_text(), flags=re.MULTILINE)
    assert len(ways) == 3
    for way in ways[1:]:
        lines = [line.strip() for line in way.splitlines()]
        statements = [line for line in lines if line and not line.startswith("#")]
        assert statements[0] == "op.execute(\"SET LOCAL lock_timeout = '5s'\")"
        assert statements[1] == "op.execute(\"SET LOCAL statement_timeout = '10min'\")"
