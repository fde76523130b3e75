"""A ticket as text: every row fits the terminal, and no word is cut."""

import io
from datetime import UTC, datetime

from seedx_cli.client.documents import Message, Ticket
from seedx_cli.terminal.terminal import Terminal
from seedx_cli.tickets.conversation import for_pipe, for_terminal
from tests.seedx_cli.screen_file import ScreenFile

NOW = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)
MESSAGE: Message = {
    "id": 1,
    "ticket_id": 1,
    "author": None,
    "content": "Look at the log of the seedx/server, then restart it. [1]",
    "is_ai": True,
    "internal": False,
    "citations": [{"number": 1, "slug": "restart", "title": "How to restart the server by hand"}],
    "created_at": "2026-11-25T11:00:00Z",
}
TICKET: Ticket = {
    "id": 1,
    "title": "The export of the seedx/server stops",
    "description": "It says that the seedx/server does not respond any more.",
    "status": "open",
    "priority": "normal",
    "tags": ["export", "seedx/server"],
    "requester": {"id": 2, "name": "Ada"},
    "assignee": {"id": 3, "name": "Kim"},
    "created_at": "2026-11-25T11:00:00Z",
    "updated_at": "2026-11-25T11:00:00Z",
    "version": 1,
    "messages": [MESSAGE],
}


class NarrowTerminal(Terminal):
    """A terminal without colour."""

    size = (24, 24)

    def __init__(self) -> None:
        screen = ScreenFile()
        super().__init__(io.StringIO(), screen, screen, environment={"NO_COLOR": "1"})


def pipe(**environment: str) -> Terminal:
    return Terminal(io.StringIO(), io.StringIO(), io.StringIO(), environment=environment)


def test_no_row_is_wider_than_the_terminal_and_no_word_is_cut() -> None:
    rows = for_terminal(TICKET, NarrowTerminal(), NOW).splitlines()
    command = "  seedx kb show restart"
    assert max(len(row) for row in rows) <= 24
    assert command in rows
    assert sum(row.count("seedx/server") for row in rows) == 4


def test_a_pipe_gets_colour_only_where_it_is_forced() -> None:
    assert "\x1b" not in for_pipe(TICKET, pipe())
    forced = for_pipe(TICKET, pipe(CLICOLOR_FORCE="1"))
    assert "status:\t\x1b[32mopen\x1b[0m\n" in forced
    assert "\x1b[1m-- 1\tSeedX AI" in forced
