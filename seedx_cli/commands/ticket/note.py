"""seedx ticket note: add a note that only staff see."""

from __future__ import annotations

from dataclasses import dataclass

import typer

from seedx_cli.context import Context
from seedx_cli.parsing.arguments import Body, File, Number, Recover
from seedx_cli.parsing.command import Command, command_app, context_of
from seedx_cli.tickets.texts import Source
from seedx_cli.tickets.writing import add_message


@dataclass(frozen=True)
class NoteOptions:
    """Which ticket the note belongs to, and where the text comes from."""

    number: int
    source: Source


def run(options: NoteOptions, context: Context) -> None:
    """Add the note."""
    add_message(options.number, options.source, context, "note")


app = command_app()


@app.command(
    "note",
    cls=Command,
    epilog="""
    seedx ticket note 42 -b "Waiting for the vendor."
    seedx ticket note 42 -F findings.md
    """,
)
def note(
    typer_context: typer.Context,
    number: Number,
    *,
    body: Body = None,
    file: File = None,
    recover: Recover = None,
) -> None:
    """Add a note that only staff see."""
    run(NoteOptions(number, Source(body, file, recover)), context_of(typer_context))
