"""seedx ticket reply: add a message to a ticket."""

from __future__ import annotations

from dataclasses import dataclass

import typer

from seedx_cli.context import Context
from seedx_cli.parsing.arguments import Body, File, Number, Recover
from seedx_cli.parsing.command import Command, command_app, context_of
from seedx_cli.tickets.texts import Source
from seedx_cli.tickets.writing import add_message


@dataclass(frozen=True)
class ReplyOptions:
    """Which ticket to reply to, and where the text comes from."""

    number: int
    source: Source


def run(options: ReplyOptions, context: Context) -> None:
    """Add the message."""
    add_message(options.number, options.source, context, "reply")


app = command_app()


@app.command(
    "reply",
    cls=Command,
    epilog="""
    seedx ticket reply 42 -b "It works now, thank you."
    seedx ticket reply 42 -F answer.md
    """,
)
def reply(
    typer_context: typer.Context,
    number: Number,
    *,
    body: Body = None,
    file: File = None,
    recover: Recover = None,
) -> None:
    """Add a message that everyone on the ticket can see."""
    run(ReplyOptions(number, Source(body, file, recover)), context_of(typer_context))
