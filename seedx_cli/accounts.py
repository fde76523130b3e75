"""Signing in: what `signup`, `login` and `whoami` share."""

from __future__ import annotations

from typing import TYPE_CHECKING

from seedx_cli.client.session import StoredSession
from seedx_cli.config import is_this_machine
from seedx_cli.errors import UsageError
from seedx_cli.terminal.prompts import ask_password
from seedx_cli.terminal.safe_text import safe_line

if TYPE_CHECKING:
    from seedx_cli.client.documents import User
    from seedx_cli.client.session import Tokens
    from seedx_cli.context import Context

_KEPT_IN = {
    "file": "in a file that only you can read",
    "keyring": "in the system's keyring",
    "memory": "nowhere",
}


def stored_session(context: Context) -> StoredSession:
    """Return where the tokens of a sign-in are kept.

    Raises:
        UsageError: `SEEDX_TOKEN` would take precedence over them.
    """
    session = context.session
    if not isinstance(session, StoredSession):
        raise UsageError(
            "SEEDX_TOKEN is set, so signing in would have no effect", hint="unset SEEDX_TOKEN"
        )
    return session


def read_password(context: Context, *, from_stdin: bool, is_new: bool = False) -> str:
    """Ask for a password, or read it from standard input.

    Args:
        context: What the command works with.
        from_stdin: Whether to read it instead of asking.
        is_new: Whether it is typed for the first time, so that it must be typed twice.
    """
    server = context.config.server.value
    if server.startswith("http:") and not is_this_machine(server):
        context.io.warn(f"Your password goes to {server} unencrypted.")
    if not from_stdin:
        return ask_password(context.io, repeat=is_new)
    try:
        return context.io.read_input().decode().removesuffix("\n").removesuffix("\r")
    except UnicodeDecodeError as error:
        raise UsageError("The password on standard input is not in UTF-8") from error


def show_signed_in(user: User, session: StoredSession, context: Context) -> None:
    """Show who signed in where, and remember the server that the command line named."""
    _remember_server(context)
    if context.io.json:
        context.io.document(user)
        return
    tokens = session.tokens()
    where = f"; the token is kept {kept_where(tokens, context)}" if tokens else ""
    server = context.config.server.value
    context.io.line(safe_line(f"Signed in to {server} as {user['name']} ({user['role']})"))
    context.io.note(f"{user['email']}{where}.")


def kept_where(tokens: Tokens, context: Context) -> str:
    """Return where a session's long-lived token is kept, in words."""
    session = context.session
    words = _KEPT_IN.get(tokens.kept_in, f"in {tokens.kept_in}")
    if tokens.kept_in == "file" and isinstance(session, StoredSession):
        return f"{words}, {session.file}"
    return words


def _remember_server(context: Context) -> None:
    """Make a server named on the command line the profile's own, if it has none yet."""
    config = context.config
    if context.shared.server and config.get("server") is None:
        config.set("server", config.server.value)
        context.io.note(
            f"{config.server.value} is now the server of profile {config.profile.value}."
        )
