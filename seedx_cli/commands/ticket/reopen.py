"""seedx ticket reopen: reopen a ticket."""

from __future__ import annotations

from dataclasses import dataclass

import typer

from seedx_cli.context import Context
from seedx_cli.parsing.arguments import Number
from seedx_cli.parsing.command import Command, command_app, context_of
from seedx_cli.tickets.changing import change


@dataclass(frozen=True)
class ReopenOptions:
    """Which ticket to reopen."""

    number: int


def run(options: ReopenOptions, context: Context) -> None:
    """Reopen the ticket."""
    change(options.number, {"status": "open"}, context)


app = command_app()


@app.command(
    "reopen",
    cls=Command,
    epilog="""
    seedx ticket reopen 42
    seedx ticket reopen 42 --json
    """,
)
def reopen(typer_context: typer.Context, number: Number) -> None:
    """Reopen a ticket."""
    run(ReopenOptions(number), context_of(typer_context))
