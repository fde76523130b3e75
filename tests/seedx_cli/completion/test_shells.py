"""Completion in real shells, with the scripts that people install."""

import shutil
import subprocess
import sys
from pathlib import Path

import pexpect
import pytest

from tests.seedx_cli.process import Cli
from tests.waiting import PATIENCE_SECONDS

HOSTILE = "$(touch pwned) `touch pwned` \"'))\\ x: y"


@pytest.fixture
def home(cli: Cli) -> Path:
    """A home folder with `seedx` on the path and one hostile ticket seen last."""
    home = cli.folder / "home"
    program = home / "bin" / "seedx"
    program.parent.mkdir(parents=True)
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m seedx_cli "$@"\n')
    program.chmod(0o755)
    recent = cli.folder / "config" / "recent-tickets"
    recent.parent.mkdir()
    recent.write_text(f"7012\t{HOSTILE}\n7013\tPrinter\n")
    (home / "notes.md").write_text("# Notes\n")
    path = f"{program.parent}:/usr/local/bin:/usr/bin:/bin"
    cli.environment |= {"HOME": str(home), "PATH": path, "TERM": "dumb"}
    return home


def need(shell: str) -> None:
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed")


def start(cli: Cli, home: Path, shell: str, *words: str) -> "pexpect.spawn[bytes]":
    """Start an interactive shell whose prompt is READY."""
    return pexpect.spawn(
        shell,
        list(words),
        env=cli.environment,
        cwd=str(home),
        dimensions=(24, 160),
        timeout=PATIENCE_SECONDS,
    )


def test_bash_completes_with_the_script(cli: Cli, home: Path) -> None:
    need("bash")
    (home / "rc").write_text("PS1='READY '\n" + cli.ok("completion", "bash"))
    child = start(cli, home, "bash", "--noprofile", "--rcfile", "rc", "-i")
    child.expect_exact("READY ")
    for typed, completed in (
        ("seedx tick\t", "seedx ticket "),
        ("seedx ticket list -t 'a b' --priority=ur\t", "--priority=urgent "),
        ("seedx ticket new -t 'ticket list' --pri\t", "--priority "),
        ("seedx ticket show 7012\t", "7012 "),
        ("seedx kb import not\t", "notes.md "),
    ):
        child.send(typed)
        child.expect_exact(completed)
        child.send("\x15")
    assert not (home / "pwned").exists()
    child.close()


def test_zsh_completes_with_the_script(cli: Cli, home: Path) -> None:
    need("zsh")
    (home / ".zshrc").write_text(
        "PS1='READY '; unsetopt zle_bracketed_paste\n" + cli.ok("completion", "zsh")
    )
    child = start(cli, home, "zsh", "-i")
    child.expect_exact("READY ")
    for typed, completed in (
        ("seedx tick\t", "et "),
        ("seedx ticket new -t 'ticket list' --pri\t", "ority "),
        ("seedx ticket list --priority=ur\t", "gent "),
        ("seedx ticket show 701\t\t", "Printer"),
        ("seedx kb import not\t", "es.md "),
    ):
        child.send(typed)
        child.expect_exact(completed)
        child.send("\x15")
    assert not (home / "pwned").exists()
    child.close()


@pytest.mark.parametrize(
    ("line", "completed"),
    [
        ("seedx tick", "ticket\tOpen, read and answer tickets."),
        ("seedx ticket new -t 'ticket list' --pri", "--priority\tOne of low"),
        ("seedx ticket list --priority=ur", "--priority=urgent"),
        ("seedx ticket show 701", "7013\tPrinter"),
        ("seedx kb import not", "notes.md"),
    ],
)
def test_fish_completes_with_the_script(cli: Cli, home: Path, line: str, completed: str) -> None:
    need("fish")
    (home / "seedx.fish").write_text(cli.ok("completion", "fish"))
    script = 'source seedx.fish; complete --do-complete "$argv"'
    done = subprocess.run(
        ["fish", "--no-config", "-c", script, line],  # noqa: S607  # wherever fish is
        env=cli.environment,
        cwd=home,
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=True,
    )
    assert completed in done.stdout
    assert not (home / "pwned").exists()


def test_the_script_as_json_is_a_document(cli: Cli) -> None:
    document = cli.json("completion", "zsh")
    assert document == {"shell": "zsh", "script": cli.ok("completion", "zsh")}
    assert "#compdef seedx" in document["script"]


@pytest.mark.parametrize(("shell", "file"), [("bash", ".bashrc"), ("zsh", ".zshrc")])
def test_installing_adds_one_line_to_the_shells_start_up(
    cli: Cli, home: Path, shell: str, file: str
) -> None:
    (home / file).write_text("alias x=y")
    for _ in range(2):
        cli.ok("--install-completion", SHELL=f"/bin/{shell}")
    assert (home / file).read_text() == f'alias x=y\neval "$(seedx completion {shell})"\n'


def test_installing_for_zsh_follows_its_folder(cli: Cli, home: Path) -> None:
    (home / "zsh").mkdir()
    cli.ok("--install-completion", SHELL="/bin/zsh", ZDOTDIR=str(home / "zsh"))
    assert (home / "zsh" / ".zshrc").read_text() == 'eval "$(seedx completion zsh)"\n'
    assert not (home / ".zshrc").exists()


def test_installing_for_fish_writes_its_file(cli: Cli, home: Path) -> None:
    cli.ok("--install-completion", SHELL="/usr/bin/fish", XDG_CONFIG_HOME="")
    script = (home / ".config" / "fish" / "completions" / "seedx.fish").read_text()
    assert script == cli.ok("completion", "fish")


def test_a_shell_without_completion_is_told(cli: Cli) -> None:
    done = cli.run("--install-completion", SHELL="/bin/tcsh")
    assert done.returncode == 2
    assert "seedx completion bash|zsh|fish" in done.stderr
