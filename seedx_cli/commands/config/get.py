"""seedx config get: show one setting."""

from __future__ import annotations

from dataclasses import dataclass

import typer

from seedx_cli.config import check_key
from seedx_cli.context import Context
from seedx_cli.errors import SeedXError
from seedx_cli.parsing.arguments import Key
from seedx_cli.parsing.command import Command, command_app, context_of
from seedx_cli.terminal.safe_text import safe_line


@dataclass(frozen=True)
class GetOptions:
    """Which setting to show."""

    key: str


def run(options: GetOptions, context: Context) -> None:
    """Show the setting."""
    key = options.key
    check_key(key)
    value = context.config.get(key)
    if context.io.json:
        context.io.document({key: value})
    elif value is None:
        raise SeedXError(f"{key} is not set", hint=f"Set it: seedx config set {key} VALUE")
    else:
        context.io.line(safe_line(value))


app = command_app()


@app.command(
    "get",
    cls=Command,
    epilog="""
    seedx config get server
    seedx config get server --profile work
    """,
)
def get(typer_context: typer.Context, key: Key) -> None:
    """Show one setting."""
    run(GetOptions(key), context_of(typer_context))
