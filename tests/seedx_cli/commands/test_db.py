"""The operator's commands on the server's own machine."""

import json
import re
from pathlib import Path

import pytest

from seedx_server.infrastructure.database import migrate
from tests.seedx_cli.conftest import Server
from tests.seedx_cli.process import Cli


@pytest.fixture
def operator(cli: Cli, server: Server, database_url: str) -> Cli:
    """A command line on the server's machine, with a database of its own."""
    cli.environment |= {**server.environment, "DATABASE_URL": database_url}
    return cli


@pytest.fixture
def backup(operator: Cli, tmp_path: Path) -> Path:
    """A backup of the operator's database."""
    operator.ok("db", "backup", "desk.dump")
    return tmp_path / "desk.dump"


def test_a_restoration_says_what_the_backup_is_before_it_asks(operator: Cli, backup: Path) -> None:
    screen = operator.screen("db", "restore", backup.name, answers={"[y/N]": "n\r"}, columns=120)

    described, asked = screen.text.index("desk.dump was written on 20"), screen.text.index("[y/N]")
    assert described < asked
    assert re.search(rf"at revision {migrate.newest()} \(\d\.\d MB\)", screen.text)
    assert "Nothing was changed." in screen.text


def test_a_restoration_says_what_the_database_holds_then(operator: Cli, backup: Path) -> None:
    done = operator.run("db", "restore", backup.name, "--yes", "--json")

    assert done.returncode == 0
    assert json.loads(done.stdout) == {"file": "desk.dump", "restored": True}
    assert "0 users, 0 tickets, 0 messages, 0 articles" in done.stderr


def test_what_is_not_a_backup_is_refused_without_a_question(operator: Cli, tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("Dear desk,")

    screen = operator.screen("db", "restore", "letter.txt", columns=120)

    assert screen.exit_code == 1
    assert "letter.txt is not a backup" in screen.text
    assert "[y/N]" not in screen.text


def test_a_role_for_nobody_is_not_found(operator: Cli) -> None:
    done = operator.run("user", "role", "nobody@example.org", "agent")

    assert done.returncode == 5
    assert "There is no account for nobody@example.org" in done.stderr


@pytest.mark.parametrize("option", ["--server", "--profile"])
@pytest.mark.parametrize(
    "words",
    [
        ("db", "upgrade"),
        ("db", "current"),
        ("db", "backup", "other.dump"),
        ("db", "restore", "desk.dump", "--yes"),
        ("user", "role", "ada@example.com", "admin", "--local"),
        ("serve", "--port", "0"),
    ],
    ids=" ".join,
)
def test_another_server_is_refused_by_what_works_on_this_one(
    cli: Cli, words: tuple[str, ...], option: str
) -> None:
    (cli.folder / "desk.dump").write_text("")

    done = cli.run(
        *words, option, "https://desk.example.com", DATABASE_URL="postgresql://x@[::1]:1/x"
    )

    assert (done.returncode, done.stdout) == (2, "")
    said = f"Error: This command works on this machine's database; {option} does not apply.\n"
    assert done.stderr == said
    assert not (cli.folder / "other.dump").exists()
