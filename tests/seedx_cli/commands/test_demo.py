"""`seedx demo`: the main job in one command."""

import json
import re
import signal
import subprocess
import sys
from pathlib import Path
from unittest.mock import Mock, create_autospec

import pexpect
import psutil
import pytest

import seedx_cli.commands.demo as demo_module
from seedx_cli.client.sse import TEXT, Event
from seedx_cli.commands.demo import Reader
from seedx_cli.context import Context, Shared
from seedx_cli.local.server import program_name
from seedx_cli.tickets.streaming import View
from tests.seedx_cli.process import Cli, rest_of

MARK = "MARK_OF_A_TEST"
PATIENCE = 120
KILLED = "$ kill -9 "
COMPARED = re.compile(
    r"Compared with what the server kept: the same (\d+) characters, none lost, none twice\."
)


def left_running(mark: str) -> list[str]:
    """Processes that carry `mark` in their environment: what a demonstration left behind."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get(MARK) == mark:
                found.append(" ".join(process.cmdline()))
        except psutil.Error:
            continue
    return found


def demo(cli: Cli, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the demonstration in pipes."""
    return subprocess.run(
        [sys.executable, "-m", "seedx_cli", "demo", *words],
        env={**cli.environment, **environment},
        cwd=cli.folder,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )


def demo_on_a_terminal(cli: Cli, columns: int = 80) -> "pexpect.spawn[bytes]":
    child = cli.spawn("demo", columns=columns)
    child.timeout = PATIENCE
    return child


def test_the_demo_shows_the_main_job_and_leaves_nothing(cli: Cli, tmp_path: Path) -> None:
    temporary = tmp_path / "temporary"
    temporary.mkdir(mode=0o755)
    done = demo(cli, **{MARK: str(tmp_path), "TMPDIR": str(temporary)})
    assert done.returncode == 0, done.stderr
    for command in ("seedx serve", "seedx signup", "seedx ticket new", "seedx ai 1"):
        assert f"$ {command}" in done.stdout.replace("… | ", "")
    assert_the_reply_outlived_its_server(done.stdout)
    assert left_running(str(tmp_path)) == []
    assert list(temporary.iterdir()) == []
    assert not (tmp_path / "config").exists()


def test_the_reader_ends_a_whole_reply_and_breaks_off_another(
    cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    api = Mock()
    api.ai.stream.return_value = iter(
        [
            Event(TEXT, "1", {"content": "Make a "}),
            Event(TEXT, "2", {"content": "backup."}),
            Event("done", "3", {}),
        ]
    )
    context = Context(Shared(), cli.environment)
    monkeypatch.setitem(vars(context), "api", api)
    view = create_autospec(View, instance=True)
    monkeypatch.setattr(demo_module, "view_of", lambda *_: view)
    reader = Reader(1, context)

    reader.read(characters=1)
    assert [call[0] for call in view.method_calls] == ["feed", "abort"]

    view.reset_mock()
    reader.read()
    assert reader.has_ended
    assert [call[0] for call in view.method_calls] == ["feed", "finish"]


def assert_the_reply_outlived_its_server(shown: str) -> None:
    before, _, after = shown.partition(KILLED)
    torn = before.partition("seedx ai 1\n")[2].rstrip()
    rest, _, kept = after.partition("\n\n5. What the database kept\n")
    compared = COMPARED.search(rest)
    assert compared is not None
    whole = rest[rest.index(torn[:20]) : compared.start()].strip()
    assert len(whole) == int(compared.group(1))
    assert whole.startswith(torn)
    assert len(torn) < len(whole)
    assert whole in kept


def test_a_program_is_named_as_it_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "bin" / "seedx"
    program.parent.mkdir()
    program.touch(mode=0o755)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", [str(program)])
    monkeypatch.setenv("PATH", str(tmp_path))
    assert program_name() == "bin/seedx"
    monkeypatch.setenv("PATH", str(program.parent))
    assert program_name() == "seedx"


def test_the_demo_as_json_is_the_ticket_and_heeds_no_settings_of_another_server(cli: Cli) -> None:
    others = {
        "SEEDX_API_PREFIX": "/v1",
        "SEEDX_PROFILE": "work",
        "SEEDX_LISTEN_DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none",
        "EXPIRE_MINUTES": "never",
    }
    done = demo(cli, "--json", **others)
    assert done.returncode == 0, done.stderr
    ticket = json.loads(done.stdout)
    assert [message["is_ai"] for message in ticket["messages"]] == [True]
    assert ticket["messages"][0]["citations"]


def test_on_a_narrow_terminal_no_word_of_the_demo_is_broken(cli: Cli) -> None:
    child = demo_on_a_terminal(cli, columns=40)
    shown = rest_of(child).decode()
    assert child.exitstatus == 0
    # One colour from its first word to its last, a line of its own each 40 columns.
    told = re.sub(r"\x1b\[0m\r\n\x1b\[35m", " ", shown)
    assert "It starts again, writes the reply again, and Ada's stream goes on by itself:" in told
    assert COMPARED.search(told)


@pytest.mark.parametrize("moment", ["2. Kim runs the desk", KILLED])
def test_ctrl_c_stops_the_demo_and_its_server(cli: Cli, tmp_path: Path, moment: str) -> None:
    cli.environment[MARK] = str(tmp_path)
    child = demo_on_a_terminal(cli)
    child.expect_exact(moment)
    # A server that was killed leaves its database running.
    assert [process for process in left_running(str(tmp_path)) if "postgres" in process]
    child.send("\x03")
    rest_of(child)
    assert child.exitstatus == 130
    assert left_running(str(tmp_path)) == []


def test_a_demo_that_is_terminated_stops_its_server(cli: Cli, tmp_path: Path) -> None:
    cli.environment[MARK] = str(tmp_path)
    child = demo_on_a_terminal(cli)
    child.expect_exact("2. Kim runs the desk")
    child.kill(signal.SIGTERM)
    rest_of(child)
    assert child.exitstatus == 128 + signal.SIGTERM
    assert left_running(str(tmp_path)) == []
