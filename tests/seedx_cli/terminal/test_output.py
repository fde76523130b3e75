"""What the terminal object writes: hints, errors, colours, and the wait before another attempt."""

import io
from collections.abc import Mapping

import pytest

from seedx_cli.errors import SeedXError
from seedx_cli.terminal.tables import Column
from seedx_cli.terminal.terminal import Terminal
from tests.seedx_cli.screen_file import ScreenFile

XTERM = {"TERM": "xterm-256color"}


class Sleep(list[float]):
    """Remembers how long it was asked to sleep, and what the screen showed then."""

    def __init__(self, screen: ScreenFile) -> None:
        super().__init__()
        self.screen = screen
        self.seen: list[list[str]] = []

    def __call__(self, seconds: float) -> None:
        self.append(seconds)
        self.seen.append(self.screen.rows)


def terminal(environment: Mapping[str, str], out: io.StringIO | None = None) -> Terminal:
    """A terminal that reads nothing; stdout and stderr are one stream."""
    out = out or io.StringIO()
    return Terminal(io.StringIO(), out, out, environment=environment)


def on_screen(*, quiet: bool = False) -> tuple[Terminal, ScreenFile, Sleep]:
    screen = ScreenFile()
    sleep = Sleep(screen)
    return (
        Terminal(io.StringIO(), screen, screen, environment=XTERM, quiet=quiet, sleep=sleep),
        screen,
        sleep,
    )


def test_a_wait_counts_down_and_leaves_its_line_empty() -> None:
    io_, screen, sleep = on_screen()
    io_.wait(2.5, "Connection lost")
    assert sleep == [1.0, 1.0, 0.5]
    assert sleep.seen[0] == ["Connection lost; trying again in 2 s"]
    assert screen.rows == [""]


def test_a_wait_is_shown_below_what_is_drawn() -> None:
    io_, screen, sleep = on_screen()
    screen.write("A line of text")
    io_.is_drawing = True
    io_.wait(1, "Connection lost")
    assert sleep.seen == [["A line of text", "Connection lost; trying again in 1 s"]]
    # The cursor is in the row of the text again.
    screen.write("\r\x1b[KAnother")
    assert screen.rows == ["Another"]


def test_a_wait_while_the_spinner_turns_is_shown_in_its_line() -> None:
    io_, screen, _ = on_screen()
    spinner = io_.spinner("Waiting for the AI")
    assert spinner is not None
    io_.wait(1, "Connection lost")
    spinner.stop()
    assert "\n" not in screen.getvalue()
    assert screen.rows == [""]


def test_an_interrupt_amid_a_wait_leaves_its_line_empty() -> None:
    screen = ScreenFile()

    def interrupt(_: float) -> None:
        raise KeyboardInterrupt

    io_ = Terminal(io.StringIO(), screen, screen, environment=XTERM, sleep=interrupt)
    with pytest.raises(KeyboardInterrupt):
        io_.wait(50, "The server asks to wait")
    assert screen.rows == [""]


@pytest.mark.parametrize("environment", [{}, {"TERM": "dumb"}])
def test_a_wait_that_nobody_sees_move_is_one_line(environment: dict[str, str]) -> None:
    slept: list[float] = []
    err = ScreenFile()
    io_ = Terminal(io.StringIO(), io.StringIO(), err, environment=environment, sleep=slept.append)
    io_.wait(30, "Connection lost")
    io_.wait(0.3, "Connection lost")
    assert err.getvalue() == "Connection lost; trying again in 30 s\n"
    assert slept == [30, 0.3]


def test_an_error_is_wrapped_at_words_and_its_command_is_not() -> None:
    io_, screen, _ = on_screen()
    command = "seedx ticket reply 5 --recover /home/ada/.config/seedx/unsent/20261125.md"
    io_.error(
        SeedXError(
            "The server at https://desk.example.com took too long to respond to this request",
            hint=f"Your text is kept. Send it: {command}",
        )
    )
    text = screen.getvalue()
    assert "respond to this\nrequest\n  Your text is kept. Send it:\n  seedx ticket" in text
    assert f"  {command}\n" in text


def test_nothing_is_wrapped_in_a_pipe() -> None:
    out = io.StringIO()
    io_ = terminal(XTERM, out)
    io_.note("word " * 40)
    io_.line("word " * 40)
    assert out.getvalue().count("\n") == 2


def test_colour_is_forced_into_a_pipe_everywhere() -> None:
    out = io.StringIO()
    io_ = terminal({"CLICOLOR_FORCE": "1"}, out)
    io_.table([Column("ID", style="bold"), Column("TITLE")], [["1", "Printer"]])
    io_.line("Opened", "bold")
    io_.note("Hint", "dim")
    assert out.getvalue() == (
        "\x1b[1m1\x1b[0m\tPrinter\n\x1b[1mOpened\x1b[0m\n\x1b[2mHint\x1b[0m\n"
    )


@pytest.mark.parametrize(
    "environment", [{}, {"CLICOLOR_FORCE": "0"}, {"NO_COLOR": "1", "CLICOLOR_FORCE": "1"}]
)
def test_no_colour_goes_into_a_pipe_unasked(environment: dict[str, str]) -> None:
    out = io.StringIO()
    terminal(environment, out).line("Opened", "bold")
    assert out.getvalue() == "Opened\n"


@pytest.mark.parametrize(
    ("environment", "does"),
    [
        ({"TERM": "xterm-256color"}, True),
        ({"TERM": "xterm-256color", "XTERM_VERSION": "XTerm(390)"}, False),
        ({"TERM": "screen", "STY": "1.pts-0"}, False),
        ({"TERM": "tmux-256color", "STY": "1.pts-0", "TMUX": "socket,1,0"}, True),
    ],
)
def test_which_terminals_reflow(environment: dict[str, str], *, does: bool) -> None:
    assert terminal(environment).reflows is does


@pytest.mark.parametrize(
    ("environment", "does"),
    [
        ({"TERM": "xterm-256color"}, True),
        ({"TERM": "xterm-kitty"}, True),
        ({"TERM": "xterm-256color", "TERM_PROGRAM": "Apple_Terminal"}, False),
        ({"TERM": "xterm-256color", "TMUX": "socket,1,0"}, False),
        ({"TERM": "screen"}, False),
        ({"TERM": "linux"}, False),
        ({}, False),
    ],
)
def test_which_terminals_open_links(environment: dict[str, str], *, does: bool) -> None:
    assert terminal(environment).opens_links is does
