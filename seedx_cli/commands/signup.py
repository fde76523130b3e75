"""seedx signup: create an account and sign in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import typer

from seedx_cli.accounts import read_password, show_signed_in, stored_session
from seedx_cli.context import Context
from seedx_cli.parsing.arguments import Email, PasswordFromInput
from seedx_cli.parsing.command import Command, command_app, context_of
from seedx_cli.terminal.prompts import ask


@dataclass(frozen=True)
class SignupOptions:
    """Whose account it is; the person is asked for what is missing."""

    name: str | None
    email: str | None
    password_stdin: bool


def run(options: SignupOptions, context: Context) -> None:
    """Create the account and sign in to it."""
    io, session = context.io, stored_session(context)
    name = options.name or ask(io, "Name", "--name")
    email = options.email or ask(io, "E-mail", "--email")
    password = read_password(context, from_stdin=options.password_stdin, is_new=True)
    context.api.auth.signup(name, email, password)
    show_signed_in(context.api.auth.login(email, password), session, context)


app = command_app()


@app.command(
    "signup",
    cls=Command,
    epilog="""
    seedx signup
    pass show seedx | seedx signup --name Ada --email ada@example.com --password-stdin
    """,
)
def signup(
    typer_context: typer.Context,
    name: Annotated[
        str | None, typer.Option("--name", metavar="NAME", help="The name that others see.")
    ] = None,
    email: Email = None,
    password_stdin: PasswordFromInput = False,
) -> None:
    """Create an account and sign in.

    A password must have at least 10 characters.
    """
    run(SignupOptions(name, email, password_stdin), context_of(typer_context))
