"""seedx config set: save a setting."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import typer

from seedx_cli.context import Context
from seedx_cli.parsing.arguments import Key
from seedx_cli.parsing.command import Command, command_app, context_of


@dataclass(frozen=True)
class SetOptions:
    """Which setting to save."""

    key: str
    value: str


def run(options: SetOptions, context: Context) -> None:
    """Save the setting."""
    context.config.set(options.key, options.value)
    if context.io.json:
        context.io.document({options.key: context.config.get(options.key)})


app = command_app()


@app.command(
    "set",
    cls=Command,
    epilog="""
    seedx config set server https://desk.example.com --profile work
    seedx config set profile work
    """,
)
def set_(
    typer_context: typer.Context,
    key: Key,
    value: Annotated[str, typer.Argument(metavar="VALUE", help="Its value.")],
) -> None:
    """Save a setting; server and email belong to the profile in use."""
    run(SetOptions(key, value), context_of(typer_context))
