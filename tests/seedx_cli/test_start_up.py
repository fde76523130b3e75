"""What a command imports, which is what its start costs."""

import subprocess
import sys
import tomllib
from collections.abc import Callable
from importlib import import_module
from typing import NamedTuple

import pytest

from seedx_cli.main import RootGroup
from seedx_cli.parsing.lazy import LazyGroup
from seedx_cli.version import VERSION
from tests.seedx_cli.conftest import Server
from tests.seedx_cli.process import ROOT, Cli

LIST_MODULES = (
    "import sys; sys.argv[0] = 'seedx'; from seedx_cli.__main__ import main; code = main();"
    "print(*sys.modules, file=sys.stderr); sys.exit(code)"
)
SERVER_SIDE = {"fastapi", "sqlalchemy", "pydantic", "psycopg", "uvicorn", "groq", "seedx_server"}
DRAWING = {"rich", "markdown_it", "pygments"}
NETWORK = {"httpx", "httpcore", "ssl", "asyncio"}
OTHERS = {"keyring", "yaml", "click", "importlib.metadata"}


class Case(NamedTuple):
    """A command, and what it has no business to import."""

    words: tuple[str, ...]
    forbidden: set[str]


CASES = [
    Case(("--version",), {"typer", "typing", "json", "re", *SERVER_SIDE, *DRAWING, *NETWORK}),
    Case(("--help",), SERVER_SIDE | DRAWING | NETWORK | OTHERS | {"seedx_cli.client.client"}),
    Case(("ticket", "--help"), SERVER_SIDE | DRAWING | NETWORK | OTHERS),
    Case(("ticket", "list", "--help"), SERVER_SIDE | DRAWING | NETWORK | OTHERS),
    Case(("help", "json"), SERVER_SIDE | DRAWING | NETWORK | OTHERS),
    Case(("config", "list"), SERVER_SIDE | DRAWING | NETWORK | OTHERS),
    Case(("ticket", "list"), SERVER_SIDE | DRAWING | OTHERS | {"seedx_cli.commands.ticket.write"}),
    Case(("ticket", "show", "{number}"), SERVER_SIDE | DRAWING | OTHERS),
    Case(("ai", "{number}"), SERVER_SIDE | DRAWING | OTHERS),
    Case(("whoami",), SERVER_SIDE | DRAWING | OTHERS),
    Case(("kb", "list"), SERVER_SIDE | DRAWING | OTHERS),
]


def imported(cli: Cli, *words: str) -> set[str]:
    done = subprocess.run(
        [sys.executable, "-c", LIST_MODULES, *words],
        env=cli.environment,
        cwd=cli.folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return set(done.stderr.splitlines()[-1].split())


@pytest.mark.parametrize("case", CASES, ids=lambda case: " ".join(case.words))
def test_a_command_imports_only_what_it_needs(customer: Cli, case: Case) -> None:
    number = "0"
    if "{number}" in case.words:
        number = customer.ok("ticket", "new", "-t", "T", "-b", "B").strip()
    words = [word.format(number=number) for word in case.words]
    assert imported(customer, *words) & case.forbidden == set()


def test_plain_http_sets_up_no_tls(
    server: Server, sign_up: Callable[[], tuple[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    import ssl

    from seedx_cli.client import Client

    def refuse(*_: object, **__: object) -> None:
        pytest.fail("certificates were loaded")

    monkeypatch.setattr(ssl, "create_default_context", refuse)
    _, token = sign_up()
    with Client(server.url, token=token) as client:
        client.tickets.list()


def test_the_version_is_the_projects() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["version"] == VERSION


@pytest.mark.parametrize(
    "group", [RootGroup, import_module("seedx_cli.commands.ticket").TicketGroup]
)
def test_the_tables_of_lazy_groups_say_what_the_commands_say(group: type[LazyGroup]) -> None:
    commands = group(name="any").commands
    assert {name: entry.help for name, entry in group.entries.items()} == {
        name: (command.help or "").partition("\n")[0] for name, command in commands.items()
    }
