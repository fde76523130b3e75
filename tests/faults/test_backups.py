"""A backup brings back what it holds, and is not restored under a running server."""

from pathlib import Path

import psycopg
import pytest

from seedx_server import entry
from seedx_server.entry import EntryError


@pytest.fixture
def on_the_test_database(database_url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> str:
    """The operator's commands work on the test's database."""
    monkeypatch.setenv("DATABASE_URL", database_url)
    monkeypatch.setenv("JWT_SECRET", "a-secret-of-tests-that-is-long-enough")
    monkeypatch.chdir(tmp_path)
    return database_url


def titles(address: str) -> list[str]:
    """Return the titles of all articles."""
    with psycopg.connect(address) as connection:
        return [row[0] for row in connection.execute("SELECT title FROM articles").fetchall()]


def write_article(address: str, title: str) -> None:
    """Write an article and who wrote it."""
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


def test_a_restore_puts_the_backup_in_the_place_of_what_came_after(
    on_the_test_database: str, tmp_path: Path
) -> None:
    write_article(on_the_test_database, "before")
    entry.db_backup(tmp_path / "desk.dump")
    write_article(on_the_test_database, "after")

    entry.db_restore(tmp_path / "desk.dump")

    assert titles(on_the_test_database) == ["before"]


def test_a_restore_under_a_running_server_is_refused(
    on_the_test_database: str, tmp_path: Path
) -> None:
    entry.db_backup(tmp_path / "desk.dump")

    with psycopg.connect(on_the_test_database), pytest.raises(EntryError) as refused:
        entry.db_restore(tmp_path / "desk.dump")

    assert "in use" in refused.value.message
    assert "Stop every server" in refused.value.hint


def test_a_file_that_is_no_backup_is_refused_and_changes_nothing(
    on_the_test_database: str, tmp_path: Path
) -> None:
    write_article(on_the_test_database, "kept")
    (tmp_path / "desk.dump").write_text("This is no backup.")

    with pytest.raises(EntryError):
        entry.db_restore(tmp_path / "desk.dump")

    assert titles(on_the_test_database) == ["kept"]
