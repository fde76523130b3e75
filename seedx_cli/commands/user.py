"""Accounts, for those who run the desk: user list and role."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, cast

import typer

from seedx_cli.client.documents import User
from seedx_cli.commands.ticket.change import find_user
from seedx_cli.config import is_this_machine
from seedx_cli.context import Context
from seedx_cli.parsing.arguments import Role
from seedx_cli.parsing.command import Command, command_group, context_of
from seedx_cli.terminal.safe_text import safe_line
from seedx_cli.terminal.tables import Column

app = command_group("List accounts and give roles.")


@dataclass(frozen=True)
class RoleOptions:
    """Who gets which role; `local` goes straight to the database of this machine."""

    email: str
    role: str
    local: bool


def run_list(context: Context) -> None:
    """List every account."""
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


def run_role(options: RoleOptions, context: Context) -> None:
    """Give an account a role."""
    user = _on_this_machine(options) if options.local else _through_the_api(options, context)
    if context.io.json:
        context.io.document(user)
    else:
        context.io.line(safe_line(f"{user['email']} is {user['role']} now"))


@app.command(
    "list",
    cls=Command,
    epilog="""
    seedx user list
    seedx user list | grep admin
    """,
)
def list_(typer_context: typer.Context) -> None:
    """List every account (admins)."""
    run_list(context_of(typer_context))


@app.command(
    "role",
    cls=Command,
    epilog="""
    seedx user role ada@example.com admin
    seedx user role bob@example.com agent --server https://desk.example.com
    """,
)
def role(
    typer_context: typer.Context,
    email: Annotated[str, typer.Argument(metavar="EMAIL", help="Whose account.")],
    role: Role,
    local: Annotated[
        bool | None,
        typer.Option(
            "--local/--remote",
            help="Straight in the database of this machine, or through the server.",
            show_default="remote for a signed-in admin, else local",
        ),
    ] = None,
) -> None:
    """Give an account a role: customer, agent or admin.

    A signed-in admin asks the server. Everybody else works on the server's own machine, straight
    on the database: so the first admin is made.
    """
    context = context_of(typer_context)
    run_role(RoleOptions(email, role, _is_local(context) if local is None else local), context)


def _is_local(context: Context) -> bool:
    tokens = context.session.tokens()
    is_admin = tokens is not None and tokens.user is not None and tokens.user["role"] == "admin"
    return is_this_machine(context.config.server.value) and not is_admin


def _on_this_machine(options: RoleOptions) -> User:
    from seedx_cli.local.entry import entry

    with entry() as server:
        return cast("User", server.set_role(options.email, options.role))


def _through_the_api(options: RoleOptions, context: Context) -> User:
    user = find_user(options.email, context)
    return context.api.users.edit(user["id"], role=options.role)
