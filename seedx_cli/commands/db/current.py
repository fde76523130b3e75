"""seedx db current: show the database's revision."""

from __future__ import annotations

import typer

from seedx_cli.context import Context
from seedx_cli.local.entry import entry
from seedx_cli.parsing.command import LocalCommand, command_app, context_of


def run(context: Context) -> None:
    """Show the revision."""
    with entry() as server:
        revision = server.db_current()
    if context.io.json:
        context.io.document({"revision": revision})
    else:
        context.io.line(revision)


app = command_app()


@app.command(
    "current",
    cls=LocalCommand,
    epilog="""
    seedx db current
    seedx db current --json
    """,
)
def current(typer_context: typer.Context) -> None:
    """Show the database's revision."""
    run(context_of(typer_context))
