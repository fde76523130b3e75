"""Help and completion."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import typer

from seedx_cli.completion import build as completion_build
from seedx_cli.completion.answer import candidates
from seedx_cli.completion.table import TABLE
from seedx_cli.main import app
from tests.seedx_cli.process import ROOT, Cli

if TYPE_CHECKING:
    from seedx_cli.completion.table import Node


def commands(node: "Node", path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], "Node"]]:
    for name, child in node["commands"].items():
        if child["commands"]:
            yield from commands(child, (*path, name))
        else:
            yield (*path, name), child


ALL = dict(commands(TABLE))


def complete(cli: Cli, shell: str, line: str) -> str:
    words = line.split(" ")
    question = {
        "_SEEDX_COMPLETE": f"complete_{shell}",
        "COMP_WORDS": line,
        "COMP_CWORD": str(len(words) - 1),
        "_TYPER_COMPLETE_ARGS": line,
        "_TYPER_COMPLETE_FISH_ACTION": "get-args",
    }
    return cli.ok(**question)


def test_the_table_of_completion_is_up_to_date() -> None:
    assert completion_build.table() == TABLE


@pytest.mark.parametrize("path", ALL, ids=" ".join)
def test_every_command_has_two_examples_and_the_shared_options(path: tuple[str, ...]) -> None:
    command = typer.main.get_command(app)
    for name in path:
        command = command.commands[name]  # type: ignore[attr-defined]  # every step but the last is a group
    examples = (command.epilog or "").strip().splitlines()
    assert len(examples) >= 2
    assert all(" ".join(("seedx", *path)) in example for example in examples)
    assert {"--json", "--server", "--profile", "--quiet", "--help"} <= set(ALL[path]["options"])


@pytest.mark.parametrize("topic", ["exit-codes", "environment", "json"])
def test_topics(cli: Cli, topic: str) -> None:
    assert cli.ok("help", topic).startswith(topic.split("-", 1)[0].upper())


def test_help_on_a_command_is_its_help(cli: Cli) -> None:
    assert cli.ok("help", "ticket", "list").strip() == cli.ok("ticket", "list", "--help").strip()
    assert "ticket" in cli.ok("help")
    done = cli.run("help", "exit-code")
    assert done.returncode == 2
    assert "exit-codes" in done.stderr


def test_commands_options_and_values_are_completed(cli: Cli) -> None:
    assert complete(cli, "bash", "seedx ti") == "ticket\n"
    assert complete(cli, "bash", "seedx ticket re").split() == ["reply", "reopen"]
    assert complete(cli, "bash", "seedx ticket list --pri") == "--priority\n"
    assert complete(cli, "bash", "seedx ticket list --priority ").split() == [
        *("low", "normal", "high", "urgent")
    ]
    assert complete(cli, "bash", "seedx user role ada@example.com a").split() == ["agent", "admin"]


def test_tickets_seen_on_a_terminal_are_completed(customer: Cli) -> None:
    number = customer.ok("ticket", "new", "-t", "Printer", "-b", "B").strip()
    assert complete(customer, "bash", "seedx ticket show ") == ""
    customer.screen("ticket", "list")
    assert complete(customer, "fish", "seedx ticket show ") == f"{number}\tPrinter\n"
    customer.ok("logout")
    assert complete(customer, "fish", "seedx ticket show ") == ""


def test_a_title_cannot_run_in_the_shell_that_completes(cli: Cli) -> None:
    recent = cli.folder / "config" / "recent-tickets"
    recent.parent.mkdir()
    recent.write_text("7\t$(touch pwned)`id`\"'))\\ x\n$(id)\tno number\n")
    answer = complete(cli, "zsh", "seedx ticket show ")
    assert answer == """_arguments '*: :(("7":"touch pwned  id       x"))'"""


def test_file_names_are_left_to_the_shell(cli: Cli) -> None:
    assert complete(cli, "zsh", "seedx kb import ") == "_files"
    done = cli.run(
        _SEEDX_COMPLETE="complete_fish",
        _TYPER_COMPLETE_ARGS="seedx kb import ",
        _TYPER_COMPLETE_FISH_ACTION="is-args",
    )
    assert done.returncode == 1


def test_completion_imports_next_to_nothing(tmp_path: Path) -> None:
    code = "import sys; from seedx_cli.__main__ import main; main(); print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={
            "PYTHONPATH": str(ROOT),
            "SEEDX_CONFIG_DIR": str(tmp_path),
            "_SEEDX_COMPLETE": "complete_bash",
            "COMP_WORDS": "seedx ticket show ",
            "COMP_CWORD": "3",
        },
        capture_output=True,
        text=True,
        check=True,
    )
    assert not {"typer", "typing", "json", "re", "pathlib"} & set(done.stdout.split())


def test_the_words_before_tell_what_comes_next() -> None:
    assert candidates(["ticket", "list", "--status"], "", {})[0] == ("open", "")
    assert candidates(["ai", "--rate"], "", {}) == [("up", ""), ("down", "")]
    assert candidates(["ticket", "new", "--title", "ai"], "", {}) == []


def test_bash_completes_with_the_script_that_is_installed(cli: Cli) -> None:
    home = cli.folder / "home"
    program = home / "bin" / "seedx"
    program.parent.mkdir(parents=True)
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m seedx_cli "$@"\n')
    program.chmod(0o755)
    cli.ok("--install-completion", "bash", HOME=str(home))
    script = (
        ". ~/.bash_completions/*.sh; COMP_WORDS=(seedx ticket re); COMP_CWORD=2;"
        "$(complete -p seedx | sed 's/.*-F \\([^ ]*\\).*/\\1/') seedx; echo ${COMPREPLY[@]}"
    )
    done = subprocess.run(
        ["bash", "--norc", "-c", script],  # noqa: S607  # wherever bash is
        env={**cli.environment, "HOME": str(home), "PATH": f"{program.parent}:/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split() == ["reply", "reopen"]
