"""seedx whoami: show who is signed in where."""

from __future__ import annotations

from datetime import UTC, datetime

import typer

from seedx_cli.accounts import kept_where
from seedx_cli.context import Context
from seedx_cli.parsing.command import Command, command_app, context_of
from seedx_cli.terminal.safe_text import safe_line


def run(context: Context) -> None:
    """Show who is signed in where, where the token is kept, and when it expires."""
    user = context.api.auth.me()
    tokens = context.session.tokens()
    assert tokens is not None  # noqa: S101  # else `me` would have failed
    config, io = context.config, context.io
    until = _rfc3339(tokens.expires_at)
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
        ("token", kept_where(tokens, context)),
    ]
    if until:
        rows.append(("expires", f"{io.until(until, context.now())}, then renewed automatically"))
    for label, value in rows:
        io.line(f"{io.style(f'{label:<11}', 'dim')} {safe_line(value)}")


app = command_app()


@app.command(
    "whoami",
    cls=Command,
    epilog="""
    seedx whoami
    seedx whoami --json
    """,
)
def whoami(typer_context: typer.Context) -> None:
    """Show the server, the user, the role and where the token is kept.

    Also shows when the token expires.
    """
    run(context_of(typer_context))


def _rfc3339(seconds: float | None) -> str | None:
    """Return a time as the server writes it, None if there is none."""
    if seconds is None:
        return None
    try:
        return datetime.fromtimestamp(seconds, UTC).isoformat().replace("+00:00", "Z")
    except (OSError, OverflowError, ValueError):
        return None
