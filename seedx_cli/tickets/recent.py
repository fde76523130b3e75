"""The tickets that were listed last, kept for completion in the shell."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from seedx_cli.config import write_private
from seedx_cli.paths import recent_file
from seedx_cli.terminal.safe_text import safe_line

if TYPE_CHECKING:
    from seedx_cli.client.documents import Ticket
    from seedx_cli.context import Context


def remember(tickets: Iterable[Ticket], context: Context) -> None:
    """Keep the numbers and titles of tickets that a person has just seen on a terminal."""
    lines = [f"{ticket['id']}\t{safe_line(ticket['title'])}\n" for ticket in tickets]
    if lines and context.io.is_terminal:
        # Completion is a convenience: it must not fail the command that shows the tickets.
        with suppress(OSError):
            write_private(Path(recent_file(context.environment)), "".join(lines))


def forget(context: Context) -> None:
    """Remove what `remember` kept."""
    Path(recent_file(context.environment)).unlink(missing_ok=True)
