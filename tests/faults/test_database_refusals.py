"""What the database refuses is told to operators and to clients in plain words."""

from pathlib import Path

import psycopg
import pytest

from seedx_server import entry
from seedx_server.entry import EntryError
from tests.faults.conftest import Serve, signed_up
from tests.faults.test_backups import add_migration, use_database

FULL_DISK = """
    CREATE FUNCTION fill_disk() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        RAISE EXCEPTION 'could not extend file: No space left on device' USING ERRCODE = '53100';
    END $$;
    CREATE TRIGGER full_disk BEFORE INSERT OR UPDATE ON {table}
        FOR EACH ROW EXECUTE FUNCTION fill_disk();
"""

NEXT_MIGRATION = """
from alembic import op

revision = "next"
down_revision = "{newest}"


def upgrade():
    op.execute("SET LOCAL lock_timeout = '10ms'")
    op.execute("ALTER TABLE tickets ADD COLUMN colour text")
"""


def fill_disk(address: str, table: str) -> None:
    """Let every write to a table fail as on a full disk."""
    with psycopg.connect(address) as connection:
        connection.execute(FULL_DISK.format(table=table).encode())


def test_a_full_disk_is_named_to_the_operator(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_database(database_url, monkeypatch)
    with psycopg.connect(database_url) as connection:
        connection.execute(
            "INSERT INTO users (name, email, password_hash, role)"
            " VALUES ('Kim', 'kim@example.com', 'x', 'customer')"
        )
    fill_disk(database_url, "users")

    with pytest.raises(EntryError, match="disk is full"):
        entry.set_role("kim@example.com", "admin")


async def test_a_full_disk_is_named_to_clients(serve: Serve, database_url: str) -> None:
    server = await serve()
    async with server.client() as client:
        cleo = await signed_up(client)
        fill_disk(database_url, "tickets")

        answer = await cleo.post("/tickets", {"title": "It breaks", "description": "Always."})

    assert answer.status_code == 503
    assert answer.json()["code"] == "database_full"
    assert "disk is full" in answer.json()["detail"]
    assert int(answer.headers["Retry-After"]) > 0


def test_a_table_that_is_locked_is_named_to_the_operator(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_database(database_url, monkeypatch)
    add_migration(tmp_path / "alembic", monkeypatch, NEXT_MIGRATION)

    with psycopg.connect(database_url) as reader:
        reader.execute("SELECT count(*) FROM tickets")
        with pytest.raises(EntryError) as refused:
            entry.db_upgrade()

    assert "another session keeps a table locked" in refused.value.message
    assert entry.db_upgrade() == "next"
