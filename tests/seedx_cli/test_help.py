"""Help: on every command, and on topics."""

import re
from collections.abc import Iterator

import pytest
import typer

from seedx_cli.main import app
from seedx_cli.parsing.command import Command, Group
from tests.seedx_cli.process import Cli


def commands(group: Group, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Command]]:
    """Every command that does something, with the words that call it."""
    context = group.make_context("seedx", ["--help"], resilient_parsing=True)
    for name in group.names:
        command = group.get_command(context, name)
        if isinstance(command, Group):
            yield from commands(command, (*path, name))
        else:
            assert isinstance(command, Command)
            yield (*path, name), command


ROOT_GROUP = typer.main.get_command(app)
assert isinstance(ROOT_GROUP, Group)
ALL = dict(commands(ROOT_GROUP))


@pytest.mark.parametrize("path", ALL, ids=" ".join)
def test_every_command_has_two_examples_and_the_shared_options(path: tuple[str, ...]) -> None:
    command = ALL[path]
    examples = (command.epilog or "").strip().splitlines()
    assert len(examples) >= 2
    assert all(" ".join(("seedx", *path)) in example for example in examples)
    options = {option for parameter in command.params for option in parameter.opts}
    assert {"--json", "--server", "--profile", "--quiet"} <= options


@pytest.mark.parametrize("path", ALL, ids=" ".join)
def test_help_names_what_an_option_takes(cli: Cli, path: tuple[str, ...]) -> None:
    shown = cli.ok(*path, "--help")
    assert shown.startswith(f"Usage: seedx {' '.join(path)} ")
    assert not re.search("<[a-z]", shown.partition("\nExamples:")[0])


@pytest.mark.parametrize("topic", ["exit-codes", "environment", "json"])
def test_topics(cli: Cli, topic: str) -> None:
    assert cli.ok("help", topic).startswith(topic.split("-", 1)[0].upper())


def test_help_on_a_command_is_its_help(cli: Cli) -> None:
    assert cli.ok("help", "ticket", "list").strip() == cli.ok("ticket", "list", "--help").strip()
    assert "ticket" in cli.ok("help")
    done = cli.run("help", "exit-code")
    assert done.returncode == 2
    assert "exit-codes" in done.stderr


def test_help_as_json_is_a_document(cli: Cli) -> None:
    topic = cli.json("help", "json")
    assert topic["name"] == "json"
    assert topic["text"].startswith("JSON\n")
    command = cli.json("help", "ticket", "list")
    assert (command["name"], command["text"][:6]) == ("ticket list", "Usage:")
    assert cli.json("help")["name"] is None


def test_a_group_without_a_command_shows_its_help(cli: Cli) -> None:
    assert cli.ok("ticket") == cli.ok("ticket", "--help")
