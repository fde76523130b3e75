"""Changing a ticket, for `ticket close`, `edit`, `assign` and others."""

from __future__ import annotations

from typing import TYPE_CHECKING

from seedx_cli.terminal.safe_text import safe_line

if TYPE_CHECKING:
    from seedx_cli.client.documents import Ticket, TicketChanges
    from seedx_cli.context import Context


def change(number: int, changes: TicketChanges, context: Context) -> None:
    """Change a ticket and show the result."""
    show_facts(context.api.tickets.edit(number, changes), context)


def show_facts(ticket: Ticket, context: Context) -> None:
    """Show a ticket in one line, or its document."""
    io = context.io
    if io.json:
        io.document(ticket)
        return
    assignee = ticket["assignee"]
    held = f", assigned to {assignee['name']}" if assignee else ""
    facts = f"{ticket['status']}, {ticket['priority']} priority{held}"
    io.line(f"#{ticket['id']} {safe_line(ticket['title'])}: {safe_line(facts)}")
