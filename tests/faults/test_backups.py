"""A backup is whole or not written; a restoration takes place beside the database or not at all."""

import os
import shutil
import signal
import stat
import threading
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest
from psycopg import sql

from seedx_server import entry
from seedx_server.entry import EntryError, programs
from seedx_server.infrastructure.database import migrate
from tests.conftest import address_of

SECRET = "a-secret-of-tests-that-is-long-enough"

NEXT_MIGRATION = """
from alembic import op

revision = "next"
down_revision = "{newest}"


def upgrade():
    op.execute("CREATE TABLE macros (name text PRIMARY KEY)")


def downgrade():
    op.execute("DROP TABLE macros")
"""

KILLED_IN_MID_WRITE = """#!/bin/sh
for word in "$@"; do
    case "$word" in --file=*) printf 'half of it' > "${word#--file=}" ;; esac
done
kill -9 $$
"""

NEVER_ENDS = """#!/bin/sh
echo started > "$SEEDX_TEST_CALL"
exec sleep 1000
"""

RECORDS_ITS_CALL = """#!/bin/sh
printf '%s\\n' "$@" "password in the environment: $PGPASSWORD" > "$SEEDX_TEST_CALL"
"""


@pytest.fixture
def desk(database_url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> str:
    """The address of the test's database, which is the operator's."""
    use_database(database_url, monkeypatch)
    monkeypatch.chdir(tmp_path)
    return database_url


def use_database(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the operator's commands work on a database."""
    monkeypatch.setenv("DATABASE_URL", address)
    monkeypatch.setenv("JWT_SECRET", SECRET)


def value(address: str, query: str) -> object:
    """Return the one value of a query."""
    with psycopg.connect(address) as connection:
        row = connection.execute(query).fetchone()
    assert row is not None
    return row[0]


def titles(address: str) -> list[str]:
    """Return the titles of all articles."""
    with psycopg.connect(address) as connection:
        return [row[0] for row in connection.execute("SELECT title FROM articles").fetchall()]


def write_article(address: str, title: str) -> None:
    """Write an article and its author."""
    with psycopg.connect(address) as connection:
        connection.execute(
            "INSERT INTO users (name, email, password_hash, role)"
            " VALUES ('Kim', %(email)s, 'x', 'admin')",
            {"email": f"{title}@example.com"},
        )
        connection.execute(
            "INSERT INTO articles (slug, title, content, tags, content_hash, updated_by)"
            " SELECT %(slug)s, %(title)s, 'text', '{}', '', max(id) FROM users",
            {"slug": title, "title": title},
        )


def databases_beside(address: str) -> list[str]:
    """Return the databases that restorations of a database left behind."""
    name = urlsplit(address).path.removeprefix("/")
    with psycopg.connect(address) as connection:
        found = connection.execute(
            "SELECT datname FROM pg_database WHERE starts_with(datname, %s)", [f"{name}_"]
        )
        return [row[0] for row in found.fetchall()]


class TestABackup:
    def test_is_for_its_owner_alone_and_nothing_lies_beside_it(
        self, desk: str, tmp_path: Path
    ) -> None:
        write_article(desk, "kept")

        entry.db_backup(tmp_path / "desk.dump")

        assert [path.name for path in tmp_path.iterdir()] == ["desk.dump"]
        assert stat.S_IMODE((tmp_path / "desk.dump").stat().st_mode) == 0o600

    @pytest.mark.usefixtures("desk")
    def test_that_is_killed_leaves_the_last_one_as_it_was(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        entry.db_backup(tmp_path / "desk.dump")
        whole = (tmp_path / "desk.dump").read_bytes()
        replace_program("pg_dump", KILLED_IN_MID_WRITE, tmp_path / "bin", monkeypatch)

        with pytest.raises(EntryError, match="SIGKILL"):
            entry.db_backup(tmp_path / "desk.dump")

        assert (tmp_path / "desk.dump").read_bytes() == whole
        assert sorted(path.name for path in tmp_path.iterdir()) == ["bin", "desk.dump"]

    def test_that_cannot_reach_the_database_leaves_the_last_one_as_it_was(
        self, desk: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        entry.db_backup(tmp_path / "desk.dump")
        whole = (tmp_path / "desk.dump").read_bytes()
        use_database(address_of(desk, "there_is_no_such_database"), monkeypatch)

        with pytest.raises(EntryError, match="does not exist"):
            entry.db_backup(tmp_path / "desk.dump")

        assert (tmp_path / "desk.dump").read_bytes() == whole

    @pytest.mark.usefixtures("desk")
    def test_that_is_told_to_end_fails_and_leaves_nothing(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("SEEDX_TEST_CALL", str(tmp_path / "call"))
        os.mkfifo(tmp_path / "call")
        replace_program("pg_dump", NEVER_ENDS, tmp_path / "bin", monkeypatch)

        def end_when_started() -> None:
            (tmp_path / "call").read_text()
            os.kill(os.getpid(), signal.SIGTERM)

        ending = threading.Thread(target=end_when_started)
        ending.start()
        with pytest.raises(SystemExit) as left:
            entry.db_backup(tmp_path / "desk.dump")
        ending.join()

        assert left.value.code == 128 + signal.SIGTERM
        assert sorted(path.name for path in tmp_path.iterdir()) == ["bin", "call"]

    @pytest.mark.usefixtures("desk")
    def test_goes_where_a_link_points(self, tmp_path: Path) -> None:
        (tmp_path / "disk").mkdir()
        (tmp_path / "desk.dump").symlink_to(tmp_path / "disk" / "desk.dump")

        entry.db_backup(tmp_path / "desk.dump")

        assert (tmp_path / "desk.dump").is_symlink()
        assert (tmp_path / "disk" / "desk.dump").is_file()

    @pytest.mark.parametrize("name", ["no/such/folder/desk.dump", "/dev/null"])
    @pytest.mark.usefixtures("desk")
    def test_that_cannot_be_written_is_named(self, name: str) -> None:
        with pytest.raises(EntryError, match=name):
            entry.db_backup(Path(name))

    def test_shows_no_password_to_the_machine(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        use_database("postgresql://kim:hunter2@db.example/desk", monkeypatch)
        monkeypatch.setenv("SEEDX_TEST_CALL", str(tmp_path / "call"))
        replace_program("pg_dump", RECORDS_ITS_CALL, tmp_path / "bin", monkeypatch)

        entry.db_backup(tmp_path / "desk.dump")

        *arguments, environment = (tmp_path / "call").read_text().splitlines()
        assert environment == "password in the environment: hunter2"
        assert any("host=db.example" in word and "user=kim" in word for word in arguments)
        assert "hunter2" not in " ".join(arguments)
        assert "--no-password" in arguments


def replace_program(name: str, script: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a script run in the place of a PostgreSQL program."""
    folder.mkdir()
    program = folder / name
    program.write_text(script)
    program.chmod(0o755)
    monkeypatch.setattr(programs, "binary", lambda _: program)


class TestARestoration:
    def test_brings_back_the_backup_and_nothing_later(self, desk: str, tmp_path: Path) -> None:
        write_article(desk, "before")
        entry.db_backup(tmp_path / "desk.dump")
        write_article(desk, "after")

        counts = entry.db_restore(tmp_path / "desk.dump")

        assert titles(desk) == ["before"]
        assert counts == {"users": 1, "tickets": 0, "messages": 0, "articles": 1}
        assert databases_beside(desk) == []

    def test_of_an_older_schema_is_upgraded(
        self, desk: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        write_article(desk, "before")
        entry.db_backup(tmp_path / "desk.dump")
        add_migration(tmp_path / "alembic", monkeypatch)
        entry.db_upgrade()

        entry.db_restore(tmp_path / "desk.dump")

        assert entry.db_current() == "next"
        assert value(desk, "SELECT count(*) FROM macros") == 0
        assert titles(desk) == ["before"]

    def test_of_a_newer_schema_is_refused(
        self, desk: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with monkeypatch.context() as newer:
            add_migration(tmp_path / "alembic", newer)
            entry.db_upgrade()
            entry.db_backup(tmp_path / "desk.dump")

        with pytest.raises(EntryError, match=r"newer version of SeedX \(revision next\)"):
            entry.db_restore(tmp_path / "desk.dump")

        assert value(desk, "SELECT count(*) FROM macros") == 0

    def test_under_a_running_server_is_refused(self, desk: str, tmp_path: Path) -> None:
        entry.db_backup(tmp_path / "desk.dump")

        with psycopg.connect(desk), pytest.raises(EntryError) as refused:
            entry.db_restore(tmp_path / "desk.dump")

        assert "in use" in refused.value.message
        assert "Stop every server" in refused.value.hint

    def test_is_given_up_when_a_server_starts_meanwhile(
        self, desk: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        entry.db_backup(tmp_path / "desk.dump")
        write_article(desk, "after")
        upgrade, servers = migrate.upgrade, []

        def upgrade_while_a_server_starts(address: str) -> str:
            servers.append(psycopg.connect(desk))
            return upgrade(address)

        monkeypatch.setattr(migrate, "upgrade", upgrade_while_a_server_starts)
        try:
            with pytest.raises(EntryError, match="in use"):
                entry.db_restore(tmp_path / "desk.dump")
        finally:
            servers[0].close()

        assert titles(desk) == ["after"]
        assert databases_beside(desk) == []

    @pytest.mark.parametrize("damage", ["cut off", "changed"])
    def test_of_a_damaged_backup_is_refused_and_changes_nothing(
        self, desk: str, tmp_path: Path, damage: str
    ) -> None:
        write_article(desk, "kept")
        entry.db_backup(tmp_path / "desk.dump")
        whole = (tmp_path / "desk.dump").read_bytes()
        middle = len(whole) - 400
        rest = b"" if damage == "cut off" else bytes(200) + whole[middle + 200 :]
        (tmp_path / "desk.dump").write_bytes(whole[:middle] + rest)

        with pytest.raises(EntryError):
            entry.db_restore(tmp_path / "desk.dump")

        assert titles(desk) == ["kept"]
        assert databases_beside(desk) == []

    @pytest.mark.parametrize(
        "content", ["", "This is not a backup.", "-- PostgreSQL database dump"]
    )
    def test_of_something_else_is_refused_and_changes_nothing(
        self, desk: str, tmp_path: Path, content: str
    ) -> None:
        write_article(desk, "kept")
        (tmp_path / "desk.dump").write_text(content)

        with pytest.raises(EntryError, match="is not a backup"):
            entry.db_restore(tmp_path / "desk.dump")

        assert titles(desk) == ["kept"]

    def test_of_the_backup_of_another_program_is_refused(self, desk: str, tmp_path: Path) -> None:
        with psycopg.connect(desk) as connection:
            connection.execute("DROP TABLE alembic_version")
        entry.db_backup(tmp_path / "other.dump")

        with pytest.raises(EntryError, match="not of SeedX"):
            entry.db_restore(tmp_path / "other.dump")

    def test_keeps_what_the_operator_set_for_the_database(
        self, desk: str, postgres: psycopg.Connection, tmp_path: Path
    ) -> None:
        name = sql.Identifier(urlsplit(desk).path.removeprefix("/"))
        for statement in (
            "ALTER DATABASE {} SET work_mem = '5MB'",
            "ALTER DATABASE {} SET search_path = public, pg_catalog",
            "ALTER DATABASE {} CONNECTION LIMIT 17",
            "REVOKE CONNECT ON DATABASE {} FROM PUBLIC",
        ):
            postgres.execute(sql.SQL(statement).format(name))
        before = value(desk, DATABASE_TRAITS)
        entry.db_backup(tmp_path / "desk.dump")

        entry.db_restore(tmp_path / "desk.dump")

        assert value(desk, DATABASE_TRAITS) == before
        assert value(desk, PUBLIC_MAY_CONNECT) is False
        assert value(desk, "SHOW work_mem") == "5MB"
        assert value(desk, "SHOW search_path") == "public, pg_catalog"

    def test_clears_away_what_a_killed_one_left(
        self, desk: str, postgres: psycopg.Connection, tmp_path: Path
    ) -> None:
        entry.db_backup(tmp_path / "desk.dump")
        left = urlsplit(desk).path.removeprefix("/") + "_seedx_restoring"
        postgres.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(left)))

        entry.db_restore(tmp_path / "desk.dump")

        assert databases_beside(desk) == []


PUBLIC_MAY_CONNECT = "SELECT has_database_privilege('public', current_database(), 'CONNECT')"
DATABASE_TRAITS = """
    SELECT to_jsonb(pg_database) - ARRAY['oid', 'datfrozenxid', 'datminmxid', 'datacl']
    FROM pg_database WHERE datname = current_database()
"""


def add_migration(
    folder: Path, monkeypatch: pytest.MonkeyPatch, script: str = NEXT_MIGRATION
) -> None:
    """Let this version of SeedX be the next one, with one migration more."""
    shutil.copytree(migrate.scripts_folder(), folder)
    next_script = folder / "versions" / "next.py"
    next_script.write_text(script.format(newest=migrate.newest()))
    monkeypatch.setattr(migrate, "scripts_folder", lambda: folder)


class TestARole:
    @pytest.fixture
    def role(self, desk: str, postgres: psycopg.Connection, tmp_path: Path) -> str:
        """A role without rights that owns the database; there is a backup."""
        entry.db_backup(tmp_path / "desk.dump")
        name = "role_of_" + urlsplit(desk).path.removeprefix("/")
        role, database = sql.Identifier(name), sql.Identifier(urlsplit(desk).path.removeprefix("/"))
        postgres.execute(sql.SQL("CREATE ROLE {} LOGIN").format(role))
        postgres.execute(sql.SQL("ALTER DATABASE {} OWNER TO {}").format(database, role))
        return name

    @pytest.fixture
    def as_role(self, desk: str, role: str, monkeypatch: pytest.MonkeyPatch) -> None:
        """The operator's commands connect as this role."""
        use_database(desk.replace("//postgres@", f"//{role}@"), monkeypatch)

    @pytest.mark.usefixtures("as_role")
    def test_that_may_create_databases_restores(
        self, desk: str, role: str, postgres: psycopg.Connection, tmp_path: Path
    ) -> None:
        postgres.execute(sql.SQL("ALTER ROLE {} CREATEDB").format(sql.Identifier(role)))

        entry.db_restore(tmp_path / "desk.dump")

        owner = "SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = current_database()"
        assert value(desk, owner) == role

    @pytest.mark.usefixtures("as_role")
    def test_that_may_not_is_told_what_to_do(self, role: str, tmp_path: Path) -> None:
        with pytest.raises(EntryError) as refused:
            entry.db_restore(tmp_path / "desk.dump")

        assert "allowed to create databases" in refused.value.message
        assert f'ALTER ROLE "{role}" CREATEDB' in refused.value.hint
