"""Streams that are closed, full or gone, and signals: nothing of it ends in a traceback."""

import json
import subprocess
import sys
from io import StringIO
from pathlib import Path

import pytest

from seedx_cli.client.documents import Message
from seedx_cli.terminal.terminal import Terminal
from seedx_cli.tickets.conversation import message_for_pipe
from tests.seedx_cli.conftest import Server
from tests.seedx_cli.process import Cli, rest_of, seen_until
from tests.seedx_cli.proxy import Fault, proxying

SHELL_PATIENCE = 30


def in_shell(cli: Cli, script: str) -> subprocess.CompletedProcess[str]:
    """Run a line of shell; `$SEEDX` is the command line."""
    return subprocess.run(
        ["/bin/bash", "-c", script],
        env={**cli.environment, "SEEDX": f"{sys.executable} -m seedx_cli"},
        cwd=cli.folder,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=SHELL_PATIENCE,
        check=False,
    )


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
@pytest.mark.parametrize(
    ("words", "code"), [("--version", 0), ("help json", 0), ("tickt", 2), ("ticket new -t x", 2)]
)
def test_closed_streams_change_nothing_else(cli: Cli, closed: str, words: str, code: int) -> None:
    done = in_shell(cli, f"$SEEDX {words} {closed}")
    assert done.returncode == code
    assert "Traceback" not in done.stderr
    assert "stumbled" not in done.stderr


@pytest.mark.parametrize("locale", ["C", "C.UTF-8"])
@pytest.mark.parametrize("words", ["--version", "help json", "ticket --help"])
def test_a_full_disk_is_told_in_one_line(cli: Cli, words: str, locale: str) -> None:
    cli.environment["LC_ALL"] = locale
    done = in_shell(cli, f"$SEEDX {words} > /dev/full")
    assert done.returncode == 1
    assert done.stderr == "Error: No space left on device\n"


def test_a_usage_error_that_nobody_reads_keeps_its_exit_code(cli: Cli) -> None:
    done = in_shell(cli, "$SEEDX tickt 2> /dev/full")
    assert done.returncode == 2


def test_nohup_is_heeded(cli: Cli) -> None:
    script = "trap '' HUP; exec $SEEDX config get editor"
    assert in_shell(cli, script).returncode == 1
    probe = (
        "import signal, sys; from seedx_cli.main import run; run(['help', 'json']);"
        "sys.exit(signal.getsignal(signal.SIGHUP) != signal.SIG_IGN)"
    )
    assert in_shell(cli, f"trap '' HUP; exec {sys.executable} -c \"{probe}\"").returncode == 0


def test_a_token_with_its_newline_is_a_token(customer: Cli) -> None:
    (kept,) = (customer.folder / "config" / "tokens").glob("*.json")
    token = json.loads(kept.read_text())["access_token"]
    assert "Ada" in customer.ok("whoami", SEEDX_TOKEN=token + "\n")
    refused = customer.run("whoami", SEEDX_TOKEN="no\u00a0token")
    assert refused.returncode == 2
    assert "SEEDX_TOKEN" in refused.stderr


def test_a_folder_that_cannot_be_written_stops_no_message(customer: Cli) -> None:
    number = customer.ok("ticket", "new", "-t", "T", "-b", "B").strip()
    done = in_shell(customer, f"ulimit -f 0; $SEEDX ticket reply {number} -b hello 2>&1 | cat")
    assert "cannot be kept" in done.stdout
    assert [message["content"] for message in customer.json("ticket", "show", number)["messages"]]


def test_a_title_alone_is_kept(customer: Cli) -> None:
    editor = customer.folder / "editor"
    editor.write_text('#!/bin/sh\necho "A title that took long" > "$1"\n')
    editor.chmod(0o755)
    screen = customer.screen("ticket", "new", columns=250, EDITOR=str(editor))
    assert screen.exit_code == 2
    kept = Path(screen.text.split("--recover ")[1].split()[0])
    assert "A title that took long" in kept.read_text()


@pytest.mark.parametrize("script", ['printf "\\377" > "$1"', 'rm "$1"'])
def test_an_editor_that_leaves_nothing_readable_is_told(customer: Cli, script: str) -> None:
    number = customer.ok("ticket", "new", "-t", "T", "-b", "B").strip()
    editor = customer.folder / "editor"
    editor.write_text(f"#!/bin/sh\n{script}\n")
    editor.chmod(0o755)
    screen = customer.screen(
        *("ticket", "reply", number),
        columns=200,
        EDITOR=str(editor),
        TMPDIR=str(customer.folder),
    )
    assert screen.exit_code == 1
    assert "What the editor wrote cannot be read" in screen.text


def test_a_dumb_terminal_gets_no_sequences(customer: Cli) -> None:
    number = customer.ok("ticket", "new", "-t", "T", "-b", "B").strip()
    for term in ("dumb", ""):
        assert b"\x1b" not in customer.screen("ai", number, TERM=term).raw
        assert b"\x1b" not in customer.screen("ticket", "show", number, TERM=term).raw


@pytest.mark.parametrize("columns", [1, 3, 20, 400])
def test_every_width_will_do(customer: Cli, columns: int) -> None:
    number = customer.ok("ticket", "new", "-t", "Drückt 例え", "-b", "long words " * 20).strip()
    for words in (["ticket", "list"], ["ticket", "show", number], ["ai", number], ["kb", "list"]):
        screen = customer.screen(*words, columns=columns, SEEDX_PAGER="cat")
        assert screen.exit_code == 0, screen.text


def test_ctrl_c_in_the_pager_is_for_the_pager(customer: Cli) -> None:
    number = customer.ok("ticket", "new", "-t", "T", "-b", "line\n" * 60).strip()
    pager = customer.folder / "pager"
    pager.write_text(
        '#!/bin/sh\ntrap "" INT\necho ready\ncat > /dev/null\nread x < /dev/tty\necho bye\n'
    )
    pager.chmod(0o755)
    child = customer.spawn("ticket", "show", number, SEEDX_PAGER=str(pager))
    seen_until(child, "ready")
    child.send("\x03")
    child.send("\n")
    assert b"bye" in rest_of(child)
    assert child.exitstatus == 0


@pytest.mark.parametrize("pager", [" ", "'", "no-such-program --x"])
def test_a_pager_that_is_no_program_is_done_without(customer: Cli, pager: str) -> None:
    number = customer.ok("ticket", "new", "-t", "T", "-b", "line\n" * 60).strip()
    assert customer.screen("ticket", "show", number, PAGER=pager).text.count("line") == 60


def test_a_damaged_configuration_is_told(cli: Cli) -> None:
    folder = cli.folder / "config"
    folder.mkdir()
    for damage in ("{", "[]", "[" * 100_000, "\x00"):
        (folder / "config.json").write_text(damage)
        done = cli.run("config", "list", "--json")
        assert done.returncode == 1
        assert "damaged" in json.loads(done.stderr)["message"]
    (folder / "config.json").write_text('{"profiles": {"default": 5}}')
    assert "damaged" in cli.run("config", "set", "email", "a@example.com").stderr


def test_ctrl_c_in_a_countdown_leaves_its_line_empty(customer: Cli, server: Server) -> None:
    (kept,) = (customer.folder / "config" / "tokens").glob("*.json")
    token = json.loads(kept.read_text())["access_token"]
    slow_down = (
        b"HTTP/1.1 429 Too Many Requests\r\nRetry-After: 60\r\nContent-Length: 0\r\n"
        b"Connection: close\r\n\r\n"
    )
    with proxying(server.url, Fault(slow_down)) as proxy:
        child = customer.spawn("ticket", "list", "--server", proxy.url, SEEDX_TOKEN=token)
        seen_until(child, "The server asks to wait; trying again in")
        child.send("\x03")
        assert rest_of(child).endswith(b"\r\x1b[K")
        assert child.exitstatus == 130


def test_names_in_a_pipe_cannot_forge_a_message() -> None:
    message: Message = {
        "id": 1,
        "ticket_id": 1,
        "author": {"id": 1, "name": "Eve\n-- 2\tAda\tmessage"},
        "content": "hi",
        "is_ai": False,
        "internal": False,
        "citations": [],
        "created_at": "2026-11-23T00:00:00Z",
    }
    io = Terminal(StringIO(), StringIO(), StringIO(), environment={})
    assert message_for_pipe(message, io).count("\n") == 2
