"""seedx login: sign in to a server."""

from __future__ import annotations

from dataclasses import dataclass

import typer

from seedx_cli.accounts import read_password, show_signed_in, stored_session
from seedx_cli.context import Context
from seedx_cli.parsing.arguments import Email, PasswordFromInput
from seedx_cli.parsing.command import Command, command_app, context_of
from seedx_cli.terminal.prompts import ask


@dataclass(frozen=True)
class LoginOptions:
    """Who signs in; the person is asked for what is missing."""

    email: str | None
    password_stdin: bool


def run(options: LoginOptions, context: Context) -> None:
    """Sign in and keep the tokens for this server and profile."""
    session = stored_session(context)
    email = options.email or context.config.get("email") or ask(context.io, "E-mail", "--email")
    password = read_password(context, from_stdin=options.password_stdin)
    show_signed_in(context.api.auth.login(email, password), session, context)


app = command_app()


@app.command(
    "login",
    cls=Command,
    epilog="""
    seedx login --email ada@example.com
    pass show desk | seedx login --server https://desk.example.com --email a@x.org --password-stdin
    """,
)
def login(
    typer_context: typer.Context,
    email: Email = None,
    password_stdin: PasswordFromInput = False,
) -> None:
    """Sign in to a server.

    The session is kept for this server and profile, and renewed automatically.
    """
    run(LoginOptions(email, password_stdin), context_of(typer_context))
