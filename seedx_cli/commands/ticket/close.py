"""seedx ticket close: close a ticket."""

from __future__ import annotations

from dataclasses import dataclass

import typer

from seedx_cli.context import Context
from seedx_cli.parsing.arguments import Number
from seedx_cli.parsing.command import Command, command_app, context_of
from seedx_cli.tickets.changing import change


@dataclass(frozen=True)
class CloseOptions:
    """Which ticket to close."""

    number: int


def run(options: CloseOptions, context: Context) -> None:
    """Close the ticket."""
    change(options.number, {"status": "closed"}, context)


app = command_app()


@app.command(
    "close",
    cls=Command,
    epilog="""
    seedx ticket close 42
    seedx ticket close 42 --json
    """,
)
def close(typer_context: typer.Context, number: Number) -> None:
    """Close a ticket."""
    run(CloseOptions(number), context_of(typer_context))
