"""What a person sees while an AI run is followed to its end."""

import io
from collections.abc import Iterator

import pytest

from seedx_cli.client.sse import Event
from seedx_cli.terminal.terminal import Terminal
from seedx_cli.tickets.streaming import follow
from tests.seedx_cli.screen_file import ScreenFile
from tests.seedx_cli.tickets.runs import context_on, events


def test_a_cut_is_told_below_the_text_which_then_goes_on_in_its_place() -> None:
    screen, seen = ScreenFile(), []
    terminal = Terminal(
        io.StringIO(),
        screen,
        screen,
        environment={"TERM": "xterm-256color"},
        sleep=lambda _: seen.append(screen.rows),
    )

    def cut_run() -> Iterator[Event]:
        run = events("Pull the ", "plug.")
        yield next(run)
        yield next(run)
        terminal.wait(5, "Connection lost")
        yield from run

    follow(cut_run(), context_on(terminal), go_on="seedx ai 1")
    assert seen[0] == ["Pull the", "Connection lost; trying again in 5 s"]
    assert screen.rows == ["Pull the plug."]


def told(run: Iterator[Event], go_on: str | None = "seedx ai 1") -> str:
    """What is told beside the text of a run."""
    err = io.StringIO()
    terminal = Terminal(io.StringIO(), io.StringIO(), err, environment={})
    try:
        follow(run, context_on(terminal), go_on=go_on)
    except KeyboardInterrupt:
        err.write("interrupted\n")
    return err.getvalue()


def test_a_question_that_is_not_answered_leads_to_a_ticket() -> None:
    run = events("I found nothing.", purpose="ask", handoff="missing_knowledge")
    assert told(run) == (
        "Not answered: the knowledge base does not answer this; open a ticket to ask a person.\n"
    )


def test_a_ticket_is_handed_to_a_person() -> None:
    run = events("I found nothing.", handoff="policy")
    assert told(run) == "Handed to a person: this is for a person to decide\n"


def interrupted() -> Iterator[Event]:
    yield from events("Pull the ")
    raise KeyboardInterrupt


@pytest.mark.parametrize(
    ("go_on", "hint"),
    [("seedx ai 1", "The AI goes on writing. See the text: seedx ai 1\n"), (None, "")],
)
def test_an_interrupt_names_the_command_that_shows_the_text_if_there_is_one(
    go_on: str | None, hint: str
) -> None:
    assert told(interrupted(), go_on) == f"\nStopped reading.\n{hint}interrupted\n"
