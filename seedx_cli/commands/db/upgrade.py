"""seedx db upgrade: upgrade the database to the newest revision."""

from __future__ import annotations

import typer

from seedx_cli.context import Context
from seedx_cli.local.entry import entry
from seedx_cli.parsing.command import LocalCommand, command_app, context_of


def run(context: Context) -> None:
    """Migrate the database and show its revision."""
    with entry() as server:
        revision = server.db_upgrade()
    if context.io.json:
        context.io.document({"revision": revision})
    else:
        context.io.line(revision)


app = command_app()


@app.command(
    "upgrade",
    cls=LocalCommand,
    epilog="""
    seedx db upgrade
    DATABASE_URL=postgresql://seedx@db/seedx seedx db upgrade
    """,
)
def upgrade(typer_context: typer.Context) -> None:
    """Upgrade the database to the newest revision; `serve` does so on its own."""
    run(context_of(typer_context))
