"""The command line on a terminal, as a person sees it."""

import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from tests.seedx_cli.process import Cli, interrupt, rest_of, seen_until, shown


def open_ticket(cli: Cli, title: str = "Printer on fire", body: str = "It smokes.") -> str:
    return cli.ok("ticket", "new", "-t", title, "-b", body).strip()


def make_editor(folder: Path, script: str) -> str:
    """An editor that runs a shell script, with the file's name as `$1`."""
    program = folder / "editor"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    return str(program)


@pytest.mark.parametrize("columns", [40, 80, 200])
def test_a_table_fits_the_terminal(customer: Cli, columns: int) -> None:
    open_ticket(customer, title="A rather long title that needs room, 例えばこれ " * 4)
    screen = customer.screen("ticket", "list", columns=columns)
    rows = [row for row in screen.rows if row]
    assert len(rows) == 2
    assert "TITLE" in rows[0]
    assert "…" in rows[1]
    assert rows[1].endswith("just now") or columns == 40


def test_colour_can_be_refused_and_forced(customer: Cli) -> None:
    open_ticket(customer)
    assert b"\x1b[" in customer.screen("ticket", "list").raw
    assert b"\x1b[" not in customer.screen("ticket", "list", NO_COLOR="1").raw
    assert b"\x1b[" not in customer.screen("ticket", "list", TERM="dumb").raw
    assert "\x1b[31;1mError:" in customer.run("tickt", CLICOLOR_FORCE="1").stderr


def test_a_long_conversation_goes_through_the_pager(customer: Cli) -> None:
    number = open_ticket(customer, body="\n".join(f"line {index}" for index in range(60)))
    screen = customer.screen("ticket", "show", number, SEEDX_PAGER="sed s/^/paged:/")
    assert "paged:  line 59" in screen.text
    piped = customer.ok("ticket", "show", number, SEEDX_PAGER="sed s/^/paged:/")
    assert "paged:" not in piped


def test_a_pager_that_cannot_start_is_done_without(customer: Cli) -> None:
    number = open_ticket(customer, body="line\n" * 60)
    screen = customer.screen("ticket", "show", number, SEEDX_PAGER="no-such-program")
    assert screen.text.count("line") == 60


def test_a_ticket_is_written_in_the_editor(customer: Cli) -> None:
    editor = make_editor(
        customer.folder, 'printf "A title\\n\\nThe # body\\n" > "$1.new" && '
        'cat "$1" >> "$1.new" && mv "$1.new" "$1"'
    )  # fmt: skip
    screen = customer.screen("ticket", "new", VISUAL=editor)
    assert screen.exit_code == 0
    assert "Opened ticket #" in screen.text
    (ticket,) = customer.json("ticket", "list")["items"]
    assert (ticket["title"], ticket["description"]) == ("A title", "The # body")


def test_an_empty_editor_sends_nothing(customer: Cli) -> None:
    screen = customer.screen("ticket", "new", EDITOR=make_editor(customer.folder, "exit 0"))
    assert screen.exit_code == 2
    assert "Nothing was written" in screen.text
    assert customer.ok("ticket", "list") == ""


def test_what_a_broken_editor_left_is_kept(customer: Cli) -> None:
    number = open_ticket(customer)
    editor = make_editor(customer.folder, 'echo "half an hour of work" > "$1"; exit 3')
    screen = customer.screen("ticket", "reply", number, columns=200, EDITOR=editor)
    assert screen.exit_code == 1
    (name,) = [word for word in screen.text.split() if word.endswith(".md")][:1]
    assert Path(name).read_text() == "half an hour of work\n"
    Path(name).unlink()


@pytest.mark.parametrize("number_of_texts", [1, 0], ids=["written", "untouched"])
def test_ctrl_c_in_the_editor_keeps_what_was_written(customer: Cli, number_of_texts: int) -> None:
    number = open_ticket(customer)
    temporary = customer.folder / "temporary"
    temporary.mkdir()
    write = 'echo "half an hour of work" > "$1"; ' if number_of_texts else ""
    editor = make_editor(customer.folder, f"{write}echo editing; exec sleep 600")
    child = customer.spawn(
        *("ticket", "reply", number), columns=400, EDITOR=editor, TMPDIR=str(temporary)
    )
    seen_until(child, "editing")
    child.send("\x03")
    told = rest_of(child).decode()

    kept = list(temporary.glob("seedx-*.md"))
    assert child.exitstatus == 130
    assert len(kept) == number_of_texts
    for file in kept:
        assert file.read_text() == "half an hour of work\n"
        assert f"What you wrote is in {file}; send it with --file {file}" in told
    assert ("What you wrote" in told) == bool(number_of_texts)


def test_the_ai_draws_markdown_while_it_comes(customer: Cli) -> None:
    number = open_ticket(customer)
    screen = customer.screen("ai", number)
    assert screen.exit_code == 0
    assert "What to do" in screen.text
    assert "**" not in screen.text
    assert "sudo systemctl stop printer" in screen.text
    assert screen.text.count("What to do") == 1


def test_ctrl_c_stops_reading_and_the_reply_goes_on(customer: Cli) -> None:
    number = open_ticket(customer)
    child = customer.spawn("ai", number)
    child.expect_exact("What to do")
    child.send("\x03")
    rest = rest_of(child)
    assert child.exitstatus == 130
    assert f"seedx ai {number}".encode() in rest
    assert b"Traceback" not in rest
    assert b"\x1b[?25l" not in rest.split(b"\x1b[?25h")[-1]
    assert "- two" in customer.ok("ai", number)


def test_ctrl_c_ends_a_watch_without_noise(customer: Cli) -> None:
    number = open_ticket(customer)
    child = customer.spawn("ticket", "watch", number)
    child.expect_exact("Watching")
    child.send("\x03")
    assert b"Traceback" not in rest_of(child)
    assert child.exitstatus == 130


def test_ctrl_c_at_a_prompt_keeps_the_terminal(newcomer: Cli) -> None:
    child = newcomer.spawn("login", "--email", "ada@example.com")
    child.expect_exact("Password: ")
    interrupt(child)
    rest_of(child)
    assert child.exitstatus == 130


def test_a_watch_shows_messages_changes_and_the_ais_text(customer: Cli, staff: Cli) -> None:
    number = open_ticket(customer)
    child = customer.spawn("ticket", "watch", number, "--exit-status", rows=60)
    child.expect_exact("Watching")
    staff.ok("ticket", "edit", number, "--priority", "high")
    child.expect_exact("priority from normal to high")
    staff.ok("ticket", "reply", number, "-b", "On my way.")
    child.expect_exact("On my way.")
    staff.ok("ticket", "note", number, "-b", "customer is angry")
    customer.ok("ai", number)
    child.expect_exact("sudo systemctl stop printer")
    staff.ok("ticket", "edit", number, "--status", "resolved")
    rest_of(child)
    assert child.exitstatus == 0


def test_a_watch_does_not_show_a_reply_twice(customer: Cli) -> None:
    number = open_ticket(customer)
    child = customer.spawn("ticket", "watch", number, "--exit-status", rows=60)
    raw = seen_until(child, "Watching")
    customer.ok("ai", number)
    customer.ok("ticket", "close", number)
    raw += rest_of(child)
    assert "\n".join(shown(raw, 60)).count("sudo systemctl stop printer") == 1


def test_a_reader_that_leaves_a_pipe_is_no_error(customer: Cli) -> None:
    open_ticket(customer)
    command = f"{sys.executable} -m seedx_cli ticket list --all | true; echo ${{PIPESTATUS[0]}}"
    done = subprocess.run(
        ["bash", "-c", command],  # noqa: S607  # wherever bash is
        env=customer.environment,
        cwd=customer.folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.stdout.split(), done.stderr) == (["0"], "")


def test_sigterm_ends_a_stream_in_order(customer: Cli) -> None:
    number = open_ticket(customer)
    child = customer.spawn("ticket", "watch", number)
    child.expect_exact("Watching")
    child.kill(signal.SIGTERM)
    assert b"Traceback" not in rest_of(child)
    assert child.exitstatus == 128 + signal.SIGTERM
