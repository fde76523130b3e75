"""seedx config unset: remove a setting."""

from __future__ import annotations

from dataclasses import dataclass

import typer

from seedx_cli.context import Context
from seedx_cli.parsing.arguments import Key
from seedx_cli.parsing.command import Command, command_app, context_of


@dataclass(frozen=True)
class UnsetOptions:
    """Which setting to remove."""

    key: str


def run(options: UnsetOptions, context: Context) -> None:
    """Remove the setting."""
    context.config.set(options.key, None)
    if context.io.json:
        context.io.document({options.key: None})


app = command_app()


@app.command(
    "unset",
    cls=Command,
    epilog="""
    seedx config unset pager
    seedx config unset server --profile work
    """,
)
def unset(typer_context: typer.Context, key: Key) -> None:
    """Remove a setting."""
    run(UnsetOptions(key), context_of(typer_context))
