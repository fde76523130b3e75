"""`seedx demo`: the main job in one command."""

import json
import signal
from pathlib import Path

import psutil
import pytest

from seedx_cli.local.server import own_name
from tests.seedx_cli.process import Cli, rest_of


def left_running(mark: str) -> list[str]:
    """Processes that carry `mark` in their environment: what a demonstration left behind."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get("SEEDX_TEST_MARK") == mark:
                found.append(" ".join(process.cmdline()))
        except psutil.Error:
            continue
    return found


def test_the_demo_plays_the_main_job_and_leaves_nothing(cli: Cli, tmp_path: Path) -> None:
    cli.environment["SEEDX_TEST_MARK"] = str(tmp_path)
    temporary = tmp_path / "temporary"
    temporary.mkdir(mode=0o755)
    cli.environment["TMPDIR"] = str(temporary)
    done = cli.run("demo")
    assert done.returncode == 0, done.stderr
    for command in ("seedx serve", "seedx signup", "seedx ticket new", "seedx ai 1"):
        assert f"$ {command}" in done.stdout.replace("… | ", "")
    assert "seedx db backup" in done.stdout
    assert "\n\n6. What PostgreSQL kept\n" in done.stdout
    assert left_running(str(tmp_path)) == []
    assert list(temporary.iterdir()) == []
    assert not (tmp_path / "config").exists()


def test_a_program_is_named_as_it_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "bin" / "seedx"
    program.parent.mkdir()
    program.touch(mode=0o755)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", [str(program)])
    monkeypatch.setenv("PATH", str(tmp_path))
    assert own_name() == "bin/seedx"
    monkeypatch.setenv("PATH", str(program.parent))
    assert own_name() == "seedx"


def test_the_demo_as_json_is_the_ticket_that_was_kept(cli: Cli) -> None:
    ticket = json.loads(cli.ok("demo", "--json"))
    assert [message["is_ai"] for message in ticket["messages"]] == [True]
    assert ticket["messages"][0]["citations"]


def test_ctrl_c_stops_the_demo_and_its_server(cli: Cli, tmp_path: Path) -> None:
    cli.environment["SEEDX_TEST_MARK"] = str(tmp_path)
    child = cli.spawn("demo")
    child.expect_exact("3. The knowledge base")
    child.send("\x03")
    rest_of(child)
    assert child.exitstatus == 130
    assert left_running(str(tmp_path)) == []


def test_a_demo_that_is_terminated_stops_its_server(cli: Cli, tmp_path: Path) -> None:
    cli.environment["SEEDX_TEST_MARK"] = str(tmp_path)
    child = cli.spawn("demo")
    child.expect_exact("3. The knowledge base")
    child.kill(signal.SIGTERM)
    rest_of(child)
    assert child.exitstatus == 128 + signal.SIGTERM
    assert left_running(str(tmp_path)) == []
