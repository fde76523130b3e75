"""seedx logout: sign out."""

from __future__ import annotations

import typer

from seedx_cli.context import Context
from seedx_cli.errors import SignedOutError
from seedx_cli.parsing.command import Command, command_app, context_of
from seedx_cli.tickets.recent import forget


def run(context: Context) -> None:
    """End the session on the server and here, even if the server cannot be reached."""
    session, io, server = context.session, context.io, context.config.server.value
    was_signed_in = session.tokens() is not None
    if not was_signed_in:
        io.note(f"You were not signed in to {server}.")
    else:
        try:
            context.api.auth.logout()
        except SignedOutError:
            io.note("The session had already ended.")
        finally:
            session.end()
            forget(context)
        io.note(f"Signed out of {server}.")
    if io.json:
        io.document({"server": server, "was_signed_in": was_signed_in})


app = command_app()


@app.command(
    "logout",
    cls=Command,
    epilog="""
    seedx logout
    seedx logout --server https://desk.example.com
    """,
)
def logout(typer_context: typer.Context) -> None:
    """Sign out.

    The session ends on the server too, at once.
    """
    run(context_of(typer_context))
