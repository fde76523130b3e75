"""seedx ticket watch: follow a ticket live."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import typer

from seedx_cli.context import Context
from seedx_cli.parsing.arguments import Number
from seedx_cli.parsing.command import Command, command_app, context_of
from seedx_cli.terminal.safe_text import safe_line
from seedx_cli.tickets.watching import SOLVED, Watcher


@dataclass(frozen=True)
class WatchOptions:
    """Which ticket to watch; with `exit_status` it ends once that is resolved or closed."""

    number: int
    exit_status: bool = False


def run(options: WatchOptions, context: Context) -> None:
    """Show messages, changes and AI text of the ticket as they happen."""
    watcher = Watcher(options.number, context)
    ticket = watcher.begin()
    if options.exit_status and ticket["status"] in SOLVED:
        return
    if not context.io.json:
        title, status = safe_line(ticket["title"]), safe_line(ticket["status"])
        context.io.note(f"Watching #{ticket['id']} {title} ({status}); Ctrl-C ends it.", "dim")
    watcher.run(until_solved=options.exit_status)


app = command_app()


@app.command(
    "watch",
    cls=Command,
    epilog="""
    seedx ticket watch 42
    seedx ticket watch 42 --exit-status && notify-send "Ticket 42 is solved"
    """,
)
def watch(
    typer_context: typer.Context,
    number: Number,
    exit_status: Annotated[
        bool, typer.Option("--exit-status", help="Exit with 0 once it is resolved or closed.")
    ] = False,
) -> None:
    """Follow a ticket live.

    Shows messages, changes, and the AI's text while it is written. Reconnects if the connection
    breaks. With --json each event is one line.
    """
    run(WatchOptions(number, exit_status), context_of(typer_context))
