"""seedx user list: list all accounts."""

from __future__ import annotations

import typer

from seedx_cli.context import Context
from seedx_cli.parsing.command import Command, command_app, context_of
from seedx_cli.terminal.tables import Column


def run(context: Context) -> None:
    """List all accounts."""
    users = list(context.api.users.all())
    io = context.io
    if io.json:
        io.document({"items": users, "next_cursor": None})
        return
    columns = [
        Column("ID", style="bold", right=True),
        Column("ROLE"),
        Column("NAME", flexible=True, optional=True),
        Column("E-MAIL", flexible=True),
        Column("STATE", optional=True),
        Column("SINCE", optional=True),
    ]
    rows = [
        [
            str(user["id"]),
            user["role"],
            user["name"],
            user["email"],
            "disabled" if user.get("disabled") else "",
            io.time(user["created_at"], context.now()),
        ]
        for user in users
    ]
    io.table(columns, rows)


app = command_app()


@app.command(
    "list",
    cls=Command,
    epilog="""
    seedx user list
    seedx user list | grep admin
    """,
)
def list_(typer_context: typer.Context) -> None:
    """List all accounts (admins)."""
    run(context_of(typer_context))
