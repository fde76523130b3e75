"""Tickets: open, read, answer, follow and work on them."""

import typer

from seedx_cli.parsing.lazy import Entry, LazyGroup

_HERE = "seedx_cli.commands.ticket"


class TicketGroup(LazyGroup):
    """The commands on tickets."""

    entries = {  # noqa: RUF012  # the base class declares it a ClassVar
        "new": Entry(f"{_HERE}.write", "Open a ticket."),
        "list": Entry(f"{_HERE}.read", "List tickets, the newest activity first."),
        "show": Entry(f"{_HERE}.read", "Show a ticket and its conversation."),
        "reply": Entry(f"{_HERE}.write", "Add a message; whoever sees the ticket sees it."),
        "watch": Entry(f"{_HERE}.follow", "Show what happens on a ticket as it happens."),
        "close": Entry(f"{_HERE}.change", "Close a ticket."),
        "reopen": Entry(f"{_HERE}.change", "Open a ticket again."),
        "claim": Entry(f"{_HERE}.change", "Take the most urgent ticket.", "Staff"),
        "assign": Entry(f"{_HERE}.change", "Give a ticket to somebody.", "Staff"),
        "note": Entry(f"{_HERE}.write", "Add a note that staff alone see.", "Staff"),
        "edit": Entry(f"{_HERE}.change", "Change status, priority, title or tags.", "Staff"),
    }


app = typer.Typer(
    cls=TicketGroup,
    help="Open tickets, read them, answer them.",
    rich_markup_mode=None,
    add_completion=False,
)
