"""What a command imports, which is what its start costs."""

import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator
from typing import NamedTuple

import pytest
import typer

from seedx_cli.main import app
from seedx_cli.parsing.command import Group
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
    Case(("ticket", "list"), SERVER_SIDE | DRAWING | OTHERS | {"seedx_cli.commands.ticket.show"}),
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


def groups() -> Iterator[Group]:
    """Every group of commands, the whole first."""
    root = typer.main.get_command(app)
    assert isinstance(root, Group)
    yield root
    for name in root.names:
        command = root.get_command(
            root.make_context("seedx", ["--version"], resilient_parsing=True), name
        )
        if isinstance(command, Group):
            yield command


def test_the_help_of_a_group_says_what_its_commands_say() -> None:
    for group in groups():
        context = group.make_context("seedx", ["--help"], resilient_parsing=True)
        for section in group.sections.values():
            for name, line in section.items():
                command = group.get_command(context, name)
                assert command is not None
                assert (command.help or "").partition("\n")[0] == line


def test_a_command_is_a_file_of_its_name() -> None:
    for group in groups():
        folder = ROOT / group.package.replace(".", "/")
        files = {
            file.stem.rstrip("_") for file in folder.iterdir() if not file.name.startswith("__")
        }
        assert files == set(group.names)
