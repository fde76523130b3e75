"""The client's settings: config get, set, unset and list."""

from __future__ import annotations

from typing import Annotated

import typer

from seedx_cli.config import GENERAL_KEYS, PROFILE_KEYS, check_key
from seedx_cli.context import Context
from seedx_cli.errors import SeedXError
from seedx_cli.parsing.command import Command, command_group, context_of
from seedx_cli.terminal.safe_text import safe_line
from seedx_cli.terminal.tables import Column

app = command_group("Read and change settings.")

Key = Annotated[
    str, typer.Argument(metavar="KEY", help=f"{', '.join((*PROFILE_KEYS, *GENERAL_KEYS))}.")
]


def run_get(key: str, context: Context) -> None:
    """Show one setting."""
    check_key(key)
    value = context.config.get(key)
    if context.io.json:
        context.io.document({key: value})
    elif value is None:
        raise SeedXError(f"{key} is not set", hint=f"Set it: seedx config set {key} VALUE")
    else:
        context.io.line(safe_line(value))


def run_set(key: str, value: str | None, context: Context) -> None:
    """Keep a setting, or forget it."""
    context.config.set(key, value)
    if context.io.json:
        context.io.document({key: context.config.get(key)})


def run_list(context: Context) -> None:
    """Show every setting of the profile in use."""
    config, io = context.config, context.io
    values = {key: config.get(key) for key in (*PROFILE_KEYS, *GENERAL_KEYS)}
    if io.json:
        io.document(values)
        return
    io.table(
        [Column("SETTING"), Column("VALUE")], [[key, value or ""] for key, value in values.items()]
    )
    io.note(f"Profile {config.profile.value}, in {config.file}.", "dim")


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
    run_get(key, context_of(typer_context))


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
    """Keep a setting; server and email belong to the profile in use."""
    run_set(key, value, context_of(typer_context))


@app.command(
    "unset",
    cls=Command,
    epilog="""
    seedx config unset pager
    seedx config unset server --profile work
    """,
)
def unset(typer_context: typer.Context, key: Key) -> None:
    """Forget a setting."""
    run_set(key, None, context_of(typer_context))


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
    run_list(context_of(typer_context))
