"""Accounts and sessions: signup, login, logout, whoami."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated

import typer

from seedx_cli.client.documents import User
from seedx_cli.client.session import StoredSession, Tokens
from seedx_cli.config import is_this_machine
from seedx_cli.context import Context
from seedx_cli.errors import SignedOutError, UsageError
from seedx_cli.parsing.command import Command, command_group, context_of
from seedx_cli.terminal.prompts import ask, ask_password
from seedx_cli.terminal.safe_text import safe_line
from seedx_cli.tickets.recent import forget

app = command_group("Accounts and sessions.")

Email = Annotated[str | None, typer.Option("--email", help="Your e-mail address.")]
PasswordFromInput = Annotated[
    bool, typer.Option("--password-stdin", help="Read the password from standard input.")
]

_KEPT_IN = {
    "file": "in a file that only you can read",
    "keyring": "in the system's keyring",
    "memory": "nowhere",
}


@dataclass(frozen=True)
class SignInOptions:
    """Who signs in, and for `signup` under which name."""

    email: str | None
    password_stdin: bool
    name: str | None = None


def run_signup(options: SignInOptions, context: Context) -> None:
    """Make an account and sign in to it."""
    io, session = context.io, _storage(context)
    name = options.name or ask(io, "Name", "--name")
    email = options.email or ask(io, "E-mail", "--email")
    password = _password(options, context, repeat=True)
    api = context.api
    api.auth.signup(name, email, password)
    _signed_in(api.auth.login(email, password), session, context)


def run_login(options: SignInOptions, context: Context) -> None:
    """Sign in and keep the tokens for this server and profile."""
    io, session = context.io, _storage(context)
    email = options.email or context.config.get("email") or ask(io, "E-mail", "--email")
    password = _password(options, context, repeat=False)
    _signed_in(context.api.auth.login(email, password), session, context)


def run_logout(context: Context) -> None:
    """End the session on the server and here; here even when the server does not answer."""
    session = context.session
    server = context.config.server.value
    if session.tokens() is None:
        context.io.note(f"You were not signed in to {server}.")
        _tell_signed_out(context, was_signed_in=False)
        return
    try:
        context.api.auth.logout()
    except SignedOutError:
        context.io.note("The session had ended already.")
    finally:
        session.end()
        forget(context)
    context.io.note(f"Signed out of {server}.")
    _tell_signed_out(context, was_signed_in=True)


def run_whoami(context: Context) -> None:
    """Show who is signed in where, and where the token is kept and until when."""
    user = context.api.auth.me()
    tokens = context.session.tokens()
    assert tokens is not None  # noqa: S101  # or the server would not have said who it is
    config, io = context.config, context.io
    until = _time(tokens.expires_at)
    if io.json:
        token = {"kept_in": tokens.kept_in, "expires_at": until}
        profile = config.profile.value
        io.document({**user, "server": config.server.value, "profile": profile, "token": token})
        return
    rows = [
        ("server", f"{config.server.value}  ({config.server.source})"),
        ("profile", config.profile.value),
        ("user", f"{user['name']} <{user['email']}>"),
        ("role", user["role"]),
        ("token", _where(tokens, context)),
    ]
    if until:
        rows.append(("good until", f"{io.until(until, context.now())}, renewed unasked"))
    for label, value in rows:
        io.line(f"{io.style(f'{label:<11}', 'dim')} {safe_line(value)}")


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
    name: Annotated[str | None, typer.Option("--name", help="How others see you.")] = None,
    email: Email = None,
    password_stdin: PasswordFromInput = False,
) -> None:
    """Make an account and sign in.

    A password has at least 10 characters.
    """
    run_signup(SignInOptions(email, password_stdin, name), context_of(typer_context))


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

    The session is kept for this server and profile, and renewed unasked.
    """
    run_login(SignInOptions(email, password_stdin), context_of(typer_context))


@app.command(
    "logout",
    cls=Command,
    epilog="""
    seedx logout
    seedx logout --server https://desk.example.com
    """,
)
def logout(typer_context: typer.Context) -> None:
    """End the session.

    It ends on the server too, at once.
    """
    run_logout(context_of(typer_context))


@app.command(
    "whoami",
    cls=Command,
    epilog="""
    seedx whoami
    seedx whoami --json
    """,
)
def whoami(typer_context: typer.Context) -> None:
    """Show server, user, role and where the token is kept.

    Also until when it is good.
    """
    run_whoami(context_of(typer_context))


def _storage(context: Context) -> StoredSession:
    """Where the tokens of a sign-in go; an environment that overrides them forbids it."""
    session = context.session
    if not isinstance(session, StoredSession):
        raise UsageError(
            "SEEDX_TOKEN is set, so a sign-in would have no effect", hint="unset SEEDX_TOKEN"
        )
    return session


def _password(options: SignInOptions, context: Context, *, repeat: bool) -> str:
    server = context.config.server.value
    if server.startswith("http:") and not is_this_machine(server):
        context.io.warn(f"Your password goes to {server} unencrypted.")
    if not options.password_stdin:
        return ask_password(context.io, repeat=repeat)
    try:
        return context.io.read_input().decode().removesuffix("\n").removesuffix("\r")
    except UnicodeDecodeError as error:
        raise UsageError("The password on standard input is not in UTF-8") from error


def _signed_in(user: User, session: StoredSession, context: Context) -> None:
    _remember_server(context)
    if context.io.json:
        context.io.document(user)
        return
    tokens = session.tokens()
    where = f"; the token is kept {_where(tokens, context)}" if tokens else ""
    server = context.config.server.value
    context.io.line(safe_line(f"Signed in to {server} as {user['name']} ({user['role']})"))
    context.io.note(f"{user['email']}{where}.")


def _tell_signed_out(context: Context, *, was_signed_in: bool) -> None:
    if context.io.json:
        server = context.config.server.value
        context.io.document({"server": server, "was_signed_in": was_signed_in})


def _remember_server(context: Context) -> None:
    """Let a server named on the command line be the profile's own, if it has none yet."""
    config = context.config
    if context.shared.server and config.get("server") is None:
        config.set("server", config.server.value)
        context.io.note(
            f"{config.server.value} is the server of profile {config.profile.value} now."
        )


def _where(tokens: Tokens, context: Context) -> str:
    session = context.session
    words = _KEPT_IN.get(tokens.kept_in, f"in {tokens.kept_in}")
    if tokens.kept_in == "file" and isinstance(session, StoredSession):
        return f"{words}, {session.file}"
    return words


def _time(seconds: float | None) -> str | None:
    """A time as the server writes it, None where it is none."""
    if seconds is None:
        return None
    try:
        return datetime.fromtimestamp(seconds, UTC).isoformat().replace("+00:00", "Z")
    except (OSError, OverflowError, ValueError):
        return None
