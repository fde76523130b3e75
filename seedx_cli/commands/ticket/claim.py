"""seedx ticket claim: claim the most urgent ticket of the queue."""

from __future__ import annotations

import typer

from seedx_cli.context import Context
from seedx_cli.parsing.command import Command, command_app, context_of
from seedx_cli.tickets.changing import show_facts


def run(context: Context) -> None:
    """Claim the most urgent of the open tickets that are assigned to nobody."""
    ticket = context.api.tickets.claim()
    if ticket is not None:
        show_facts(ticket, context)
    elif context.io.json:
        context.io.document(None)
    else:
        context.io.note("No open ticket is waiting for an assignee.")


app = command_app()


@app.command(
    "claim",
    cls=Command,
    epilog="""
    seedx ticket claim
    seedx ticket claim --json | jq .id
    """,
)
def claim(typer_context: typer.Context) -> None:
    """Claim the most urgent ticket of the queue.

    The queue is the open tickets that are assigned to nobody; the ticket becomes yours.
    """
    run(context_of(typer_context))
