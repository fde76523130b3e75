"""seedx config list: show every setting of the profile in use."""

from __future__ import annotations

import typer

from seedx_cli.config import SETTINGS
from seedx_cli.context import Context
from seedx_cli.parsing.command import Command, command_app, context_of
from seedx_cli.terminal.tables import Column


def run(context: Context) -> None:
    """Show the settings."""
    config, io = context.config, context.io
    values = {key: config.get(key) for key in SETTINGS}
    if io.json:
        io.document(values)
        return
    rows = [[key, value or ""] for key, value in values.items()]
    io.table([Column("SETTING"), Column("VALUE")], rows)
    io.note(f"Profile {config.profile.value}, in {config.file}.", "dim")


app = command_app()


@app.command(
    "list",
    cls=Command,
    epilog="""
    seedx config list
    seedx config list --profile work --json
    """,
)
def list_(typer_context: typer.Context) -> None:
    """Show every setting of the profile in use."""
    run(context_of(typer_context))
