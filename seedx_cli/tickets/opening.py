"""Opening a ticket, for `ticket new` and `ask`."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING

from seedx_cli.terminal.safe_text import safe_line
from seedx_cli.tickets.texts import Source, keep_until_sent

if TYPE_CHECKING:
    from seedx_cli.client.documents import Priority, Ticket
    from seedx_cli.context import Context


@dataclass(frozen=True)
class NewTicket:
    """A ticket to open.

    Attributes:
        title: The title, in one line.
        description: The problem, in Markdown.
        source: Where the text came from.
        priority: Its priority; the server's default if None.
        tags: Its tags.
        ai: Whether the AI replies at once.
    """

    title: str
    description: str
    source: Source
    priority: Priority | None = None
    tags: tuple[str, ...] = ()
    ai: bool = False


def open_ticket(new: NewTicket, context: Context) -> Ticket:
    """Open a ticket; its text is kept if that fails."""
    text = f"{new.title}\n\n{new.description}"
    command = command_to_open(new.priority, new.tags, ai=new.ai)
    with keep_until_sent(context, text, command, new.source) as unsent:
        return context.api.tickets.new(
            new.title, new.description, priority=new.priority, tags=new.tags, key=unsent.key
        )


def command_to_open(priority: str | None, tags: tuple[str, ...], *, ai: bool) -> str:
    """Return the command that opens a ticket with these options, without its text."""
    options = [
        *(["--priority", priority] if priority else []),
        *(word for tag in tags for word in ("--tag", tag)),
        *(["--ai"] if ai else []),
    ]
    return shlex.join(["seedx", "ticket", "new", *options])


def show_opened(ticket: Ticket, context: Context, *, as_event: bool) -> None:
    """Show a ticket that was just opened.

    Args:
        ticket: The ticket.
        context: What the command works with.
        as_event: Whether ``--json`` prints a stream, in which the ticket is one event.
    """
    io = context.io
    if io.json and as_event:
        io.record({"event": "ticket", "id": None, "data": ticket})
    elif io.json:
        io.document(ticket)
    elif io.is_terminal:
        number = io.style(f"#{ticket['id']}", "bold")
        io.line(f"Opened ticket {number}: {safe_line(ticket['title'])}")
    else:
        io.line(str(ticket["id"]))


def suggest_next(ticket: Ticket, context: Context) -> None:
    """Tell a person at a terminal what can be done with a new ticket."""
    if context.io.is_terminal and not context.io.json:
        number = ticket["id"]
        hint = f"Ask the AI: seedx ai {number}\nLook at it: seedx ticket show {number}"
        context.io.note(context.shared.add_to_commands(hint), "dim")
