"""seedx ticket show: show a ticket and its conversation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from seedx_cli.context import Context
from seedx_cli.parsing.arguments import Number
from seedx_cli.parsing.command import Command, command_app, context_of
from seedx_cli.tickets.conversation import for_pipe, for_terminal

if TYPE_CHECKING:
    from seedx_cli.client.documents import Ticket


@dataclass(frozen=True)
class ShowOptions:
    """Which ticket to show, and whether to watch it afterwards."""

    number: int
    watch: bool = False


def run(options: ShowOptions, context: Context) -> None:
    """Show the ticket."""
    if options.watch:
        from seedx_cli.tickets.watching import Watcher

        watcher = Watcher(options.number, context)
        _show_without_pager(watcher.begin(), context)
        watcher.run()
    else:
        _show(context.api.tickets.show(options.number), context)


app = command_app()


@app.command(
    "show",
    cls=Command,
    epilog="""
    seedx ticket show 42
    seedx ticket show 42 --watch
    """,
)
def show(
    typer_context: typer.Context,
    number: Number,
    *,
    watch: Annotated[
        bool, typer.Option("--watch", "-w", help="Then follow the ticket live.")
    ] = False,
) -> None:
    """Show a ticket and its conversation."""
    run(ShowOptions(number, watch), context_of(typer_context))


def _show(ticket: Ticket, context: Context) -> None:
    io = context.io
    if io.json:
        io.document(ticket)
    elif io.is_terminal:
        io.page(for_terminal(ticket, io, context.now()), context.config.pager)
    else:
        io.stdout.write(for_pipe(ticket, io))


def _show_without_pager(ticket: Ticket, context: Context) -> None:
    """Show a ticket before what happens on it follows, so without a pager."""
    io = context.io
    if io.json:
        io.record({"event": "ticket", "id": None, "data": ticket})
    elif io.is_terminal:
        io.stdout.write(for_terminal(ticket, io, context.now()))
    else:
        io.stdout.write(for_pipe(ticket, io))
