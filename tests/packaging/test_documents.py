"""What the documents promise: commands, settings, files and exit codes that exist."""

import re
import shlex
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer
from pydantic import AliasChoices

from seedx_cli import errors
from seedx_cli.main import app
from seedx_server.config import Settings, load_settings

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
SCRIPTING = (ROOT / "seedx_server/handbook/scripting.md").read_text()
ARCHITECTURE = (ROOT / "docs/architecture.md").read_text()
ENVIRONMENT_EXAMPLE = (ROOT / ".env.example").read_text()
NOT_DEFAULTS = {"DATABASE_URL", "JWT_RETIRED", "SEEDX_AI_BASE_URL", "SEEDX_AI_PRICES"}
"""Settings whose commented value shows how one is written."""

DOCUMENTS = [
    ROOT / "README.md",
    ROOT / "CHANGELOG.md",
    ROOT / "benchmarks/README.md",
    *sorted((ROOT / "docs").rglob("*.md")),
]


def command_lines() -> Iterator[str]:
    """Each command of the README's blocks; lines that end in a backslash go on."""
    for block in re.findall(r"^```console\n(.*?)^```", README, re.MULTILINE | re.DOTALL):
        for line in re.findall(r"^\$ ((?:.*\\\n)*.*)$", block, re.MULTILINE):
            yield line.replace("\\\n", " ")


def seedx_commands() -> Iterator[list[str]]:
    for line in command_lines():
        lexer = shlex.shlex(line, posix=True, punctuation_chars="|&;")
        lexer.whitespace_split = True
        words: list[str] = []
        for token in [*lexer, "|"]:
            if set(token) <= set("|&;"):
                if words[:1] == ["seedx"]:
                    yield words[1:]
                words = []
            else:
                words.append(token)


def parse(words: list[str]) -> None:
    """Parse a command line as the program does, without running it."""
    command, context, rest = typer.main.get_command(app), None, words
    while True:
        context = command.make_context(command.name, rest, parent=context)
        if not hasattr(command, "resolve_command"):
            return
        name = context._protected_args  # noqa: SLF001  # where a group keeps its command's name
        _, command, rest = command.resolve_command(context, [*name, *context.args])


@pytest.mark.parametrize("words", [*seedx_commands()], ids=shlex.join)
def test_a_command_of_the_readme_is_understood(words: list[str]) -> None:
    parse(words)


def test_a_command_that_is_not_there_would_be_noticed() -> None:
    with pytest.raises(Exception, match=r"[Nn]o such option"):
        parse(["ticket", "list", "--colour"])
    with pytest.raises(Exception, match=r"[Nn]o (such )?command"):
        parse(["ticket", "burn"])
    with pytest.raises(Exception, match="not a status"):
        parse(["ticket", "list", "--status", "lost"])


def test_targets_of_make_exist() -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    commands = " ".join(line for line in command_lines() if line.startswith("make "))
    named = {*re.findall(r"`make ([a-z]+)`", README), *re.findall(r"\bmake ([a-z]+)", commands)}

    assert {"demo", "test", "up", "check"} <= named <= targets


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_links_lead_to_files(document: Path) -> None:
    links = re.findall(r"\]\(([^)#\s]+)", document.read_text())
    here = [link for link in links if "://" not in link]

    assert [link for link in here if not (document.parent / link).exists()] == []


def test_files_and_folders_that_the_architecture_names_exist() -> None:
    named = set(re.findall(r"`([a-z_.]+/[a-z_./]*|[a-z_]+\.py)`", ARCHITECTURE))
    folders = (ROOT, ROOT / "seedx_server", ROOT / "seedx_cli")
    in_every_domain = {"resource.py", "service.py", "repository.py", "models.py", "core.py"}
    inside = ("infrastructure", "ai")

    def exists(name: str) -> bool:
        places = [*folders, *(ROOT / "seedx_server" / room for room in inside)]
        return any((place / name).exists() for place in places)

    assert len(named) > len(in_every_domain)
    assert [name for name in named - in_every_domain if not exists(name)] == []


def test_exit_codes_are_those_of_the_program() -> None:
    table = re.findall(r"^\| (\d+) \| ", SCRIPTING, re.MULTILINE)

    assert [int(code) for code in table] == [
        errors.DONE,
        errors.FAILED,
        errors.WRONG_USAGE,
        errors.REFUSED,
        errors.NOT_FOUND,
        errors.INTERRUPTED,
    ]


def test_settings_that_the_readme_names_exist() -> None:
    named = set(re.findall(r"`((?:[A-Z]+_)+[A-Z]+)`", README))
    of_the_client = set(re.findall(r"SEEDX_\w+", (ROOT / "seedx_cli/config.py").read_text()))

    assert named
    assert named <= {name for names in settings().values() for name in names} | of_the_client


def settings() -> dict[str, list[str]]:
    """The names in the environment of each setting of the server, the first one preferred."""
    aliases = {name: field.validation_alias for name, field in Settings.model_fields.items()}
    return {
        name: (
            [str(choice) for choice in alias.choices]
            if isinstance(alias, AliasChoices)
            else [str(alias)]
        )
        for name, alias in aliases.items()
    }


def test_the_example_of_the_environment_names_every_setting() -> None:
    named = re.findall(r"^#?([A-Z_]+)=", ENVIRONMENT_EXAMPLE, re.MULTILINE)

    assert {names[0] for names in settings().values()} <= set(named)


def test_commented_values_are_what_is_there_without_them(monkeypatch: pytest.MonkeyPatch) -> None:
    for names in settings().values():
        for name in names:
            monkeypatch.delenv(name, raising=False)
    nothing_set = load_settings(_env_file=None)

    shown = dict(re.findall(r"^#([A-Z_]+)=(.+)$", ENVIRONMENT_EXAMPLE, re.MULTILINE))
    for name in shown.keys() & {names[0] for names in settings().values()} - NOT_DEFAULTS:
        monkeypatch.setenv(name, shown[name])

    assert load_settings(_env_file=None) == nothing_set


def test_each_dependency_has_its_reason() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    listed = [*project["dependencies"], *project["optional-dependencies"]["dev"]]
    names = {re.split(r"[\[<>=,]", requirement)[0] for requirement in listed}

    rows = re.findall(r"^\| ([^|]+) \|", (ROOT / "docs/dependencies.md").read_text(), re.MULTILINE)
    explained = {re.sub(r"\[.*\]", "", name) for row in rows for name in row.split(", ")}

    assert names <= explained
    assert explained - {"package", "---", "poetry-core"} <= names
