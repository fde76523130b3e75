"""What completion answers to a shell."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from seedx_cli.completion.answer import TABLE, candidates, split
from seedx_cli.completion.build import table
from tests.seedx_cli.process import ROOT, Cli


def complete(cli: Cli, shell: str, line: str) -> list[str]:
    """What a shell is told at the end of a line."""
    return cli.ok(_SEEDX_COMPLETE=shell, COMP_LINE=line).splitlines()


def test_the_table_is_up_to_date() -> None:
    assert Path(TABLE).read_text() == table(), "python -m seedx_cli.completion.build"


def test_commands_options_and_values_are_completed(cli: Cli) -> None:
    assert complete(cli, "bash", "seedx ti") == ["ticket"]
    assert complete(cli, "bash", "seedx ticket re") == ["reply", "reopen"]
    assert complete(cli, "bash", "seedx ticket list --pri") == ["--priority"]
    assert complete(cli, "bash", "seedx ticket list --js") == ["--json"]
    priorities = ["low", "normal", "high", "urgent"]
    assert complete(cli, "bash", "seedx ticket list --priority ") == priorities
    assert complete(cli, "bash", "seedx user role ada@example.com a") == ["agent", "admin"]
    assert complete(cli, "bash", "seedx completion ") == ["bash", "zsh", "fish"]


def test_a_value_after_an_equals_sign_is_completed_as_the_shell_counts_words(cli: Cli) -> None:
    assert complete(cli, "bash", "seedx ticket list --priority=ur") == ["urgent"]
    assert complete(cli, "fish", "seedx ticket list --priority=ur") == ["--priority=urgent"]


def test_the_cursor_ends_what_is_completed(cli: Cli) -> None:
    line = "seedx ticket né rest of the line"
    point = str(len(b"seedx ticket n"))
    assert cli.ok(_SEEDX_COMPLETE="bash", COMP_LINE=line, COMP_POINT=point).split() == [
        *("new", "note")
    ]


@pytest.mark.parametrize(
    ("line", "point"),
    [
        (b"seedx ticket \xff", "14"),
        ("seedx ticket né".encode(), "15"),
        (b"seedx ticket n", "here"),
        (b"seedx ticket n", ""),
    ],
    ids=["not UTF-8", "cursor inside a letter", "no number", "no position"],
)
def test_a_line_that_cannot_be_read_offers_nothing(cli: Cli, line: bytes, point: str) -> None:
    done = cli.run(_SEEDX_COMPLETE="bash", COMP_LINE=os.fsdecode(line), COMP_POINT=point)

    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("seedx ti", (["seedx"], "ti")),
        ("seedx ", (["seedx"], "")),
        ("seedx ticket new -t 'two words' -", (["seedx", "ticket", "new", "-t", "two words"], "-")),
        ('seedx -t "say \\"hi\\"" x', (["seedx", "-t", 'say "hi"'], "x")),
        ("a 'b\\' c", (["a", "b\\"], "c")),
        ("a b\\ c d", (["a", "b c"], "d")),
        ("a '' b", (["a", ""], "b")),
        ("a 'open", (["a"], "open")),
    ],
)
def test_quotes_keep_words_together(line: str, words: tuple[list[str], str]) -> None:
    assert split(line) == words


def test_a_quoted_title_is_one_word(cli: Cli) -> None:
    line = "seedx ticket new -t 'The ticket list' --priority "
    assert complete(cli, "bash", line) == ["low", "normal", "high", "urgent"]


def test_the_words_before_decide_what_comes_next() -> None:
    assert candidates(["ticket", "list", "--status"], "", {})[0] == ("open", "")
    assert candidates(["ai", "--rate"], "", {}) == [("up", ""), ("down", "")]
    assert candidates(["ticket", "new", "--title", "ai"], "", {}) == []


def test_tickets_seen_on_a_terminal_are_completed(customer: Cli) -> None:
    number = customer.ok("ticket", "new", "-t", "Printer", "-b", "B").strip()
    assert complete(customer, "bash", "seedx ticket show ") == []
    customer.screen("ticket", "list")
    assert complete(customer, "fish", "seedx ticket show ") == [f"{number}\tPrinter"]
    customer.ok("logout")
    assert complete(customer, "fish", "seedx ticket show ") == []


def test_completion_imports_next_to_nothing(tmp_path: Path) -> None:
    code = "import sys; from seedx_cli.__main__ import main; main(); print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={
            "PYTHONPATH": str(ROOT),
            "SEEDX_CONFIG_DIR": str(tmp_path),
            "_SEEDX_COMPLETE": "bash",
            "COMP_LINE": "seedx ticket show ",
        },
        capture_output=True,
        text=True,
        check=True,
    )
    assert not {"typer", "typing", "json", "re", "pathlib"} & set(done.stdout.split())
