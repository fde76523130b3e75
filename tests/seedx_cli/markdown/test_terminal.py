"""The stream in a real process on a real pseudo-terminal: however it ends, the cursor is there."""

from __future__ import annotations

import os
import signal
import sys

import pexpect
import pyte
import pytest

from tests.waiting import PATIENCE_SECONDS

CHILD = """
import sys
from seedx_cli.markdown.drawing import live_markdown
from seedx_cli.terminal.terminal import Terminal

with live_markdown(Terminal(sys.stdin, sys.stdout, sys.stderr)) as stream:
    stream.feed("# Title\\n\\nFinal words.\\n\\nUnfinished wo")
    command = sys.stdin.readline().strip()
    if command == "go on":
        stream.feed("rds.")
    elif command:
        raise SystemExit(command)
"""
SHOW_CURSOR, HIDE_CURSOR = "\x1b[?25h", "\x1b[?25l"
WRAP, NO_WRAP = "\x1b[?7h", "\x1b[?7l"


class Session:
    """A child that has shown its first frame and waits for a command."""

    def __init__(self) -> None:
        self.child = pexpect.spawn(
            sys.executable,
            ["-c", CHILD],
            env={**os.environ, "TERM": "xterm-256color"},
            dimensions=(24, 80),
            encoding="utf-8",
            echo=False,
            timeout=PATIENCE_SECONDS,
        )
        self.child.expect_exact(SHOW_CURSOR)
        self.seen = str(self.child.before) + SHOW_CURSOR

    def signal(self, number: signal.Signals) -> None:
        """Send a signal, and a line: a signal that comes just before a read does not end it."""
        self.child.kill(number)
        self.child.sendline()

    def end(self) -> None:
        self.child.expect(pexpect.EOF)
        self.seen += str(self.child.before)
        self.child.close()

    @property
    def screen(self) -> pyte.Screen:
        screen = pyte.Screen(80, 24)
        pyte.Stream(screen).feed(self.seen)
        return screen


def is_as_it_was(session: Session) -> bool:
    """Whether the terminal shows its cursor and wraps its lines, at the start of a row."""
    seen, screen = session.seen, session.screen
    return (
        seen.rfind(SHOW_CURSOR) > seen.rfind(HIDE_CURSOR)
        and seen.rfind(WRAP) > seen.rfind(NO_WRAP)
        and not screen.cursor.hidden
        and screen.cursor.x == 0
    )


def test_a_finished_text_stays_on_the_screen() -> None:
    session = Session()
    session.child.sendline("go on")
    session.end()
    rows = [row.rstrip() for row in session.screen.display]
    assert rows[:6] == ["Title", "", "Final words.", "", "Unfinished words.", ""]
    assert is_as_it_was(session)
    assert session.child.exitstatus == 0


def test_an_error_leaves_the_terminal_as_it_was() -> None:
    session = Session()
    session.child.sendline("an error")
    session.end()
    assert is_as_it_was(session)
    assert "Unfinished wo" in session.screen.display[4]
    assert session.child.exitstatus == 1


def test_an_interrupt_leaves_the_terminal_as_it_was() -> None:
    session = Session()
    session.signal(signal.SIGINT)
    session.end()
    assert "Unfinished wo" in session.screen.display[4]
    assert is_as_it_was(session)


def test_a_termination_leaves_the_terminal_as_it_was_and_still_ends_the_process() -> None:
    session = Session()
    session.signal(signal.SIGTERM)
    session.end()
    assert "Unfinished wo" in session.screen.display[4]
    assert is_as_it_was(session)
    assert session.child.signalstatus == signal.SIGTERM


@pytest.mark.parametrize("term", ["dumb", "unknown"])
def test_a_terminal_that_cannot_move_its_cursor_gets_plain_rows(term: str) -> None:
    child = pexpect.spawn(
        sys.executable,
        ["-c", CHILD],
        env={**os.environ, "TERM": term},
        dimensions=(24, 80),
        encoding="utf-8",
        echo=False,
        timeout=30,
    )
    child.sendline("go on")
    child.expect(pexpect.EOF)
    assert str(child.before).split() == ["Title", "Final", "words.", "Unfinished", "words."]
    child.close()
