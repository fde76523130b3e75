"""seedx user role: give an account a role."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, cast

import typer

from seedx_cli.config import is_this_machine
from seedx_cli.context import Context
from seedx_cli.errors import NotFoundError
from seedx_cli.parsing.arguments import Role
from seedx_cli.parsing.command import Command, command_app, context_of, refuse_server
from seedx_cli.terminal.safe_text import safe_line

if TYPE_CHECKING:
    from seedx_cli.client.documents import User


@dataclass(frozen=True)
class RoleOptions:
    """Who gets which role.

    Attributes:
        email: Whose account it is.
        role: The role.
        local: Whether to write to this machine's database; None depends on who is signed in.
    """

    email: str
    role: str
    local: bool | None = None


def run(options: RoleOptions, context: Context) -> None:
    """Give the account the role."""
    if options.local:
        refuse_server(context.shared)
    is_local = _is_local(context) if options.local is None else options.local
    user = _on_this_machine(options) if is_local else _through_the_api(options, context)
    if context.io.json:
        context.io.document(user)
    else:
        context.io.line(safe_line(f"{user['email']} is now {user['role']}"))


app = command_app()


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
    email: Annotated[str, typer.Argument(metavar="EMAIL", help="The account's e-mail address.")],
    role: Role,
    local: Annotated[
        bool | None,
        typer.Option(
            "--local/--remote",
            help="Write to this machine's database directly, or go through the server.",
            show_default="remote for a signed-in admin, else local",
        ),
    ] = None,
) -> None:
    """Give an account a role: customer, agent or admin.

    A signed-in admin goes through the server. Anyone else runs this on the server's own machine,
    where it writes to the database directly: that is how a desk gets its first admin.
    """
    run(RoleOptions(email, role, local), context_of(typer_context))


def _is_local(context: Context) -> bool:
    tokens = context.session.tokens()
    is_admin = tokens is not None and tokens.user is not None and tokens.user["role"] == "admin"
    return is_this_machine(context.config.server.value) and not is_admin


def _on_this_machine(options: RoleOptions) -> User:
    from seedx_cli.local.entry import entry

    with entry() as server:
        return cast("User", server.set_role(options.email, options.role))


def _through_the_api(options: RoleOptions, context: Context) -> User:
    user = _find_user(options.email, context)
    return context.api.users.edit(user["id"], role=options.role)


def _find_user(email: str, context: Context) -> User:
    """Return the account with an e-mail address; upper and lower case make no difference."""
    for user in context.api.users.all():
        if user["email"].casefold() == email.casefold():
            return user
    raise NotFoundError(
        f"There is no account with the address {email}", hint="See all accounts: seedx user list"
    )
